"""A limit is looked for where the server says that it is, and only what it guarantees is asked of it."""

import asyncio
import json
from collections import deque

import pytest

from votegame.conformance import crowd, overuse
from votegame.conformance.crowd import Crowd
from votegame.conformance.desk import Desk, Place
from votegame.conformance.findings import StoppedError
from votegame.conformance.format import ConnectUntil, SendUntil
from votegame.conformance.link import Came, Ended
from votegame.conformance.orders import Orders
from votegame.conformance.overuse import send_until
from votegame.conformance.shapes import Shapes
from votegame.conformance.troubles import UncheckedError
from votegame.conformance.witness import Witness
from votegame.files import protocol_directory
from votegame.limits.rates import TokenBucket

pytestmark = pytest.mark.looptime

SHAPES = Shapes()
PLACE = ("ada", "")
SAID = SendUntil(
    command={"type": "ping", "id": "$new_ping"},
    refused={"code": "rate_limited", "retry_after": {"$any": "number"}},
    burst="$burst",
    per_second="$rate",
)


WELCOME = json.loads((protocol_directory() / "examples" / "welcome.json").read_bytes())


def clock() -> float:
    return asyncio.get_running_loop().time()


class RatedLink:
    """A connection to a server that keeps, or does not keep, some rate."""

    def __init__(self, burst: float, per_second: float, *, trip: float = 0.001) -> None:
        self.ended: Ended | None = None
        self.n_refused = 0
        self._bucket = TokenBucket(burst, per_second)
        self._trip = trip
        self._replies: asyncio.Queue[Came] = asyncio.Queue()

    async def send(self, text: str) -> None:
        command_id, wait = json.loads(text)["id"], self._bucket.take(clock())
        reply = {"type": "ok", "id": command_id, "server_time": 1_767_225_600_123 + int(clock() * 1000)}
        if wait:
            self.n_refused += 1
            details = {"message": "Too fast.", "retryable": False, "retry_after": wait}
            reply = {"type": "error", "id": command_id, "code": "rate_limited", **details}
        self._replies.put_nowait(Came(reply, json.dumps(reply), clock()))

    async def next(self, _patience: float) -> Came | Ended | None:
        if self._replies.empty():
            return None
        await asyncio.sleep(self._trip)
        return self._replies.get_nowait()


async def overused(link: RatedLink, burst: float, per_second: float) -> Desk:
    """What is found when the server says these limits."""
    desk = Desk(Witness(SHAPES, Orders()), SHAPES, 1.0)
    desk.open(PLACE, link, "5f0c")
    await send_until(desk, PLACE, SAID, {"burst": burst, "rate": per_second})
    return desk


@pytest.mark.parametrize(("burst", "per_second"), [(20, 10), (1, 0.1), (3, 10), (200, 100), (300, 25.5)])
async def test_a_server_that_keeps_the_limits_that_it_says_is_right_whatever_they_are(burst, per_second):
    link = RatedLink(burst, per_second)
    assert (await overused(link, burst, per_second)).findings == []
    assert 0 < link.n_refused < 50, "a connection that is refused 50 commands may be closed for it"


@pytest.mark.parametrize(
    ("kept", "said", "words"),
    [
        ((20, 10), (40, 10), "of 40 commands that a connection may send at once"),
        ((10_000, 10), (20, 10), "were taken in"),
        ((25, 1_000), (20, 10), "were taken in"),
    ],
)
async def test_a_server_that_keeps_others_is_not(kept, said, words):
    desk = Desk(Witness(SHAPES, Orders()), SHAPES, 1.0)
    desk.open(PLACE, RatedLink(*kept, trip=0.005), "5f0c")
    with pytest.raises(StoppedError):
        await send_until(desk, PLACE, SAID, {"burst": said[0], "rate": said[1]})
    assert words in desk.findings[0].differences[0]


@pytest.mark.parametrize("limits", [(50, 5_000), (1_000_000, 10)])
async def test_a_limit_that_cannot_be_reached_from_here_is_not_checked_and_that_is_said(monkeypatch, limits):
    monkeypatch.setattr(overuse, "_MOST_SECONDS", 1.0)
    with pytest.raises(UncheckedError, match=r"limits\.command_burst"):
        await overused(RatedLink(*limits, trip=0.01), *limits)


async def test_a_connection_that_ends_is_found():
    link = RatedLink(20, 10)
    link.next = lambda _patience: asyncio.sleep(0, Ended(1011))
    desk = Desk(Witness(SHAPES, Orders()), SHAPES, 1.0)
    desk.open(PLACE, link, "5f0c")
    with pytest.raises(StoppedError):
        await send_until(desk, PLACE, SAID, {"burst": 20, "rate": 10})
    assert desk.findings[0].came == "the connection was closed with 1011"


