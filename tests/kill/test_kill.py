"""Nothing acknowledged is lost, whatever is killed, and whenever.

Each test plays whole games while something is killed, again and again, and then has the checker look at every frame
that anyone was told, and at the database. `KILLS=500 pytest -m '' tests/kill` does it as often as one likes, `SEED` at
other moments.
"""

import asyncio
import contextlib
import os
import random
import signal

import pytest

from tests.bots import Manners, Player
from tests.checker import read_logs
from tests.kill.hall import PATIENCE_SECONDS, Hall
from votegame.embedded import running_url

KILLS = int(os.environ.get("KILLS", "4"))
SEED = int(os.environ.get("SEED", "7"))
KILLS_A_NIGHT = 20
"""After so many everything must come to its end, and is looked at; then it goes on with the same database."""
IS_SHORT = KILLS < 50
MANNERS = Manners(
    patience=0.2, lazy=0.05, doubles=0.3, cuts=0.02, leaves=0.05, reacts=0.2, hurries=1.0 if IS_SHORT else 0.7
)

pytestmark = pytest.mark.timeout(120 + KILLS * 20)


async def kill_server(server) -> None:
    server.kill()
    await server.wait()


async def kill_server_and_postgres(server) -> None:
    """As when the power fails."""
    os.kill(server.postgres_pid(), signal.SIGKILL)
    await kill_server(server)


async def kill_server_twice(server) -> None:
    """The second time while it starts."""
    await kill_server(server)
    await server.launch()
    await asyncio.sleep(random.Random(SEED + server.process.pid).uniform(0, 1.2))
    await kill_server(server)


async def kill_server_while_it_stops(server) -> None:
    server.process.send_signal(signal.SIGTERM)
    await asyncio.sleep(random.Random(SEED + server.process.pid).uniform(0, 0.5))
    await kill_server(server)


WAYS = [kill_server, kill_server_and_postgres, kill_server_twice, kill_server_while_it_stops]


async def test_kill_the_server_at_any_moment(make_server):
    rng = random.Random(SEED)
    server = await make_server()
    await server.start()
    for night in range(0, KILLS, KILLS_A_NIGHT):
        async with Hall(server, seed=SEED + night, manners=MANNERS) as hall:
            for number in range(night, min(night + KILLS_A_NIGHT, KILLS)):
                # Sometimes before anybody has come back, mostly under play.
                await hall.hears(0 if number % 5 == 4 else rng.randrange(1, 60))
                await asyncio.sleep(rng.uniform(0, 0.05))
                async with hall.outage():
                    await WAYS[number % len(WAYS)](server)
                    await server.start()
            clients = await hall.prove()
        assert sum(client.connections > 1 for client in clients) >= len(clients) // 4, "hardly anyone was cut"


FAULTS = [
    # Each with how often, at the most, the point is passed before. Rooms are claimed anew only where there are some
    # that somebody comes back to: after a death in the middle of a game, or of a room that was just made.
    [("before-append", 30), ("in-flight", 30), ("created", 0), ("claimed", 0)],
    [("arrived", 30), ("committed", 30), ("before-create", 0)],
    [("creating", 0), ("replied", 30), ("half-told", 30), ("loaded", 0)],
]


