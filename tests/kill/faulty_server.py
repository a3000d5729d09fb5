"""`votegame serve` that kills itself at a named point: wrappers of ports, put in place before the server is made.

FAULT names the point, FAULT_AFTER how often it is passed before:

    before-append   K4: the statement of a commit was not sent
    in-flight       K5: it was given to the socket, and its answer not waited for
    arrived         K5: its answer has arrived, and was not read
    committed       K6: it is committed, and nobody was told
    replied         K7: the reply has left, and the event has not
    half-told       K8: some members were told, others were not
    before-create, creating, created    around and in the statement that makes a room
    claimed, swept, loaded              K10: a room is claimed, by a command or the sweeper, and not loaded; not begun
    forwarded       K9: a command of another node was taken, and not carried out
    unsent          K9: it was carried out, and what the other node is to be told has not left
    released        K12: a room was handed over, and the node that is to have it does not know
"""

import asyncio
import itertools
import os
import select
import signal
import sys

from votegame import cli
from votegame.cluster.audience import Audience
from votegame.cluster.envelope import Forward, Replied
from votegame.cluster.links import Links
from votegame.gateway.fan_out import FanOut
from votegame.rooms.ports import ReplyFrame, RoomFrame
from votegame.storage.connection import Connection
from votegame.storage.rooms import PostgresRoomStore

FAULT = os.environ.get("FAULT", "")
passed = itertools.count()
is_watching: set[asyncio.Task] = set()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def is_time(point: str) -> bool:
    """Whether this is the point, and its time has come."""
    return point == FAULT != "" and next(passed) >= int(os.environ["FAULT_AFTER"])


def pass_by(point: str) -> None:
    """Die here, if it is time."""
    if is_time(point):
        die()


class Original:
    """The methods whose places are taken."""

    append = PostgresRoomStore.append
    create_room = PostgresRoomStore.create_room
    claim = PostgresRoomStore.claim
    claim_due = PostgresRoomStore.claim_due
    load = PostgresRoomStore.load
    release = PostgresRoomStore.release
    take = Audience.take
    send = Links.send
    poll = Connection._poll
    deliver = FanOut._deliver
    tell_all = FanOut._tell_all


async def poll(self, waiter, timeout):  # noqa: ASYNC109
    """Called when a statement was given to the socket, to wait for its answer."""
    if asyncio.current_task() in is_watching:
        if FAULT == "arrived":
            ready = select.poll()
            ready.register(self.raw.fileno(), select.POLLIN)
            ready.poll(5_000)
        die()
    await Original.poll(self, waiter, timeout)


async def watched(work, point: str):
    """Do `work`, and die at its statement, if it is time."""
    if is_time(point):
        is_watching.add(asyncio.current_task())
    try:
        return await work
    finally:
        is_watching.discard(asyncio.current_task())


async def append(self, appends, *, is_retry=False):
    if not any(each.rows for each in appends):
        return await Original.append(self, appends, is_retry=is_retry)
    pass_by("before-append")
    point = FAULT if FAULT in {"in-flight", "arrived"} else ""
    written = await watched(Original.append(self, appends, is_retry=is_retry), point)
    pass_by("committed")
    return written


async def create_room(self, room):
    pass_by("before-create")
    created = await watched(Original.create_room(self, room), "creating")
    pass_by("created")
    return created


async def claim(self, room_code, node_id):
    claimed = await Original.claim(self, room_code, node_id)
    pass_by("claimed")
    return claimed


async def claim_due(self, *asked):
    claimed = await Original.claim_due(self, *asked)
    if claimed:
        pass_by("swept")
    return claimed


async def load(self, room_id):
    rows = await Original.load(self, room_id)
    pass_by("loaded")
    return rows


async def release(self, *room, **to):
    await Original.release(self, *room, **to)
    if to.get("to") is not None:
        pass_by("released")


def take(self, sender, message):
    if isinstance(message, Forward):
        pass_by("forwarded")
    Original.take(self, sender, message)


def send(self, peer, message):
    if isinstance(message, Replied):
        pass_by("unsent")
    Original.send(self, peer, message)


def _deliver(self, delivery):
    Original.deliver(self, delivery)
    if isinstance(delivery, ReplyFrame) and is_time("replied"):
        for connection in self._connections.sockets():
            self._flusher.flush(connection.outbox)
        die()


def _tell_all(self, delivery: RoomFrame):
    if delivery.durable and is_time("half-told"):
        attached = list(self._connections.attached(delivery.room_code))
        Original.tell_all(self, delivery)
        for connection in attached[: len(attached) // 2]:
            self._flusher.flush(connection.outbox)
        die()
    Original.tell_all(self, delivery)


PostgresRoomStore.append = append
PostgresRoomStore.create_room = create_room
PostgresRoomStore.claim = claim
PostgresRoomStore.claim_due = claim_due
PostgresRoomStore.load = load
PostgresRoomStore.release = release
Audience.take = take
Links.send = send
Connection._poll = poll
FanOut._deliver = _deliver
FanOut._tell_all = _tell_all

sys.exit(cli.main(["serve"]))
