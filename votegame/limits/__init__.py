"""Limits: rates, admission, and which origins may speak to us."""
