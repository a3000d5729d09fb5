"""The last release and the present code on one database, in the middle of games, there and back.

`tests/last_release` names the commit of the last release; before there is one, that from before several nodes. If it
knows the bus, nodes of both run at the same time; else they take turns.
"""

import asyncio
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tests.bots import Manners, TableOfPlayers
from tests.checker import read_logs, violations
from tests.nodes import SECRET
from tests.redis_server import RedisServer
from tests.serving import ROOT, ServerProcess, complaints
from votegame.check import check
from votegame.embedded.postgres import EmbeddedPostgres
from votegame.storage import migrate

pytestmark = pytest.mark.long

PLAY_SECONDS = 1.5


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, check=False)


@pytest.fixture(scope="module")
def last_release(tmp_path_factory):
    """The tree of the last release."""
    commit = (ROOT / "tests" / "last_release").read_text().strip()
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    archive = _git("archive", "--format=tar", commit)
    if archive.returncode:
        pytest.skip(f"the history here does not reach back to {commit[:12]}")
    folder = tmp_path_factory.mktemp("last_release")
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder


@pytest.fixture
def database():
    """A database that the present code has migrated; it comes from a release before, as far as that goes."""
    with tempfile.TemporaryDirectory(prefix="votegame-versions-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        postgres = EmbeddedPostgres(folder / "state")
        redis = RedisServer(folder)
        redis.start()
        url = postgres.start()
        migrate.apply(url)
        yield url, redis.url
        redis.kill()
        postgres.stop()


async def test_games_go_on_with_the_other_release_and_back(last_release, database):
    url, redis_url = database
    is_cluster = (last_release / "votegame" / "bus").is_dir()
    bus = {"REDIS_URL": redis_url} if is_cluster else {}
    old = ServerProcess(DATABASE_URL=url, SECRET_KEY=SECRET, PYTHONPATH=str(last_release), **bus)
    new = ServerProcess(DATABASE_URL=url, SECRET_KEY=SECRET, DRAIN_SECONDS="0.5", **bus)
    outages = []
    tables = [
        TableOfPlayers([old.url, new.url], seed, players=4, rounds=3, manners=Manners(patience=1.0, doubles=0.1))
        for seed in range(4)
    ]
    await old.start()
    playing = [asyncio.create_task(table.play()) for table in tables]
    for leaving, coming in ((old, new), (new, old)):
        await asyncio.sleep(PLAY_SECONDS)
        began = time.time()
        if is_cluster:
            await coming.start()
        assert await leaving.stop() == 0
        if not is_cluster:
            await coming.start()
        outages.append((int(began * 1000), int(time.time() * 1000)))
    async with asyncio.timeout(40):
        await asyncio.gather(*playing)
    clients = [player for table in tables for player in table.present]
    logs = await asyncio.to_thread(read_logs, url)
    assert violations(clients, logs, outages_ms=outages) == []
    assert {room["status"] for room in logs.rooms.values()} == {"finished"}
    assert {row["epoch"] for row in logs.all_rows()} >= {1, 2}, "no room went on in the middle of its game"
    lines: list[str] = []
    assert await asyncio.to_thread(lambda: check(url, tell=lines.append)) == 0, lines[:10]
    assert (complaints(old.said()), complaints(new.said())) == ([], [])
    await old.stop()
    for server in (old, new):
        await server.close()
