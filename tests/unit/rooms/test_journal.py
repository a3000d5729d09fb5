"""The journal over the memory store, through a store that fails as it is told."""

import asyncio

import pytest
from structlog.testing import capture_logs

from tests.contract.store_kit import a_head, a_room, a_row, an_id
from tests.fakes import FaultyStore, LoopClock, a_writer
from tests.unit.rooms.table import settle
from votegame import tasks
from votegame.errors import StoreBusyError, StoreUnavailableError
from votegame.rooms.journal import ROWS_PER_COMMIT, Journal
from votegame.rooms.room import SHUT_SECONDS
from votegame.storage.memory import MemoryNodeStore, MemoryRoomStore

pytestmark = pytest.mark.looptime


class Desk:
    """A journal, its store, and rooms that write."""

    def __init__(self):
        self.clock = LoopClock()
        self.nodes = MemoryNodeStore(self.clock.now_ms)
        self.memory = MemoryRoomStore(self.nodes, self.clock.now_ms)
        self.store = FaultyStore(self.memory)
        self.commits = []
        self.journal = Journal(
            self.store,
            self.clock,
            slow_store=self.store,
            observe_commit=lambda rows, _seconds: self.commits.append(rows),
        )
        self.node_id = an_id()
        self.task = tasks.start(self.journal.run(), name="journal")

    async def room(self, code):
        await self.nodes.renew(self.node_id, "here", 3_000)
        made = a_room(code, node_id=self.node_id)
        await self.memory.create_room(made)
        writer, listener = a_writer(made.room_id, committed=1)
        return Writing(self, made, writer, listener)

    async def flushed(self):
        async with asyncio.timeout(60):
            await self.journal.flush()


class Writing:
    def __init__(self, desk, made, writer, listener):
        self.desk, self.made, self.writer, self.listener = desk, made, writer, listener
        self.top = 1

    def write(self, count=1, **head):
        rows = tuple(a_row(self.top + place + 1) for place in range(count))
        self.top += count
        self.desk.journal.write(self.writer, rows, a_head(**head))

    @property
    def id(self):
        return self.made.room_id

    @property
    def positions(self):
        return [row.position for row, _ in self.desk.memory._rooms[self.id].log]

    @property
    def heard(self):
        return self.listener.heard


@pytest.fixture
async def desk():
    desk = Desk()
    yield desk
    desk.store.go_on()
    await tasks.end([desk.task])


async def test_what_gathers_during_a_commit_goes_into_the_next_one_of_all_rooms(desk):
    one, two = await desk.room("AAAAAA"), await desk.room("BBBBBB")
    desk.store.hang()
    one.write()
    await settle()
    one.write()
    two.write(2)
    desk.store.go_on()
    await desk.flushed()
    assert [[len(append.rows) for append in batch] for batch in desk.store.appends] == [[1], [1, 2]]
    assert one.positions == two.positions == [1, 2, 3]
    assert one.heard == [("committed", 2), ("committed", 3)]
    assert two.heard == [("committed", 3)]


async def test_a_commit_of_heads_alone_is_bounded_by_the_rooms(desk):
    rooms = [await desk.room(f"AAA{number}") for number in range(100, 350)]
    for room in rooms:
        room.write(0, next_deadline_ms=77)
    await desk.flushed()
    assert [len(appends) for appends in desk.store.appends] == [100, 100, 50]
    assert {desk.memory._rooms[room.id].head.next_deadline_ms for room in rooms} == {77}


async def test_a_commit_is_bounded_and_no_room_is_left_behind(desk):
    rooms = [await desk.room(f"AAAAA{letter}") for letter in "ABCDEF"]
    for room in rooms:
        room.write(40)
    await desk.flushed()
    assert max(desk.commits) < ROWS_PER_COMMIT + 40
    assert len(desk.commits) == 2
    assert all(len(room.positions) == 41 for room in rooms)


@pytest.mark.parametrize("fault", ["before", "after"])
async def test_an_unknown_outcome_is_sent_again_with_the_same_rows_and_never_doubled(desk, fault):
    room = await desk.room("AAAAAA")
    desk.store.faults = [fault, fault, "before"]
    desk.store.log_ends_faults = [StoreUnavailableError("gone")] * 3
    room.write(2)
    await settle()
    room.write()
    await desk.flushed()
    assert room.positions == [1, 2, 3, 4]
    assert room.heard == [("committed", 3), ("committed", 4)]
    assert desk.store.appends[0] == desk.store.appends[1] == desk.store.appends[2]


