"""Nobody has to guess whether a run hangs; and a run that goes on says nothing but its results."""

import asyncio
from contextlib import asynccontextmanager

import msgspec
import pytest

from votegame import tasks
from votegame.conformance.format import ACTIONS, Step
from votegame.conformance.waiting import Waiting, of_client, of_server

pytestmark = pytest.mark.looptime


@asynccontextmanager
async def watched():
    """What is waited for, and the lines that are said of it."""
    lines: list[str] = []
    waiting = Waiting(lines.append)
    watching = tasks.start(waiting.watch(), name="watch")
    await asyncio.sleep(0)
    yield waiting, lines
    await tasks.end([watching])


async def test_a_long_wait_is_told_after_some_seconds_and_then_less_often():
    async with watched() as (waiting, lines):
        waiting.begin("rates", "waits 60 s, as the server asks")
        await asyncio.sleep(4)
        assert lines == []
        await asyncio.sleep(2)
        assert lines == ["        rates: waits 60 s, as the server asks, for 5 s now"]
        await asyncio.sleep(54)
        assert len(lines) == 6


async def test_there_is_never_a_silence_of_more_than_ten_seconds():
    async with watched() as (waiting, lines):
        for number in range(20):
            waiting.begin("votes", f"step {number}")
            await asyncio.sleep(3)
        assert len(lines) >= 6


async def test_what_goes_on_and_is_heard_of_needs_no_words():
    async with watched() as (waiting, lines):
        for number in range(20):
            waiting.begin(f"story {number}", "step 1")
            await asyncio.sleep(3)
            waiting.end(f"story {number}")
            waiting.heard()
        await asyncio.sleep(60)
        assert lines == []


async def test_of_several_the_one_that_waits_longest_is_told():
    async with watched() as (waiting, lines):
        waiting.begin("clock", "step 7")
        await asyncio.sleep(1)
        waiting.begin("votes", "step 1")
        await asyncio.sleep(5)
        assert lines == ["        clock: step 7, for 5 s now (1 more are under way)"]


CLOCK = {"actor": "ada", "expect": {"type": "voting_started"}, "patience": 40}


def test_a_step_says_what_it_waits_for_and_for_how_long():
    clock = msgspec.convert(CLOCK, Step)
    assert of_server(7, clock, 1.5) == "step 7 waits up to 60 s for `voting_started`"
    away = msgspec.convert({"actor": "ada", "stays_away": 60.0}, Step)
    assert of_client(3, away, 1.0, 0.1) == "step 3 looks for 6 s whether the client stays away"


ARGUMENTS = {
    "connect": {},
    "connect_until": {"limit": 5, "closed": 4409},
    "send": {"type": "ping", "id": "1"},
    "send_text": "{",
    "send_bytes": "7b",
    "send_until": {"command": {}, "refused": {}, "burst": 1, "per_second": 1},
    "expect": {"type": "ok"},
    "closed": 4409,
    "http": {"method": "GET", "path": "/healthz"},
    "stays_away": 1.0,
}


@pytest.mark.parametrize("action", ACTIONS)
def test_every_step_has_words(action):
    who = {} if action == "restart" else {"actor": "ada"}
    step = msgspec.convert({**who, action: ARGUMENTS.get(action, True)}, Step)
    assert of_server(2, step, 1.0).startswith("step 2 ")
    assert of_client(2, step, 1.0, 1.0).startswith("step 2 ")
