"""Postgres: the only place that knows the driver, and the memory twins of what it stores."""
