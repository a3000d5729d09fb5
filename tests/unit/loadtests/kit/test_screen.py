import json
from pathlib import Path

import msgspec
import pytest

from loadtests.kit import messages
from loadtests.kit.messages import GameEnded, RoundEnded, RoundStarted, VotingStarted
from loadtests.kit.screen import Screen, Taken

EXAMPLES = Path(__file__).parents[4] / "protocol" / "examples"


def example(name):
    return (EXAMPLES / f"{name}.json").read_bytes()


def event(name, seq):
    frame = json.loads(example(f"event.{name}"))
    return messages.event_of(frame["type"], json.dumps({**frame, "seq": seq}).encode())


def drawn(name="state.lobby"):
    screen = Screen()
    screen.draw(msgspec.json.decode(example(name), type=messages.State))
    return screen


def test_a_game_is_followed_from_event_to_event():
    screen = drawn()
    for name, phase in [
        ("game_started", "answering"),
        ("voting_started", "voting"),
        ("round_ended", "results"),
        ("round_started", "answering"),
        ("game_ended", "finished"),
        ("room_closed", "closed"),
    ]:
        assert screen.take(event(name, screen.seq + 1)) is Taken.APPLIED
        assert screen.phase == phase


def test_an_event_of_a_kind_that_is_not_known_counts():
    screen = drawn()
    unknown = messages.event_of("fireworks", b'{"type":"fireworks","room_code":"ABC234","seq":4,"server_time":1}')
    assert screen.take(unknown) is Taken.APPLIED
    assert screen.seq == 4


def test_who_comes_during_a_round_plays_from_the_next_one_on():
    screen = drawn("state.results.timed")
    assert not screen.plays
    screen.take(event("round_started", screen.seq + 1))
    assert screen.plays


def test_a_hole_is_seen_and_not_applied():
    screen = drawn()
    assert screen.take(event("game_started", 5)) is Taken.HOLE
    assert (screen.seq, screen.phase) == (3, "lobby")


def test_what_came_already_is_left_out():
    screen = drawn()
    assert screen.take(event("game_started", 3)) is Taken.OLD
    assert screen.phase == "lobby"


def test_events_are_left_out_until_the_reply_to_a_resume():
    screen = drawn()
    screen.is_resuming = True
    assert screen.take(event("game_started", 4)) is Taken.LEFT_OUT
    screen.draw(msgspec.json.decode(example("state.voting"), type=messages.State))
    assert (screen.phase, screen.seq, screen.has_voted, screen.is_resuming) == ("voting", 5, True, False)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("event.*.json")), ids=lambda path: path.stem)
def test_every_event_of_the_protocol_is_understood(path):
    frame = path.read_bytes()
    told = messages.event_of(messages.head_of(frame).type, frame)
    assert told.seq == json.loads(frame)["seq"]
    named = {
        "game_started": RoundStarted,
        "round_started": RoundStarted,
        "voting_started": VotingStarted,
        "round_ended": RoundEnded,
        "game_ended": GameEnded,
    }
    assert isinstance(told, named.get(told.type, messages.Event))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("ok.*.json")), ids=lambda path: path.stem)
def test_every_ok_of_the_protocol_is_understood(path):
    assert messages.ok_of(path.read_bytes()).id


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("error.*.json")), ids=lambda path: path.stem)
def test_every_error_of_the_protocol_is_understood(path):
    assert messages.refusal_of(path.read_bytes()).code == path.stem.split(".")[1]


@pytest.mark.parametrize(
    "kind",
    [kind for kind in vars(messages).values() if isinstance(kind, type) and issubclass(kind, messages.Command)],
    ids=lambda kind: kind.__name__,
)
def test_every_command_is_as_the_protocol_shows_it(kind):
    if kind is messages.Command:
        return
    shown = json.loads(example(f"command.{kind.__struct_config__.tag}"))
    sent = json.loads(messages.encoded(kind(**{name: shown.get(name, "player") for name in kind.__struct_fields__})))
    assert sent.pop("role", None) in {None, "player"}
    assert sent == shown
