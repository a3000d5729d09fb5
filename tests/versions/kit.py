"""Rooms of a real database: put there as they were recorded, and opened without a node around them."""

from contextlib import asynccontextmanager

from psycopg2.extras import Json, execute_values  # noqa: TID251

from tests.fakes import KeptOutlet, LoopClock, Questions, a_bank, seeded
from tests.unit.rooms.table import an_id
from votegame.game.house import House
from votegame.rooms.environment import Environment
from votegame.rooms.journal import Journal
from votegame.rooms.memberships import Memberships
from votegame.storage.nodes import PostgresNodeStore
from votegame.storage.rooms import PostgresRoomStore

ROOM = """
INSERT INTO rooms (id, code, stream, creator_id, command_id, digest, host_id, settings, status, owner, epoch,
    last_position, last_seq, next_deadline, version, created_at, closed_at)
VALUES (%(id)s, %(code)s, %(stream)s, %(creator_id)s, 'create', '', %(host_id)s, %(settings)s, %(status)s, NULL, 1,
    %(last_position)s, %(last_seq)s, %(next_deadline)s, %(version)s, now_ms(), %(closed_at)s)
"""
RECORDS = """
INSERT INTO room_events (room_id, position, seq, type, round_id, user_id, command_id, payload, server_time, epoch,
    version) VALUES %s
"""


def insert(cursor, recorded) -> None:
    """The room as the release that recorded it has left it: nothing here is made by the present code."""
    state, log, room_id = recorded["state"], recorded["rows"], an_id()
    is_closed = state["phase"]["type"] == "closed"
    columns = {
        "id": room_id,
        "code": state["room_code"],
        "stream": state["stream"],
        "creator_id": log[0]["user_id"],
        "host_id": state["host_id"],
        "settings": Json(state["settings"]),
        "status": state["phase"]["type"],
        "last_position": state["position"],
        "last_seq": state["seq"],
        "next_deadline": None if is_closed else recorded["now"],
        "version": log[0]["version"],
        "closed_at": 1 if is_closed else None,
    }
    cursor.execute(ROOM, columns)
    names = ("position", "seq", "type", "round_id", "user_id", "command_id")
    values = [
        (room_id, *(row[name] for name in names), Json(row["payload"]), row["payload"]["decided_ms"], 1, row["version"])
        for row in log
    ]
    execute_values(cursor, RECORDS, values)


@asynccontextmanager
async def an_environment(database):
    """That of a node whose lease runs, for three seconds."""
    nodes, store, clock = PostgresNodeStore(database), PostgresRoomStore(database), LoopClock()
    node_id = an_id()
    await nodes.renew(node_id, "here", 3_000)
    journal = Journal(store, clock, slow_store=store, observe_commit=lambda _rows, _seconds: None)
    env = Environment(
        node_id=node_id,
        store=store,
        journal=journal,
        outlet=KeptOutlet(clock),
        clock=clock,
        rng=seeded(),
        house=House(bank=a_bank()),
        memberships=Memberships(rooms_per_user=20),
        questions=Questions(),
    )
    try:
        yield env
    finally:
        await store.close()
        await nodes.close()
