"""The command: which rooms are proved, and how it is told.

Every log is folded from its first record, by the same fold that the server uses, and whatever else the database says of
a room, in its own row and in the views, is held against what the log folds to. Reading happens at one moment of the
database and changes nothing, so it may run beside live nodes.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from votegame.check.auditor import Auditor
from votegame.check.row import row_findings
from votegame.check.views import ViewAuditor
from votegame.errors import VotegameError
from votegame.ids import RoomCode, RoomId, UserId
from votegame.storage.audit import Audit, auditing
from votegame.wire import text

DESCRIPTION: Final = """\
Prove the database. Every log is folded from its first record, and whatever else is said of a room is held against that:
scores, phase, host, settings, numbers, owners' epochs, commit times, what the views tell of rounds, answers, votes and
members, and that no command had two effects. It reads one moment of the database, changes nothing, and may run beside
live nodes.

Prints a line for each thing that does not agree, with room and position, and a summary. The exit code is 0 when all
agrees, 1 when something does not, 2 when the database could not be read or has no such room.
"""


class NoRoomError(VotegameError):
    """No room has the code that was asked for."""

    def __init__(self, room_code: str) -> None:
        super().__init__(f"There is no room {room_code!r} in this database.")


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
        NoRoomError: There is no room with that code.
    """
    wanted = None if room_code is None else _wanted(room_code)
    n_rooms = n_findings = 0
    with auditing(url) as audit:
        for columns in audit.rooms():
            if wanted is not None and columns["code"] != wanted:
                continue
            n_rooms += 1
            for finding in room_findings(audit, columns):
                n_findings += 1
                tell(str(finding))
        for room_id in audit.strays() if room_code is None else ():
            n_findings += 1
            tell(str(Finding(room_id, None, "there are records, but no room")))
    if room_code is not None and n_rooms == 0:
        raise NoRoomError(room_code)
    tell(f"{n_rooms} rooms checked, {n_findings} findings.")
    return 1 if n_findings else 0


def _wanted(room_code: str) -> RoomCode:
    try:
        return text.room_code(room_code)
    except text.BadText:
        raise NoRoomError(room_code) from None


def room_findings(audit: Audit, columns: Mapping[str, Any]) -> Iterator[Finding]:
    """What does not agree in one room, whose row has these columns."""
    room_id = RoomId(str(columns["id"]))
    code = str(columns["code"])
    auditor = Auditor(UserId(str(columns["creator_id"])), int(columns["epoch"]))
    views = ViewAuditor(audit, room_id)
    for row, server_time_ms, epoch in audit.log(room_id):
        for what in auditor.findings(row, server_time_ms, epoch):
            yield Finding(code, row.position, what)
        if auditor.state is not None:
            for what in views.findings(auditor.state):
                yield Finding(code, row.position, what)
    if auditor.n_records == 0:
        yield Finding(code, None, "it has no log")
    elif auditor.state is not None:
        of_row = row_findings(columns, auditor.state, version=auditor.version)
        for what in (*of_row, *views.last_findings(auditor.state)):
            yield Finding(code, None, what)
