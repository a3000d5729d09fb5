"""What hosts do beside the course of a game."""

import msgspec
import pytest

from tests.played import HOUSE, PlayedRoom
from votegame.errors import CorruptLogError, ErrorCode
from votegame.game import commands, messages, records
from votegame.game.change import Ok, Refusal
from votegame.game.fold import apply, fold
from votegame.game.fold_host import MOST_BANNED
from votegame.game.presence import Presence
from votegame.game.records import Record
from votegame.game.state import Answering, Lobby, Voting
from votegame.game.timers import timers
from votegame.ids import new_uuid


@pytest.fixture
def room() -> PlayedRoom:
    """A host, two members, and a round of which nobody has answered yet."""
    room = PlayedRoom(total_rounds=2, results_seconds=30)
    room.ben, room.cleo = room.a_user("Ben"), room.a_user("Cleo")
    for user in (room.ben, room.cleo):
        room.say(user, commands.JoinRoom)
    room.say(room.host, commands.StartGame)
    yield room
    assert fold(room.records) == room.state


def told(room: PlayedRoom, user, command_type, **fields):
    """A turn by a command; returns its change."""
    known = {"id": f"t{room.now}", "room_code": room.room_code}
    if "round_id" in command_type.__struct_fields__:
        known["round_id"] = room.state.phase.round.round_id
    return room.tell(messages.FromUser(user, command_type(**{**known, **fields})))


def has_changed_something(change) -> bool:
    return any(not isinstance(record.payload, records.CommandTaken) for record in change.records)


def names(change) -> list[str]:
    return [output.type for output in change.public]


class TestKick:
    def test_the_others_are_told_how_many_play_now(self, room):
        change = told(room, room.host, commands.KickPlayer, user_id=room.ben.user_id)
        left, count = change.public
        assert (left.type, count.type, count.fields["participant_count"]) == ("player_left", "answer_submitted", 2)

    def test_the_one_is_gone_and_does_not_come_back(self, room):
        change = told(room, room.host, commands.KickPlayer, user_id=room.ben.user_id)
        assert change.reply == Ok({})
        left = change.public[0]
        assert (left.type, left.detaches) == ("player_left", room.ben.user_id)
        assert (left.fields["reason"], left.fields["participant_count"]) == ("kicked", 2)
        assert room.say(room.ben, commands.JoinRoom) == Refusal(ErrorCode.KICKED)
        assert room.say(room.ben, commands.LeaveRoom) == Refusal(ErrorCode.NOT_MEMBER)

    def test_the_phase_ends_when_all_who_stay_have_acted(self, room):
        for user in (room.host, room.cleo):
            room.say(user, commands.SubmitAnswer, answer=user.display_name)
        assert "voting_started" in names(told(room, room.host, commands.KickPlayer, user_id=room.ben.user_id))

    def test_what_he_did_stays(self, room):
        room.play_round([room.ben, room.host, room.cleo])
        score = room.state.members[room.ben.user_id].score
        room.say(room.host, commands.KickPlayer, user_id=room.ben.user_id)
        assert room.state.left[room.ben.user_id].score == score == 1

    def test_only_the_host_may_and_neither_himself_nor_a_stranger(self, room):
        assert room.say(room.ben, commands.KickPlayer, user_id=room.cleo.user_id) == Refusal(ErrorCode.NOT_HOST)
        assert room.say(room.host, commands.KickPlayer, user_id=room.host.user_id).code == ErrorCode.BAD_MESSAGE
        stranger = new_uuid(room.rng)
        assert room.say(room.host, commands.KickPlayer, user_id=stranger) == Refusal(ErrorCode.PLAYER_NOT_FOUND)

    def test_the_reply_comes_again(self, room):
        for _ in range(2):
            assert room.say(room.host, commands.KickPlayer, id="kick", user_id=room.ben.user_id) == Ok({})

    def test_of_very_many_the_first_may_come_back(self, room):
        banned = tuple(new_uuid(room.rng) for _ in range(MOST_BANNED))
        state = msgspec.structs.replace(room.state, banned=banned)
        payload = records.PlayerBanned(banned_id=room.ben.user_id)
        record = Record(position=state.position + 1, seq=None, decided_ms=room.now, payload=payload)
        assert apply(state, record).banned == (*banned[1:], room.ben.user_id)


