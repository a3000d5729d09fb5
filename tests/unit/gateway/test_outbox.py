"""Outboxes: one write per turn, bounded, mute without a lease."""

import pytest

from tests.fakes_gateway import FakeTransport
from votegame.gateway.outbox import STUCK_SECONDS, Flusher, Frame, Outbox
from votegame.wire.limits import Limits


class Desk:
    """One outbox, and all that it needs."""

    def __init__(self, **limits) -> None:
        self.has_lease = True
        self.too_slow = 0
        self.transport = FakeTransport()
        self.flusher = Flusher(lambda: self.has_lease)
        self.outbox = self.transport.protocol = Outbox(self.transport, Limits(**limits), self.flusher, self.count_slow)

    def count_slow(self):
        self.too_slow += 1

    def hold(self):
        """The transport holds back a frame."""
        self.transport.takes = False
        self.outbox.put(Frame(b"0"))
        self.flusher.flush_marked()


@pytest.fixture
async def desk():
    return Desk()


async def test_what_is_ready_in_a_turn_leaves_in_one_write_in_order(desk):
    for data in (b"1", b"2", b"3"):
        desk.outbox.put(Frame(data))
    desk.flusher.flush_marked()

    assert desk.transport.writes == [b"123"]


async def test_a_single_frame_is_written_without_a_copy(desk):
    frame = Frame(b"the same bytes for all")
    desk.outbox.put(frame)
    desk.flusher.flush_marked()

    assert desk.transport.writes[0] is frame.data


async def test_nothing_more_is_given_to_a_transport_that_holds_back_and_all_at_once_when_it_does_not(desk):
    desk.transport.takes = False
    for data in (b"1", b"2", b"3"):
        desk.outbox.put(Frame(data))
        desk.flusher.flush_marked()
    assert desk.transport.writes == [b"1"]

    desk.transport.take_again()
    assert desk.transport.writes == [b"1", b"23"]


async def test_what_waited_for_the_socket_needs_the_lease_when_it_leaves(desk):
    desk.transport.takes = False
    desk.outbox.put(Frame(b"1"))
    desk.flusher.flush_marked()
    desk.outbox.put(Frame(b"notice", durable=False))
    desk.has_lease = False
    desk.transport.take_again()

    assert b"notice" not in desk.transport.written


async def test_what_a_transport_holds_back_from_before_counts():
    transport, flusher = FakeTransport(), Flusher(lambda: True)
    transport.takes = False
    transport.write(b"of an answer to what came before the upgrade")
    outbox = transport.protocol = Outbox(transport, Limits(), flusher, lambda: None)
    outbox.put(Frame(b"1"))
    flusher.flush_marked()
    assert len(transport.writes) == 1

    transport.take_again()
    assert transport.writes[1:] == [b"1"]


async def test_many_frames_in_one_turn_are_no_sign_of_slowness():
    desk = Desk(outbox_frames=3)
    for _ in range(10):
        desk.outbox.put(Frame(b"x"))
    desk.flusher.flush_marked()

    assert (desk.too_slow, desk.transport.written) == (0, b"x" * 10)


async def test_a_full_outbox_is_too_slow():
    desk = Desk(outbox_frames=3)
    desk.hold()
    for _ in range(3):
        desk.outbox.put(Frame(b"x"))
    assert desk.too_slow == 0

    desk.outbox.put(Frame(b"x"))
    assert desk.too_slow == 1


async def test_bytes_are_bounded_but_one_frame_always_fits():
    desk = Desk(outbox_bytes=10)
    desk.hold()
    desk.outbox.put(Frame(b"x" * 1_000))
    assert desk.too_slow == 0

    desk.outbox.put(Frame(b"x"))
    assert desk.too_slow == 1


async def test_what_has_left_does_not_count_against_what_waits():
    desk = Desk(outbox_bytes=10)
    for _ in range(10):
        desk.outbox.put(Frame(b"x" * 5))
        desk.flusher.flush_marked()
    desk.hold()
    desk.outbox.put(Frame(b"x" * 5))
    desk.outbox.put(Frame(b"x" * 5))
    assert desk.too_slow == 0

    desk.outbox.put(Frame(b"x"))
    assert desk.too_slow == 1


async def test_nothing_follows_the_close_frame_of_one_who_is_too_slow():
    desk = Desk(outbox_frames=1)
    desk.outbox._too_slow = lambda: desk.outbox.end(b"close", is_lease_valid=True, drop=True)
    desk.hold()
    desk.outbox.put(Frame(b"1"))
    desk.outbox.put(Frame(b"2"))
    desk.transport.take_again()
    desk.flusher.flush_marked()
    assert desk.transport.written == b"0close"


async def test_a_socket_that_takes_nothing_is_given_up(desk):
    desk.transport.takes = False
    desk.outbox.put(Frame(b"1"))
    desk.flusher.flush_marked()
    desk.flusher.sweep(100.0)
    desk.flusher.sweep(100.0 + STUCK_SECONDS - 0.1)
    assert desk.too_slow == 0

    desk.flusher.sweep(100.0 + STUCK_SECONDS)
    assert desk.too_slow == 1


async def test_progress_begins_the_wait_anew(desk):
    desk.hold()
    desk.flusher.sweep(100.0)
    desk.transport.take_again()
    desk.hold()
    desk.flusher.sweep(115.0)
    desk.flusher.sweep(134.0)
    assert desk.too_slow == 0

    desk.flusher.sweep(135.0)
    assert desk.too_slow == 1


