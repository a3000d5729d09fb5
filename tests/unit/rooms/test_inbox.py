from votegame.game.commands import CreateRoom, LeaveRoom
from votegame.game.messages import Creation, FromUser, User
from votegame.rooms.inbox import INBOX_ENTRIES, ConnectionLost, Inbox, Request, Subscription
from votegame.rooms.ports import Origin

USER = User("u", "Ada")


def a_request(command=None, received_at=0.0):
    return Request(Origin("c", 1), USER, command or LeaveRoom(id="1", room_code="ABC234"), received_at)


def test_first_in_first_out():
    inbox = Inbox()
    one, lost, two = a_request(), ConnectionLost("u", "c"), a_request()
    assert inbox.offer(one)
    assert inbox.offer(lost)
    assert inbox.offer(two)
    assert inbox.take() is one
    assert inbox.take_all() == [lost, two]
    assert len(inbox) == 0
    assert inbox.take() is None


def test_a_full_inbox_refuses_commands_and_takes_what_the_house_says():
    inbox = Inbox()
    for _ in range(INBOX_ENTRIES):
        assert inbox.offer(a_request())
    assert not inbox.offer(a_request())
    assert inbox.offer(ConnectionLost("u", "c"))
    assert len(inbox) == INBOX_ENTRIES + 1
    assert isinstance(inbox.take_all()[-1], ConnectionLost)


def test_the_rules_are_told_of_a_creation_as_such():
    create = CreateRoom(id="1")
    assert a_request(create).message() == Creation(USER, create)
    leave = LeaveRoom(id="1", room_code="ABC234")
    assert a_request(leave).message() == FromUser(USER, leave)


def test_it_knows_whether_a_command_waits_that_came_by_then():
    inbox = Inbox()
    inbox.offer(ConnectionLost("u", "c"))
    assert not inbox.holds_from_before(9.0)
    inbox.offer(a_request(received_at=1.0))
    inbox.offer(a_request(received_at=2.0))
    assert inbox.holds_from_before(1.0)
    assert not inbox.holds_from_before(0.9)


def test_what_other_nodes_have_asked_can_be_taken_out_and_what_is_this_nodes_own_stays():
    inbox = Inbox()
    own, lost = a_request(), ConnectionLost("u", "c")
    missed = Subscription(node_id="one", room_code="ABC234", ref=1, place=None, sockets={}, received_at=0.0)
    asked = Request(Origin("c", 1, "two"), USER, LeaveRoom(id="1", room_code="ABC234"), 0.0)
    for entry in (own, missed, lost, asked, missed):
        inbox.offer(entry)
    assert inbox.take_strangers() == ("one", "two")
    assert inbox.take_all() == [own, lost]
