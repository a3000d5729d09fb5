"""Configuration: environment variables, and a `.env` file in the working folder that they win over.

Everything is read and checked once, at the start, and what makes no sense is refused there with its name and what was
expected.
"""

from votegame.settings.reading import read_settings
from votegame.settings.secret import kept_secret
from votegame.settings.values import Network, Settings, documented

__all__ = ["Network", "Settings", "documented", "kept_secret", "read_settings"]
