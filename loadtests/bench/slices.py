"""What a server did in a slice of time."""

from typing import Final, NamedTuple

_TAIL_SECONDS: Final = 0.1


class Slice(NamedTuple):
    """One server in one slice: times in seconds, but CPU in nanoseconds.

    Commands were given for `seconds`; the last reply was there after `elapsed`, which is longer when there is a
    backlog. `planned` is 0 in a closed loop.
    """

    server: str
    load: str
    round: int
    seconds: float
    elapsed: float
    commands: int
    frames: int
    cpu_ns: int
    database_cpu_ns: int
    p50: float
    p99: float
    planned: int
    late_p99: float
    findings: tuple[str, ...]

    @property
    def us_per_command(self) -> float:
        """CPU of the server."""
        return self.cpu_ns / 1_000 / max(self.commands, 1)

    @property
    def us_per_delivery(self) -> float:
        """The same by frames that were sent, replies included."""
        return self.cpu_ns / 1_000 / max(self.frames, 1)

    @property
    def commands_per_second(self) -> float:
        """Commands that were done, by the time that it took."""
        return self.commands / self.elapsed

    @property
    def core_share(self) -> float:
        """How much of a core the server was on meanwhile."""
        return self.cpu_ns / 1e9 / self.elapsed

    @property
    def database_us_per_command(self) -> float:
        """CPU of PostgreSQL."""
        return self.database_cpu_ns / 1_000 / max(self.commands, 1)

    @property
    def frames_per_command(self) -> float:
        """Deliveries, replies included."""
        return self.frames / max(self.commands, 1)

    @property
    def reached(self) -> float:
        """How much of the planned rate was reached, where one was planned; a short tail of replies is no backlog."""
        if not self.planned:
            return 1.0
        return self.commands / self.planned * min(1.0, (self.seconds + _TAIL_SECONDS) / self.elapsed)
