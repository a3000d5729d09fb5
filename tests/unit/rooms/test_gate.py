import asyncio

import pytest

from tests.fakes import EPOCH_MS, HandClock, KeptOutlet, LoopClock
from votegame.errors import ErrorCode
from votegame.game.change import Event, Notice, Ok, Refusal, Whisper
from votegame.rooms.gate import AddressedReply, Gate
from votegame.rooms.ports import Origin


def event(seq, name="settings_updated", **kinds):
    return Event(seq, name, {"n": seq}, **kinds)


def notice(count, subject=""):
    shared = {"submitted_count": count}
    return Notice("vote_update", subject, {**shared, "vote_count": count}, tuple(shared))


def connection(user, *, connected):
    return Notice("player_connection", user, {"user_id": user, "connected": connected})


def answered(command_id, reply=None):
    return AddressedReply(Origin("c", 1), command_id, reply or Ok({}))


class Door:
    def __init__(self, clock=None, committed=10, told_seq=3):
        self.clock = clock or HandClock()
        self.outlet = KeptOutlet(self.clock)
        self.gate = Gate("ABC234", self.outlet, self.clock, committed=committed, told_seq=told_seq)

    def add(self, position, *outputs, members=2):
        self.gate.add(position, outputs, members=members)

    @property
    def names(self):
        return self.outlet.names


def test_nothing_leaves_before_its_position_is_committed():
    door = Door()
    door.add(11, answered("a"), notice(1), event(4))
    door.add(11, answered("read", Refusal(ErrorCode.WRONG_PHASE, {"phase": "lobby"})))
    door.add(11, connection("ada", connected=False))
    door.add(12, answered("b"))
    assert door.names == []
    assert not door.gate.is_idle
    door.gate.open_to(11, 77)
    assert door.names == ["ok a", "vote_update", "settings_updated", "wrong_phase read", "player_connection"]
    assert len(door.outlet.turns) == 1
    door.gate.open_to(12, 78)
    assert door.names[-1] == "ok b"
    assert door.gate.is_idle


def test_of_notices_that_leave_together_the_latest_says_all():
    door = Door()
    door.add(11, answered("a"), notice(1, "x"))
    door.add(12, answered("b"), notice(2, "y"))
    door.add(13, answered("c"), notice(3, "x"), Notice("reaction", "ada", {"reaction": "heart"}))
    door.add(13, Notice("reaction", "ada", {"reaction": "laugh"}))
    door.add(14, answered("d"), notice(4, "x"))
    door.gate.open_to(13, 77)
    told = door.outlet.frames("vote_update")
    assert [(frame["submitted_count"], frame["vote_count"]) for frame in told] == [(2, 2), (3, 3)]
    assert door.names == ["ok a", "ok b", "vote_update", "ok c", "vote_update", "reaction", "reaction"]
    door.gate.open_to(14, 78)
    assert door.names[-2:] == ["ok d", "vote_update"]


def test_the_event_that_ends_a_phase_says_more_than_notices_of_earlier_turns():
    door = Door()
    door.add(11, answered("a"), notice(1, "x"))
    door.add(12, answered("b"), notice(2, "y"), connection("ada", connected=False))
    door.add(13, answered("c"), notice(3, "z"), event(4, "round_ended", ends_phase=True), notice(0, "next"))
    door.add(14, notice(5, "later"))
    door.gate.open_to(13, 77)
    assert door.names == ["ok a", "ok b", "player_connection", "ok c", "vote_update", "round_ended", "vote_update"]
    assert [frame["submitted_count"] for frame in door.outlet.frames("vote_update")] == [3, 0]


def test_an_event_that_is_not_kept_yet_takes_no_notice_away():
    door = Door()
    door.add(11, answered("a"), notice(1, "x"))
    door.add(12, event(4, "round_ended", ends_phase=True))
    door.gate.open_to(11, 77)
    assert door.names == ["ok a", "vote_update"]


def test_what_is_decided_on_what_is_kept_leaves_at_once():
    door = Door()
    door.add(10, answered("read"))
    door.add(10)
    assert door.names == ["ok read"]
    assert len(door.outlet.turns) == 1


def test_an_event_carries_the_time_of_its_commit():
    door = Door()
    door.add(11, event(4))
    door.gate.open_to(11, EPOCH_MS + 5)
    frame = door.outlet.told[0].frame
    assert frame == {
        "type": "settings_updated",
        "room_code": "ABC234",
        "seq": 4,
        "server_time": EPOCH_MS + 5,
        "n": 4,
    }


