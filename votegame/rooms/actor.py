"""The actor of a room: one task, alone in changing it.

It opens the room, takes one message after the other from its inbox, and ends when the room is idle, closed, fenced off
or broken; the log stays. What still waits when it ends goes to the actor that comes after it.
"""

import asyncio
from typing import Final, Literal

import msgspec
import structlog

from votegame.errors import ErrorCode
from votegame.game.change import Change, Refusal
from votegame.game.commands import JoinRoom, Resume
from votegame.game.messages import AnswersChecked, Loaded, NoticesMissed
from votegame.game.state import State, strangers
from votegame.ids import NodeId, RoomCode, RoomId
from votegame.rooms import turning_away
from votegame.rooms.alarm import Alarm
from votegame.rooms.effects import EffectRunner
from votegame.rooms.environment import Environment
from votegame.rooms.inbox import INBOX_ENTRIES, ConnectionLost, Entry, Heritage, Inbox, Request, Subscription
from votegame.rooms.opening import Elsewhere, NotFound, NotNow, Opened, Outcome
from votegame.rooms.ownership import Ownership
from votegame.rooms.ports import Claim, CloseAttached, Detach, Moved
from votegame.rooms.room import Room
from votegame.wire.close_codes import CloseCode

_TURNS_AT_ONCE: Final = 8
"""Turns of a backlog before other rooms get the loop."""

Ending = Literal["never opened", "elsewhere", "moved", "given up", "retired", "discarded", "broken", "stopped"]
"""`elsewhere`: another node owns the room; `moved`: it was handed over to one; `given up`: to nobody in particular."""

log = structlog.get_logger(__name__)


