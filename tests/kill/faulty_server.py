"""`votegame serve` that kills itself at a named point: wrappers of ports, put in place before the server is made.

FAULT names the point, FAULT_AFTER how often it is passed before:

    before-append   K4: the statement of a commit was not sent
    in-flight       K5: it was sent, and its answer not read
    committed       K6: it is committed, and nobody was told
    replied         K7: the reply has left, and the event has not
    half-told       K8: some members were told, others were not
    before-create, created      around the statement that makes a room
    claimed         K10: a room is claimed, and not loaded
"""

import asyncio
import itertools
import os
import signal
import sys

from votegame import cli
from votegame.gateway.fan_out import FanOut
from votegame.rooms.ports import ReplyFrame, RoomFrame
from votegame.storage.rooms import PostgresRoomStore

FAULT = os.environ.get("FAULT", "")
passed = itertools.count()


def pass_by(point: str) -> None:
    """Die here, if this is the point and its time has come."""
    if point == FAULT and next(passed) >= int(os.environ["FAULT_AFTER"]):
        os.kill(os.getpid(), signal.SIGKILL)


class FaultyRoomStore:
    """The methods that take the place of the store's own."""

    append = PostgresRoomStore.append
    create_room = PostgresRoomStore.create_room
    claim = PostgresRoomStore.claim


async def append(self, appends):
    has_rows = any(each.rows for each in appends)
    if has_rows:
        pass_by("before-append")
    work = asyncio.ensure_future(FaultyRoomStore.append(self, appends))
    if has_rows and FAULT == "in-flight":
        # The statement is written to the socket in the first turns of the loop; its answer takes longer.
        for _ in range(3):
            await asyncio.sleep(0)
        pass_by("in-flight")
    written = await work
    if has_rows:
        pass_by("committed")
    return written


async def create_room(self, room):
    pass_by("before-create")
    created = await FaultyRoomStore.create_room(self, room)
    pass_by("created")
    return created


async def claim(self, room_code, node_id):
    claimed = await FaultyRoomStore.claim(self, room_code, node_id)
    pass_by("claimed")
    return claimed


deliver_one = FanOut._deliver
tell_all = FanOut._tell_all


def _deliver(self, delivery):
    deliver_one(self, delivery)
    if isinstance(delivery, ReplyFrame):
        self._connections.get(delivery.origin.connection_id)
        for connection in self._connections.sockets():
            connection.outbox.flush(is_lease_valid=True)
        pass_by("replied")


def _tell_all(self, delivery: RoomFrame):
    if FAULT == "half-told" and delivery.durable:
        attached = list(self._connections.attached(delivery.room_code))
        tell_all(self, delivery)
        for connection in attached[: len(attached) // 2]:
            connection.outbox.flush(is_lease_valid=True)
        pass_by("half-told")
        return
    tell_all(self, delivery)


PostgresRoomStore.append = append
PostgresRoomStore.create_room = create_room
PostgresRoomStore.claim = claim
FanOut._deliver = _deliver
FanOut._tell_all = _tell_all

sys.exit(cli.main(["serve"]))
