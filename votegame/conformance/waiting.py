"""What each story waits for, said when nothing was said for some seconds: a silent run looks like one that hangs.

Stories that go on are heard of by their results. So a line is due only in a long wait, and in a long wait less often.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from votegame.conformance.format import Connect, Http, Step

Doing = Callable[[str], None]
"""Called with what a story does from now on, in words."""

_SILENCE: Final = 5.0
"""Seconds after which something is said."""
_LONG_SILENCE: Final = 10.0
"""The same, when it would be the same again."""
_LOOK_SECONDS: Final = 0.5


def silent(_what: str) -> None:
    """For those whom nobody waits for."""


class Waiting:
    """Everything that is under way."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """`say` is called with a line for people."""
        self._say = say
        self._doing: dict[str, tuple[str, float]] = {}
        self._said: tuple[str, str] | None = None
        self._said_at = 0.0

    def begin(self, name: str, what: str) -> None:
        """The story of this name does this from now on."""
        self._doing[name] = (what, _now())

    def end(self, name: str) -> None:
        """The story is over."""
        self._doing.pop(name, None)

    def heard(self) -> None:
        """Something else was said."""
        self._said, self._said_at = None, _now()

    async def watch(self) -> None:
        """Say what is waited for, for ever. To be run as a task, beside what waits."""
        self.heard()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if self._doing:
                self._look()
            else:
                # With nothing to wait for, nobody minds the silence.
                self.heard()

    def _look(self) -> None:
        name, (what, since) = min(self._doing.items(), key=lambda item: item[1][1])
        silence = _LONG_SILENCE if (name, what) == self._said else _SILENCE
        now = _now()
        if now - self._said_at < silence:
            return
        others = f" ({len(self._doing) - 1} more are under way)" if len(self._doing) > 1 else ""
        so_far = f", for {now - since:.0f} s now" if now - since >= 1 else ""
        self._say(f"        {name}: {what}{so_far}{others}")
        self._said, self._said_at = (name, what), now


def _now() -> float:
    return asyncio.get_running_loop().time()


def of_server(number: int, step: Step, factor: float) -> str:
    """What a step against a server waits for, in words."""
    upto = f" up to {step.patience * factor:g} s"
    match step.action:
        case "expect":
            assert isinstance(step.expect, dict)
            what = f"waits{upto} for `{step.expect.get('type')}`"
        case "closed":
            what = f"waits{upto} for the server to close a connection"
        case "http":
            assert isinstance(step.http, Http)
            what = f"waits for the answer to {step.http.method} {step.http.path}"
        case "connect" | "connect_until":
            what = "connects" if isinstance(step.connect, Connect) else "connects until a connection is closed"
        case "restart":
            what = "waits for the server to be back"
        case _:
            what = "compares what it knows with what the server shows" if number == 0 else f"is at `{step.action}`"
    return f"step {number} {what}" if number else f"at the end it {what}"


def of_client(number: int, step: Step, factor: float, pace: float) -> str:
    """What a step against a client waits for, in words."""
    upto = f" up to {step.patience * factor:g} s"
    match step.action:
        case "connect":
            what = f"waits{upto} for the client to connect"
        case "send":
            assert isinstance(step.send, dict)
            what = f"waits{upto} for the client to send `{step.send.get('type')}`"
        case "close":
            what = f"waits{upto} for the client to close its connection"
        case "report":
            what = f"waits{upto} for the driver to report"
        case "stays_away":
            assert isinstance(step.stays_away, float)
            what = f"looks for {step.stays_away * pace:g} s whether the client stays away"
        case _:
            what = f"is at `{step.action}`"
    return f"step {number} {what}"