class TestLock:
    def test_nobody_new_comes_in_until_it_is_unlocked(self, room):
        assert names(told(room, room.host, commands.LockRoom)) == ["room_locked"]
        late = room.a_user("Late")
        assert room.say(late, commands.JoinRoom) == Refusal(ErrorCode.ROOM_LOCKED)
        assert room.say(room.ben, commands.JoinRoom).fields["state"]["locked"] is True
        assert names(told(room, room.host, commands.UnlockRoom)) == ["room_unlocked"]
        assert room.say(late, commands.JoinRoom).fields["state"]["locked"] is False

    def test_twice_is_once(self, room):
        for command, times in ((commands.UnlockRoom, 1), (commands.LockRoom, 2), (commands.UnlockRoom, 2)):
            changes = [told(room, room.host, command) for _ in range(times)]
            assert [change.reply for change in changes] == [Ok({})] * times
            assert sum(map(has_changed_something, changes)) == times - 1

    def test_no_more_often_than_a_room_can_remember(self, room):
        for number in range(HOUSE.most_remembered + 2):
            reply = room.say(room.host, (commands.LockRoom, commands.UnlockRoom)[number % 2])
        assert reply.code == ErrorCode.RATE_LIMITED
        assert room.say(room.host, commands.EndRound) == Ok({})

    def test_exactly_as_often_also_when_a_room_remembers_nothing_else(self):
        room = PlayedRoom()
        room.house = msgspec.structs.replace(HOUSE, most_remembered=3)
        replies = [room.say(room.host, (commands.LockRoom, commands.UnlockRoom)[number % 2]) for number in range(4)]
        assert [reply == Ok({}) for reply in replies] == [True, True, False, False]

    def test_nor_are_games_begun_anew_without_end(self, room):
        replies = []
        while not replies or (replies[-1] == Ok({}) and len(replies) < HOUSE.most_remembered):
            room.say(room.host, commands.EndRound)
            while room.say(room.host, commands.NextRound) == Ok({"round_id": room.state.phase.round.round_id}):
                room.say(room.host, commands.EndRound)
            replies.append(room.say(room.host, commands.PlayAgain))
            room.say(room.host, commands.StartGame)
        assert replies[0] == Ok({})
        assert replies[-1].code == ErrorCode.RATE_LIMITED


class TestTransfer:
    def test_another_is_host(self, room):
        change = told(room, room.host, commands.TransferHost, user_id=room.ben.user_id)
        assert [(event.type, event.fields) for event in change.public] == [
            ("host_changed", {"host_id": room.ben.user_id})
        ]
        assert room.say(room.host, commands.EndRound) == Refusal(ErrorCode.NOT_HOST)
        assert room.say(room.ben, commands.EndRound) == Ok({})

    def test_to_oneself_changes_nothing_and_a_stranger_is_not_found(self, room):
        assert not has_changed_something(told(room, room.host, commands.TransferHost, user_id=room.host.user_id))
        stranger = new_uuid(room.rng)
        assert room.say(room.host, commands.TransferHost, user_id=stranger) == Refusal(ErrorCode.PLAYER_NOT_FOUND)


