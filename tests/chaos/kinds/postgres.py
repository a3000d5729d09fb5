"""What befalls the database, and the way to it."""

import asyncio
import contextlib
import os
import signal
from typing import Final

import psycopg2  # noqa: TID251

from tests.chaos.cluster import ChaosNode
from tests.chaos.kind import Kind, Scene

_TERMINATE: Final = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'votegame%'"

_LOSE_RACES: Final = """
CREATE SEQUENCE chaos.lost_races MINVALUE 0;
CREATE FUNCTION chaos.lose() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF random() < 0.05 THEN
        PERFORM nextval('chaos.lost_races'); -- what is not taken back with the rest
        RAISE EXCEPTION 'planted' USING ERRCODE = (ARRAY['40001', '40P01'])[1 + floor(random() * 2)::int];
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER loses AFTER INSERT OR UPDATE ON rooms FOR EACH STATEMENT EXECUTE FUNCTION chaos.lose();
CREATE TRIGGER loses AFTER INSERT OR UPDATE ON nodes FOR EACH STATEMENT EXECUTE FUNCTION chaos.lose();
CREATE TRIGGER loses AFTER INSERT OR UPDATE ON logins FOR EACH STATEMENT EXECUTE FUNCTION chaos.lose();
CREATE CONSTRAINT TRIGGER loses_at_the_end AFTER INSERT ON room_events DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION chaos.lose();
"""
_WIN_RACES: Final = """
DROP FUNCTION IF EXISTS chaos.lose CASCADE;
DROP SEQUENCE IF EXISTS chaos.lost_races;
"""
_LOST_RACES: Final = 20


async def cut_off_from_postgres(scene: Scene, node: ChaosNode) -> None:
    """Nothing passes, and nothing says so: shorter and longer than the lease."""
    node.postgres.hold(*scene.rng.choice([("up", "down"), ("up",), ("down",)]))
    await asyncio.sleep(scene.rng.choice([scene.rng.uniform(0.3, 2), scene.rng.uniform(3, 8)]))
    node.postgres.heal()


async def slow_postgres(scene: Scene, node: ChaosNode) -> None:
    delay = scene.rng.choice([0.05, 0.2, 1.0])
    node.postgres.delay(delay / 2, delay / 4)
    await asyncio.sleep(scene.rng.uniform(2, 5))
    node.postgres.heal()


async def cut_commits(scene: Scene, node: ChaosNode) -> None:
    """Connections to the database break in the middle of a statement, or of its answer, again and again."""
    for _ in range(20):
        node.postgres.cut_at(scene.rng.randrange(1, 4_000), scene.rng.choice(["up", "down"]))
        await asyncio.sleep(scene.rng.uniform(0, 0.2))
    node.postgres.heal()


async def restart_postgres(scene: Scene, _node: ChaosNode) -> None:
    os.kill(scene.cluster.postgres_pid, signal.SIGINT)
    await _postgres_is_back(scene)


async def kill_postgres(scene: Scene, _node: ChaosNode) -> None:
    os.kill(scene.cluster.postgres_pid, signal.SIGKILL)
    await _postgres_is_back(scene)


async def _postgres_is_back(scene: Scene) -> None:
    await asyncio.sleep(0.2)
    await scene.cluster.postgres_is_back()


async def end_sessions(scene: Scene, _node: ChaosNode) -> None:
    """All sessions of the database are ended, a few times."""
    for _ in range(3):
        with contextlib.suppress(psycopg2.Error):
            await asyncio.to_thread(scene.cluster.sql, _TERMINATE)
        await asyncio.sleep(scene.rng.uniform(0, 1.0))


async def lock_a_table(scene: Scene, _node: ChaosNode) -> None:
    """Somebody's report locks what is written to."""
    lock = f"LOCK TABLE {scene.rng.choice(['rooms', 'nodes', 'room_events'])} IN SHARE MODE"
    statement = f"DO $$ BEGIN {lock}; PERFORM pg_sleep({scene.rng.uniform(0.3, 2.0):.2f}); END $$"
    await asyncio.to_thread(scene.cluster.sql, statement)


async def lose_races(scene: Scene, _node: ChaosNode) -> None:
    """Statements and their commits fail as if they had lost a race, or met in a deadlock."""
    await asyncio.to_thread(scene.cluster.sql, _LOSE_RACES)
    try:
        async with asyncio.timeout(30):
            while await asyncio.to_thread(scene.cluster.sql, "SELECT last_value FROM chaos.lost_races") < [
                (_LOST_RACES,)
            ]:
                await asyncio.sleep(0.2)
    finally:
        await asyncio.to_thread(scene.cluster.sql, _WIN_RACES)


KINDS: Final[dict[str, Kind]] = {
    "cut off from Postgres": Kind(cut_off_from_postgres, "node", "start"),
    "slow Postgres": Kind(slow_postgres, "node"),
    "cut commits": Kind(cut_commits, "node"),
    "restart Postgres": Kind(restart_postgres, "all nodes", server="Postgres"),
    "kill Postgres": Kind(kill_postgres, "all nodes", server="Postgres"),
    "end sessions": Kind(end_sessions, "all nodes", server="Postgres"),
    "lost races": Kind(lose_races, "all nodes", "start", server="Postgres"),
    "lock a table": Kind(lock_a_table, "all nodes", server="Postgres"),
}
