"""Commands that come twice."""

import json

import msgspec
import pytest

from tests.played import PlayedRoom
from votegame.errors import ErrorCode
from votegame.game import commands, messages, records, remembered
from votegame.game.change import Ok, Refusal
from votegame.game.presence import Presence
from votegame.game.records import Cause
from votegame.game.remembered import FirstOk, Remembered
from votegame.game.rules import NOTED_PER_MEMBER

TEN_MINUTES_MS = 600_000


@pytest.fixture
def room():
    room = PlayedRoom()
    room.ben, room.cleo = room.a_user("Ben"), room.a_user("Cleo")
    room.say(room.ben, commands.JoinRoom, id="join")
    room.say(room.cleo, commands.JoinRoom, id="join")
    return room


def repeat(room, user, command_type, **fields):
    """The same command twice, with the time between; returns both changes."""
    if "round_id" in command_type.__struct_fields__:
        fields.setdefault("round_id", room.state.phase.round.round_id)
    command = command_type(**{"id": "same", "room_code": room.room_code, **fields})
    return [room.tell(messages.FromUser(user, command)) for _ in range(2)]


def test_a_retry_gets_the_first_ok_and_changes_nothing(room):
    first, second = repeat(room, room.host, commands.StartGame)
    assert first.reply == second.reply == Ok({"round_id": room.state.phase.round.round_id})
    assert second.records == second.public == second.effects == ()


def test_it_does_so_after_the_phase_the_round_and_the_game_have_ended(room):
    room.say(room.host, commands.StartGame)
    command = commands.SubmitAnswer(
        id="a", room_code=room.room_code, round_id=room.state.phase.round.round_id, answer="Mine"
    )
    first = room.tell(messages.FromUser(room.ben, command)).reply
    for _ in range(3):
        assert room.tell(messages.FromUser(room.ben, command)).reply == first
        room.say(room.host, commands.EndRound)
        assert room.tell(messages.FromUser(room.ben, command)).reply == first
        if room.state.phase.name == "results":
            room.say(room.host, commands.NextRound)
    assert room.state.phase.name == "finished"


def test_an_answer_that_was_known_by_its_content_is_known_by_its_other_id_too(room):
    room.say(room.host, commands.StartGame)
    round_id = room.state.phase.round.round_id
    first = room.say(room.ben, commands.SubmitAnswer, id="a", answer="Mine")
    assert room.say(room.ben, commands.SubmitAnswer, id="b", answer="Mine") == first
    room.say(room.cleo, commands.SubmitAnswer, answer="Hers")
    answer_id = room.state.phase.answers[room.cleo.user_id].answer_id
    room.say(room.host, commands.StartVoting)
    vote = room.say(room.ben, commands.SubmitVote, id="c", answer_id=answer_id)
    assert room.say(room.ben, commands.SubmitVote, id="d", answer_id=answer_id) == vote
    room.say(room.host, commands.EndRound)
    room.say(room.host, commands.NextRound)
    assert room.say(room.ben, commands.SubmitAnswer, id="b", answer="Mine", round_id=round_id) == first
    assert room.say(room.ben, commands.SubmitVote, id="d", answer_id=answer_id, round_id=round_id) == vote
    assert room.say(room.ben, commands.SubmitAnswer, id="b", answer="Other") == Refusal(ErrorCode.ID_REUSED)


def test_what_changed_nothing_changes_nothing_when_it_comes_again(room):
    room.say(room.host, commands.LockRoom, id="a")
    room.say(room.host, commands.LockRoom, id="b")
    room.say(room.host, commands.UnlockRoom)
    assert room.say(room.host, commands.LockRoom, id="b") == Ok({})
    assert not room.state.locked
    room.say(room.host, commands.TransferHost, user_id=room.ben.user_id)
    assert room.say(room.host, commands.LockRoom, id="b") == Ok({})


def taken(room):
    return [record for record in room.records if isinstance(record.payload, records.CommandTaken)]


def test_what_changes_nothing_is_not_remembered_where_there_is_a_lot_already(room):
    room.say(room.host, commands.StartGame)
    first = room.say(room.ben, commands.SubmitAnswer, answer="Mine")
    for number in range(3 * NOTED_PER_MEMBER):
        assert room.say(room.ben, commands.SubmitAnswer, id=f"n{number}", answer="Mine").fields == first.fields
    assert room.state.remembered.count() == 3 * NOTED_PER_MEMBER
    assert 0 < len(taken(room)) < 3 * NOTED_PER_MEMBER
    assert room.say(room.cleo, commands.SubmitAnswer, answer="Hers").fields


def test_the_ok_to_what_is_not_remembered_tells_what_is_true_now_and_needs_the_lease(room):
    """By the log nobody would refuse it: an owner that has lost the room would say that it is locked, still."""
    room.say(room.host, commands.LockRoom)
    while (count := room.state.remembered.count()) < 3 * NOTED_PER_MEMBER:
        assert room.say(room.host, commands.LockRoom, id=f"n{count}") == Ok({})
    n_records = len(room.records)
    assert room.say(room.host, commands.LockRoom, id="one more") == Ok({}, durable=False)
    assert len(room.records) == n_records


