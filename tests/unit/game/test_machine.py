"""Random games against the slow model: every reply, phase, score, count and clock, and what clients fold on the way.

Each step is drawn from a number of its own, so that all that can be done comes about as often as it should, and a game
that fails can still be cut down to the steps that matter.
"""

import json
import os
import random
from typing import get_args

import msgspec
import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.digests import digest
from tests.model import Model, Said
from tests.model_refusals import PHASES
from tests.played import HOUSE, PlayedRoom
from votegame.client.fold import RoomFold
from votegame.game import commands, messages
from votegame.game.change import Event, Ok, Resumption, Whisper
from votegame.game.fold import apply, fold
from votegame.game.presence import Presence
from votegame.game.records import GameReset, Row, from_row, to_row
from votegame.game.room_settings import RoomSettings
from votegame.game.rules import NOTED_PER_MEMBER
from votegame.game.state import players_of
from votegame.game.timers import timers
from votegame.game.views import now_fields, snapshot
from votegame.game.wording import key

COMMANDS = {one.__struct_config__.tag: one for one in get_args(commands.AnyRoomCommand)}
NAMES = ["Ada", "Ben", "Cleo", "Dan", "Eve"]
UNKNOWN = "00000000-0000-4000-8000-000000000000"
OWN = ["Whose hat is it?", "What does Ben hum?", HOUSE.bank[0].text.upper(), HOUSE.bank[1].text]
NEXT = {"lobby": "start_game", "results": "next_round", "finished": "play_again"}
HOSTING = ["pause_game", "resume_game", "skip_question", "extend_phase", "start_voting", "end_round"]
HOSTING += ["start_game", "next_round", "play_again", "lock_room", "unlock_room"]
CHOICES = {
    "max_players": [2, 3, 5],
    "total_rounds": [1, 2, 3],
    "results_seconds": [0, 0, 5],
    "late_join": [True, False],
    "vote_updates": ["counts", "progress"],
    "host_away": ["promote", "wait", "auto"],
    "tone": ["family", "default", "spicy"],
    "moderation": ["on", "on", "off"],
    "questions": [(), tuple(OWN[:2]), tuple(OWN[2:]), tuple(OWN[:3])],
}
MOVES = {
    "go_on": 8,
    "host": 8,
    "answer": 4,
    "vote": 4,
    "join": 3,
    "again": 2,
    "leave": 1,
    "choose_a_member": 2,
    "change_settings": 3,
    "react": 1,
    "resume": 1,
    "come_or_go": 5,
    "time_comes": 4,
    "time_passes": 1,
    "gate_was_shut": 1,
    "load": 1,
    "find_a_question": 1,
    "check": 4,
}
"""What may happen, and how often it does."""

steps = st.integers(0, 2**16)


