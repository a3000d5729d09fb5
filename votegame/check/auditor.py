"""Following one log, record by record."""

from collections.abc import Iterator
from typing import Final

import msgspec

from votegame.errors import CorruptLogError
from votegame.game.fold import apply, open_log
from votegame.game.records import Record, Row, from_row
from votegame.game.remembered import REMEMBERED_MS
from votegame.game.state import State, new_state
from votegame.ids import UserId

CLOCK_SET_BACK_MS: Final = 86_400_000
"""How far the time of a decision may lie ahead of that of its commit: a day.

A node does not follow the database's clock when that is set back (see `votegame.clock`), so its decisions then seem to
lie that far in the future, until it starts again. What it decides never lies before what it decided earlier, whatever
is done to clocks: so within an ownership period a decision that was put ahead is found by the next one.
"""


class Auditor:
    """Follows the log of a room that `creator_id` made, now in ownership period `epoch`.

    After the first record that does not fold, the fold is given up (`state` is None) and the rest goes on.
    """

    def __init__(self, creator_id: UserId, epoch: int) -> None:
        self.state: State | None = None
        self.n_records = 0
        self.version = 0
        """The format of the first record."""
        self._creator_id = creator_id
        self._epoch_now = epoch
        self._folds = True
        self._epoch = 0
        self._time_ms = 0
        self._decided = (0, 0)
        self._taken: dict[tuple[str, str], int] = {}

    def findings(self, row: Row, server_time_ms: int, epoch: int) -> Iterator[str]:
        """What does not agree in the next record, which was committed then."""
        self.n_records += 1
        self.version = self.version if self.n_records > 1 else row.version
        if epoch < self._epoch or epoch > self._epoch_now:
            yield f"written in epoch {epoch}, after one of {self._epoch}, of a room in epoch {self._epoch_now}"
        if server_time_ms < self._time_ms:
            yield (
                f"committed at {server_time_ms}, before the record ahead of it, at {self._time_ms}: "
                "the clock of the database was set back, or somebody else has written"
            )
        self._epoch, self._time_ms = epoch, server_time_ms
        record = None
        try:
            record = from_row(row)
            self._fold(record)
        except CorruptLogError as error:
            self.state, self._folds = None, False
            yield str(error)
        if record is not None:
            yield from self._time_findings(record, server_time_ms, epoch)
            yield from self._repetition_findings(record)

    def _fold(self, record: Record) -> None:
        if not self._folds:
            return
        if self.state is not None:
            self.state = apply(self.state, record)
            return
        self.state = open_log(record)
        if record.position != 1:
            raise CorruptLogError(f"position {record.position}: the log begins here")
        if self.state != self._new_state(self.state):
            raise CorruptLogError("position 1: the base is not that of a new room of its creator")

    def _new_state(self, opened: State) -> State:
        creator = opened.members.get(self._creator_id)
        made = new_state(
            self._creator_id,
            creator.display_name if creator is not None else "",
            room_code=opened.room_code,
            stream=opened.stream,
            settings=opened.settings,
            own_questions=opened.own_questions,
        )
        return msgspec.structs.replace(made, position=1, base_position=1, remembered=opened.remembered)

    def _time_findings(self, record: Record, server_time_ms: int, epoch: int) -> Iterator[str]:
        if record.decided_ms > server_time_ms + CLOCK_SET_BACK_MS:
            yield f"decided at {record.decided_ms}, committed before, at {server_time_ms}"
        decided_epoch, decided_ms = self._decided
        if epoch == decided_epoch and record.decided_ms < decided_ms:
            yield f"decided at {record.decided_ms}, before the record ahead of it, at {decided_ms}"
        self._decided = (epoch, record.decided_ms)

    def _repetition_findings(self, record: Record) -> Iterator[str]:
        cause = record.cause
        if cause is None:
            return
        key = (cause.user_id, cause.command_id)
        taken_ms = self._taken.pop(key, None)
        if taken_ms is not None and record.decided_ms - taken_ms < REMEMBERED_MS:
            yield f"command {cause.command_id!r} of {cause.user_id} has a second effect"
        self._taken[key] = record.decided_ms
        self._forget(record.decided_ms - REMEMBERED_MS)

    def _forget(self, before_ms: int) -> None:
        while self._taken and next(iter(self._taken.values())) < before_ms:
            del self._taken[next(iter(self._taken))]
