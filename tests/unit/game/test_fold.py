"""The fold: what a log leads to, and that a log which breaks the rules leads nowhere."""

import json

import msgspec
import pytest

from tests.played import HOUSE, PlayedRoom, a_game
from votegame.errors import CorruptLogError, ErrorCode
from votegame.game import commands, records
from votegame.game.fold import apply, fold, open_log
from votegame.game.records import Record, Row, from_row, to_row
from votegame.game.state import State, to_stored
from votegame.game.turn import BASE_EVERY

STRANGER = "00000000-0000-4000-8000-000000000000"


def through_the_database(record: Record) -> Record:
    """The record after a jsonb column, which keeps neither the order of keys nor our types."""
    row = msgspec.to_builtins(to_row(record))
    return from_row(msgspec.convert(json.loads(json.dumps(row, sort_keys=True)), Row))


@pytest.mark.parametrize("seed", [1, 2])
def test_loading_a_log_gives_the_state_of_the_room_that_was_played(seed):
    room = a_game(seed)
    loaded = fold(through_the_database(record) for record in room.records)
    assert loaded == room.state
    assert list(loaded.members) == list(room.state.members)
    assert list(loaded.left) == list(room.state.left)


def fill(room, user):
    """A base is due with the record after the next; the user comes and goes no faster than the room remembers."""
    while room.state.position < BASE_EVERY - 1:
        room.say(user, commands.JoinRoom)
        room.say(user, commands.LeaveRoom)
        room.now += 4_000


def test_a_new_base_is_written_every_2000_records_and_loading_may_start_there():
    room = PlayedRoom()
    ben = room.a_user("Ben")
    fill(room, ben)
    assert not any(isinstance(record.payload, records.Base) for record in room.records[1:])
    room.say(ben, commands.JoinRoom)
    room.say(ben, commands.LeaveRoom)
    base = room.records[-1]
    assert isinstance(base.payload, records.Base)
    assert base.seq is None
    room.say(ben, commands.JoinRoom)
    tail = [through_the_database(record) for record in room.records[base.position - 1 :]]
    assert fold(tail) == room.state == fold(through_the_database(record) for record in room.records)


def test_a_base_comes_from_no_command():
    room = PlayedRoom()
    room.state = msgspec.structs.replace(room.state, base_position=room.state.position - BASE_EVERY)
    ben = room.a_user("Ben")
    assert room.say(ben, commands.LeaveRoom, id="refused").code == ErrorCode.NOT_MEMBER
    assert (room.records[-1].payload.__class__, room.records[-1].cause) == (records.Base, None)
    assert room.say(ben, commands.LeaveRoom, id="refused").code == ErrorCode.NOT_MEMBER


def test_a_room_closes_also_when_a_base_is_due():
    room = PlayedRoom()
    ben = room.a_user("Ben")
    fill(room, ben)
    room.say(room.host, commands.LeaveRoom)
    assert isinstance(room.records[-1].payload, records.RoomClosed)
    assert fold(room.records) == room.state


def test_the_order_of_members_survives_a_base():
    room = PlayedRoom()
    users = [room.a_user(f"M{n}") for n in range(8)]
    for user in users:
        room.say(user, commands.JoinRoom)
    base = Record(
        position=1,
        seq=None,
        decided_ms=0,
        payload=records.Base(state=msgspec.json.decode(msgspec.json.encode(state_of(room)))),
    )
    assert list(open_log(through_the_database(base)).members) == [room.host.user_id, *(user.user_id for user in users)]


def state_of(room):
    return to_stored(room.state)


def test_a_base_that_differs_from_the_log_before_it_is_refused():
    room = PlayedRoom()
    state = state_of(room) | {"host_id": STRANGER}
    base = Record(position=2, seq=None, decided_ms=room.now, payload=records.Base(state=state))
    with pytest.raises(CorruptLogError, match="differs"):
        apply(room.state, base)


