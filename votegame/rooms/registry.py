"""The rooms that a node has in memory, each with its actor; the owner of the actors' tasks."""

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final

import msgspec
import structlog

from votegame import tasks
from votegame.errors import ErrorCode
from votegame.game.commands import CreateRoom
from votegame.game.messages import NoticesMissed
from votegame.game.remembered import REMEMBERED_MS
from votegame.ids import RoomCode, RoomId, UserId
from votegame.rooms import turning_away
from votegame.rooms.actor import Actor, Ending
from votegame.rooms.creation import Created, create_room
from votegame.rooms.environment import Environment
from votegame.rooms.inbox import ConnectionLost, Heritage, Request, Subscription
from votegame.rooms.ports import Claim, CloseAttached, Moved
from votegame.rooms.resting import Resting
from votegame.wire.close_codes import CloseCode

CREATIONS_AT_ONCE: Final = 64
"""Rooms that may be in the making; one more gets `unavailable`."""

_RELEASES: Final = 60
_RELEASE_RETRY_SECONDS: Final = 0.5

log = structlog.get_logger(__name__)


class Registry:
    """Finds, opens, makes and ends rooms."""

    def __init__(self, env: Environment, *, max_rooms: int) -> None:
        """Make an empty registry.

        Args:
            env: What the rooms share.
            max_rooms: Rooms that may be in memory; for one more there is `unavailable`.
        """
        self._env = env
        self._max_rooms = max_rooms
        self._running: dict[RoomCode, Actor] = {}
        self._creators: Counter[UserId] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopping = False
        self._makes_rooms = True
        self._resting = Resting(env.clock)
        self.lapses = 0
        """How often the lease has lapsed: what was claimed before the last time may be another node's."""

    def __len__(self) -> int:
        return len(self._running)

    @property
    def vacancies(self) -> int:
        """How many more rooms may be in memory."""
        return max(0, self._max_rooms - len(self._running))

    def resting(self) -> Sequence[RoomId]:
        """Rooms that are not to be opened for their timers now, since they broke when they last were."""
        return self._resting.rooms()

    def send(self, request: Request) -> ErrorCode | None:
        """Give a command to its room, which is opened or made; an error code when it is refused at the door."""
        command = request.command
        if type(command) is CreateRoom:
            return self._send_creation(request)
        return self.send_to(command.room_code, request)

    def send_to(self, room_code: RoomCode, request: Request) -> ErrorCode | None:
        """Give a command to a room, which is opened, and which a `create_room` has made before."""
        if self._is_stopping or (room_code not in self._running and not self.vacancies):
            return ErrorCode.UNAVAILABLE
        return self._offer(room_code, request)

    def subscribe(self, subscription: Subscription) -> None:
        """Give a subscription to its room, which is opened; it is dropped where a command would be refused."""
        room_code = subscription.room_code
        if not self._is_stopping and (room_code in self._running or self.vacancies):
            self._offer(room_code, subscription)

    def adopt(self, room_code: RoomCode, heritage: Heritage) -> None:
        """Open a room whose owner is dead or unknown, and go on with what it left here."""
        running = self._running.get(room_code)
        if running is not None:
            # Whoever has had it opened: it must not have two actors.
            for entry in heritage.entries:
                if running.offer(entry) is not None:
                    # Never as refused: it was forwarded, and may have been carried out before.
                    turning_away.refuse(self._env, room_code, [entry], ErrorCode.UNAVAILABLE)
            self._close_attached(room_code)
            return
        actor = Actor(self._env, room_code, heritage=heritage)
        if self._is_stopping or not self.vacancies:
            actor.refuse_waiting(ErrorCode.UNAVAILABLE)
            self._close_attached(room_code)
        else:
            self._start(actor)

    def _close_attached(self, room_code: RoomCode) -> None:
        self._env.outlet.deliver([CloseAttached(room_code, CloseCode.RESTARTING)])

    def running(self) -> Collection[RoomCode]:
        """The codes of the rooms in memory."""
        return list(self._running)

    def actors(self) -> Collection[Actor]:
        """The actors of the rooms in memory."""
        return list(self._running.values())

    def get(self, room_code: RoomCode) -> Actor | None:
        """The actor of a room in memory."""
        return self._running.get(room_code)

    def connection_lost(self, room_code: RoomCode, lost: ConnectionLost) -> None:
        """Tell a room that a connection is gone; a room that is not in memory knows of none."""
        running = self._running.get(room_code)
        if running is not None:
            running.offer(lost)

    def open(self, claim: Claim) -> None:
        """Work on a room that was claimed because one of its timers is due."""
        if not self._is_stopping and claim.room_code not in self._running:
            self._start(Actor(self._env, claim.room_code, heritage=self._left_here(claim.room_code)), claim)

    def _left_here(self, room_code: RoomCode) -> Heritage:
        """What there is here of a room that was another node's as far as is known: it is not both here and there."""
        return Heritage() if self._env.elsewhere is None else self._env.elsewhere.let_go(room_code)

    async def discard_fenced(self) -> None:
        """After the lease has lapsed: end every room that another node has claimed meanwhile.

        Raises:
            StoreError: The store did not answer; nothing may be said until it does.
        """
        self.lapses += 1
        for actor in self._running.values():
            actor.distrust()
        rooms = [actor.room for actor in self._running.values() if actor.room is not None]
        ends = await self._env.store.log_ends([room.room_epoch[0] for room in rooms])
        for room in rooms:
            room_id, epoch = room.room_epoch
            if room_id not in ends or ends[room_id].epoch != epoch:
                room.fence()

    def tell_again(self) -> None:
        """After the lease has lapsed: notices may have been lost, which are not sent without one."""
        for actor in self._running.values():
            actor.offer(NoticesMissed())

    def refuse_creations(self) -> None:
        """Make no rooms from now on: the node is leaving."""
        self._makes_rooms = False

    async def stop(self) -> None:
        """End all rooms, each when what it decided is kept and told. Bound it by a time-out, then `abort`."""
        self._is_stopping = True
        for actor in self._running.values():
            actor.stop()
        # A room in the making begins a task of its own.
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def abort(self) -> None:
        """End what has not ended."""
        self._is_stopping = True
        while self._tasks:
            await tasks.end(self._tasks)

    def _send_creation(self, request: Request) -> ErrorCode | None:
        if self._is_stopping:
            return ErrorCode.UNAVAILABLE
        user_id = request.user.user_id
        made = self._made_before(request)
        if made is not None:
            return self._offer(made, request)
        if self._env.memberships.is_full(user_id, None, coming=self._creators[user_id]):
            return ErrorCode.RATE_LIMITED
        if not self._makes_rooms or self._creators.total() >= CREATIONS_AT_ONCE or not self.vacancies:
            return ErrorCode.UNAVAILABLE
        if self._env.admission.turns_away("rooms"):
            return ErrorCode.UNAVAILABLE
        self._creators[user_id] += 1
        self._own(tasks.start(self._create(request), name="create room"))
        return None

    def _made_before(self, request: Request) -> RoomCode | None:
        """The room that the same command made, if it is in memory: no limit must keep a retry from its `ok`."""
        since_ms = self._env.clock.now_ms() - REMEMBERED_MS
        user_id = request.user.user_id
        for room_code in self._env.memberships.of(user_id):
            room = self._running[room_code].room
            if room is not None and room.was_made_by(user_id, request.command.id, since_ms=since_ms):
                return room_code
        return None

    def _own(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _create(self, request: Request) -> None:
        lapses = self.lapses
        try:
            outcome = await create_room(self._env, request)
        finally:
            self._creators -= Counter([request.user.user_id])
        is_new = isinstance(outcome, Created) and outcome.claim.room_code not in self._running
        if isinstance(outcome, Created) and is_new and lapses == self.lapses:
            actor = Actor(self._env, outcome.claim.room_code)
            # Before it answers: if its maker is gone by then, it is told so.
            self._start(actor)
            actor.begin_with(outcome.claim, request, outcome.change)
            if self._is_stopping:
                actor.stop()
            return
        if isinstance(outcome, ErrorCode):
            refused: ErrorCode | None = outcome
        elif self._is_stopping:
            refused = ErrorCode.UNAVAILABLE
        else:
            # Made before; or, opened by a quicker retry before its maker heard of it; or taken from us, perhaps.
            code = outcome.claim.room_code if isinstance(outcome, Created) else outcome.room_code
            refused = self._offer(code, request)
        if refused is not None:
            turning_away.refuse(self._env, RoomCode(""), [request], refused)

    def _offer(self, room_code: RoomCode, entry: Request | Subscription) -> ErrorCode | None:
        running = self._running.get(room_code)
        if running is not None:
            return running.offer(entry)
        left = self._left_here(room_code)
        heritage = msgspec.structs.replace(left, entries=(*left.entries, entry))
        self._start(Actor(self._env, room_code, heritage=heritage))
        return None

    def _start(self, actor: Actor, claim: Claim | None = None) -> None:
        self._own(tasks.start(self._run(actor, claim), name=f"room {actor.room_code}"))
        self._running[actor.room_code] = actor

    async def _run(self, actor: Actor, claim: Claim | None) -> None:
        ending: Ending = "broken"
        try:
            try:
                ending = await actor.run(claim)
            finally:
                self._end(actor, ending)
        except Exception:
            # The task goes on, whichever of the two failed: a room without an actor must not stay ours.
            log.exception("a room ended by a defect", room_code=actor.room_code)
        await self._give_up(actor)
        actor.let_go()

    async def _give_up(self, actor: Actor) -> None:
        """Of a room that stays ours without an actor, other nodes hear from us alone; so it is tried more than once."""
        for _ in range(_RELEASES):
            if self._is_stopping or await actor.give_up():
                return
            await asyncio.sleep(_RELEASE_RETRY_SECONDS)
        log.error("room not given up", room_code=actor.room_code)

    def _note_fault(self, actor: Actor, ending: Ending) -> None:
        if actor.claimed is None:
            return
        if ending == "broken" or actor.is_faulty:
            self._resting.broke(actor.claimed)
        elif ending == "retired":
            self._resting.worked(actor.claimed)

    def _end(self, actor: Actor, ending: Ending) -> None:
        """Take the actor off the register, and start another where something waits for one."""
        del self._running[actor.room_code]
        self._note_fault(actor, ending)
        self._env.memberships.update(actor.room_code, ())
        if ending in {"broken", "given up"}:
            self._close_attached(actor.room_code)
        if self._is_stopping:
            actor.refuse_waiting(ErrorCode.UNAVAILABLE)
            return
        if actor.owner is not None:
            # Also when it was taken from us: not all who listen to it from elsewhere notice that by themselves.
            self._env.outlet.deliver([Moved(actor.room_code, actor.take_strangers())])
        heritage = actor.heritage(keeps_sockets=ending in {"discarded", "elsewhere", "moved"})
        if actor.owner is not None and self._env.elsewhere is not None:
            self._env.elsewhere.settle(actor.room_code, actor.owner, heritage)
        elif heritage.sockets or any(isinstance(entry, Request | Subscription) for entry in heritage.entries):
            self._start(Actor(self._env, actor.room_code, heritage=heritage))
