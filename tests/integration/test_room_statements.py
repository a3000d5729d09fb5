"""What only a real server can show of the statements: locks, races, plans and views."""

import asyncio
import random
from contextlib import closing
from itertools import pairwise

import psycopg2  # noqa: TID251
import pytest
from msgspec.structs import replace

from tests.contract.store_kit import a_head, a_room, a_row, an_append, an_id
from tests.integration.sql_kit import REGISTERED, run, run_with, waits_for_lock
from votegame.errors import StoreBusyError, StoreError
from votegame.game.room_settings import RoomSettings
from votegame.rooms.ports import Claim, Held
from votegame.storage import retention
from votegame.storage.audit import auditing
from votegame.storage.nodes import PostgresNodeStore
from votegame.storage.queries import load_queries
from votegame.storage.retention import sweep
from votegame.storage.rooms import PostgresRoomStore


@pytest.fixture
async def rooms(database):
    store = PostgresRoomStore(database)
    yield store
    await store.close()


@pytest.fixture
async def nodes(database):
    store = PostgresNodeStore(database)
    yield store
    await store.close()


async def alive(nodes, node_id=None):
    node_id = node_id or an_id()
    await nodes.renew(node_id, "node", 3_000)
    return node_id


async def test_a_locked_room_is_busy_and_the_others_are_written_without_it(rooms, other):
    locked, free = a_room("AAAAA2"), a_room("AAAAA3")
    for room in (locked, free):
        await rooms.create_room(room)
    run(other, "SELECT FROM rooms WHERE id = %s FOR UPDATE", locked.room_id)
    with pytest.raises(StoreBusyError):
        await rooms.append([an_append(locked, a_row(2)), an_append(free, a_row(2))])
    assert list(await rooms.append([an_append(free, a_row(2))])) == [free.room_id]
    other.rollback()
    assert list(await rooms.append([an_append(locked, a_row(2))])) == [locked.room_id]


async def test_an_append_without_a_head_changes_only_where_the_log_ends(rooms, other):
    room, ada = a_room(), an_id()
    await rooms.create_room(room)
    head = a_head(status="voting", host_id=ada, settings=RoomSettings(topic="cats"), next_deadline_ms=5)
    told = "SELECT status, host_id, settings ->> 'topic', next_deadline, closed_at, last_position, last_seq FROM rooms"
    await rooms.append([an_append(room, a_row(2, seq=1), head=head)])
    assert run(other, told) == [("voting", ada, "cats", 5, None, 2, 1)]
    await rooms.append([replace(an_append(room, a_row(3), base=2), head=None)])
    assert run(other, told) == [("voting", ada, "cats", 5, None, 3, 1)]
    await rooms.append([an_append(room, a_row(4, seq=2), base=3, head=a_head(settings=RoomSettings(topic="dogs")))])
    assert run(other, told) == [("lobby", None, "dogs", None, None, 4, 2)]


async def test_a_retry_hardly_waits_for_a_lock_and_the_commit_after_it_waits_again(rooms, other, database_url):
    locked, free = a_room("AAAAA2"), a_room("AAAAA3")
    for room in (locked, free):
        await rooms.create_room(room)
    run(other, "SELECT FROM rooms WHERE id = %s FOR UPDATE", locked.room_id)
    # With the wait of a first sending, these would take nine seconds.
    async with asyncio.timeout(4):
        for _ in range(30):
            with pytest.raises(StoreBusyError):
                await rooms.append([an_append(locked, a_row(2))], is_retry=True)
    assert list(await rooms.append([an_append(free, a_row(2))], is_retry=True)) == [free.room_id]
    append = asyncio.create_task(rooms.append([an_append(locked, a_row(2))]))
    await waits_for_lock(database_url, append)
    other.rollback()
    assert list(await append) == [locked.room_id]


async def test_an_append_that_waited_for_a_claim_is_refused(rooms, other, database_url):
    """The race of the lost fence: the append's snapshot is older than the claim, its lock comes after it."""
    room = a_room()
    await rooms.create_room(room)
    run(other, "UPDATE rooms SET owner = %s, epoch = epoch + 1 WHERE id = %s", an_id(), room.room_id)
    append = asyncio.create_task(rooms.append([an_append(room, a_row(2))]))
    await waits_for_lock(database_url, append)
    other.commit()
    assert await append == {}
    assert [row.position for row, _time in await rooms.load(room.room_id)] == [1]


