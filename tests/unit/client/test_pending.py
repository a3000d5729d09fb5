"""Commands without a reply: which is sent next, and what becomes of them when the connection is lost."""

import pytest

from votegame.client.errors import QueueFull
from votegame.client.pending import Kind, Pending, PendingCommands


def command(name: str, kind: Kind = Kind.LASTING) -> Pending:
    return Pending({"type": "x", "id": name}, kind)


async def test_they_are_sent_in_the_order_in_which_they_were_given_and_rooms_first():
    pending = PendingCommands(10)
    first, second, resume = command("a"), command("b"), command("r", Kind.RESUME)
    for one in (first, second, resume):
        pending.add(one)
    sent = []
    while one := pending.next(1.0):
        one.sent_at = 1.0
        sent.append(one)
    assert sent == [resume, first, second]


async def test_one_that_is_to_wait_holds_up_no_other():
    pending = PendingCommands(10)
    first, second = command("a"), command("b")
    pending.add(first)
    pending.add(second)
    first.send_again(5.0)
    second.send_again(3.0)
    assert pending.next(1.0) is None
    assert pending.next_due() == 3.0
    assert pending.next(3.0) is second
    assert pending.next(5.0) is first


async def test_there_is_a_bound_for_what_others_give_and_none_for_what_restores_a_room():
    pending = PendingCommands(2)
    for one in (command("a"), command("b"), command("r", Kind.RESUME), command("p", Kind.MOMENT)):
        pending.add(one)
    with pytest.raises(QueueFull):
        pending.add(command("c"))
    assert pending.get("c") is None
    pending.drop(pending.get("a"))
    pending.add(command("c"))


async def test_after_a_lost_connection_what_lasts_is_sent_again_and_the_rest_is_gone():
    pending = PendingCommands(10)
    sent, waiting, later = command("a"), command("b"), command("c")
    resume, ping = command("r", Kind.RESUME), command("p", Kind.MOMENT)
    for one in (sent, waiting, later, resume, ping):
        pending.add(one)
    sent.sent_at = resume.sent_at = ping.sent_at = 1.0
    later.send_again(9.0)
    assert pending.lost() == [resume, ping]
    assert list(pending) == [sent, waiting, later]
    assert pending.next(2.0) is sent
    # What the server has asked to wait for is waited for on the next connection as well.
    assert later.due == 9.0


async def test_overdue_is_what_was_sent_long_ago():
    pending = PendingCommands(10)
    for name in ("a", "b", "c"):
        pending.add(command(name))
    pending.get("a").sent_at, pending.get("b").sent_at = 1.0, 5.0
    assert pending.overdue(8.5, 7.0) == [pending.get("a")]
