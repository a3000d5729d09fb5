"""Random games against the slow model: every reply, phase, score and count, and what clients fold on the way."""

import json
import os

import hypothesis.strategies as st
import msgspec
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.model import Model
from tests.played import HOUSE, PlayedRoom
from votegame.client.fold import RoomFold, digest
from votegame.game import commands, messages
from votegame.game.change import Event, Ok, Resumption
from votegame.game.fold import apply, fold
from votegame.game.presence import Presence
from votegame.game.records import Row, from_row, to_row
from votegame.game.state import players_of
from votegame.game.timers import timers
from votegame.game.views import now_fields, snapshot
from votegame.game.wording import key

NAMES = ["Ada", "Ben", "Cleo", "Dan"]
ROLES = [None, "player", "spectator"]
PLAIN = {
    "leave_room": commands.LeaveRoom,
    "start_game": commands.StartGame,
    "next_round": commands.NextRound,
}
OF_ROUND = {"start_voting": commands.StartVoting, "end_round": commands.EndRound}
UNKNOWN = "00000000-0000-4000-8000-000000000000"
OWN = ["Whose hat is it?", "What does Ben hum?", HOUSE.bank[0].text.upper(), HOUSE.bank[1].text]
names = st.sampled_from(NAMES)
ids = st.integers(0, 11).map("id{}".format)
rounds_back = st.integers(0, 1)


