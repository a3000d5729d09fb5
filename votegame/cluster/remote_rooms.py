"""The rooms that other nodes own and that somebody here has to do with: the gateway's side of a forwarded command.

For each of them this node keeps what has no reply yet, and up to where its connections were told the room's events.
That is enough for whatever may happen. When something on the way may be lost, it does what a client does: it sends
again what is unanswered, in order, and asks for the events since the last one (a *subscription*); until that is
answered, the room is *out of step*, and nothing of it is passed on. When the owner is dead, or says that the room is
not his, the room is opened here, which claims it, or finds the node that has it, and everything goes on there.
"""

import asyncio
import itertools
from collections.abc import Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from typing import Final, Protocol, assert_never

import structlog

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
    Unsubscribe,
)
from votegame.cluster.lease import HeldLease
from votegame.cluster.links import Links
from votegame.cluster.remote_room import RemoteRoom
from votegame.errors import ErrorCode
from votegame.game.commands import CreateRoom
from votegame.ids import ConnectionId, NodeId, RoomCode, UserId
from votegame.rooms.inbox import INBOX_ENTRIES, ConnectionLost, Heritage, Request
from votegame.rooms.ports import (
    Attached,
    CloseAttached,
    Detach,
    Origin,
    Outlet,
    Place,
    ReplyFrame,
    RoomFrame,
    WhisperFrame,
)
from votegame.rooms.registry import Registry
from votegame.wire.close_codes import CloseCode

ASK_AGAIN_SECONDS: Final = 1.0
"""How long the answer to a subscription is waited for."""
WAIT_SECONDS: Final = 2.0
"""How long one who comes to a room waits for an owner that is not heard, until he is sent back."""
OUT_OF_STEP_SECONDS: Final = 3.0
"""How long connections may be told nothing before they are sent away."""
IDLE_SECONDS: Final = 30.0
"""How long it is remembered who owns a room that nobody here has to do with."""
_RESOLVE_SECONDS: Final = 0.2

log = structlog.get_logger(__name__)


class Sockets(Protocol):
    """The connections of this node."""

    def sockets_of(self, room_code: RoomCode) -> Mapping[UserId, AbstractSet[ConnectionId]]:
        """Those that get the frames of a room, by user."""

    def send_back(self, connection_ids: Collection[ConnectionId]) -> None:
        """Close these, with word to come back: they may find another way."""


