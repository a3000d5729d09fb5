"""votegame: a real-time voting party-game server."""

__version__ = "0.1.0"