@pytest.mark.parametrize("error", [StoreUnavailableError("gone"), StoreBusyError("busy")])
async def test_a_failure_between_append_and_log_ends_loses_nothing(desk, error):
    written, fenced, lost = await desk.room("AAAAAA"), await desk.room("BBBBBB"), await desk.room("CCCCCC")
    await desk.memory.claim("BBBBBB", desk.node_id)
    desk.store.log_ends_faults = [error]
    for room in (written, fenced, lost):
        room.write()
    await desk.flushed()
    assert written.heard == lost.heard == [("committed", 2)]
    assert fenced.heard == [("fenced",)]
    written.write()
    await desk.flushed()
    assert written.heard == [("committed", 2), ("committed", 3)]
    assert not desk.task.done()


async def test_an_unknown_outcome_followed_by_a_lock_is_settled_with_what_gathered_since(desk):
    room = await desk.room("AAAAAA")
    desk.store.faults = ["after", "busy", "busy"]
    desk.store.log_ends_faults = [StoreUnavailableError("gone")]
    room.write()
    while len(desk.store.appends) < 3:
        await asyncio.sleep(0.001)
    room.write()
    await desk.flushed()
    assert room.positions == [1, 2, 3]
    assert room.heard == [("committed", 2), ("committed", 3)]


async def test_what_a_resend_took_along_is_not_looked_for_again(desk):
    room = await desk.room("AAAAAA")
    desk.store.faults = ["after", "busy", "busy"]
    desk.store.log_ends_faults = [StoreUnavailableError("gone")]
    room.write()
    while len(desk.store.appends) < 3:
        await asyncio.sleep(0.001)
    room.write()
    desk.store.hang()
    while len(desk.store.appends) < 4:
        await asyncio.sleep(0.001)
    room.write()
    desk.store.go_on()
    await desk.flushed()
    await settle()
    assert room.positions == [1, 2, 3, 4]
    assert not desk.task.done()


async def test_rows_that_were_neither_written_nor_fenced_off_are_sent_again(desk):
    room = await desk.room("AAAAAA")
    desk.store.faults = ["ignored", "ignored"]
    room.write()
    await desk.flushed()
    assert room.heard == [("committed", 2)]
    assert len(desk.store.appends) == 3


async def test_a_locked_room_waits_alone_and_in_order(desk):
    locked, free = await desk.room("AAAAAA"), await desk.room("BBBBBB")
    desk.store.busy = {locked.id}
    locked.write()
    free.write()
    await settle()
    locked.write()
    free.write()
    await asyncio.sleep(10)
    assert free.heard[-1] == ("committed", 3)
    assert locked.heard == []
    desk.store.appends.clear()
    free.write()
    await settle()
    assert free.heard[-1] == ("committed", 4)
    assert [len(batch) for batch in desk.store.appends] == [1]
    desk.store.busy = set()
    await desk.flushed()
    assert locked.positions == [1, 2, 3]
    assert [name for name, *_ in locked.heard] == ["committed"] * len(locked.heard)


async def test_a_locked_room_is_tried_at_a_bounded_rate(desk):
    locked = await desk.room("AAAAAA")
    desk.store.busy = {locked.id}
    locked.write()
    await asyncio.sleep(10)
    assert 5 < len(desk.store.appends) < 60


async def test_refused_rows_drop_their_own_turn_and_all_after_it(desk):
    guilty, other = await desk.room("AAAAAA"), await desk.room("BBBBBB")
    desk.store.hang()
    other.write()
    await settle()
    guilty.write()
    guilty.write(2)
    guilty.write()
    other.write()
    desk.store.refused = lambda append: append.room_id == guilty.id and any(row.position == 3 for row in append.rows)
    desk.store.go_on()
    await desk.flushed()
    assert guilty.heard == [("committed", 2), ("refused", 4)]
    assert guilty.positions == [1, 2]
    assert guilty.writer.is_closed
    assert other.positions == [1, 2, 3]


