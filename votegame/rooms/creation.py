"""How a room is made: one statement writes the room, its owner and the first record of its log."""

import asyncio
from typing import Final

import structlog
from msgspec import Struct

from votegame.errors import ErrorCode, RowsRefusedError, StoreError
from votegame.game.change import Change
from votegame.game.commands import CreateRoom, digest
from votegame.game.messages import Creation
from votegame.game.records import to_row
from votegame.game.rules import create
from votegame.ids import RoomCode, RoomId, StreamId, new_room_code, new_uuid
from votegame.rooms.environment import Environment
from votegame.rooms.inbox import Request
from votegame.rooms.ports import Claim, CodeTaken, NewRoom, RoomCreated, RoomHead, RoomRepeated

_CODE_DRAWS: Final = 8
"""Codes drawn before giving up: with a million rooms open, one draw in a thousand collides."""
_RETRY_SECONDS: Final = 0.1

log = structlog.get_logger(__name__)


class Created(Struct, frozen=True):
    """The room is there and ours; `change` holds its state, and the reply and effects to be carried out."""

    claim: Claim
    change: Change


async def create_room(env: Environment, request: Request) -> Created | RoomRepeated | ErrorCode:
    """Make the room that `request` asks for, or find the one that the same command made.

    Tries as long as the command may wait. An outcome that stays unknown is no danger: the same command sent again finds
    the room, if it was made.
    """
    command = request.command
    assert isinstance(command, CreateRoom)
    until = request.received_at + env.reply_seconds
    collisions = 0
    while env.clock.seconds() < until and collisions < _CODE_DRAWS:
        room, change = _drawn(env, Creation(request.user, command))
        try:
            outcome = await env.store.create_room(room)
        except RowsRefusedError as error:
            log.error("rows of a new room refused", reason=str(error))
            return ErrorCode.INTERNAL
        except StoreError as error:
            log.warning("room not made yet", reason=str(error))
            env.journal.fullness.failed(error)
            await asyncio.sleep(_RETRY_SECONDS)
            continue
        match outcome:
            case RoomCreated():
                env.journal.fullness.took_some()
                claim = Claim(room_id=room.room_id, room_code=room.room_code, stream=room.stream, epoch=1)
                return Created(claim, change)
            case RoomRepeated():
                return outcome if outcome.digest == digest(command) else ErrorCode.ID_REUSED
            case CodeTaken():
                collisions += 1
    return ErrorCode.UNAVAILABLE


def _drawn(env: Environment, creation: Creation) -> tuple[NewRoom, Change]:
    room_code = RoomCode(new_room_code(env.rng))
    stream = StreamId(new_uuid(env.rng))
    now = env.clock.now_ms()
    change = create(creation, room_code=room_code, stream=stream, now=now, rng=env.rng, house=env.house)
    state = change.state
    head = RoomHead(
        status=state.phase.name,
        host_id=state.host_id,
        settings=state.settings,
        next_deadline_ms=now + env.house.closing_ms,
    )
    room = NewRoom(
        room_id=RoomId(new_uuid(env.rng)),
        room_code=room_code,
        stream=stream,
        node_id=env.node_id,
        creator_id=creation.user.user_id,
        command_id=creation.command.id,
        digest=digest(creation.command),
        head=head,
        rows=tuple(to_row(record) for record in change.records),
    )
    return room, change
