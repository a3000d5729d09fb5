"""A short game played by the real rules, with all its frames: what the examples in `protocol/` are compared with.

Ada makes a room, Ben and Cleo join it, and they play two rounds. Each frame is kept under the name of the example
that shows it, such as `event.round_ended`, or `event.round_ended.timed` for another look of it; the envelope around
what the rules give is written here by hand, from `protocol/v1.md`.
"""

import random

import msgspec

from tests.fakes import PlainBank
from votegame.game import commands, rules, views
from votegame.game.change import Event, Notice, Ok, Refusal, Whisper
from votegame.game.commands import AnyCommand, Command
from votegame.game.house import House
from votegame.game.messages import (
    AnswersChecked,
    Creation,
    FromUser,
    GateWasShut,
    PresenceChanged,
    TimerDue,
    User,
)
from votegame.game.outside import Outside, QuestionDrawn
from votegame.game.phases import wish_of
from votegame.game.presence import Presence
from votegame.game.question import Question
from votegame.game.room_settings import SettingsPatch
from votegame.game.timers import timers
from votegame.ids import RoomCode, StreamId, UserId, new_uuid

ROOM_CODE = RoomCode("ABC234")
START_MS = 1_767_225_600_123
BANK = PlainBank(
    (
        Question("q1", "The worst thing to find in the pocket of a second-hand coat is ____."),
        Question("q2", "Name a hotel for people who cannot sleep."),
    )
)
OWN = ("Which of us would be the worst spy?",)
ANSWERS = [
    {"ada": "a signed photo of the coat", "ben": "another, smaller coat", "cleo": "a parking ticket from 1974"},
    {"ada": "The Ticking Clock", "ben": "Hotel Bunk & Bagpipes"},
]