async def test_a_lock_amid_refused_rows_delays_the_verdict(desk):
    guilty = await desk.room("AAAAAA")
    desk.store.hang()
    guilty.write()
    guilty.write()
    desk.store.refused = lambda append: any(row.position == 3 for row in append.rows)
    desk.store.faults = ["", "", "busy"]
    desk.store.go_on()
    await desk.flushed()
    assert guilty.heard[-1] == ("refused", 3)
    assert guilty.positions == [1, 2]


async def test_a_room_that_another_owner_has_is_fenced_and_nothing_more_is_written(desk):
    room, other = await desk.room("AAAAAA"), await desk.room("BBBBBB")
    await desk.memory.claim("AAAAAA", desk.node_id)
    room.write()
    other.write()
    await desk.flushed()
    room.write()
    await desk.flushed()
    assert room.heard == [("fenced",)]
    assert room.positions == [1]
    assert other.positions == [1, 2]


async def test_a_commit_of_nothing_but_what_was_fenced_off_before_it_began_is_none(desk):
    room, other = await desk.room("AAAAAA"), await desk.room("BBBBBB")
    room.write()
    room.writer.fence()
    await desk.flushed()
    assert desk.store.appends == []
    other.write()
    await desk.flushed()
    assert other.positions == [1, 2]


async def test_a_room_that_is_gone_is_fenced(desk):
    room = await desk.room("AAAAAA")
    del desk.memory._rooms[room.id]
    room.write()
    await desk.flushed()
    assert room.heard == [("fenced",)]


async def test_a_log_that_lost_records_is_given_up_and_not_tried_for_ever(desk):
    room = await desk.room("AAAAAA")
    room.write()
    await desk.flushed()
    desk.memory._rooms[room.id].log.pop()
    room.write()
    await desk.flushed()
    assert room.heard[-1] == ("fenced",)


async def test_a_bug_in_one_room_ends_that_room_and_not_the_journal(desk):
    guilty, other = await desk.room("AAAAAA"), await desk.room("BBBBBB")

    def fail(*_args):
        raise ZeroDivisionError

    guilty.listener.committed = fail
    guilty.write()
    other.write()
    await desk.flushed()
    assert guilty.heard == [("fenced",)]
    assert other.heard == [("committed", 2)]
    other.write()
    await desk.flushed()
    assert other.heard[-1] == ("committed", 3)


async def test_a_head_alone_is_written(desk):
    room = await desk.room("AAAAAA")
    room.write(0, next_deadline_ms=77)
    await desk.flushed()
    assert desk.memory._rooms[room.id].head.next_deadline_ms == 77
    assert room.heard == [("committed", 1)]


async def test_a_head_whose_outcome_is_unknown_is_written_again_since_no_log_tells_of_it(desk):
    room = await desk.room("AAAAAA")
    desk.store.faults = ["before", "ignored"]
    room.write(0, status="finished")
    await desk.flushed()
    assert room.writer.oldest_at is None
    assert desk.memory._rooms[room.id].head.status == "finished"


async def test_a_head_that_a_resend_took_along_is_written_when_the_log_tells_only_of_the_rows_before_it(desk):
    room = await desk.room("AAAAAA")
    desk.store.faults = ["after", "busy", "busy"]
    desk.store.log_ends_faults = [StoreUnavailableError("gone")]
    room.write()
    while len(desk.store.appends) < 3:
        await asyncio.sleep(0.001)
    room.write(0, next_deadline_ms=77)
    await desk.flushed()
    assert room.positions == [1, 2]
    assert desk.memory._rooms[room.id].head.next_deadline_ms == 77
    assert room.writer.oldest_at is None


async def test_a_flush_waits_for_a_locked_room(desk):
    room = await desk.room("AAAAAA")
    desk.store.busy = {room.id}
    room.write()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await desk.journal.flush()
    desk.store.busy = set()
    await desk.flushed()
    assert room.positions == [1, 2]


async def test_an_outcome_that_the_log_tells_is_not_sent_again(desk):
    room = await desk.room("AAAAAA")
    desk.store.faults = ["after"]
    room.write(2)
    await desk.flushed()
    assert room.heard == [("committed", 3)]
    assert len(desk.store.appends) == 1


