"""Questions: where a room's next one comes from, and when two of them are the same."""
