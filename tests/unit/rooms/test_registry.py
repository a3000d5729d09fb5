import asyncio

import pytest
from msgspec.structs import replace

from tests.fakes_gateway import an_admission, overload
from tests.unit.rooms.table import Table, an_id, answered_late, seated, settle
from votegame.errors import ErrorCode, StoreUnavailableError
from votegame.rooms.actor import Actor
from votegame.rooms.inbox import INBOX_ENTRIES, ConnectionLost
from votegame.rooms.registry import CREATIONS_AT_ONCE

pytestmark = pytest.mark.looptime


@pytest.fixture
async def small():
    """A node that takes two rooms, and lets a user play in two."""
    table = Table(max_rooms=2, rooms_per_user=2)
    yield table
    table.store.go_on()
    await table.end()


class TestCreation:
    @pytest.mark.parametrize("fault", ["before", "after"])
    async def test_an_unknown_outcome_makes_one_room(self, table, fault):
        await table.begin()
        ada = table.user("ada")
        table.store.create_faults = [fault]
        reply = await ada.ask(ada.create(topic="tea"))
        assert reply["state"]["settings"]["topic"] == "tea"
        assert len(table.memory._rooms) == 1
        assert table.outlet.told[-1].delivery.attach == reply["room_code"]

    async def test_a_retry_gets_the_same_room_while_it_runs_and_after_a_restart(self, table):
        await table.begin()
        ada = table.user("ada")
        create = ada.create(topic="tea")
        first = await ada.ask(create)
        second = await ada.again().ask(create)
        await table.end()
        await table.begin()
        third = await ada.again().ask(create)
        assert first["room_code"] == second["room_code"] == third["room_code"]
        assert first["state"]["stream"] == third["state"]["stream"]
        assert len(table.memory._rooms) == 1
        await settle()
        assert table.room_of(first["room_code"]).presence.has_sockets

    async def test_a_room_knows_of_its_maker_that_he_is_gone_when_its_answer_finds_nobody(self, table, monkeypatch):
        await table.begin()
        ada = table.user("ada")
        deliver = table.outlet.deliver

        def deliver_to_nobody(deliveries):
            deliver(deliveries)
            for each in deliveries:
                lost = ConnectionLost(ada.user.user_id, ada.connection_id)
                table.registry.connection_lost(each.attach, lost)

        monkeypatch.setattr(table.outlet, "deliver", deliver_to_nobody)
        reply = await ada.ask(ada.create())
        monkeypatch.undo()
        await settle()
        room = table.room_of(reply["room_code"])
        assert not room.presence.has_sockets
        assert room.next_due_ms() is not None

    async def test_two_at_once_make_one_room_with_one_actor(self, table):
        await table.begin()
        ada = table.user("ada")
        create = ada.create()
        assert ada.send(create) is None
        assert ada.send(create) is None
        await table.outlet.until(lambda: len(table.outlet.replies_to(create.id)) == 2)
        first, second = table.outlet.replies_to(create.id)
        assert first["room_code"] == second["room_code"]
        assert len(table.registry) == 1

    async def test_a_maker_who_hears_last_of_his_room_joins_the_actor_that_is_there(self, table):
        await table.begin()
        ada = table.user("ada")
        create = ada.create()
        real, slow = table.store.create_room, asyncio.Event()
        table.store.create_room = answered_late(real, slow)
        ada.send(create)
        await settle()
        table.store.create_room = real
        again = await ada.again().ask(create)
        slow.set()
        await table.outlet.until(lambda: len(table.outlet.replies_to(create.id)) == 2)
        await settle()
        assert {reply["room_code"] for reply in table.outlet.replies_to(create.id)} == {again["room_code"]}
        ada.code = again["room_code"]
        assert len(table.registry) == 1
        assert (await ada.ask(ada.change(topic="tea")))["type"] == "ok"

    async def test_other_content_with_the_same_id_is_refused(self, table):
        await table.begin()
        ada = table.user("ada")
        await ada.ask(ada.create(id_="c", topic="tea"))
        assert (await ada.ask(ada.create(id_="c", topic="milk")))["code"] == "id_reused"
        await table.end()
        await table.begin()
        assert (await ada.ask(ada.create(id_="c", topic="milk")))["code"] == "id_reused"
        assert len(table.memory._rooms) == 1

    async def test_equal_ids_of_two_users_are_two_rooms(self, table):
        await table.begin()
        ada, bob = table.user("ada"), table.user("bob")
        codes = {(await user.ask(user.create(id_="c")))["room_code"] for user in (ada, bob)}
        assert len(codes) == 2

    async def test_refused_rows_are_internal_at_once(self, table):
        await table.begin()
        ada = table.user("ada")
        table.store.create_faults = ["refused"]
        begun = table.clock.seconds()
        assert (await ada.ask(ada.create()))["code"] == "internal"
        assert table.clock.seconds() - begun < 0.1

    async def test_a_store_that_stays_away_is_unavailable_and_its_room_is_found_by_the_retry(self, table):
        await table.begin()
        ada = table.user("ada")
        create = ada.create()
        table.store.create_faults = ["after"]
        ada.send(create)
        await settle()
        table.store.is_away = True
        assert (await table.outlet.reply(create.id))["code"] == "unavailable"
        table.store.is_away = False
        assert (await ada.ask(create))["type"] == "ok"
        assert len(table.memory._rooms) == 1


