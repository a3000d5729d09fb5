from votegame.cluster.outlets import Outlets
from votegame.rooms.ports import Origin, ReplyFrame, RoomFrame


class Kept:
    def __init__(self):
        self.told = []

    def deliver(self, deliveries):
        self.told += deliveries


def test_replies_to_requests_go_to_who_waits_and_all_else_to_the_sockets_in_order():
    sockets, requests = Kept(), Kept()
    of_socket = ReplyFrame(origin=Origin("c1", 1), data=b"1")
    of_request = ReplyFrame(origin=Origin(None, 1), data=b"2")
    event = RoomFrame(room_code="ABC234", data=b"3", durable=True)
    outlets = Outlets(sockets=sockets, requests=requests)
    outlets.deliver([of_request, of_socket, event])
    outlets.deliver([event, of_socket])
    assert sockets.told == [of_socket, event, event, of_socket]
    assert requests.told == [of_request]
