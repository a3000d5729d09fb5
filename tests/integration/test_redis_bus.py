"""The bus over a server that is emptied, killed, stopped, cut off, and talked to by strangers."""

import asyncio
import gc
import random
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import pytest
from structlog.testing import capture_logs

from tests.certificates import self_signed, signed_by_an_authority
from tests.chaos.relay import Relay, to_port
from tests.contract.bus_kit import DOWN, UP, Listener, listening
from tests.redis_server import Front, RedisServer, executable
from votegame.bus import LARGEST_BYTES, notes
from votegame.bus.redis import RedisBus
from votegame.errors import BusError

pytestmark = [
    pytest.mark.skipif(executable() is None, reason="neither the wheel of Valkey nor a server on the PATH"),
    pytest.mark.long,
]

NOTICED_SECONDS = 2.5
PUBLISH_SECONDS = 2.0
HEALED_SECONDS = 1.0
CHANNEL = "votegame:node:one"


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="vg-") as folder:
        yield Path(folder)


@pytest.fixture
def servers(folder):
    made = []

    def make(**how):
        made.append(RedisServer(folder, **how))
        made[-1].start()
        return made[-1]

    yield make
    for server in made:
        server.kill()


@pytest.fixture
def server(servers):
    return servers()


@asynccontextmanager
async def a_bus(url, node_id="one", prefix="votegame", **more):
    bus = RedisBus(url, prefix=prefix, node_id=node_id, **more)
    try:
        yield bus
    finally:
        await bus.aclose()


@asynccontextmanager
async def heard(url, **more):
    """A bus of node `one`, and what listens on it."""
    async with a_bus(url, **more) as bus, listening(bus) as listener:
        yield bus, listener


@asynccontextmanager
async def loop_turns(limit=0.8):
    """Nothing blocks the loop meanwhile for as long as one waits for a server."""
    worst = 0.0

    async def look():
        nonlocal worst
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            worst = max(worst, time.monotonic() - before)

    task = asyncio.create_task(look(), name="looking")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert worst < limit


async def is_heard(bus, listener):
    """`before` is published and heard; who publishes is answered a moment before who listens is told."""
    await bus.publish([("one", b"before")])
    await listener.hears(b"before")


async def fails_in_time(bus):
    began = time.monotonic()
    with pytest.raises(BusError):
        await bus.publish([("one", b"lost")])
    assert time.monotonic() - began < PUBLISH_SECONDS


async def test_that_everything_in_redis_is_deleted_changes_nothing(server):
    async with heard(server.url) as (bus, listener):
        await bus.publish([("one", b"before")])
        await asyncio.to_thread(server.run, "FLUSHALL")
        assert list(await bus.publish([("one", b"after")])) == [True]
        await listener.hears(b"before", b"after")
        assert listener.told.count(UP) == 1


async def test_a_server_that_is_killed_and_comes_back_empty_is_healed_within_a_second(server):
    with capture_logs() as logs:
        async with heard(server.url) as (bus, listener):
            await is_heard(bus, listener)
            server.kill()
            await listener.is_down(seconds=NOTICED_SECONDS)
            await fails_in_time(bus)
            await asyncio.sleep(1.5)  # the longest delay between attempts is reached
            server.start()
            await listener.is_up(2, seconds=HEALED_SECONDS)
            assert list(await bus.publish([("one", b"after")])) == [True]
            await listener.hears(b"before", b"after")
    assert [entry["log_level"] for entry in logs] == ["warning", "info"]


async def test_a_server_that_is_away_at_the_start_is_waited_for(server):
    server.kill()
    listener = Listener()
    async with a_bus(server.url) as bus:
        task = asyncio.create_task(bus.run(listener), name="listening")
        await fails_in_time(bus)
        server.start()
        await listener.is_up(seconds=HEALED_SECONDS)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert listener.told == [UP, DOWN]


async def test_a_server_that_is_stopped_is_noticed_and_healed_when_it_goes_on(server):
    async with heard(server.url) as (bus, listener), loop_turns():
        await is_heard(bus, listener)
        server.stop()
        await fails_in_time(bus)
        await listener.is_down(seconds=NOTICED_SECONDS)
        await fails_in_time(bus)
        server.go_on()
        await listener.is_up(2, seconds=HEALED_SECONDS)
        assert list(await bus.publish([("one", b"after")])) == [True]
        await listener.until(lambda: b"after" in listener.heard)
    assert listener.told[:3] == [UP, b"before", DOWN]