class TestPause:
    def clock(self, room) -> list[str]:
        presence = Presence(frozenset(room.state.members), {})
        return [timer.kind for timer in timers(room.state, presence, HOUSE)]

    def test_the_clock_stands_and_goes_on_with_what_was_left(self, room):
        left_ms = room.state.phase.deadline - room.now - 250
        paused = told(room, room.host, commands.PauseGame).public[0]
        assert (paused.type, paused.fields["remaining_ms"], paused.fields["phase"]) == (
            "game_paused",
            left_ms,
            "answering",
        )
        assert self.clock(room) == []
        shown = room.say(room.ben, commands.JoinRoom).fields["state"]["round"]
        assert (shown["deadline"], shown["remaining_ms"]) == (None, left_ms)
        room.now += 1_000_000
        change = told(room, room.host, commands.ResumeGame)
        assert names(change) == ["game_resumed", "deadline_changed"]
        assert change.public[1].fields["deadline"] == room.now + left_ms
        assert self.clock(room) == ["phase"]

    def test_what_was_done_meanwhile_counts_when_it_goes_on(self, room):
        room.say(room.host, commands.PauseGame)
        for user in (room.host, room.ben, room.cleo):
            assert room.say(user, commands.SubmitAnswer, answer=user.display_name).fields["answer_id"]
        assert isinstance(room.state.phase, Answering)
        room.say(room.host, commands.ResumeGame)
        assert isinstance(room.state.phase, Voting)

    def test_twice_is_once(self, room):
        assert len(told(room, room.host, commands.PauseGame).records) == 1
        assert not has_changed_something(told(room, room.host, commands.PauseGame))
        assert len(told(room, room.host, commands.ResumeGame).records) == 2
        assert not has_changed_something(told(room, room.host, commands.ResumeGame))

    @pytest.mark.parametrize("command", [commands.StartVoting, commands.EndRound])
    def test_the_host_goes_on_without_resuming(self, room, command):
        room.say(room.host, commands.SubmitAnswer, answer="one")
        room.say(room.host, commands.PauseGame)
        room.say(room.host, command)
        assert room.state.paused_ms is None

    def test_results_that_go_on_by_themselves_can_be_paused_and_others_not(self, room):
        room.play_round([room.host, room.ben, room.cleo])
        room.say(room.host, commands.PauseGame)
        assert self.clock(room) == []
        room.say(room.host, commands.NextRound)
        assert self.clock(room) == ["phase"]
        room.play_round([room.host, room.ben, room.cleo])
        assert room.say(room.host, commands.PauseGame).code == ErrorCode.WRONG_PHASE

    def test_results_without_a_clock_cannot_be_paused(self):
        room = PlayedRoom()
        ben = room.a_user("Ben")
        room.say(ben, commands.JoinRoom)
        room.say(room.host, commands.StartGame)
        room.play_round([room.host, ben])
        assert room.say(room.host, commands.PauseGame) == Refusal(ErrorCode.WRONG_PHASE, {"phase": "results"})

    def test_neither_a_shut_gate_nor_a_restart_moves_a_clock_that_stands(self, room):
        room.say(room.host, commands.PauseGame)
        room.now += 1_000_000
        assert room.tell(messages.GateWasShut(3_000)).records == ()
        assert [type(record.payload) for record in room.tell(messages.Loaded()).records] == []

    def test_that_there_is_no_clock_is_said_before_that_it_is_too_often(self):
        room = PlayedRoom(total_rounds=2)
        room.say(room.a_user("Ben"), commands.JoinRoom)
        room.say(room.host, commands.StartGame)
        room.say(room.host, commands.EndRound)
        room.house = msgspec.structs.replace(HOUSE, most_remembered=1)
        assert room.say(room.host, commands.LockRoom).code == ErrorCode.RATE_LIMITED
        for command in (commands.PauseGame, commands.ResumeGame):
            assert room.say(room.host, command) == Refusal(ErrorCode.WRONG_PHASE, {"phase": "results"})

    def test_a_room_that_closes_while_it_is_paused_is_closed(self, room):
        room.say(room.host, commands.PauseGame)
        for user in (room.ben, room.cleo, room.host):
            room.say(user, commands.LeaveRoom)
        assert room.state.paused_ms is None


class TestExtend:
    def test_the_deadline_moves(self, room):
        before = room.state.phase.deadline
        change = told(room, room.host, commands.ExtendPhase, seconds=30)
        assert change.reply == Ok({"deadline": before + 30_000})
        assert names(change) == ["deadline_changed"]

    def test_a_retry_does_not_move_it_again(self, room):
        replies = [room.say(room.host, commands.ExtendPhase, id="more", seconds=30) for _ in range(2)]
        assert replies[0] == replies[1]

    def test_up_to_what_a_phase_can_have(self, room):
        for _ in range(5):
            room.say(room.host, commands.ExtendPhase, seconds=300)
        assert room.state.phase.deadline <= room.now + HOUSE.longest_phase_ms
        room.state = msgspec.structs.replace(room.state)
        deadline = room.state.phase.deadline
        room.now -= 10_000
        change = told(room, room.host, commands.ExtendPhase, seconds=1)
        assert (has_changed_something(change), change.reply) == (False, Ok({"deadline": deadline}))

    def test_what_is_left_on_a_clock_that_stands(self, room):
        room.say(room.host, commands.PauseGame)
        before = room.state.paused_ms
        change = told(room, room.host, commands.ExtendPhase, seconds=30)
        assert (names(change), change.reply) == (["game_paused"], Ok({"deadline": None}))
        again = commands.ExtendPhase(
            id=change.records[0].cause.command_id,
            room_code=room.room_code,
            round_id=room.state.phase.round.round_id,
            seconds=30,
        )
        assert room.tell(messages.FromUser(room.host, again)).reply == change.reply
        assert room.state.paused_ms == before + 30_000
        for _ in range(3):
            room.say(room.host, commands.ExtendPhase, seconds=300)
        assert room.state.paused_ms == HOUSE.longest_phase_ms
        assert not has_changed_something(told(room, room.host, commands.ExtendPhase, seconds=300))


