"""What operators see of the nodes, and how they have one leave."""

import asyncio
import json

import pytest

from tests.nodes import Nodes
from tests.serving import metric
from tests.unit.rooms.table import an_id
from votegame import cli
from votegame.bus import LARGEST_BYTES
from votegame.errors import ConfigurationError
from votegame.nodes import drain, list_nodes
from votegame.storage.nodes import PostgresNodeStore
from votegame.storage.register import registering


class Arguments:
    def __init__(self, **given):
        self.json = self.wait = False
        self.__dict__.update(given)


@pytest.fixture
async def nodes(database):
    store = PostgresNodeStore(database)
    yield store
    await store.close()


@pytest.fixture
async def two(nodes):
    ids = ["aa" + an_id()[2:], "bb" + an_id()[2:]]
    for node_id, label in zip(ids, ("kitchen", "cellar"), strict=True):
        await nodes.renew(node_id, label, 3_000)
    return ids


def test_without_a_node_it_says_so(database_url, nodes, capsys):
    assert list_nodes(Arguments(), database_url) == 0
    assert capsys.readouterr().out == "No node uses this database.\n"


async def test_the_living_and_those_that_died_lately_are_listed_the_oldest_first(database_url, nodes, two, capsys):
    await nodes.retire(two[1])
    list_nodes(Arguments(), database_url)
    head, kitchen, cellar = capsys.readouterr().out.splitlines()
    assert head.split() == ["node", "id", "release", "lease", "up", "rooms", "state"]
    assert kitchen.split()[:2] == ["kitchen", two[0][:8]]
    assert kitchen.endswith("serving")
    assert cellar.split()[3] == "over"
    assert cellar.endswith("gone")


async def test_as_json_a_line_is_a_node(database_url, two, capsys):
    list_nodes(Arguments(json=True), database_url)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [node["node_id"] for node in told] == two
    assert all(0 < node["lease_left_ms"] <= 3_000 and node["rooms"] == 0 for node in told)


async def test_a_node_learns_at_its_next_renewal_that_it_is_to_leave(database_url, nodes, two, capsys):
    assert drain(Arguments(node="cellar"), database_url) == 0
    assert capsys.readouterr().out == "cellar was asked to leave.\n"
    assert (await nodes.renew(two[1], "cellar", 3_000)).drain_wanted
    assert not (await nodes.renew(two[0], "kitchen", 3_000)).drain_wanted
    assert await nodes.nodes_to_hand_over_to(an_id()) == [two[0]]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("attic", "No node 'attic' is alive. There are: cellar, kitchen."),
        ("", "No node '' is alive. There are: cellar, kitchen."),
    ],
)
async def test_a_node_that_is_not_there_is_not_asked(database_url, two, name, problem):
    with pytest.raises(ConfigurationError) as refused:
        drain(Arguments(node=name), database_url)
    assert str(refused.value) == problem


async def test_a_name_that_means_two_is_refused_and_the_beginning_of_an_id_is_a_name(database_url, nodes, two, capsys):
    await nodes.renew(an_id(), "cellar", 3_000)
    with pytest.raises(ConfigurationError, match="means more than one node: cellar"):
        drain(Arguments(node="cellar"), database_url)
    with registering(database_url) as register:
        assert not any(node.drain_wanted for node in register.nodes())
    assert drain(Arguments(node=two[1][:6]), database_url) == 0


async def test_who_waits_for_a_node_that_does_not_leave_is_told_so_in_time(database_url, two, monkeypatch, capsys):
    monkeypatch.setattr("votegame.nodes._WAIT_SECONDS", 0.2)
    assert drain(Arguments(node="cellar", wait=True), database_url) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "cellar is still there after 0 s."


async def test_a_node_that_is_asked_leaves_by_itself_and_another_stays(monkeypatch, tmp_path, capsys):
    cluster = Nodes(2, DRAIN_SECONDS="0.2")
    await cluster.start()
    try:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("DATABASE_URL", cluster.database_url)
        monkeypatch.setenv("SECRET_KEY", "a secret that nobody guesses, of 48 characters..")
        assert cli.main(["drain", "node-0"]) == 0
        assert await cluster.nodes[0].wait() == 0
        assert "an operator wants this node to leave" in cluster.nodes[0].said()
        assert cluster.nodes[1].process.returncode is None
        assert await asyncio.to_thread(cli.main, ["drain", "node-1", "--wait"]) == 0
        assert capsys.readouterr().out.splitlines()[-1] == "node-1 is gone."
        assert await cluster.nodes[1].wait() == 0
    finally:
        await cluster.close()


def refused_messages(node):
    return metric(node.url, 'votegame_link_messages_total{fate="refused"}')


async def test_what_a_stranger_sends_to_a_node_over_redis_is_counted_whether_it_is_read_or_too_large_for_that():
    cluster = Nodes(1)
    await cluster.start()
    try:
        (node,) = cluster.nodes
        assert refused_messages(node) == 0
        async with asyncio.timeout(10):
            while not (channels := await asyncio.to_thread(cluster.redis.run, "PUBSUB", "CHANNELS")):
                await asyncio.sleep(0.05)
        for data in (b"not of a node", b"x" * (LARGEST_BYTES + 1)):
            await asyncio.to_thread(cluster.redis.run, "PUBLISH", channels[0], data)
        async with asyncio.timeout(10):
            while refused_messages(node) < 2:
                await asyncio.sleep(0.05)
        assert "a message between nodes was too large, dropped" in node.said()
    finally:
        await cluster.close()
