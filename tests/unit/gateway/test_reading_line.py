"""Much at once stands in line, and what is small goes by."""

import asyncio

import pytest

from tests.unit.gateway.stage import masked
from votegame.gateway import reading_line
from votegame.gateway.reading_line import BYTES_PER_TURN, SMALL_BYTES


def a_read(client, numbers, size=15_000) -> bytes:
    """Pings with these ids, each in a frame of `size` bytes, that come in one read."""
    frames = []
    for number in numbers:
        text = f'{{"type":"ping","id":"{client.connection.connection_id} {number}","more":"'
        frames.append(masked(0x81, (text + "m" * (size - len(text) - 2) + '"}').encode()))
    return b"".join(frames)


def ids(client) -> list[str]:
    return [frame["id"].split()[1] for frame in client.heard()]


@pytest.fixture
async def crowd(stage):
    return [stage.connect(f"user {number}") for number in range(20)]


async def test_in_one_turn_so_much_is_handled_and_the_rest_in_those_after_it(crowd):
    for client in crowd:
        client.say_raw(a_read(client, [1, 2]))
    handled = []
    while sum(handled) < 40:
        handled.append(sum(len(client.heard()) for client in crowd))
        await asyncio.sleep(0)
    assert max(handled) * 15_000 <= BYTES_PER_TURN + 30_000


async def test_what_is_small_goes_by(crowd, stage):
    for client in crowd:
        client.say_raw(a_read(client, [1, 2]))
    other = stage.connect("other")
    other.say(type="ping", id="quick now")
    assert ids(other) == ["now"]


async def test_a_connection_that_waits_is_not_read_and_keeps_its_order(crowd):
    for client in crowd:
        client.say_raw(a_read(client, [1, 2]))
    last = crowd[-1]
    assert last.transport.is_paused
    last.say_raw(a_read(last, [3], size=100))
    assert ids(last) == []
    for _ in range(30):
        await asyncio.sleep(0)
    assert ids(last) == ["1", "2", "3"]
    assert not any(client.transport.is_paused for client in crowd)


async def test_of_a_connection_that_is_lost_nothing_is_handled_any_more(crowd, stage):
    for client in crowd:
        client.say_raw(a_read(client, [1]))
    last = crowd[-1]
    last.transport.is_closed = True
    last.lose()
    for _ in range(30):
        await asyncio.sleep(0)
    assert last.transport.writes == []
    assert last.transport.is_paused


async def test_a_long_read_is_handled_part_by_part(stage):
    client = stage.connect("ada")
    client.say_raw(a_read(client, range(1, 13)))
    handled = []
    while sum(handled) < 12:
        handled.append(len(client.heard()))
        assert client.transport.is_paused == (sum(handled) < 12)
        await asyncio.sleep(0)
    assert max(handled) <= 3


async def test_when_too_much_waits_who_brings_more_is_cut_off_and_nobody_else(crowd, monkeypatch):
    monkeypatch.setattr(reading_line, "MOST_HELD_BYTES", 60_000)
    for client in crowd:
        client.say_raw(a_read(client, [1]))
    crowd[0].say(type="ping", id="small now")
    cut = [client for client in crowd if client.transport.is_aborted]
    assert 20 - 7 <= len(cut) <= 20 - 5
    for _ in range(30):
        await asyncio.sleep(0)
    assert [ids(client) for client in crowd if client not in cut] == [["1", "now"], *[["1"]] * (19 - len(cut))]
    assert [ids(client) for client in cut] == [[]] * len(cut)


async def test_there_is_room_again_when_what_waited_is_handled(stage, monkeypatch):
    monkeypatch.setattr(reading_line, "MOST_HELD_BYTES", 60_000)
    client = stage.connect("ada")
    for number in range(20):
        client.say_raw(a_read(client, [number, number]))
        while not client.heard():
            await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert not client.transport.is_aborted


async def test_a_command_that_has_waited_has_as_long_for_its_reply_as_those_handled_with_it(crowd, stage):
    for client in crowd:
        client.say_raw(a_read(client, [1, 2]))
    late = crowd[-1]
    late.say(type="join_room", id="late", room_code="ABC234")
    stage.clock.at += 2.0
    for _ in range(40):
        await asyncio.sleep(0)
    late.heard()
    stage.later(4.9)
    assert late.heard() == []

    stage.later(0.2)
    assert [frame["code"] for frame in late.heard()] == ["unavailable"]


async def test_a_usual_command_is_small(stage):
    client = stage.connect("ada")
    client.say(type="submit_answer", id="i" * 64, room_code="ABC234", round_id="r" * 36, answer="\U0001f389" * 280)
    assert len(masked(0x81, ('"' + "\U0001f389" * 280 + '"').encode())) < SMALL_BYTES
    assert [frame["code"] for frame in client.heard()] == ["bad_message"]


async def test_what_comes_after_a_violation_takes_no_place_in_the_line(stage):
    client = stage.connect("ada")
    client.say_raw(masked(0x82, b"binary"))
    assert client.close_code() == 1003
    for _ in range(5):
        client.say_raw(a_read(client, [1, 2]))
    assert not client.transport.is_paused
    assert not client.transport.is_aborted
