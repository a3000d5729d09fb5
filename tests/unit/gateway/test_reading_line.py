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
    for _ in range(12):
        handled.append(sum(len(client.heard()) for client in crowd))
        await asyncio.sleep(0)
    assert sum(handled) == 40
    assert max(handled) * 15_000 <= BYTES_PER_TURN + 30_000
    assert max(handled[8:]) > 0


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


async def test_when_too_much_is_held_nobody_waits(crowd, monkeypatch):
    monkeypatch.setattr(reading_line, "MOST_HELD_BYTES", 60_000)
    for client in crowd:
        client.say_raw(a_read(client, [1]))
    assert sum(len(client.heard()) for client in crowd) >= 20 - 4
    for _ in range(30):
        await asyncio.sleep(0)
    assert sum(len(client.heard()) for client in crowd) <= 4


async def test_a_usual_command_is_small(stage):
    client = stage.connect("ada")
    client.say(type="submit_answer", id="i" * 64, room_code="ABC234", round_id="r" * 36, answer="\U0001f389" * 280)
    assert len(masked(0x81, ('"' + "\U0001f389" * 280 + '"').encode())) < SMALL_BYTES
    assert [frame["code"] for frame in client.heard()] == ["bad_message"]
