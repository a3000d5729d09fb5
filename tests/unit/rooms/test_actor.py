"""How actors end, and what their successors go on with."""

import asyncio
import gc
import weakref
from itertools import pairwise

import pytest

from tests.unit.rooms.table import Table, of_later_release, settle
from votegame.errors import StoreUnavailableError
from votegame.game import records, rules
from votegame.game.commands import UpdateSettings
from votegame.game.messages import FromUser, Loaded, TimerDue

pytestmark = pytest.mark.looptime


def overtaken(table, code):
    """Another owner claims the room; this node is not told."""
    table.row_of(code).epoch += 1


def closed(table):
    return [told.delivery.close_code for told in table.outlet.told if told.name == "close"]


class TestFenced:
    async def test_nothing_is_said_but_unavailable_and_the_successor_goes_on_with_the_same_sockets(self, table, room):
        ada, bob = await room
        overtaken(table, ada.code)
        ada.send(ada.change(topic="tea", id_="lost"))
        bob.send(bob.join(bob.code, id_="read"))
        await settle()
        # Notices may have been lost as well, so they are told again.
        told_again = [frame["connected"] for frame in table.outlet.frames("player_connection")]
        assert table.outlet.names == ["unavailable lost", "unavailable read", *["player_connection"] * 2]
        assert told_again == [True, True]
        table.outlet.clear()
        assert (await ada.ask(ada.change(topic="milk", id_="again")))["settings"]["topic"] == "milk"
        await settle()
        assert table.outlet.names == ["ok again", "settings_updated"]
        assert len(table.rows(ada.code, "settings_updated")) == 1
        await asyncio.sleep(60)
        assert table.outlet.frames("player_connection") == []

    async def test_a_node_that_lost_its_lease_is_told_which_rooms_it_lost(self, table, room):
        ada, bob = await room
        eve = table.user("eve")
        eve.code = (await eve.ask(eve.create()))["room_code"]
        kept = table.room_of(eve.code)
        overtaken(table, ada.code)
        table.store.hang()
        ada.send(ada.change(topic="tea", id_="lost"))
        await settle()
        table.store.go_on()
        await table.registry.discard_fenced()
        await table.outlet.reply("lost")
        await settle()
        assert table.room_of(eve.code) is kept
        assert table.outlet.replies_to("lost")[0]["code"] == "unavailable"
        assert len(table.outlet.replies_to("lost")) == 1
        assert (await bob.ask(bob.join(bob.code)))["state"]["settings"]["topic"] == ""

    async def test_members_who_missed_an_event_are_sent_away(self, table, room):
        ada, _bob = await room
        table.store.faults = ["after", "before", "before"]
        table.store.log_ends_faults = [StoreUnavailableError("gone")] * 3
        ada.send(ada.change(topic="tea", id_="a"))
        await settle()
        overtaken(table, ada.code)
        assert (await table.outlet.reply("a"))["code"] == "unavailable"
        await settle()
        assert closed(table) == [1012]
        assert (await ada.again().ask(ada.change(topic="tea", id_="a")))["type"] == "ok"
        assert len(table.rows(ada.code, "settings_updated")) == 1

    async def test_members_who_missed_a_count_are_told_it(self, table, room):
        ada, _bob = await room
        round_id = (await ada.ask(ada.start()))["round_id"]
        await settle()
        table.store.faults = ["after", "before", "before"]
        table.store.log_ends_faults = [StoreUnavailableError("gone")] * 3
        ada.send(ada.answer(round_id, "apple", id_="a"))
        await settle()
        overtaken(table, ada.code)
        assert (await table.outlet.reply("a"))["code"] == "unavailable"
        await settle()
        assert closed(table) == []
        assert [frame["submitted_count"] for frame in table.outlet.frames("answer_submitted")] == [1]

    async def test_members_who_missed_that_one_is_back_are_told_who_is_there(self, table, room):
        ada, bob = await room
        bob.lose()
        await table.outlet.until(lambda: table.outlet.frames("player_connection"))
        table.store.hang()
        ada.send(ada.change(topic="tea", id_="lost"))
        bob.again().send(bob.join(bob.code))
        await settle()
        overtaken(table, ada.code)
        table.store.go_on()
        await table.outlet.reply("lost")
        await settle()
        assert closed(table) == []
        seen = {frame["user_id"]: frame["connected"] for frame in table.outlet.frames("player_connection")}
        assert seen == {ada.user.user_id: True, bob.user.user_id: True}

    async def test_who_was_told_as_gone_is_told_as_back(self, table, room):
        ada, bob = await room
        bob.lose()
        await table.outlet.until(lambda: table.outlet.frames("player_connection"))
        overtaken(table, ada.code)
        ada.send(ada.change(topic="tea", id_="lost"))
        await table.outlet.reply("lost")
        await settle()
        await bob.again().ask(bob.join(bob.code))
        await settle()
        assert closed(table) == []
        of_bob = [each for each in table.outlet.frames("player_connection") if each["user_id"] == bob.user.user_id]
        # Once when he was gone, once more by the next actor, and when he was back.
        assert [frame["connected"] for frame in of_bob] == [False, False, True]

    async def test_what_waits_in_the_inbox_goes_to_the_successor(self, table, room):
        ada, _bob = await room
        overtaken(table, ada.code)
        table.store.hang()
        ada.send(ada.change(topic="tea", id_="lost"))
        await settle()
        table.store.go_on()
        ada.send(ada.change(topic="milk", id_="kept"))
        assert (await table.outlet.reply("kept"))["type"] in {"ok", "error"}
        ada.send(ada.change(topic="milk", id_="more"))
        assert (await table.outlet.reply("more"))["settings"]["topic"] == "milk"

    async def test_without_the_room_members_are_sent_away_and_told(self, table, room):
        ada, _bob = await room
        overtaken(table, ada.code)
        real = table.memory.claim

        async def nothing(*_args):
            return None

        table.memory.claim = nothing
        ada.send(ada.change(topic="tea", id_="lost"))
        await table.outlet.reply("lost")
        await settle()
        assert closed(table) == [1012]
        table.memory.claim = real

    async def test_a_room_whose_owner_lives_waits_and_is_then_unavailable(self, table, room):
        ada, _bob = await room
        await table.nodes.renew("another", "there", 3_000)
        row = table.row_of(ada.code)
        row.owner, row.epoch = "another", row.epoch + 1

        async def live():
            while True:
                await table.nodes.renew("another", "there", 3_000)
                await asyncio.sleep(1)

        living = asyncio.create_task(live())
        ada.send(ada.change(topic="tea", id_="lost"))
        await table.outlet.reply("lost")
        ada.send(ada.change(topic="tea", id_="held"))
        assert (await table.outlet.reply("held"))["code"] == "unavailable"
        living.cancel()
        await asyncio.sleep(4)
        assert (await ada.ask(ada.change(topic="tea", id_="taken over")))["type"] == "ok"


