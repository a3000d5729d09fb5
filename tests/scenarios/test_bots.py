"""`votegame bots`: one person can try everything alone."""

import asyncio
import re
import signal
import sys
from contextlib import asynccontextmanager

import pytest

from tests.serving import ROOT
from votegame.bots.bank import answers
from votegame.client import Client, NotNow

PATIENCE_SECONDS = 60


@asynccontextmanager
async def bots(url: str, code: str, count: int, pace: str = "0.02"):
    """The command as a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "votegame", "bots", code, "--count", str(count), "--url", url, "--pace", pace),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_one_person_and_bots_play_a_whole_game(server_url):
    async with Client(server_url) as client:
        await client.guest("Ada")
        room = await client.create_room(total_rounds=2, language="de")
        async with bots(server_url, room.code, 3) as process:
            await room.until(lambda view: len(view.members) == 4)
            await room.start_game()
            await play_round(room, 1)
            await room.next_round()
            await play_round(room, 2)
            board = (await room.until(lambda view: view.phase == "finished")).leaderboard
            assert sum(line.score for line in board) == 8
            await room.leave()
            out, err = await process.communicate()
        assert (process.returncode, err) == (0, b"")
        assert len(re.findall(r"comes", out.decode())) == 3


async def play_round(room, number: int) -> None:
    """As a person: answer, wait for the bots, vote, look at what came of it."""
    await room.until(lambda view: view.phase == "answering" and view.round.round_number == number)
    own = await room.submit_answer("the answer of a person")
    view = await room.until(lambda view: view.phase == "voting")
    shown = {each.content for each in view.round.answers if each.id != own}
    assert len(shown) == 3
    assert shown <= set(answers("de"))
    await room.submit_vote(view.others_answers[0].id)
    view = await room.until(lambda view: view.phase in {"results", "finished"})
    assert sum(each.vote_count for each in view.round.results) == 4


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_who_ends_it_gets_the_seats_back(server_url, how):
    async with Client(server_url) as client:
        await client.guest("Ada")
        room = await client.create_room()
        async with bots(server_url, room.code, 2) as process:
            await room.until(lambda view: len(view.members) == 3)
            process.send_signal(how)
            await room.until(lambda view: len(view.members) == 1)
            assert await process.wait() == 0


async def test_a_bot_that_becomes_host_hands_over_and_bots_do_not_stay_among_themselves(server_url):
    async with Client(server_url) as host, Client(server_url) as other:
        await host.guest("Ada")
        room = await host.create_room()
        async with bots(server_url, room.code, 2) as process:
            await room.until(lambda view: len(view.members) == 3)
            await other.guest("Ben")
            second = await other.join_room(room.code)
            await room.leave()
            await second.until(lambda view: second.is_host)
            await second.leave()
            assert await process.wait() == 0
            with pytest.raises(NotNow) as refused:
                await other.join_room(room.code)
        assert refused.value.code == "room_not_found"


async def test_a_room_that_is_not_there_is_said(server_url):
    async with bots(server_url, "ABC234", 2) as process:
        _, err = await process.communicate()
    assert (process.returncode, err) == (2, b"votegame: room_not_found: There is no room with this code.\n")
