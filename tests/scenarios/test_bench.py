"""The bench against a real server and the floor, small: it plays whole rounds, and what it checks holds."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from loadtests.bench.driver import Driver
from loadtests.bench.fleet import Fleet
from loadtests.bench.processes import ROOT, Server, default_cores
from loadtests.bench.run import Plan, run

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@pytest.fixture(autouse=True)
def usable_cores():
    before = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, before)


@pytest.mark.long
def test_all_loads_are_played_and_nothing_is_wrong():
    cores = default_cores()
    servers = [Server("floor", cores), Server("votegame", cores, checkout=ROOT)]
    plan = Plan(("burst", "saturated", "40", "audience"), rounds=1, seconds=0.3, rooms=3, members=4, audience=12)
    slices, unfinished = run(servers, plan, cores, lambda _line: None)
    assert [finding for one in slices for finding in one.findings] + unfinished == []
    assert {(one.server, one.load) for one in slices} == {
        (server, load) for server in ("floor", "votegame") for load in ("burst", "saturated", "40", "audience")
    }
    assert all(one.commands > 0 and one.cpu_ns > 0 for one in slices)
    of_floor = {one.load: one.frames_per_command for one in slices if one.server == "floor"}
    assert of_floor == {"burst": 5, "saturated": 5, "40": 5, "audience": 13}
    assert all(one.database_cpu_ns > 0 for one in slices if one.server == "votegame")


@pytest.fixture
def floor():
    server = Server("floor", default_cores())
    server.start()
    yield server
    server.stop()


def test_a_server_that_dies_is_found(floor):
    driver = Driver()
    fleet = Fleet(driver, floor)
    fleet.open([2])
    os.kill(floor.pid, 9)
    fleet.quiet(0.2)
    found = fleet.play("burst", 1, 0.05).findings
    driver.close()
    assert sorted(found) == [
        f"room 0: the connection of member {member} ended: the server ended it" for member in (0, 1)
    ]


@pytest.mark.long
@pytest.mark.skipif(
    shutil.which("py-spy", path=Path(sys.executable).parent) is None, reason="py-spy is not installed: extra `load`"
)
def test_a_profile_names_the_functions_of_the_server_and_draws_them(tmp_path):
    small = ["--load", "saturated", "--rooms", "3", "--members", "3", "--seconds", "4", "--top", "200"]
    command = [sys.executable, "-m", "loadtests.bench.profile", *small, "--output", str(tmp_path)]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if "Permission denied" in made.stderr or "Operation not permitted" in made.stderr:
        pytest.skip("looking at other processes is not allowed here")
    assert made.returncode == 0, made.stderr
    _, by_themselves, with_callees = made.stdout.split("own %")
    assert "(votegame/" in by_themselves
    assert "Actor.run (votegame/rooms/actor.py:" in with_callees
    assert "Actor.run (votegame/rooms/actor.py:" in (tmp_path / "profile.svg").read_text()
    assert (tmp_path / "profile.folded").exists()
