"""Who may do what in which phase, and which refusal comes first: the tables of protocol v1, written out once more."""

import itertools

import pytest

from tests.fakes import a_bank
from tests.played import HOUSE, PlayedRoom
from votegame.errors import ErrorCode
from votegame.game import commands, messages
from votegame.game.change import DrawQuestion, Refusal, Resumption
from votegame.game.fold import fold
from votegame.game.house import House
from votegame.game.presence import Presence
from votegame.game.question import Person, Wish
from votegame.game.rules import decide

ANOTHER_ID = "00000000-0000-4000-8000-000000000000"
ALL_PHASES = ["lobby", "answering", "voting", "results", "finished"]
PHASES = {
    commands.JoinRoom: ALL_PHASES,
    commands.LeaveRoom: ALL_PHASES,
    commands.Resume: ALL_PHASES,
    commands.UpdateSettings: ["lobby", "finished"],
    commands.StartGame: ["lobby"],
    commands.SubmitAnswer: ["answering"],
    commands.StartVoting: ["answering"],
    commands.SubmitVote: ["voting"],
    commands.EndRound: ["answering", "voting"],
    commands.NextRound: ["results"],
    commands.React: ALL_PHASES,
}
HOST_ONLY = [
    commands.UpdateSettings,
    commands.StartGame,
    commands.StartVoting,
    commands.EndRound,
    commands.NextRound,
]
OF_A_ROUND = [commands.SubmitAnswer, commands.StartVoting, commands.SubmitVote, commands.EndRound]


def room_in(phase: str, **settings) -> PlayedRoom:
    """Host and Ben in a room that has reached `phase`; Ben has answered, and the host has voted for it, on the way."""
    room = PlayedRoom(total_rounds=1 if phase == "finished" else 2, **settings)
    room.ben = room.a_user("Ben")
    room.say(room.ben, commands.JoinRoom)
    if phase == "lobby":
        return room
    room.say(room.host, commands.StartGame)
    if phase == "answering":
        return room
    room.say(room.ben, commands.SubmitAnswer, answer="Ben's")
    room.say(room.host, commands.SubmitAnswer, answer="Host's")
    if phase == "voting":
        return room
    room.say(room.host, commands.EndRound)
    return room


def fields_for(command_type, room: PlayedRoom) -> dict:
    """Fields with which the command is good, as far as that is up to them."""
    phase = room.state.phase
    round_id = phase.round.round_id if hasattr(phase, "round") else ANOTHER_ID
    fields = {"round_id": round_id} if command_type in OF_A_ROUND else {}
    match command_type:
        case commands.SubmitAnswer:
            fields["answer"] = "Yes"
        case commands.SubmitVote:
            answers = getattr(phase, "answers", {})
            fields["answer_id"] = answers[room.ben.user_id].answer_id if answers else ANOTHER_ID
        case commands.UpdateSettings:
            fields["settings"] = commands.SettingsPatch(topic="cats")
        case commands.React:
            fields["reaction"] = "fire"
        case commands.Resume:
            fields |= {"stream": room.stream, "last_seq": 0}
    return fields


def code(reply):
    return reply.code if isinstance(reply, Refusal) else "ok"


@pytest.mark.parametrize(("command_type", "phase"), list(itertools.product(PHASES, ALL_PHASES)))
def test_a_command_is_taken_in_its_phases_only(command_type, phase):
    room = room_in(phase)
    reply = room.say(room.host, command_type, **fields_for(command_type, room))
    if phase in PHASES[command_type]:
        assert code(reply) == "ok"
    else:
        assert reply == Refusal(ErrorCode.WRONG_PHASE, {"phase": phase})


@pytest.mark.parametrize(("command_type", "phase"), list(itertools.product(HOST_ONLY, ALL_PHASES)))
def test_only_the_host_gives_commands_of_the_host(command_type, phase):
    room = room_in(phase)
    assert code(room.say(room.ben, command_type, **fields_for(command_type, room))) == ErrorCode.NOT_HOST


@pytest.mark.parametrize(
    ("command_type", "phase"),
    [(command_type, phase) for command_type in PHASES if command_type is not commands.JoinRoom for phase in ALL_PHASES],
)
def test_who_is_no_member_can_only_join(command_type, phase):
    room = room_in(phase)
    stranger = room.a_user("Stranger")
    assert code(room.say(stranger, command_type, **fields_for(command_type, room))) == ErrorCode.NOT_MEMBER


