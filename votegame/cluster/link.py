"""A link: all that two nodes send each other, one numbered sequence in each direction.

The bus may lose anything, so each envelope has a number. The receiver takes them in order and drops what is older than
what it has. When one is missing it takes nothing more of this epoch, and says so; the sender then begins a new epoch,
as it does when it has reason of its own to believe that something was lost. No envelope is repeated: at a new epoch
those who may miss something ask for it again (`votegame.cluster.remote_rooms`). Back-pressure: a link whose queue is
full throws it away and begins a new epoch.
"""

from typing import Final, Literal

from votegame.cluster.envelope import ENVELOPE_BYTES, AnyMessage, Envelope

QUEUE_BYTES: Final = 8 * 1024 * 1024
"""What may wait for the bus on one link."""
DOWN_SECONDS: Final = 3.5
"""A link from which nothing was heard for this long is down: the lease of a node that died is over before that."""
_ROOM_BYTES: Final = ENVELOPE_BYTES - 4_096

Arrival = Literal["next", "new epoch", "gap", "old"]


class Link:
    """The state of one link, as the node at this end sees it."""

    def __init__(self, now: float, *, epoch: int) -> None:
        """Make a link, at `now` in seconds; `epoch` is greater than that of any link to the same node before."""
        self.heard_at = now
        self.sent_at = 0.0
        """When an envelope was last taken."""
        self.is_to_resync = False
        """Whether something may have been lost on the way there. Until that is made good nothing is sent, as it would
        come out of its order."""
        self.is_to_ask_later = False
        """Whether what is missing is asked for at the next look at the link only: it may well go wrong again."""
        self._queue: list[bytes] = []
        self._queued_bytes = 0
        self._epoch = epoch
        self._number = 0
        self._heard_epoch = 0
        self._heard_number = 0
        self._is_broken = False

    @property
    def has_queued(self) -> bool:
        """Whether messages wait for the bus."""
        return bool(self._queue)

    def put(self, message: bytes) -> bool:
        """Queue an encoded message; False when it was thrown away: something before it was, or the queue is full."""
        if self.is_to_resync:
            return False
        self._queue.append(message)
        self._queued_bytes += len(message)
        if self._queued_bytes > QUEUE_BYTES:
            self.sending_failed()
            return False
        return True

    def take(self) -> tuple[int, int, list[bytes]]:
        """Epoch, number and messages of the next envelope."""
        taken: list[bytes] = []
        size = 0
        for message in self._queue:
            size += len(message) + 1
            if taken and size > _ROOM_BYTES:
                break
            taken.append(message)
        del self._queue[: len(taken)]
        self._queued_bytes -= sum(map(len, taken))
        self._number += 1
        return self._epoch, self._number, taken

    def sending_failed(self) -> None:
        """What was sent may not arrive: throw away what waits, and let the receiver know by a new epoch."""
        self._queue.clear()
        self._queued_bytes = 0
        self._epoch += 1
        self._number = 0
        self.is_to_resync = True

    @property
    def epoch(self) -> int:
        """The epoch of what is sent."""
        return self._epoch

    @property
    def broken_epoch(self) -> int | None:
        """The epoch of which nothing more is taken; None while nothing is missing."""
        return self._heard_epoch if self._is_broken else None

    def arrived(self, envelope: Envelope[AnyMessage], now: float) -> Arrival:
        """What to do with an envelope: take it, when it is the next one or begins an epoch, or drop it."""
        epoch, number = envelope.epoch, envelope.number
        if (epoch, number) <= (self._heard_epoch, self._heard_number):
            return "old"
        is_first = not self._heard_epoch
        is_new = epoch > self._heard_epoch
        is_next = number == 1 if is_new else number == self._heard_number + 1 and not self._is_broken
        self.heard_at = now
        self._heard_epoch, self._heard_number = epoch, number
        self._is_broken = not is_next
        if not is_next:
            return "gap"
        # Before the very first one there was nothing to be lost.
        return "new epoch" if is_new and not is_first else "next"

    def break_off(self) -> None:
        """Something of this epoch could not be used: take nothing more of it."""
        self._is_broken = True

    def is_down(self, now: float) -> bool:
        """Whether nothing was heard for too long."""
        return now - self.heard_at > DOWN_SECONDS