class Actor:
    """Runs one room. Its owner, the registry, starts `run` as a task.

    Attributes:
        room_code: The room.
        room: The room, once it is open.
    """

    def __init__(self, env: Environment, room_code: RoomCode, *, heritage: Heritage | None = None) -> None:
        self.room_code = room_code
        self.room: Room | None = None
        self._env = env
        self._heritage = heritage or Heritage()
        self._inbox = Inbox()
        for entry in self._heritage.entries:
            self._inbox.offer(entry)
        self._wake = asyncio.Event()
        self._alarm = Alarm(self._wake.set)
        self._effects = EffectRunner(env.questions, env.moderator, self._offer_checked)
        self.owner: NodeId | None = None
        """The node that owns the room, when it turned out, or was made, to be another one's."""
        self._is_stopping = False
        self._is_broken = False
        self._is_moving = False
        self._moves_to: NodeId | None = None
        self._must_hear_of_commits = True
        self._ownership = Ownership(env, room_code)
        self._busy_at = env.clock.seconds()

    def offer(self, entry: Entry) -> ErrorCode | None:
        """Put `entry` into the inbox; an error code when it is refused at the door."""
        if isinstance(entry, Request):
            if self._is_stopping or self._is_shut_for(entry):
                return ErrorCode.UNAVAILABLE
            self._busy_at = max(self._busy_at, entry.received_at)
        if not self._inbox.offer(entry):
            return ErrorCode.RATE_LIMITED
        self._wake.set()
        return None

    def _is_shut_for(self, request: Request) -> bool:
        """Whether commits are so late that another change could not be kept in time, or too much waits for them.

        Or the node has too much to do for one who would be a new member. Of a room that is not open yet, nobody knows
        who is.
        """
        if self.room is None:
            return False
        if self.room.backlog >= INBOX_ENTRIES:
            return True
        if self.room.is_late() and not isinstance(request.command, Resume):
            return True
        is_newcomer = request.user.user_id not in self.room.state.members and isinstance(request.command, JoinRoom)
        return is_newcomer and self._env.admission.turns_away("joins")

    def _offer_checked(self, checked: AnswersChecked) -> None:
        self.offer(checked)

    def hand_over(self, node_id: NodeId | None) -> None:
        """Give the room to another node, between two commits; what waits in the inbox goes there, too.

        Without one, or when nobody is there who would ask for it, it is given up, and goes to whoever wants it first.
        """
        if self.room is not None and not self._is_moving:
            self._is_moving, self._moves_to = True, node_id
            self._wake.set()

    @property
    def is_moving(self) -> bool:
        """Whether it is being handed over."""
        return self._is_moving

    def stop(self) -> None:
        """Take nothing more; the task ends when all that was decided is kept and told."""
        self._is_stopping = True
        self._wake.set()

    def distrust(self) -> None:
        """The lease has lapsed: a room that was claimed before, and is only now being loaded, may not be ours."""
        if self.room is None:
            self._ownership.distrust()

    def begin_with(self, claim: Claim, request: Request, change: Change) -> None:
        """The room was just made; call before `run`."""
        self.room = self._room(claim, change.state)
        self.room.start({})
        self.room.open_with(request, change)

    def _room(self, claim: Claim, state: State) -> Room:
        self._ownership.begin_with(claim)
        return Room(self._env, claim, state, on_progress=self._progressed, effects=self._effects)

    def _progressed(self) -> None:
        """Something was committed, or will never be. Most often nobody has waited for that."""
        room = self.room
        if self._must_hear_of_commits or room is None or room.condition != "live" or room.was_shut:
            self._wake.set()

    async def run(self, claim: Claim | None = None) -> Ending:
        """Open the room, unless it was just made, and work until it ends. `claim` is one that was made already."""
        try:
            if self.room is None:
                self.room = await self._opened(claim)
            if self.room is None:
                return "never opened" if self.owner is None else "elsewhere"
            return await self._work(self.room)
        finally:
            self._alarm.clear()
            if self.room is not None:
                self.room.close()
            await self._effects.close()

    async def _opened(self, claim: Claim | None) -> Room | None:
        """The room, loaded and begun; when that cannot be, what waits is answered."""
        opened: Outcome = NotNow(is_broken=True)
        try:
            opened = await self._ownership.open(claim)
            if isinstance(opened, Opened):
                room = self._room(opened.claim, opened.state)
                must_tell_again = self._inherit(room)
                if claim is not None and not room.presence.has_sockets:
                    room.expect_nobody(opened.last_record_ms)
                room.tell(Loaded())
                if must_tell_again:
                    room.tell(NoticesMissed())
                return room
            if isinstance(opened, Elsewhere):
                self.owner = opened.node_id
                return None
            self._is_broken = isinstance(opened, NotNow) and opened.is_broken
        except Exception:
            # What waits must be answered, whatever happened.
            log.exception("a room could not be begun", room_code=self.room_code)
            self._is_broken, opened = True, NotNow(is_broken=True)
        await self._turn_away(opened)
        self._refuse_all(opened)
        return None

    async def _turn_away(self, outcome: Opened | NotFound | NotNow) -> None:
        """Of a log that another node may read: send whoever asks from elsewhere to look for that node, or to be it."""
        if not isinstance(outcome, NotNow) or not outcome.may_be_read or not await self.give_up():
            return
        asking = self.take_strangers()
        if asking:
            self._env.outlet.deliver([Moved(self.room_code, asking)])

    def _inherit(self, room: Room) -> bool:
        """Keep the connections that are attached, if they were told all events that are kept.

        Returns whether there are any, who must be told again what notices tell.
        """
        heritage = self._heritage
        if not heritage.sockets:
            room.start({}, heritage.gone)
        elif heritage.told == room.told:
            room.start(heritage.sockets, heritage.gone, heritage.nodes)
            # Who was detached by the last event, and not told so, since its owner died. They are let go ahead of the
            # gate: all that this follows from was loaded, and so is kept, and nothing of the room has left it yet.
            gone = strangers(room.state, heritage.sockets)
            self._env.outlet.deliver([Detach(self.room_code, user_id) for user_id in gone])
            return True
        else:
            self._close_attached()
            room.start({})
        return False

    def _close_attached(self) -> None:
        self._env.outlet.deliver([CloseAttached(self.room_code, CloseCode.RESTARTING)])

    def _refuse_all(self, outcome: Opened | NotFound | NotNow) -> None:
        # Never `internal`: without its log the room cannot tell a new command from one that it has carried out.
        self.refuse_waiting(ErrorCode.ROOM_NOT_FOUND if isinstance(outcome, NotFound) else ErrorCode.UNAVAILABLE)
        if self._heritage.sockets:
            self._close_attached()

    def refuse_waiting(self, code: ErrorCode) -> None:
        """Answer everything that waits with `code`; none of it was decided."""
        turning_away.refuse(self._env, self.room_code, self._inbox.take_all(), code)

    async def _work(self, room: Room) -> Ending:
        while True:
            self._wake.clear()
            if room.condition != "live":
                return "discarded"
            if self._is_over(room):
                return await self._ended()
            n_taken = 0 if self._is_ending else self._take_turns(room)
            if n_taken:
                if n_taken == _TURNS_AT_ONCE or self._inbox:
                    await asyncio.sleep(0)
                continue
            self._set_alarm(room)
            await self._wake.wait()

    def _take_turns(self, room: Room) -> int:
        """Take a few turns, one after the other; returns how many there were to take."""
        now = self._env.clock.now_ms()
        # What only becomes due by one of these turns comes after them.
        is_due = room.has_due(now)
        for n_taken in range(_TURNS_AT_ONCE):
            if self._is_broken or not self._step(room, now, is_due=is_due):
                return n_taken
        return _TURNS_AT_ONCE

    @property
    def _is_ending(self) -> bool:
        """Whether no turn is taken any more."""
        return self._is_broken or self._is_stopping or self._is_moving

    async def _ended(self) -> Ending:
        if self._is_broken:
            return "broken"
        if self._is_stopping:
            return "stopped"
        if not self._is_moving:
            return "retired"
        assert self.room is not None
        # Nobody would tell the other node of a room without connections; given up, it is found by its deadline.
        node_id = self._moves_to if self.room.presence.has_sockets else None
        if node_id is None:
            return "given up"
        await self._ownership.hand_over(node_id)
        self.owner = node_id
        return "moved"

    def _is_over(self, room: Room) -> bool:
        if self._is_ending:
            return room.is_settled
        if self._inbox or room.presence.has_sockets or not room.is_settled:
            return False
        if room.is_closed:
            return True
        if self._retire_in(room) > 0:
            return False
        room.store_deadline(exactly=True)
        return room.is_settled

    def _retire_in(self, room: Room) -> float:
        """Seconds until an idle room may go: nobody came, no grace period runs, and no timer is near."""
        idle = self._env.clock.seconds() - self._busy_at
        left = self._env.retire_seconds - idle
        due_ms, now = room.next_due_ms(), self._env.clock.now_ms()
        is_near = due_ms is not None and due_ms - now < self._env.retire_seconds * 1000
        if due_ms is None or not (is_near or room.presence.next_change_ms() is not None):
            return left
        return max(left, (due_ms - now) / 1000 + 0.001)

    def _step(self, room: Room, now: int, *, is_due: bool) -> bool:
        """Take one turn, if there is one to take; `is_due` says whether any may be due by itself at `now`."""
        entry: Entry | None = None
        try:
            if is_due and room.has_due(now) and not self._is_first(room, now):
                if room.take_due(now):
                    return True
                if room.is_holding(now):
                    return False
            entry = self._inbox.take()
            if entry is None:
                return False
            self._take(room, entry)
        except Exception:
            # A bug in one room's turn ends that room; the next actor folds what is kept.
            log.exception("a turn failed", room_code=self.room_code, position=room.state.position)
            self._is_broken = True
            if isinstance(entry, Request):
                room.refuse(entry, Refusal(ErrorCode.INTERNAL))
        return True

    def _is_first(self, room: Room, now: int) -> bool:
        """Whether the next entry comes before what is due: it, or one behind it, was received while that was not due.

        A node that was busy when a phase should have ended must not refuse who was in time. What is received from now
        on was not, so at most an inbox is taken first.
        """
        due_ms = room.due_since(now) if self._inbox else None
        if due_ms is None:
            return False
        return self._inbox.holds_from_before(self._env.clock.seconds() - (now - due_ms) / 1000)

    def _take(self, room: Room, entry: Entry) -> None:
        match entry:
            case Request():
                # After this long the gateway has said `unavailable`, which must stay true.
                if self._env.clock.seconds() - entry.received_at < self._env.reply_seconds:
                    room.answer(entry)
            case Subscription():
                if self._env.clock.seconds() - entry.received_at < self._env.reply_seconds:
                    room.catch_up(entry)
            case ConnectionLost():
                room.connection_lost(entry)
            case AnswersChecked():
                self._effects.settle(entry)
                room.tell(entry)
            case NoticesMissed():
                room.tell(entry)

    def _set_alarm(self, room: Room) -> None:
        now, due_ms = self._env.clock.now_ms(), room.next_due_ms()
        wait = None if due_ms is None else (due_ms - now) / 1000
        has_sockets = room.presence.has_sockets
        if not has_sockets:
            wait = self._retire_in(room) if wait is None else min(wait, self._retire_in(room))
        # What is due waits for the commit of what is before it, and so does the end of the actor.
        is_waiting = self._is_ending or not has_sockets or (wait is not None and wait <= 0)
        self._must_hear_of_commits = is_waiting and not room.is_settled
        self._alarm.set(None if self._must_hear_of_commits else wait)

    @property
    def claimed(self) -> RoomId | None:
        """See `Ownership.room_id`."""
        return self._ownership.room_id

    @property
    def is_faulty(self) -> bool:
        """Whether the room ended, or was not opened, over something that may well happen again."""
        return self._is_broken or (self.room is not None and self.room.condition == "refused")

    def take_strangers(self) -> tuple[NodeId, ...]:
        """Take what other nodes have asked out of the inbox; returns which nodes those are."""
        return self._inbox.take_strangers()

    def heritage(self, *, keeps_sockets: bool) -> Heritage:
        """What is left when `run` is over."""
        entries = tuple(self._inbox.take_all())
        if not keeps_sockets:
            return Heritage(entries)
        if self.room is None:
            return msgspec.structs.replace(self._heritage, entries=entries)
        presence = self.room.presence
        return Heritage(
            entries, presence.told_sockets(), presence.told_gone(), self.room.told, presence.nodes_of_sockets()
        )

    def let_go(self) -> None:
        """All is over: let go of the room. It and its parts know each other, and would be left to the collector."""
        if self.room is not None:
            self.room.let_go()
            self.room = None

    async def give_up(self) -> bool:
        """See `Ownership.give_up`."""
        return await self._ownership.give_up()