class RemoteRooms:
    """All of them; also takes what their owners send."""

    def __init__(
        self,
        *,
        links: Links,
        clock: Clock,
        lease: HeldLease,
        outlet: Outlet,
        sockets: Sockets,
        reply_seconds: float,
        observe_forward: Callable[[], None],
    ) -> None:
        """Make it without a registry; `start` gives it one.

        Args:
            links: The ways to the owners.
            clock: The node's.
            lease: The node's.
            outlet: Where what is for this node's connections and requests leaves to.
            sockets: Who is attached to what.
            reply_seconds: After this long the gateway has answered a command itself.
            observe_forward: Called for each command that is forwarded.
        """
        self._links = links
        self._clock = clock
        self._lease = lease
        self._outlet = outlet
        self._sockets = sockets
        self._reply_seconds = reply_seconds
        self._observe_forward = observe_forward
        self._rooms: dict[RoomCode, RemoteRoom] = {}
        # Never used again, also when a room is let go and comes back: a late answer must not be taken for a new one.
        self._refs = itertools.count(1)
        self._resolved_at: dict[RoomCode, float] = {}
        self._registry: Registry | None = None

    def __len__(self) -> int:
        return len(self._rooms)

    def __contains__(self, room_code: RoomCode) -> bool:
        return room_code in self._rooms

    def start(self, registry: Registry) -> None:
        """Open rooms in `registry` when their owner is dead or unknown."""
        self._registry = registry

    def owners(self) -> Collection[NodeId]:
        """The nodes that own any of the rooms."""
        return list(dict.fromkeys(room.owner for room in self._rooms.values()))

    def settle(self, room_code: RoomCode, owner: NodeId, heritage: Heritage) -> None:
        """The room is another node's: what it left here goes on there."""
        room = self._rooms[room_code] = RemoteRoom(owner, heritage.told, self._clock.seconds())
        for entry in heritage.entries:
            if isinstance(entry, Request):
                room.wait_for(entry)
            elif isinstance(entry, ConnectionLost):
                room.forget_attempts(entry.connection_id)
        self._ask(room_code, room)

    def let_go(self, room_code: RoomCode) -> Heritage:
        """The room is opened here: everything that waited for its owner, and who is attached to it."""
        room = self._rooms.pop(room_code, None)
        if room is None:
            return Heritage()
        return Heritage(
            entries=tuple(room.unanswered.values()), sockets=self._sockets.sockets_of(room_code), told=room.place
        )

    def send(self, request: Request) -> ErrorCode | None:
        """Forward a command to the owner of its room, which is one of these; a code when it is refused at the door."""
        command = request.command
        assert not isinstance(command, CreateRoom)
        room = self._rooms[command.room_code]
        if len(room.unanswered) >= INBOX_ENTRIES:
            return ErrorCode.RATE_LIMITED
        room.busy_at = self._clock.seconds()
        room.wait_for(request)
        self._forward(command.room_code, room, request)
        return None

    def connection_lost(self, room_code: RoomCode, lost: ConnectionLost) -> None:
        """Tell the owner that a connection is gone. What would attach it is not sent again."""
        room = self._rooms[room_code]
        # Kept for a while: the word may be lost, and is made good by what the room is asked for then.
        room.busy_at = self._clock.seconds()
        room.forget_attempts(lost.connection_id)
        self._links.send(room.owner, Lost(room_code=room_code, user_id=lost.user_id, connection_id=lost.connection_id))

    def take(self, sender: NodeId, message: ToGateway) -> None:
        """Take what the owner of a room sends. From anyone else, or out of step, it is of no use."""
        room = self._rooms.get(message.room_code)
        if room is None or room.owner != sender:
            return
        if isinstance(message, Replied) and message.at_door:
            self._replied(room, message)
        elif not self._lease.is_valid() and not isinstance(message, NotHere | CloseSockets):
            # What is true now would be dropped on its way out, and come after what is not. Asked for again, it comes in
            # its order, as soon as this node may speak.
            room.out_of_step_since = room.out_of_step_since or self._clock.seconds()
        elif isinstance(message, ResumedRoom):
            self._resumed(room, message)
        elif isinstance(message, NotHere):
            self.resolve(message.room_code)
        elif isinstance(message, CloseSockets):
            self._outlet.deliver([CloseAttached(message.room_code, message.close_code)])
        elif room.out_of_step_since is None:
            self._pass_on(room, message)

    def _pass_on(self, room: RemoteRoom, message: Replied | Published | Detached) -> None:
        match message:
            case Replied():
                self._replied(room, message)
            case Published():
                self._published(room, message)
            case Detached(room_code=room_code, user_id=user_id):
                self._outlet.deliver([Detach(room_code, user_id)])
            case _:
                assert_never(message)

    def _replied(self, room: RemoteRoom, message: Replied) -> None:
        if message.whispered_to is not None:
            self._outlet.deliver([WhisperFrame(message.room_code, message.whispered_to, bytes(message.frame))])
            return
        origin = Origin(message.connection_id, message.token)
        room.answered(origin)
        attached = None
        if message.stream is not None and message.user_id is not None:
            room.place = Place(message.stream, message.seq)
            attached = Attached(message.user_id, room.place)
        self._outlet.deliver(
            [
                ReplyFrame(
                    origin=origin,
                    data=bytes(message.frame),
                    attach=None if attached is None else message.room_code,
                    attached=attached,
                    durable=message.durable,
                )
            ]
        )

    def _published(self, room: RemoteRoom, message: Published) -> None:
        if message.seq is not None:
            if room.place is None or message.seq <= room.place.seq:
                return
            room.place = Place(room.place.stream, message.seq)
        frame = RoomFrame(
            room_code=message.room_code, data=bytes(message.frame), durable=message.seq is not None, seq=message.seq
        )
        self._outlet.deliver([frame])

    def _resumed(self, room: RemoteRoom, message: ResumedRoom) -> None:
        if message.ref != room.ref:
            return
        room.out_of_step_since = None
        if message.missed is None:
            self._send_away(message.room_code)
            return
        for each in message.missed:
            self._pass_on(room, each)

    def resync(self, owner: NodeId) -> None:
        """Something on the way to or from `owner` may be lost: ask again for all of its rooms."""
        for room_code, room in self._rooms.items():
            if room.owner == owner:
                self._ask(room_code, room)

    def owner_died(self, owner: NodeId) -> None:
        """The lease of `owner` is over: its rooms are opened here, or found with who was quicker."""
        for room_code in [room_code for room_code, room in self._rooms.items() if room.owner == owner]:
            self._open_here(room_code)

    def owner_silent(self, owner: NodeId) -> None:
        """Nothing was heard of `owner` for too long: who is, or would be, attached to its rooms may find another way.

        It may have given up a room to whom it cannot say so: for each that somebody waits for, that is looked up; only
        who still waits after that is sent back.
        """
        now = self._clock.seconds()
        for room_code, room in [each for each in self._rooms.items() if each[1].owner == owner]:
            self._send_away(room_code)
            self._sockets.send_back(room.would_be_attached(before=now - WAIT_SECONDS))
            if room.unanswered and now - room.settled_at > ASK_AGAIN_SECONDS:
                self._open_here(room_code)

    def tick(self, now: float) -> None:
        """Do what is due at `now`, in seconds."""
        for room_code, room in list(self._rooms.items()):
            self._expire(room, now)
            if room.out_of_step_since is not None:
                self._catch_up(room_code, room, now)
            if now - room.busy_at > IDLE_SECONDS and not room.unanswered:
                self._let_rest(room_code, room, now)
        self._resolved_at = {code: at for code, at in self._resolved_at.items() if now - at < _RESOLVE_SECONDS}

    def _let_rest(self, room_code: RoomCode, room: RemoteRoom, now: float) -> None:
        """Forget a room that nobody here has had to do with for long, once its owner has heard so.

        Whose reply came too late is attached there and not here, and that he is gone could not be said any more.
        """
        if self._sockets.sockets_of(room_code):
            room.busy_at = now
        elif room.asked_at < room.busy_at + IDLE_SECONDS:
            self._ask(room_code, room)
        elif room.out_of_step_since is None or now - room.busy_at > 2 * IDLE_SECONDS:
            del self._rooms[room_code]

    def _catch_up(self, room_code: RoomCode, room: RemoteRoom, now: float) -> None:
        assert room.out_of_step_since is not None
        if now - room.out_of_step_since > OUT_OF_STEP_SECONDS:
            self._send_away(room_code)
            # The room stays out of step: a reply to an earlier sending must not attach whoever comes back.
            room.out_of_step_since = now
        if now - room.asked_at > ASK_AGAIN_SECONDS:
            self._ask(room_code, room)

    def _expire(self, room: RemoteRoom, now: float) -> None:
        """Forget commands that the gateway has answered itself: `unavailable` must stay true as far as we can help."""
        while room.unanswered:
            request = next(iter(room.unanswered.values()))
            if now - request.received_at < self._reply_seconds:
                return
            room.unanswered.popitem(last=False)

    def _ask(self, room_code: RoomCode, room: RemoteRoom) -> None:
        now = self._clock.seconds()
        sockets = self._sockets.sockets_of(room_code)
        room.ref = next(self._refs)
        room.asked_at = now
        # Also without connections: the reply to an earlier sending could attach one, and the owner then forget it.
        room.out_of_step_since = room.out_of_step_since or now
        if sockets and room.place is not None:
            subscribe = Subscribe(
                room_code=room_code,
                ref=room.ref,
                stream=room.place.stream,
                seq=room.place.seq,
                sockets={user_id: sorted(connection_ids) for user_id, connection_ids in sockets.items()},
            )
            self._links.send(room.owner, subscribe)
        else:
            if sockets:
                self._send_away(room_code)
            self._links.send(room.owner, Unsubscribe(room_code=room_code, ref=room.ref))
        self._expire(room, now)
        for request in room.unanswered.values():
            self._forward(room_code, room, request)

    def _forward(self, room_code: RoomCode, room: RemoteRoom, request: Request) -> None:
        self._observe_forward()
        age_ms = int((self._clock.seconds() - request.received_at) * 1000)
        forward = Forward(
            room_code=room_code,
            token=request.origin.token,
            connection_id=request.origin.connection_id,
            user_id=request.user.user_id,
            display_name=request.user.display_name,
            received_ms=self._clock.shared_ms() - age_ms,
            command=request.command,
        )
        self._links.send(room.owner, forward)

    def resolve(self, room_code: RoomCode) -> None:
        """Find the owner, as somebody knows better than we: at once, or, when that was done just now, a little later.

        The owner may be changing.
        """
        now = self._clock.seconds()
        if room_code not in self._resolved_at:
            self._resolved_at[room_code] = now
            self._open_here(room_code)
            return
        asyncio.get_running_loop().call_later(_RESOLVE_SECONDS, self._resolve_late, room_code, self._rooms[room_code])

    def _resolve_late(self, room_code: RoomCode, room: RemoteRoom) -> None:
        if self._rooms.get(room_code) is room:
            self._open_here(room_code)

    def _open_here(self, room_code: RoomCode) -> None:
        assert self._registry is not None
        self._registry.adopt(room_code, self.let_go(room_code))

    def _send_away(self, room_code: RoomCode) -> None:
        self._outlet.deliver([CloseAttached(room_code, CloseCode.RESTARTING)])
