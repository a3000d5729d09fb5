"""Whatever is cut between a client and its server, the client ends with the room of one that never left.

Beside a host and a guest, who are connected to the server itself, there is one behind a relay, which cuts its
connection at any byte, delays it, holds it, resets it. He plays all the same: his answers and votes count, once.
"""

import asyncio
import itertools
import random
from contextlib import asynccontextmanager
from typing import NamedTuple

import aiohttp
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.chaos.relay import Relay, to_port
from tests.scenarios.lying_relay import lying
from votegame.client import Client, NotNow, Room, Waits

WAITS = Waits(first=0.05, most=0.2, again=0.05, quiet=0.5, pong=0.5, connecting=2.0)
PATIENCE_SECONDS = 30
AT_ONCE = 4
"""Of many games, whose time is mostly waiting."""
CALM = settings(
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # a shorter trouble, found by a hundred games, would come after minutes
    suppress_health_check=list(HealthCheck),
)


class Fault(NamedTuple):
    """What the relay does at one time: its method, and with what."""

    name: str
    arguments: tuple = ()

    def happen(self, relay: Relay) -> None:
        getattr(relay, self.name)(*self.arguments)


ways = st.sampled_from(["up", "down"])
cuts = st.builds(lambda n, way: Fault("cut_at", (n, way)), st.integers(0, 4_000), ways)
others = st.one_of(
    st.builds(lambda seconds: Fault("delay", (seconds, seconds)), st.floats(0.0, 0.05)),
    st.builds(lambda held: Fault("hold", tuple(sorted(held))), st.sets(ways)),
    st.just(Fault("reset")),
    st.just(Fault("heal")),
)
faults = st.lists(st.one_of(cuts, cuts, others), min_size=1, max_size=12)


@asynccontextmanager
async def a_relay(server, seed: int):
    relay = await Relay(lambda: to_port("127.0.0.1", server.port), random.Random(seed)).start()
    yield relay
    await relay.close()


@asynccontextmanager
async def a_table(server, url: str, seed: int):
    """A host, a guest, and one who is connected to another `url`, in one room."""
    rng = random.Random(seed)
    async with (
        Client(server.url, waits=WAITS, rng=rng) as host,
        Client(server.url, waits=WAITS, rng=rng) as guest,
        Client(url, waits=WAITS, rng=rng) as cut,
    ):
        for number, client in enumerate((host, guest, cut)):
            await client.guest(f"C{number}")
        room = await host.create_room(total_rounds=2, answer_seconds=60, vote_seconds=60)
        rooms = [room, await guest.join_room(room.code), await cut.join_room(room.code)]
        yield rooms, cut


async def play(room: Room) -> int:
    """Answer and vote in each round, and wait for the end; returns how many votes were taken."""
    n_votes = 0
    for number in (1, 2):
        # An answer that comes too late, or a vote after the end, is refused: the others went on.
        view = await room.until(lambda view, n=number: _is_at(view, n, "answering"))
        if view.phase == "answering" and view.round.round_number == number:
            await _unless_late(room.submit_answer(f"{number} by {room.user_id}", round_id=view.round.round_id))
        view = await room.until(lambda view, n=number: _is_at(view, n, "voting"))
        if view.phase == "voting" and view.round.round_number == number:
            vote = room.submit_vote(view.others_answers[0].id, round_id=view.round.round_id)
            n_votes += await _unless_late(vote)
        view = await room.until(lambda view, n=number: _is_at(view, n, "results"))
        if room.is_host and view.phase == "results":
            await room.next_round()
    await room.until(lambda view: view.phase == "finished")
    return n_votes


PHASES = ["answering", "voting", "results"]


def _is_at(view, number: int, phase: str) -> bool:
    """Whether the game is there, or further."""
    if view.phase in {"lobby", "finished"}:
        return view.phase == "finished"
    return (view.round.round_number, PHASES.index(view.phase)) >= (number, PHASES.index(phase))


async def _unless_late(command) -> bool:
    """Give a command; returns whether it was taken. Who has been away for a second is not waited for."""
    try:
        await command
    except NotNow as refused:
        if refused.code not in {"stale_round", "wrong_phase"}:
            raise
        return False
    return True


