"""Rooms as their members know them: what leaves, when, and in which order."""

import asyncio

import pytest

from tests.fakes import EPOCH_MS, LoopClock, Moderator, a_bank
from tests.unit.rooms.table import Table, an_id, seated, settle
from votegame.errors import ErrorCode
from votegame.game.house import House
from votegame.rooms.inbox import INBOX_ENTRIES, Subscription
from votegame.rooms.ports import Place

pytestmark = pytest.mark.looptime


async def in_round(players, **changes):
    """Ada's game has begun; returns the round."""
    ada, _bob = players
    if changes:
        await ada.ask(ada.change(**changes))
    return (await ada.ask(ada.start()))["round_id"]


async def in_voting(table, players, **changes):
    """Both have answered; returns the round, and the id of each answer by its content."""
    ada, bob = players
    round_id = await in_round(players, **changes)
    await ada.ask(ada.answer(round_id, "apple"))
    await bob.ask(bob.answer(round_id, "bone"))
    voting = table.outlet.frames("voting_started")[-1]
    return round_id, {answer["content"]: answer["id"] for answer in voting["answers"]}


def event_at(table, name):
    """When the last event of that name left, in milliseconds."""
    return next(EPOCH_MS + round(told.at * 1000) for told in reversed(table.outlet.told) if told.name == name)


async def test_a_game_is_played_and_each_reply_comes_before_what_it_causes(table, room):
    ada, bob = await room
    round_id, answers = await in_voting(table, (ada, bob), total_rounds=1)
    await ada.ask(ada.vote(round_id, answers["bone"]))
    await bob.ask(bob.vote(round_id, answers["apple"]))
    await settle()
    assert table.outlet.names == [
        "ok ada-2",
        "settings_updated",
        "ok ada-3",
        "game_started",
        "ok ada-4",
        "answer_submitted",
        "ok bob-2",
        "answer_submitted",
        "voting_started",
        "ok ada-5",
        "vote_update",
        "ok bob-3",
        "vote_update",
        "round_ended",
        "game_ended",
    ]
    seqs = [told.frame["seq"] for told in table.outlet.told if told.frame and "seq" in told.frame]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))


async def test_nothing_leaves_before_its_position_is_committed(table, room):
    ada, bob = await room
    table.store.hang()
    ada.send(ada.start(id_="start"))
    bob.send(bob.start(id_="refused"))
    bob.send(bob.join(bob.code, id_="read"))
    bob.send(bob.resume(table.room_of(ada.code).state.stream, 0, id_="resume"))
    await settle()
    assert table.outlet.told == []
    table.store.go_on()
    await settle()
    assert table.outlet.names == ["ok start", "game_started", "not_host refused", "ok read", "ok resume"]
    assert table.outlet.replies_to("read")[0]["state"]["phase"] == "answering"


async def test_a_notice_of_presence_waits_for_what_was_decided_before_it(table, room):
    ada, bob = await room
    bob.lose()
    await asyncio.sleep(19.5)
    table.store.hang()
    ada.send(ada.change(topic="tea"))
    await settle()
    bob.again()
    await asyncio.sleep(0.8)
    assert table.outlet.told == []
    table.store.go_on()
    await table.outlet.until(lambda: "player_connection" in table.outlet.names)
    assert table.outlet.names[:2] == ["ok ada-2", "settings_updated"]


async def test_who_gives_commands_over_a_connection_without_the_rooms_frames_is_there(table, room):
    ada, bob = await room
    round_id = await in_round((ada, bob))
    table.outlet.clear()
    bob.lose()
    bob.again()
    await asyncio.sleep(15)
    await bob.ask(bob.answer(round_id, "apple"))
    await asyncio.sleep(19.5)
    assert table.outlet.frames("player_connection") == []
    await asyncio.sleep(1)
    assert [frame["connected"] for frame in table.outlet.frames("player_connection")] == [False]
    await bob.ask(bob.answer(round_id, "apple"))
    await table.outlet.until(lambda: len(table.outlet.frames("player_connection")) > 1)
    assert table.outlet.frames("player_connection")[-1]["connected"]


