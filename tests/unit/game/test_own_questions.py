"""Questions of the host's own: asked first, once, and shown to nobody before."""

import json

import msgspec
import pytest

from tests.played import HOUSE, PlayedRoom
from votegame.errors import CorruptLogError
from votegame.game import commands, messages, records
from votegame.game.change import Ok
from votegame.game.fold import apply, fold
from votegame.game.question import Question
from votegame.game.records import Record, Row, from_row, to_row
from votegame.game.room_settings import MOST_OWN_QUESTIONS
from votegame.game.wording import question

SPY, HUM, HAT = OWN = ("Which of us would be the worst spy?", "What does Cleo hum?", "Whose hat is it?")
BANK = HOUSE.bank


@pytest.fixture
def room():
    """A host with questions of his own, and Ben, in the lobby; one of the bank is drawn."""
    room = PlayedRoom(total_rounds=5, questions=OWN)
    room.ben = room.a_user("Ben")
    room.say(room.ben, commands.JoinRoom)
    room.draw(BANK[7])
    yield room
    assert fold(map(stored, room.records)) == room.state


def stored(record: Record, forget=lambda _row: None) -> Record:
    row = json.loads(json.dumps(msgspec.to_builtins(to_row(record))))
    forget(row)
    return from_row(msgspec.convert(row, Row))


def told(room, command_type, **fields):
    fields = {"id": f"t{room.now}", "room_code": room.room_code, **fields}
    return room.tell(messages.FromUser(room.host, command_type(**fields)))


def give(room, *questions, **fields):
    return told(room, commands.UpdateSettings, settings=commands.SettingsPatch(questions=questions), **fields)


def waiting(room) -> list[str]:
    return [one.text for one in room.state.own_questions]


def asked(room) -> str:
    return room.state.phase.round.question


def next_question(room) -> str:
    room.say(room.host, commands.EndRound)
    if room.state.phase.name == "results":
        room.say(room.host, commands.NextRound)
    return asked(room)


def test_they_come_first_and_in_order_and_then_the_one_that_was_drawn(room):
    room.say(room.host, commands.StartGame)
    assert (asked(room), waiting(room)) == (SPY, [HUM, HAT])
    room.say(room.host, commands.SkipQuestion)
    assert (asked(room), waiting(room)) == (HUM, [HAT])
    assert (next_question(room), waiting(room)) == (HAT, [])
    assert next_question(room) == BANK[7].text


def test_a_question_that_was_drawn_for_later_is_not_looked_for_again(room):
    assert told(room, commands.StartGame).effects == ()


def test_how_many_wait_is_told_and_never_what(room):
    frames = [give(room, HAT, SPY, HUM), told(room, commands.StartGame)]
    counts = [change.public[0].fields["own_question_count"] for change in frames]
    assert counts == [3, 2]
    assert frames[0].reply == Ok(frames[0].public[0].fields)
    state = room.say(room.host, commands.JoinRoom).fields["state"]
    assert state["own_question_count"] == 2
    public = [item.fields for change in frames for item in change.public]
    text = json.dumps([public, state, frames[0].reply.fields])
    assert HAT in text
    assert SPY not in text
    assert HUM not in text


def test_a_list_replaces_what_waits_and_settings_without_one_leave_it(room):
    room.say(room.host, commands.UpdateSettings, settings=commands.SettingsPatch(topic="tea"))
    assert waiting(room) == list(OWN)
    give(room, "Other?")
    assert waiting(room) == ["Other?"]
    give(room)
    assert waiting(room) == []


def test_a_retry_gets_the_count_of_the_first_time(room):
    first = give(room, HUM, id="own")
    room.say(room.host, commands.StartGame)
    again = give(room, HUM, id="own")
    assert (again.reply, again.records) == (first.reply, ())
    assert again.reply.fields["own_question_count"] == 1


def test_other_questions_under_the_same_id_are_other_content(room):
    give(room, HUM, id="own")
    assert give(room, HAT, id="own").reply.code == "id_reused"


def test_who_makes_a_room_may_give_them_and_gets_the_count(room):
    command = commands.CreateRoom(id="create", settings=commands.SettingsPatch(total_rounds=5, questions=OWN))
    reply = room.tell(messages.Creation(room.host, command)).reply
    assert reply.fields["state"]["own_question_count"] == len(OWN)
    assert SPY not in json.dumps(reply.fields)