async def test_an_append_that_waited_for_what_its_fence_is_not_about_is_written_on_top_of_it(
    rooms, other, database_url
):
    room = a_room()
    await rooms.create_room(room)
    run(other, "UPDATE rooms SET owner = NULL WHERE id = %s", room.room_id)
    append = asyncio.create_task(rooms.append([an_append(room, a_row(2))]))
    await waits_for_lock(database_url, append)
    other.commit()
    assert list(await append) == [room.room_id]
    assert run(other, "SELECT owner, last_position FROM rooms") == [(None, 2)]
    assert [row.position for row, _time in await rooms.load(room.room_id)] == [1, 2]


async def test_an_append_that_waited_for_its_own_first_sending_is_found_written(rooms, database, other, database_url):
    room = a_room()
    await rooms.create_room(room)
    run(other, "UPDATE rooms SET last_position = 2 WHERE id = %s", room.room_id)
    run(
        other,
        "INSERT INTO room_events (room_id, position, type, payload, server_time, epoch, version) "
        "VALUES (%s, 2, 'x', '{}', 77, 1, 1)",
        room.room_id,
    )
    resend = asyncio.create_task(rooms.append([an_append(room, a_row(2))]))
    await waits_for_lock(database_url, resend)
    other.commit()
    assert await resend == {}
    end = (await rooms.log_ends([room.room_id]))[room.room_id]
    assert (end.epoch, end.last_position, end.server_time_ms) == (1, 2, 77)


async def test_a_claim_waits_for_a_renewal_that_is_being_committed(rooms, nodes, other, database_url):
    owner, claimant = an_id(), await alive(nodes)
    await nodes.renew(owner, "owner", 1)
    room = a_room(node_id=owner)
    await rooms.create_room(room)
    run(other, "UPDATE nodes SET lease_until = now_ms() + 2500 WHERE id = %s", owner)
    claim = asyncio.create_task(rooms.claim(room.room_code, claimant))
    await waits_for_lock(database_url, claim)
    other.commit()
    assert not isinstance(await claim, Claim)
    assert (await rooms.log_ends([room.room_id]))[room.room_id].epoch == 1


async def test_a_node_that_registers_sees_the_one_whose_registration_is_being_committed(nodes, other, database_url):
    with other.cursor() as cursor:
        cursor.execute(load_queries()["node_renew"], {"node_id": an_id(), **REGISTERED})
    second = an_id()
    registering = asyncio.create_task(nodes.renew(second, "second", 3_000))
    await waits_for_lock(database_url, registering)
    other.commit()
    await registering
    assert await nodes.nodes_before(second) == ["before"]


async def test_rooms_claimed_at_once_are_each_judged_by_themselves(rooms, nodes):
    claimant, owner = await alive(nodes), await alive(nodes)
    free, own, held = (
        a_room("AAAAA2", node_id=None),
        a_room("AAAAA3", node_id=claimant),
        a_room("AAAAA4", node_id=owner),
    )
    for room in (free, own, held):
        await rooms.create_room(room)
    codes = ["AAAAA2", "AAAAA3", "AAAAA4", "AAAAA5"]
    claims = await asyncio.gather(*(rooms.claim(code, claimant) for code in codes))
    assert [(claim.room_id, claim.epoch) for claim in claims[:2]] == [(free.room_id, 2), (own.room_id, 2)]
    assert claims[2:] == [Held(owner), None]


async def test_a_room_that_is_locked_holds_up_no_claim_of_another(rooms, nodes, other):
    claimant = await alive(nodes)
    locked, free = a_room("AAAAA2", node_id=None), a_room("AAAAA3", node_id=None)
    for room in (locked, free):
        await rooms.create_room(room)
    run(other, "SELECT FROM rooms WHERE id = %s FOR UPDATE", locked.room_id)
    claims = await asyncio.gather(
        rooms.claim(locked.room_code, claimant), rooms.claim(free.room_code, claimant), return_exceptions=True
    )
    assert isinstance(claims[0], StoreBusyError)
    assert isinstance(claims[1], Claim)
    other.rollback()
    assert isinstance(await rooms.claim(locked.room_code, claimant), Claim)


