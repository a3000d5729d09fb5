"""The rooms that a node has in memory, each with its actor; the owner of the actors' tasks."""

import asyncio
from typing import Final

from msgspec import Struct

from votegame import tasks
from votegame.errors import ErrorCode
from votegame.game.change import Refusal
from votegame.game.commands import CreateRoom, JoinRoom
from votegame.ids import RoomCode, UserId
from votegame.rooms.actor import Actor, Ending, Heritage
from votegame.rooms.creation import Created, create_room
from votegame.rooms.environment import Environment
from votegame.rooms.gate import Answered, Gate
from votegame.rooms.inbox import ConnectionLost, Request
from votegame.rooms.ports import Claim, CloseAttached
from votegame.wire.close_codes import CloseCode

CREATIONS_AT_ONCE: Final = 64
"""Rooms that may be in the making; one more gets `unavailable`."""


class _Running(Struct, frozen=True):
    actor: Actor
    task: asyncio.Task[None]


class Registry:
    """Finds, opens, makes and ends rooms."""

    def __init__(self, env: Environment, *, max_rooms: int, rooms_per_user: int) -> None:
        """Make an empty registry.

        Args:
            env: What the rooms share.
            max_rooms: Rooms that may be in memory; for one more there is `unavailable`.
            rooms_per_user: Rooms that a user may be a member of.
        """
        self._env = env
        self._max_rooms = max_rooms
        self._rooms_per_user = rooms_per_user
        self._running: dict[RoomCode, _Running] = {}
        self._creations: set[asyncio.Task[None]] = set()
        self._is_stopping = False

    def __len__(self) -> int:
        return len(self._running)

    def send(self, request: Request) -> ErrorCode | None:
        """Give a command to its room, which is opened or made; an error code when it is refused at the door."""
        command = request.command
        if self._is_stopping:
            return ErrorCode.UNAVAILABLE
        if isinstance(command, CreateRoom):
            return self._send_creation(request)
        if isinstance(command, JoinRoom) and self._is_at_limit(request.user.user_id, command.room_code):
            return ErrorCode.RATE_LIMITED
        if command.room_code not in self._running and len(self._running) >= self._max_rooms:
            return ErrorCode.UNAVAILABLE
        return self._offer(command.room_code, request)

    def connection_lost(self, room_code: RoomCode, lost: ConnectionLost) -> None:
        """Tell a room that a connection is gone; a room that is not in memory knows of none."""
        running = self._running.get(room_code)
        if running is not None:
            running.actor.offer(lost)

    def open(self, claim: Claim) -> None:
        """Work on a room that was claimed because one of its timers is due."""
        if not self._is_stopping and claim.room_code not in self._running:
            self._start(Actor(self._env, claim.room_code), claim)

    async def discard_fenced(self) -> None:
        """After the lease has lapsed: end every room that another node has claimed meanwhile.

        Raises:
            StoreError: The store did not answer; nothing may be said until it does.
        """
        rooms = [running.actor.room for running in self._running.values() if running.actor.room is not None]
        ends = await self._env.store.log_ends([room.room_epoch[0] for room in rooms])
        for room in rooms:
            room_id, epoch = room.room_epoch
            if room_id not in ends or ends[room_id].epoch != epoch:
                room.fenced()

    async def stop(self) -> None:
        """End all rooms, each when what it decided is kept and told. Bound it by a time-out, then `abort`."""
        self._is_stopping = True
        for running in self._running.values():
            running.actor.stop()
        await asyncio.gather(*(running.task for running in self._running.values()), *self._creations)

    async def abort(self) -> None:
        """End what has not ended."""
        self._is_stopping = True
        await tasks.end([*self._creations, *(running.task for running in self._running.values())])

    def _is_at_limit(self, user_id: UserId, room_code: RoomCode | None) -> bool:
        return self._env.memberships.others(user_id, room_code) >= self._rooms_per_user

    def _send_creation(self, request: Request) -> ErrorCode | None:
        if self._is_at_limit(request.user.user_id, None):
            return ErrorCode.RATE_LIMITED
        if len(self._creations) >= CREATIONS_AT_ONCE or len(self._running) >= self._max_rooms:
            return ErrorCode.UNAVAILABLE
        creation = tasks.start(self._create(request), name="create room")
        self._creations.add(creation)
        creation.add_done_callback(self._creations.discard)
        return None

    async def _create(self, request: Request) -> None:
        outcome = await create_room(self._env, request)
        if isinstance(outcome, Created):
            actor = Actor(self._env, outcome.claim.room_code)
            actor.begin_with(outcome.claim, request, outcome.change)
            self._start(actor)
            return
        refused = outcome if isinstance(outcome, ErrorCode) else self._offer(outcome.room_code, request)
        if refused is not None:
            self._refuse(request, refused)

    def _offer(self, room_code: RoomCode, request: Request) -> ErrorCode | None:
        running = self._running.get(room_code)
        if running is not None:
            return running.actor.offer(request)
        self._start(Actor(self._env, room_code, heritage=Heritage((request,))))
        return None

    def _refuse(self, request: Request, code: ErrorCode) -> None:
        """Answer a creation that led to no room, and so to no gate of one."""
        gate = Gate(RoomCode(""), self._env.outlet, self._env.clock, committed=0, seq=0)
        gate.add(0, [Answered(request.origin, request.command.id, Refusal(code))], members=0)

    def _start(self, actor: Actor, claim: Claim | None = None) -> None:
        task = tasks.start(self._run(actor, claim), name=f"room {actor.room_code}")
        self._running[actor.room_code] = _Running(actor, task)

    async def _run(self, actor: Actor, claim: Claim | None) -> None:
        ending: Ending = "broken"
        try:
            ending = await actor.run(claim)
        finally:
            self._end(actor, ending)
        if ending != "discarded" and not self._is_stopping:
            await actor.give_up()

    def _end(self, actor: Actor, ending: Ending) -> None:
        """Take the actor off the register, and start another where something waits for one."""
        del self._running[actor.room_code]
        self._env.memberships.update(actor.room_code, ())
        if ending == "broken":
            self._env.outlet.deliver([CloseAttached(actor.room_code, CloseCode.RESTARTING)])
        if self._is_stopping:
            actor.refuse_waiting(ErrorCode.UNAVAILABLE)
            return
        heritage = actor.heritage(keeps_sockets=ending == "discarded")
        if heritage.sockets or any(isinstance(entry, Request) for entry in heritage.entries):
            self._start(Actor(self._env, actor.room_code, heritage=heritage))
