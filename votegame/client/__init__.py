"""What clients in Python need: for now, how one folds what it is told into the room as it sees it."""
