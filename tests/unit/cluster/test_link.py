"""Numbers, and what is missing among them."""

import pytest

from votegame.cluster.envelope import ENVELOPE_BYTES, Envelope
from votegame.cluster.link import DOWN_SECONDS, QUEUE_BYTES, Link


def a_link(epoch=100):
    return Link(0.0, epoch=epoch)


def an_envelope(epoch, number):
    return Envelope(version=1, sender="a", receiver="b", epoch=epoch, number=number, until_ms=0, messages=())


def arrivals(link, *places):
    return [link.arrived(an_envelope(*place), 1.0) for place in places]


class TestReceiving:
    def test_envelopes_are_taken_in_their_order(self):
        assert arrivals(a_link(), (5, 1), (5, 2), (5, 3)) == ["next", "next", "next"]

    def test_what_comes_twice_or_too_late_is_dropped(self):
        assert arrivals(a_link(), (5, 1), (5, 2), (5, 2), (5, 1), (4, 9)) == ["next", "next", "old", "old", "old"]

    def test_after_a_gap_nothing_of_the_epoch_is_taken_any_more(self):
        link = a_link()
        assert arrivals(link, (5, 1), (5, 3), (5, 4)) == ["next", "gap", "gap"]
        assert link.broken_epoch == 5
        assert arrivals(link, (5, 2), (6, 1), (6, 2)) == ["old", "new epoch", "next"]
        assert link.broken_epoch is None

    def test_an_epoch_whose_beginning_is_missing_is_broken_from_the_start(self):
        link = a_link()
        assert arrivals(link, (5, 1), (6, 2)) == ["next", "gap"]
        assert link.broken_epoch == 6

    def test_the_first_thing_that_is_heard_may_be_a_gap(self):
        assert arrivals(a_link(), (5, 3)) == ["gap"]

    def test_what_cannot_be_used_breaks_the_epoch_off(self):
        link = a_link()
        arrivals(link, (5, 1))
        link.break_off()
        assert arrivals(link, (5, 2), (6, 1)) == ["gap", "new epoch"]

    def test_it_is_down_when_nothing_new_was_heard_for_three_seconds(self):
        link = a_link()
        arrivals(link, (5, 1))
        assert not link.is_down(1.0 + DOWN_SECONDS)
        link.arrived(an_envelope(5, 1), 2.0)
        assert link.is_down(1.1 + DOWN_SECONDS)


class TestSending:
    def test_what_was_put_is_taken_together_and_numbered(self):
        link = a_link()
        assert link.put(b"1")
        assert link.put(b"2")
        assert link.take() == (100, 1, [b"1", b"2"])
        assert link.take() == (100, 2, [])

    def test_an_envelope_is_never_too_large_for_who_opens_it(self):
        link = a_link()
        half = b"x" * (ENVELOPE_BYTES // 2)
        link.put(half)
        link.put(half)
        assert link.take()[2] == [half]
        assert link.has_queued
        assert link.take()[2] == [half]
        assert not link.has_queued

    def test_after_a_failure_an_epoch_begins_and_nothing_is_sent_until_it_was_asked_for_again(self):
        link = a_link()
        link.put(b"1")
        link.take()
        link.put(b"2")
        link.sending_failed()
        assert link.is_to_resync
        assert not link.put(b"3")
        link.is_to_resync = False
        assert link.put(b"4")
        assert link.take() == (101, 1, [b"4"])

    @pytest.mark.parametrize("size", [1_000, QUEUE_BYTES // 4])
    def test_a_queue_that_is_full_is_thrown_away(self, size):
        link = a_link()
        message = b"x" * size
        taken = 0
        while link.put(message):
            taken += 1
        assert taken == QUEUE_BYTES // size
        assert not link.has_queued
        assert link.epoch == 101