class RandomGames(RuleBasedStateMachine):
    @initialize(step=steps)
    def begin(self, step):
        self.game = step
        self.chance = random.Random(step)
        given = self.some_settings()
        limits = {"max_members": self.chance.choice([5, 5, 4, 2]), "most_remembered": self.chance.choice([300, 300, 8])}
        limits["has_moderation"] = self.chance.random() < 0.5
        self.room = PlayedRoom(step, house=msgspec.structs.replace(HOUSE, **limits), **given)
        self.users = {"Ada": self.room.host, **{name: self.room.a_user(name) for name in NAMES[1:]}}
        self.names = {user.user_id: name for name, user in self.users.items()}
        chosen = msgspec.to_builtins(RoomSettings()) | given
        own = list(chosen.pop("questions", ()))
        self.model = Model(host="Ada", created_at=self.room.now, own=own, settings=chosen, **limits)
        self.model.may_note = self.remembers_little
        self.first_oks = {}
        self.said = []
        self.round_ids: list[str] = []
        self.asked: list[str] = []
        self.watcher = RoomFold(self.room.host.user_id)
        self.watcher.take_ok({"state": self.shown("Ada")})
        self.loaded = fold(map(stored, self.room.records))
        self.n_loaded = len(self.room.records)
        for name in NAMES[1 : self.chance.randint(2, 5)]:
            self.say(name, "join_room")

    @rule(step=steps)
    def turn(self, step):
        self.chance = random.Random(self.game << 16 | step)
        move = self.chance.choices(list(MOVES), list(MOVES.values()))[0]
        note(f"  {move}")
        getattr(self, move)()

    # what is played -------------------------------------------------------------------------------------------------

    @property
    def soon(self) -> int:
        """When the next turn will be."""
        return self.room.now + 250

    @property
    def presence(self):
        members = self.room.state.members
        connected = {self.users[name].user_id for name in self.model.connected}
        away = {self.users[name].user_id: since for name, since in self.model.away.items()}
        return Presence(frozenset(connected & members.keys()), {one: away[one] for one in away if one in members})

    def tell(self, message):
        change = self.room.tell(message, presence=self.presence)
        for item in change.public:
            frame = {"type": item.type, **item.fields}
            if isinstance(item, Event):
                frame["seq"] = item.seq
            is_for_others = isinstance(item, Whisper) and item.user_id != self.watcher.user_id
            if self.watcher.state["phase"] != "closed" and not is_for_others:
                self.watcher.take(plain(frame))
        if any(isinstance(record.payload, GameReset) for record in change.records):
            self.asked.clear()
        current = getattr(self.room.state.phase, "round", None)
        if current is not None and current.round_id not in self.round_ids:
            self.round_ids.append(current.round_id)
            self.asked.append(key(current.question))
        return change

    def say(self, name, kind, *, command_id=None, detail=None, back=None, **fields):
        """A command; `back` is how many rounds before the present one that is which it is meant for."""
        name = self.model.host if name == "host" else name
        number = None
        if back is not None:
            number = self.model.rounds_begun - back
            fields["round_id"] = self.round_ids[number - 1] if number > 0 else UNKNOWN
        command_id = command_id or self.chance.choice([f"{kind} {len(self.said)}"] * 5 + ["one", "two"])
        command = COMMANDS[kind](id=command_id, room_code=self.room.room_code, **fields)
        content = msgspec.structs.replace(command, id="")
        self.give(Said(name, kind, command_id, content, detail, number), command)

    def remembers_little(self):
        return self.room.state.remembered.count() < NOTED_PER_MEMBER * len(self.room.state.members)

    def give(self, said, command):
        note(f"    {said}")
        self.said.append((said, command))
        if said.user not in self.model.connected:
            self.presence_changes({*self.model.connected, said.user})
        self.room.now += 100
        is_again = self.model.first(said, self.soon) is not None
        expected = self.model.command(said, self.soon)
        change = self.tell(messages.FromUser(self.users[said.user], command))
        code = "ok" if isinstance(change.reply, Ok) else str(change.reply.code)
        assert code == expected, said
        if code != "ok" or is_again:
            assert change.records == change.public == ()
        if code == "ok" and not change.reply.attach:
            self.look_at_ok(said, change.reply.fields, is_again)

    def look_at_ok(self, said, fields, is_again):
        """A repetition gets the first `ok`, and a first one says what is true now."""
        if is_again:
            assert fields == self.first_oks[said.user, said.command_id]
            return
        if said.kind != "react":
            self.first_oks[said.user, said.command_id] = fields
        if said.kind == "extend_phase":
            assert fields["deadline"] == self.model.deadline
        elif said.kind in {"start_game", "next_round", "skip_question"}:
            assert fields["round_id"] == self.room.state.phase.round.round_id

    # moves ----------------------------------------------------------------------------------------------------------

    def someone(self):
        return self.chance.choice(NAMES)

    def the_host(self):
        """Whoever is host, but for once in a while."""
        return self.chance.choice([self.model.host] * 9 + [self.someone()])

    def rounds_back(self):
        return self.chance.choice([0] * 9 + [1])

    def some_settings(self):
        wanted = self.chance.sample(list(CHOICES), self.chance.randint(0, 4))
        return {name: self.chance.choice(CHOICES[name]) for name in wanted}

    def join(self):
        role = self.chance.choice([None, "player", "spectator"])
        self.say(self.someone(), "join_room", detail=role, **({} if role is None else {"role": role}))

    def leave(self):
        self.say(self.someone(), "leave_room")

    def go_on(self):
        """The game goes its way, as far as those come who are there, but for one."""
        if self.model.phase in NEXT:
            self.say(self.model.host, NEXT[self.model.phase])
        late = self.chance.choice([None, *NAMES])
        for name in self.model.there():
            others = [one for one in self.model.answers if one != name]
            if name == late:
                continue
            if self.model.phase == "answering" and name not in self.model.answers:
                self.say_answer(name, f"{name} says")
            elif self.model.phase == "voting" and name not in self.model.votes and others:
                self.say_vote(name, self.chance.choice(others))

    def host(self):
        """Mostly one of what is for the present phase."""
        fitting = [kind for kind in HOSTING if self.model.phase in PHASES.get(kind, [self.model.phase])]
        mostly = fitting[:-2] or HOSTING
        kind = self.chance.choice(self.chance.choice([mostly, mostly, fitting, HOSTING]))
        fields = {}
        if kind == "extend_phase":
            fields["detail"] = fields["seconds"] = self.chance.choice([1, 30, 300, 300])
        if "round_id" in COMMANDS[kind].__struct_fields__:
            fields["back"] = self.rounds_back()
        name = self.the_host()
        for _ in range(self.chance.choice([1, 1, 1, 4])):
            self.say(name, kind, **fields)

    def choose_a_member(self):
        other = self.chance.choice([*NAMES, "nobody"])
        user_id = self.users[other].user_id if other in self.users else UNKNOWN
        kind = self.chance.choice(["kick_player", "transfer_host", "transfer_host"])
        self.say(self.the_host(), kind, detail=other, user_id=user_id)

    def change_settings(self):
        given = self.some_settings()
        self.say(self.the_host(), "update_settings", detail=given, settings=commands.SettingsPatch(**given))

    def react(self):
        self.say(self.someone(), "react", reaction="sad")

    def answer(self):
        self.say_answer(self.someone(), self.chance.choice(["yes", "no"]), self.rounds_back())

    def say_answer(self, name, answer, back=0):
        self.say(name, "submit_answer", back=back, detail=answer, answer=answer)

    def vote(self):
        self.say_vote(self.someone(), self.chance.choice([*NAMES, "nobody"]), self.rounds_back())

    def say_vote(self, name, author, back=0):
        given = getattr(self.room.state.phase, "answers", {})
        known = given.get(self.users[author].user_id) if author in self.users else None
        author, answer_id = ("nobody", UNKNOWN) if known is None else (author, known.answer_id)
        self.say(name, "submit_vote", back=back, detail=author, answer_id=answer_id)

    def again(self):
        """One of the last commands comes a second time."""
        if self.said:
            self.give(*self.chance.choice(self.said[-10:]))

    def resume(self):
        name = self.someone()
        command = commands.Resume(id="r", room_code=self.room.room_code, stream=self.room.stream, last_seq=0)
        reply = self.tell(messages.FromUser(self.users[name], command)).reply
        assert isinstance(reply, Resumption) == (name in self.model.members and self.model.phase != "closed")

    # what happens by itself -----------------------------------------------------------------------------------------

    def come_or_go(self):
        """Mostly those who are away come back, or the host goes."""
        who = self.chance.choice([{self.model.host}, {self.model.host}, {self.someone()}, set(NAMES)])
        there = self.model.connected
        self.presence_changes(there - who if self.chance.random() < 0.4 else there | set(NAMES))

    def presence_changes(self, connected):
        before = self.model.connected
        gone, back = (
            tuple(self.users[name].user_id for name in self.model.members if name in changed)
            for changed in (before - connected, connected - before)
        )
        self.model.presence(connected, self.soon)
        self.tell(messages.PresenceChanged(gone=gone, back=back))

    def time_comes(self):
        due = sorted(timers(self.room.state, self.presence, self.room.house), key=lambda timer: timer.due_ms)
        if due:
            timer = self.chance.choice(due)
            is_early = self.chance.random() < 0.2
            self.room.now = max(self.room.now, timer.due_ms - 250 - is_early)
            if self.soon >= timer.due_ms:
                self.model.happens(timer.kind, self.soon)
            self.tell(messages.TimerDue(timer))

    def time_passes(self):
        self.room.now += self.chance.choice([1_000, 60_000, 601_000])

    def gate_was_shut(self):
        shut_ms = self.chance.randint(1_001, 20_000)
        self.model.gate_was_shut(shut_ms)
        self.tell(messages.GateWasShut(shut_ms))

    def load(self):
        self.model.loaded(self.soon)
        # Checks that were under way ended with the actor that had asked for them.
        self.room.unchecked = []
        self.tell(messages.Loaded())

    def find_a_question(self):
        self.room.draw(self.chance.choice(HOUSE.bank[:3]))

    def check(self):
        """The checks of some answers come to an end."""
        answers = getattr(self.room.state.phase, "answers", {})
        here = {one.answer_id: self.names[user_id] for user_id, one in answers.items()}
        ended = [one for one in self.room.unchecked if one not in here or self.chance.random() < 0.8]
        flagged = [one for one in ended if self.chance.random() < 0.4]
        self.room.unchecked = [one for one in self.room.unchecked if one not in ended]
        authors = [here[one] for one in ended if one in here]
        told = [here[one] for one in flagged if one in here and self.model.phase == "answering"]
        self.model.are_checked(authors, told, self.soon)
        message = messages.AnswersChecked(
            round_id=self.round_ids[-1] if self.round_ids else UNKNOWN,
            passed=frozenset(ended) - frozenset(flagged),
            flagged=frozenset(flagged),
        )
        public = self.tell(message).public
        whispered = [self.names[item.user_id] for item in public if isinstance(item, Whisper)]
        assert sorted(whispered) == sorted(told)

    # what must be true after each -----------------------------------------------------------------------------------

    def shown(self, name):
        state, user_id = self.room.state, self.users[name].user_id
        unchecked = frozenset(self.room.unchecked)
        return plain(snapshot(state, user_id, self.presence, now=self.room.now, unchecked=unchecked))

    @invariant()
    def the_model_agrees(self):
        state, model = self.room.state, self.model
        assert state.phase.name == model.phase
        if model.phase == "closed":
            return
        assert [self.names[user_id] for user_id in state.members] == model.members
        assert [self.names[user_id] for user_id in players_of(state)] == model.seated()
        shown = self.shown(model.host)
        assert self.names[shown["host_id"]] == model.host
        assert shown["locked"] == model.locked
        assert shown["settings"] == model.settings
        assert {self.names[entry["user_id"]]: entry["score"] for entry in shown["leaderboard"]} == model.board()
        assert [own.text for own in state.own_questions] == model.own
        assert len(set(self.asked)) == len(self.asked)
        if model.phase == "lobby":
            assert shown["round"] is None
            return
        assert {self.names[user_id]: one.content for user_id, one in state.phase.answers.items()} == model.answers
        for name in model.members:
            you = self.shown(name)["you"]
            assert (you["answer_id"] is not None) == (name in model.answers)
            assert ("answer_flagged" in you) == (name in model.flagged and name not in model.answers)
        assert (getattr(state.phase, "order", None) is not None) == model.voting_was
        current = shown["round"]
        assert model.question in (None, current["question"])
        assert (current["round_number"], current["total_rounds"]) == (model.round_number, model.total_rounds)
        assert (current["deadline"], current.get("remaining_ms")) == (model.deadline, model.remaining_ms)

    @invariant()
    def what_will_happen_by_itself_is_known(self):
        due = timers(self.room.state, self.presence, self.room.house)
        assert {timer.kind: timer.due_ms for timer in due} == self.model.due()
        assert len(due) == len(self.model.due())

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
        assert digest(self.watcher.state) == digest(self.shown(self.model.host))
        seen = {self.names[member["user_id"]] for member in self.watcher.state["members"] if member["connected"]}
        assert seen == self.model.connected.intersection(self.model.members)

    @invariant()
    def counts_are_told_whenever_they_change(self):
        model, seen = self.model, self.watcher.state["round"]
        if model.phase == "closed" or seen is None:
            return
        assert seen.get("remaining_ms") == model.remaining_ms
        expected = (model.submitted_count(), len(model.participants()))
        unchecked = frozenset(self.room.unchecked)
        now = now_fields(self.room.state, self.room.state.host_id, self.presence, unchecked=unchecked)
        assert (now["submitted_count"], now["participant_count"]) == expected
        assert (seen["submitted_count"], seen["participant_count"]) == expected, model.phase
        counts = model.vote_counts()
        if counts is None:
            assert now["vote_counts"] is None
            return
        author = {one.answer_id: self.names[user_id] for user_id, one in self.room.state.phase.answers.items()}
        assert {author[one]: count for one, count in now["vote_counts"].items()} == counts
        assert {author[one["id"]]: one["vote_count"] for one in seen["answers"]} == counts


def plain(fields):
    return json.loads(json.dumps(fields))


def stored(record):
    row = msgspec.to_builtins(to_row(record))
    return from_row(msgspec.convert(json.loads(json.dumps(row, sort_keys=True)), Row))


N_GAMES = int(os.environ.get("RANDOM_GAMES", "120"))

TestRandomGames = pytest.mark.many_games(RandomGames.TestCase)
TestRandomGames.settings = settings(
    max_examples=N_GAMES,
    stateful_step_count=50,
    derandomize="RANDOM_GAMES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
