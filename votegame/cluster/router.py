"""The router: finds the node that owns a room. Handing over is a call when it is this one, else a message."""

import asyncio
import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import structlog

from votegame import tasks
from votegame.clock import Clock
from votegame.cluster.audience import Audience
from votegame.cluster.envelope import (
    Forward,
    Lost,
    NotHere,
    RoomMessage,
    Subscribe,
    UnreadableForward,
    Unsubscribe,
)
from votegame.cluster.links import Links
from votegame.cluster.ports import NodeStore
from votegame.cluster.remote_rooms import RemoteRooms
from votegame.errors import ErrorCode, StoreError
from votegame.game.commands import AnyRoomCommand, CreateRoom
from votegame.game.messages import User
from votegame.game.state import Lobby
from votegame.ids import ConnectionId, NodeId, RoomCode, UserId
from votegame.rooms.actor import Actor
from votegame.rooms.inbox import ConnectionLost, Request
from votegame.rooms.ports import Origin
from votegame.rooms.registry import Registry

MOVING_ROOMS: Final = 4
"""So many are handed over at once, or one in a hundred of those that are here.

A room takes no command while it moves, and each one that moves beside it makes that longer.
"""
_TICK_SECONDS: Final = 0.25
_LONGEST_LOOK_SECONDS: Final = 1.0
_SHORTEST_LOOK_SECONDS: Final = 0.02
_FOLLOW_TICKS: Final = 8
"""A room in its lobby may move every two seconds, or sooner while more are to move than may at once."""

log = structlog.get_logger(__name__)


