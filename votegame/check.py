"""`votegame check`: proves a database, room by room.

Every log is folded from its first record, by the same fold that the server uses, and whatever else the database says of
a room is held against what the log folds to. Reading happens at one moment of the database and changes nothing, so it
may run beside live nodes.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from votegame.errors import CorruptLogError
from votegame.game.fold import REMEMBERED_MS, apply, open_log
from votegame.game.records import FORMAT_VERSION, Record, Row, from_row
from votegame.game.state import Closed, State
from votegame.ids import RoomId
from votegame.storage.audit import auditing

DESCRIPTION: Final = """\
Prove the database. Every log is folded from its first record, and whatever else is said of a room is held against that:
scores, phase, host, settings, numbers, owners' epochs, commit times, and that no command had two effects. It reads one
moment of the database, changes nothing, and may run beside live nodes.

Prints a line for each thing that does not agree, with room and position, and a summary. The exit code is 0 when all
agrees, 1 when something does not, 2 when the database could not be read.
"""

CLOCK_ERROR_MS: Final = 60_000
"""How far the time of a decision, by a node's idea of the database's clock, may lie from that of its commit."""

Log = Iterable[tuple[Row, int, int]]


class Finding(Struct, frozen=True):
    """Something that does not agree.

    Attributes:
        room: The room's code, or its id where there is no code.
        position: The record at which it shows; None when it is about the whole room.
        what: What does not agree, in words.
    """

    room: str
    position: int | None
    what: str

    def __str__(self) -> str:
        place = "" if self.position is None else f", position {self.position}"
        return f"room {self.room}{place}: {self.what}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("--room", metavar="CODE", help="check this room only")


def run(args: argparse.Namespace, url: str) -> int:
    """Check the database at `url`; returns the exit code."""
    return check(url, room_code=args.room, tell=lambda line: print(line, file=sys.stdout))


def check(url: str, *, room_code: str | None = None, tell: Callable[[str], None]) -> int:
    """Check a database, telling each finding and a summary; returns 1 if there was a finding, otherwise 0.

    Raises:
        StoreUnavailableError: The database cannot be read.
    """
    n_rooms = n_findings = 0
    with auditing(url) as audit:
        for columns in audit.rooms():
            if room_code is not None and columns["code"] != room_code.upper():
                continue
            n_rooms += 1
            for finding in room_findings(columns, audit.log(RoomId(str(columns["id"])))):
                n_findings += 1
                tell(str(finding))
        for room_id in audit.strays() if room_code is None else ():
            n_findings += 1
            tell(str(Finding(room_id, None, "there are records, but no room")))
    tell(f"{n_rooms} rooms checked, {n_findings} findings.")
    return 1 if n_findings else 0


def room_findings(columns: Mapping[str, Any], log: Log) -> Iterator[Finding]:
    """What does not agree in one room: its columns, and its log as (row, commit time in milliseconds, epoch)."""
    code = str(columns["code"])
    auditor = _Auditor(int(columns["epoch"]))
    for row, server_time_ms, epoch in log:
        for what in auditor.findings(row, server_time_ms, epoch):
            yield Finding(code, row.position, what)
    if auditor.n_records == 0:
        yield Finding(code, None, "it has no log")
    elif auditor.state is not None:
        for what in _column_findings(columns, auditor.state):
            yield Finding(code, None, what)


class _Auditor:
    """Follows one log. After the first record that does not fold, the fold is given up and the rest goes on."""

    def __init__(self, epoch: int) -> None:
        self.state: State | None = None
        self.n_records = 0
        self._epoch_now = epoch
        self._folds = True
        self._epoch = 0
        self._time_ms = 0
        self._taken: dict[tuple[str, str], int] = {}

    def findings(self, row: Row, server_time_ms: int, epoch: int) -> Iterator[str]:
        """What does not agree in the next record."""
        self.n_records += 1
        if epoch < self._epoch or epoch > self._epoch_now:
            yield f"written in epoch {epoch}, after one of {self._epoch}, of a room in epoch {self._epoch_now}"
        if server_time_ms < self._time_ms:
            yield f"committed at {server_time_ms}, before the record ahead of it, at {self._time_ms}"
        self._epoch, self._time_ms = max(self._epoch, epoch), max(self._time_ms, server_time_ms)
        record = None
        try:
            record = from_row(row)
            self._fold(record)
        except CorruptLogError as error:
            self.state, self._folds = None, False
            yield str(error)
        if record is not None:
            yield from self._record_findings(record, server_time_ms)

    def _fold(self, record: Record) -> None:
        if self._folds:
            self.state = open_log(record) if self.state is None else apply(self.state, record)
            if self.n_records == 1 and record.position != 1:
                raise CorruptLogError(f"position {record.position}: the log begins here")

    def _record_findings(self, record: Record, server_time_ms: int) -> Iterator[str]:
        if record.decided_ms > server_time_ms + CLOCK_ERROR_MS:
            yield f"decided at {record.decided_ms}, committed before, at {server_time_ms}"
        cause = record.cause
        if cause is None:
            return
        key = (cause.user_id, cause.command_id)
        taken_ms = self._taken.get(key)
        if taken_ms is not None and record.decided_ms - taken_ms < REMEMBERED_MS:
            yield f"command {cause.command_id!r} of {cause.user_id} has a second effect"
        self._taken[key] = record.decided_ms


def _column_findings(columns: Mapping[str, Any], state: State) -> Iterator[str]:
    """Where the room's own row disagrees with what its log folds to."""
    is_closed = isinstance(state.phase, Closed)
    expected = {
        "code": state.room_code,
        "stream": state.stream,
        "status": state.phase.name,
        "host_id": state.host_id,
        "settings": msgspec.to_builtins(state.settings),
        "last_position": state.position,
        "last_seq": state.seq,
        "version": FORMAT_VERSION,
    }
    for name, value in expected.items():
        said = columns[name] if name == "settings" or columns[name] is None else type(value)(columns[name])
        if said != value:
            yield f"{name} is {said!r}, the log says {value!r}"
    if (columns["closed_at"] is not None) != is_closed:
        yield "closed_at says otherwise than the log"
    if is_closed != (columns["next_deadline"] is None):
        yield "next_deadline says otherwise than the log"
