"""Nothing acknowledged is lost, whatever is killed, and whenever.

Each test plays whole games while something is killed, again and again, and then has the checker look at every byte that
anyone was told, and at the database. `KILLS=500 pytest tests/kill` does it as often as one likes.
"""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import Iterator

import pytest

from tests.bots import Player, TableOfPlayers
from tests.checker import read_logs, violations
from tests.serving import ServerProcess, complaints
from votegame.check import check
from votegame.embedded import running_url

KILLS = int(os.environ.get("KILLS", "6"))
KILLS_A_NIGHT = 6
FAULT_ROUNDS = max(1, KILLS // 40)
PATIENCE_SECONDS = 120

pytestmark = pytest.mark.timeout(60 + KILLS * 20)


class Hall:
    """Tables that play one game after the other, until it is enough."""

    def __init__(self, server: ServerProcess, *, seed: int, tables: int = 3, patience: float = 0.2) -> None:
        self.server = server
        self.tables: list[TableOfPlayers] = []
        self.games_played = 0
        self._rng = random.Random(seed)
        self._patience = patience
        self._is_enough = False
        self._playing = [asyncio.create_task(self._play_on()) for _ in range(tables)]

    async def _play_on(self) -> None:
        while not self._is_enough:
            table = TableOfPlayers(self.server.url, self._rng.getrandbits(32), patience=self._patience)
            self.tables.append(table)
            await table.play()
            self.games_played += 1

    async def end(self) -> list[Player]:
        """Let the games that are played come to their end; returns everyone who played."""
        self._is_enough = True
        _, stuck = await asyncio.wait(self._playing, timeout=PATIENCE_SECONDS)
        assert not stuck, "\n".join(self._where_they_are())
        for playing in self._playing:
            playing.result()
        return [player for table in self.tables for player in table.players]

    def _where_they_are(self) -> Iterator[str]:
        for player in (player for table in self.tables for player in table.players):
            if not player.is_done.is_set():
                yield f"{player.name}, room {player.room_code}: {player.stand()}"

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_exc: object) -> None:
        for playing in self._playing:
            playing.cancel()
        await asyncio.gather(*self._playing, return_exceptions=True)


async def proved(hall: Hall) -> list[Player]:
    """End the games, and hold every history against the database."""
    players = await hall.end()
    url = running_url(hall.server.state_dir)
    logs = await asyncio.to_thread(read_logs, url)
    played = [code for code, room in logs.rooms.items() if room["status"] == "finished"]
    assert len(played) >= len(hall.tables), "hardly anything was played"
    found = violations(players, logs)
    assert not found, "\n".join(found[:20])
    lines: list[str] = []
    assert await asyncio.to_thread(lambda: check(url, tell=lines.append)) == 0, "\n".join(lines[:20])
    await late_clients_see_the_same(hall, players)
    assert complaints(hall.server.said()) == []
    return players


async def late_clients_see_the_same(hall: Hall, players: list[Player]) -> None:
    """One who joins the rooms at the end is shown what those who played have seen."""
    late = Player(hall.server.url, "Late", random.Random(1), players=99, rounds=1, patience=0)
    await late.enter()
    for table in hall.tables[-3:]:
        late.is_done.clear()
        late.is_seated.clear()
        late.fold = None
        await late.join(table.room_code)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await late.run()
        seen, shown = table.players[0].fold.state, late.fold.state
        assert shown["round"]["results"] == seen["round"]["results"]
        before = [entry for entry in shown["leaderboard"] if entry["user_id"] != late.user_id]
        assert before == seen["leaderboard"]


async def test_kill_the_server_at_any_moment(make_server):
    rng = random.Random(7)
    server = await make_server()
    await server.start()
    for night in range(-(-KILLS // KILLS_A_NIGHT)):
        async with Hall(server, seed=night) as hall:
            for _ in range(min(KILLS_A_NIGHT, KILLS - night * KILLS_A_NIGHT)):
                await asyncio.sleep(rng.uniform(0.1, 1.0))
                server.kill()
                await server.wait()
                await server.start()
            players = await proved(hall)
        assert sum(player.connections > 1 for player in players) >= len(players) // 4, "hardly anyone was cut"


FAULTS = ["before-append", "in-flight", "committed", "replied", "half-told", "before-create", "created", "claimed"]


@pytest.mark.parametrize("fault", FAULTS)
async def test_kill_the_server_at_a_point_where_a_commit_can_be_caught(make_server, fault):
    rng = random.Random(fault)
    server = await make_server(can_fail=True)
    # Rooms in the middle of a game, so that there is something to claim.
    await server.start()
    async with Hall(server, seed=2) as hall:
        await asyncio.sleep(0.5)
        for _ in range(FAULT_ROUNDS):
            server.kill()
            await server.wait()
            await server.start(FAULT=fault, FAULT_AFTER=str(rng.randrange(12) if fault != "claimed" else 0))
            # It kills itself as soon as it is played on.
            await server.wait()
            assert server.process.returncode == -signal.SIGKILL
            await server.start()
        await proved(hall)


async def test_kill_postgres_alone(make_server):
    rng = random.Random(11)
    server = await make_server()
    await server.start()
    async with Hall(server, seed=3) as hall:
        for _ in range(max(2, KILLS // 10)):
            await asyncio.sleep(rng.uniform(0.3, 1.0))
            killed = server.postgres_pid()
            os.kill(killed, signal.SIGKILL)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while server.postgres_pid_or_none() in {killed, None}:
                    await asyncio.sleep(0.05)
        await proved(hall)
    assert server.process.returncode is None


async def test_stop_the_server_in_the_middle_of_a_round(make_server):
    server = await make_server()
    await server.start()
    async with Hall(server, seed=4) as hall:
        for _ in range(2):
            await asyncio.sleep(0.6)
            assert await server.stop() == 0
            await server.start()
        players = await proved(hall)
    codes = {content for player in players for kind, _, _, content in player.history if kind == "ended"}
    assert 1012 in codes


async def test_no_postgres_outlives_a_killed_server(make_server):
    server = await make_server()
    await server.start()
    pid = server.postgres_pid()
    server.kill()
    await server.wait()
    async with asyncio.timeout(10):
        while _is_alive(pid):
            await asyncio.sleep(0.05)


def _is_alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


async def test_a_round_that_nobody_comes_back_to_ends_at_its_deadline(make_server):
    server = await make_server()
    await server.start()
    table = TableOfPlayers(server.url, 5, players=2, rounds=1, patience=0.01)
    for player in table.players:
        await player.enter()
        player.act = lambda: asyncio.sleep(0)
    host, guest = table.players
    runs = [asyncio.create_task(host.run())]
    await host.create()
    await host.is_seated.wait()
    await guest.join(host.room_code)
    runs.append(asyncio.create_task(guest.run()))
    await guest.is_seated.wait()
    await host.command("start_game")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while host.fold.state["phase"] != "answering":
            await asyncio.sleep(0.01)
    deadline = host.fold.state["round"]["deadline"]
    server.kill()
    for run in runs:
        run.cancel()
    await asyncio.gather(*runs, return_exceptions=True)
    await server.wait()
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
