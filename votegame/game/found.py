"""What turns of a room have found, for those that come after them: nothing that could not be found anew."""

from collections.abc import Mapping
from typing import Final

from votegame.game.remembered import FirstOk, Remembered, Stretch
from votegame.game.state import Member, RoundPhase, State, round_players
from votegame.ids import UserId

_FEW: Final = 2
"""Full stretches that are looked through one by one; a room with no more of them saves the space of an index."""


class Found:
    """Of one room, beside its state."""

    def __init__(self) -> None:
        self.round_players = RoundPlayers()
        self.recall = Recall()


class RoundPlayers:
    """Finds `round_players` once for as long as members and round stay as they are; in large rooms it takes long."""

    def __init__(self) -> None:
        self._found: tuple[Mapping[UserId, Member], frozenset[UserId], frozenset[UserId]] | None = None

    def of(self, state: State, phase: RoundPhase) -> frozenset[UserId]:
        """See `round_players`."""
        members, began_with, found = state.members, phase.round.players, self._found
        if found is None or found[0] is not members or found[1] is not began_with:
            self._found = found = members, began_with, round_players(state, phase)
        return found[2]


class Recall:
    """Finds remembered commands without looking through all of them each time, for as long as a room is in memory.

    It has an index of the full stretches, which it changes as they do. In most rooms there are few of them, and none.
    """

    def __init__(self) -> None:
        self._indexed: tuple[Stretch, ...] = ()
        self._commands: dict[str, FirstOk] = {}

    def find(self, remembered: Remembered, user_id: UserId, command_id: str, *, since_ms: int) -> FirstOk | None:
        """As `remembered.find` does."""
        full = remembered.full
        if len(full) <= _FEW:
            if self._indexed:
                self._index(())
            return remembered.find(user_id, command_id, since_ms=since_ms)
        if full is not self._indexed:
            self._index(full)
        key = user_id + command_id
        first = remembered.young.commands.get(key) or self._commands.get(key)
        return first if first is not None and first.taken_ms > since_ms else None

    def _index(self, full: tuple[Stretch, ...]) -> None:
        before, self._indexed = self._indexed, full
        gone, come = _by_identity(before), _by_identity(full)
        for shared in gone.keys() & come.keys():
            del gone[shared], come[shared]
        if any(id(stretch) in gone for stretch in before[: len(before) - len(gone)]):
            # Not the oldest ones, by a clock that was set: what they stood before may have to come back.
            self._commands.clear()
            gone, come = {}, _by_identity(full)
        for stretch in gone.values():
            for key, first in stretch.commands.items():
                if self._commands.get(key) is first:
                    del self._commands[key]
        for stretch in come.values():
            for key, first in stretch.commands.items():
                known = self._commands.get(key)
                # An id may come again when the first command of that id is forgotten; then the later one counts.
                if known is None or known.taken_ms < first.taken_ms:
                    self._commands[key] = first


def _by_identity(stretches: tuple[Stretch, ...]) -> dict[int, Stretch]:
    return {id(stretch): stretch for stretch in stretches}