@pytest.mark.parametrize("command_type", OF_A_ROUND)
@pytest.mark.parametrize("phase", ALL_PHASES)
def test_another_round_is_stale_before_the_phase_is_looked_at_except_in_the_lobby(command_type, phase):
    room = room_in(phase)
    fields = fields_for(command_type, room) | {"round_id": ANOTHER_ID}
    expected = ErrorCode.WRONG_PHASE if phase == "lobby" else ErrorCode.STALE_ROUND
    assert code(room.say(room.host, command_type, **fields)) == expected


def test_not_host_comes_before_stale_round_and_wrong_phase():
    room = room_in("results")
    assert code(room.say(room.ben, commands.StartVoting, round_id=ANOTHER_ID)) == ErrorCode.NOT_HOST


def test_answer_not_found_comes_before_self_vote_and_already_voted_and_these_before_not_player():
    room = room_in("answering")
    late = room.a_user("Late")
    room.say(room.host, commands.SubmitAnswer, answer="One")
    room.say(late, commands.JoinRoom)
    third = room.say(room.ben, commands.SubmitAnswer, answer="Two").fields["answer_id"]
    own = room.state.phase.answers[room.host.user_id].answer_id
    assert code(room.say(late, commands.SubmitVote, answer_id=ANOTHER_ID)) == ErrorCode.ANSWER_NOT_FOUND
    assert code(room.say(late, commands.SubmitVote, answer_id=own)) == ErrorCode.NOT_PLAYER
    assert code(room.say(room.host, commands.SubmitVote, answer_id=third)) == "ok"
    assert code(room.say(room.host, commands.SubmitVote, answer_id=ANOTHER_ID)) == ErrorCode.ANSWER_NOT_FOUND
    assert code(room.say(room.host, commands.SubmitVote, answer_id=own)) == ErrorCode.SELF_VOTE


def test_a_second_vote_for_another_answer_is_refused():
    room = room_in("answering")
    cleo = room.a_user("Cleo")
    room.say(room.host, commands.LeaveRoom)
    room.say(cleo, commands.JoinRoom)
    room = room_in("lobby")
    cleo = room.a_user("Cleo")
    room.say(cleo, commands.JoinRoom)
    room.say(room.host, commands.StartGame)
    ids = [
        room.say(user, commands.SubmitAnswer, answer=user.display_name).fields["answer_id"]
        for user in (room.host, room.ben, cleo)
    ]
    assert code(room.say(cleo, commands.SubmitVote, answer_id=ids[0])) == "ok"
    assert code(room.say(cleo, commands.SubmitVote, answer_id=ids[1])) == ErrorCode.ALREADY_VOTED
    assert len(room.state.phase.votes) == 1


def test_a_late_comer_does_not_answer_in_the_running_round():
    room = room_in("answering")
    late = room.a_user("Late")
    room.say(late, commands.JoinRoom)
    assert code(room.say(late, commands.SubmitAnswer, answer="Me too")) == ErrorCode.NOT_PLAYER


def test_a_second_answer_is_refused_and_the_first_stays():
    room = room_in("answering")
    room.say(room.ben, commands.SubmitAnswer, answer="First")
    assert code(room.say(room.ben, commands.SubmitAnswer, answer="Second")) == ErrorCode.ALREADY_ANSWERED
    assert room.state.phase.answers[room.ben.user_id].content == "First"


def test_a_closed_room_is_not_found():
    room = PlayedRoom()
    room.say(room.host, commands.LeaveRoom)
    for command_type in (commands.JoinRoom, commands.LeaveRoom, commands.StartGame):
        assert code(room.say(room.a_user("Late"), command_type)) == ErrorCode.ROOM_NOT_FOUND


def test_the_same_arguments_give_the_same_change():
    room = room_in("answering")
    command = commands.SubmitAnswer(
        id="x", room_code=room.room_code, round_id=room.state.phase.round.round_id, answer="A"
    )
    before = room.state
    state = room.rng.getstate()
    changes = []
    for _ in range(2):
        room.rng.setstate(state)
        changes.append(
            decide(
                before,
                messages.FromUser(room.ben, command),
                presence=room.presence,
                now=room.now,
                rng=room.rng,
                house=HOUSE,
            )
        )
    assert changes[0] == changes[1]
    assert room.state is before