class TestRefused:
    @pytest.fixture
    def refuse_tea(self, table):
        table.store.refused = lambda append: any("'tea'" in str(row.payload) for row in append.rows)

    async def test_the_guilty_command_alone_is_internal_and_what_came_before_is_kept(self, table, room, refuse_tea):
        ada, bob = await room
        table.store.hang()
        ada.send(ada.change(topic="water", id_="first"))
        await settle()
        ada.send(ada.change(topic="milk", id_="before"))
        ada.send(ada.change(topic="tea", id_="guilty"))
        bob.send(bob.join(bob.code, id_="read"))
        ada.send(ada.change(topic="beer", id_="after"))
        await settle()
        table.store.go_on()
        await table.outlet.reply("after")
        replies = {frame["id"]: frame.get("code", "ok") for frame in table.outlet.replies}
        assert replies == {
            "first": "ok",
            "before": "ok",
            "guilty": "internal",
            "read": "unavailable",
            "after": "unavailable",
        }
        await settle()
        assert closed(table) == []
        assert (await bob.ask(bob.join(bob.code)))["state"]["settings"]["topic"] == "milk"
        assert [row.payload["settings"]["topic"] for row in table.rows(ada.code, "settings_updated")] == [
            "water",
            "milk",
        ]

    async def test_other_rooms_of_the_batch_commit(self, table, room, refuse_tea):
        ada, bob = await room
        eve = table.user("eve")
        eve.code = (await eve.ask(eve.create()))["room_code"]
        table.store.hang()
        bob.send(bob.leave())
        await settle()
        ada.send(ada.change(topic="tea", id_="guilty"))
        eve.send(eve.change(topic="milk", id_="other"))
        await settle()
        table.store.go_on()
        assert (await table.outlet.reply("other"))["type"] == "ok"
        assert (await table.outlet.reply("guilty"))["code"] == "internal"

    async def test_an_empty_room_that_broke_is_given_up_for_the_sweeper(self, table, room):
        ada, bob = await room
        await ada.ask(ada.change(answer_seconds=30))
        await ada.ask(ada.start())
        ada.lose()
        bob.lose()
        await settle()
        table.store.refused = lambda append: any(row.type == "round_ended" for row in append.rows)
        await asyncio.sleep(32)
        assert len(table.registry) == 0
        assert table.row_of(ada.code).owner is None


