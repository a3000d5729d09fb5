"""How a room gets into memory: claim, then load. Never the other way round.

A claim raises the room's epoch, so that whatever another owner still writes is refused; only a log that was read after
that is sure to be whole.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog
from msgspec import Struct

from votegame.errors import CorruptLogError, LaterVersionError, StoreBusyError, StoreError
from votegame.game.fold import fold
from votegame.game.records import Row, from_row
from votegame.game.state import State
from votegame.ids import NodeId, RoomCode
from votegame.rooms.environment import Environment
from votegame.rooms.ports import Claim, Held

_RETRY_SECONDS: Final = 0.2

log = structlog.get_logger(__name__)


class Opened(Struct, frozen=True):
    """The room is ours, and this is what it is; `last_record_ms` is when its log ended."""

    claim: Claim
    state: State
    last_record_ms: int


class NotFound(Struct, frozen=True):
    """No room has the code."""


class NotNow(Struct, frozen=True):
    """The room may exist, but cannot be had now: the store is away, its log is broken, or its owner out of reach.

    Attributes:
        is_broken: Whether trying again is of no use.
        claim: The claim that was made, to be given up.
        may_be_read: Whether another node may fare better with the log.
    """

    is_broken: bool = False
    claim: Claim | None = None
    may_be_read: bool = False


class Elsewhere(Struct, frozen=True):
    """Another node owns the room, and its lease still runs."""

    node_id: NodeId


Outcome = Opened | NotFound | NotNow | Elsewhere


async def open_room(env: Environment, room_code: RoomCode, claim: Claim | None) -> Outcome:
    """Claim (unless `claim` was made already) and load the room; tries for as long as a command may wait.

    That is also how long the lease of another owner is waited for, where there is no way to the other node.
    """
    until = env.clock.seconds() + env.reply_seconds
    while True:
        outcome = await _attempt(env, room_code, claim)
        is_away = isinstance(outcome, NotNow) and not outcome.is_broken
        is_out_of_reach = isinstance(outcome, Elsewhere) and env.elsewhere is None
        if not (is_away or is_out_of_reach):
            return outcome
        if env.clock.seconds() > until:
            return NotNow() if is_out_of_reach else outcome
        claim = None
        await asyncio.sleep(_RETRY_SECONDS)


async def _attempt(env: Environment, room_code: RoomCode, claim: Claim | None) -> Outcome:
    claimed: Claim | Held | None = claim
    try:
        if claimed is None:
            claimed = await env.store.claim(room_code, env.node_id)
        if claimed is None:
            return NotFound()
        if isinstance(claimed, Held):
            return Elsewhere(claimed.node_id)
        rows = await env.store.load(claimed.room_id)
    except StoreError as error:
        if not isinstance(error, StoreBusyError):
            log.warning("room not opened", room_code=room_code, reason=str(error))
        env.journal.fullness.failed(error)
        return NotNow(claim=claimed if isinstance(claimed, Claim) else None)
    return _folded(claimed, rows)


def _folded(claim: Claim, rows: Sequence[tuple[Row, int]]) -> Opened | NotNow:
    try:
        return Opened(claim, fold(from_row(row) for row, _ in rows), max(time_ms for _, time_ms in rows))
    except LaterVersionError as error:
        log.error("a later release wrote the log, letting go", room_code=claim.room_code, reason=str(error))
        return NotNow(is_broken=True, claim=claim, may_be_read=True)
    except CorruptLogError as error:
        log.error("log does not fold", room_code=claim.room_code, room_id=claim.room_id, reason=str(error))
        return NotNow(is_broken=True, claim=claim)