def test_who_is_no_member_any_more_writes_nothing_into_the_log(room):
    room.say(room.host, commands.StartGame)
    first = room.say(room.ben, commands.SubmitAnswer, answer="Mine")
    room.say(room.host, commands.KickPlayer, user_id=room.ben.user_id)
    assert room.say(room.ben, commands.SubmitAnswer, answer="Mine") == first
    assert taken(room) == []


def test_who_comes_back_leaves_no_trace(room):
    n_records = len(room.records)
    assert room.say(room.ben, commands.JoinRoom).attach
    assert len(room.records) == n_records


def test_the_same_id_with_other_content_is_refused(room):
    room.say(room.host, commands.StartGame)
    room.say(room.ben, commands.SubmitAnswer, id="a", answer="Mine")
    assert room.say(room.ben, commands.SubmitAnswer, id="a", answer="Other") == Refusal(ErrorCode.ID_REUSED)
    assert room.say(room.ben, commands.LeaveRoom, id="a") == Refusal(ErrorCode.ID_REUSED)


def test_a_reaction_is_a_notice_each_time_and_nothing_that_is_kept(room):
    changes = repeat(room, room.ben, commands.React, reaction="laugh")
    for change in changes:
        assert (change.reply, change.records, change.effects) == (Ok({}, durable=False), (), ())
        (notice,) = change.public
        told = {"user_id": room.ben.user_id, "reaction": "laugh"}
        assert (notice.type, notice.subject, notice.fields) == ("reaction", room.ben.user_id, told)
    assert room.say(room.ben, commands.React, id="join", reaction="sad") == Ok({}, durable=False)


def test_ids_of_two_users_have_nothing_to_do_with_each_other(room):
    room.say(room.host, commands.StartGame)
    first = room.say(room.ben, commands.SubmitAnswer, id="a", answer="Mine")
    second = room.say(room.cleo, commands.SubmitAnswer, id="a", answer="Mine")
    assert first.fields["answer_id"] != second.fields["answer_id"]


def test_a_refused_command_leaves_no_trace(room):
    refused = room.say(room.ben, commands.StartGame, id="x")
    assert refused == Refusal(ErrorCode.NOT_HOST)
    room.say(room.host, commands.LeaveRoom)
    assert isinstance(room.say(room.ben, commands.StartGame, id="x"), Ok)


def test_an_id_may_come_again_after_ten_minutes(room):
    room.say(room.host, commands.UpdateSettings, id="u", settings=commands.SettingsPatch(topic="a"))
    room.now += TEN_MINUTES_MS - 1_000
    other = commands.SettingsPatch(topic="b")
    assert room.say(room.host, commands.UpdateSettings, id="u", settings=other) == Refusal(ErrorCode.ID_REUSED)
    room.now += 1_000
    assert isinstance(room.say(room.host, commands.UpdateSettings, id="u", settings=other), Ok)


def test_the_same_answer_or_vote_is_recognised_without_the_id_in_any_phase_of_its_round(room):
    room.say(room.host, commands.StartGame)
    answer = room.say(room.ben, commands.SubmitAnswer, answer="Mine")
    assert room.say(room.ben, commands.SubmitAnswer, answer="Mine") == answer
    room.say(room.host, commands.StartVoting)
    assert room.say(room.ben, commands.SubmitAnswer, answer="Mine") == answer
    vote = room.say(room.cleo, commands.SubmitVote, answer_id=answer.fields["answer_id"])
    room.say(room.host, commands.EndRound)
    assert room.say(room.cleo, commands.SubmitVote, answer_id=answer.fields["answer_id"]) == vote
    room.say(room.host, commands.NextRound)
    assert room.say(room.ben, commands.SubmitAnswer, answer="Mine") != answer


def test_other_content_after_the_phase_is_of_the_wrong_phase(room):
    room.say(room.host, commands.StartGame)
    room.say(room.ben, commands.SubmitAnswer, answer="Mine")
    room.say(room.host, commands.StartVoting)
    assert room.say(room.ben, commands.SubmitAnswer, answer="Other").code == ErrorCode.WRONG_PHASE


def test_a_repeated_join_carries_the_state_of_now_and_attaches(room):
    room.say(room.host, commands.StartGame)
    again = room.say(room.ben, commands.JoinRoom, id="join")
    assert again.attach
    assert again.fields["state"]["phase"] == "answering"


def test_for_one_who_is_no_member_any_more_it_does_not(room):
    room.say(room.ben, commands.LeaveRoom)
    assert room.say(room.ben, commands.JoinRoom, id="join") == Refusal(ErrorCode.NOT_MEMBER)


def test_leaving_is_remembered_also_when_that_closed_the_room():
    room = PlayedRoom()
    first, second = repeat(room, room.host, commands.LeaveRoom)
    assert first.reply == second.reply == Ok({})
    assert room.say(room.host, commands.LeaveRoom, id="other") == Refusal(ErrorCode.ROOM_NOT_FOUND)


