"""A room in memory: its state, who is there, its log's writer and its gate. Synchronous; its actor drives it.

What it holds in `state` is ahead of what is kept: a turn gives its records to the journal and its outputs to the gate,
and does not wait.
"""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from math import ceil
from types import MappingProxyType
from typing import Final, Literal

from votegame.errors import ErrorCode
from votegame.game.change import Change, Notice, Ok, Refusal, Reply, Resumption, Whisper
from votegame.game.commands import React
from votegame.game.found import Found
from votegame.game.messages import GateWasShut, Message, NoticesMissed, Timer, TimerDue
from votegame.game.records import to_row
from votegame.game.rules import decide
from votegame.game.state import Closed, Finished, State, strangers
from votegame.ids import ConnectionId, NodeId, RoomId, UserId
from votegame.rooms.dues import Dues
from votegame.rooms.effects import EffectRunner
from votegame.rooms.environment import Environment
from votegame.rooms.gate import AddressedReply, CaughtUp, Gate, Output
from votegame.rooms.inbox import ConnectionLost, Request, Subscription
from votegame.rooms.log_writer import LogWriter
from votegame.rooms.ports import Attached, Claim, Place, RoomHead
from votegame.rooms.presence import PresenceTracker
from votegame.rooms.reaction_rates import ReactionRates

_FULL_RETRY_SECONDS: Final = 1

SHUT_SECONDS: Final = 1.0
"""A commit that takes longer shuts the room: commands are refused meanwhile, and deadlines move by that time."""

CLOCK_ERROR_MS: Final = 1_000
"""How far the node's clock may be from the database's, as long as nobody sets one: what measuring can leave."""

Condition = Literal["live", "fenced", "refused"]


