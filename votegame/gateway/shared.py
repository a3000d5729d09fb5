"""What all connections of a gateway have in common."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from votegame.clock import Clock
from votegame.cluster.ports import Router
from votegame.gateway.connections import Connections
from votegame.gateway.outbox import Flusher
from votegame.gateway.pending import PendingReplies
from votegame.gateway.ports import GatewaySettings, Identity, Metrics, Revocations
from votegame.gateway.reading_line import ReadingLine
from votegame.gateway.replies import Replies
from votegame.limits.admission import Admission
from votegame.limits.doors import Doors
from votegame.tasks import Passing
from votegame.wire.codec import Codec

if TYPE_CHECKING:
    from votegame.gateway.connection import Connection


@dataclass(slots=True, kw_only=True)
class Shared:
    """The parts that every connection talks to; made once by `votegame.gateway.gateway.Gateway`.

    Attributes:
        logins: The tasks in which tokens are looked at: for each connection one at most.
        closing: Connections whose close frame is sent, each with the time at which its socket is cut.
    """

    settings: GatewaySettings
    clock: Clock
    identity: Identity
    revocations: Revocations
    router: Router
    metrics: Metrics
    lease_is_valid: Callable[[], bool]
    codec: Codec
    connections: Connections
    pending: PendingReplies
    doors: Doors
    flusher: Flusher
    replies: Replies
    admission: Admission
    logins: Passing
    reading_line: ReadingLine = field(default_factory=ReadingLine)
    closing: "dict[Connection, float]" = field(default_factory=dict)