async def test_a_retry_waits_at_the_same_gate_and_gets_the_same_ok(table, room):
    ada, bob = await room
    round_id = await in_round((ada, bob))
    table.outlet.clear()
    table.store.hang()
    ada.send(ada.answer(round_id, "apple", id_="a"))
    ada.again().send(ada.answer(round_id, "apple", id_="a"))
    ada.send(ada.answer(round_id, "apple", id_="other id"))
    ada.send(ada.answer(round_id, "pear", id_="a"))
    ada.send(ada.answer(round_id, "pear", id_="b"))
    await settle()
    assert table.outlet.told == []
    table.store.go_on()
    await settle()
    first, second = table.outlet.replies_to("a")[:2]
    assert first == second
    assert table.outlet.replies_to("other id")[0]["answer_id"] == first["answer_id"]
    assert [reply.get("code") for reply in table.outlet.replies_to("a")] == [None, None, "id_reused"]
    assert table.outlet.replies_to("b")[0]["code"] == "already_answered"
    assert len(table.rows(ada.code, "answer_submitted")) == 1
    assert bob.code == ada.code


async def test_operators_can_count_how_commands_are_answered():
    answers = []
    table = Table(observe_turn=answers.append)
    ada, bob = await seated(table)
    answers.clear()
    await ada.ask(ada.change(topic="tea"))
    await bob.ask(bob.start())
    assert answers == ["ok", "not_host"]
    await table.end()


@pytest.mark.parametrize("fault", ["before", "after"])
async def test_an_unknown_outcome_costs_nothing(table, room, fault):
    ada, bob = await room
    round_id = await in_round((ada, bob))
    table.store.faults = [fault]
    reply = await ada.ask(ada.answer(round_id, "apple", id_="a"))
    await settle()
    assert [row.payload["answer_id"] for row in table.rows(ada.code, "answer_submitted")] == [reply["answer_id"]]
    assert len(table.outlet.replies_to("a")) == 1


class TestLate:
    async def test_changes_are_refused_unapplied_and_a_resume_waits(self, table, room):
        ada, bob = await room
        stream = table.room_of(ada.code).state.stream
        table.store.hang()
        ada.send(ada.change(topic="tea", id_="slow"))
        await asyncio.sleep(0.9)
        assert bob.send(bob.leave(id_="in time")) is None
        await asyncio.sleep(0.2)
        assert ada.send(ada.change(topic="milk", id_="late")) == ErrorCode.UNAVAILABLE
        assert bob.send(bob.join(bob.code, id_="late join")) == ErrorCode.UNAVAILABLE
        assert ada.send(ada.resume(stream, 0, id_="resume")) is None
        await settle()
        assert table.outlet.told == []
        table.store.go_on()
        state = await table.outlet.reply("resume")
        assert state["recovered"] is False or state["events"]
        assert table.room_of(ada.code).state.settings.topic == "tea"
        assert len(table.outlet.replies_to("in time")) == 1
        assert (await ada.ask(ada.change(topic="milk")))["settings"]["topic"] == "milk"

    async def test_what_waits_for_a_commit_is_bounded(self, table, room):
        ada, _bob = await room
        table.store.hang()
        ada.send(ada.change(topic="tea"))
        await asyncio.sleep(2)
        stream = table.room_of(ada.code).state.stream
        outcomes = []
        for _ in range(4):
            outcomes += [ada.send(ada.resume(stream, 0)) for _ in range(INBOX_ENTRIES)]
            await settle()
        assert outcomes.count(None) <= 2 * INBOX_ENTRIES
        assert outcomes[-1] == ErrorCode.UNAVAILABLE

    async def test_a_shut_gate_moves_the_deadline_by_that_time_once(self, table, room):
        ada, bob = await room
        round_id = await in_round((ada, bob))
        before = table.outlet.frames("game_started")[0]["deadline"]
        table.store.hang()
        ada.send(ada.answer(round_id, "apple"))
        await asyncio.sleep(0.5)
        bob.send(bob.change(id_="read"))
        ada.send(ada.leave())
        await asyncio.sleep(2.5)
        table.store.go_on()
        await settle()
        moved = table.outlet.frames("deadline_changed")
        assert len(moved) == 1
        assert 3_000 <= moved[0]["deadline"] - before <= 3_050

    async def test_a_second_outage_counts_by_itself(self, table, room):
        ada, bob = await room
        round_id = await in_round((ada, bob))
        before = table.outlet.frames("game_started")[0]["deadline"]
        for command in (ada.answer(round_id, "apple"), ada.leave()):
            table.store.hang()
            ada.send(command)
            await asyncio.sleep(2)
            table.store.go_on()
            await asyncio.sleep(1)
        moved = [frame["deadline"] - before for frame in table.outlet.frames("deadline_changed")]
        assert [round(by, -2) for by in moved] == [2_000, 4_000]

    async def test_a_short_wait_moves_nothing(self, table, room):
        ada, bob = await room
        round_id = await in_round((ada, bob))
        table.store.hang()
        ada.send(ada.answer(round_id, "apple"))
        await asyncio.sleep(0.95)
        table.store.go_on()
        await asyncio.sleep(1)
        assert table.outlet.frames("deadline_changed") == []

    async def test_a_locked_room_is_late_alone(self, table, room):
        ada, _bob = await room
        eve = table.user("eve")
        eve.code = (await eve.ask(eve.create()))["room_code"]
        table.store.busy = {table.room_of(ada.code).room_epoch[0]}
        ada.send(ada.change(topic="tea", id_="locked"))
        await asyncio.sleep(1.5)
        assert ada.send(ada.change(topic="milk")) == ErrorCode.UNAVAILABLE
        await eve.ask(eve.change(topic="free"))
        table.store.busy = set()
        assert (await table.outlet.reply("locked"))["type"] == "ok"


