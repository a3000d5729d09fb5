"""The transcripts are what `protocol/transcripts.md` says, and show what the rest of `protocol/` describes."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

from votegame.conformance.anonymity import objects
from votegame.conformance.format import ACTIONS, Need, read_transcripts
from votegame.conformance.matcher import KINDS, MATCHERS
from votegame.conformance.shapes import Shapes

PROTOCOL = Path(__file__).parents[2] / "protocol"
FOLDER = PROTOCOL / "transcripts"
STORIES = read_transcripts(FOLDER)
RAW = {path.stem: json.loads(path.read_bytes()) for path in FOLDER.glob("*.json")}
PROSE = (PROTOCOL / "transcripts.md").read_text(encoding="utf-8")
V1 = (PROTOCOL / "v1.md").read_text(encoding="utf-8")
SCHEMA = json.loads((PROTOCOL / "schemas" / "transcript.json").read_bytes())
SCHEMAS = {path.stem: json.loads(path.read_bytes()) for path in (PROTOCOL / "schemas").glob("*.json")}
SHAPES = Shapes()


def chapters() -> dict[str, str]:
    """The text of each chapter by its anchor."""
    pieces = re.split(r"^#{2,3} (.+)$", V1, flags=re.MULTILINE)
    anchors = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in pieces[1::2]]
    return dict(zip(anchors, pieces[2::2], strict=True))


@pytest.mark.parametrize("name", sorted(RAW))
def test_every_transcript_is_valid_by_the_schema_and_has_one_step_a_line(name):
    jsonschema.Draft202012Validator(SCHEMA).validate(RAW[name])
    lines = (FOLDER / f"{name}.json").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line.strip().rstrip(",")) for line in lines if line.startswith("    {")] == RAW[name]["steps"]


def test_the_schema_refuses_what_the_format_does_not_have():
    validator = jsonschema.Draft202012Validator(SCHEMA)
    story = RAW["votes"]
    assert not validator.is_valid({**story, "chapter": []})
    assert not validator.is_valid({**story, "steps": [{"actor": "ada", "sends": {}}]})


@pytest.mark.parametrize("name", sorted(STORIES))
def test_chapters_and_stories_lead_to_each_other(name):
    linked = {anchor for anchor, text in chapters().items() if f"(transcripts/{name}.json)" in text}
    assert linked == set(STORIES[name].chapters)
    assert linked


def test_every_error_code_is_shown_or_it_is_said_why_not():
    shown = {part["code"] for story in RAW.values() for part in objects(story) if isinstance(part.get("code"), str)}
    unshown = set(re.findall(r"^\| `(\w+)` \| [A-Z]", PROSE.split("## What is not shown")[1], re.MULTILINE))
    assert shown | unshown == set(json.loads((PROTOCOL / "errors.json").read_bytes()))
    assert shown & unshown == set()


def test_every_event_and_notice_is_shown():
    shown = {step.expect["type"] for story in STORIES.values() for step in story.steps if step.action == "expect"}
    assert (SHAPES.events | SHAPES.notices) - shown == set()


def test_what_nobody_knows_is_told_to_clients_only():
    for name, story in STORIES.items():
        unknown = [step for step in story.steps if step.action == "expect" and step.expect["type"] == "weather_changed"]
        assert not unknown or story.against == ("client",), name


def test_every_command_is_sent_in_some_story():
    sent = {step.send["type"] for story in STORIES.values() for step in story.steps if step.action == "send"}
    assert sent == SHAPES.commands


@pytest.mark.parametrize("name", sorted(STORIES))
def test_frames_have_no_field_that_the_specification_does_not_know(name):
    for step in STORIES[name].steps:
        kind = SHAPES.kind(step.expect, None) if step.action == "expect" else None
        if kind is not None:
            schema = SCHEMAS[kind]
            assert set(step.expect) <= set(schema["properties"]), step
        if step.action == "send" and "surprise" not in step.send:
            assert set(step.send) <= set(SCHEMAS[f"command.{step.send['type']}"]["properties"]), step


def test_actions_and_matchers_are_described():
    assert set(re.findall(r"^\| `(\w+)` \|", PROSE.split("| action |")[1].split("\n\n")[0], re.MULTILINE)) == set(
        ACTIONS
    )
    assert set(re.findall(r'^\| `\{"(\$\w+)', PROSE, re.MULTILINE)) == MATCHERS.keys()
    assert all(f"`{kind}`" in PROSE for kind in KINDS)
    assert all(f"`{need}`" in PROSE for need in Need.__args__)


def test_matchers_in_use_are_those_that_there_are():
    used = {next(iter(part)) for story in RAW.values() for part in objects(story) if len(part) == 1}
    assert {key for key in used if re.fullmatch(r"\$\w+", key)} <= MATCHERS.keys()