def test_a_new_room_has_its_creator_as_host_and_first_member_and_wishes_for_a_question():
    room = PlayedRoom(topic="cats", language="de")
    assert room.state.host_id == room.host.user_id
    assert list(room.state.members) == [room.host.user_id]
    assert (room.state.position, room.state.seq, room.state.phase.name) == (1, 0, "lobby")


def test_resume_hands_on_what_either_way_of_resuming_needs():
    room = room_in("voting")
    reply = room.say(room.ben, commands.Resume, stream=ANOTHER_ID, last_seq=7)
    assert isinstance(reply, Resumption)
    assert (reply.user_id, reply.stream, reply.last_seq, reply.state) == (room.ben.user_id, ANOTHER_ID, 7, room.state)


def a_draw(room, asked=(), **wish):
    """The effect by which the room looks for a question."""
    people = tuple(Person(user_id, member.display_name) for user_id, member in room.state.members.items())
    return DrawQuestion(Wish(**{"topic": "", "language": "en", "tone": "default"} | wish), frozenset(asked), people)


class TestQuestions:
    def test_a_drawn_question_is_asked_in_the_next_round_and_a_new_one_is_wished_for(self):
        room = room_in("lobby")
        room.draw(HOUSE.bank[5])
        change = self.started(room)
        assert room.state.phase.round.question == HOUSE.bank[5].text
        assert change.effects == (a_draw(room, asked=[HOUSE.bank[5].key]),)

    def test_one_that_is_in_the_log_is_asked_before_one_that_was_drawn(self):
        room = room_in("lobby")
        room.hold(HOUSE.bank[5])
        room.draw(HOUSE.bank[6])
        assert self.started(room).effects == ()
        assert room.state.phase.round.question == HOUSE.bank[5].text
        assert room.state.held is None
        room.say(room.host, commands.EndRound)
        room.say(room.host, commands.NextRound)
        assert room.state.phase.round.question == HOUSE.bank[6].text

    def test_without_one_the_bank_gives_one_that_was_not_asked(self):
        # As many as the game has rounds: one that did not look at what was asked would ask one again.
        room = PlayedRoom(house=House(bank=a_bank(20)), total_rounds=20)
        ben = room.a_user("Ben")
        room.say(ben, commands.JoinRoom)
        room.say(room.host, commands.StartGame)
        asked = [room.state.phase.round.question]
        for _ in range(19):
            room.say(room.host, commands.EndRound)
            room.say(room.host, commands.NextRound)
            asked.append(room.state.phase.round.question)
        assert len(set(asked)) == 20

    def test_the_bank_is_asked_for_what_the_room_wishes(self):
        room = PlayedRoom(topic="Cats and dogs", language="en-GB")
        room.say(room.a_user("Ben"), commands.JoinRoom)
        room.say(room.host, commands.StartGame)
        (topic,) = [one.topic for one in HOUSE.bank.tagged if one.question.text == room.state.phase.round.question]
        assert topic == "animals"

    def test_what_was_drawn_is_asked_once(self):
        room = room_in("lobby")
        room.draw(HOUSE.bank[5])
        room.say(room.host, commands.StartGame)
        room.say(room.host, commands.EndRound)
        room.say(room.host, commands.NextRound)
        assert room.state.phase.round.question != HOUSE.bank[5].text

    @pytest.mark.parametrize("patch", [{"topic": "dogs"}, {"language": "de"}, {"tone": "family"}])
    def test_what_was_drawn_on_another_wish_is_not_asked(self, patch):
        room = room_in("lobby")
        room.draw(HOUSE.bank[5])
        change = room.tell(self.update(room, commands.SettingsPatch(**patch)))
        assert change.effects == (a_draw(room, **patch),)
        room.say(room.host, commands.StartGame)
        assert room.state.phase.round.question != HOUSE.bank[5].text

    def test_other_settings_leave_it_alone(self):
        room = room_in("lobby")
        room.draw(HOUSE.bank[5])
        assert room.tell(self.update(room, commands.SettingsPatch(max_players=5))).effects == ()
        room.hold(HOUSE.bank[6])
        room.tell(self.update(room, commands.SettingsPatch(max_players=6, tone="family")))
        assert room.state.held == HOUSE.bank[6], "so folds a release that knows no tone"
        room.tell(self.update(room, commands.SettingsPatch(topic="dogs")))
        assert room.state.held is None

    @pytest.mark.parametrize("phase", ["lobby", "answering", "voting", "results", "finished"])
    @pytest.mark.parametrize("role", ["player", "spectator"])
    def test_a_question_is_drawn_anew_for_each_who_joins(self, phase, role):
        room = room_in(phase)
        room.draw(HOUSE.bank[5])
        change = self.joined(room, role)
        assert change.effects == (a_draw(room, asked=room.state.asked),)
        assert [person.display_name for person in change.effects[0].people][-1] == "Newcomer"
        assert len(change.records) == 1

    def joined(self, room, role):
        joining = commands.JoinRoom(id="j", room_code=room.room_code, role=role)
        return room.tell(messages.FromUser(room.a_user("Newcomer"), joining))

    def started(self, room):
        return room.tell(messages.FromUser(room.host, commands.StartGame(id="s", room_code=room.room_code)))

    def update(self, room, patch):
        room.n = getattr(room, "n", 0) + 1
        return messages.FromUser(
            room.host, commands.UpdateSettings(id=f"u{room.n}", room_code=room.room_code, settings=patch)
        )