async def test_many_who_publish_to_a_server_that_is_stopped_are_all_told_in_time(server):
    async with a_bus(server.url) as bus:
        await bus.publish([("one", b"before")])
        server.stop()
        await asyncio.gather(*(fails_in_time(bus) for _ in range(20)))


async def test_a_network_that_swallows_everything_is_noticed_and_healed(server):
    async with Front(server) as front, heard(f"redis://127.0.0.1:{front.port}") as (bus, listener):
        await is_heard(bus, listener)
        front.hold(new_ones=True)
        await fails_in_time(bus)
        await listener.is_down(seconds=NOTICED_SECONDS)
        await fails_in_time(bus)
        front.release()
        await listener.is_up(2, seconds=HEALED_SECONDS)
        assert list(await bus.publish([("one", b"after")])) == [True]
        await listener.until(lambda: b"after" in listener.heard)
    assert listener.told[:4] == [UP, b"before", DOWN, UP]


async def test_what_was_held_up_on_the_way_never_comes_after_what_was_published_later(server):
    async with (
        heard(server.url) as (_, listener),
        Front(server) as front,
        a_bus(f"redis://127.0.0.1:{front.port}", "two") as bus,
    ):
        await bus.publish([("one", b"first")])
        front.hold()
        await fails_in_time(bus)
        await bus.publish([("one", b"second")])
        front.release()
        await bus.publish([("one", b"third")])
        await asyncio.to_thread(server.run, "PUBLISH", CHANNEL, b"last")
        await listener.until(lambda: b"last" in listener.heard)
        assert listener.heard == [b"first", b"second", b"third", b"last"]


async def test_who_has_the_id_that_was_ours_before_the_restart_is_left_alone(server):
    async with a_bus(server.url, "two") as bus, AsyncExitStack() as others:
        await bus.publish([("one", b"before")])
        client_id = bus._publisher._client_id
        server.kill()
        server.start()
        their_id = 0
        while their_id < client_id:
            other = await others.enter_async_context(a_bus(server.url, "three"))
            await other.publish([("one", b"before")])
            their_id = other._publisher._client_id
        assert their_id == client_id
        await bus.publish([("one", b"after")])
        assert await other._publisher._connection.is_usable()
        assert await asyncio.to_thread(server.run, "CLIENT", "LIST", "ID", client_id)


async def test_a_subscription_that_the_server_ends_is_noticed_and_begins_again(server):
    async with heard(server.url) as (bus, listener):
        for n in range(1, 4):
            assert await asyncio.to_thread(server.end_subscribers) == 1
            await listener.is_up(n + 1, seconds=HEALED_SECONDS)
            assert list(await bus.publish([("one", f"{n}".encode())])) == [True]
        await listener.hears(b"1", b"2", b"3")
    assert listener.told == [UP, DOWN, UP, b"1", DOWN, UP, b"2", DOWN, UP, b"3", DOWN]


