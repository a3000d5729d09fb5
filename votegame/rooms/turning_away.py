"""What waits for a room that cannot be had is answered, and nothing of it decided."""

from collections.abc import Iterable

from votegame.errors import ErrorCode
from votegame.game.change import Refusal
from votegame.ids import RoomCode
from votegame.rooms.environment import Environment
from votegame.rooms.gate import AddressedReply, Gate
from votegame.rooms.inbox import Entry, Request, Subscription
from votegame.rooms.ports import Resumed
from votegame.wire.errors import door_details


def refuse(env: Environment, room_code: RoomCode, entries: Iterable[Entry], code: ErrorCode) -> None:
    """Answer each of `entries` that wants an answer with `code`."""
    refusal = Refusal(code, door_details(code))
    gate = Gate(room_code, env.outlet, env.clock, committed=0)
    for entry in entries:
        match entry:
            case Request():
                gate.add(0, [AddressedReply(entry.origin, entry.command.id, refusal)], members=0)
                env.observe_turn(str(code))
            case Subscription():
                resumed = Resumed(
                    node_id=entry.node_id, room_code=entry.room_code, ref=entry.ref, named=entry.named, missed=None
                )
                env.outlet.deliver([resumed])
