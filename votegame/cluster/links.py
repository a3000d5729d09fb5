"""All links of a node, over one bus: what is put on one in a turn of the loop leaves in one envelope.

Whatever goes wrong comes down to one thing: something between this node and another may be lost. Each then asks the
other again for what it may miss. Links that are in use are never silent for long, so that the loss of the last envelope
shows, and the loss of the other node.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, Protocol

import structlog

from votegame import tasks
from votegame.clock import Clock
from votegame.cluster.envelope import (
    AnyMessage,
    Envelope,
    Missed,
    Published,
    Replied,
    ResumedRoom,
    RoomMessage,
    Sealer,
    SentMessage,
    encoded,
)
from votegame.cluster.lease import LEASE_MS, HeldLease
from votegame.cluster.link import Link
from votegame.cluster.ports import Bus
from votegame.errors import BusError
from votegame.ids import NodeId, RoomCode
from votegame.log import Seldom

BEAT_SECONDS: Final = 0.25
"""How often a link that is in use is looked at, and how long it may be silent."""
_EARLY_SECONDS: Final = 0.01
"""A timer may wake us so early; without it, such a beat would be left out."""
_STALL_SECONDS: Final = 1.0
"""After a look that comes this much too late nobody else is called silent: it was this node that slept."""
FORGET_SECONDS: Final = 600.0
"""After this long without a word a link that nobody needs is forgotten; most likely its node is dead."""
_LONGEST_MS: Final = 2 * LEASE_MS
"""No lease runs longer, however wrong two nodes are about the time: an envelope that says so was sealed before the
database's clock was set back, and may be old."""
LINKS: Final = 1_000
"""Links at most, far more than there are nodes; messages to one more are lost."""

log = structlog.get_logger(__name__)


class LinkListener(Protocol):
    """Who takes what comes over the links. Must neither block nor raise."""

    def take(self, sender: NodeId, message: RoomMessage) -> None:
        """A message that came in its order."""

    def resync(self, peer: NodeId) -> None:
        """Something that the peer has sent, or was to get, may be lost: ask it again for all that it owns."""

    def link_down(self, peer: NodeId) -> None:
        """Nothing was heard of the peer for too long. Told again and again while it is so."""

    def peers(self) -> Collection[NodeId]:
        """The nodes with which there is something to share."""