class LocalRouter:
    """The router of a deployment with one node."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def send(
        self, origin: Origin, user: User, command: AnyRoomCommand | CreateRoom, *, received_at: float
    ) -> ErrorCode | None:
        """Hand a command to its room; its reply comes through the outlet.

        Returns an error code, and then no other reply comes, when the command is refused at the door.
        """
        return self._registry.send(Request(origin, user, command, received_at))

    def connection_lost(self, room_code: RoomCode, user_id: UserId, connection_id: ConnectionId) -> None:
        """Tell a room that a connection is gone that was, or was to be, attached to it."""
        self._registry.connection_lost(room_code, ConnectionLost(user_id, connection_id))


class ClusterRouter:
    """The router of a deployment with several nodes; listens to the links, and watches the leases of the others."""

    def __init__(
        self,
        *,
        registry: Registry,
        remote: RemoteRooms,
        audience: Audience,
        links: Links,
        nodes: NodeStore,
        clock: Clock,
    ) -> None:
        self._registry = registry
        self._remote = remote
        self._audience = audience
        self._links = links
        self._nodes = nodes
        self._clock = clock
        self._out_of_reach: dict[RoomCode, NodeId] = {}
        self._ticks = 0
        self._has_more_to_follow = False
        self._turns = itertools.count()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to carry; the node has its lease."""
        self._remote.start(self._registry)
        self._audience.start(self._registry)
        self._links.start(self)
        self._tasks = [
            tasks.start(self._watch_leases(), name="peers"),
            tasks.start(self._look_around(), name="remote rooms"),
        ]

    async def stop(self) -> None:
        """End the tasks, and the links last."""
        await tasks.end(self._tasks)
        await self._links.stop()

    def send(
        self, origin: Origin, user: User, command: AnyRoomCommand | CreateRoom, *, received_at: float
    ) -> ErrorCode | None:
        """Hand a command to its room, wherever that is; its reply comes through the outlet.

        Returns an error code, and then no other reply comes, when the command is refused at the door.
        """
        request = Request(origin, user, command, received_at)
        if not isinstance(command, CreateRoom) and command.room_code in self._remote:
            return self._remote.send(request)
        return self._registry.send(request)

    def connection_lost(self, room_code: RoomCode, user_id: UserId, connection_id: ConnectionId) -> None:
        """Tell a room that a connection is gone that was, or was to be, attached to it."""
        lost = ConnectionLost(user_id, connection_id)
        if room_code in self._remote:
            self._remote.connection_lost(room_code, lost)
        else:
            self._registry.connection_lost(room_code, lost)

    def take(self, sender: NodeId, message: RoomMessage) -> None:
        """See `votegame.cluster.links.LinkListener`."""
        match message:
            case (
                Forward(room_code=room_code) | UnreadableForward(room_code=room_code) | Subscribe(room_code=room_code)
            ) if room_code in self._remote:
                self._links.send(sender, NotHere(room_code=room_code))
                self._remote.resolve(room_code)
            case Forward() | UnreadableForward() | Lost() | Subscribe() | Unsubscribe():
                self._audience.take(sender, message)
            case _:
                self._remote.take(sender, message)

    def resync(self, peer: NodeId) -> None:
        """See `votegame.cluster.links.LinkListener`."""
        self._remote.resync(peer)

    def lapse_is_over(self) -> None:
        """The node speaks again: what is true now was not told meanwhile, of rooms elsewhere either."""
        for owner in self._remote.owners():
            self._remote.resync(owner)

    def link_down(self, peer: NodeId) -> None:
        """See `votegame.cluster.links.LinkListener`: neither side waits for the other any longer."""
        self._remote.owner_silent(peer)
        lost = self._audience.lose(peer)
        if lost:
            # It may be there and have slept: nothing is missing for it then, but what it was not sent.
            self._links.begin_anew(peer)
        for room_code in lost:
            self._out_of_reach[room_code] = peer

    def hand_over_all(self, others: Sequence[NodeId]) -> int:
        """Hand the rooms in memory over: to the node with most of their connections, else to the `others` in turn.

        A few at once. Returns how many rooms there are; call it again while there are any, as rooms may be opened yet.
        """
        actors = self._registry.actors()
        staying = (actor for actor in actors if actor.room is not None and not actor.is_moving)
        for actor in itertools.islice(staying, self._more_may_move()):
            counts = self._audience.counts_of(actor.room_code)
            listening = {node: count for node, count in counts.items() if node in others}
            most = max(
                listening, key=lambda node: (listening[node], node), default=others[next(self._turns) % len(others)]
            )
            # Without the bus there is no way to the other node: whoever is asked first may have the room.
            actor.hand_over(most if self._links.is_subscribed else None)
        return len(actors)

    def _more_may_move(self) -> int:
        """How many rooms more may begin to move, beside those that do already.

        One whose commit is late does not count: it may be so for long, and is not to keep the others here.
        """
        actors = self._registry.actors()
        moving = [actor.room for actor in actors if actor.is_moving and actor.room is not None]
        n_moving = sum(not room.is_late() for room in moving)
        return max(0, max(MOVING_ROOMS, len(actors) // 100) - n_moving)

    def peers(self) -> Collection[NodeId]:
        """See `votegame.cluster.links.LinkListener`."""
        # In an order that does not depend on hashes: a simulated run is the same in every process.
        return list(dict.fromkeys((*self._remote.owners(), *self._audience.nodes())))

    async def _watch_leases(self) -> None:
        wait = _LONGEST_LOOK_SECONDS
        while True:
            await asyncio.sleep(wait)
            with tasks.surviving("peers"):
                wait = await self._look_at_leases()

    async def _look_at_leases(self) -> float:
        """Act on leases that are over; returns the seconds until another one may be."""
        peers = self.peers()
        if not peers:
            return _LONGEST_LOOK_SECONDS / 2
        try:
            ends = await self._nodes.leases(peers)
        except StoreError as error:
            log.debug("leases of other nodes not read", reason=str(error))
            return _LONGEST_LOOK_SECONDS / 2
        for peer in peers:
            if peer not in ends:
                self._peer_died(peer)
        until_next = min(ends.values(), default=0) - self._clock.shared_ms()
        return min(_LONGEST_LOOK_SECONDS, max(_SHORTEST_LOOK_SECONDS, until_next / 1000))

    def _peer_died(self, peer: NodeId) -> None:
        log.info("the lease of another node is over", peer=peer)
        self._audience.lose(peer)
        self._links.forget(peer)
        self._remote.owner_died(peer)

    async def _look_around(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            with tasks.surviving("remote rooms"):
                self._remote.tick(self._clock.seconds())
                self._let_go_of_unreachable()
                self._ticks += 1
                if self._has_more_to_follow or self._ticks % _FOLLOW_TICKS == 0:
                    await self._follow_members()

    def _let_go_of_unreachable(self) -> None:
        """A room whose members are all behind a link that is down is of more use where they are."""
        for room_code, peer in list(self._out_of_reach.items()):
            actor = self._registry.get(room_code)
            if actor is None or not self._links.is_down(peer):
                del self._out_of_reach[room_code]
            elif actor.room is not None and not actor.room.presence.has_sockets:
                # Not at once: the room has yet to take its turn for each connection that it lost.
                actor.hand_over(peer)

    async def _follow_members(self) -> None:
        """In the lobby a room goes where most of its connections are, so that nothing need be forwarded."""
        moves = [move for move in map(self._move, self._audience.counts().items()) if move is not None]
        self._has_more_to_follow = False
        if not moves:
            return
        try:
            # Not to a node that leaves: it would only hand the room over again.
            staying = await self._nodes.nodes_to_hand_over_to(self._links.node_id)
        except StoreError as error:
            log.debug("rooms stay where they are", reason=str(error))
            return
        moves = [(actor, node_id) for actor, node_id in moves if node_id in staying]
        n_more = self._more_may_move()
        self._has_more_to_follow = len(moves) > n_more
        for actor, node_id in moves[:n_more]:
            actor.hand_over(node_id)

    def _move(self, listening: tuple[RoomCode, Mapping[NodeId, int]]) -> tuple[Actor, NodeId] | None:
        """The room, if it is in its lobby, with the node that has more of its connections than this one."""
        room_code, counts = listening
        actor = self._registry.get(room_code)
        if actor is None or actor.is_moving or actor.room is None or not isinstance(actor.room.state.phase, Lobby):
            return None
        node_id, most = max(counts.items(), key=lambda item: (item[1], item[0]))
        here = sum(map(len, actor.room.presence.sockets.values())) - sum(counts.values())
        return (actor, node_id) if most > here and not self._links.is_down(node_id) else None
