"""What a server did in a slice of time."""

from typing import NamedTuple


class Slice(NamedTuple):
    """One server in one slice: times in seconds, but CPU in nanoseconds."""

    server: str
    load: str
    round: int
    seconds: float
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
    def database_us_per_command(self) -> float:
        """CPU of PostgreSQL."""
        return self.database_cpu_ns / 1_000 / max(self.commands, 1)

    @property
    def frames_per_command(self) -> float:
        """Deliveries, replies included."""
        return self.frames / max(self.commands, 1)