class Room:
    """One room that this node has claimed and loaded, or made.

    Attributes:
        state: The room as decided so far.
        presence: Who is connected.
        condition: `live`, or why nothing of it can be written any more.
    """

    def __init__(
        self,
        env: Environment,
        claim: Claim,
        state: State,
        *,
        on_progress: Callable[[], None],
        effects: EffectRunner,
    ) -> None:
        """Take over a room whose log ends where `state` does.

        Args:
            env: What rooms share.
            claim: The claim under which it was loaded.
            state: The fold of its log.
            on_progress: Called when something was committed, or will never be.
            effects: Does what the rules wish for, and says what came of it.
        """
        self.state = state
        self.presence = PresenceTracker(grace_ms=env.house.grace_ms)
        self.condition: Condition = "live"
        self._env = env
        self._on_progress = on_progress
        self._effects = effects
        self._gate = Gate(claim.room_code, env.outlet, env.clock, committed=state.position, told_seq=state.seq)
        self._writer = LogWriter(claim.room_id, claim.epoch, committed=state.position, listener=self)
        self._reaction_rates = ReactionRates(are_on=env.rates_are_on)
        self._stored_deadline_ms: int | None = None
        self._shut_counted_until = 0.0
        self._shut_seconds = 0.0
        self._dues = Dues(self.presence, env.house)
        self._found = Found()

    @property
    def is_closed(self) -> bool:
        """Whether the room is gone for its members."""
        return self.state.phase.name == Closed.name

    @property
    def was_shut(self) -> bool:
        """Whether deadlines have yet to move, because a commit took so long."""
        return self._shut_seconds > 0

    @property
    def is_settled(self) -> bool:
        """Whether all that was decided is kept and told."""
        return self._gate.is_idle and self._writer.oldest_at is None

    @property
    def told(self) -> Place:
        """Up to where members were told the room's events."""
        return Place(self.state.stream, self._gate.told_seq)

    @property
    def decided(self) -> Place:
        """Up to where the room's events are decided."""
        return Place(self.state.stream, self.state.seq)

    @property
    def backlog(self) -> int:
        """How many turns wait for their commit."""
        return self._gate.backlog

    @property
    def room_epoch(self) -> tuple[RoomId, int]:
        """The room and the ownership period that this node writes in."""
        return self._writer.room_id, self._writer.epoch

    def was_made_by(self, user_id: UserId, command_id: str, *, since_ms: int) -> bool:
        """Whether the user's command of that id made this room, after `since_ms`."""
        first = self.state.remembered.find(user_id, command_id, since_ms=since_ms)
        return first is not None and first.has_state and not self.is_closed

    def is_late(self) -> bool:
        """Whether a commit has been under way for so long that no command should be taken."""
        oldest_at = self._writer.oldest_at
        return oldest_at is not None and self._env.clock.seconds() - oldest_at > SHUT_SECONDS

    def start(
        self,
        sockets: Mapping[UserId, AbstractSet[ConnectionId]],
        gone: AbstractSet[UserId] = frozenset(),
        nodes: Mapping[ConnectionId, NodeId] = MappingProxyType({}),
    ) -> None:
        """Begin with what is known: the connections, the members of whom others know that they are gone, and the nodes.

        `nodes` says of connections that are not this node's over which one they came.
        """
        self.presence.start(self.state.members, sockets, self._env.clock.now_ms(), gone, nodes)
        self._count_members()

    def expect_nobody(self, last_record_ms: int) -> None:
        """The room was opened for a timer: that it closes is counted from its last sign of life, not from now.

        Else each opening would put it off. Those who come back with their node get a last while all the same.
        """
        # Less than idle rooms stay in memory, so that the room is still there when it closes.
        last_while_ms = round(self._env.retire_seconds * 900)
        closes_soon = self._env.clock.now_ms() - self._env.house.closing_ms + last_while_ms
        self.presence.expect_nobody(max(last_record_ms, closes_soon))

    def answer(self, request: Request) -> None:
        """The turn of a command."""
        # He is there, by this very command: over HTTP, say, or over a connection that gets no frames of this room.
        self.presence.seen(request.user.user_id, self._env.clock.now_ms())
        wait = self._wait_to_react(request)
        if wait:
            self.refuse(request, Refusal(ErrorCode.RATE_LIMITED, {"retry_after": ceil(wait)}))
            return
        change = self._decide(request.message())
        if self._is_one_room_too_many(request.user.user_id, change):
            self.refuse(request, Refusal(ErrorCode.RATE_LIMITED, {"retry_after": _FULL_RETRY_SECONDS}))
            return
        reply = change.reply
        assert reply is not None
        addressed = self._attach(request, reply, change.state)
        self._carry_out(change, addressed)
        self._env.observe_turn(_outcome(reply))

    def _is_one_room_too_many(self, user_id: UserId, change: Change) -> bool:
        """Whether the change would make a member of one who is in as many other rooms as he may be in.

        Not at the door, which knows neither the members of a room that is not in memory, nor whether the command is a
        repetition, nor what else speaks against it.
        """
        is_joining = user_id in change.state.members and user_id not in self.state.members
        return is_joining and self._env.memberships.is_full(user_id, self.state.room_code)

    def _wait_to_react(self, request: Request) -> float:
        """Seconds until a member may react again; 0.0 for one who may, and for all that the rules are to refuse."""
        user_id = request.user.user_id
        if type(request.command) is not React or user_id not in self.state.members:
            return 0.0
        return self._reaction_rates.take(user_id, self._env.clock.seconds())

    def open_with(self, request: Request, change: Change) -> None:
        """Tell the one who made the room, which is kept already."""
        assert change.reply is not None
        addressed = self._attach(request, change.reply, change.state)
        self.presence.told_up_to(change.state.position)
        self._gate.add(change.state.position, [addressed], members=1)
        for effect in change.effects:
            self._effects.run(effect)
        self._env.observe_turn(_outcome(change.reply))

    def _attach(self, request: Request, reply: Reply, after: State) -> AddressedReply:
        """The connection that the request came over gets the room's frames from now on, if the reply says so."""
        connection_id, user_id = request.origin.connection_id, request.user.user_id
        attached = None
        if connection_id is not None and _attaches(reply):
            self.presence.attached(user_id, connection_id, after.position, request.origin.node_id)
            attached = Attached(user_id, Place(after.stream, after.seq))
        return AddressedReply(request.origin, request.command.id, reply, attached)

    def catch_up(self, subscription: Subscription) -> None:
        """The turn of a gateway node that may have missed something: its connections are attached again.

        Those that it does not name are gone: what told of that may be lost, and who came in a turn that is still held
        back is not known outside.
        """
        self.presence.keep_named(subscription.node_id, subscription.named, self._env.clock.now_ms())
        for user_id, connection_ids in subscription.sockets.items():
            if user_id in self.state.members:
                for connection_id in connection_ids:
                    self.presence.attached(user_id, connection_id, self.state.position, subscription.node_id)
        told = self._decide(NoticesMissed()).public
        notices = tuple(notice for notice in told if isinstance(notice, Notice))
        caught_up = CaughtUp(subscription, self.decided, strangers(self.state, subscription.sockets), notices)
        whispers = [whisper for whisper in told if isinstance(whisper, Whisper)]
        self._gate.add(self.state.position, [caught_up, *whispers], members=len(self.state.members))
        if self._gate.is_idle:
            self.presence.told_up_to(self.state.position)
        self.store_deadline()

    def tell(self, message: Message) -> None:
        """The turn of any other message."""
        self._carry_out(self._decide(message))

    def connection_lost(self, lost: ConnectionLost) -> None:
        """A connection is gone; consequences follow when its grace period is over."""
        self.presence.lost(lost.user_id, lost.connection_id, self._env.clock.now_ms())
        self.store_deadline()

    def _decide(self, message: Message) -> Change:
        env = self._env
        return decide(
            self.state,
            message,
            presence=self.presence.view(),
            now=env.clock.now_ms(),
            rng=env.rng,
            house=env.house,
            outside=self._effects.outside(),
            found=self._found,
        )

    def _carry_out(self, change: Change, *first: Output) -> None:
        # First what may fail: until here nothing has happened.
        rows = tuple([to_row(record) for record in change.records])
        before, self.state = self.state, change.state
        if change.state.members is not before.members:
            self.presence.keep_only(change.state.members, self._env.clock.now_ms(), change.state.position)
            self._reaction_rates.keep_only(change.state.members)
        if change.state.members is not before.members or change.state.phase.name != before.phase.name:
            self._count_members()
        outputs = (*first, *change.public)
        if outputs or change.records:
            self._gate.add(change.state.position, outputs, members=len(change.state.members))
        if self._gate.is_idle:
            self.presence.told_up_to(change.state.position)
        if rows:
            self._env.journal.write(self._writer, rows, self._head())
        else:
            self.store_deadline()
        for effect in change.effects:
            self._effects.run(effect)

    def _count_members(self) -> None:
        state = self.state
        counted = () if isinstance(state.phase, (Finished, Closed)) else state.members
        self._env.memberships.update(state.room_code, counted)

    def _head(self) -> RoomHead:
        state = self.state
        self._stored_deadline_ms = self._next_deadline_ms()
        return RoomHead(
            status=state.phase.name,
            host_id=state.host_id,
            settings=state.settings,
            next_deadline_ms=self._stored_deadline_ms,
        )

    def _next_deadline_ms(self) -> int | None:
        """When another node must look after this room, should this one be dead: the earliest of all timers."""
        if self.is_closed:
            return None
        timer = self.next_timer()
        # Without a timer everyone is connected: if the node dies and nobody comes back, the room must still close.
        return self._env.clock.now_ms() + self._env.house.closing_ms if timer is None else timer.due_ms

    def store_deadline(self, *, exactly: bool = False) -> None:
        """Have the next deadline stored, if it is earlier than the stored one, or, `exactly`, if it differs."""
        due_ms, stored_ms = self._next_deadline_ms(), self._stored_deadline_ms
        if due_ms is None or due_ms == stored_ms:
            return
        if exactly or stored_ms is None or due_ms < stored_ms:
            self._env.journal.write(self._writer, (), self._head())

    def next_timer(self) -> Timer | None:
        """The timer that is due first."""
        return self._dues.timer(self.state)

    def next_due_ms(self) -> int | None:
        """When the room has something to do by itself, in database milliseconds; None when it has not."""
        return self._dues.first_ms(self.state)

    def has_due(self, now: int) -> bool:
        """Whether there is something to do by itself at `now`, in database milliseconds."""
        due_ms = self.next_due_ms()
        return self.was_shut or self.presence.has_returned or (due_ms is not None and due_ms <= now)

    def due_since(self, now: int) -> int | None:
        """When what is due by itself at `now` was due first, in database milliseconds; None when nothing is.

        Neither is it while deadlines have yet to move, because the room was shut.
        """
        due_ms = self.next_due_ms()
        return None if self._shut_seconds or due_ms is None or due_ms > now else due_ms

    def take_due(self, now: int) -> bool:
        """Take the turn that is due by itself, if there is one, at `now` in database milliseconds."""
        if self._shut_seconds:
            shut_ms, self._shut_seconds = int(self._shut_seconds * 1000), 0.0
            self.tell(GateWasShut(shut_ms))
            return True
        changes = self.presence.take_changes(now)
        if changes is not None:
            self.tell(changes)
            return True
        timer = self.next_timer()
        if timer is None or timer.due_ms > now or not self._gate.is_idle:
            return False
        self.tell(TimerDue(timer))
        return True

    def is_holding(self, now: int) -> bool:
        """Whether a timer is due and waits for all before it to be committed; nothing may overtake it."""
        timer = self.next_timer()
        return timer is not None and timer.due_ms <= now and not self._gate.is_idle

    def refuse(self, request: Request, refusal: Refusal) -> None:
        """Answer a command without a turn, in its place."""
        addressed = AddressedReply(request.origin, request.command.id, refusal)
        self._gate.add(self.state.position, [addressed], members=len(self.state.members))
        self._env.observe_turn(_outcome(refusal))

    def fence(self) -> None:
        """Another owner has the room: nothing more is written or said."""
        self._writer.fence()

    def close(self) -> None:
        """Nothing leaves any more by itself."""
        self._gate.close()

    def let_go(self) -> None:
        """The room has ended, and what is left to do is done: keep nothing that keeps the room."""
        self._writer.let_go()

    def committed(self, position: int, server_time_ms: int, oldest_at: float) -> None:
        """See `votegame.rooms.log_writer.LogListener`."""
        now = self._env.clock.seconds()
        shut = now - max(oldest_at, self._shut_counted_until)
        if shut > SHUT_SECONDS:
            self._shut_counted_until = now
            self._shut_seconds += shut
        self._gate.open_to(position, self._told_time_ms(server_time_ms, now - oldest_at))
        self.presence.told_up_to(position)
        self._on_progress()

    def _told_time_ms(self, server_time_ms: int, pending_seconds: float) -> int:
        """The time of a commit, as members are told it together with deadlines, which are by the node's clock.

        That is the database's, unless it was set by more than an error: a commit is never later than now, and never
        earlier than what it keeps was decided. Else every countdown would be wrong by as much.
        """
        now = self._env.clock.now_ms()
        earliest_ms = now - int(pending_seconds * 1000) - CLOCK_ERROR_MS
        return max(earliest_ms, min(server_time_ms, now + CLOCK_ERROR_MS))

    def fenced(self) -> None:
        """See `votegame.rooms.log_writer.LogListener`."""
        self._gate.discard(None)
        self.condition = "fenced"
        self._on_progress()

    def refused(self, position: int) -> None:
        """See `votegame.rooms.log_writer.LogListener`."""
        self._gate.discard(position)
        self.condition = "refused"
        self._on_progress()


def _attaches(reply: Reply) -> bool:
    return reply.attach if isinstance(reply, Ok) else isinstance(reply, Resumption)


def _outcome(reply: Reply) -> str:
    return str(reply.code) if type(reply) is Refusal else "ok"