async def test_a_room_that_its_living_owner_is_writing_to_is_held_and_not_waited_for(rooms, nodes, other):
    claimant, owner = await alive(nodes), await alive(nodes)
    room = a_room(node_id=owner)
    await rooms.create_room(room)
    run(other, "SELECT FROM rooms WHERE id = %s FOR UPDATE", room.room_id)
    assert await rooms.claim(room.room_code, claimant) == Held(owner)


async def test_of_two_stores_that_claim_the_same_rooms_in_any_order_each_room_has_one_claim_an_epoch(database, nodes):
    """They must not wait for each other in a circle either: that would be a `StoreBusyError` of all."""
    stores = [PostgresRoomStore(database) for _ in range(2)]
    claimants = [await alive(nodes) for _ in stores]
    made = [a_room(f"AAAA{tens}{ones}", node_id=None) for tens in "2345" for ones in "23456789"]
    for room in made:
        await stores[0].create_room(room)
    orders = [made, made[::-1]]
    claims = await asyncio.gather(
        *(
            store.claim(room.room_code, claimant)
            for store, claimant, order in zip(stores, claimants, orders, strict=True)
            for room in order
        ),
        return_exceptions=True,
    )
    won = [claim.room_id for claim in claims if isinstance(claim, Claim)]
    assert sorted(won) == sorted(room.room_id for room in made)
    assert all(isinstance(claim, Claim | Held | StoreBusyError) for claim in claims)
    for store in stores:
        await store.close()


