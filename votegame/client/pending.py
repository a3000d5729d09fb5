"""Commands that have no reply yet, in the order in which they were given: pure, times are passed in (seconds).

This is the offline queue as well: what is given without a connection waits here. It has a bound, beyond which nothing
is taken, and holds one entry a command, whatever happens to it: it waits to be sent, it was sent and waits for its
reply, or it is to be sent again at some time.
"""

import asyncio
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Any, Final

from votegame.client.errors import Frame, QueueFull

GIVE_UP_AFTER: Final = 5
"""How often a command is sent again whose outcome the server does not know."""


class Kind(IntEnum):
    """What becomes of a command when it has no reply; the least is sent first."""

    RESUME = 0
    """Tried until there is a reply, on one connection; the next one gets another."""
    MOMENT = 1
    """About this very moment: never sent twice."""
    LASTING = 2
    """Sent again, with the same id, until its outcome is known."""


class Pending:
    """One command, and where it stands. `reply` is done with its `ok`, or with what it raises."""

    def __init__(
        self,
        command: Frame,
        kind: Kind,
        text: str = "",
        taken: Callable[[Frame], None] | None = None,
        refused: Callable[[Exception], None] | None = None,
    ) -> None:
        """A command that is to be sent at once.

        Args:
            command: The whole frame.
            kind: What becomes of it without a reply.
            text: The frame as it is sent, the same each time.
            taken: Called with its `ok`, before any later frame is looked at.
            refused: Called with what it raises, likewise.
        """
        self.command = command
        self.kind = kind
        self.text = text
        self._taken = taken
        self._refused = refused
        self.reply: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self.sent_at: float | None = None
        self.due = 0.0
        self.failures = 0

    def send_again(self, at: float) -> None:
        """Have it sent again at this time."""
        self.sent_at, self.due = None, at

    def take(self, ok: Frame) -> None:
        """Its `ok` is there."""
        if self._taken is not None:
            self._taken(ok)
        if not self.reply.done():
            self.reply.set_result(ok)

    def fail(self, error: Exception) -> None:
        """It was refused, or there will be no reply."""
        if self._refused is not None:
            self._refused(error)
        if not self.reply.done():
            self.reply.set_exception(error)
            # Nobody may be waiting any more: that is no error of anybody's.
            self.reply.exception()


class PendingCommands:
    """All of one client's."""

    def __init__(self, limit: int) -> None:
        """None yet; at most `limit` besides those that the client gives itself."""
        self._limit = limit
        self._by_id: dict[str, Pending] = {}

    def __iter__(self) -> Iterator[Pending]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, one: Pending) -> None:
        """Take a command. Raises QueueFull when there are too many."""
        if one.kind is Kind.LASTING and sum(each.kind is Kind.LASTING for each in self) >= self._limit:
            raise QueueFull(f"{self._limit} commands wait already")
        self._by_id[one.command["id"]] = one

    def get(self, command_id: Any) -> Pending | None:
        """The command with this id, if it has no reply yet."""
        return self._by_id.get(command_id)

    def drop(self, one: Pending) -> None:
        """Forget a command: it has its reply, or nobody wants it any more."""
        self._by_id.pop(one.command["id"], None)

    def next(self, now: float) -> Pending | None:
        """What is to be sent now: those that restore a room first, then in the order in which they were given."""
        ready = [each for each in self if each.sent_at is None and each.due <= now]
        return min(ready, key=lambda each: each.kind, default=None)

    def next_due(self) -> float | None:
        """When there will be something to be sent; None when that is up to others."""
        return min((each.due for each in self if each.sent_at is None), default=None)

    def overdue(self, now: float, reply_seconds: float) -> list[Pending]:
        """Those to which no reply will come any more."""
        return [each for each in self if each.sent_at is not None and now - each.sent_at > reply_seconds]

    def lost(self) -> list[Pending]:
        """The connection is lost: what lasts is to be sent again; returns what is not, and is dropped."""
        gone = [each for each in self if each.kind is not Kind.LASTING]
        for one in gone:
            self.drop(one)
        for one in self:
            if one.sent_at is not None:
                one.send_again(0.0)
        return gone