class TestLimits:
    async def test_a_node_takes_so_many_rooms_and_those_it_has_go_on(self, small):
        await small.begin()
        users = [small.user(name) for name in ("ada", "bob", "eve")]
        for user in users[:2]:
            user.code = (await user.ask(user.create()))["room_code"]
        assert users[2].send(users[2].create()) == ErrorCode.UNAVAILABLE
        assert users[2].send(users[2].join("ZZZZZZ")) == ErrorCode.UNAVAILABLE
        assert (await users[2].ask(users[2].join(users[0].code)))["type"] == "ok"

    async def test_a_user_plays_in_so_many_rooms(self, table):
        table._rooms_per_user = 2
        await table.begin()
        ada, bob = table.user("ada"), table.user("bob")
        other = (await bob.ask(bob.create()))["room_code"]
        codes = [(await ada.ask(ada.create()))["room_code"] for _ in range(2)]
        assert ada.send(ada.create()) == ErrorCode.RATE_LIMITED
        refused = await ada.ask(ada.join(other))
        assert (refused["code"], refused["retry_after"]) == ("rate_limited", 1)
        assert (await ada.ask(ada.join(codes[0])))["type"] == "ok"
        ada.code = codes[0]
        await ada.ask(ada.leave())
        assert (await ada.ask(ada.join(other)))["type"] == "ok"

    async def test_a_room_whose_game_is_over_does_not_count(self, table):
        table._rooms_per_user = 1
        ada, _bob = await seated(table, total_rounds=1)
        started = await ada.ask(ada.start())
        assert ada.send(ada.create()) == ErrorCode.RATE_LIMITED
        await ada.ask(ada.end_round(started["round_id"]))
        assert (await ada.ask(ada.create()))["type"] == "ok"

    async def test_who_comes_back_to_a_room_that_he_is_in_is_never_refused(self, table):
        table._rooms_per_user = 2
        await table.begin()
        ada, bob, eve = (table.user(name) for name in ("ada", "bob", "eve"))
        codes = [(await ada.ask(ada.create()))["room_code"] for _ in range(2)]
        await table.end()
        await table.begin()
        # No room is in memory now, so Ada gets into two more.
        for _ in range(2):
            code = (await bob.ask(bob.create()))["room_code"]
            assert (await ada.ask(ada.join(code)))["type"] == "ok"
        for code in codes:
            assert (await ada.ask(ada.join(code)))["type"] == "ok"
        other = (await eve.ask(eve.create()))["room_code"]
        assert (await ada.ask(ada.join(other)))["code"] == "rate_limited"

    async def test_a_join_that_is_sent_again_after_leaving_is_not_member_however_many_rooms_he_is_in(self, table):
        table._rooms_per_user = 1
        await table.begin()
        ada, bob = table.user("ada"), table.user("bob")
        ada.code = (await bob.ask(bob.create()))["room_code"]
        join = ada.join(ada.code)
        assert (await ada.ask(join))["type"] == "ok"
        await ada.ask(ada.leave())
        await ada.ask(ada.create())
        assert [(await ada.ask(join))["code"] for _ in range(3)] == ["not_member"] * 3
        again = ada.join(ada.code, id_=join.id)
        assert (await ada.ask(replace(again, role="spectator")))["code"] == "id_reused"
        assert (await ada.ask(ada.join(ada.code)))["code"] == "rate_limited"

    async def test_who_would_not_be_let_in_anyhow_is_told_why_and_not_to_wait(self, table):
        table._rooms_per_user = 1
        await table.begin()
        ada, bob, eve = (table.user(name) for name in ("ada", "bob", "eve"))
        await ada.ask(ada.create())
        bob.code = eve.code = (await bob.ask(bob.create(max_players=2)))["room_code"]
        await eve.ask(eve.join(bob.code))
        assert (await ada.ask(ada.join(bob.code)))["code"] == "room_full"
        await eve.ask(eve.leave())
        assert (await ada.ask(ada.join(bob.code)))["code"] == "rate_limited"

    async def test_a_retry_of_the_last_room_that_a_user_may_make_gets_its_ok(self, table):
        table._rooms_per_user = 1
        await table.begin()
        ada = table.user("ada")
        create = ada.create()
        first = await ada.ask(create)
        assert (await ada.ask(create))["room_code"] == first["room_code"]

    async def test_the_limit_holds_for_what_is_sent_at_once(self, table):
        table._rooms_per_user = 3
        await table.begin()
        ada, bob = table.user("ada"), table.user("bob")
        codes = [(await bob.ask(bob.create()))["room_code"] for _ in range(3)]
        outcomes = [ada.send(ada.create()) for _ in range(5)]
        assert outcomes.count(ErrorCode.RATE_LIMITED) == 2
        await table.end()
        await table.begin()
        joins = [ada.join(code) for code in codes]
        joins.append(ada.join((await bob.ask(bob.create()))["room_code"]))
        for join in joins:
            ada.send(join)
        replies = [await table.outlet.reply(join.id) for join in joins]
        assert [reply.get("code") for reply in replies].count("rate_limited") == 1

    async def test_rooms_in_the_making_are_bounded(self, table):
        await table.begin()
        table.store.hang()
        users = [table.user(str(place)) for place in range(CREATIONS_AT_ONCE + 1)]
        outcomes = [user.send(user.create()) for user in users]
        assert outcomes == [None] * CREATIONS_AT_ONCE + [ErrorCode.UNAVAILABLE]

    async def test_a_full_inbox_refuses_and_other_rooms_do_not_notice(self, table, room):
        ada, _bob = await room
        eve = table.user("eve")
        eve.code = (await eve.ask(eve.create()))["room_code"]
        outcomes = [ada.send(ada.change(topic="tea")) for _ in range(INBOX_ENTRIES + 1)]
        assert outcomes == [None] * INBOX_ENTRIES + [ErrorCode.RATE_LIMITED]
        ada_at = eve.change(topic="milk")
        await eve.ask(ada_at)
        assert len(table.outlet.replies) < INBOX_ENTRIES