def recreate(room, user=None, **fields):
    command = commands.CreateRoom(**{"id": "create", **fields})
    return room.tell(messages.Creation(user or room.host, command)).reply


def test_a_repeated_creation_gives_the_room_as_it_is_now(room):
    assert recreate(room).fields["state"]["seq"] == room.state.seq
    assert recreate(room, settings=commands.SettingsPatch(topic="x")) == Refusal(ErrorCode.ID_REUSED)


def test_after_ten_minutes_the_room_is_given_to_its_members_only(room):
    room.now += TEN_MINUTES_MS
    assert recreate(room).attach
    room.say(room.host, commands.LeaveRoom)
    assert recreate(room) == Refusal(ErrorCode.NOT_MEMBER)


def test_a_closed_room_is_not_given_again():
    room = PlayedRoom()
    room.say(room.host, commands.LeaveRoom)
    assert recreate(room) == Refusal(ErrorCode.ROOM_NOT_FOUND)


def test_resume_is_not_remembered(room):
    for last_seq in (0, 1):
        reply = room.say(room.ben, commands.Resume, id="r", stream=room.stream, last_seq=last_seq)
        assert reply.last_seq == last_seq


def test_the_memory_finds_all_of_the_last_ten_minutes_and_lets_go_of_what_is_older():
    memory = Remembered()
    for n in range(1_000):
        first = FirstOk("d", n * 1_000)
        memory = memory.with_command(Cause("u" * 36, f"c{n}", "d"), first, since_ms=n * 1_000 - TEN_MINUTES_MS)
    assert memory.find("u" * 36, "c999", since_ms=0) is not None
    assert memory.find("u" * 36, "c400", since_ms=399_000) is not None
    assert memory.find("u" * 36, "c400", since_ms=400_000) is None
    assert memory.find("u" * 36, "none", since_ms=0) is None
    assert sum(len(stretch.commands) for stretch in memory.stretches()) < 600 + 2 * 128


def test_how_it_is_cut_and_stored_is_what_base_records_have_held_from_the_beginning():
    """Else no log from before would fold, and none of this release in the one before it."""
    memory, now = Remembered(), TEN_MINUTES_MS
    for n in range(300):
        now += 1_000
        cause = Cause("u" * 36, f"c{n}", "d")
        memory = memory.with_command(cause, FirstOk("d", now, {"n": n}), since_ms=now - TEN_MINUTES_MS)
    stored = json.loads(msgspec.json.encode(remembered.to_stored(memory)))
    assert [len(stretch["commands"]) for stretch in stored["stretches"]] == [44, 128, 128]
    assert [stretch["newest_ms"] for stretch in stored["stretches"]] == [900_000, 856_000, 728_000]
    first = {"digest": "d", "taken_ms": 900_000, "fields": {"n": 299}, "has_state": False, "own_question_count": 0}
    assert stored["stretches"][0]["commands"]["u" * 36 + "c299"] == first
    later = memory.with_command(Cause("u" * 36, "z", "d"), FirstOk("d", 1_328_000), since_ms=728_000)
    assert [len(stretch.commands) for stretch in remembered.to_stored(later)["stretches"]] == [45, 128]
    for each in (Remembered(), memory, later):
        raw = remembered.to_stored(each)
        assert remembered.from_stored(raw) == remembered.from_stored(json.loads(msgspec.json.encode(raw))) == each


def test_a_stretch_that_ended_while_a_clock_was_behind_goes_before_those_that_are_older():
    memory = Remembered()
    for n in range(128 * 3 + 1):
        taken_ms = 500 if 128 <= n < 256 else 1_000
        memory = memory.with_command(Cause("u" * 36, f"c{n}", "d"), FirstOk("d", taken_ms), since_ms=0)
    memory = memory.with_command(Cause("u" * 36, "z", "d"), FirstOk("d", 600_500), since_ms=500)
    assert memory.find("u" * 36, "c0", since_ms=500) is not None
    assert [stretch.newest_ms for stretch in memory.stretches()] == [600_500, 1_000, 1_000]


def test_remembering_one_more_leaves_the_memory_before_as_it_was():
    before = Remembered().with_command(Cause("u" * 36, "a", "d"), FirstOk("d", 1), since_ms=0)
    before.with_command(Cause("u" * 36, "b", "d"), FirstOk("d", 2), since_ms=0)
    assert before.find("u" * 36, "b", since_ms=0) is None


def test_a_command_while_its_host_is_away_is_decided_by_who_is_host_now(room):
    presence = Presence(frozenset({room.ben.user_id, room.cleo.user_id}), {room.host.user_id: room.now - 40_000})
    timer = messages.Timer("host_away", room.now - 10_000, None, "lobby")
    room.tell(messages.TimerDue(timer), presence=presence)
    assert room.state.host_id == room.ben.user_id