class TestNoQuestionTwice:
    def test_a_drawn_one_that_is_the_same_is_not_asked_and_another_is_looked_for(self, room):
        (wish,) = give(room, BANK[7].text.upper(), HUM).effects
        assert wish.asked == {BANK[7].key, question(HUM).key}
        assert told(room, commands.StartGame).effects == (wish,)
        next_question(room)
        assert next_question(room) != BANK[7].text

    def test_a_held_one_that_is_the_same_is_let_go_and_another_is_looked_for(self, room):
        room.hold(BANK[8])
        room.drawn = None
        give(room, BANK[8].text.upper(), HUM)
        (wish,) = told(room, commands.StartGame).effects
        assert room.state.held is None
        assert wish.asked == {BANK[8].key, question(HUM).key}

    def test_one_that_is_drawn_is_none_of_those_that_wait(self, room):
        patch = commands.SettingsPatch(topic="tea", questions=(HAT,))
        (wish,) = told(room, commands.UpdateSettings, settings=patch).effects
        assert wish.asked == {question(HAT).key}

    def test_the_bank_does_not_ask_again_what_the_host_asked(self, room):
        give(room, *(one.text for one in BANK[:3]))
        room.say(room.host, commands.StartGame)
        for _ in range(4):
            next_question(room)
        assert len(room.state.asked) == 5


def test_what_was_not_asked_is_there_for_another_game(room):
    room.say(room.host, commands.UpdateSettings, settings=commands.SettingsPatch(total_rounds=1))
    room.say(room.host, commands.StartGame)
    room.say(room.host, commands.EndRound)
    give(room, SPY, HAT)
    room.say(room.host, commands.PlayAgain)
    assert waiting(room) == [SPY, HAT]
    room.say(room.host, commands.StartGame)
    assert asked(room) == SPY


def test_they_stay_when_another_is_host(room):
    room.say(room.host, commands.LeaveRoom)
    assert waiting(room) == list(OWN)


class TestFold:
    def refuses(self, room, payload, match):
        record = Record(position=room.state.position + 1, seq=room.state.seq + 1, decided_ms=room.now, payload=payload)
        with pytest.raises(CorruptLogError, match=match):
            apply(room.state, record)

    def test_too_many_or_one_of_them_twice(self, room):
        settings = room.state.settings
        many = tuple(Question(str(n), str(n)) for n in range(MOST_OWN_QUESTIONS + 1))
        for own in (many, (many[0], many[0])):
            payload = records.SettingsUpdated(settings=settings, own_questions=own)
            self.refuses(room, payload, "too many own questions, or one of them twice")

    @pytest.mark.parametrize("other", [BANK[7], BANK[8], question(HUM)])
    def test_another_question_before_them(self, room, other):
        payload = records.GameStarted(
            round_id=room.stream,
            question=other,
            players=tuple(room.state.members),
            total_rounds=5,
            deadline=room.now + 1,
        )
        self.refuses(room, payload, "another question than the one")

    def test_a_log_from_before_there_were_any(self):
        room = PlayedRoom(total_rounds=1)
        ben = room.a_user("Ben")
        room.say(ben, commands.JoinRoom)
        room.say(room.host, commands.UpdateSettings, id="old", settings=commands.SettingsPatch(topic="tea"))
        room.hold(BANK[7])
        room.say(room.host, commands.StartGame)
        room.play_round([room.host, ben])
        room.say(room.host, commands.PlayAgain)

        def forget(row):
            row["payload"].pop("own_questions", None)
            if row["type"] == "base":
                del row["payload"]["state"]["own_questions"]
                for stretch in row["payload"]["state"]["remembered"]["stretches"]:
                    for first in stretch["commands"].values():
                        del first["own_question_count"]

        assert isinstance(room.records[-1].payload, records.Base)
        assert fold(stored(record, forget) for record in room.records) == room.state
        again = commands.SettingsPatch(topic="tea")
        reply = room.say(room.host, commands.UpdateSettings, id="old", settings=again)
        assert (reply.fields["settings"]["topic"], reply.fields["own_question_count"]) == ("tea", 0)