class TestDeadlines:
    def test_a_shut_gate_moves_the_deadline_by_its_time(self):
        room = room_in("answering")
        before = room.state.phase.deadline
        change = room.tell(messages.GateWasShut(1_500))
        assert room.state.phase.deadline == before + 1_500
        assert change.public[0].fields == {
            "round_id": room.state.phase.round.round_id,
            "phase": "answering",
            "time_limit": 60,
            "deadline": before + 1_500,
        }

    @pytest.mark.parametrize("phase", ["lobby", "results", "finished"])
    def test_where_no_deadline_runs_none_is_moved(self, phase):
        room = room_in(phase)
        assert room.tell(messages.GateWasShut(1_500)).records == ()
        assert room.tell(messages.Loaded()).records == ()

    def test_a_room_that_was_loaded_late_gets_five_seconds(self):
        room = room_in("voting")
        room.now = room.state.phase.deadline - 4_000
        room.tell(messages.Loaded())
        assert room.state.phase.deadline == room.now + 5_000

    def test_a_room_that_was_loaded_in_time_keeps_its_deadline(self):
        room = room_in("voting")
        before = room.state.phase.deadline
        room.now = before - 6_000
        assert room.tell(messages.Loaded()).records == ()

    def test_a_loaded_room_without_a_question_wishes_for_one_and_a_closed_one_for_nothing(self):
        room = room_in("lobby")
        assert room.tell(messages.Loaded()).effects == (a_draw(room),)
        room.draw(HOUSE.bank[0])
        assert room.tell(messages.Loaded()).effects == ()
        room.say(room.host, commands.LeaveRoom)
        room.say(room.ben, commands.LeaveRoom)
        assert room.tell(messages.Loaded()).effects == ()
        assert room.tell(messages.GateWasShut(5_000)).records == ()


class TestNoticesMissed:
    def told(self, room, **presence):
        change = room.tell(messages.NoticesMissed(), **presence)
        assert change.records == change.effects == ()
        return [(notice.type, notice.subject, dict(notice.fields)) for notice in change.public]

    def test_in_the_lobby_it_is_told_of_each_member_whether_he_is_connected(self):
        room = room_in("lobby")
        alone = Presence(frozenset({room.host.user_id}), {room.ben.user_id: room.now})
        assert [fields for _, _, fields in self.told(room, presence=alone)] == [
            {"user_id": room.host.user_id, "connected": True},
            {"user_id": room.ben.user_id, "connected": False},
        ]

    def test_in_answering_how_many_have_answered(self):
        room = room_in("answering")
        assert self.told(room)[2:] == [
            (
                "answer_submitted",
                "",
                {"round_id": room.state.phase.round.round_id, "submitted_count": 0, "participant_count": 2},
            )
        ]

    @pytest.mark.parametrize("phase", ["voting", "results", "finished"])
    def test_from_voting_on_the_votes_for_each_answer(self, phase):
        room = room_in(phase)
        counts = {fields["answer_id"]: fields["vote_count"] for _, _, fields in self.told(room)[2:]}
        assert counts.keys() == set(room.state.phase.order)
        assert sum(counts.values()) == len(room.state.phase.votes)

    def test_with_progress_only_how_many_have_voted(self):
        room = room_in("voting", vote_updates="progress")
        assert [(subject, "vote_count" in fields) for _, subject, fields in self.told(room)[2:]] == [("", False)]

    def test_after_a_round_without_voting_the_answers_are_counted(self):
        room = room_in("answering")
        room.say(room.host, commands.EndRound)
        assert [kind for kind, _, _ in self.told(room)[2:]] == ["answer_submitted"]