def test_a_joiner_gets_his_state_after_the_events_that_it_includes():
    door = Door()
    door.add(11, answered("join", Ok({"state": {}}, attach=True)), event(4, "player_joined"))
    door.gate.open_to(11, 1)
    assert door.names == ["player_joined", "ok join"]
    assert door.outlet.told[1].delivery.attach == "ABC234"


def test_who_left_gets_no_frame_after_his_leaving_and_a_closed_room_speaks_to_nobody():
    door = Door()
    door.add(11, answered("leave"), event(4, "player_left", detaches="ada"), event(5, "room_closed", closes_room=True))
    door.gate.open_to(11, 1)
    assert door.names == ["ok leave", "player_left", "detach", "room_closed", "detach"]
    assert [told.delivery.user_id for told in door.outlet.told if told.name == "detach"] == ["ada", None]


def test_what_may_leave_without_a_lease_is_marked():
    door = Door()
    door.add(
        11,
        answered("kept"),
        answered("read", Ok({}, durable=False)),
        answered("no", Refusal(ErrorCode.NOT_HOST)),
        event(4),
        notice(1),
    )
    door.gate.open_to(11, 1)
    assert [told.delivery.durable for told in door.outlet.told] == [True, False, False, True, False]


def test_what_was_not_written_is_said_of_each_command_and_nothing_else_leaves():
    door = Door()
    door.add(11, answered("before"), event(4))
    door.add(13, answered("guilty"), event(5))
    door.add(13, answered("read"), notice(1))
    door.add(14, answered("after"))
    door.gate.discard(13)
    assert door.names == ["unavailable before", "internal guilty", "unavailable read", "unavailable after"]
    assert door.gate.is_idle


def test_a_gate_that_told_everything_knows_what_it_told():
    door = Door()
    door.add(11, event(4))
    door.add(12, event(5))
    assert door.gate.told_seq == 3
    door.gate.open_to(11, 1)
    assert door.gate.told_seq == 4
    door.gate.discard(12)
    assert door.gate.told_seq == 4


class TestLargeRoom:
    pytestmark = pytest.mark.looptime

    @pytest.fixture
    async def door(self):
        door = Door(LoopClock())
        yield door
        door.gate.close()

    async def test_notices_are_held_back_and_the_latest_value_leaves(self, door):
        for count in range(1, 100):
            door.add(10, notice(count), members=40)
        assert [frame["vote_count"] for frame in door.outlet.frames("vote_update")] == [1]
        await asyncio.sleep(1)
        assert [frame["vote_count"] for frame in door.outlet.frames("vote_update")] == [1, 99]

    async def test_they_leave_before_the_event_that_ends_their_phase_or_never(self, door):
        door.add(10, notice(1), members=40)
        door.add(10, notice(2), members=40)
        door.add(11, event(4, "round_ended", ends_phase=True), members=40)
        door.gate.open_to(11, 1)
        await asyncio.sleep(1)
        assert door.names == ["vote_update", "round_ended"]

    async def test_a_newer_value_is_never_followed_by_an_older_one_when_a_room_gets_smaller(self, door):
        door.add(10, notice(1), members=33)
        door.add(10, notice(2), notice(2, "other"), members=33)
        door.add(10, notice(3), members=32)
        await asyncio.sleep(1)
        frames = door.outlet.frames("vote_update")
        counts = [frame["submitted_count"] for frame in frames]
        assert counts == sorted(counts)
        assert frames[-1]["submitted_count"] == 3
        assert [frame["vote_count"] for frame in frames].count(3) == 1

    async def test_nothing_is_told_of_who_left(self, door):
        door.add(10, connection("ada", connected=True), members=40)
        door.add(10, connection("ada", connected=False), members=40)
        door.add(11, event(4, "player_left", detaches="ada"), members=39)
        door.gate.open_to(11, 1)
        await asyncio.sleep(1)
        assert door.names == ["player_connection", "player_left", "detach"]

    async def test_a_discarded_gate_is_silent(self, door):
        door.add(10, notice(1), members=40)
        door.add(10, notice(2), members=40)
        door.gate.discard(None)
        await asyncio.sleep(1)
        assert door.names == ["vote_update"]


def test_a_whisper_leaves_in_its_place_and_is_for_one_user():
    door = Door()
    door.add(11, event(4), Whisper("ben", "answer_flagged", {"round_id": "r"}), notice(1))
    assert door.names == []
    door.gate.open_to(11, 77)
    assert door.names == ["settings_updated", "answer_flagged", "vote_update"]
    whispered = door.outlet.told[1]
    assert (whispered.delivery.user_id, whispered.frame["round_id"]) == ("ben", "r")
    assert "seq" not in whispered.frame
