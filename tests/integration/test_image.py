"""The image and the compose file, without a container engine: what they say is done, in a clean environment."""

import ipaddress
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.serving import ROOT, free_port
from votegame.cluster.drain import HAND_OVER_SECONDS
from votegame.ids import is_uuid
from votegame.settings import Settings

STATE_SECRET = "a secret that nobody guesses, of 48 characters.."
INSTALL_SECONDS = 240


def instructions(name: str) -> list[str]:
    """What follows each instruction of this name in the Dockerfile, continuation lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [line[len(name) :].strip() for line in text.splitlines() if line.startswith(f"{name} ")]


def environment() -> dict[str, str]:
    (said,) = instructions("ENV")
    return dict(word.split("=", 1) for word in shlex.split(said))


def copied(target: Path) -> None:
    """What `COPY . .` takes: the files that .dockerignore lets through."""
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for name in allowed:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target / name)


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """The folder that stands for `/opt/votegame`, installed by the image's own commands."""
    folder = tmp_path_factory.mktemp("image")
    source = folder / "source"
    source.mkdir()
    copied(source)
    kept = {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name.endswith("_proxy")}
    clean = {"PATH": f"{folder}/bin:/usr/bin:/bin", "HOME": str(folder), **kept}
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(sys.executable)
    for command in [run for run in instructions("RUN") if "/opt/votegame" in run]:
        here = command.replace("/opt/votegame", f"{folder}/votegame").replace(" --no-cache-dir", "")
        subprocess.run(shlex.split(here), cwd=source, env=clean, check=True, timeout=INSTALL_SECONDS)
    return folder / "votegame"


@pytest.mark.long
@pytest.mark.timeout(INSTALL_SECONDS + 60)
def test_what_the_image_installs_serves_is_healthy_and_ends_in_order(image, compose, database_url, tmp_path):
    port = free_port()
    settings = {
        **environment(),
        "PATH": f"{image}/bin:/usr/bin:/bin",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "STATE_DIR": str(tmp_path / "state"),
        "NODE_ID": "kitchen",
        "SECRET_KEY": STATE_SECRET,
        "PUBLIC_URL": "https://play.example.org",
        "DATABASE_URL": f"postgresql://?{database_url.replace(' ', '&')}",
    }
    (begin,), (check,) = (instructions(name) for name in ("CMD", "HEALTHCHECK"))
    program, *arguments = json.loads(begin)
    command = [image / "bin" / program, *arguments]
    healthy = json.loads(re.search(r"CMD (\[.*\])", check)[1])
    ready = [part.replace(":8000", f":{port}") for part in compose["services"]["votegame-1"]["healthcheck"]["test"]]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, env=settings, cwd=tmp_path, stdout=log, stderr=log)

    def succeeds(program: str, *arguments: str) -> bool:
        probe = [image / "bin" / program, *arguments]
        return subprocess.run(probe, env=settings, capture_output=True, check=False).returncode == 0

    try:
        assert succeeds(*compose["services"]["migrate"]["command"])
        assert any(succeeds(*healthy) for _ in range(100)), (tmp_path / "log").read_text()[-3_000:]
        assert any(succeeds(*ready[1:]) for _ in range(100))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/docs/protocol", timeout=5) as answer:
            assert answer.status == 200
        process.send_signal(getattr(signal, instructions("STOPSIGNAL")[0]))
        assert process.wait(30) == 0
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
    assert not succeeds(*healthy)
    assert not succeeds(*ready[1:])
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert {line["node"] for line in lines} == {"kitchen"}
    assert [lines[0]["event"], lines[-1]["event"]] == ["serving", "stopped"]
    assert is_uuid(lines[0]["node_id"])


def test_the_server_of_the_image_is_not_root_and_comes_without_build_tools():
    assert instructions("USER") == ["10001"]
    # Platforms are told to run `votegame migrate`, which an entrypoint would be put before.
    assert instructions("ENTRYPOINT") == []
    stages = (ROOT / "Dockerfile").read_text().split("\nFROM ")
    assert "pip install" not in stages[-1]
    assert "pip uninstall --yes pip" in stages[-2]
    assert all("apt" not in run for run in instructions("RUN"))


@pytest.fixture(scope="module")
def compose():
    return YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())


def test_the_compose_file_is_one():
    checker = Path(sys.executable).parent / "check-jsonschema"
    command = [checker, "--builtin-schema", "vendor.compose-spec", ROOT / "docker-compose.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_its_settings_exist_and_secrets_have_no_default(compose):
    known = {name.upper() for name in Settings.__struct_fields__}
    for name in ("migrate", "votegame-1", "votegame-2", "votegame-3"):
        assert compose["services"][name]["environment"].keys() <= known
    assert compose["services"]["votegame-1"]["environment"]["SECRET_KEY"].startswith("${SECRET_KEY:?")
    assert "${POSTGRES_PASSWORD:?" in compose["services"]["votegame-1"]["environment"]["DATABASE_URL"]


def test_a_node_is_healthy_when_it_takes_clients_since_a_rolling_restart_waits_for_that(compose):
    for name in ("votegame-1", "votegame-2", "votegame-3"):
        assert "/readyz" in compose["services"][name]["healthcheck"]["test"][-1]
    restart = (ROOT / "Makefile").read_text().split("\nrolling-restart:")[1].split("\n\n")[0]
    assert "--wait" in restart


def test_nodes_keep_their_addresses_since_nginx_looks_them_up_once(compose):
    (network,) = compose["networks"]["default"]["ipam"]["config"]
    fixed = [
        ipaddress.ip_address(service["networks"]["default"]["ipv4_address"])
        for name, service in compose["services"].items()
        if name == "balancer" or name.startswith("votegame-")
    ]
    assert len(set(fixed)) == 4
    assert all(address in ipaddress.ip_network(network["subnet"]) for address in fixed)
    assert not any(address in ipaddress.ip_network(network["ip_range"]) for address in fixed)
    balancer = compose["services"]["balancer"]["networks"]["default"]["ipv4_address"]
    assert balancer in compose["services"]["votegame-1"]["environment"]["TRUSTED_PROXIES"]


def test_a_node_has_the_time_that_it_takes_to_leave(compose):
    takes = HAND_OVER_SECONDS + Settings().drain_seconds + 4 * 5
    assert int(compose["services"]["votegame-1"]["stop_grace_period"].removesuffix("s")) >= takes


@pytest.mark.parametrize("file", ["nginx.conf", "haproxy.cfg", "Caddyfile"])
def test_balancers_know_the_nodes_of_the_compose_file(compose, file):
    nodes = sorted(f"{name}:8000" for name in compose["services"] if name.startswith("votegame-"))
    assert sorted(set(re.findall(r"votegame-\d:8000", (ROOT / "deploy" / file).read_text()))) == nodes