async def test_an_unknown_room_is_not_found(table):
    await table.begin()
    ada = table.user("ada")
    assert (await ada.ask(ada.join("ZZZZZZ")))["code"] == "room_not_found"
    await settle()
    assert len(table.registry) == 0


class TestSweep:
    async def test_a_room_is_opened_for_its_timer(self, table, room):
        ada, _bob = await room
        await ada.ask(ada.change(answer_seconds=10))
        await ada.ask(ada.start())
        await table.end()
        await table.begin()
        (claim,) = await table.memory.claim_due(table.node_id, table.clock.now_ms() + 60_000, 50) or [None]
        assert claim is None or claim.room_code == ada.code

    async def test_a_claim_whose_log_cannot_be_had_is_given_up_again(self, table, room):
        ada, _bob = await room
        await table.end()
        await table.begin()
        claim = await table.memory.claim(ada.code, table.node_id)
        load = table.memory.load

        async def failing(_room_id):
            raise StoreUnavailableError

        table.memory.load = failing
        table.registry.open(claim)
        await asyncio.sleep(10)
        table.memory.load = load
        await settle()
        assert len(table.registry) == 0
        assert table.row_of(ada.code).owner is None

    async def test_a_room_that_runs_is_not_opened_twice(self, table, room):
        ada, _bob = await room
        running = table.room_of(ada.code)
        table.registry.open(await table.memory.claim(ada.code, table.node_id))
        await settle()
        assert len(table.registry) == 1
        assert table.room_of(ada.code) is running
        assert (await ada.ask(ada.change(topic="tea")))["code"] == "unavailable"
        assert (await ada.ask(ada.change(topic="tea")))["type"] == "ok"


