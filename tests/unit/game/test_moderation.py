"""Answers that are checked: what counts when, what is left out, and who is told."""

import json

import msgspec
import pytest

from tests.played import HOUSE, PlayedRoom
from votegame.errors import CorruptLogError, LaterVersionError
from votegame.game import commands, messages, records
from votegame.game.change import CheckAnswer, Notice, Resumption, Whisper
from votegame.game.fold import apply, fold
from votegame.game.moderation import MOST_FLAGGED
from votegame.game.presence import Presence
from votegame.game.records import FORMAT_VERSION, MODERATED_VERSION, Record, Row, from_row, to_row
from votegame.game.state import Voting
from votegame.game.views import now_fields, snapshot

MODERATED = msgspec.structs.replace(HOUSE, has_moderation=True)


@pytest.fixture
def room():
    """Three players in a round; answers are checked. What was recorded folds to what was played."""
    room = started(MODERATED, moderation="on")
    yield room
    rows = [json.loads(json.dumps(msgspec.to_builtins(to_row(record)))) for record in room.records]
    assert fold(from_row(msgspec.convert(row, Row)) for row in rows) == room.state


def started(house, **settings) -> PlayedRoom:
    room = PlayedRoom(house=house, total_rounds=2, **settings)
    room.ben, room.cleo = room.a_user("Ben"), room.a_user("Cleo")
    room.everyone = [room.host, room.ben, room.cleo]
    for user in room.everyone[1:]:
        room.say(user, commands.JoinRoom)
    room.say(room.host, commands.StartGame)
    return room


def answer(room, user, text="tea", **fields):
    return room.say(user, commands.SubmitAnswer, answer=text, **fields)


def told(room, user, text="tea"):
    """The change by which a user answers."""
    round_id = room.state.phase.round.round_id
    command = commands.SubmitAnswer(id=f"t{room.now}", room_code=room.room_code, round_id=round_id, answer=text)
    return room.tell(messages.FromUser(user, command))


def seen(room, user):
    return snapshot(room.state, user.user_id, room.presence, now=room.now, unchecked=frozenset(room.unchecked))


def counted(change) -> list[int]:
    return [item.fields["submitted_count"] for item in change.public if item.type == "answer_submitted"]


def test_an_answer_is_checked_and_counts_when_it_has_passed(room):
    change = told(room, room.ben)
    phase = room.state.phase
    (own,) = phase.answers.values()
    assert change.effects == (CheckAnswer(phase.round.round_id, own.answer_id, "tea"),)
    assert change.public == (), "that somebody has answered"
    assert seen(room, room.cleo)["round"]["submitted_count"] == 0
    assert seen(room, room.ben)["you"]["answer_id"] == own.answer_id
    change = room.checked()
    assert (counted(change), change.records) == ([1], ())
    assert seen(room, room.cleo)["round"]["submitted_count"] == 1


@pytest.mark.parametrize(("house", "setting"), [(HOUSE, "on"), (MODERATED, "off")])
def test_without_the_setting_or_a_moderator_all_is_as_ever(house, setting):
    room = started(house, moderation=setting)
    change = told(room, room.ben)
    assert (change.effects, counted(change)) == ((), [1])


def test_answering_does_not_end_early_while_an_answer_is_unchecked(room):
    for user in room.everyone:
        answer(room, user)
    assert room.state.phase.name == "answering"
    change = room.checked()
    assert [item.type for item in change.public] == ["answer_submitted", "voting_started"]
    assert len(room.state.phase.order) == 3


@pytest.mark.parametrize("ending", [commands.StartVoting, "phase"])
def test_what_is_not_checked_in_time_is_shown_and_what_is_flagged_later_stays(room, ending):
    for user in room.everyone[:2]:
        answer(room, user)
    if ending == "phase":
        round_id = room.state.phase.round.round_id
        room.now = room.state.phase.deadline + 200
        room.tell(messages.TimerDue(messages.Timer("phase", room.now, round_id, "answering")))
    else:
        room.say(room.host, ending)
    assert isinstance(room.state.phase, Voting)
    assert len(room.state.phase.order) == 2
    change = room.checked(room.ben)
    assert change.records == change.public == ()
    assert len(room.state.phase.answers) == 2


def test_what_comes_of_an_earlier_round_changes_nothing(room):
    answer(room, room.ben)
    late = messages.AnswersChecked(
        round_id=room.state.phase.round.round_id,
        passed=frozenset(),
        flagged=frozenset(room.unchecked),
    )
    room.say(room.host, commands.EndRound)
    assert room.tell(late).records == ()
    room.say(room.host, commands.NextRound)
    assert room.tell(late).records == ()


