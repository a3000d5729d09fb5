"""Who listens to the rooms of this node from elsewhere: the owner's side of a forwarded command.

An outlet of the rooms: what is for this node's own gateway goes there, and what is for another one, once for all of its
connections, over the link to it.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import assert_never

from msgspec import Raw

from votegame.clock import Clock
from votegame.cluster.envelope import (
    CloseSockets,
    Detached,
    Forward,
    Lost,
    NotHere,
    Published,
    Replied,
    ResumedRoom,
    Subscribe,
    ToGateway,
    ToOwner,
    UnreadableForward,
    Unsubscribe,
)
from votegame.cluster.links import Links
from votegame.errors import ErrorCode
from votegame.game.messages import User
from votegame.ids import ConnectionId, NodeId, RoomCode, UserId
from votegame.rooms.inbox import ConnectionLost, Request, Subscription
from votegame.rooms.ports import (
    CloseAttached,
    Delivery,
    Detach,
    Moved,
    Origin,
    Outlet,
    Place,
    ReplyFrame,
    Resumed,
    RoomFrame,
    WhisperFrame,
)
from votegame.rooms.registry import Registry
from votegame.wire.errors import door_details, error_frame

_Listeners = dict[NodeId, dict[ConnectionId, UserId]]


class Audience:
    """The connections of other nodes that are attached to rooms of this one."""

    def __init__(self, *, links: Links, clock: Clock, here: Outlet) -> None:
        """Make it without a registry; `start` gives it one. `here` is the outlet to this node's own gateway."""
        self._links = links
        self._clock = clock
        self._here = here
        self._listeners: dict[RoomCode, _Listeners] = {}
        self._registry: Registry | None = None

    def start(self, registry: Registry) -> None:
        """Give commands to the rooms of `registry`."""
        self._registry = registry

    def nodes(self) -> Collection[NodeId]:
        """The nodes that have any of the connections."""
        return list(dict.fromkeys(node_id for listeners in self._listeners.values() for node_id in listeners))

    def counts(self) -> Mapping[RoomCode, Mapping[NodeId, int]]:
        """How many connections each node has to each room."""
        return {room_code: self.counts_of(room_code) for room_code in self._listeners}

    def counts_of(self, room_code: RoomCode) -> Mapping[NodeId, int]:
        """How many connections each node has to one room."""
        return {node_id: len(connections) for node_id, connections in self._listeners.get(room_code, {}).items()}

    def deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Take what leaves a room at once, in order. Never blocks, never raises."""
        here = [delivery for delivery in deliveries if not _is_for_another(delivery)]
        if here:
            self._here.deliver(here)
        for delivery in deliveries:
            self._deliver(delivery)

    def _deliver(self, delivery: Delivery) -> None:
        match delivery:
            case ReplyFrame(origin=Origin(node_id=None)):
                pass
            case ReplyFrame():
                self._reply(delivery)
            case RoomFrame(room_code=room_code):
                self._tell_all(room_code, _published(delivery))
            case WhisperFrame():
                self._whisper(delivery)
            case Detach(room_code, user_id):
                self._tell_all(room_code, Detached(room_code=room_code, user_id=user_id))
                self._detach(room_code, user_id)
            case CloseAttached(room_code, close_code):
                self._tell_all(room_code, CloseSockets(room_code=room_code, close_code=close_code))
                self._listeners.pop(room_code, None)
            case Moved(room_code, asking):
                told = dict.fromkeys((*self._listeners.pop(room_code, ()), *asking))
                self._links.send_all(told, NotHere(room_code=room_code))
            case Resumed():
                self._resume(delivery)
            case _:
                assert_never(delivery)

    def _reply(self, reply: ReplyFrame) -> None:
        node_id, connection_id, attached = reply.origin.node_id, reply.origin.connection_id, reply.attached
        assert node_id is not None
        if attached is not None and reply.attach is not None and connection_id is not None:
            listeners = self._listeners.setdefault(reply.attach, {})
            listeners.setdefault(node_id, {})[connection_id] = attached.user_id
        message = Replied(
            room_code=reply.room_code or RoomCode(""),
            token=reply.origin.token,
            connection_id=connection_id,
            frame=Raw(reply.data),
            durable=reply.durable,
            user_id=None if attached is None else attached.user_id,
            stream=None if attached is None else attached.place.stream,
            seq=0 if attached is None else attached.place.seq,
        )
        self._links.send(node_id, message)

    def _whisper(self, whisper: WhisperFrame) -> None:
        message = Replied(
            room_code=whisper.room_code,
            token=0,
            connection_id=None,
            frame=Raw(whisper.data),
            durable=False,
            whispered_to=whisper.user_id,
        )
        listeners = self._listeners.get(whisper.room_code, {})
        there = [node_id for node_id, connections in listeners.items() if whisper.user_id in connections.values()]
        self._links.send_all(there, message)

    def _resume(self, resumed: Resumed) -> None:
        # Who came by a reply that left since the node asked is not attached there: out of step, it has not taken it.
        came_since = self._listeners.get(resumed.room_code, {}).get(resumed.node_id, {}).keys() - resumed.named
        self._forget(resumed.room_code, resumed.node_id, came_since)
        missed: list[Published | Detached] | None = None
        if resumed.missed is not None:
            missed = []
            for each in resumed.missed:
                if isinstance(each, RoomFrame):
                    missed.append(_published(each))
                else:
                    missed.append(Detached(room_code=each.room_code, user_id=each.user_id))
                    self._detach(each.room_code, each.user_id, resumed.node_id)
        self._links.send(resumed.node_id, ResumedRoom(room_code=resumed.room_code, ref=resumed.ref, missed=missed))

    def _tell_all(self, room_code: RoomCode, message: ToGateway) -> None:
        self._links.send_all(self._listeners.get(room_code, ()), message)

    def _detach(self, room_code: RoomCode, user_id: UserId | None, only: NodeId | None = None) -> None:
        for node_id, connections in list(self._listeners.get(room_code, {}).items()):
            if only in {None, node_id}:
                gone = [each for each, whose in connections.items() if user_id in {None, whose}]
                self._forget(room_code, node_id, gone)

    def _forget(self, room_code: RoomCode, node_id: NodeId, gone: Collection[ConnectionId]) -> None:
        listeners = self._listeners.get(room_code, {})
        connections = listeners.get(node_id, {})
        for connection_id in gone:
            connections.pop(connection_id, None)
        if not connections and node_id in listeners:
            del listeners[node_id]
        if not listeners:
            self._listeners.pop(room_code, None)

    def take(self, sender: NodeId, message: ToOwner) -> None:
        """Take what a gateway node sends to the owner of a room, which this node is, or becomes, if it can."""
        assert self._registry is not None
        match message:
            case Forward():
                self._take_command(self._registry, sender, message)
            case UnreadableForward():
                # To be had again where, or when, a node of that release owns the room.
                self._refuse(sender, message, message.command_id, ErrorCode.UNAVAILABLE)
            case Lost(room_code=room_code, user_id=user_id, connection_id=connection_id):
                self._forget(room_code, sender, [connection_id])
                self._registry.connection_lost(room_code, ConnectionLost(user_id, connection_id))
            case Subscribe():
                self._subscribe(self._registry, sender, message)
            case Unsubscribe(room_code=room_code, ref=ref):
                self._unsubscribe(self._registry, sender, room_code, ref)
            case _:
                assert_never(message)

    def _take_command(self, registry: Registry, sender: NodeId, message: Forward) -> None:
        origin = Origin(message.connection_id, message.token, sender)
        age = max(0.0, (self._clock.shared_ms() - message.received_ms) / 1000)
        user = User(message.user_id, message.display_name)
        request = Request(origin, user, message.command, self._clock.seconds() - age)
        code = registry.send_to(message.room_code, request)
        if code is not None:
            self._refuse(sender, message, message.command.id, code)

    def _refuse(self, sender: NodeId, message: Forward | UnreadableForward, command_id: str, code: ErrorCode) -> None:
        frame = error_frame(code, command_id, door_details(code))
        self._links.send(
            sender,
            Replied(
                room_code=message.room_code,
                token=message.token,
                connection_id=message.connection_id,
                frame=Raw(frame),
                durable=False,
                at_door=True,
            ),
        )

    def _subscribe(self, registry: Registry, sender: NodeId, message: Subscribe) -> None:
        room_code = message.room_code
        named = {each: user_id for user_id, connection_ids in message.sockets.items() for each in connection_ids}
        before = self._listeners.get(room_code, {}).get(sender, {})
        for connection_id, user_id in before.items():
            if connection_id not in named:
                registry.connection_lost(room_code, ConnectionLost(user_id, connection_id))
        self._listeners.setdefault(room_code, {})[sender] = named
        subscription = Subscription(
            node_id=sender,
            room_code=room_code,
            ref=message.ref,
            place=Place(message.stream, message.seq),
            sockets={user_id: frozenset(connection_ids) for user_id, connection_ids in message.sockets.items()},
            received_at=self._clock.seconds(),
        )
        registry.subscribe(subscription)

    def _unsubscribe(self, registry: Registry, sender: NodeId, room_code: RoomCode, ref: int) -> None:
        self._lose(registry, room_code, sender)
        if registry.get(room_code) is None:
            self._links.send(sender, ResumedRoom(room_code=room_code, ref=ref, missed=[]))
            return
        # Behind the replies that the room still holds back: answered before them, they would be taken for those to
        # what is sent again, and come before what was sent ahead of it.
        registry.subscribe(
            Subscription(
                node_id=sender,
                room_code=room_code,
                ref=ref,
                place=None,
                sockets={},
                received_at=self._clock.seconds(),
            )
        )

    def lose(self, node_id: NodeId) -> Collection[RoomCode]:
        """The node is dead or out of reach: its connections are gone. Returns the rooms that they were attached to."""
        assert self._registry is not None
        rooms = [room_code for room_code, listeners in self._listeners.items() if node_id in listeners]
        for room_code in rooms:
            self._lose(self._registry, room_code, node_id)
        return rooms

    def _lose(self, registry: Registry, room_code: RoomCode, node_id: NodeId) -> None:
        connections = dict(self._listeners.get(room_code, {}).get(node_id, {}))
        self._forget(room_code, node_id, connections)
        for connection_id, user_id in connections.items():
            registry.connection_lost(room_code, ConnectionLost(user_id, connection_id))


def _is_for_another(delivery: Delivery) -> bool:
    return isinstance(delivery, Resumed | Moved) or (
        isinstance(delivery, ReplyFrame) and delivery.origin.node_id is not None
    )


def _published(frame: RoomFrame) -> Published:
    return Published(room_code=frame.room_code, frame=Raw(frame.data), seq=frame.seq)