class TestLapse:
    async def test_a_room_that_was_being_loaded_is_claimed_anew(self, table, room):
        ada, _bob = await room
        await table.end()
        await table.begin()
        load, slow = table.memory.load, asyncio.Event()
        table.memory.load = answered_late(load, slow)
        ada.send(ada.join(ada.code, id_="join"))
        await settle()
        before = table.row_of(ada.code).epoch
        await table.registry.discard_fenced()
        slow.set()
        table.memory.load = load
        assert (await table.outlet.reply("join"))["type"] == "ok"
        assert table.row_of(ada.code).epoch == before + 1

    async def test_a_room_whose_making_was_answered_after_it_is_claimed_anew(self, table):
        """Another node may have taken it by then, and gone on."""
        await table.begin()
        ada = table.user("ada")
        create = ada.create()
        make, slow = table.store.create_room, asyncio.Event()
        table.store.create_room = answered_late(make, slow)
        ada.send(create)
        await settle()
        await table.registry.discard_fenced()
        slow.set()
        reply = await table.outlet.reply(create.id)
        assert reply["type"] == "ok"
        assert table.row_of(reply["room_code"]).epoch == 2

    async def test_the_store_must_answer(self, table, room):
        await room
        table.store.is_away = True
        with pytest.raises(StoreUnavailableError):
            await table.registry.discard_fenced()


class TestStop:
    async def test_it_waits_for_commits_and_takes_nothing_more(self, table, room):
        ada, bob = await room
        table.store.hang()
        ada.send(ada.change(topic="tea", id_="decided"))
        await settle()
        stopping = asyncio.create_task(table.registry.stop())
        await settle()
        assert bob.send(bob.join(bob.code)) == ErrorCode.UNAVAILABLE
        assert bob.send(bob.create()) == ErrorCode.UNAVAILABLE
        assert not stopping.done()
        table.store.go_on()
        await stopping
        assert table.outlet.names == ["ok decided", "settings_updated"]
        assert len(table.registry) == 0

    async def test_a_room_that_is_lost_meanwhile_is_not_opened_again(self, table, room):
        ada, _bob = await room
        table.store.hang()
        ada.send(ada.change(topic="tea", id_="late"))
        await settle()
        stopping = asyncio.create_task(table.registry.stop())
        await settle()
        table.room_of(ada.code).fence()
        table.store.go_on()
        async with asyncio.timeout(5):
            await stopping
        assert table.outlet.names == ["unavailable late"]
        assert len(table.registry) == 0

    async def test_what_was_not_decided_is_unavailable(self, table, room):
        ada, _bob = await room
        for place in range(100):
            ada.send(ada.change(topic=str(place)))
        await table.registry.stop()
        assert len(table.outlet.replies) == 100
        assert {reply.get("code") for reply in table.outlet.replies} <= {None, "unavailable"}
        kept = [reply for reply in table.outlet.replies if reply["type"] == "ok"]
        assert len(table.rows(ada.code, "settings_updated")) == len(kept)

    async def test_a_room_in_the_making_is_made_told_and_stopped(self, table):
        await table.begin()
        ada = table.user("ada")
        table.store.hang()
        ada.send(ada.create(id_="c"))
        await settle()
        stopping = asyncio.create_task(table.registry.stop())
        await settle()
        table.store.go_on()
        await stopping
        assert table.outlet.names == ["ok c"]
        assert len(table.registry) == 0
        assert [row.type for row in table.log(table.outlet.replies[0]["room_code"])][:1] == ["base"]

    async def test_a_stop_does_not_wait_for_rooms_that_cannot_be_given_up(self, table, room):
        ada, bob = await room
        ada.lose()
        bob.lose()
        await asyncio.sleep(55)

        async def failing(*_args):
            raise StoreUnavailableError

        table.memory.release = failing
        await asyncio.sleep(10)
        begun = table.clock.seconds()
        await table.registry.stop()
        assert table.clock.seconds() - begun < 1

    async def test_abort_ends_what_waits_for_the_store(self, table, room):
        ada, _bob = await room
        eve = table.user("eve")
        table.store.hang()
        ada.send(ada.change(topic="tea", id_="decided"))
        eve.send(eve.create())
        eve.send(eve.join("ZZZZZZ"))
        await settle()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await table.registry.stop()
        await table.registry.abort()
        assert len(table.registry) == 0
        assert "ok decided" not in table.outlet.names
        assert table.registry._tasks == set()

    async def test_abort_comes_to_an_end_in_whatever_turn_of_the_loop_a_stop_is_given_up(self, table):
        in_turn = []
        for turns in range(8):
            await table.begin()
            ada = table.user("ada")
            await ada.ask(ada.create())
            await settle()
            stopping = asyncio.create_task(table.registry.stop())
            for _ in range(turns):
                await asyncio.sleep(0)
            in_turn.append((len(table.registry), len(table.registry._tasks)))
            stopping.cancel()
            await table.end()
            assert table.registry._tasks == set()
        # One is that in which the room has ended, and its task is not forgotten yet.
        assert set(in_turn) == {(1, 1), (0, 1), (0, 0)}