async def test_nothing_is_waited_for_where_the_connection_has_ended_or_is_lost(desk):
    lost = Desk()
    lost.outbox._flusher = desk.flusher
    for each in (desk, lost):
        each.hold()
    desk.flusher.sweep(100.0)
    desk.outbox.end(b"last", is_lease_valid=True)
    lost.outbox.release()
    desk.flusher.sweep(200.0)

    assert (desk.too_slow, lost.too_slow) == (0, 0)
    assert not desk.flusher._watched


async def test_without_a_lease_only_durable_frames_leave(desk):
    desk.outbox.put(Frame(b"kept"))
    desk.outbox.put(Frame(b"notice", durable=False))
    desk.outbox.put(Frame(b"reply", durable=False, command_id="7"))
    desk.has_lease = False
    desk.flusher.flush_marked()

    assert b"notice" not in desk.transport.written
    assert b"reply" not in desk.transport.written
    assert desk.transport.written.startswith(b"kept")
    assert b'"id":"7","code":"unavailable"' in desk.transport.written


async def test_a_lone_frame_that_may_not_leave_is_dropped(desk):
    desk.outbox.put(Frame(b"notice", durable=False))
    desk.has_lease = False
    desk.flusher.flush_marked()

    assert desk.transport.written == b""


async def test_after_the_end_nothing_is_taken(desk):
    desk.outbox.put(Frame(b"before "))
    desk.outbox.end(b"last", is_lease_valid=True)
    desk.outbox.put(Frame(b"after"))
    desk.outbox.end(b"again", is_lease_valid=True)
    desk.flusher.flush_marked()

    assert desk.transport.written == b"before last"


async def test_what_waits_can_be_dropped_at_the_end(desk):
    desk.outbox.put(Frame(b"before"))
    desk.outbox.end(b"last", is_lease_valid=True, drop=True)

    assert desk.transport.written == b"last"


async def test_a_closed_transport_is_not_written(desk):
    desk.outbox.put(Frame(b"x"))
    desk.transport.close()
    desk.flusher.flush_marked()
    desk.outbox.put(Frame(b"y"))
    desk.outbox.end(b"last", is_lease_valid=True)

    assert desk.transport.written == b""


async def test_a_broken_socket_does_not_keep_others_from_being_flushed():
    broken, sound = Desk(), Desk()
    sound.outbox._flusher = broken.flusher
    broken.transport.write = None
    broken.outbox.put(Frame(b"x"))
    sound.outbox.put(Frame(b"x"))
    broken.flusher.flush_marked()

    assert broken.transport.is_aborted
    assert sound.transport.written == b"x"


async def test_a_frame_to_many_leaves_at_once_where_nothing_waits(desk):
    desk.flusher.send(Frame(b"now"), [desk.outbox])
    assert desk.transport.writes == [b"now"]


async def test_a_frame_to_many_leaves_after_what_was_there_before(desk):
    other = Desk()
    other.outbox._flusher = desk.flusher
    other.outbox.put(Frame(b"a reply"))
    desk.outbox.put(Frame(b"first"))
    desk.flusher.send(Frame(b"second"), [desk.outbox])
    assert (desk.transport.writes, other.transport.writes) == ([b"first", b"second"], [b"a reply"])


async def test_a_frame_to_many_waits_where_the_transport_holds_back_and_such_a_socket_is_given_up(desk):
    desk.transport.takes = False
    for data in (b"1", b"2", b"3"):
        desk.flusher.send(Frame(data), [desk.outbox])
    assert desk.transport.writes == [b"1"]

    desk.flusher.sweep(100.0)
    desk.flusher.sweep(100.0 + STUCK_SECONDS)
    assert desk.too_slow == 1


async def test_a_socket_that_holds_back_the_only_frame_to_many_is_given_up_too(desk):
    desk.transport.takes = False
    desk.flusher.send(Frame(b"1"), [desk.outbox])
    desk.flusher.sweep(100.0)
    desk.flusher.sweep(100.0 + STUCK_SECONDS)
    assert desk.too_slow == 1


async def test_a_frame_to_many_is_for_nobody_who_has_ended_or_is_lost(desk):
    lost = Desk()
    lost.outbox.release()
    desk.outbox.end(b"last", is_lease_valid=True)
    desk.flusher.send(Frame(b"late"), [desk.outbox, lost.outbox])
    desk.flusher.flush_marked()
    lost.flusher.flush_marked()
    assert (desk.transport.written, lost.transport.written) == (b"last", b"")


async def test_a_broken_socket_does_not_keep_others_from_a_frame_to_many():
    broken, sound = Desk(), Desk()
    broken.transport.write = None
    broken.flusher.send(Frame(b"x"), [broken.outbox, sound.outbox])

    assert broken.transport.is_aborted
    assert sound.transport.written == b"x"


async def test_a_frame_to_many_does_not_overtake_what_waits_for_a_socket_that_takes_again(desk):
    desk.transport.takes = False
    for data in (b"1", b"2"):
        desk.flusher.send(Frame(data), [desk.outbox])
    desk.transport.takes = True
    desk.flusher.send(Frame(b"3"), [desk.outbox])
    desk.transport.take_again()
    assert desk.transport.writes == [b"1", b"23"]
