"""Memory of connections that do nothing: authenticated, in rooms of eight, in the lobby.

It is what the resident memory grows by over the empty server; memory that the kernel has for sockets is not in it. The
idle CPU is what pings and renewals take while nobody does anything.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Final

from loadtests.bench.driver import Driver
from loadtests.bench.fleet import Fleet
from loadtests.bench.outputs import Row
from loadtests.bench.processes import Server

COUNTS: Final = (2_000, 10_000)
_MEMBERS: Final = 8
_SETTLE_SECONDS: Final = 2.0
_IDLE_SECONDS: Final = 10.0
"""A whole period of the server's pings."""


def measure(servers: Sequence[Server], counts: Sequence[int] = COUNTS) -> Iterator[Row]:
    """Rows for each server and number of connections; they are measured one after the other."""
    for server in servers:
        yield from _of(server, counts)


def _of(server: Server, counts: Sequence[int]) -> Iterator[Row]:
    with ExitStack() as stack:
        stack.callback(server.stop)
        server.start()
        driver = Driver()
        stack.callback(driver.close)
        fleet = Fleet(driver, server)
        time.sleep(_SETTLE_SECONDS)
        empty, opening = server.memory_kb(), 0
        for count in counts:
            cpu = server.cpu_ns()
            missing = count // _MEMBERS - len(fleet.rooms)
            fleet.open([_MEMBERS] * missing)
            opening += server.cpu_ns() - cpu
            fleet.wait(_SETTLE_SECONDS)
            cpu = server.cpu_ns()
            fleet.wait(_IDLE_SECONDS)
            grown = server.memory_kb() - empty
            yield {
                "server": server.name,
                "connections": count,
                "empty_kb": empty,
                "grown_kb": grown,
                "kb_per_connection": round(grown / count, 2),
                "open_us_per_connection": round(opening / count / 1_000),
                "idle_us_per_connection_second": round((server.cpu_ns() - cpu) / _IDLE_SECONDS / count / 1_000, 2),
            }