class TestAFlaggedAnswer:
    def test_is_left_out_of_voting_and_results(self, room):
        for user in room.everyone:
            answer(room, user, user.display_name)
        room.checked(room.ben)
        room.say(room.host, commands.StartVoting)
        shown = seen(room, room.cleo)["round"]["answers"]
        assert {one["content"] for one in shown} == {"Host", "Cleo"}
        room.say(room.host, commands.EndRound)
        results = seen(room, room.host)["round"]["results"]
        assert {one["user_id"] for one in results} == {room.host.user_id, room.cleo.user_id}

    def test_is_told_to_its_author_alone(self, room):
        for user in (room.ben, room.cleo):
            answer(room, user)
        answer_id = room.state.phase.answers[room.ben.user_id].answer_id
        change = room.checked(room.ben)
        fields = {"answer_id": answer_id, "reason": "moderation"}
        whispers = [item for item in change.public if isinstance(item, Whisper)]
        round_id = room.state.phase.round.round_id
        assert whispers == [Whisper(room.ben.user_id, "answer_flagged", {"round_id": round_id, **fields})]
        you = seen(room, room.ben)["you"]
        assert (you["answer_id"], you["answer_flagged"]) == (None, fields)
        assert now_fields(room.state, room.ben.user_id, room.presence)["you"] == you
        others = [seen(room, room.cleo), seen(room, room.host)]
        others += [item.fields for item in change.public if not isinstance(item, Whisper)]
        assert answer_id not in json.dumps(others)
        assert "flagged" not in json.dumps(others)

    def test_is_for_others_as_if_he_had_not_answered(self, room):
        """Also with nobody else to answer: the phase goes on, as it does for one who is slow."""
        silent = started(MODERATED, moderation="on")
        for playing in (room, silent):
            for user in playing.everyone:
                if (playing, user) != (silent, silent.ben):
                    answer(playing, user)
        change, expected = room.checked(room.ben), silent.checked()
        others = [item for item in change.public if not isinstance(item, Whisper)]
        assert [item.type for item in others] == [item.type for item in expected.public]
        assert counted(change) == counted(expected) == [2]
        assert room.state.phase.name == silent.state.phase.name == "answering"

    def test_is_told_again_after_something_was_missed_as_long_as_there_is_no_other(self, room):
        answer(room, room.ben)
        room.checked(room.ben)
        again = room.tell(messages.NoticesMissed()).public
        assert [item.user_id for item in again if isinstance(item, Whisper)] == [room.ben.user_id]
        answer(room, room.ben, "coffee")
        assert not [item for item in room.tell(messages.NoticesMissed()).public if isinstance(item, Whisper)]
        room.checked(room.ben)
        room.say(room.ben, commands.LeaveRoom)
        assert not [item for item in room.tell(messages.NoticesMissed()).public if isinstance(item, Whisper)]

    def test_is_told_again_in_the_order_of_flagging_whatever_the_ids_hash_to(self):
        room = started(MODERATED, moderation="on")
        others = [room.a_user(name) for name in "DEFGH"]
        for user in others:
            room.say(user, commands.JoinRoom)
        room.say(room.host, commands.EndRound)
        room.say(room.host, commands.NextRound)
        for user in others:
            answer(room, user)
            room.checked(user)
        again = room.tell(messages.NoticesMissed()).public
        whispered = [item.user_id for item in again if isinstance(item, Whisper)]
        assert whispered == [user.user_id for user in others]

    def test_of_the_only_one_who_has_answered_leaves_a_round_without_answers(self, room):
        answer(room, room.ben)
        room.checked(room.ben)
        room.say(room.host, commands.StartVoting)
        assert room.state.phase.name == "results"
        assert seen(room, room.cleo)["round"]["results"] == []
        assert "answer_flagged" in seen(room, room.ben)["you"]
        room.say(room.host, commands.NextRound)
        assert "answer_flagged" not in seen(room, room.ben)["you"]
        assert room.state.flagged == {}

    def test_lets_its_author_vote_for_any(self, room):
        for user in room.everyone:
            answer(room, user)
        room.checked(room.ben)
        room.say(room.host, commands.StartVoting)
        chosen = room.state.phase.answers[room.cleo.user_id].answer_id
        assert room.say(room.ben, commands.SubmitVote, answer_id=chosen).fields["vote_id"]

    def test_is_gone_with_the_game(self, room):
        answer(room, room.ben)
        room.checked(room.ben)
        room.say(room.host, commands.EndRound)
        room.say(room.host, commands.NextRound)
        answer(room, room.ben)
        room.checked(room.ben)
        room.say(room.host, commands.EndRound)
        room.say(room.host, commands.PlayAgain)
        assert room.state.flagged == {}

    def test_is_written_in_a_format_of_its_own_and_nothing_else_is(self, room):
        answer(room, room.ben)
        room.checked(room.ben)
        answer(room, room.ben, "coffee")
        room.checked()
        room.say(room.host, commands.EndRound)
        later = {row.type for row in map(to_row, room.records) if row.version == MODERATED_VERSION}
        assert later == {"answer_flagged", "answer_replaced"}

    def test_is_a_later_format_for_a_release_that_does_not_know_it(self, room, monkeypatch):
        """So it lets go of the room, and takes none of it for broken."""
        answer(room, room.ben)
        room.checked(room.ben)
        *rows, last = map(to_row, room.records)
        with monkeypatch.context() as patched:
            patched.setattr(records, "READABLE_VERSION", FORMAT_VERSION)
            fold(map(from_row, rows))
            with pytest.raises(LaterVersionError):
                from_row(last)