async def test_a_room_that_the_store_cannot_write_harms_no_other(desk):
    poisoned, beside, later = [await desk.room(code) for code in ("AAAAAA", "BBBBBB", "CCCCCC")]
    desk.store.poisoned = {poisoned.id}
    started = desk.clock.seconds()
    poisoned.write()
    beside.write()
    while not beside.heard:
        await asyncio.sleep(0.001)
    for _ in range(50):
        later.write()
        while later.writer.oldest_at is not None:
            await asyncio.sleep(0.001)
    assert desk.clock.seconds() - started < 1
    assert poisoned.heard == []

    poisoned.write()
    desk.store.poisoned = set()
    await desk.flushed()
    assert poisoned.positions == [1, 2, 3]
    assert poisoned.heard[-1] == ("committed", 3)


async def test_a_room_that_the_store_cannot_write_is_tried_at_a_bounded_rate(desk):
    poisoned = await desk.room("AAAAAA")
    desk.store.poisoned = {poisoned.id}
    poisoned.write()
    await asyncio.sleep(30)
    assert 10 < len(desk.store.appends) < 80
    assert poisoned.heard == []


async def test_it_knows_for_how_long_the_store_takes_nothing_of_anybody(desk):
    room, other, quiet = [await desk.room(code) for code in ("AAAAAA", "BBBBBB", "CCCCCC")]
    room.write()
    await desk.flushed()
    assert desk.journal.fullness.seconds() == 0.0
    desk.store.is_full = True
    room.write()
    other.write()
    await asyncio.sleep(10)
    quiet.write(count=0)
    await asyncio.sleep(1)
    assert quiet.heard, "what needs no room is written, and says nothing of the rest"
    assert desk.journal.fullness.seconds() == pytest.approx(11, abs=0.5)
    desk.store.is_full = False
    await asyncio.sleep(1)
    assert desk.journal.fullness.seconds() == 0.0
    assert room.heard[-1] == ("committed", 3)
    assert other.heard[-1] == ("committed", 2)


async def test_a_refusal_is_forgotten_when_there_is_nothing_to_try_again(desk):
    room = await desk.room("AAAAAA")
    desk.store.is_full = True
    room.write()
    await asyncio.sleep(5)
    assert desk.journal.fullness.seconds() > 4
    room.writer.fence()
    await desk.flushed()
    assert desk.journal.fullness.seconds() > 4
    await asyncio.sleep(6)
    assert desk.journal.fullness.seconds() == 0.0
    other = await desk.room("BBBBBB")
    other.write()
    await asyncio.sleep(1)
    assert 0 < desk.journal.fullness.seconds() < 1.1, "it counts from the first refusal after that"


async def test_a_room_that_is_poisoned_says_nothing_of_the_store(desk):
    room = await desk.room("AAAAAA")
    desk.store.poisoned = {room.id}
    room.write()
    await asyncio.sleep(5)
    assert desk.journal.fullness.seconds() == 0.0


async def test_what_is_tried_again_and_again_is_told_once(desk):
    rooms = [await desk.room(code) for code in ("AAAAAA", "BBBBBB", "CCCCCC")]
    desk.store.is_full = True
    with capture_logs() as said:
        for room in rooms:
            room.write()
        await asyncio.sleep(30)
    assert len(said) == 1, said


async def test_many_locked_rooms_do_not_hold_up_the_others(desk):
    locked = [await desk.room(f"LOCKE{number}") for number in range(5)]
    free = await desk.room("AAAAAA")
    desk.store.busy, desk.store.busy_seconds = {room.id for room in locked}, 0.3
    for room in locked:
        room.write()
    # Each is found locked once in the common lane.
    await asyncio.sleep(3)
    waits = []
    for _ in range(20):
        started = desk.clock.seconds()
        free.write()
        while free.writer.oldest_at is not None:
            await asyncio.sleep(0.001)
        waits.append(desk.clock.seconds() - started)
        for room in locked:
            room.write()
        await asyncio.sleep(0.05)
    assert max(waits) < 0.1
    desk.store.busy = set()
    await desk.flushed()
    assert all(room.positions == list(range(1, 23)) for room in locked)