class Story:
    """Plays, and keeps the frames by name; `commands` are those that were taken, in order."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.house = House(bank=BANK, has_moderation=True)
        self.users = {name.lower(): User(UserId(new_uuid(self.rng)), name) for name in ("Ada", "Ben", "Cleo")}
        self.now = START_MS
        self.drawn: QuestionDrawn | None = None
        self.commands: list[AnyCommand] = []
        self.frames: dict[str, dict] = {}
        self.latest: dict[str, dict] = {}
        self.events: list[dict] = []
        self._create()

    @property
    def presence(self) -> Presence:
        return Presence(frozenset(self.state.members), {})

    @property
    def round_id(self):
        return self.state.phase.round.round_id

    def give(self, name: str, make: type[Command], **fields) -> dict:
        """Give a command, and keep what comes of it. Returns the reply."""
        self.now += 1_700
        if issubclass(make, commands.RoomCommand):
            fields = {"room_code": ROOM_CODE, **fields}
        command = make(id=new_uuid(self.rng), **fields)
        return self._take(FromUser(self.users[name], command), command)

    def draw(self, question: Question) -> None:
        """The question of the next round was found."""
        self.drawn = QuestionDrawn(wish_of(self.state), question)

    def tell(self, message) -> None:
        """Something other than a command."""
        self._take(message, None)

    def snapshot(self, name: str) -> dict:
        """What somebody sees who asks when all that has happened is told."""
        return views.snapshot(self.state, self.users[name].user_id, self.presence, now=self.now + 5)

    def keep_state(self, name: str, look: str = "") -> None:
        self.frames[f"state.{self.state.phase.name}{look}"] = self.snapshot(name)

    def keep_look(self, kind: str, look: str) -> None:
        """The latest frame of a kind shows something that the first one does not."""
        self.frames[f"{kind}.{look}"] = self.latest[kind]

    def answer_of(self, name: str):
        return self.state.phase.answers[self.users[name].user_id].answer_id

    def resume(self, name: str, last_seq: int) -> None:
        """Keep both `ok`s that a `resume` can get."""
        user_id = self.users[name].user_id
        command = commands.Resume(
            id=new_uuid(self.rng), room_code=ROOM_CODE, stream=self.state.stream, last_seq=last_seq
        )
        self._keep_command(command)
        stream = self.state.stream
        self.frames["ok.resume.recovered"] = {
            "type": "ok",
            "id": command.id,
            "room_code": self.state.room_code,
            "recovered": True,
            "stream": stream,
            "events": [event for event in self.events if event["seq"] > last_seq],
            "now": views.now_fields(self.state, user_id, self.presence),
        }
        self.frames["ok.resume.snapshot"] = {
            "type": "ok",
            "id": command.id,
            "room_code": self.state.room_code,
            "recovered": False,
            "stream": stream,
            "state": self.snapshot(name),
        }

    def _create(self) -> None:
        command = commands.CreateRoom(id=new_uuid(self.rng), settings=SettingsPatch(total_rounds=3, answer_seconds=90))
        stream = StreamId(new_uuid(self.rng))
        creation = Creation(self.users["ada"], command)
        change = rules.create(
            creation, room_code=ROOM_CODE, stream=stream, now=self.now, rng=self.rng, house=self.house
        )
        self.state = change.state
        self._keep_reply(change.reply, command)

    def _take(self, message, command) -> dict | None:
        change = rules.decide(
            self.state,
            message,
            presence=self.presence,
            now=self.now,
            rng=self.rng,
            house=self.house,
            outside=Outside(drawn=self.drawn),
        )
        self.state = change.state
        for output in change.public:
            self._keep_output(output)
        if command is None:
            return None
        return self._keep_reply(change.reply, command)

    def _keep_command(self, command: AnyCommand) -> None:
        self.commands.append(command)
        name = command.__struct_config__.tag
        self.frames.setdefault(f"command.{name}", msgspec.to_builtins(command))

    def _keep(self, kind: str, frame: dict) -> None:
        self.latest[kind] = frame
        self.frames.setdefault(kind, frame)

    def _keep_reply(self, reply, command: AnyCommand) -> dict:
        if isinstance(reply, Ok):
            # What is shown beside an `ok` is the command that got it.
            self._keep_command(command)
            frame = {"type": "ok", "id": command.id, **reply.fields}
            self._keep(f"ok.{command.__struct_config__.tag}", frame)
            return frame
        assert isinstance(reply, Refusal)
        frame = {"type": "error", "id": command.id, "code": str(reply.code), **reply.details}
        self.frames.setdefault(f"error.{reply.code}", frame)
        return frame

    def _keep_output(self, output: Event | Notice | Whisper) -> None:
        if isinstance(output, Event):
            frame = {
                "type": output.type,
                "room_code": ROOM_CODE,
                "seq": output.seq,
                "server_time": self.now + 4,
                **output.fields,
            }
            self.events.append(frame)
            self._keep(f"event.{output.type}", frame)
        else:
            frame = {"type": output.type, "room_code": ROOM_CODE, "server_time": self.now + 4, **output.fields}
            self.frames.setdefault(f"notice.{output.type}", frame)


def play(seed: int = 1) -> Story:
    """The whole story."""
    story = Story(seed)
    story.give("ben", commands.JoinRoom)
    story.give("cleo", commands.JoinRoom)
    story.give("ada", commands.UpdateSettings, settings=SettingsPatch(total_rounds=2, answer_seconds=60))
    story.keep_state("ada")
    story.draw(BANK[0])
    story.give("ada", commands.StartGame)
    story.draw(BANK[1])
    for name, answer in ANSWERS[0].items():
        if name == "cleo":
            story.keep_state("ben")
        story.give(name, commands.SubmitAnswer, round_id=story.round_id, answer=answer)
    story.give("ada", commands.SubmitAnswer, round_id=story.round_id, answer="too late")
    story.give("ada", commands.SubmitVote, round_id=story.round_id, answer_id=story.answer_of("ada"))
    story.give("ada", commands.SubmitVote, round_id=story.round_id, answer_id=story.answer_of("ben"))
    story.give("cleo", commands.SubmitVote, round_id=story.round_id, answer_id=story.answer_of("ben"))
    story.keep_state("ada")
    story.tell(PresenceChanged(gone=(story.users["ben"].user_id,), back=()))
    story.tell(GateWasShut(1_800))
    story.resume("ben", 4)
    story.give("ben", commands.SubmitVote, round_id=story.round_id, answer_id=story.answer_of("cleo"))
    story.keep_state("ada")
    story.give("ada", commands.NextRound)
    for name, answer in ANSWERS[1].items():
        story.give(name, commands.SubmitAnswer, round_id=story.round_id, answer=answer)
    story.give("ada", commands.StartVoting, round_id=story.round_id)
    story.give("cleo", commands.SubmitVote, round_id=story.round_id, answer_id=story.answer_of("ben"))
    story.give("ada", commands.EndRound, round_id=story.round_id)
    story.keep_state("ada")
    _end(story)
    return story


def play_hosted(seed: int = 2) -> Story:
    """Another evening, on which the host makes use of all that a host can do."""
    story = Story(seed)
    story.give("ben", commands.JoinRoom)
    story.give("cleo", commands.JoinRoom)
    story.give("ada", commands.UpdateSettings, settings=SettingsPatch(total_rounds=1, questions=OWN))
    story.give("ada", commands.LockRoom)
    story.give("ada", commands.UnlockRoom)
    story.draw(BANK[0])
    story.give("ada", commands.StartGame)
    story.draw(BANK[1])
    story.give("ada", commands.SkipQuestion, round_id=story.round_id)
    story.give("ada", commands.PauseGame)
    story.keep_state("ada", ".paused")
    story.give("ada", commands.ResumeGame)
    story.give("ada", commands.ExtendPhase, round_id=story.round_id, seconds=30)
    story.give("ben", commands.React, reaction="applause")
    story.give("ada", commands.KickPlayer, user_id=story.users["cleo"].user_id)
    story.give("ada", commands.EndRound, round_id=story.round_id)
    story.give("ada", commands.PlayAgain)
    story.give("ada", commands.TransferHost, user_id=story.users["ben"].user_id)
    return story


def play_watched(seed: int = 3) -> Story:
    """A third evening: two play, and Cleo, who finds no seat, watches until one is free."""
    story = Story(seed)
    story.give("ada", commands.UpdateSettings, settings=SettingsPatch(max_players=2))
    story.give("ben", commands.JoinRoom)
    story.give("cleo", commands.JoinRoom)
    story.give("cleo", commands.JoinRoom, role="spectator")
    story.give("ben", commands.LeaveRoom)
    story.give("cleo", commands.JoinRoom, role="player")
    _go_on(story)
    return story


def play_moderated(seed: int = 4) -> Story:
    """A fourth evening: Ben's answer is flagged."""
    story = Story(seed)
    story.give("ben", commands.JoinRoom)
    story.give("cleo", commands.JoinRoom)
    story.give("ada", commands.UpdateSettings, settings=SettingsPatch(tone="spicy", moderation="on"))
    story.draw(BANK[0])
    story.give("ada", commands.StartGame)
    story.give("ben", commands.SubmitAnswer, round_id=story.round_id, answer="a threat")
    checked = frozenset({story.answer_of("ben")})
    story.tell(AnswersChecked(round_id=story.round_id, passed=frozenset(), flagged=checked))
    story.keep_state("ben", ".flagged")
    return story