async def test_a_room_that_a_bug_ends_outside_of_its_turns_is_given_up(table, room, monkeypatch):
    ada, _bob = await room

    def bug(_actor, _room):
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(Actor, "_set_alarm", bug)
        ada.send(ada.change(topic="milk"))
        await settle()
    await asyncio.sleep(3)
    assert not table.registry.running()
    assert table.row_of(ada.code).owner is None


async def test_a_room_is_given_up_also_when_a_bug_is_met_in_ending_it(table, room, monkeypatch):
    ada, _bob = await room

    def bug(_messages):
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(Actor, "_is_over", bug)
        patch.setattr(table.registry, "_close_attached", bug)
        ada.send(ada.change(topic="milk"))
        await settle()
    await asyncio.sleep(3)
    assert not table.registry.running()
    assert table.row_of(ada.code).owner is None


async def test_many_rooms_play_side_by_side():
    table = Table()
    ada, bob = await seated(table)
    users = []
    for place in range(30):
        user = table.user(f"u{place}")
        user.code = (await user.ask(user.create()))["room_code"]
        users.append(user)
    commands = [user.change(topic="tea") for user in users]
    table.store.appends.clear()
    for user, command in zip(users, commands, strict=True):
        user.send(command)
    for command in commands:
        assert (await table.outlet.reply(command.id))["type"] == "ok"
    assert len(table.store.appends) < 10
    assert ada.code == bob.code
    await table.end()


class TestOverload:
    @pytest.fixture
    async def busy(self):
        """A node whose admission a test sets."""
        table = Table(admission=an_admission())
        yield table
        table.store.go_on()
        await table.end()

    async def test_new_rooms_are_refused_first_and_made_again_when_it_is_over(self, busy):
        await busy.begin()
        ada = busy.user("ada")
        overload(busy.env.admission, 1)
        create = ada.create()
        assert ada.send(create) is ErrorCode.UNAVAILABLE
        await settle()
        assert not busy.memory._rooms
        overload(busy.env.admission, 0)
        assert "room_code" in await ada.ask(create)

    async def test_a_retry_of_a_room_that_was_made_gets_its_ok(self, busy):
        await busy.begin()
        ada = busy.user("ada")
        create = ada.create()
        first = await ada.ask(create)
        overload(busy.env.admission, 3)
        assert (await ada.again().ask(create))["room_code"] == first["room_code"]

    async def test_who_is_no_member_may_join_until_it_is_worst(self, busy):
        ada, _bob = await seated(busy)
        for level in (1, 2):
            overload(busy.env.admission, level)
            eve = busy.user(f"eve {level}")
            assert (await eve.ask(eve.join(ada.code)))["type"] == "ok"
        overload(busy.env.admission, 3)
        eve = busy.user("eve")
        join = eve.join(ada.code)
        assert eve.send(join) is ErrorCode.UNAVAILABLE
        overload(busy.env.admission, 0)
        assert (await eve.ask(join))["type"] == "ok"

    async def test_members_do_all_that_they_may_also_then(self, busy):
        ada, bob = await seated(busy)
        overload(busy.env.admission, 3)
        assert (await bob.again().ask(bob.join(ada.code)))["type"] == "ok"
        resumed = await bob.again().ask(bob.resume(an_id(), 0))
        assert resumed["type"] == "ok"
        assert (await ada.ask(ada.start()))["type"] == "ok"

    async def test_a_room_that_nobody_was_in_is_opened_for_its_member(self, busy):
        ada, _bob = await seated(busy)
        await busy.end()
        await busy.begin()
        overload(busy.env.admission, 3)
        assert (await ada.again().ask(ada.resume(an_id(), 0)))["type"] == "ok"
