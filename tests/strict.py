"""Holds every frame that a test client gets to the types of `votegame.wire.messages`: nothing more, nothing less.

Frames are encoded from plain dicts, so nothing else would notice that they and the published schemas part ways.
"""

from votegame.wire.messages import AnyMessage, decoded


class StrictReader:
    """The frames of one client; it is told the commands, since an `ok` does not say which one it answers."""

    def __init__(self) -> None:
        self._types: dict[str, str] = {}

    def sent(self, command: dict) -> None:
        """The client sends a command."""
        self._types[command["id"]] = command["type"]

    def got(self, frame: dict, text: str) -> AnyMessage:
        """The client got a frame; fails when it is none that the server may send."""
        return decoded(text, command=self._types.get(frame.get("id")))