async def trouble(relay: Relay, plan: list[Fault], seconds: list[float]) -> None:
    """One fault after another, and then none."""
    for fault, wait in zip(plan, seconds, strict=False):
        fault.happen(relay)
        await asyncio.sleep(wait)
    relay.heal()


def seen(room: Room) -> dict:
    """What is the same for all members."""
    return {name: value for name, value in msgspec.to_builtins(room.view).items() if name not in {"you", "server_time"}}


async def shown(url: str, token: str, code: str) -> dict:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{url}/api/rooms/{code}", headers={"Authorization": f"Bearer {token}"}) as answer,
    ):
        state = (await answer.json())["state"]
    del state["server_time"]
    return state


async def converged(server, rooms: list[Room], cut: Client) -> None:
    """Wait until all see the same, and what the server shows. Who is connected may be told a moment later."""
    while True:
        state = await shown(server.url, cut.token, rooms[0].code)
        own = msgspec.to_builtins(rooms[2].view)
        del own["server_time"]
        if seen(rooms[0]) == seen(rooms[1]) == seen(rooms[2]) and own == state:
            return
        await asyncio.sleep(0.05)


async def played(server, plan: list[Fault], seconds: list[float], seed: int) -> None:
    """One game of two rounds with this trouble; all of it has happened, once, and all see the same."""
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        a_relay(server, seed) as relay,
        a_table(server, f"http://127.0.0.1:{relay.port}", seed) as (rooms, cut),
    ):
        host = rooms[0]
        await host.start_game()
        async with asyncio.TaskGroup() as group:
            group.create_task(trouble(relay, plan, seconds))
            players = [group.create_task(play(room)) for room in rooms]
        await converged(server, rooms, cut)
        assert sum(line.score for line in host.view.leaderboard) == sum(player.result() for player in players)


waits = st.lists(st.floats(0.0, 0.4), min_size=12, max_size=12)


@settings(CALM, max_examples=6)
@given(plan=faults, seconds=waits, seed=st.integers(0, 2**32))
async def test_a_client_that_is_cut_anywhere_ends_like_one_that_never_left(server, plan, seconds, seed):
    await played(server, plan, seconds, seed)


@pytest.mark.long
@pytest.mark.timeout(600)
@settings(CALM, max_examples=60 // AT_ONCE)
@given(games=st.lists(st.tuples(faults, waits, st.integers(0, 2**32)), min_size=AT_ONCE, max_size=AT_ONCE))
async def test_and_so_it_does_many_times(server, games):
    async def one_of_them(plan, seconds, seed):
        try:
            await played(server, plan, seconds, seed)
        except Exception as error:
            error.add_note(f"with plan={plan}, seconds={seconds}, seed={seed}")
            raise

    async with asyncio.TaskGroup() as group:
        for game in games:
            group.create_task(one_of_them(*game))


@pytest.mark.parametrize("seed", range(4))
async def test_a_client_whose_events_are_lost_or_come_twice_ends_like_the_others(server, seed):
    rng = random.Random(seed)
    shares = {"lost": 0.3, "twice": 0.3}

    def lie(_number: int, frame: dict) -> list[dict]:
        if "seq" not in frame or rng.random() > shares["lost"] + shares["twice"]:
            return [frame]
        return [] if rng.random() < shares["lost"] / (shares["lost"] + shares["twice"]) else [frame, frame]

    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        lying(server.port, lie) as url,
        a_table(server, url, seed) as (rooms, cut),
    ):
        host = rooms[0]
        # That the last event of all was lost shows when there is another one.
        prodding = asyncio.create_task(prod(host))
        await host.start_game()
        n_votes = sum(await asyncio.gather(*map(play, rooms)))
        prodding.cancel()
        shares.update(lost=0.0, twice=0.0)
        await host.lock_room()
        await converged(server, rooms, cut)
        assert sum(line.score for line in host.view.leaderboard) == n_votes


async def prod(host: Room) -> None:
    """Have something happen, again and again."""
    for act in itertools.cycle((host.lock_room, host.unlock_room)):
        await act()
        await asyncio.sleep(0.1)