class TestBug:
    @pytest.fixture
    def bug(self, monkeypatch):
        """Messages that make the rules fail."""
        guilty = []

        def decide(state, message, **world):
            if any(is_guilty(message) for is_guilty in guilty):
                raise ZeroDivisionError
            return rules.decide(state, message, **world)

        monkeypatch.setattr("votegame.rooms.room.decide", decide)
        return guilty

    async def test_it_costs_its_command_and_the_room_comes_back(self, table, room, bug):
        ada, bob = await room
        eve = table.user("eve")
        eve.code = (await eve.ask(eve.create()))["room_code"]
        others = table.room_of(eve.code)
        table.outlet.clear()
        bug.append(lambda message: isinstance(message, FromUser) and isinstance(message.command, UpdateSettings))
        table.store.hang()
        ada.send(ada.start(id_="before"))
        ada.send(ada.change(topic="tea", id_="guilty"))
        bob.send(bob.join(bob.code, id_="after"))
        await settle()
        assert table.outlet.names == []
        table.store.go_on()
        await table.outlet.reply("after")
        assert table.outlet.names == ["ok before", "game_started", "internal guilty", "close", "ok after"]
        assert table.room_of(eve.code) is others
        assert (await ada.ask(ada.join(ada.code)))["state"]["phase"] == "answering"

    async def test_a_timer_that_fails_leaves_the_room_to_be_opened_again(self, table, room, bug):
        ada, _bob = await room
        await ada.ask(ada.change(answer_seconds=10))
        await ada.ask(ada.start())
        bug.append(lambda message: isinstance(message, TimerDue))
        await asyncio.sleep(11)
        assert closed(table) == [1012]
        assert len(table.registry) == 0
        assert table.row_of(ada.code).owner is None
        bug.clear()
        assert (await ada.ask(ada.join(ada.code)))["state"]["phase"] == "answering"

    async def test_a_room_that_cannot_be_begun_answers_and_does_not_try_for_ever(self, table, room, bug):
        ada, _bob = await room
        await table.end()
        await table.begin()
        bug.append(lambda message: isinstance(message, Loaded))
        table.store.calls.clear()
        assert (await ada.ask(ada.join(ada.code)))["code"] == "unavailable"
        await settle()
        assert table.store.calls["load"] == 1
        assert len(table.registry) == 0
        assert table.row_of(ada.code).owner is None
        assert list(table.registry.resting()) == [table.row_of(ada.code).made.room_id]

    async def test_what_breaks_before_a_room_is_claimed_makes_none_rest(self, table, room, monkeypatch):
        """Nothing, among the rooms that rest, would keep the sweeper from all rooms."""
        ada, _bob = await room
        await table.end()
        await table.begin()

        async def claim(*_what):
            raise ZeroDivisionError

        monkeypatch.setattr(table.memory, "claim", claim)
        assert (await ada.ask(ada.join(ada.code)))["code"] == "unavailable"
        await settle()
        assert table.registry.resting() == []

    async def test_without_a_log_that_folds_nobody_is_told_that_a_command_had_no_effect(self, table, room):
        ada, _bob = await room
        kept = ada.change(topic="tea")
        assert (await ada.ask(kept))["type"] == "ok"
        await table.end()
        await table.begin()
        table.row_of(ada.code).log.pop(1)
        assert (await ada.ask(kept))["code"] == "unavailable"
        await settle()
        assert table.row_of(ada.code).owner is None
        assert list(table.registry.resting()) == [table.row_of(ada.code).made.room_id]

    async def test_a_room_that_a_later_release_wrote_is_left_to_nodes_that_can_read_it(self, table, room):
        ada, _bob = await room
        await table.end()
        await table.begin()
        of_later_release(table, ada.code)
        assert (await ada.ask(ada.join(ada.code)))["code"] == "unavailable"
        await settle()
        assert table.row_of(ada.code).owner is None
        assert table.registry.resting() == [table.row_of(ada.code).made.room_id]

    async def test_a_record_that_cannot_be_stored_costs_its_command(self, table, room, monkeypatch):
        ada, bob = await room

        def to_row(record):
            if isinstance(record.payload, records.SettingsUpdated):
                raise ZeroDivisionError
            return records.to_row(record)

        monkeypatch.setattr("votegame.rooms.room.to_row", to_row)
        assert (await ada.ask(ada.change(topic="tea")))["code"] == "internal"
        assert (await bob.ask(bob.join(bob.code)))["state"]["settings"]["topic"] == ""

    async def test_an_event_that_cannot_be_told_ends_its_room_and_no_other(self, table, room, monkeypatch):
        ada, bob = await room
        eve = table.user("eve")
        eve.code = (await eve.ask(eve.create()))["room_code"]

        def event(*_args, **_fields):
            raise ZeroDivisionError

        monkeypatch.setattr("votegame.rooms.gate.frames.event", event)
        ada.send(ada.change(topic="tea", id_="guilty"))
        assert (await table.outlet.reply("guilty"))["code"] == "unavailable"
        monkeypatch.undo()
        assert (await eve.ask(eve.change(topic="milk")))["type"] == "ok"
        assert (await bob.ask(bob.join(bob.code)))["state"]["settings"]["topic"] == "tea"
        assert closed(table) == [1012]