def test_an_empty_log_one_that_begins_otherwise_and_a_base_without_a_state_are_refused():
    room = a_game()
    with pytest.raises(CorruptLogError, match="empty"):
        fold([])
    with pytest.raises(CorruptLogError, match="must begin with a base"):
        fold(room.records[1:])
    with pytest.raises(CorruptLogError, match="holds no state"):
        open_log(Record(position=1, seq=None, decided_ms=0, payload=records.Base(state={})))


def test_applying_a_record_leaves_the_state_before_as_it_was():
    room = a_game()
    state = open_log(room.records[0])
    kept = msgspec.json.encode(state)
    for record in room.records[1:]:
        after = apply(state, record)
        assert msgspec.json.encode(state) == kept
        state, kept = after, msgspec.json.encode(after)
    assert state == room.state


class Story:
    """A room at some point of its story, and the record that would come next, with changes."""

    def __init__(self, room: PlayedRoom) -> None:
        self.state: State = room.state
        self.now = room.now

    def refuses(self, payload, match: str, **changes) -> None:
        hidden = type(payload) in records.HIDDEN
        record = Record(
            position=self.state.position + 1,
            seq=None if hidden else self.state.seq + 1,
            decided_ms=self.now,
            payload=payload,
        )
        with pytest.raises(CorruptLogError, match=match):
            apply(self.state, msgspec.structs.replace(record, **changes))


def in_phase(phase: str, **settings) -> tuple[PlayedRoom, Story]:
    room = PlayedRoom(**{"total_rounds": 1 if phase == "finished" else 2} | settings)
    room.ben = room.a_user("Ben")
    room.say(room.ben, commands.JoinRoom)
    if phase != "lobby":
        room.say(room.host, commands.StartGame)
    if phase not in {"lobby", "answering"}:
        room.say(room.ben, commands.SubmitAnswer, answer="A")
        room.say(room.host, commands.StartVoting)
    if phase in {"results", "finished"}:
        room.say(room.host, commands.EndRound)
    return room, Story(room)


def started(room, **changes):
    fields = {
        "round_id": STRANGER,
        "question": HOUSE.bank[0],
        "players": tuple(room.state.members),
        "deadline": room.now + 1,
    }
    return fields | changes


def test_a_command_that_was_taken_names_itself():
    _, story = in_phase("lobby")
    story.refuses(records.CommandTaken(), "no command")


def test_numbers_without_a_hole():
    room, story = in_phase("lobby")
    left = records.PlayerLeft(user_id=room.ben.user_id, host_id=room.host.user_id)
    story.refuses(left, "position 9: it follows position 2", position=9)
    story.refuses(left, "seq 9 where 2 was due", seq=9)
    story.refuses(records.HostChanged(host_id=room.ben.user_id), "seq None where 2", seq=None)


def test_nothing_after_the_room_was_closed():
    room = PlayedRoom()
    room.say(room.host, commands.LeaveRoom)
    Story(room).refuses(records.PlayerJoined(user_id=STRANGER, display_name="X"), "after the room was closed")


def test_a_room_is_closed_when_nobody_is_left_and_says_why():
    room, story = in_phase("lobby")
    story.refuses(records.RoomClosed(reason="empty"), "empty is no reason")
    story.state = msgspec.structs.replace(room.state, members={}, host_id=None)
    story.refuses(records.RoomClosed(reason="abandoned"), "abandoned is no reason")
    story.refuses(records.PlayerJoined(user_id=STRANGER, display_name="X"), "player_joined: no player is left")


