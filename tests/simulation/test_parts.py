"""The parts of the simulation, by themselves."""

import asyncio
import random

import pytest

from tests import checker_order as order
from tests.checker import Logs
from tests.simulation import loop as loops
from tests.simulation.bus import SimulatedBus
from tests.simulation.loop import SimulatedLoop, StuckError, process_now
from tests.simulation.network import Direction, Network
from tests.simulation.trace import Trace


@pytest.fixture
def loop():
    loop = SimulatedLoop(random.Random(1))
    yield loop
    loop.dispose()


def test_time_jumps_to_the_next_timer(loop):
    async def wait():
        before = loop.time()
        await asyncio.sleep(3_600)
        return loop.time() - before

    assert loop.run_until_complete(wait()) == 3_600


def _order_of_ten(seed):
    loop = SimulatedLoop(random.Random(seed))
    ran = []
    for number in range(10):
        loop.call_at(2_000.0, ran.append, number)
    for number in range(10):
        loop.call_soon(ran.append, number)
    loop.run_until_complete(asyncio.sleep(5_000))
    loop.dispose()
    return ran


def test_timers_of_one_instant_run_in_an_order_that_the_seed_decides_and_nothing_else_does():
    assert _order_of_ten(1)[:10] == _order_of_ten(2)[:10] == list(range(10))
    assert _order_of_ten(1) == _order_of_ten(1)
    assert _order_of_ten(1) != _order_of_ten(2)
    assert sorted(_order_of_ten(1)[10:]) == list(range(10))


def test_a_process_that_is_stopped_does_nothing_and_then_what_has_come_before_its_timers(loop):
    process, heard = loop.process("a"), []

    async def tick():
        while True:
            await asyncio.sleep(1.0)
            heard.append(("tick", process_now().name, loop.time()))

    async def scene():
        loop.create_task(tick(), context=process.context)
        await asyncio.sleep(1.5)
        loop.stop_process(process)
        loop.call_later(5.0, heard.append, "due", context=process.context)
        loop.call_later(6.0, heard.append, "elsewhere", context=loop.world)
        await asyncio.sleep(10.0)
        loop.call_soon(heard.append, "read", context=process.context)
        await asyncio.sleep(0)
        loop.continue_process(process)
        await asyncio.sleep(0.5)

    loop.run_until_complete(scene())
    assert heard == [("tick", "a", 1_001.0), "elsewhere", "read", "due", ("tick", "a", 1_011.5)]


def test_of_a_process_that_is_killed_nothing_runs_not_even_what_cleans_up(loop):
    process, heard = loop.process("a"), []

    async def hold():
        try:
            await asyncio.sleep(1.0)
        finally:
            heard.append("cleaned up")

    async def scene():
        loop.create_task(hold(), context=process.context)
        await asyncio.sleep(0.5)
        loop.kill_process(process)
        await asyncio.sleep(5.0)
        assert not heard

    loop.run_until_complete(scene())


def test_what_goes_round_and_round_is_ended(loop, monkeypatch):
    monkeypatch.setattr(loops, "STEPS_AT_ONE_INSTANT", 1_000)

    async def spin():
        while True:
            await asyncio.sleep(0)

    with pytest.raises(StuckError):
        loop.run_until_complete(spin())


def test_what_will_never_go_on_is_ended(loop):
    with pytest.raises(StuckError):
        loop.run_until_complete(loop.create_future())


def test_there_are_no_threads(loop):
    with pytest.raises(RuntimeError):
        loop.run_until_complete(asyncio.to_thread(int))


class Ear:
    """A subscriber that keeps what it hears."""

    def __init__(self):
        self.heard = []

    def subscribed(self):
        self.heard.append("subscribed")

    def received(self, data):
        self.heard.append(data)

    def unsubscribed(self):
        self.heard.append("unsubscribed")


class Wires:
    """A bus with two nodes, of which one listens."""

    def __init__(self, loop):
        self.loop = loop
        self.bus = SimulatedBus(loop, random.Random(1), Trace())
        self.here = self.bus.port("here", loop.process("here"))
        self.there = self.bus.port("there", loop.process("there"))
        self.ear = Ear()

    async def listen(self):
        self.loop.create_task(self.there.run(self.ear), context=self.there.process.context)
        await asyncio.sleep(0.1)

    async def send(self, *numbers):
        return await self.here.publish([("there", b"%d" % number) for number in numbers])

    @property
    def numbers(self):
        return [int(heard) for heard in self.ear.heard if isinstance(heard, bytes)]


@pytest.fixture
def wires(loop):
    return Wires(loop)


