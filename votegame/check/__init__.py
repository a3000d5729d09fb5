"""`votegame check`: proves a database, room by room."""

from votegame.check.command import DESCRIPTION, add_arguments, check, run

__all__ = ["DESCRIPTION", "add_arguments", "check", "run"]
