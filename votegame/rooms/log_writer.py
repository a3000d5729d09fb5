"""One room's way into the journal: what is pending for its log, turn by turn."""

from collections import deque
from typing import Protocol

from msgspec import Struct

from votegame.game.records import Row
from votegame.ids import RoomId
from votegame.rooms.ports import Append, RoomHead


class LogListener(Protocol):
    """What a room is told of its own log. Called from the journal's task; must neither block nor raise."""

    def committed(self, position: int, server_time_ms: int, oldest_at: float) -> None:
        """All up to `position` is kept: what was not so before since `server_time_ms`, pending since `oldest_at`."""

    def fenced(self) -> None:
        """Another owner has the room; what was pending is dropped."""

    def refused(self, position: int) -> None:
        """The rows that end at `position` were refused; they and all after them are dropped."""


class _Nobody:
    """Hears nothing."""

    def committed(self, position: int, server_time_ms: int, oldest_at: float) -> None: ...
    def fenced(self) -> None: ...
    def refused(self, position: int) -> None: ...


class _Turn(Struct, frozen=True, gc=False):
    rows: tuple[Row, ...]
    head: RoomHead
    written_at: float


class LogWriter:
    """The pending turns of a room, in two parts: those of the commit under way, and those that gathered since.

    Attributes:
        room_id: The room.
        epoch: The ownership period that all its appends carry.
        committed: The last position that is kept.
        is_closed: Whether the room was fenced off or broken; nothing is written any more.
    """

    def __init__(self, room_id: RoomId, epoch: int, *, committed: int, listener: LogListener) -> None:
        self.room_id = room_id
        self.epoch = epoch
        self.committed = committed
        self.is_closed = False
        self._listener: LogListener = listener
        self._in_flight: deque[_Turn] = deque()
        self._gathered: list[_Turn] = []
        self._n_sent = 0
        self._kept_head: RoomHead | None = None
        """What the store certainly has: the head that came with the last rows, while none was sent behind those."""

    @property
    def oldest_at(self) -> float | None:
        """When the oldest pending turn was put in, in seconds; None when nothing is pending."""
        turns = self._in_flight or self._gathered
        return turns[0].written_at if turns else None

    @property
    def is_settled(self) -> bool:
        """Whether nothing of the append that was given last is pending any more."""
        return self._n_sent == 0

    def put(self, rows: tuple[Row, ...], head: RoomHead, now: float) -> None:
        """A turn is to be appended."""
        self._gathered.append(_Turn(rows, head, now))

    def take(self) -> Append:
        """All that has gathered, as one append; it is in flight until it is settled or taken again with more."""
        self._in_flight.extend(self._gathered)
        self._gathered.clear()
        return self._append(len(self._in_flight))

    def first_turn(self) -> Append | None:
        """The oldest turn in flight, by itself; None when there is none."""
        return self._append(1) if self._in_flight else None

    def _append(self, n_turns: int) -> Append:
        self._n_sent = n_turns
        turns = [self._in_flight[place] for place in range(n_turns)]
        rows = tuple([row for turn in turns for row in turn.rows])
        head: RoomHead | None = turns[-1].head
        # With one in between that is another, an earlier sending may have written that by itself.
        if all(turn.head == self._kept_head for turn in turns):
            head = None
        else:
            self._kept_head = None
        return Append(room_id=self.room_id, epoch=self.epoch, base=self.committed, rows=rows, head=head)

    def settle(self, append: Append, server_time_ms: int) -> None:
        """`append`, the one that was given last, is kept; nobody is told when the room was fenced off meanwhile."""
        if self.is_closed:
            return
        # A head without rows does not move the end of the log: an earlier sending at that end may still arrive.
        if append.rows and append.head is not None:
            self._kept_head = append.head
        self._settle(self._n_sent, append.base + len(append.rows), server_time_ms)

    def settle_up_to(self, position: int, server_time_ms: int) -> bool:
        """The log ends at `position`: settle the turns that an earlier sending wrote.

        Heads without rows behind it stay in flight: the log does not tell whether they were sent with it.
        Returns False, and settles nothing, when no turn in flight ends there, so that it was not this writer.
        """
        end = self.committed
        for n_turns, turn in enumerate(self._in_flight, 1):
            end += len(turn.rows)
            if end == position:
                self._settle(n_turns, position, server_time_ms)
                return True
        return False

    def _settle(self, n_turns: int, position: int, server_time_ms: int) -> None:
        oldest_at = self._in_flight[0].written_at
        for _ in range(n_turns):
            self._in_flight.popleft()
        self._n_sent = max(0, self._n_sent - n_turns)
        self.committed = position
        self._listener.committed(position, server_time_ms, oldest_at)

    def let_go(self) -> None:
        """The room has ended: if nothing of it is pending, there is nobody to be told any more."""
        if self.oldest_at is None:
            self._listener = _Nobody()

    def fence(self) -> None:
        """Another owner has the room, or may have it."""
        if self._close():
            self._listener.fenced()

    def refuse(self, append: Append) -> None:
        """`append`, a single turn, was refused."""
        if self._close():
            self._listener.refused(append.base + len(append.rows))

    def _close(self) -> bool:
        was_open = not self.is_closed
        self.is_closed = True
        self._in_flight.clear()
        self._gathered.clear()
        self._n_sent = 0
        return was_open