def test_what_is_published_arrives_in_order_and_whether_anyone_is_there_is_known(loop, wires):
    async def scene():
        assert await wires.send(0) == [False]
        await wires.listen()
        assert await wires.send(*range(1, 50)) == [True] * 49
        await asyncio.sleep(1.0)

    loop.run_until_complete(scene())
    assert wires.ear.heard == ["subscribed", *(b"%d" % number for number in range(1, 50))]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("loss", lambda got: len(got) < 200 and got == sorted(got)),
        ("double", lambda got: len(got) > 200 and got == sorted(got)),
        ("reorder", lambda got: len(got) == 200 and got != sorted(got)),
    ],
)
def test_faults_of_messages_are_what_they_are_called(loop, wires, fault, expected):
    setattr(wires.bus, fault, 0.2)

    async def scene():
        await wires.listen()
        for number in range(200):
            await wires.send(number)
        await asyncio.sleep(2.0)

    loop.run_until_complete(scene())
    assert expected(wires.numbers)


def test_a_link_that_is_stopped_holds_back_and_loses_nothing(loop, wires):
    async def scene():
        await wires.listen()
        wires.bus.stop_link("here", "there")
        await wires.send(1, 2, 3)
        await asyncio.sleep(5.0)
        assert not wires.numbers
        wires.bus.free_all()
        await wires.send(4)
        await asyncio.sleep(1.0)

    loop.run_until_complete(scene())
    assert wires.numbers == [1, 2, 3, 4]


def test_what_is_under_way_to_a_subscription_that_is_cut_is_lost_with_it(loop, wires):
    async def scene():
        await wires.listen()
        await wires.send(1)
        wires.bus.latency = (0.1, 0.2)
        loop.create_task(wires.send(2))
        await asyncio.sleep(0.25)
        wires.bus.cut("there")
        await asyncio.sleep(1.0)
        await wires.send(3)
        await asyncio.sleep(1.0)

    loop.run_until_complete(scene())
    assert wires.ear.heard == ["subscribed", b"1", "unsubscribed", "subscribed", b"3"]


class Line:
    """One direction of a socket, and what comes out of it."""

    def __init__(self, loop):
        self.got, self.cuts, self.ends = b"", 0, 0
        network = Network(loop, random.Random(1), Trace())
        self.direction = Direction(network, self._take, self._end, loop.world)
        self.direction.on_cut = self._cut

    def _take(self, data):
        self.got += data

    def _end(self):
        self.ends += 1

    def _cut(self):
        self.cuts += 1


@pytest.mark.parametrize("byte", [0, 1, 4, 5, 9])
def test_a_direction_is_cut_at_the_byte(loop, byte):
    line = Line(loop)
    line.direction.cut_after = byte
    for _ in range(3):
        line.direction.send(b"abcde")
    loop.run_until_complete(asyncio.sleep(1.0))
    assert line.got == b"abcdeabcdeabcde"[:byte]
    assert line.cuts == 1


def test_a_direction_that_swallows_says_nothing(loop):
    line = Line(loop)
    line.direction.send(b"abc")
    line.direction.is_swallowing = True
    line.direction.send(b"de")
    line.direction.finish()
    loop.run_until_complete(asyncio.sleep(1.0))
    assert (line.got, line.ends) == (b"", 0)


class Teller:
    def __init__(self, name, *history):
        self.name = self.user_id = name
        self.history = [(kind, 1, at, frame) for at, kind, frame in history]


RESUME = {"type": "resume", "id": "r", "room_code": "R", "last_seq": 4}
EVENT = {"type": "room_locked", "room_code": "R", "seq": 5}


@pytest.mark.parametrize(
    ("shown", "is_found"),
    [
        ({"recovered": True, "events": []}, True),
        ({"recovered": True, "events": [EVENT]}, False),
        ({"state": {"seq": 4}}, True),
        ({"state": {"seq": 5}}, False),
    ],
)
def test_a_read_that_is_older_than_what_others_had_seen_is_found(shown, is_found):
    early = Teller("early", (1.0, "got", EVENT))
    late = Teller("late", (2.0, "sent", RESUME), (3.0, "got", {"type": "ok", "id": "r", **shown}))
    assert bool(order.violations([early, late], Logs({}, {}))) is is_found


@pytest.mark.parametrize(("position", "is_found"), [(7, True), (9, False)])
def test_a_record_before_one_that_was_acknowledged_when_its_command_was_sent_is_found(position, is_found):
    rows = [{"user_id": "early", "command_id": "a", "position": 8}]
    rows.append({"user_id": "late", "command_id": "b", "position": position})
    first = {"type": "lock_room", "id": "a", "room_code": "R"}
    early = Teller("early", (1.0, "sent", first), (2.0, "got", {"type": "ok", "id": "a"}))
    late = Teller("late", (3.0, "sent", first | {"id": "b"}))
    assert bool(order.violations([early, late], Logs({}, {"R": rows}))) is is_found