class TestPresence:
    def test_gone_and_back_are_told_as_notices(self):
        room = room_in("lobby")
        gone = room.tell(messages.PresenceChanged(gone=(room.ben.user_id,), back=()))
        back = room.tell(messages.PresenceChanged(gone=(), back=(room.ben.user_id,)))
        assert [notice.fields for notice in (*gone.public, *back.public)] == [
            {"user_id": room.ben.user_id, "connected": False},
            {"user_id": room.ben.user_id, "connected": True},
        ]
        assert gone.records == back.records == ()

    def test_the_phase_ends_when_all_who_are_left_have_acted(self):
        room = room_in("answering")
        room.say(room.host, commands.SubmitAnswer, answer="Mine")
        alone = Presence(frozenset({room.host.user_id}), {room.ben.user_id: room.now})
        room.tell(messages.PresenceChanged(gone=(room.ben.user_id,), back=()), presence=alone)
        assert room.state.phase.name == "voting"

    def test_an_empty_room_waits_for_the_deadline(self):
        room = room_in("answering")
        nobody = Presence(frozenset(), dict.fromkeys(room.state.members, room.now))
        room.tell(messages.PresenceChanged(gone=tuple(room.state.members), back=()), presence=nobody)
        assert room.state.phase.name == "answering"

    def test_with_host_away_auto_results_get_a_deadline_when_the_host_goes(self):
        room = room_in("results", host_away="auto")
        gone = messages.PresenceChanged(gone=(room.host.user_id,), back=())
        room.tell(gone, presence=Presence(frozenset({room.ben.user_id}), {room.host.user_id: room.now}))
        assert room.state.phase.deadline == room.now + 10_000
        assert room.state.phase.time_limit == 10

    def test_with_promote_they_do_not(self):
        room = room_in("results")
        gone = messages.PresenceChanged(gone=(room.host.user_id,), back=())
        assert room.tell(gone, presence=Presence(frozenset({room.ben.user_id}), {})).records == ()

    def test_a_host_who_was_gone_before_the_results_stood_leaves_no_second_deadline(self):
        room = room_in("results", host_away="auto")
        alone = Presence(frozenset({room.ben.user_id}), {room.host.user_id: room.now})
        room.tell(messages.PresenceChanged(gone=(room.host.user_id,), back=()), presence=alone)
        again = messages.PresenceChanged(gone=(), back=(room.ben.user_id,))
        assert room.tell(again, presence=alone).records == ()


class TestAbsentHost:
    """With `host_away` `auto`, results that stand without the host go on by themselves, however he came to be it."""

    def after(self, command, **settings):
        room = room_in("results", **settings)
        here = Presence(frozenset({room.host.user_id}), {room.ben.user_id: room.now})
        room.tell(messages.FromUser(room.host, command(room)), presence=here)
        assert room.state.host_id == room.ben.user_id
        return room

    @staticmethod
    def transfer(room):
        return commands.TransferHost(id="t", room_code=room.room_code, user_id=room.ben.user_id)

    @staticmethod
    def leave(room):
        return commands.LeaveRoom(id="l", room_code=room.room_code)

    @pytest.mark.parametrize("command", [transfer, leave])
    def test_results_get_a_deadline(self, command):
        room = self.after(command, host_away="auto")
        assert (room.state.phase.deadline, room.state.phase.time_limit) == (room.now + 10_000, 10)
        assert fold(room.records) == room.state

    @pytest.mark.parametrize("command", [transfer, leave])
    @pytest.mark.parametrize("settings", [{"host_away": "promote"}, {"host_away": "wait"}])
    def test_with_other_settings_they_do_not(self, command, settings):
        assert self.after(command, **settings).state.phase.deadline is None

    @pytest.mark.parametrize("command", [transfer, leave])
    def test_a_deadline_that_there_is_stays(self, command):
        room = self.after(command, host_away="auto", results_seconds=60)
        assert room.records[-1].payload.__struct_config__.tag != "deadline_changed"

    def test_nor_when_the_new_host_is_there(self):
        room = room_in("results", host_away="auto")
        room.tell(messages.FromUser(room.host, self.transfer(room)))
        assert room.state.phase.deadline is None
