"""The commands that a room remembers, so that a retry gets the first `ok` again.

The memory is a value like all of the state, so keeping one more must not copy all that are kept: young commands are in
a short stretch that is copied, older ones in full stretches that are shared and let go as a whole. How it is cut into
stretches is stored with every base record and compared when a log is audited, so it must not change.

A key is the id of a user, whose length is fixed, and that of his command after it.
"""

import sys
from typing import Any, Final

import msgspec
from msgspec import Struct

from votegame.game.records import Cause
from votegame.ids import UserId

REMEMBERED_MS: Final = 600_000
"""How long a command is remembered: 10 minutes (protocol v1, "Sending again")."""

_FULL: Final = 128
"""Commands in a stretch before the next one is begun: small to copy, and not too many to look through."""


class FirstOk(Struct, frozen=True, gc=False):
    """What is kept of a command that was taken.

    Attributes:
        digest: That of its content: the same `id` with another content is refused.
        taken_ms: When it was decided, in database milliseconds.
        fields: What its `ok` carried, but for `state`.
        has_state: Whether the `ok` carries the `state` of now.
        own_question_count: What it carried beside settings. Not among `fields`, so that a log from before there were
            own questions folds to what its base records hold.
    """

    digest: str
    taken_ms: int
    fields: dict[str, Any] = {}
    has_state: bool = False
    own_question_count: int = 0

    def all_fields(self) -> dict[str, Any]:
        """What its `ok` carried, but for `state`."""
        if "settings" not in self.fields:
            return self.fields
        return {**self.fields, "own_question_count": self.own_question_count}


class Stretch(Struct, frozen=True, gc=False):
    """Commands that follow each other; `newest_ms` is when the last of them was taken."""

    newest_ms: int
    commands: dict[str, FirstOk]


class Remembered(Struct, frozen=True, gc=False):
    """The commands of the last while.

    Attributes:
        young: The stretch that the next command comes into, unless it is full.
        full: Those before it, the youngest first.
        oldest_ms: The least `newest_ms` of `full`: what is kept since then has all of them.
    """

    young: Stretch = Stretch(0, {})
    full: tuple[Stretch, ...] = ()
    oldest_ms: int = sys.maxsize

    def stretches(self) -> tuple[Stretch, ...]:
        """All of them, the youngest first."""
        return (self.young, *self.full) if self.young.commands else ()

    def find(self, user_id: UserId, command_id: str, *, since_ms: int) -> FirstOk | None:
        """The user's command of that id, if it was taken after `since_ms`."""
        key = user_id + command_id
        for stretch in (self.young, *self.full):
            first = stretch.commands.get(key)
            if first is not None and first.taken_ms > since_ms:
                return first
        return None

    def count(self) -> int:
        """How many commands it has, with those that are forgotten but not let go of yet."""
        return sum(len(stretch.commands) for stretch in self.stretches())

    def taken_ms(self, user_id: UserId, *, since_ms: int) -> list[int]:
        """When each of the user's commands was taken that were taken after `since_ms`, in no order."""
        return [
            first.taken_ms
            for stretch in self.stretches()
            if stretch.newest_ms > since_ms
            for key, first in stretch.commands.items()
            if first.taken_ms > since_ms and key.startswith(user_id)
        ]

    def with_command(self, cause: Cause, first: FirstOk, *, since_ms: int) -> "Remembered":
        """This memory and one more command, without stretches in which all were taken before `since_ms`."""
        young = self.young
        key = cause.user_id + cause.command_id
        if len(young.commands) < _FULL and young.newest_ms > since_ms and self.oldest_ms > since_ms:
            return Remembered(Stretch(first.taken_ms, {**young.commands, key: first}), self.full, self.oldest_ms)
        kept = [stretch for stretch in self.stretches() if stretch.newest_ms > since_ms]
        commands = kept.pop(0).commands if kept and len(kept[0].commands) < _FULL else {}
        return _of((Stretch(first.taken_ms, {**commands, key: first}), *kept))


def _of(stretches: tuple[Stretch, ...]) -> Remembered:
    if not stretches:
        return Remembered()
    young, *full = stretches
    return Remembered(young, tuple(full), min((stretch.newest_ms for stretch in full), default=sys.maxsize))


class _Stored(Struct, frozen=True, gc=False):
    """What base records hold."""

    stretches: tuple[Stretch, ...] = ()


def to_stored(remembered: Remembered) -> dict[str, Any]:
    """What a base record holds of `remembered`: its stretches themselves, since copying thousands would take long."""
    return {"stretches": remembered.stretches()}


def from_stored(raw: Any) -> Remembered:
    """What `to_stored` made `raw` of.

    Raises:
        msgspec.ValidationError: `raw` is nothing of the kind.
    """
    return _of(msgspec.convert(raw, _Stored).stretches)
