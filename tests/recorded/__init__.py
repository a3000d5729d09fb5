"""Rooms as releases have recorded them, which every later one must load to the same state."""
