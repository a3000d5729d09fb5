from tests.contract.store_kit import a_head, a_row
from tests.fakes import a_writer


def put(writer, *positions, now=0.0, deadline=None):
    writer.put(tuple(a_row(position) for position in positions), a_head(next_deadline_ms=deadline), now)


def test_all_that_gathered_is_one_append_with_the_last_head():
    writer, _ = a_writer("r", epoch=3, committed=4)
    put(writer, 5, deadline=1)
    put(writer, 6, 7, deadline=2)
    append = writer.take()
    assert [row.position for row in append.rows] == [5, 6, 7]
    assert (append.epoch, append.base, append.head.next_deadline_ms) == (3, 4, 2)


def test_what_gathers_while_a_commit_is_under_way_is_not_settled_with_it():
    writer, listener = a_writer("r")
    put(writer, 1, now=1.0)
    append = writer.take()
    put(writer, 2, now=2.0)
    writer.settle(append, 10)
    assert listener.heard == [("committed", 1)]
    assert writer.oldest_at == 2.0
    assert [row.position for row in writer.take().rows] == [2]


def test_a_room_is_told_for_how_long_the_oldest_of_what_is_kept_has_waited():
    writer, listener = a_writer("r")
    told = []
    listener.committed = lambda *what: told.append(what)
    put(writer, 1, now=1.0)
    put(writer, 2, now=5.0)
    writer.settle(writer.take(), 10)
    assert told == [(2, 10, 1.0)]


def test_an_append_that_was_put_back_is_taken_again_with_what_came_after():
    writer, _ = a_writer("r")
    put(writer, 1, now=1.0)
    writer.take()
    put(writer, 2, now=2.0)
    append = writer.take()
    assert ([row.position for row in append.rows], append.base) == ([1, 2], 0)
    assert writer.oldest_at == 1.0


def test_a_head_without_rows_is_settled_by_its_own_append_only():
    writer, listener = a_writer("r")
    put(writer, 1)
    put(writer, deadline=7)
    writer.take()
    writer.settle(writer.first_turn(), 10)
    assert listener.heard == [("committed", 1)]
    rest = writer.first_turn()
    assert (rest.rows, rest.base, rest.head.next_deadline_ms) == ((), 1, 7)
    writer.settle(rest, 11)
    assert writer.oldest_at is None


def test_a_head_goes_along_only_when_it_is_another_than_the_one_that_was_kept():
    writer, _ = a_writer("r")
    heads = []
    for position, deadline in enumerate((7, 7, 8, 8, 7), 1):
        put(writer, position, deadline=deadline)
        append = writer.take()
        writer.settle(append, 10)
        heads.append(append.head and append.head.next_deadline_ms)
    assert heads == [7, None, 8, None, 7]


def test_a_head_goes_along_again_when_another_one_may_have_been_written_meanwhile():
    writer, _ = a_writer("r")
    put(writer, 1, deadline=7)
    writer.settle(writer.take(), 10)
    put(writer, deadline=8)
    writer.take()  # its outcome stays unknown
    put(writer, 2, deadline=7)
    assert writer.take().head.next_deadline_ms == 7


def test_a_head_without_rows_goes_along_again_with_the_next_rows():
    """It did not move the end of the log, so an earlier one, believed to be lost, may have arrived after it."""
    writer, _ = a_writer("r")
    put(writer, 1, deadline=7)
    writer.settle(writer.take(), 10)
    put(writer, deadline=8)
    writer.settle(writer.take(), 11)
    put(writer, 2, deadline=8)
    assert writer.take().head.next_deadline_ms == 8


def test_a_head_goes_along_again_after_rows_of_which_only_the_log_tells():
    writer, _ = a_writer("r")
    put(writer, 1, deadline=7)
    writer.settle(writer.take(), 10)
    put(writer, 2, deadline=8)
    writer.take()
    assert writer.settle_up_to(2, 11)
    put(writer, 3, deadline=7)
    assert writer.take().head.next_deadline_ms == 7


def test_turns_that_an_earlier_sending_wrote_are_settled_and_the_rest_stays():
    writer, listener = a_writer("r", committed=2)
    put(writer, 3, 4, now=1.0)
    writer.take()
    put(writer, 5, now=2.0)
    writer.take()
    assert writer.settle_up_to(4, 10)
    assert listener.heard == [("committed", 4)]
    assert not writer.is_settled
    rest = writer.take()
    assert ([row.position for row in rest.rows], rest.base) == ([5], 4)


def test_a_turn_that_is_sent_by_itself_is_settled_with_all_that_an_earlier_sending_wrote():
    writer, listener = a_writer("r", committed=2)
    put(writer, 3)
    put(writer, 4)
    writer.take()
    writer.first_turn()
    assert writer.settle_up_to(4, 10)
    assert listener.heard == [("committed", 4)]
    assert writer.is_settled


def test_a_log_that_ends_elsewhere_than_a_turn_is_not_ours():
    writer, listener = a_writer("r", committed=2)
    put(writer, 3, 4)
    writer.take()
    assert not writer.settle_up_to(3, 10)
    assert not writer.settle_up_to(1, 10)
    assert not writer.settle_up_to(5, 10)
    assert listener.heard == []


def test_the_end_of_a_writer_is_told_once_and_drops_everything():
    writer, listener = a_writer("r")
    put(writer, 1)
    append = writer.take()
    put(writer, 2)
    writer.refuse(append)
    writer.fence()
    assert listener.heard == [("refused", 1)]
    assert writer.is_closed
    assert writer.oldest_at is None


def test_a_head_goes_along_again_when_another_one_has_come_before_it():
    """Sent by itself, the other one may have got in, and what was sent together may come late."""
    writer, _ = a_writer("r")
    put(writer, 1, deadline=7)
    writer.settle(writer.take(), 10)
    put(writer, deadline=1)
    put(writer, 2, deadline=7)
    assert writer.take().head.next_deadline_ms == 7