@pytest.mark.long
async def test_kill_the_server_at_each_point_where_a_commit_can_be_caught(make_server):
    # Side by side, since most of the time they wait for the lease of the one that died.
    async with asyncio.TaskGroup() as group:
        for number, faults in enumerate(FAULTS):
            server = await make_server(can_fail=True)
            group.create_task(die_at(server, faults * max(1, KILLS // 20), seed=SEED + number))
        group.create_task(die_sweeping(await make_server(can_fail=True)))


async def die_at(server, faults, *, seed) -> None:
    rng = random.Random(seed)
    await server.start()
    async with Hall(server, seed=seed, manners=MANNERS) as hall:
        await hall.hears(20)
        await kill_server(server)
        for fault, at_most in faults:
            async with hall.outage():
                await server.launch(FAULT=fault, FAULT_AFTER=str(rng.randint(0, at_most)))
                # It kills itself as soon as it is played on.
                async with hall.patience(f"{fault} is not reached"):
                    assert await server.process.wait() == -signal.SIGKILL, (fault, server.said()[-2_000:])
        async with hall.outage():
            await server.start()
        await hall.prove()


async def die_sweeping(server) -> None:
    """A round that nobody comes back to ends at its deadline, though the sweeper dies that has just claimed it."""
    await server.start()
    host, guest = players = [Player(server.url, name, random.Random(name)) for name in ("Host", "Guest")]
    for player in players:
        await player.enter()
        player.act = lambda: asyncio.sleep(0)
    runs = [asyncio.create_task(player.run()) for player in players]
    await host.create(total_rounds=1)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await host.is_seated.wait()
        await guest.join(host.room_code)
        await guest.is_seated.wait()
        await host.command("start_game")
        await host.until(lambda state: state["phase"] == "answering")
    deadline = host.fold.state["round"]["deadline"]
    server.kill()
    for run in runs:
        run.cancel()
    await asyncio.gather(*runs, return_exceptions=True)
    await server.wait()
    # The next one dies when its sweeper has just claimed the room.
    await server.launch(FAULT="swept", FAULT_AFTER="0")
    assert await server.wait() == -signal.SIGKILL, server.said()[-2_000:]
    await server.start()
    url = running_url(server.state_dir)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            logs = await asyncio.to_thread(read_logs, url)
            if logs.rooms[host.room_code]["status"] == "finished":
                break
            await asyncio.sleep(0.2)
    (ended,) = [row for row in logs.rows[host.room_code] if row["type"] == "round_ended"]
    changed = [row["payload"]["deadline"] for row in logs.rows[host.room_code] if row["type"] == "deadline_changed"]
    assert ended["server_time"] >= max([deadline, *changed])


async def test_kill_postgres_alone(make_server):
    rng = random.Random(SEED)
    server = await make_server()
    await server.start()
    async with Hall(server, seed=SEED, manners=MANNERS) as hall:
        for _ in range(max(3, KILLS // 10)):
            await hall.hears(rng.randrange(1, 60))
            await asyncio.sleep(rng.uniform(0, 0.05))
            async with hall.outage(), asyncio.timeout(PATIENCE_SECONDS):
                killed = server.postgres_pid()
                os.kill(killed, signal.SIGKILL)
                while server.postgres_pid_or_none() in {killed, None}:
                    await asyncio.sleep(0.05)
                await hall.hears(1)
        await hall.prove()
    assert server.process.returncode is None


@pytest.mark.long
async def test_postgres_freezes_for_a_while(make_server):
    """What was sent is still done when it goes on, after it was given up and sent again."""
    rng = random.Random(SEED)
    server = await make_server()
    await server.start()
    async with Hall(server, seed=SEED, manners=MANNERS) as hall:
        for number in range(max(2, KILLS // 20)):
            await hall.hears(rng.randrange(1, 60))
            async with hall.outage():
                frozen = server.postgres_pids()
                for pid in frozen:
                    os.kill(pid, signal.SIGSTOP)
                # Shorter, and longer, than statements and the lease may take.
                await asyncio.sleep(rng.uniform(0.2, 2.0) if number % 2 else rng.uniform(3.5, 5.0))
                for pid in frozen:
                    # Those that go on first may end others.
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGCONT)
                await hall.hears(1)
        await hall.prove()
    assert server.process.returncode is None


@pytest.mark.long
async def test_stop_the_server_in_the_middle_of_a_round(make_server):
    server = await make_server()
    await server.start()
    async with Hall(server, seed=SEED, manners=MANNERS) as hall:
        for _ in range(max(2, KILLS // 20)):
            await hall.hears(40)
            async with hall.outage():
                assert await server.stop() == 0
                await server.start()
        clients = await hall.prove()
    codes = {content for client in clients for kind, _, _, content in client.history if kind == "ended"}
    assert 1012 in codes


async def test_no_postgres_outlives_a_killed_server(make_server):
    server = await make_server()
    await server.start()
    pid = server.postgres_pid()
    await kill_server(server)
    async with asyncio.timeout(10):
        while _is_alive(pid):
            await asyncio.sleep(0.05)


def _is_alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False