class TestAnotherAnswer:
    def test_in_its_place_is_checked_anew(self, room):
        answer(room, room.ben)
        room.checked(room.ben)
        change = told(room, room.ben, "coffee")
        assert isinstance(change.records[0].payload, records.AnswerReplaced)
        assert [effect.content for effect in change.effects] == ["coffee"]
        you = seen(room, room.ben)["you"]
        assert you["answer_id"] == change.reply.fields["answer_id"]
        assert "answer_flagged" not in you
        assert counted(room.checked()) == [1]

    def test_that_is_the_same_gets_the_first_ok_and_so_does_a_retry(self, room):
        first = answer(room, room.ben, id="one")
        room.checked(room.ben)
        n_records = len(room.records)
        assert answer(room, room.ben, id="one") == first
        assert len(room.records) == n_records
        assert answer(room, room.ben) == first
        assert [type(record.payload) for record in room.records[n_records:]] == [records.CommandTaken]

    def test_is_not_taken_after_three(self, room):
        for index in range(MOST_FLAGGED):
            assert answer(room, room.ben, f"rude {index}").fields["answer_id"]
            room.checked(room.ben)
        assert answer(room, room.ben, "polite").code == "already_answered"

    def test_is_not_taken_while_there_is_one(self, room):
        answer(room, room.ben)
        assert answer(room, room.ben, "coffee").code == "already_answered"


def test_a_loaded_room_has_all_answers_checked_again(room):
    for user in (room.ben, room.cleo):
        answer(room, user)
    room.checked(room.ben)
    change = room.tell(messages.Loaded())
    own = room.state.phase.answers[room.cleo.user_id]
    assert CheckAnswer(room.state.phase.round.round_id, own.answer_id, own.content) in change.effects
    assert len([effect for effect in change.effects if isinstance(effect, CheckAnswer)]) == 1


def test_resume_hands_on_what_is_unchecked(room):
    answer(room, room.ben)
    reply = room.say(room.cleo, commands.Resume, stream=room.stream, last_seq=0)
    assert isinstance(reply, Resumption)
    assert reply.unchecked == frozenset(room.unchecked)
    now = now_fields(room.state, room.cleo.user_id, room.presence, unchecked=reply.unchecked)
    assert now["submitted_count"] == 0


def test_who_has_left_is_not_counted_and_his_flagged_answer_is_recorded_all_the_same(room):
    answer(room, room.ben)
    room.say(room.ben, commands.LeaveRoom)
    change = room.checked(room.ben)
    assert [type(record.payload) for record in change.records] == [records.AnswerFlagged]
    assert not [item for item in change.public if isinstance(item, Notice)]


def test_a_check_that_comes_to_an_end_in_a_pause_ends_nothing(room):
    for user in room.everyone:
        answer(room, user)
    room.say(room.host, commands.PauseGame)
    room.checked()
    assert room.state.phase.name == "answering"


def test_only_who_is_connected_is_waited_for(room):
    for user in room.everyone[:2]:
        answer(room, user)
    there = Presence(frozenset({room.host.user_id, room.ben.user_id}), {room.cleo.user_id: room.now})
    room.checked(presence=there)
    assert room.state.phase.name == "voting"


class TestFold:
    def refuses(self, room, payload, match):
        with pytest.raises(CorruptLogError, match=match):
            apply(room.state, Record(position=room.state.position + 1, seq=None, decided_ms=room.now, payload=payload))

    def flagged(self, room, **changes):
        own = room.state.phase.answers.get(room.ben.user_id)
        fields = {"round_id": room.state.phase.round.round_id, "user_id": room.ben.user_id, "reason": "moderation"}
        return records.AnswerFlagged(**{"answer_id": own and own.answer_id, **fields, **changes})

    def replaced(self, room, **changes):
        fields = {"round_id": room.state.phase.round.round_id, "user_id": room.ben.user_id}
        return records.AnswerReplaced(**{"answer_id": "a", "content": "x", **fields, **changes})

    def test_what_is_flagged_is_an_answer_of_the_round(self, room):
        self.refuses(room, self.flagged(room), "he has no such answer")
        answer(room, room.ben)
        self.refuses(room, self.flagged(room, answer_id="another"), "he has no such answer")
        self.refuses(room, self.flagged(room, round_id="another"), "of another round")
        flagged = self.flagged(room)
        room.say(room.host, commands.StartVoting)
        self.refuses(room, flagged, "in voting")

    def test_what_is_replaced_was_flagged_and_by_a_player(self, room):
        self.refuses(room, self.replaced(room), "in place of none")
        answer(room, room.ben)
        self.refuses(room, self.replaced(room), "a second answer")
        room.checked(room.ben)
        fields = {"round_id": room.state.phase.round.round_id, "user_id": room.ben.user_id}
        again = records.AnswerSubmitted(**fields, answer_id="a", content="x")
        self.refuses(room, again, "a second answer")
        room.say(room.ben, commands.LeaveRoom)
        self.refuses(room, self.replaced(room), "by no player")