class Links:
    """The links of one node; owner of the tasks that serve the bus."""

    def __init__(
        self,
        node_id: NodeId,
        *,
        bus: Bus,
        sealer: Sealer,
        clock: Clock,
        lease: HeldLease,
        observe: Callable[[str, int], None] = lambda _what, _count: None,
    ) -> None:
        """Make it; `observe` is told how many messages were `sent`, `received`, `lost` and `refused`."""
        self.node_id = node_id
        """This node."""
        self._bus = bus
        self._sealer = sealer
        self._clock = clock
        self._lease = lease
        self._observe = observe
        self._links: dict[NodeId, Link] = {}
        self._in_use: Collection[NodeId] = ()
        self._queued: dict[NodeId, None] = {}
        self._has_queued = asyncio.Event()
        self._listener: LinkListener | None = None
        self._refused = Seldom()
        self._unheard = Seldom()
        self._tasks: list[asyncio.Task[None]] = []
        self.is_subscribed = False

    def start(self, listener: LinkListener) -> None:
        """Begin to carry."""
        self._listener = listener
        self._tasks = [
            tasks.start(self._bus.run(self), name="bus"),
            tasks.start(self._publish(), name="links"),
            tasks.start(self._watch(), name="link watch"),
        ]

    async def stop(self) -> None:
        """Send what waits, if that goes at once, and end."""
        if self._queued:
            try:
                async with asyncio.timeout(1.0):
                    await self._publish_once()
            except (TimeoutError, BusError):
                log.warning("what waited on the links was not sent")
        await tasks.end(self._tasks)

    def send(self, peer: NodeId, message: SentMessage) -> None:
        """Send in order. What is lost is noticed, and asked for again by whoever misses it.

        What is true now and no more is not sent without a lease, and nor is what comes after it: it would come first.
        """
        self.send_all([peer], message)

    def send_all(self, peers: Iterable[NodeId], message: SentMessage) -> None:
        """`send` to each of the peers; the message is encoded once."""
        data: bytes | None = None
        is_withheld = _is_of_now(message) and not self._lease.is_valid()
        for peer in peers:
            link = self._link(peer)
            if link is None:
                continue
            if is_withheld:
                link.sending_failed()
                continue
            data = encoded(message) if data is None else data
            if link.put(data):
                self._mark(peer)

    def forget(self, peer: NodeId) -> None:
        """The peer is dead."""
        self._links.pop(peer, None)
        self._queued.pop(peer, None)

    def begin_anew(self, peer: NodeId) -> None:
        """The peer does not get what it was to get: let it know, by a new epoch, that it must ask again."""
        link = self._links.get(peer)
        if link is not None:
            link.sending_failed()
            self._mark(peer)

    def is_down(self, peer: NodeId) -> bool:
        """Whether nothing was heard of the peer for too long."""
        link = self._links.get(peer)
        return link is not None and link.is_down(self._clock.seconds())

    def subscribed(self) -> None:
        """See `votegame.cluster.ports.Subscriber`."""
        # What was lost meanwhile shows in the numbers of what comes next.
        self.is_subscribed = True

    def unsubscribed(self) -> None:
        """See `votegame.cluster.ports.Subscriber`."""
        self.is_subscribed = False

    def received(self, data: bytes) -> None:
        """See `votegame.cluster.ports.Subscriber`."""
        envelope = self._sealer.opened(data)
        if envelope is None or envelope.receiver != self.node_id or envelope.sender == self.node_id:
            self._observe("refused", 1)
            if self._refused.is_due(self._clock.seconds()):
                log.warning("a message between nodes was refused")
            return
        link = self._link(envelope.sender)
        if link is None or self._listener is None:
            return
        try:
            self._arrived(self._listener, link, envelope)
        except Exception:
            # A defect must not end the bus, nor lose anything: all is asked for again.
            log.exception("a message between nodes could not be taken")
            self._spoilt(envelope.sender, link)

    def _arrived(self, listener: LinkListener, link: Link, envelope: Envelope[AnyMessage]) -> None:
        match link.arrived(envelope, self._clock.seconds()):
            case "old":
                self._observe("lost", len(envelope.messages))
            case "gap":
                # But for this: if the peer takes nothing of ours either, nobody else would say so.
                for message in envelope.messages:
                    if isinstance(message, Missed):
                        self._was_missed(listener, envelope.sender, link, message)
                self._missed(envelope.sender, link)
            case "new epoch":
                # First of all: what comes now is for those who have asked again.
                listener.resync(envelope.sender)
                self._take(listener, link, envelope)
            case "next":
                self._take(listener, link, envelope)

    def _take(self, listener: LinkListener, link: Link, envelope: Envelope[AnyMessage]) -> None:
        is_late = not 0 <= envelope.until_ms - self._clock.shared_ms() <= _LONGEST_MS
        spoilt: set[RoomCode] = set()
        for message in envelope.messages:
            if is_late and _is_of_now(message):
                # The sender may have lost what it speaks of. It is asked again, and it or another will answer.
                link.break_off()
                break
            if isinstance(message, Missed):
                self._was_missed(listener, envelope.sender, link, message)
            elif message.room_code not in spoilt and not _has_taken(listener, envelope.sender, message):
                # What is behind it of the same room would come out of its order. Other rooms go on: it may be met each
                # time, and they would never get what comes behind it.
                spoilt.add(message.room_code)
        else:
            self._observe("received", len(envelope.messages))
        if spoilt:
            self._spoilt(envelope.sender, link)
        elif link.broken_epoch is not None:
            self._missed(envelope.sender, link)

    def _spoilt(self, peer: NodeId, link: Link) -> None:
        """A defect was met. Not asked for again at once: if it is met each time, both nodes would do nothing else."""
        link.break_off()
        link.is_to_ask_later = True
        self._missed(peer, link)

    def _was_missed(self, listener: LinkListener, peer: NodeId, link: Link, message: Missed) -> None:
        if message.epoch == link.epoch:
            link.sending_failed()
            link.is_to_resync = False
            listener.resync(peer)
            # Also when there is nothing to ask for: the peer waits for a new epoch.
            self._mark(peer)

    def _missed(self, peer: NodeId, link: Link) -> None:
        """Something from the peer is lost, and what comes after it is dropped until the peer begins anew."""
        self._observe("lost", 1)
        if link.is_to_ask_later:
            return
        assert link.broken_epoch is not None
        self.send(peer, Missed(epoch=link.broken_epoch))

    def _link(self, peer: NodeId) -> Link | None:
        link = self._links.get(peer)
        if link is None and len(self._links) < LINKS:
            link = self._links[peer] = Link(self._clock.seconds(), epoch=self._clock.now_ms())
        return link

    def _mark(self, peer: NodeId) -> None:
        self._queued[peer] = None
        self._has_queued.set()

    async def _publish(self) -> None:
        while True:
            await self._has_queued.wait()
            # What else is decided in this turn of the loop goes along.
            await asyncio.sleep(0)
            with tasks.surviving("links"):
                await self._publish_once()

    async def _publish_once(self) -> None:
        self._has_queued.clear()
        peers = [peer for peer in self._queued if peer in self._links]
        self._queued.clear()
        batch = [(peer, self._envelope(peer, self._links[peer])) for peer in peers]
        for peer in peers:
            if self._links[peer].has_queued:
                self._mark(peer)
        if not batch:
            return
        try:
            arrived: Sequence[bool] = await self._bus.publish(batch)
        except BusError as error:
            log.debug("not published", reason=str(error))
            arrived = [False] * len(batch)
        for peer, has_arrived in zip(peers, arrived, strict=True):
            link = self._links.get(peer)
            if link is not None and not has_arrived:
                link.sending_failed()

    def _envelope(self, peer: NodeId, link: Link) -> bytes:
        epoch, number, messages = link.take()
        link.sent_at = self._clock.seconds()
        self._observe("sent", len(messages))
        return self._sealer.sealed(
            messages,
            sender=self.node_id,
            receiver=peer,
            epoch=epoch,
            number=number,
            until_ms=self._clock.shared_ms() + int(self._lease.remaining_seconds() * 1000),
        )

    async def _watch(self) -> None:
        looked_at = self._clock.seconds()
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            now = self._clock.seconds()
            with tasks.surviving("link watch"):
                self._look(now, has_slept=now - looked_at > BEAT_SECONDS + _STALL_SECONDS)
            looked_at = now

    def _look(self, now: float, *, has_slept: bool) -> None:
        assert self._listener is not None
        before, self._in_use = self._in_use, list(self._listener.peers())
        for peer in self._in_use:
            # A defect that one of them meets, perhaps at each look, must not have the others take this node for dead.
            with tasks.surviving("link watch"):
                self._look_at(self._listener, peer, now, has_rested=has_slept or peer not in before)
        for peer, link in list(self._links.items()):
            # Whoever owns or wants something: the other end may, and would never hear of it.
            with tasks.surviving("link watch"):
                self._make_good(self._listener, peer, link)
            if peer not in self._in_use and now - link.heard_at > FORGET_SECONDS:
                self.forget(peer)

    def _look_at(self, listener: LinkListener, peer: NodeId, now: float, *, has_rested: bool) -> None:
        link = self._link(peer)
        if link is None:
            return
        if has_rested:
            # It was silent because nobody had anything to say, or because this node did not listen.
            link.heard_at = max(link.heard_at, now - BEAT_SECONDS)
        if now - link.sent_at >= BEAT_SECONDS - _EARLY_SECONDS:
            self._mark(peer)
        if link.is_down(now):
            if self.is_subscribed and self._unheard.is_due(now):
                log.warning("nothing is heard of another node", peer=peer)
            listener.link_down(peer)

    def _make_good(self, listener: LinkListener, peer: NodeId, link: Link) -> None:
        if link.is_to_resync:
            link.is_to_resync = False
            listener.resync(peer)
        link.is_to_ask_later = False
        if link.broken_epoch is not None:
            self._missed(peer, link)


def _has_taken(listener: LinkListener, sender: NodeId, message: RoomMessage) -> bool:
    try:
        listener.take(sender, message)
    except Exception:
        # One room's message must not keep those of others from being taken.
        log.exception("a message between nodes could not be taken", room_code=message.room_code)
        return False
    return True


def _is_of_now(message: AnyMessage) -> bool:
    """Whether a message tells what is true now, and must not be told by a node whose lease is over."""
    match message:
        case Replied(durable=durable):
            return not durable
        case Published(seq=seq):
            return seq is None
        case ResumedRoom():
            return True
        case _:
            return False
