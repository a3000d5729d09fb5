"""What a scripted server says is right by itself: every story for clients, played without one."""

import random

import pytest

from votegame.client.fold import RoomFold
from votegame.conformance.completion import extended
from votegame.conformance.matcher import filled
from votegame.conformance.runner import transcripts_for
from votegame.conformance.same import unlike
from votegame.conformance.shapes import Shapes
from votegame.conformance.stage import ScriptError, Stage

STORIES = transcripts_for("client")
SHAPES = Shapes()


def told(name: str):
    """All that the actor who is the client is told, in order, with the command that it answers."""
    story = STORIES[name]
    stage = Stage(story, SHAPES, random.Random(1))
    commands = {}
    for number, step in enumerate(story.steps, start=1):
        for actor in step.actors:
            if step.action == "send":
                stage.play(actor, step.send)
                command = filled(step.send, stage.variables)
                commands[command["id"]] = command
            if step.action == "expect":
                frame = stage.made(actor, step.expect, story.steps[number:])
                notice = stage.consequence(frame)
                if actor == story.client:
                    yield stage, frame, commands.get(frame.get("id"), {})
                if notice is not None:
                    yield stage, notice, {}


@pytest.mark.parametrize("name", sorted(STORIES))
def test_every_frame_is_valid_and_can_be_folded(name):
    fold = None
    for stage, frame, command in told(name):
        kind = SHAPES.kind(frame, command.get("type"))
        assert kind is None or SHAPES.fault(kind, frame) is None
        assert kind is None or SHAPES.fault(kind, extended(frame)) is None
        if frame["type"] == "ok" and ("state" in frame or "recovered" in frame):
            fold = fold or RoomFold(stage.variables[STORIES[name].client])
            fold.take_ok(frame)
        elif fold is not None and frame.get("seq") == fold.seq + 1:
            fold.take(frame)
    assert fold is not None or "slow" in STORIES[name].needs


def test_what_is_folded_is_what_the_room_shows():
    fold = None
    for stage, frame, command in told("whole_game"):
        if frame["type"] == "ok" and "state" in frame:
            fold = RoomFold(stage.variables["ben"])
            fold.take_ok(frame)
        elif command.get("type") in {"submit_answer", "submit_vote"}:
            fold.took(command, frame)
        elif "room_code" in frame:
            fold.take(frame)
        if fold is not None and "seq" in frame:
            assert unlike(fold.state, stage.room.shown_to(fold.user_id)) == []
    assert fold.state["phase"] == "finished"


def test_a_story_that_contradicts_itself_is_no_fault_of_the_client():
    stage = Stage(STORIES["whole_game"], SHAPES, random.Random(1))
    with pytest.raises(ScriptError):
        stage.made("ben", {"type": "welcome", "user": {"id": "$ada"}}, ())
    with pytest.raises(ScriptError):
        stage.made("ben", {"type": "room_locked", "seq": 1}, ())