def test_members():
    room, story = in_phase("lobby")
    story.refuses(records.PlayerJoined(user_id=room.ben.user_id, display_name="Ben"), "he was a member")
    story.refuses(records.PlayerLeft(user_id=STRANGER, host_id=room.host.user_id), "he was no member")
    story.refuses(records.PlayerLeft(user_id=room.ben.user_id, host_id=room.ben.user_id), "the host is no player")
    story.refuses(records.PlayerLeft(user_id=room.host.user_id, host_id=None), "the host is no player")
    story.refuses(records.HostChanged(host_id=STRANGER), "the new host is no player")
    story.refuses(records.HostChanged(host_id=room.host.user_id), "he was the host")
    cleo = room.a_user("Cleo")
    room.say(cleo, commands.JoinRoom)
    other_host = records.PlayerLeft(user_id=room.ben.user_id, host_id=cleo.user_id)
    Story(room).refuses(other_host, "another host, while the host stays")


def test_seats():
    joined = records.PlayerJoined(user_id=STRANGER, display_name="X")
    _full, story = in_phase("lobby", max_players=2)
    story.refuses(joined, "the room was full")
    playing, story = in_phase("answering", late_join=False)
    story.refuses(joined, "in answering, without late_join")
    playing.say(playing.host, commands.EndRound)
    Story(playing).refuses(joined, "in results, without late_join")


def test_questions_that_are_held():
    room, story = in_phase("answering")
    asked = msgspec.structs.replace(HOUSE.bank[0], key=next(iter(room.state.asked)))
    story.refuses(records.QuestionHeld(question=asked), "a question for the second time")
    held = next(question for question in HOUSE.bank if question.key != asked.key)
    room.hold(held)
    Story(room).refuses(records.QuestionHeld(question=HOUSE.bank[0]), "there is a question already")
    room.say(room.host, commands.EndRound)
    other = msgspec.structs.replace(held, text="Another?")
    Story(room).refuses(records.RoundStarted(**started(room, question=other)), "another question than the one")


def test_settings_in_the_lobby_and_when_the_game_is_over_only():
    room, story = in_phase("answering")
    story.refuses(records.SettingsUpdated(settings=room.state.settings), "in answering")


def test_rounds_start_with_the_members_in_time_and_with_a_fresh_question():
    room, story = in_phase("lobby")
    story.refuses(records.RoundStarted(**started(room)), "in lobby")
    backwards = tuple(reversed(room.state.members))
    for changes, match in (
        ({"players": ()}, "not those with a seat"),
        ({"players": backwards}, "not those with a seat, as they joined"),
        ({"players": (*room.state.members, room.ben.user_id)}, "not those with a seat"),
        ({"deadline": room.now}, "deadline in the past"),
        ({"total_rounds": 3}, "the settings say other total_rounds"),
    ):
        story.refuses(records.GameStarted(**{"total_rounds": 2, **started(room), **changes}), match)
    alone = PlayedRoom(total_rounds=2)
    Story(alone).refuses(records.GameStarted(total_rounds=2, **started(alone)), "with too few players")
    room, story = in_phase("results")
    asked = next(iter(room.state.asked))
    question = msgspec.structs.replace(started(room)["question"], key=asked)
    story.refuses(records.RoundStarted(**started(room, question=question)), "a question for the second time")
    story.refuses(records.GameStarted(total_rounds=1, **started(room)), "in results")
    story.refuses(records.GameEnded(), "before the last round")
    story.state = msgspec.structs.replace(room.state, total_rounds=1)
    story.refuses(records.RoundStarted(**started(room)), "after the last round")


def test_answers():
    room, story = in_phase("answering")
    answer = {
        "round_id": room.state.phase.round.round_id,
        "user_id": room.ben.user_id,
        "answer_id": STRANGER,
        "content": "A",
    }
    story.refuses(records.AnswerSubmitted(**answer | {"round_id": STRANGER}), "of another round")
    story.refuses(records.AnswerSubmitted(**answer | {"user_id": STRANGER}), "by no player")
    room.say(room.ben, commands.SubmitAnswer, answer="A")
    Story(room).refuses(records.AnswerSubmitted(**answer), "a second answer")
    story.refuses(records.VotingStarted(round_id=answer["round_id"], order=(), deadline=0), "no order of the answers")