async def test_rooms_that_are_found_locked_together_do_not_shut_the_gate_of_those_beside_them(desk):
    locked = [await desk.room(f"LOCKE{number}") for number in range(5)]
    free = await desk.room("AAAAAA")
    desk.store.busy, desk.store.busy_seconds = {room.id for room in locked}, 0.3
    started = desk.clock.seconds()
    for room in (*locked, free):
        room.write()
    while not free.heard:
        await asyncio.sleep(0.001)
    assert desk.clock.seconds() - started < SHUT_SECONDS
    desk.store.busy = set()
    await desk.flushed()
    assert all(room.positions == [1, 2] for room in (*locked, free))


async def test_while_the_store_is_wholly_away_nothing_is_dropped_and_no_room_is_singled_out(desk):
    rooms = [await desk.room(code) for code in ("AAAAAA", "BBBBBB", "CCCCCC")]
    desk.store.is_away = True
    for room in rooms:
        room.write()
    await asyncio.sleep(20)
    assert {len(batch) for batch in desk.store.appends} == {3}
    desk.store.is_away = False
    await desk.flushed()
    assert [room.heard for room in rooms] == [[("committed", 2)]] * 3


async def test_what_is_written_while_the_room_is_found_locked_is_in_one_lane_only(desk):
    room = await desk.room("AAAAAA")
    desk.store.busy, desk.store.busy_seconds = {room.id}, 0.05
    room.write()
    await asyncio.sleep(0.01)
    room.write()
    while room.writer not in desk.journal._tries:
        await asyncio.sleep(0.001)
    assert len(desk.store.appends) == 2
    desk.store.busy = set()
    await desk.flushed()
    assert room.positions == [1, 2, 3]


async def test_what_is_written_while_a_room_that_was_locked_gets_in_is_written_behind_it(desk):
    room = await desk.room("AAAAAA")
    desk.store.busy = {room.id}
    room.write()
    while room.writer not in desk.journal._tries:
        await asyncio.sleep(0.001)
    desk.store.busy = set()
    desk.store.hang()
    tries = len(desk.store.appends)
    while len(desk.store.appends) == tries:
        await asyncio.sleep(0.001)
    room.write()
    desk.store.go_on()
    await desk.flushed()
    assert room.positions == [1, 2, 3]
    assert room.heard == [("committed", 2), ("committed", 3)]


@pytest.mark.parametrize("ask", ["append", "log_ends"])
async def test_a_room_that_is_fenced_while_the_store_answers_is_no_error(desk, ask):
    """The node's own look after a lapse may be quicker than an answer that is under way."""
    room = await desk.room("ABC234")
    if ask == "log_ends":
        desk.store.faults = ["after"]
    asked = asyncio.Event()

    async def answer_late(*args, **kwargs):
        outcome = await getattr(FaultyStore, ask)(desk.store, *args, **kwargs)
        asked.set()
        await asyncio.sleep(1.0)
        return outcome

    setattr(desk.store, ask, answer_late)
    with capture_logs() as said:
        room.write()
        await asked.wait()
        room.writer.fence()
        await desk.flushed()
        await settle()
    assert room.heard == [("fenced",)]
    assert not [line for line in said if line["log_level"] == "error"]


class TestAge:
    async def test_it_is_that_of_the_oldest_row_that_waits(self, desk):
        room, other = await desk.room("AAAAAA"), await desk.room("BBBBBB")
        assert desk.journal.age() == 0.0
        desk.store.hang()
        room.write()
        await asyncio.sleep(1.5)
        other.write()
        await asyncio.sleep(1.0)
        assert desk.journal.age() == pytest.approx(2.5)
        desk.store.go_on()
        await desk.flushed()
        assert desk.journal.age() == 0.0

    async def test_it_grows_while_the_same_rows_are_sent_again(self, desk):
        room = await desk.room("AAAAAA")
        desk.store.is_away = True
        room.write()
        await asyncio.sleep(3.0)
        assert desk.journal.age() == pytest.approx(3.0)
        desk.store.is_away = False
        await desk.flushed()
        assert desk.journal.age() == 0.0

    async def test_a_room_that_waits_for_itself_does_not_count(self, desk):
        locked, free = await desk.room("AAAAAA"), await desk.room("BBBBBB")
        desk.store.busy, desk.store.busy_seconds = {locked.id}, 0.3
        locked.write()
        await asyncio.sleep(3.0)
        free.write()
        await settle()
        assert desk.journal.age() < 0.5
        assert locked.positions == [1]