class TestTimers:
    async def test_a_phase_ends_200_ms_after_its_deadline_and_never_before(self, table, room):
        ada, bob = await room
        round_id = await in_round((ada, bob), answer_seconds=10)
        deadline = table.outlet.frames("game_started")[0]["deadline"]
        await asyncio.sleep((deadline + 150 - table.clock.now_ms()) / 1000)
        assert (await ada.ask(ada.answer(round_id, "in time")))["type"] == "ok"
        await asyncio.sleep(1)
        assert deadline + 200 <= event_at(table, "voting_started") <= deadline + 250
        assert table.outlet.frames("voting_started")[0]["answers"][0]["content"] == "in time"

    async def test_a_timer_waits_for_all_before_it_and_nothing_overtakes_it(self, table, room):
        ada, bob = await room
        round_id = await in_round((ada, bob), answer_seconds=10)
        deadline = table.outlet.frames("game_started")[0]["deadline"]
        await asyncio.sleep((deadline + 150 - table.clock.now_ms()) / 1000)
        table.store.hang()
        ada.send(ada.answer(round_id, "in time"))
        await asyncio.sleep(0.2)
        bob.send(bob.answer(round_id, "too late", id_="late"))
        await asyncio.sleep(0.4)
        assert table.room_of(ada.code).state.phase.name == "answering"
        table.store.go_on()
        assert (await table.outlet.reply("late"))["code"] == "wrong_phase"
        assert [answer["content"] for answer in table.outlet.frames("voting_started")[0]["answers"]] == ["in time"]

    async def test_a_timer_that_moved_on_does_nothing(self, table, room):
        ada, bob = await room
        round_id, _answers = await in_voting(table, (ada, bob), answer_seconds=10, vote_seconds=60)
        await asyncio.sleep(20)
        assert table.outlet.frames("round_ended") == []
        assert round_id
        assert bob.code == ada.code

    async def test_phases_end_by_themselves_to_the_end_of_the_game(self, table, room):
        ada, bob = await room
        await in_round((ada, bob), answer_seconds=10, results_seconds=3, total_rounds=2)
        await asyncio.sleep(40)
        names = [name for name in table.outlet.names if not name.startswith("ok")]
        assert names == [
            "settings_updated",
            "game_started",
            "round_ended",
            "round_started",
            "round_ended",
            "game_ended",
        ]

    async def test_a_host_who_stays_away_is_replaced(self, table, room):
        ada, bob = await room
        ada.lose()
        await asyncio.sleep(29.9)
        assert table.outlet.frames("host_changed") == []
        await asyncio.sleep(0.3)
        assert table.outlet.frames("host_changed")[0]["host_id"] == bob.id

    async def test_a_room_that_nobody_came_back_to_is_closed(self, table, room):
        ada, bob = await room
        ada.lose()
        bob.lose()
        await asyncio.sleep(1)
        assert table.row_of(ada.code).head.status == "lobby"


