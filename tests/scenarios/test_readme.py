"""What README shows works: its client, as it stands there, plays a round with a second instance of itself."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
PATIENCE_SECONDS = 30


def client_source() -> str:
    (source,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    return source


@pytest.fixture
def client_path(tmp_path):
    path = tmp_path / "client.py"
    path.write_text(client_source(), encoding="utf-8")
    return path


@pytest.fixture
async def run_client(client_path, server_url):
    """Starts the client as a process of its own, as README says."""
    processes = []

    async def start(*arguments: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(client_path),
            server_url,
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def test_the_client_has_the_promised_length():
    assert "in 15 lines" in README
    assert len(client_source().splitlines()) == 15


async def test_two_clients_play_a_round_with_each_other(run_client):
    ada = await run_client("Ada")
    async with asyncio.timeout(PATIENCE_SECONDS):
        first_line = (await ada.stdout.readline()).decode()
        code = re.fullmatch(r"Room ([2-9A-Z]{6})\s*", first_line)[1]
        ben = await run_client("Ben", code)
        ben_out, ben_err = await ben.communicate()
        ada_out, ada_err = await ada.communicate()

    assert (ada_err, ben_err) == (b"", b"")
    assert (ada.returncode, ben.returncode) == (0, 0)
    assert ada_out.decode().split() == ["Ada", "wins"]
    assert ben_out.decode().split() == ["Room", code, "Ada", "wins"]