def test_voting_starts_with_each_answer_once_and_in_time():
    room = PlayedRoom()
    others = [room.a_user("B"), room.a_user("C")]
    for user in others:
        room.say(user, commands.JoinRoom)
    room.say(room.host, commands.StartGame)
    for user in others:
        room.say(user, commands.SubmitAnswer, answer=user.display_name)
    phase = room.state.phase
    ids = tuple(answer.answer_id for answer in phase.answers.values())
    story = Story(room)

    def voting(order, deadline=room.now + 1):
        return records.VotingStarted(round_id=phase.round.round_id, order=order, deadline=deadline)

    for order in ((), ids[:1], (*ids, ids[0]), (ids[0], ids[0]), (ids[0], STRANGER)):
        story.refuses(voting(order), "no order of the answers")
    story.refuses(voting(ids, room.now), "a deadline in the past")
    same = {user_id: msgspec.structs.replace(answer, answer_id=ids[0]) for user_id, answer in phase.answers.items()}
    story.state = msgspec.structs.replace(room.state, phase=msgspec.structs.replace(phase, answers=same))
    story.refuses(voting((ids[0],)), "two answers have one id")
    ended = records.RoundEnded(round_id=phase.round.round_id, deadline=None)
    story.refuses(ended, "two answers have one id")


def test_votes():
    room, story = in_phase("voting")
    phase = room.state.phase
    vote = {
        "round_id": phase.round.round_id,
        "user_id": room.host.user_id,
        "vote_id": STRANGER,
        "answer_id": phase.order[0],
    }
    story.refuses(records.VoteSubmitted(**vote | {"user_id": STRANGER}), "by no player")
    story.refuses(records.VoteSubmitted(**vote | {"user_id": room.ben.user_id}), "a vote for oneself")
    story.refuses(records.VoteSubmitted(**vote | {"answer_id": STRANGER}), "a vote for no answer")
    story.refuses(
        records.AnswerSubmitted(round_id=vote["round_id"], user_id=vote["user_id"], answer_id=STRANGER, content="B"),
        "in voting",
    )
    three = PlayedRoom()
    others = [three.a_user("B"), three.a_user("C")]
    for user in others:
        three.say(user, commands.JoinRoom)
    three.say(three.host, commands.StartGame)
    answer_id = three.say(three.host, commands.SubmitAnswer, answer="A").fields["answer_id"]
    three.say(three.host, commands.StartVoting)
    three.say(others[0], commands.SubmitVote, answer_id=answer_id)
    second = vote | {"round_id": three.state.phase.round.round_id, "user_id": others[0].user_id, "answer_id": answer_id}
    Story(three).refuses(records.VoteSubmitted(**second), "a second vote")


def test_ends_and_deadlines():
    room, story = in_phase("results")
    round_id = room.state.phase.round.round_id
    story.refuses(records.RoundEnded(round_id=round_id, deadline=None), "a round ended in results")
    room, story = in_phase("answering")
    story.refuses(records.RoundEnded(round_id=STRANGER, deadline=None), "or another one")
    phase = room.state.phase
    round_id = phase.round.round_id
    story.refuses(records.RoundEnded(round_id=round_id, deadline=room.now), "a deadline in the past")
    story.refuses(records.DeadlineChanged(round_id=round_id, deadline=phase.deadline), "not later than before")
    last, story = in_phase("answering", total_rounds=1)
    ended = records.RoundEnded(round_id=last.state.phase.round.round_id, deadline=last.now + 1)
    story.refuses(ended, "a next round after the last one")
    waiting, story = in_phase("results")
    moved = records.DeadlineChanged(round_id=waiting.state.phase.round.round_id, deadline=waiting.now)
    story.refuses(moved, "not later than before")
    room, story = in_phase("finished")
    round_id = room.state.phase.round.round_id
    story.refuses(records.DeadlineChanged(round_id=round_id, deadline=1), "in finished")
    room, story = in_phase("lobby")
    story.refuses(records.DeadlineChanged(round_id=STRANGER, deadline=1), "of another round")
