"""What all users of one process share: what they count, the server's clock, the lobby, and how they are to play."""

import heapq
import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from loadtests.kit.clock import ServerClock, now
from loadtests.kit.game import Game
from loadtests.kit.lobby import Lobby
from loadtests.kit.pacing import Pace
from loadtests.kit.shapes import ShapeName
from loadtests.kit.tally import Tally

if TYPE_CHECKING:
    from locust.env import Environment

    from loadtests.kit.socket_member import SocketMember


_LONG_SECONDS: Final = 1.0


class Kit:
    """Of one run in one process. `options` are those of the command line."""

    def __init__(self, environment: "Environment", pace: Pace, late_seconds: float) -> None:
        options: Any = environment.parsed_options
        self.environment = environment
        self.pace = pace
        self.late_seconds = late_seconds
        self.url = (environment.host or "").rstrip("/")
        self.room_size: int = options.room_size
        self.gather_seconds: float = options.gather_seconds
        self.rng = random.Random()
        self.tally = Tally()
        self.clock = ServerClock()
        self.lobby = Lobby(self.room_size, Game)
        self.members: set[SocketMember] = set()
        """Those who have a connection, or are coming back."""
        self.games: set[Game] = set()
        """Those that are gathering or running."""
        self._moments: list[float] = []
        self._open: dict[object, tuple[str, str, float]] = {}
        self.is_rush = options.shape == ShapeName.LOBBY_RUSH
        """Everybody comes at once, on purpose."""
        self.is_finishing = False
        """No new game begins."""

    def expect(self, moments: Iterable[float]) -> None:
        """Acts are planned for these moments."""
        for moment in moments:
            heapq.heappush(self._moments, moment)

    def fallen_due(self, moment: float) -> int:
        """How many of them have come since this was last asked."""
        count = 0
        while self._moments and self._moments[0] <= moment:
            heapq.heappop(self._moments)
            count += 1
        return count

    @contextmanager
    def awaiting(self, kind: str, name: str, since: float) -> Iterator[None]:
        """Meanwhile somebody waits for the reply to what was planned for `since`."""
        key = object()
        self._open[key] = kind, name, since
        try:
            yield
        finally:
            del self._open[key]

    def measure_open(self) -> None:
        """Nobody waits any longer: what was waited for in vain for a second and more has taken so long at least."""
        for kind, name, since in list(self._open.values()):
            if now() - since > _LONG_SECONDS:
                self.tally.counts["open"] += 1
                self.measured(kind, name, since)

    def measured(self, kind: str, name: str, since: float, length: int = 0, failure: str | None = None) -> None:
        """Tell Locust what took from `since` until now, under a name that no room or user is part of."""
        ms = (now() - since) * 1000
        self.told(kind, name, ms, length, failure)
        if kind in {"WS", "GET", "POST"} and failure is None:
            self.tally.replies.add(ms)

    def told(self, kind: str, name: str, ms: float, length: int = 0, failure: str | None = None) -> None:
        """The same for what is known in milliseconds."""
        self.environment.events.request.fire(
            request_type=kind,
            name=name,
            response_time=ms,
            response_length=length,
            exception=FailedError(failure) if failure else None,
            context={},
        )


class FailedError(Exception):
    """What Locust groups failures by."""