def _go_on(story: Story) -> None:
    """Ben watches now, the next round starts by itself, nobody has an answer, and the last two players leave him."""
    story.give("ben", commands.JoinRoom, role="spectator")
    story.keep_look("ok.join_room", "spectator")
    story.give("ada", commands.UpdateSettings, settings=SettingsPatch(results_seconds=10))
    story.draw(BANK[0])
    story.give("ada", commands.StartGame)
    story.give("ada", commands.EndRound, round_id=story.round_id)
    story.keep_look("event.round_ended", "timed")
    story.keep_state("ben", ".timed")
    story.give("cleo", commands.LeaveRoom)
    story.give("ada", commands.LeaveRoom)
    story.keep_look("event.player_left", "last")


def _end(story: Story) -> None:
    """The host stays away and is replaced, and everyone leaves but her; nobody comes back."""
    ada = story.users["ada"].user_id
    others = frozenset(story.state.members) - {ada}
    _fire(story, Presence(others, {ada: story.now}), "host_away")
    story.give("cleo", commands.LeaveRoom)
    away = dict.fromkeys(story.state.members, story.now)
    _fire(story, Presence(frozenset(), away), "closing")


def _fire(story: Story, presence: Presence, kind: str) -> None:
    timer = next(timer for timer in timers(story.state, presence, story.house) if timer.kind == kind)
    story.now = timer.due_ms
    change = rules.decide(
        story.state, TimerDue(timer), presence=presence, now=story.now, rng=story.rng, house=story.house
    )
    story.state = change.state
    for output in change.public:
        story._keep_output(output)