@pytest.mark.parametrize("jump_ms", [3_600_000, -7_200_000])
async def test_countdowns_are_right_when_the_clock_of_the_database_was_set(table, room, jump_ms):
    ada, bob = await room
    table.memory._now_ms = lambda: table.clock.now_ms() + jump_ms
    await in_round((ada, bob), answer_seconds=10)
    started = table.outlet.frames("game_started")[0]
    assert started["deadline"] - started["server_time"] == pytest.approx(10_000, abs=1_100)
    await asyncio.sleep(10.5)
    assert started["deadline"] + 200 <= event_at(table, "round_ended") <= started["deadline"] + 250
    assert table.outlet.frames("round_ended")[0]["server_time"] > started["server_time"]


class BusyClock(LoopClock):
    """A clock that goes on while the loop is busy, when a test says so."""

    busy_seconds = 0.0

    def seconds(self) -> float:
        return super().seconds() + self.busy_seconds


class TestABusyLoop:
    """Between a command's coming and its turn the loop had other things to do for a while."""

    @pytest.fixture
    async def table(self):
        table = Table(clock=BusyClock())
        yield table
        await table.end()

    async def just_before(self, table, due_ms):
        await asyncio.sleep((due_ms - 100 - table.clock.now_ms()) / 1000)

    async def test_what_came_before_the_end_of_a_phase_counts_and_what_came_after_it_does_not(self, table):
        ada, bob = await seated(table)
        round_id = await in_round((ada, bob), answer_seconds=10, host_away="wait")
        await self.just_before(table, table.outlet.frames("game_started")[0]["deadline"])
        ada.send(ada.answer(round_id, "in time", id_="in time"))
        table.clock.busy_seconds += 0.4
        bob.send(bob.answer(round_id, "too late", id_="too late"))
        assert (await table.outlet.reply("in time"))["type"] == "ok"
        assert (await table.outlet.reply("too late"))["code"] == "wrong_phase"
        assert [answer["content"] for answer in table.outlet.frames("voting_started")[0]["answers"]] == ["in time"]

    async def test_what_stands_before_a_command_that_was_in_time_is_taken_with_it(self, table):
        ada, bob = await seated(table)
        round_id = await in_round((ada, bob), answer_seconds=10)
        await self.just_before(table, table.outlet.frames("game_started")[0]["deadline"])
        ada.lose()
        bob.send(bob.answer(round_id, "in time", id_="in time"))
        table.clock.busy_seconds += 0.4
        assert (await table.outlet.reply("in time"))["type"] == "ok"

    async def test_a_loss_alone_does_not_come_before_the_end_of_a_phase(self, table):
        ada, bob = await seated(table)
        await in_round((ada, bob), answer_seconds=10)
        await self.just_before(table, table.outlet.frames("game_started")[0]["deadline"])
        bob.lose()
        table.clock.busy_seconds += 0.4
        await settle()
        assert table.outlet.frames("round_ended")

    async def test_an_answer_from_within_the_grace_period_comes_before_its_end(self, table):
        ada, bob = await seated(table)
        round_id = await in_round((ada, bob))
        await ada.ask(ada.answer(round_id, "apple"))
        lost_ms = table.clock.now_ms()
        bob.lose()
        await self.just_before(table, lost_ms + 20_000)
        bob.send(bob.answer(round_id, "bone", id_="in time"))
        table.clock.busy_seconds += 0.4
        assert (await table.outlet.reply("in time"))["type"] == "ok"
        assert len(table.outlet.frames("voting_started")[0]["answers"]) == 2