class TestIdle:
    async def test_an_idle_room_retires_stores_its_deadline_and_comes_back(self, table, room):
        ada, bob = await room
        stream = table.room_of(ada.code).state.stream
        ada.lose()
        left_at = table.clock.now_ms()
        bob.lose()
        await asyncio.sleep(59)
        assert len(table.registry) == 1
        await asyncio.sleep(3)
        assert len(table.registry) == 0
        assert table.registry.resting() == []
        row = table.row_of(ada.code)
        assert row.owner is None
        assert row.head.next_deadline_ms == left_at + 3_600_000
        reply = await ada.again().ask(ada.resume(stream, 0))
        assert reply["state"]["host_id"] in {ada.id, bob.id}

    async def test_a_room_without_sockets_stays_as_long_as_it_is_given_commands(self, table, room):
        ada, bob = await room
        ada.lose()
        bob.lose()
        for _ in range(4):
            await asyncio.sleep(45)
            assert len(table.registry) == 1
            await ada.ask(ada.change(topic="tea"))

    async def test_a_retired_room_is_gone_before_the_collector_looks(self, table, room):
        ada, bob = await room
        started = await ada.ask(ada.start())
        await bob.ask(bob.answer(started["round_id"], "tea"))
        kept = weakref.ref(table.room_of(ada.code))
        gc.collect()
        gc.disable()
        try:
            for player in (ada, bob):
                await player.ask(player.leave())
            await asyncio.sleep(70)
            assert len(table.registry) == 0
            assert kept() is None
        finally:
            gc.enable()

    async def test_a_room_with_a_socket_stays(self, table, room):
        ada, bob = await room
        bob.lose()
        await asyncio.sleep(300)
        assert len(table.registry) == 1
        assert ada.code == bob.code

    async def test_a_room_waits_for_a_timer_that_is_near(self, table, room):
        ada, bob = await room
        await ada.ask(ada.change(answer_seconds=100))
        await ada.ask(ada.start())
        ada.lose()
        bob.lose()
        await asyncio.sleep(99)
        assert len(table.registry) == 1
        await asyncio.sleep(3)
        assert table.rows(ada.code, "round_ended")
        await asyncio.sleep(60)
        assert len(table.registry) == 0

    async def test_a_room_with_a_far_timer_retires_and_keeps_it(self, table, room):
        ada, bob = await room
        await ada.ask(ada.change(answer_seconds=300, host_away="wait"))
        await ada.ask(ada.start())
        deadline = table.outlet.frames("game_started")[0]["deadline"]
        ada.lose()
        bob.lose()
        await asyncio.sleep(70)
        assert len(table.registry) == 0
        assert table.row_of(ada.code).head.next_deadline_ms == deadline + 200

    async def test_a_room_stays_as_long_as_a_grace_period_runs_and_writes_nothing_meanwhile(self):
        table = Table(retire_seconds=5.0)
        await table.begin()
        ada = table.user("ada")
        ada.code = (await ada.ask(ada.create()))["room_code"]
        ada.lose()
        await settle()
        table.store.appends.clear()
        await asyncio.sleep(19)
        assert len(table.registry) == 1
        assert len(table.store.appends) == 0
        await asyncio.sleep(3)
        assert len(table.registry) == 0
        await table.end()

    async def test_a_command_that_comes_while_the_room_retires_is_answered(self, table, room):
        ada, bob = await room
        ada.lose()
        bob.lose()
        table.questions.gate.clear()
        registry = table.registry
        await asyncio.sleep(58)
        while len(registry):
            await asyncio.sleep(0.1)
        assert (await ada.again().ask(ada.join(ada.code)))["type"] == "ok"

    async def test_giving_up_is_tried_again(self, table, room):
        ada, bob = await room
        ada.lose()
        bob.lose()
        await asyncio.sleep(59)
        release, failures = table.memory.release, ["x", "x"]

        async def failing(*args):
            if failures:
                failures.pop()
                raise StoreUnavailableError
            await release(*args)

        table.memory.release = failing
        await asyncio.sleep(10)
        assert table.row_of(ada.code).owner is None