class RandomGames(RuleBasedStateMachine):
    @initialize(
        seed=st.integers(0, 2**32),
        max_players=st.integers(2, 4),
        total_rounds=st.integers(1, 3),
        late_join=st.booleans(),
        vote_updates=st.sampled_from(["counts", "progress"]),
        seated=st.integers(0, 3),
        max_members=st.integers(2, 4),
    )
    def begin(self, seed, max_players, total_rounds, late_join, vote_updates, seated, max_members):
        chosen = {"max_players": max_players, "total_rounds": total_rounds, "late_join": late_join}
        house = msgspec.structs.replace(HOUSE, max_members=max_members)
        self.room = PlayedRoom(seed, house=house, vote_updates=vote_updates, host_away="wait", **chosen)
        self.users = {"Ada": self.room.host, **{name: self.room.a_user(name) for name in NAMES[1:]}}
        self.names = {user.user_id: name for name, user in self.users.items()}
        self.model = Model(host="Ada", max_members=max_members, **chosen)
        self.round_ids: list[str] = []
        self.asked: list[str] = []
        self.watcher = RoomFold(self.room.host.user_id)
        self.watcher.take_ok({"state": self.shown("Ada")})
        self.loaded = fold(map(stored, self.room.records))
        self.n_loaded = len(self.room.records)
        for name in NAMES[1 : seated + 1]:
            self.join(name)
        self.start()

    def shown(self, name):
        state = snapshot(self.room.state, self.users[name].user_id, self.presence, now=self.room.now)
        return json.loads(json.dumps(state))

    @property
    def presence(self):
        members = self.room.state.members
        connected = {self.users[name].user_id for name in self.model.connected}
        away = {user_id: 0 for user_id in members if user_id not in connected}
        return Presence(frozenset(connected & members.keys()), away)

    def give(self, name, command_id, kind, command, detail=None, round_of=None):
        self.model.connected.add(name)
        self.room.now += 100
        expected = self.model.command(name, command_id, kind, detail, round_of, self.room.now + 250)
        change = self.room.tell(messages.FromUser(self.users[name], command), presence=self.presence)
        code = "ok" if isinstance(change.reply, Ok) else str(change.reply.code)
        assert code == expected, (kind, detail)
        if code != "ok":
            assert change.records == change.public == ()
        self.follow(change)

    def follow(self, change):
        for item in change.public:
            frame = {"type": item.type, **item.fields}
            if isinstance(item, Event):
                frame["seq"] = item.seq
            if self.watcher.state["phase"] != "closed":
                self.watcher.take(json.loads(json.dumps(frame)))
        round_id = getattr(getattr(self.room.state.phase, "round", None), "round_id", None)
        if round_id is not None and round_id not in self.round_ids:
            self.round_ids.append(round_id)
            self.asked.append(key(self.room.state.phase.round.question))

    def round_id(self, back):
        """The id of the present round, or of one before it, and its number in the model's terms."""
        number = self.model.round_number - back
        return (self.round_ids[number - 1], number) if 0 < number <= len(self.round_ids) else (UNKNOWN, -1)

    @rule(name=names, command_id=ids, kind=st.sampled_from(sorted(PLAIN)))
    def plain(self, name, command_id, kind):
        command = PLAIN[kind](id=command_id, room_code=self.room.room_code)
        self.give(name, command_id, kind, command)

    @rule(name=names, command_id=ids, role=st.sampled_from(ROLES))
    def join_as(self, name, command_id, role):
        given = {} if role is None else {"role": role}
        command = commands.JoinRoom(id=command_id, room_code=self.room.room_code, **given)
        self.give(name, command_id, "join_room", command, role)

    @rule(name=names, role=st.sampled_from(ROLES))
    def join(self, name, role=None):
        self.join_as(name, f"join-{name}-{self.room.now}", role)

    @rule()
    def start(self):
        kind = "start_game" if self.model.phase == "lobby" else "next_round"
        self.plain(self.model.host, f"start-{self.room.now}", kind)

    @rule(name=names, command_id=ids, questions=st.lists(st.sampled_from(OWN), max_size=3, unique=True))
    def own_questions(self, name, command_id, questions):
        patch = commands.SettingsPatch(questions=tuple(questions))
        command = commands.UpdateSettings(id=command_id, room_code=self.room.room_code, settings=patch)
        self.give(name, command_id, "update_settings", command, tuple(questions))

    @rule(place=st.integers(0, 2))
    def a_question_is_found(self, place):
        self.follow(self.room.tell(messages.QuestionDrawn("", "en", HOUSE.bank[place]), presence=self.presence))

    @rule(name=names, command_id=ids)
    def react(self, name, command_id):
        command = commands.React(id=command_id, room_code=self.room.room_code, reaction="sad")
        self.give(name, command_id, "react", command)

    @rule(name=names, command_id=ids, kind=st.sampled_from(sorted(OF_ROUND)), back=rounds_back)
    def host_command(self, name, command_id, kind, back):
        round_id, number = self.round_id(back)
        command = OF_ROUND[kind](id=command_id, room_code=self.room.room_code, round_id=round_id)
        self.give(name, command_id, kind, command, round_of=number)

    @rule(name=names, command_id=ids, answer=st.sampled_from(["yes", "no"]), back=rounds_back)
    def answer(self, name, command_id, answer, back):
        round_id, number = self.round_id(back)
        command = commands.SubmitAnswer(id=command_id, room_code=self.room.room_code, round_id=round_id, answer=answer)
        self.give(name, command_id, "submit_answer", command, answer, number)

    @rule(name=names, answer=st.sampled_from(["yes", "no"]))
    def fresh_answer(self, name, answer):
        self.answer(name, f"answer-{self.room.now}", answer, 0)

    @rule(name=names, command_id=ids, author=st.sampled_from([*NAMES, "nobody"]), back=rounds_back)
    def vote(self, name, command_id, author, back):
        round_id, number = self.round_id(back)
        answers = getattr(self.room.state.phase, "answers", {})
        user = self.users.get(author)
        known = answers.get(user.user_id) if user is not None else None
        answer_id = known.answer_id if known is not None else UNKNOWN
        if known is None:
            author = "nobody"
        command = commands.SubmitVote(
            id=command_id, room_code=self.room.room_code, round_id=round_id, answer_id=answer_id
        )
        # Two rounds' answers of one author are different contents.
        detail = author if known is not None else answer_id
        key = (self.users[name].user_id, command_id)
        remembered = self.model.remembered.get((name, command_id))
        if remembered is not None and remembered.content == ("submit_vote", detail, number):
            again = getattr(self, "voted", {}).get(key)
            if again is not None and again != answer_id:
                return
        self.give(name, command_id, "submit_vote", command, detail, number)
        self.__dict__.setdefault("voted", {})[key] = answer_id

    @rule(name=names, author=st.sampled_from(NAMES))
    def fresh_vote(self, name, author):
        self.vote(name, f"vote-{self.room.now}", author, 0)

    @rule(connected=st.sets(names))
    def presence_changes(self, connected):
        self.room.now += 250
        gone = tuple(self.users[name].user_id for name in self.model.members if name not in connected)
        self.model.presence(set(connected), self.room.now + 250)
        self.follow(self.room.tell(messages.PresenceChanged(gone=gone, back=()), presence=self.presence))

    @rule(early=st.booleans())
    def time_passes(self, early):
        due = [timer for timer in timers(self.room.state, self.presence, HOUSE) if timer.kind == "phase"]
        for timer in due:
            self.room.now = max(self.room.now, timer.due_ms - 250 - (1 if early else 0))
            if not early or self.room.now + 250 >= timer.due_ms:
                self.model.time_is_up(self.room.now + 250)
            self.follow(self.room.tell(messages.TimerDue(timer), presence=self.presence))

    @rule(shut_ms=st.integers(1_001, 20_000))
    def gate_was_shut(self, shut_ms):
        if self.model.deadline is not None:
            self.model.deadline += shut_ms
        self.follow(self.room.tell(messages.GateWasShut(shut_ms), presence=self.presence))

    @rule(who=st.lists(names, min_size=2, unique=True))
    def some_answer(self, who):
        for name in who:
            self.fresh_answer(name, f"{name} says")

    @rule(who=st.lists(names, min_size=2, unique=True), author=st.sampled_from(NAMES))
    def some_vote(self, who, author):
        for name in who:
            self.fresh_vote(name, author)

    @rule(name=names)
    def resume(self, name):
        user = self.users[name]
        command = commands.Resume(id="r", room_code=self.room.room_code, stream=self.room.stream, last_seq=0)
        reply = self.room.tell(messages.FromUser(user, command), presence=self.presence).reply
        assert isinstance(reply, Resumption) == (name in self.model.members and self.model.phase != "closed")

    @invariant()
    def the_model_agrees(self):
        state, model = self.room.state, self.model
        assert state.phase.name == model.phase
        if model.phase == "closed":
            return
        assert [self.names[user_id] for user_id in state.members] == model.members
        assert [self.names[user_id] for user_id in players_of(state)] == model.seated()
        assert self.names[state.host_id] == model.host
        board = {self.names[entry["user_id"]]: entry["score"] for entry in self.shown(model.host)["leaderboard"]}
        assert board == model.board()
        if hasattr(state.phase, "deadline"):
            assert state.phase.deadline == model.deadline
        assert [own.text for own in state.own_questions] == model.own
        assert len(set(self.asked)) == len(self.asked)
        if model.phase != "lobby":
            assert model.question in (None, state.phase.round.question)
            assert {self.names[user_id]: one.content for user_id, one in state.phase.answers.items()} == model.answers
            assert (getattr(state.phase, "order", None) is not None) == model.voting_was

    @invariant()
    def the_log_folds_to_the_state(self):
        for record in self.room.records[self.n_loaded :]:
            self.loaded = apply(self.loaded, stored(record))
        self.n_loaded = len(self.room.records)
        assert self.loaded == self.room.state

    @invariant()
    def who_never_left_sees_what_one_who_comes_now_is_shown(self):
        if self.model.phase == "closed":
            return
        shown = self.shown(self.model.host)
        assert self.watcher.digest() == digest(shown)
        seen = self.watcher.state["round"]
        now = now_fields(self.room.state, self.room.state.host_id, self.presence)
        if seen is not None and self.model.phase in {"answering", "voting"}:
            assert seen["submitted_count"] == now["submitted_count"]
            assert seen["participant_count"] == now["participant_count"]
            if now["vote_counts"] is not None:
                assert {one["id"]: one["vote_count"] for one in seen["answers"]} == now["vote_counts"]


def stored(record):
    row = msgspec.to_builtins(to_row(record))
    return from_row(msgspec.convert(json.loads(json.dumps(row, sort_keys=True)), Row))


N_GAMES = int(os.environ.get("RANDOM_GAMES", "60"))

TestRandomGames = RandomGames.TestCase
TestRandomGames.settings = settings(
    max_examples=N_GAMES,
    stateful_step_count=50,
    deadline=None,
    derandomize="RANDOM_GAMES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