class TestPresence:
    async def test_a_lost_player_is_told_after_the_grace_period_and_when_he_is_back(self, table, room):
        ada, bob = await room
        bob.lose()
        await asyncio.sleep(19.9)
        assert table.outlet.told == []
        await asyncio.sleep(0.2)
        assert [frame["connected"] for frame in table.outlet.frames("player_connection")] == [False]
        state = (await ada.ask(ada.join(ada.code)))["state"]
        assert [member["connected"] for member in state["members"]] == [True, False]
        await bob.again().ask(bob.resume(state["stream"], state["seq"]))
        await settle()
        assert table.outlet.frames("player_connection")[-1]["connected"] is True

    async def test_a_late_loss_of_an_old_socket_changes_nothing(self, table, room):
        _ada, bob = await room
        old = bob.connection_id
        await bob.again().ask(bob.join(bob.code))
        bob.lose(old)
        bob.lose(old)
        await asyncio.sleep(30)
        assert table.outlet.frames("player_connection") == []

    async def test_a_phase_ends_without_those_who_are_gone(self, table, room):
        ada, bob = await room
        round_id = await in_round((ada, bob))
        bob.lose()
        await ada.ask(ada.answer(round_id, "apple"))
        await asyncio.sleep(19)
        assert table.outlet.frames("voting_started") == []
        await asyncio.sleep(2)
        assert len(table.outlet.frames("voting_started")) == 1

    async def test_a_connection_that_was_lost_before_its_turn_is_not_there(self, table, room):
        _ada, bob = await room
        old = bob.connection_id
        bob.again().send(bob.join(bob.code))
        bob.lose()
        bob.lose(old)
        await asyncio.sleep(21)
        assert [frame["connected"] for frame in table.outlet.frames("player_connection")] == [False]


class TestResume:
    async def test_exactly_the_missed_events(self, table, room):
        ada, bob = await room
        state = (await bob.ask(bob.join(bob.code)))["state"]
        await ada.ask(ada.change(topic="tea"))
        await ada.ask(ada.change(topic="milk"))
        reply = await bob.again().ask(bob.resume(state["stream"], state["seq"]))
        sent = [told.frame for told in table.outlet.told if told.name == "settings_updated"]
        assert reply["recovered"] is True
        assert reply["events"] == sent
        assert reply["now"]["connected"] == [ada.id, bob.id]
        assert table.outlet.told[-1].delivery.attach == ada.code
        assert not table.outlet.told[-1].delivery.durable, "a node that may have lost the room must not say how it is"

    async def test_nothing_missed(self, table, room):
        _ada, bob = await room
        state = (await bob.ask(bob.join(bob.code)))["state"]
        reply = await bob.ask(bob.resume(state["stream"], state["seq"]))
        assert (reply["recovered"], reply["events"]) == (True, [])

    @pytest.mark.parametrize("too_much", [1, 10**6])
    async def test_more_than_there_is_gets_a_snapshot(self, table, room, too_much):
        _ada, bob = await room
        state = (await bob.ask(bob.join(bob.code)))["state"]
        reply = await bob.ask(bob.resume(state["stream"], state["seq"] + too_much))
        assert (reply["recovered"], reply["state"]["seq"]) == (False, state["seq"])

    async def test_another_stream_gets_a_snapshot(self, table, room):
        _ada, bob = await room
        state = (await bob.ask(bob.join(bob.code)))["state"]
        reply = await bob.ask(bob.resume(an_id(), state["seq"]))
        assert (reply["recovered"], reply["stream"]) == (False, state["stream"])

    async def test_too_old_gets_a_snapshot(self, table, room):
        ada, bob = await room
        state = (await bob.ask(bob.join(bob.code)))["state"]
        for place in range(257):
            await ada.ask(ada.change(topic=str(place)))
        assert (await bob.ask(bob.resume(state["stream"], state["seq"])))["recovered"] is False
        assert len((await bob.ask(bob.resume(state["stream"], state["seq"] + 1)))["events"]) == 256

    async def test_after_a_reload_from_memory_only(self, table, room):
        ada, bob = await room
        state = (await bob.ask(bob.join(bob.code)))["state"]
        await ada.ask(ada.change(topic="tea"))
        await table.end()
        await table.begin()
        reply = await bob.again().ask(bob.resume(state["stream"], state["seq"]))
        assert (reply["recovered"], reply["state"]["settings"]["topic"]) == (False, "tea")
        assert (await bob.ask(bob.resume(state["stream"], reply["state"]["seq"])))["recovered"] is True

    async def test_one_who_left_gets_nothing(self, table, room):
        ada, bob = await room
        state = (await bob.ask(bob.join(bob.code)))["state"]
        await bob.ask(bob.leave())
        assert (await bob.ask(bob.resume(state["stream"], state["seq"])))["code"] == "not_member"
        assert table.outlet.told[-1].delivery.attach is None
        assert ada.code == bob.code