async def test_a_publisher_whose_connection_was_ended_while_it_was_idle_loses_nothing(server):
    async with heard(server.url) as (bus, listener):
        await bus.publish([("one", b"before")])
        await asyncio.to_thread(server.run, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        publishing = bus._publisher._connection
        async with asyncio.timeout(5):
            while await publishing.is_usable():
                await asyncio.sleep(0)
        assert list(await bus.publish([("one", b"after")])) == [True]
        await listener.hears(b"before", b"after")


async def test_silence_is_no_death(server):
    async with heard(server.url) as (_, listener):
        await asyncio.sleep(2.5)
        assert listener.told == [UP]


async def test_a_stall_of_the_own_process_is_no_death_of_the_server(server):
    async with heard(server.url) as (bus, listener):
        await asyncio.sleep(0.35)
        time.sleep(2.5)  # noqa: ASYNC251 - as a suspended process does
        assert list(await bus.publish([("one", b"after")])) == [True]
        await listener.hears(b"after")
        assert listener.told == [UP, b"after"]


async def test_a_server_that_comes_and_goes_is_no_storm_in_the_log(server):
    with capture_logs() as logs:
        async with heard(server.url) as (_, listener):
            for n in range(2, 6):
                await asyncio.to_thread(server.end_subscribers)
                await listener.is_up(n)
    assert [entry["log_level"] for entry in logs] == ["warning", "info"]


@pytest.mark.parametrize("password", ["correct horse/@:#?%", "p"])
async def test_a_password_opens(servers, password):
    server = servers(password=password)
    for url in (
        f"redis://:{quote(password, safe='')}@127.0.0.1:{server.port}/0",
        f"redis://default:{quote(password, safe='')}@127.0.0.1:{server.port}/3",
        f"unix://:{quote(password, safe='')}@{server.socket_path}",
    ):
        async with heard(url) as (bus, listener):
            assert list(await bus.publish([("one", b"in")])) == [True]
            await listener.hears(b"in")


@pytest.mark.parametrize("login", ["", ":wrong-secret@", "nobody:wrong-secret@"])
async def test_a_wrong_password_opens_nothing_and_is_not_told(servers, login):
    server = servers(password="right-secret")
    listener = Listener()
    with capture_logs() as logs:
        async with a_bus(f"redis://{login}127.0.0.1:{server.port}") as bus:
            task = asyncio.create_task(bus.run(listener), name="listening")
            with pytest.raises(BusError) as caught:
                await bus.publish([("one", b"payload")])
            async with asyncio.timeout(5):
                while not logs:
                    await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert listener.told == []
    told = f"{caught.value} {logs}"
    assert "uthentication" in told or "password" in told
    assert "wrong-secret" not in told
    assert "payload" not in told


async def test_a_user_who_may_not_publish_is_told_so_and_payloads_are_not(server):
    for rights in (["+@pubsub"], ["+@pubsub", "+client"]):
        server.run("ACL", "SETUSER", "guest", "reset", "on", ">g", "&votegame:*", *rights)
        server.run("ACL", "SETUSER", "guest", "-publish")
        async with a_bus(f"redis://guest:g@127.0.0.1:{server.port}") as bus:
            for _ in range(2):
                with pytest.raises(BusError) as caught:
                    await bus.publish([("one", b"payload")])
                assert "payload" not in str(caught.value)
            assert "ermission" in str(caught.value)


async def test_pub_sub_is_the_only_right_that_is_needed(server):
    server.run("ACL", "SETUSER", "guest", "reset", "on", ">g", "&votegame:*", "+publish", "+subscribe", "+ping")
    with capture_logs() as logs:
        async with heard(f"redis://guest:g@127.0.0.1:{server.port}") as (bus, listener):
            with pytest.raises(BusError):  # here it learns that it has no right to more
                await bus.publish([("one", b"lost")])
            assert list(await bus.publish([("one", b"in")])) == [True]
            await listener.hears(b"in")
            await asyncio.sleep(1)
            assert listener.told == [UP, b"in"]
    assert ["order may be lost" in entry["event"] for entry in logs] == [True]


async def test_the_rights_that_the_documents_ask_for_are_enough(server):
    rights = ["+publish", "+subscribe", "+ping", "+client"]
    server.run("ACL", "SETUSER", "guest", "reset", "on", ">g", "&votegame:*", *rights)
    with capture_logs() as logs:
        async with heard(f"redis://guest:g@127.0.0.1:{server.port}") as (bus, listener):
            await bus.publish([("one", b"before")])
            await bus._publisher._connection.close()
            await bus.publish([("one", b"after")])
            await listener.hears(b"before", b"after")
    assert logs == []


async def test_tls_with_an_authority_of_ones_own(server, folder):
    certificate, context = self_signed(folder)
    async with (
        Front(server, context) as front,
        heard(f"rediss://127.0.0.1:{front.port}?ssl_ca_certs={certificate}") as (bus, listener),
    ):
        assert list(await bus.publish([("one", b"secret")])) == [True]
        await listener.hears(b"secret")


async def test_tls_with_an_authority_that_does_not_say_what_its_key_is_for(server, folder):
    authority, context = signed_by_an_authority(folder)
    options = f"ssl_ca_certs={authority}&ssl_exclude_verify_flags=VERIFY_X509_STRICT"
    async with Front(server, context) as front, heard(f"rediss://127.0.0.1:{front.port}?{options}") as (bus, listener):
        await bus.publish([("one", b"secret")])
        await listener.hears(b"secret")


async def test_a_stranger_s_certificate_is_refused(server, folder):
    _, context = self_signed(folder)
    async with Front(server, context) as front, a_bus(f"rediss://127.0.0.1:{front.port}") as bus:
        with pytest.raises(BusError, match="certificate verify failed"):
            await bus.publish([("one", b"secret")])


async def test_a_certificate_is_not_checked_where_one_says_so(server, folder):
    _, context = self_signed(folder)
    async with (
        Front(server, context) as front,
        heard(f"rediss://127.0.0.1:{front.port}?ssl_cert_reqs=none") as (bus, listener),
    ):
        await bus.publish([("one", b"secret")])
        await listener.hears(b"secret")


async def test_a_certificate_for_another_name_is_refused(server, folder):
    certificate, context = self_signed(folder)
    async with (
        Front(server, context) as front,
        a_bus(f"rediss://localhost:{front.port}?ssl_ca_certs={certificate}") as bus,
    ):
        with pytest.raises(BusError, match="certificate verify failed"):
            await bus.publish([("one", b"secret")])


async def test_deployments_with_different_prefixes_do_not_hear_each_other(server):
    async with (
        a_bus(server.url, prefix="left") as left,
        a_bus(server.url, prefix="right") as right,
        listening(left) as on_left,
        listening(right) as on_right,
    ):
        await left.publish([("one", b"left")])
        await right.publish([("one", b"right")])
        await on_left.hears(b"left")
        await on_right.hears(b"right")


async def test_what_strangers_publish_is_handed_over_or_dropped_and_breaks_nothing(server):
    strange = [b"", b"\xff\x00", b"redis-py-health-check", b"*1\r\n$4\r\nPING\r\n", b"[" * 10_000, b"PONG"]
    counts = Counter()
    with capture_logs() as logs:
        async with heard(server.url, observe=lambda fate, count: counts.update({fate: count})) as (_, listener):
            for data in strange:
                await asyncio.to_thread(server.run, "PUBLISH", CHANNEL, data)
                await asyncio.to_thread(server.run, "PUBLISH", CHANNEL, b"x" * (LARGEST_BYTES + 1))
                await asyncio.to_thread(server.run, "PUBLISH", f"{CHANNEL}:more", b"elsewhere")
            await asyncio.to_thread(server.run, "PUBLISH", CHANNEL, b"last")
            await listener.hears(*strange, b"last")
            assert counts == {"refused": len(strange)}
            assert listener.told.count(UP) == 1
    assert [entry["log_level"] for entry in logs] == ["warning"]


async def test_a_flood_does_not_keep_the_loop_from_its_other_work(server):
    heard_by_turn = [0]

    async def work():
        while heard_by_turn[-1] < 10_000:
            heard_by_turn.append(len(listener.heard))
            await asyncio.sleep(0)

    async with heard(server.url) as (_, listener), a_bus(server.url, "two") as bus:
        working = asyncio.create_task(work(), name="working")
        for _ in range(10):
            await bus.publish([("one", b"x" * 50)] * 1_000)
        async with asyncio.timeout(20):
            await working
    assert max(after - before for before, after in pairwise(heard_by_turn)) <= 100


async def test_a_bus_that_is_closed_publishes_nothing_and_leaves_nothing_open(server):
    bus = RedisBus(server.url, prefix="votegame", node_id="one")
    async with listening(bus):
        await bus.publish([("one", b"a")])
        server.stop()
        waiting = asyncio.create_task(bus.publish([("one", b"b" * 8_000_000)]), name="waiting")
        await asyncio.sleep(0.05)
        began = time.monotonic()
        await bus.aclose()
        with pytest.raises(BusError):
            await waiting
        with pytest.raises(BusError):
            await bus.publish([("one", b"c")])
    assert time.monotonic() - began < 0.5
    server.go_on()
    async with asyncio.timeout(5):
        while (await asyncio.to_thread(server.run, "CLIENT", "LIST")).count(b"\n") > 1:  # the one that asks
            await asyncio.sleep(0.01)
    del bus, waiting
    gc.collect()  # a connection that was left open would warn, and warnings are errors


@pytest.mark.parametrize("turns", range(12))
async def test_a_bus_that_is_closed_while_it_connects_stays_closed(server, turns):
    bus = RedisBus(server.url, prefix="votegame", node_id="one")
    publishing = asyncio.create_task(bus.publish([("one", b"a")]), name="publishing")
    for _ in range(turns):
        await asyncio.sleep(0)
    await bus.aclose()
    await asyncio.gather(publishing, return_exceptions=True)
    assert not await bus._publisher._connection.is_usable()


async def _story_on_uvloop(server):
    async with heard(server.url) as (bus, listener):
        await is_heard(bus, listener)
        server.stop()
        await fails_in_time(bus)
        await listener.is_down(seconds=NOTICED_SECONDS)
        server.kill()
        await fails_in_time(bus)
        server.start()
        await listener.is_up(2, seconds=HEALED_SECONDS)
        assert list(await bus.publish([("one", b"after")])) == [True]
        await listener.hears(b"before", b"after")


def test_on_the_loop_that_serves_in_production(server):
    uvloop = pytest.importorskip("uvloop")
    with asyncio.Runner(loop_factory=uvloop.Loop) as loop:
        loop.run(_story_on_uvloop(server))


@asynccontextmanager
async def relayed(primary):
    """A way to whatever `primary` names; its connections stay with the one that they were made to."""
    relay = await Relay(lambda: to_port("127.0.0.1", primary["is"].port), random.Random(1)).start()
    try:
        yield relay
    finally:
        await relay.close()


async def publishing(bus, node_id):
    async with asyncio.timeout(5):
        while True:
            await bus.publish([(node_id, b"lost")])
            await asyncio.sleep(0.05)


async def test_after_a_failover_who_stayed_with_the_old_primary_finds_the_new_one(servers, folder):
    (folder / "other").mkdir()
    old, new = servers(), RedisServer(folder / "other")
    new.start()
    primary = {"is": old}
    try:
        async with relayed(primary) as one_way, relayed(primary) as other_way:
            one_url, other_url = (f"redis://127.0.0.1:{way.port}" for way in (one_way, other_way))
            async with heard(one_url) as (one, one_listener), heard(other_url, node_id="other") as (other, listener):
                for bus, node_id in ((one, "other"), (other, "one")):
                    await bus.publish([(node_id, b"before")])
                await one_listener.hears(b"before")
                # The new one takes over, and only `other` is told: the connections of `one` stay.
                old.run("REPLICAOF", "127.0.0.1", new.port)
                primary["is"] = new
                other_way.reset()
                await listener.is_up(2)
                with pytest.raises(BusError, match="replica"):
                    # The old one may first have to notice that `other` is gone.
                    await publishing(one, "other")
                await one_listener.is_up(2)
                assert await one.publish([("other", b"found")]) == [True]
                await listener.hears(b"before", b"found")
                assert await other.publish([("one", b"back")]) == [True]
                await one_listener.hears(b"before", b"back")
    finally:
        new.kill()


async def test_that_messages_are_refused_is_said_and_not_each_time(server):
    async with heard(server.url) as (bus, listener):
        await bus.publish([("one", b"taken")])
        server.run("ACL", "SETUSER", "default", "-publish")
        with capture_logs() as logs:
            for _ in range(3):
                with pytest.raises(BusError):
                    await bus.publish([("one", b"refused")])
        (said,) = [each for each in logs if each["event"] == "redis takes no messages"]
        assert said["log_level"] == "warning"
        assert "NoPermission" in said["reason"]
        server.run("ACL", "SETUSER", "default", "+publish")
        await bus.publish([("one", b"taken again")])
        await listener.hears(b"taken", b"taken again")


async def test_who_may_not_ask_whether_it_is_the_primary_is_served_all_the_same(server):
    server.run("ACL", "SETUSER", "default", "-role")
    async with heard(server.url) as (bus, listener):
        assert await bus.publish([("nobody", b"1"), ("one", b"2")]) == [False, True]
        await listener.hears(b"2")
        assert await bus.publish([("nobody", b"3")]) == [False]


async def test_that_there_is_no_connection_left_to_send_by_is_said(server, monkeypatch):
    monkeypatch.setattr(notes, "QUIET_SECONDS", 0.0)
    async with heard(server.url) as (bus, _listener):
        server.run("CONFIG", "SET", "maxclients", 1)  # the subscription has it
        with capture_logs() as logs, pytest.raises(BusError):
            await bus.publish([("one", b"nothing to come by")])
    assert [(each["event"], each["reason"]) for each in logs] == [
        ("redis takes no messages", "max number of clients reached")
    ]
