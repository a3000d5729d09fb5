"""Bots that fill a table: guests who answer from a bank, and vote, so that one can try a game alone."""
