"""A limit is looked for where the server says that it is, and only what it guarantees is asked of it."""

import asyncio
import json

import pytest

from votegame.conformance.desk import Desk, StoppedError
from votegame.conformance.format import SendUntil
from votegame.conformance.link import Came, Ended
from votegame.conformance.orders import Orders
from votegame.conformance.overuse import send_until
from votegame.conformance.shapes import Shapes
from votegame.conformance.troubles import UncheckedError
from votegame.conformance.witness import Witness
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


@pytest.mark.parametrize(("burst", "per_second"), [(20, 10), (1, 0.1), (3, 10), (200, 100), (999, 25.5)])
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
async def test_a_limit_that_cannot_be_reached_from_here_is_not_checked_and_that_is_said(limits):
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