class Cluster:
    """Nodes that each count the connections of a user, behind a balancer."""

    def __init__(self, desk: Desk, *, nodes: int, limit: int, closes: int = 0, code: int = 4409) -> None:
        self.most_open = 0
        self._desk = desk
        self._limit, self._closes, self._code = limit, closes, code
        self._nodes: list[list[SocketLink]] = [[] for _ in range(nodes)]
        self._n_entered = 0

    async def enter(self, place: Place) -> tuple[int, int | None]:
        node = self._nodes[self._n_entered % len(self._nodes)]
        self._n_entered += 1
        node.append(SocketLink())
        self._desk.open(place, node[-1], "5f0c")
        if len(node) > self._limit:
            node.pop(self._closes).coming.append(Ended(self._code))
        self.most_open = max(self.most_open, sum(map(len, self._nodes)))
        return 101, None


class SocketLink:
    """A connection that is welcomed, and then perhaps closed."""

    def __init__(self) -> None:
        self.ended: Ended | None = None
        self.is_closed = False
        self.coming: deque[Came | Ended] = deque([Came(WELCOME, json.dumps(WELCOME), 0.0)])

    async def next(self, patience: float) -> Came | Ended | None:
        if not self.coming:
            await asyncio.sleep(patience)
            return self.ended
        came = self.coming.popleft()
        self.ended = came if isinstance(came, Ended) else None
        return came

    async def close(self) -> None:
        self.is_closed = True


async def crowded(desk: Desk, cluster: Cluster, limit: int, nodes: int | None = None) -> None:
    how = ConnectUntil(closed=4409, limit="$most")
    await Crowd(desk, ("dora", "last"), cluster.enter, nodes).open(how, {"most": limit})


@pytest.fixture
def desk() -> Desk:
    return Desk(Witness(SHAPES, Orders()), SHAPES, 1.0)


@pytest.mark.parametrize(("nodes", "limit"), [(1, 5), (3, 5), (8, 5), (2, 1), (1, 30), (3, 12)])
async def test_the_oldest_connection_of_any_of_several_nodes_is_closed(desk, nodes, limit):
    cluster = Cluster(desk, nodes=nodes, limit=limit)
    await crowded(desk, cluster, limit)
    assert desk.findings == []
    assert cluster.most_open == nodes * limit
    assert list(desk.links) == [("dora", "last")], "the newest goes on"


@pytest.mark.parametrize(
    ("nodes", "known", "limit", "why"),
    [
        (9, None, 5, "none of 41 connections of one user was closed"),
        (1, None, 50, r"limits\.sockets_per_user is 50"),
        (3, None, 20, "none of 50 connections of one user was closed"),
        (3, 4, 5, None),
    ],
)
async def test_what_more_nodes_may_hold_than_are_tried_is_not_checked_and_that_is_said(
    desk, monkeypatch, nodes, known, limit, why
):
    monkeypatch.setattr(crowd, "_MOST", 50)
    cluster = Cluster(desk, nodes=nodes, limit=limit)
    if why is None:
        await crowded(desk, cluster, limit, known)
    else:
        with pytest.raises(UncheckedError, match=why):
            await crowded(desk, cluster, limit, known)
    assert desk.findings == []


@pytest.mark.parametrize(
    ("cluster", "known", "words"),
    [
        ({"nodes": 1, "limit": 4}, None, "only 4 are newer"),
        ({"nodes": 1, "limit": 5, "closes": -1}, None, "only 0 are newer"),
        ({"nodes": 1, "limit": 5, "closes": 1}, None, "only 4 are newer"),
        ({"nodes": 1, "limit": 5, "code": 4000}, None, "the connection was to be closed"),
        ({"nodes": 3, "limit": 5}, 2, "none of 11 connections of one user was closed"),
        ({"nodes": 1, "limit": 9_999}, 1, "none of 6 connections of one user was closed"),
    ],
)
async def test_a_server_that_closes_others_or_none_though_its_nodes_are_known_is_found(desk, cluster, known, words):
    with pytest.raises(StoppedError):
        await crowded(desk, Cluster(desk, **cluster), 5, known)
    assert words in desk.findings[0].differences[0]


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_that_takes_no_more_connections_is_not_checked(desk, status):
    async def enter(_place: Place) -> tuple[int, int | None]:
        return status, None

    with pytest.raises(UncheckedError, match=f"takes no more connections.*{status}"):
        await Crowd(desk, ("dora", ""), enter, None).open(ConnectUntil(closed=4409, limit=5), {})