async def test_logs_loaded_at_once_are_kept_apart_and_each_begins_at_its_last_base(rooms):
    made = [a_room(f"AAAA{tens}{ones}") for tens in "2345" for ones in "23456789"]
    for number, room in enumerate(made):
        await rooms.create_room(room)
        if number % 2:
            await rooms.append([an_append(room, a_row(2), a_row(3, "base"), a_row(4))])
    nobody = an_id()
    logs = await asyncio.gather(*(rooms.load(room_id) for room_id in [*(room.room_id for room in made), nobody]))
    assert [[row.position for row, _time in log] for log in logs] == [[1], [3, 4]] * (len(made) // 2) + [[]]


async def test_a_sweep_waits_for_a_renewal_that_is_being_committed(rooms, nodes, other, database_url):
    owner, claimant = an_id(), await alive(nodes)
    await nodes.renew(owner, "owner", 1)
    room = a_room(node_id=owner, head=a_head(next_deadline_ms=1))
    await rooms.create_room(room)
    run(other, "UPDATE nodes SET lease_until = now_ms() + 2500 WHERE id = %s", owner)
    sweeping = asyncio.create_task(rooms.claim_due(claimant, 50, 9))
    await waits_for_lock(database_url, sweeping)
    other.commit()
    assert await sweeping == []


async def test_claims_do_not_wait_for_each_other_at_the_lease(rooms, nodes, other):
    owner, claimant = an_id(), await alive(nodes)
    await nodes.renew(owner, "owner", 1)
    room = a_room(node_id=owner)
    await rooms.create_room(room)
    run(other, "SELECT FROM nodes FOR SHARE")
    assert isinstance(await rooms.claim(room.room_code, claimant), Claim)


async def test_a_sweep_skips_rooms_that_another_has_in_hand(rooms, nodes, other):
    claimant = await alive(nodes)
    taken, free = (a_room(code, node_id=an_id(), head=a_head(next_deadline_ms=1)) for code in ("AAAAA2", "AAAAA3"))
    for room in (taken, free):
        await rooms.create_room(room)
    run(other, "SELECT FROM rooms WHERE id = %s FOR UPDATE", taken.room_id)
    assert [claim.room_id for claim in await rooms.claim_due(claimant, 50, 9)] == [free.room_id]


async def test_a_stopping_node_does_not_wait_for_rooms_in_hand(rooms, nodes, other):
    owner = await alive(nodes)
    taken, free = (a_room(code, node_id=owner) for code in ("AAAAA2", "AAAAA3"))
    for room in (taken, free):
        await rooms.create_room(room)
    run(other, "SELECT FROM rooms WHERE id = %s FOR UPDATE", taken.room_id)
    await nodes.retire(owner)
    other.rollback()
    claimant = await alive(nodes)
    assert isinstance(await rooms.claim(taken.room_code, claimant), Claim)
    assert isinstance(await rooms.claim(free.room_code, claimant), Claim)


async def test_batches_in_opposite_order_never_deadlock(rooms, database):
    store = PostgresRoomStore(database)
    made = [a_room(f"AAAA{a}{b}") for a in "2345" for b in "2345"]
    for room in made:
        await rooms.create_room(room)

    async def write(journal, order):
        for _ in range(30):
            await journal.append([an_append(room, head=a_head(next_deadline_ms=1)) for room in order])

    await asyncio.gather(write(rooms, made), write(store, made[::-1]))
    await store.close()


async def test_no_two_writers_ever_succeed_at_one_place(database, nodes):
    """Owners that steal a room from each other, each writing all the time: the log stays gapless, epochs in order."""
    stores = [PostgresRoomStore(database) for _ in range(2)]
    ids = [await alive(nodes) for _ in stores]
    room = a_room(node_id=ids[0])
    await stores[0].create_room(room)
    rng = random.Random(7)
    written = []

    async def play(store, node_id):
        epoch, base = 0, 1
        for n in range(60):
            if n % 5 == 0:
                await nodes.renew(node_id, "node", 3_000)
                await store.release(room.room_id, (await store.log_ends([room.room_id]))[room.room_id].epoch)
                claim = await _claimed(store, room.room_code, node_id)
                epoch = claim.epoch if claim else 0
                base = (await store.log_ends([room.room_id]))[room.room_id].last_position
            payload = {"decided_ms": n, "by": node_id}
            if await store.append([an_append(room, a_row(base + 1, payload=payload), epoch=epoch, base=base)]):
                base += 1
                written.append((base, epoch, node_id))
            await asyncio.sleep(rng.random() / 1000)

    await asyncio.gather(*(play(store, node_id) for store, node_id in zip(stores, ids, strict=True)))
    positions = [position for position, _epoch, _node in sorted(written)]
    assert positions == list(range(2, len(positions) + 2))
    assert len(positions) > 10
    epochs = [epoch for _position, epoch, _node in sorted(written)]
    assert epochs == sorted(epochs)
    rows = [row for row, _time in await stores[0].load(room.room_id)]
    assert [row.payload["by"] for row in rows[1:]] == [node_id for _position, _epoch, node_id in sorted(written)]
    for store in stores:
        await store.close()


async def _claimed(store, code, node_id):
    try:
        claim = await store.claim(code, node_id)
    except StoreError:
        return None
    return claim if isinstance(claim, Claim) else None


async def test_views_show_ended_rounds_only(rooms, other):
    ada, bob, cy = an_id(), an_id(), an_id()
    first, second, answers = an_id(), an_id(), [an_id(), an_id()]
    question = {"key": "q", "text": "Why?"}
    base = {"state": {"members": [[ada, {"display_name": "Ada"}]]}}
    started = {"question": question, "players": [ada, bob, cy], "deadline": 1, "total_rounds": 2}
    room = a_room(creator_id=ada, rows=(a_row(1, "base", user_id=ada, payload=base),))
    await rooms.create_room(room)
    rows = [
        ("player_joined", bob, None, {"display_name": "Bob"}),
        ("player_joined", cy, None, {"display_name": "Cy"}),
        ("game_started", ada, first, started),
        ("answer_submitted", ada, first, {"answer_id": answers[0], "content": "Because"}),
        ("answer_submitted", bob, first, {"answer_id": answers[1], "content": "Why not"}),
        ("voting_started", None, first, {"order": answers}),
        ("vote_submitted", bob, first, {"vote_id": an_id(), "answer_id": answers[0]}),
        ("vote_submitted", cy, first, {"vote_id": an_id(), "answer_id": answers[0]}),
        ("player_left", cy, None, {"host_id": ada}),
        ("round_ended", None, first, {"deadline": None}),
        ("round_started", ada, second, started),
        ("answer_submitted", ada, second, {"answer_id": an_id(), "content": "Hush"}),
        ("vote_submitted", bob, second, {"vote_id": an_id(), "answer_id": answers[1]}),
    ]
    made = [
        a_row(position, type_, user_id=user_id, round_id=round_id, payload=payload)
        for position, (type_, user_id, round_id, payload) in enumerate(rows, 2)
    ]
    await rooms.append([an_append(room, *made[:9])])
    for view in ("rounds", "answers", "votes", "scores"):
        assert run(other, f"SELECT * FROM {view}") == [], view
    other.rollback()
    await rooms.append([an_append(room, *made[9:], base=10)])
    assert run(other, "SELECT round_number, question, players FROM rounds") == [(1, "Why?", [ada, bob, cy])]
    assert run(other, "SELECT user_id, content FROM answers ORDER BY content") == [(ada, "Because"), (bob, "Why not")]
    assert sorted(run(other, "SELECT user_id, answer_id FROM votes")) == sorted([(bob, answers[0]), (cy, answers[0])])
    assert sorted(run(other, "SELECT user_id, score FROM scores")) == sorted([(ada, 2), (bob, 0), (cy, 0)])
    members = run(other, "SELECT user_id, display_name, left_at IS NULL FROM room_participants")
    assert sorted(members) == sorted([(ada, "Ada", True), (bob, "Bob", True), (cy, "Cy", False)])


async def test_the_view_of_participants_tells_what_they_are_now(rooms, other):
    ada, bob, cy, dan = (an_id() for _ in range(4))
    base = {"state": {"members": [[ada, {"display_name": "Ada"}]]}}
    room = a_room(creator_id=ada, rows=(a_row(1, "base", user_id=ada, payload=base),))
    await rooms.create_room(room)
    rows = [
        ("player_joined", bob, {"display_name": "Bob"}),
        ("player_joined", cy, {"display_name": "Cy", "role": "spectator"}),
        ("player_joined", dan, {"display_name": "Dan", "role": "spectator"}),
        ("role_changed", cy, {"role": "player"}),
        ("player_left", dan, {"host_id": ada}),
        ("player_left", bob, {"host_id": ada}),
        ("player_joined", bob, {"display_name": "Bobby", "role": "spectator"}),
    ]
    made = [
        a_row(position, type_, user_id=user, payload=payload) for position, (type_, user, payload) in enumerate(rows, 2)
    ]
    await rooms.append([an_append(room, *made)])
    members = run(other, "SELECT user_id, display_name, role, left_at IS NULL FROM room_participants")
    assert {user_id: rest for user_id, *rest in members} == {
        ada: ["Ada", "player", True],
        bob: ["Bobby", "spectator", True],
        cy: ["Cy", "player", True],
        dan: ["Dan", "spectator", False],
    }


async def test_retention_frees_codes_and_removes_old_rooms_whole(rooms, database, other):
    made = {code: a_room(code) for code in ("AAAAA2", "AAAAA3", "AAAAA4")}
    for room in made.values():
        await rooms.create_room(room)
    ages = {"AAAAA2": 31 * 86_400_000, "AAAAA3": 700_000}
    for code, age in ages.items():
        run(other, "UPDATE rooms SET status = 'closed', closed_at = now_ms() - %s WHERE code = %s", age, code)
    run(other, "INSERT INTO nodes VALUES (%s, 'old', 1, 1)", an_id())
    run(other, "INSERT INTO nodes SELECT owner, 'owner', 1, 1 FROM rooms WHERE code = 'AAAAA4'")
    other.commit()
    removed = await sweep(database)
    assert {kind: count for kind, count in removed.items() if count} == {"codes": 2, "rooms": 1, "nodes": 1}
    assert set((await sweep(database)).values()) == {0}
    assert run(other, "SELECT code, code_held FROM rooms ORDER BY code") == [("AAAAA3", False), ("AAAAA4", True)]
    assert run(other, "SELECT count(*) FROM room_events") == [(2,)]


async def test_retention_takes_small_bites(rooms, database, other):
    for code in ("AAAAA2", "AAAAA3", "AAAAA4", "AAAAA5"):
        await rooms.create_room(a_room(code))
    run(other, "UPDATE rooms SET closed_at = 1, last_position = CASE code WHEN 'AAAAA2' THEN 9000 ELSE 2000 END")
    run(other, "UPDATE rooms SET closed_at = 0 WHERE code = 'AAAAA2'")
    other.commit()
    assert [(await sweep(database))["rooms"] for _ in range(4)] == [1, 2, 1, 0]


async def closed_rooms(rooms, other, **records):
    """Rooms with logs of so many records, by their codes, which closed long ago, one after the other."""
    for closed_at, (code, n_records) in enumerate(records.items(), 1):
        room = a_room(code)
        await rooms.create_room(room)
        if n_records > 1:
            await rooms.append([an_append(room, *map(a_row, range(2, n_records + 1)))])
        run(other, "UPDATE rooms SET status = 'closed', closed_at = %s WHERE code = %s", closed_at, code)
    other.commit()


async def test_retention_removes_a_log_that_is_too_long_for_one_statement_in_bites(
    rooms, database, database_url, other, monkeypatch
):
    """The audit passes over what is left of it, and the rooms behind it are removed after it."""
    monkeypatch.setattr(retention, "RECORDS_AT_ONCE", 3)
    await closed_rooms(rooms, other, AAAAA2=6, AAAAA3=1)
    left = []
    for _ in range(4):
        removed = (await sweep(database))["rooms"]
        with auditing(database_url) as audit:
            shown = [row["code"] for row in audit.rooms()]
            assert not list(audit.strays())
        left.append((removed, run(other, "SELECT count(*) FROM room_events")[0][0], shown))
    assert left == [(1, 4, ["AAAAA3"]), (1, 1, ["AAAAA3"]), (1, 1, ["AAAAA3"]), (1, 0, [])]


async def test_a_log_that_is_half_removed_goes_on_in_bites_also_behind_another_room(
    rooms, database, other, monkeypatch
):
    monkeypatch.setattr(retention, "RECORDS_AT_ONCE", 3)
    await closed_rooms(rooms, other, AAAAA2=1, AAAAA3=8)
    run(other, "SELECT FROM rooms WHERE code = 'AAAAA2' FOR UPDATE")
    await sweep(database)
    other.rollback()
    left = []
    for _ in range(3):
        await sweep(database)
        left.append(
            run(other, "SELECT r.code, count(*) FROM room_events JOIN rooms r ON r.id = room_id GROUP BY r.code")
        )
        other.rollback()
    assert left == [[("AAAAA3", 5)], [("AAAAA3", 2)], []]


async def test_a_bite_that_another_node_has_just_taken_is_not_the_end_of_the_log(
    rooms, database, database_url, other, monkeypatch
):
    """Its records are seen by a statement that began before, and are not there any more to be deleted by it."""
    monkeypatch.setattr(retention, "RECORDS_AT_ONCE", 3)
    await closed_rooms(rooms, other, AAAAA2=8)
    run(other, "SELECT pg_advisory_lock(7)")
    waiting = "(SELECT now_ms() + length(pg_advisory_xact_lock(7)::text))"
    sql = load_queries()["retention_logs"].replace("(SELECT now_ms())", waiting)
    with closing(psycopg2.connect(database_url)) as behind:
        late = asyncio.create_task(asyncio.to_thread(run_with, behind, sql, {"limit": 3, "keep_ms": 1}))
        await waits_for_lock(database_url, late)
        assert (await sweep(database))["rooms"] == 1
        run(other, "SELECT pg_advisory_unlock(7)")
        assert len(await late) == 1
        behind.commit()
    assert run(
        other, "SELECT r.last_position, count(*) FROM room_events JOIN rooms r ON r.id = room_id GROUP BY 1"
    ) == [(0, 5)]


async def test_the_audit_reads_all_rooms_and_logs_of_one_moment(rooms, database_url, other):
    made = [a_room(code) for code in ("AAAAA2", "AAAAA3")]
    for room in made:
        await rooms.create_room(room)
    await rooms.append([an_append(made[0], a_row(2, "base"), a_row(3, seq=1))])
    stray = an_id()
    run(other, "INSERT INTO room_events SELECT %s, 1, NULL, 'x', NULL, NULL, NULL, '{}', 1, 1, 1", stray)
    other.commit()
    with auditing(database_url) as audit:
        columns = {row["id"]: row for row in audit.rooms()}
        await rooms.append([an_append(made[1], a_row(2))])
        logs = {room_id: [(row.position, epoch) for row, _time, epoch in audit.log(room_id)] for room_id in columns}
        assert list(audit.strays()) == [stray]
    assert columns[made[0].room_id]["last_position"] == 3
    assert logs == {made[0].room_id: [(1, 1), (2, 1), (3, 1)], made[1].room_id: [(1, 1)]}


_ROOMS = """INSERT INTO rooms (id, code, code_held, stream, creator_id, digest, settings, status, epoch, last_position,
    last_seq, version, created_at)
SELECT gen_random_uuid(), 'ABC234', false, gen_random_uuid(), gen_random_uuid(), 'd', '{}', 'lobby', 1, 1, 1, 1, 1
FROM generate_series(1, %s)"""


@pytest.mark.parametrize(
    ("made", "left", "analysed"),
    [
        (0, 0, False),
        (1, 1, True),
        (50, 50, True),
        (20_000, 20_000, True),
        (5_000, 0, True),
        (5_000, 3, True),
        (100, 1, True),
    ],
)
async def test_the_append_looks_rooms_up_by_their_keys_whatever_is_known_of_the_table(
    rooms, other, made, left, analysed
):
    """Its plan is kept while the table grows: one that read all of it would be the dearer, the more rooms there are."""
    run(other, "TRUNCATE rooms CASCADE")
    run(other, _ROOMS, made)
    # All but a few are dead, as in a database that many rooms left a moment ago.
    run(other, "DELETE FROM rooms WHERE ctid NOT IN (SELECT ctid FROM rooms LIMIT %s)", left)
    if analysed:
        run(other, "ANALYZE rooms")
    other.commit()
    rooms._journal._queries["explain"] = "EXPLAIN EXECUTE room_append ('[]')"
    plan = [line.strip() for (line,) in await rooms._journal.fetch_all("explain")]
    looks_up = [after for line, after in pairwise(plan) if "Index Scan using rooms_pkey" in line]
    assert len(looks_up) == 2, plan
    assert all(line.startswith("Index Cond: ") for line in looks_up), plan
    assert not any("Seq Scan" in line or "Hash" in line or "Merge" in line for line in plan), plan


@pytest.mark.parametrize(
    ("name", "condition"),
    [
        ("retention_logs", "Index Cond: (closed_at <"),
        ("retention_logins", "Index Cond: (expires_at <"),
        ("retention_guests", "Index Cond: (id >="),
        ("retention_questions", "Index Cond: (created_at <"),
    ],
)
def test_retention_reads_what_is_old_and_not_all_that_is_there(other, name, condition):
    """A function that may say something else for each row, as `now_ms`, is asked for each, whatever the index."""
    params = {"limit": 1, "look_at": 1, "keep_ms": 1, "most": 1}
    run(other, "SET enable_seqscan = off; SET enable_bitmapscan = off")
    plan = "\n".join(line for (line,) in run_with(other, f"EXPLAIN {load_queries()[name]}", params))
    assert condition in plan, plan


async def test_look_ups_use_their_indexes(database_url, other):
    plans = {
        "rooms_due": "SELECT * FROM rooms WHERE next_deadline < 5 ORDER BY next_deadline LIMIT 1",
        "rooms_code": "SELECT * FROM rooms WHERE code = 'x' AND code_held",
        "room_events_membership": "SELECT * FROM room_events WHERE user_id = gen_random_uuid() "
        "AND (type IN ('player_joined', 'player_left') OR position = 1)",
        "room_events_base": "SELECT max(position) FROM room_events WHERE room_id = gen_random_uuid() AND type = 'base'",
        "room_events_one_start": "SELECT room_id FROM room_events WHERE round_id = gen_random_uuid() "
        "AND type IN ('game_started', 'round_started')",
    }
    run(other, "SET enable_seqscan = off")
    for index, sql in plans.items():
        plan = "\n".join(line for (line,) in run(other, f"EXPLAIN {sql}"))
        assert index in plan, plan
