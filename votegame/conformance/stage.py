"""What a scripted server has to say: the frames of a story, made whole, and the room that they add up to.

Each step of the story is taken once, in order, whoever it is for; so everybody is told the same.
"""

import random
from collections.abc import Sequence

from votegame.conformance.completion import Completion
from votegame.conformance.format import Step, Transcript
from votegame.conformance.frames import Frame
from votegame.conformance.matcher import Variables, differences, filled
from votegame.conformance.model import RoomModel, now_ms
from votegame.conformance.shapes import Shapes


class ScriptError(Exception):
    """The transcript contradicts itself, or the kit does: nothing that a client could do."""


class Stage:
    """The server's side of one playing of one story."""

    def __init__(self, transcript: Transcript, shapes: Shapes, rng: random.Random) -> None:
        self.variables: Variables = {}
        self.names: dict[str, str] = {}
        """Display names by user id."""
        self._shapes = shapes
        self._complete = Completion(self.variables, self.names, rng)
        for name, actor in transcript.actors.items():
            self.names[self._complete.variable(name, "user_id")] = actor.display_name
        self._room: RoomModel | None = None
        self._events: dict[int, Frame] = {}
        self._commands: dict[str, tuple[str, Frame]] = {}

    @property
    def room(self) -> RoomModel:
        """The room. Raises ScriptError before it was made."""
        if self._room is None:
            raise ScriptError("there is no room yet")
        return self._room

    def sent(self, actor: str, command: Frame) -> None:
        """An actor has sent a command."""
        self._commands[command["id"]] = (actor, command)

    def play(self, actor: str, pattern: Frame) -> None:
        """An actor who is played here sends a command."""
        self.sent(actor, filled(pattern, self.variables))

    def other_use(self, command: Frame) -> Frame | None:
        """The command with other content that had the same id; None when there was none."""
        _, before = self._commands.get(command["id"], ("", command))
        return None if before == command else before

    def made(self, actor: str, pattern: Frame, upcoming: Sequence[Step]) -> Frame:
        """The frame that an actor is told, which gives variables their values; `upcoming` are the steps to come."""
        frame = self._frame(actor, pattern, upcoming)
        found = differences(pattern, frame, self.variables)
        kind = self._shapes.kind(frame, self._command(frame)[1].get("type"))
        fault = kind and self._shapes.fault(kind, frame)
        if found or fault:
            raise ScriptError(f"{[str(each) for each in found]} {fault} in {frame}")
        return frame

    def consequence(self, frame: Frame) -> Frame | None:
        """What an `ok` means for the room: the notice that tells of it, if there is one."""
        actor, command = self._command(frame)
        if frame["type"] != "ok" or command["type"] not in {"submit_answer", "submit_vote"}:
            return None
        user_id = self.variables[actor]
        if command["type"] == "submit_answer":
            self.room.answered(user_id, frame["answer_id"])
            return None if self.room.checks_answers else self.room.counts()
        self.room.voted(user_id, {"vote_id": frame["vote_id"], "answer_id": command["answer_id"]})
        return {**self.room.counts(), **self.room.votes_for(command["answer_id"])}

    def _command(self, frame: Frame) -> tuple[str, Frame]:
        return self._commands.get(str(frame.get("id")), ("", {}))

    def _frame(self, actor: str, pattern: Frame, upcoming: Sequence[Step]) -> Frame:
        match pattern["type"]:
            case "welcome":
                return self._complete.welcome(self.variables[actor])
            case "ok":
                return self._ok(actor, pattern, upcoming)
            case "error":
                return self._complete.error(pattern)
        if "seq" in pattern:
            return self._event(pattern)
        frame = self._complete.notice(pattern, self.room)
        if frame["type"] == "answer_flagged":
            self.room.flagged(self.variables[actor], frame)
        else:
            self.room.take(frame)
        return frame

    def _event(self, pattern: Frame) -> Frame:
        """An event: made once, and then the same for everyone."""
        seq = pattern["seq"]
        if seq not in self._events:
            frame = self._complete.event(pattern, self.room)
            self.room.take(frame)
            self._events[seq] = frame
        return self._events[seq]

    def _ok(self, actor: str, pattern: Frame, upcoming: Sequence[Step]) -> Frame:
        ok = {"type": "ok", "id": self._complete.value(pattern["id"])}
        _, command = self._command(ok)
        match command.get("type"):
            case "create_room":
                self._open(actor, command)
                return {**ok, **self._snapshot(actor, pattern, upcoming)}
            case "join_room":
                return {**ok, **self._snapshot(actor, pattern, upcoming)}
            case "resume":
                return {**ok, **self._resumed(actor, command, pattern)}
            case "update_settings":
                return {**ok, **self._updated(command["settings"])}
            case "ping":
                return {**ok, "server_time": now_ms()}
        return {**ok, **{name: self._complete.value(value, name) for name, value in pattern.items()}}

    def _updated(self, patch: Frame) -> Frame:
        n_waiting = len(patch["questions"]) if "questions" in patch else self.room.state["own_question_count"]
        shown = {name: value for name, value in patch.items() if name != "questions"}
        return {"settings": {**self.room.state["settings"], **shown}, "own_question_count": n_waiting}

    def _open(self, actor: str, command: Frame) -> None:
        if self._room is None:
            host_id = self.variables[actor]
            self._room = RoomModel(
                room_code=self._complete.variable("room", "room_code"),
                stream=self._complete.variable("stream", "stream"),
                host_id=host_id,
                host_name=self.names[host_id],
                settings=command.get("settings", {}),
            )

    def _snapshot(self, actor: str, pattern: Frame, upcoming: Sequence[Step]) -> Frame:
        self._catch_up(pattern.get("state", {}).get("seq", 0), upcoming)
        state = self.room.shown_to(self.variables[actor])
        return {"room_code": state["room_code"], "state": state}

    def _catch_up(self, seq: int, upcoming: Sequence[Step]) -> None:
        """Make the events up to `seq`, which a snapshot holds before the story tells of them."""
        for step in upcoming:
            if self.room.state["seq"] >= seq:
                return
            if isinstance(step.expect, dict) and step.expect.get("seq") == self.room.state["seq"] + 1:
                self._event(step.expect)

    def _resumed(self, actor: str, command: Frame, pattern: Frame) -> Frame:
        room, user_id = self.room, self.variables[actor]
        place = {"room_code": room.state["room_code"]}
        if pattern["recovered"] is False:
            stream = self._complete.value(pattern.get("stream", room.state["stream"]), "stream")
            if stream != room.state["stream"]:
                room.new_stream(stream)
            return {**place, "recovered": False, "stream": stream, "state": room.shown_to(user_id)}
        events = [event for event in room.events if event["seq"] > command["last_seq"]]
        now = room.now_for(user_id)
        return {**place, "recovered": True, "stream": room.state["stream"], "events": events, "now": now}