async def test_the_next_question_is_held_beforehand(table, room):
    ada, bob = await room
    round_id = await in_round((ada, bob))
    assert table.outlet.frames("game_started")[0]["question"] == "What about 2?", "the first was drawn for Ada alone"
    await settle()
    await ada.ask(ada.end_round(round_id))
    await ada.ask(ada.next_round())
    assert table.outlet.frames("round_started")[0]["question"] == "What about 3?"


async def test_a_closed_room_answers_repetitions_only(table, room):
    ada, bob = await room
    stream = table.room_of(ada.code).state.stream
    await bob.ask(bob.leave())
    leave = ada.leave(id_="leave")
    first = await ada.ask(leave)
    await settle()
    assert len(table.registry) == 0
    table.outlet.clear()
    assert await ada.ask(leave) == first
    assert (await ada.ask(ada.resume(stream, 0)))["code"] == "room_not_found"
    assert (await bob.ask(bob.join(bob.code)))["code"] == "room_not_found"
    await settle()
    assert len(table.registry) == 0


class TestModeration:
    """With a moderator who flags what says that it is rude."""

    @pytest.fixture
    def moderator(self):
        return Moderator()

    @pytest.fixture
    async def players(self, moderator):
        house = House(bank=a_bank(), has_moderation=True)
        table = Table(moderator=moderator, house=house)
        ada, bob = await seated(table, moderation="on")
        yield table, ada, bob
        await table.end()

    def counts(self, table):
        return [frame["submitted_count"] for frame in table.outlet.frames("answer_submitted")]

    async def test_an_answer_that_is_flagged_is_told_to_its_author_alone_and_left_out(self, players):
        table, ada, bob = players
        round_id = await in_round((ada, bob))
        reply = await bob.ask(bob.answer(round_id, "rude"))
        await ada.ask(ada.answer(round_id, "tea"))
        await settle()
        (told,) = [told for told in table.outlet.told if told.name == "answer_flagged"]
        assert (told.delivery.user_id, told.frame["answer_id"]) == (bob.id, reply["answer_id"])
        assert self.counts(table) == [1]
        await ada.ask(ada.start_voting(round_id))
        assert [one["content"] for one in table.outlet.frames("voting_started")[0]["answers"]] == ["tea"]

    async def test_the_last_answer_ends_the_phase_when_it_is_checked(self, players, moderator):
        table, ada, bob = players
        round_id = await in_round((ada, bob))
        await bob.ask(bob.answer(round_id, "tea"))
        await settle()
        moderator.gate.clear()
        await ada.ask(ada.answer(round_id, "milk"))
        await settle()
        assert (self.counts(table), table.outlet.frames("voting_started")) == ([1], [])
        state = (await bob.ask(bob.join(bob.code)))["state"]
        assert state["round"]["submitted_count"] == 1
        moderator.gate.set()
        await settle()
        assert self.counts(table) == [1, 2]
        assert len(table.outlet.frames("voting_started")) == 1

    async def test_what_is_under_way_when_the_node_dies_is_checked_again(self, players, moderator):
        table, ada, bob = players
        round_id = await in_round((ada, bob))
        moderator.gate.clear()
        await bob.ask(bob.answer(round_id, "rude"))
        await table.end()
        moderator.gate.set()
        await table.begin()
        await ada.again().ask(ada.join(ada.code))
        await settle()
        assert [row.payload["reason"] for row in table.rows(ada.code, "answer_flagged")] == ["moderation"]
        state = (await bob.again().ask(bob.join(bob.code)))["state"]
        assert state["you"]["answer_flagged"]["reason"] == "moderation"

    async def test_a_gateway_that_has_missed_something_is_told_again_who_has_no_answer(self, players):
        table, ada, bob = players
        round_id = await in_round((ada, bob))
        await bob.ask(bob.answer(round_id, "rude"))
        await settle()
        table.outlet.clear()
        room = table.room_of(ada.code)
        place = Place(room.state.stream, room.state.seq)
        sockets = {bob.id: frozenset({"far"})}
        asked = Subscription(
            node_id="far", room_code=ada.code, ref=1, place=place, sockets=sockets, received_at=table.clock.seconds()
        )
        table.registry.subscribe(asked)
        await settle()
        kinds = [type(told.delivery).__name__ for told in table.outlet.told]
        assert kinds == ["Resumed", "WhisperFrame"]
