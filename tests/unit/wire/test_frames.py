"""What the server sends, read back by a client's eyes."""

import json
import sys
import tracemalloc

import pytest

from votegame.ids import RoomCode
from votegame.wire import frames
from votegame.wire.limits import Limits


def test_replies_events_and_notices_have_the_fields_of_the_outline():
    room = RoomCode("ABC234")

    assert json.loads(frames.ok("1", {"a": 1})) == {"type": "ok", "id": "1", "a": 1}
    assert json.loads(frames.event("e", room, seq=3, server_time_ms=9, fields={"a": 1})) == {
        "type": "e",
        "room_code": "ABC234",
        "seq": 3,
        "server_time": 9,
        "a": 1,
    }
    assert "seq" not in json.loads(frames.notice("n", room, server_time_ms=9, fields={}))


def test_an_event_that_is_kept_takes_no_more_memory_than_it_is_long():
    tracemalloc.start()
    try:
        kept = [frames.event("e", RoomCode("ABC234"), seq=seq, server_time_ms=7, fields={}) for seq in range(100)]
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 2 * sum(map(sys.getsizeof, kept))


def test_an_encoded_event_is_embedded_as_it_is():
    event = frames.event("e", RoomCode("ABC234"), seq=1, server_time_ms=9, fields={"text": 'é"'})

    assert event in frames.ok("1", {"events": [frames.embedded(event)]})


def test_welcome_tells_every_limit():
    limits = Limits(answer_chars=100)
    welcome = json.loads(
        frames.welcome(connection_id="c", user_id="u", display_name="Ada", server_time_ms=9, limits=limits)
    )

    assert welcome["protocol"] == "votegame.v1"
    assert welcome["user"] == {"id": "u", "display_name": "Ada"}
    assert set(welcome["limits"]) == set(Limits.__struct_fields__)
    assert welcome["limits"]["answer_chars"] == 100


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_text_frames_have_the_shortest_header(size, header):
    assert frames.framed(b"x" * size) == header + b"x" * size


def test_control_frames():
    assert frames.close_frame(1001, "bye") == b"\x88\x05\x03\xe9bye"
    assert frames.close_echo(None) == b"\x88\x00"
    assert frames.close_echo(1000) == b"\x88\x02\x03\xe8"
    assert frames.ping_frame() == b"\x89\x00"
    assert frames.pong_frame(b"ab") == b"\x8a\x02ab"
