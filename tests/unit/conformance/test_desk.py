"""How a player goes on that was too fast, and what is left over when a story is over."""

import asyncio
import json
import time
from collections import deque

import pytest

from votegame.client.fold import RoomFold
from votegame.conformance import closing
from votegame.conformance.desk import Desk
from votegame.conformance.findings import StoppedError
from votegame.conformance.format import Step
from votegame.conformance.link import Came, Ended
from votegame.conformance.orders import Orders
from votegame.conformance.shapes import Shapes
from votegame.conformance.troubles import UncheckedError, UnfinishedError
from votegame.conformance.witness import Witness
from votegame.files import protocol_directory

pytestmark = pytest.mark.looptime

PLACE = ("ada", "")
SHAPES = Shapes()
PONG = {"type": "ok", "server_time": 1_767_225_600_123}


class FakeLink:
    """A connection of which the test says what comes."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.coming: deque[Came | Ended] = deque()
        self.ended: Ended | None = None

    def comes(self, frame: dict) -> None:
        self.coming.append(Came(frame, json.dumps(frame), time.monotonic()))

    async def send(self, text: str) -> None:
        self.sent.append(text)

    async def next(self, _patience: float) -> Came | Ended | None:
        came = self.coming.popleft() if self.coming else None
        self.ended = came if isinstance(came, Ended) else None
        return came


@pytest.fixture
def link() -> FakeLink:
    return FakeLink()


@pytest.fixture
def desk(link) -> Desk:
    desk = Desk(Witness(SHAPES, Orders()), SHAPES, 1.0)
    desk.open(PLACE, link, "5f0c")
    return desk


async def nowhere(_actor: str, _room: str) -> None:
    """Nobody here has a login for HTTP."""


def limited(command_id: str | None, seconds: float) -> dict:
    return {"type": "error", "id": command_id, "code": "rate_limited", "retry_after": seconds}


async def test_who_is_told_to_wait_for_half_a_minute_does_so_and_sends_the_same_again(desk, link):
    command = {"type": "ping", "id": "1"}
    await desk.send(PLACE, command)
    started = asyncio.get_running_loop().time()
    assert await desk.waited(PLACE, limited("1", 26.0))
    assert asyncio.get_running_loop().time() - started == pytest.approx(26, abs=0.1)
    assert [json.loads(text) for text in link.sent] == [command, command]


async def test_who_waits_for_the_server_says_so(link):
    doing: list[str] = []
    desk = Desk(Witness(SHAPES, Orders()), SHAPES, 2.0, doing.append)
    desk.open(PLACE, link, "5f0c")
    step = Step(actor="ada", expect={"type": "ok"})
    desk.begin(3, step)
    await desk.send(PLACE, {"type": "ping", "id": "1"})
    await desk.waited(PLACE, limited("1", 26.0))
    waits = "step 3 waits up to 20 s for `ok`"
    assert doing == [waits, "step 3 waits 26 s, as the server asks (`rate_limited`)", waits]


async def test_what_has_no_id_is_sent_again_as_it_was(desk, link):
    desk.books[PLACE].sent_text("[1,")
    assert await desk.waited(PLACE, limited(None, 0.3))
    assert link.sent == ["[1,"]


async def test_nothing_is_sent_again_for_a_reply_to_nothing(desk, link):
    assert not await desk.waited(PLACE, limited(None, 0.3))
    assert link.sent == []


async def test_a_limit_that_is_spent_for_longer_is_called_so_and_not_a_fault(desk):
    await desk.send(PLACE, {"type": "ping", "id": "1"})
    with pytest.raises(UnfinishedError, match="a limit per time is spent for 400 s"):
        await desk.waited(PLACE, limited("1", 400.0))
    assert desk.findings == []


async def test_so_is_one_that_is_never_over_whatever_is_said_each_time(desk):
    await desk.send(PLACE, {"type": "ping", "id": "1"})
    for _ in range(3):
        assert await desk.waited(PLACE, limited("1", 20.0))
    with pytest.raises(UnfinishedError, match="a limit per time is spent"):
        await desk.waited(PLACE, limited("1", 20.0))


async def test_what_the_server_cannot_do_now_is_sent_again(desk, link):
    command = {"type": "ping", "id": "1"}
    await desk.send(PLACE, command)
    assert await desk.waited(PLACE, {"type": "error", "id": "1", "code": "unavailable", "retryable": True})
    assert [json.loads(text) for text in link.sent] == [command, command]


async def test_a_deadline_that_an_outage_has_moved_is_no_difference_unless_the_story_moves_one(link):
    state = json.loads((protocol_directory() / "examples" / "state.answering.json").read_bytes())
    moved = json.loads((protocol_directory() / "examples" / "event.deadline_changed.json").read_bytes())
    for are_deadlines_told in (True, False):
        desk = Desk(Witness(SHAPES, Orders()), SHAPES, 1.0, are_deadlines_told=are_deadlines_told)
        desk.open(PLACE, link, "5f0c")
        fold = desk.books[PLACE].rooms[moved["room_code"]] = RoomFold("5f0c")
        fold.state = {**state, "room_code": moved["room_code"]}
        link.comes({**moved, "seq": state["seq"] + 1})
        if are_deadlines_told:
            assert isinstance(await desk.next(PLACE, 1.0), Came)
        else:
            with pytest.raises(UnfinishedError, match="moved a deadline"):
                await desk.next(PLACE, 1.0)


async def test_a_welcome_for_another_user_is_a_difference(desk):
    with pytest.raises(StoppedError):
        desk.welcomed(PLACE, {"type": "welcome", "user": {"id": "77aa"}, "limits": {"sockets_per_user": 2}})
    assert "another user: 77aa, not 5f0c" in desk.findings[0].differences[0]


async def test_a_story_that_opens_more_connections_than_a_user_may_have_cannot_be_checked(desk):
    welcome = {"type": "welcome", "user": {"id": "5f0c"}, "limits": {"sockets_per_user": 2}}
    desk.welcomed(PLACE, welcome)
    for tab in ("ben", "stranger"):
        desk.open((tab, ""), FakeLink(), "")
    desk.welcomed(("ben", ""), {**welcome, "user": {"id": "77aa"}})
    desk.welcomed(("stranger", ""), welcome)
    desk.open(("ada", "2"), FakeLink(), "5f0c")
    with pytest.raises(UncheckedError, match=r"3 connections of one user, and limits\.sockets_per_user is 2"):
        desk.welcomed(("ada", "2"), welcome)


async def test_a_connection_that_is_closed_when_the_story_is_over_is_found(desk, link):
    link.coming.append(Ended(1001))
    with pytest.raises(StoppedError):
        await closing.close(desk, nowhere)
    assert desk.findings[0].came == "the connection was closed with 1001"


async def test_one_whose_end_was_expected_is_over(desk, link):
    link.ended = Ended(4409)
    await closing.close(desk, nowhere)
    assert desk.findings == []


async def test_a_reply_that_the_story_does_not_name_is_not_taken_for_a_snapshot(desk, link):
    desk.books[PLACE].rooms["ABC234"] = RoomFold("5f0c")
    desk.books[PLACE].sent({"type": "ping", "id": "1"})
    link.comes({**PONG, "id": "1"})
    with pytest.raises(StoppedError):
        await closing.close(desk, nowhere)
    assert desk.findings[0].differences == ["a frame too much came"]
