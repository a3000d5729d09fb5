"""What the suites of the stores share: rooms, rows, and worlds to put them in."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from votegame.cluster.ports import NodeStore
from votegame.game.records import Row
from votegame.game.room_settings import RoomSettings
from votegame.rooms.ports import Append, NewRoom, RoomHead, RoomStore


@dataclass
class World:
    """The stores of one database, and its clock."""

    rooms: Any
    nodes: Any
    users: Any
    questions: Any
    spending: Any
    advance: Callable[[int], Awaitable[None]]

    @property
    def ports(self) -> tuple[RoomStore, NodeStore]:
        return self.rooms, self.nodes


def an_id() -> str:
    return str(uuid.uuid4())


def a_head(**changes) -> RoomHead:
    fields = {"status": "lobby", "host_id": None, "settings": RoomSettings(), "next_deadline_ms": None}
    return RoomHead(**{**fields, **changes})


def a_row(position: int, type_: str = "settings_updated", **changes) -> Row:
    fields = {"seq": None, "round_id": None, "user_id": None, "command_id": None, "payload": {"decided_ms": 1}}
    return Row(position=position, type=type_, **{**fields, **changes})


def a_room(code: str = "ABC234", **changes) -> NewRoom:
    creator = an_id()
    fields = {
        "room_id": an_id(),
        "room_code": code,
        "stream": an_id(),
        "node_id": an_id(),
        "creator_id": creator,
        "command_id": "create-1",
        "digest": "d1",
        "head": a_head(),
        "rows": (a_row(1, "base", user_id=changes.get("creator_id", creator)),),
    }
    return NewRoom(**{**fields, **changes})


def an_append(room: NewRoom, *rows: Row, epoch: int = 1, base: int = 1, head: RoomHead | None = None) -> Append:
    return Append(room_id=room.room_id, epoch=epoch, base=base, rows=rows, head=head or a_head())
