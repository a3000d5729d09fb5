"""The output gate of a room: the only way out.

Every output carries the position at which it was decided, and leaves, in order, when that position is committed.
Refusals and reads go through it too: they tell of a state that must not be seen before it is kept. What leaves is
encoded here, once for all members.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Final

from msgspec import Struct

from votegame.clock import Clock
from votegame.errors import ErrorCode
from votegame.game.change import Event, Notice, Ok, Refusal, Reply, Resumption, Whisper
from votegame.game.views import now_fields, snapshot
from votegame.ids import RoomCode, UserId
from votegame.rooms.history import History, Kept
from votegame.rooms.inbox import Subscription
from votegame.rooms.notices import LARGE_ROOM, PER_SUBJECT_SECONDS, REACTION, Notices, is_of_phase
from votegame.rooms.ports import (
    Attached,
    Delivery,
    Detach,
    Origin,
    Outlet,
    Place,
    ReplyFrame,
    Resumed,
    RoomFrame,
    WhisperFrame,
)
from votegame.wire import frames


class AddressedReply(Struct, frozen=True, gc=False):
    """A reply that waits, with where it goes and the `id` that it echoes; `attached` if it attaches a connection."""

    origin: Origin
    command_id: str
    reply: Reply
    attached: Attached | None = None


class CaughtUp(Struct, frozen=True, gc=False):
    """The answer to a subscription that waits, decided when the room's events stood at `place`.

    `strangers` are those of its users who were no members then, and `notices` all that notices tell, as it was then.
    """

    subscription: Subscription
    place: Place
    strangers: tuple[UserId, ...]
    notices: tuple[Notice, ...]


_NOTHING: Final[frozenset[int]] = frozenset()

Output = AddressedReply | CaughtUp | Event | Notice | Whisper


class _Waiting(Struct, frozen=True, gc=False):
    position: int
    outputs: tuple[Output, ...]
    members: int


class Gate:
    """Holds a room's outputs until their position is committed, then gives them to the outlet."""

    def __init__(self, room_code: RoomCode, outlet: Outlet, clock: Clock, *, committed: int, told_seq: int = 0) -> None:
        """Make the gate of a room whose log ends, all committed, at `committed`, and its events at `told_seq`."""
        self.told_seq = told_seq
        """The number of the last event that has left."""
        self._room_code = room_code
        self._outlet = outlet
        self._clock = clock
        self._committed = committed
        self._waiting: deque[_Waiting] = deque()
        self._history = History()
        self._notices = Notices()
        self._notice_timer: asyncio.TimerHandle | None = None

    @property
    def backlog(self) -> int:
        """How many turns have outputs that wait."""
        return len(self._waiting)

    @property
    def is_idle(self) -> bool:
        """Whether everything that was decided has left."""
        return not self._waiting

    def add(self, position: int, outputs: Iterable[Output], *, members: int) -> None:
        """Outputs decided at `position`, in order; `members` tells whether the room is a large one.

        Positions never fall from one call to the next.
        """
        waiting = _Waiting(position, tuple(outputs), members)
        if position > self._committed or self._waiting:
            self._waiting.append(waiting)
        elif waiting.outputs:
            self._outlet.deliver(self._encoded(waiting, self._clock.now_ms()))

    def open_to(self, position: int, server_time_ms: int) -> None:
        """All up to `position` is committed, what was not so before at `server_time_ms`."""
        deliveries: list[Delivery] = []
        outdated = self._outdated(position)
        try:
            while self._waiting and self._waiting[0].position <= position:
                deliveries += self._encoded(self._waiting[0], server_time_ms, outdated)
                self._waiting.popleft()
            self._committed = position
        finally:
            # Should a turn not let itself be encoded, those before it leave all the same.
            if deliveries:
                self._outlet.deliver(deliveries)

    def _outdated(self, position: int) -> AbstractSet[int]:
        """The ids of notices that need not leave: with them leaves a later one, or the end of their phase.

        The turn that ends a phase tells its own count, the last one of that phase, all the same.
        """
        if len(self._waiting) < 2 or self._waiting[1].position > position:  # noqa: PLR2004 - with one there is no later
            return _NOTHING
        outdated: set[int] = set()
        said: set[tuple[str, str]] = set()
        is_over = False
        for waiting in reversed(self._waiting):
            if waiting.position > position:
                continue
            ends_phase = False
            for output in reversed(waiting.outputs):
                if type(output) is Event:
                    ends_phase = ends_phase or output.ends_phase
                # Who reacts twice wants both to be seen.
                elif type(output) is Notice and output.type != REACTION:
                    key = (output.type, output.subject)
                    if key in said or (is_over and is_of_phase(output.type)):
                        outdated.add(id(output))
                    said.add(key)
            is_over = is_over or ends_phase
        return outdated

    def discard(self, guilty_position: int | None) -> None:
        """What waits was not, and will not be, written: its replies say so, the rest is forgotten.

        The command that was decided at `guilty_position` gets `internal`; the others can be sent again.
        """
        deliveries: list[Delivery] = []
        for waiting in self._waiting:
            code = ErrorCode.UNAVAILABLE
            if waiting.position == guilty_position:
                code, guilty_position = ErrorCode.INTERNAL, None
            deliveries += [
                self._reply(AddressedReply(output.origin, output.command_id, Refusal(code)))
                for output in waiting.outputs
                if isinstance(output, AddressedReply)
            ]
        self._waiting.clear()
        self.close()
        if deliveries:
            self._outlet.deliver(deliveries)

    def close(self) -> None:
        """Nothing leaves any more by itself."""
        if self._notice_timer is not None:
            self._notice_timer.cancel()
            self._notice_timer = None

    def _encoded(self, waiting: _Waiting, server_time_ms: int, outdated: AbstractSet[int] = _NOTHING) -> list[Delivery]:
        deliveries: list[Delivery] = []
        attaching: list[Delivery] = []
        for output in waiting.outputs:
            match output:
                case AddressedReply():
                    reply = self._reply(output)
                    # The `state` of a joiner includes what his joining caused, so he must not be sent it as well.
                    (attaching if reply.attach else deliveries).append(reply)
                case CaughtUp():
                    deliveries.append(self._caught_up(output))
                case Event():
                    deliveries += self._event(output, server_time_ms)
                case Notice():
                    if id(output) not in outdated:
                        deliveries += self._notice(output, waiting.members)
                case Whisper():
                    deliveries.append(self._whisper(output))
        return deliveries + attaching

    def _event(self, event: Event, server_time_ms: int) -> list[Delivery]:
        if event.ends_phase:
            self._notices.end_phase()
        frame = frames.event(
            event.type, self._room_code, seq=event.seq, server_time_ms=server_time_ms, fields=event.fields
        )
        kept = Kept(event.seq, frame, event.detaches, event.closes_room)
        self._history.keep(kept)
        self.told_seq = event.seq
        if event.detaches is not None:
            self._notices.forget(event.detaches)
        return [*self._retold(kept)]

    def _retold(self, kept: Kept) -> list[RoomFrame | Detach]:
        told: list[RoomFrame | Detach] = [
            RoomFrame(room_code=self._room_code, data=kept.frame, durable=True, seq=kept.seq)
        ]
        if kept.detaches is not None or kept.closes_room:
            told.append(Detach(self._room_code, kept.detaches))
        return told

    def _caught_up(self, output: CaughtUp) -> Resumed:
        subscription = output.subscription
        return Resumed(
            node_id=subscription.node_id,
            room_code=self._room_code,
            ref=subscription.ref,
            named=subscription.named,
            missed=self._missed(output),
        )

    def _missed(self, output: CaughtUp) -> tuple[RoomFrame | Detach, ...] | None:
        place = output.subscription.place
        if place is None:
            # Nobody has missed anything. Its place among the replies is what counts.
            return ()
        missed = self._history.between(place.seq, output.place.seq) if place.stream == output.place.stream else None
        if missed is None:
            return None
        events = [frame for kept in missed for frame in self._retold(kept)]
        # The event that detached them may have been heard, and the word behind it lost.
        gone = [Detach(self._room_code, user_id) for user_id in output.strangers]
        return (*events, *gone, *(self._notice_frame(notice) for notice in output.notices))

    def _notice(self, notice: Notice, members: int) -> list[Delivery]:
        if members <= LARGE_ROOM and not self._notices:
            return [self._notice_frame(notice)]
        self._notices.put(notice)
        return self._notices_due()

    def _notices_due(self) -> list[Delivery]:
        due: list[Delivery] = [self._notice_frame(notice) for notice in self._notices.take(self._clock.seconds())]
        if self._notices and self._notice_timer is None:
            loop = asyncio.get_running_loop()
            self._notice_timer = loop.call_later(PER_SUBJECT_SECONDS, self._send_notices)
        return due

    def _send_notices(self) -> None:
        self._notice_timer = None
        due = self._notices_due()
        if due:
            self._outlet.deliver(due)

    def _notice_frame(self, notice: Notice) -> RoomFrame:
        frame = frames.notice(notice.type, self._room_code, server_time_ms=self._clock.now_ms(), fields=notice.fields)
        return RoomFrame(room_code=self._room_code, data=frame, durable=False)

    def _whisper(self, whisper: Whisper) -> WhisperFrame:
        now = self._clock.now_ms()
        frame = frames.notice(whisper.type, self._room_code, server_time_ms=now, fields=whisper.fields)
        return WhisperFrame(self._room_code, whisper.user_id, frame)

    def _reply(self, addressed: AddressedReply) -> ReplyFrame:
        match addressed.reply:
            case Ok(fields, attach, durable):
                data = frames.ok(addressed.command_id, fields)
            case Refusal() as refusal:
                data = frames.error(refusal.code, addressed.command_id, refusal.details)
                attach, durable = False, False
            case Resumption():
                data, attach, durable = self._resumed(addressed.command_id, addressed.reply), True, False
        room_code = self._room_code if attach else None
        return ReplyFrame(
            origin=addressed.origin,
            data=data,
            room_code=self._room_code,
            attach=room_code,
            attached=addressed.attached if attach else None,
            durable=durable,
        )

    def _resumed(self, command_id: str, resumption: Resumption) -> bytes:
        state, user_id, presence = resumption.state, resumption.user_id, resumption.presence
        unchecked = resumption.unchecked
        room = {"room_code": self._room_code}
        missed = None
        if resumption.stream == state.stream:
            missed = self._history.between(resumption.last_seq, state.seq)
        if missed is None:
            shown = snapshot(state, user_id, presence, now=self._clock.now_ms(), unchecked=unchecked)
            return frames.ok(command_id, {**room, "recovered": False, "stream": state.stream, "state": shown})
        now = now_fields(state, user_id, presence, unchecked=unchecked)
        events = [frames.embedded(kept.frame) for kept in missed]
        return frames.ok(command_id, {**room, "recovered": True, "stream": state.stream, "events": events, "now": now})