class TestSkip:
    def test_another_question_is_asked_in_a_round_of_its_own(self, room):
        before = room.state.phase.round
        late = room.a_user("Late")
        room.say(late, commands.JoinRoom)
        change = told(room, room.host, commands.SkipQuestion)
        assert names(change) == ["question_skipped", "round_started"]
        after = room.state.phase.round
        assert change.reply == Ok({"round_id": after.round_id})
        assert change.public[0].fields == {"round_id": before.round_id}
        assert change.public[1].fields["round_number"] == after.round_number == before.round_number == 1
        assert after.question != before.question
        assert late.user_id in after.players
        stale = room.say(room.ben, commands.SubmitAnswer, round_id=before.round_id, answer="late")
        assert stale == Refusal(ErrorCode.STALE_ROUND)

    def test_not_after_an_answer(self, room):
        room.say(room.ben, commands.SubmitAnswer, answer="mine")
        assert room.say(room.host, commands.SkipQuestion) == Refusal(ErrorCode.CANNOT_SKIP)

    def test_not_without_enough_players_for_a_round(self, room):
        for user in (room.ben, room.cleo):
            room.say(room.host, commands.KickPlayer, user_id=user.user_id)
        assert room.say(room.host, commands.SkipQuestion) == Refusal(ErrorCode.NOT_ENOUGH_PLAYERS)

    def test_so_many_in_a_game_only(self, room):
        for _ in range(HOUSE.skips):
            assert isinstance(room.say(room.host, commands.SkipQuestion), Ok)
        assert room.say(room.host, commands.SkipQuestion) == Refusal(ErrorCode.CANNOT_SKIP)

    def test_a_retry_gets_the_round_that_started(self, room):
        first = room.say(room.host, commands.SkipQuestion, id="skip", round_id=room.state.phase.round.round_id)
        command = commands.SkipQuestion(id="skip", room_code=room.room_code, round_id=room.records[-2].payload.round_id)
        assert room.tell(messages.FromUser(room.host, command)).reply == first

    def test_the_clock_runs_again(self, room):
        room.say(room.host, commands.PauseGame)
        room.say(room.host, commands.SkipQuestion)
        assert room.state.paused_ms is None


class TestPlayAgain:
    def test_the_same_people_in_the_lobby_without_points(self, room):
        for command in (None, commands.NextRound):
            if command is not None:
                room.say(room.host, command)
            room.play_round([room.host, room.ben, room.cleo])
        room.say(room.cleo, commands.LeaveRoom)
        change = told(room, room.host, commands.PlayAgain)
        assert (names(change), change.reply) == (["game_reset"], Ok({}))
        assert isinstance(change.records[-1].payload, records.Base)
        assert isinstance(room.state.phase, Lobby)
        state = room.say(room.ben, commands.JoinRoom).fields["state"]
        assert [(entry["user_id"], entry["score"]) for entry in state["leaderboard"]] == [
            (room.host.user_id, 0),
            (room.ben.user_id, 0),
        ]
        assert fold(room.records[-2:][-1:]) == msgspec.structs.replace(room.state)
        room.say(room.host, commands.StartGame)
        assert room.state.phase.round.round_number == 1

    def test_only_after_a_game(self, room):
        assert room.say(room.host, commands.PlayAgain).code == ErrorCode.WRONG_PHASE

    def test_a_question_is_drawn_when_there_is_none_yet(self, room):
        room.draw(HOUSE.bank[7])
        room.play_round([room.host, room.ben, room.cleo])
        room.say(room.host, commands.NextRound)
        room.draw(HOUSE.bank[8])
        room.play_round([room.host, room.ben, room.cleo])
        assert told(room, room.host, commands.PlayAgain).effects == ()


@pytest.mark.parametrize(
    "payload",
    [
        records.RoomUnlocked(),
        records.GameReset(),
        records.PlayerBanned(banned_id="twice"),
        records.GamePaused(round_id="present", remaining_ms=0),
        records.GamePaused(round_id="other", remaining_ms=1),
        records.GameResumed(round_id="present"),
    ],
)
def test_what_cannot_have_happened_does_not_fold(room, payload):
    state = msgspec.structs.replace(room.state, banned=("twice",))
    if getattr(payload, "round_id", None) == "present":
        payload = msgspec.structs.replace(payload, round_id=state.phase.round.round_id)
    seq = None if isinstance(payload, records.PlayerBanned) else state.seq + 1
    with pytest.raises(CorruptLogError):
        apply(state, Record(position=state.position + 1, seq=seq, decided_ms=room.now, payload=payload))


def test_a_second_lock_a_skip_after_an_answer_and_a_pause_without_a_clock_do_not_fold(room):
    round_id = room.state.phase.round.round_id
    locked = msgspec.structs.replace(room.state, locked=True)
    room.say(room.ben, commands.SubmitAnswer, answer="x")
    answered = room.state
    room.play_round([])
    for state, payload in (
        (locked, records.RoomLocked()),
        (answered, records.QuestionSkipped(round_id=round_id, next_round_id="next")),
    ):
        record = Record(position=state.position + 1, seq=state.seq + 1, decided_ms=room.now, payload=payload)
        with pytest.raises(CorruptLogError):
            apply(state, record)