async def test_a_command_that_waited_too_long_is_not_applied(table, room):
    ada, _bob = await room
    await table.end()
    await table.begin()
    table.store.hang()
    ada.send(ada.change(topic="tea", id_="old"))
    await asyncio.sleep(4)
    ada.send(ada.change(topic="milk", id_="young"))
    await asyncio.sleep(1.5)
    table.store.go_on()
    await table.outlet.reply("young")
    assert table.outlet.replies_to("old") == []
    assert [row.payload["settings"]["topic"] for row in table.rows(ada.code, "settings_updated")] == ["milk"]


async def test_after_a_restart_a_round_gets_five_seconds_once_per_claim(table, room):
    ada, _bob = await room
    await ada.ask(ada.change(answer_seconds=10))
    await ada.ask(ada.start())
    await asyncio.sleep(8)
    await table.end()
    await table.begin()
    table.outlet.clear()
    state = (await ada.ask(ada.join(ada.code)))["state"]
    assert 4_900 <= state["round"]["deadline"] - table.clock.now_ms() <= 5_000
    assert [member["connected"] for member in state["members"]] == [True, True]
    await asyncio.sleep(30)
    assert len(table.outlet.frames("deadline_changed")) <= 1
    assert len(table.outlet.frames("round_ended")) == 1


async def test_a_room_with_a_backlog_lets_others_have_the_loop_after_a_few_turns(table, room):
    ada, _ = await room
    await settle()
    before = table.room_of(ada.code).state.position
    for number in range(60):
        ada.send(ada.change(topic=f"topic {number}", id_=str(number)))
    positions = [before]
    while positions[-1] < before + 60:
        await asyncio.sleep(0)
        positions.append(table.room_of(ada.code).state.position)
    assert max(later - earlier for earlier, later in pairwise(positions)) <= 10


async def test_a_timer_of_which_nothing_comes_keeps_no_other_room_from_its_turns(table, room, monkeypatch):
    ada, _bob = await room
    await ada.ask(ada.start())
    begun, n_taken, n_others = asyncio.Event(), 0, 0

    def nothing(_turn, _message):
        nonlocal n_taken
        n_taken += 1
        begun.set()
        if n_taken > 2_000:
            raise ZeroDivisionError

    monkeypatch.setattr(rules, "_timer_due", nothing)
    await asyncio.wait_for(begun.wait(), 200)
    while n_taken <= 2_000:
        n_others += 1
        await asyncio.sleep(0)
    assert n_others > 100
