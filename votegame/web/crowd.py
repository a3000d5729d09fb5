"""How many connections there may be at all, whatever they are for.

`MAX_CONNECTIONS` bounds the WebSockets, which have a user behind them or soon get one. Whoever only connects, or keeps
a connection for the next call, is counted here, with the WebSockets: beyond the bound a connection is closed before
anything is read from it. The bound stays below the number of files that the process may open: without one to spare,
neither the database could be reached, nor could it be said that there are too many. That number is often low only by
default, for programs that fear high ones, and the process may raise it.
"""

import contextlib
from typing import Final

import structlog

from votegame.errors import ConfigurationError
from votegame.log import Seldom

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

BESIDE: Final = 500
"""Connections beside the WebSockets, and half as many again as there may be of these: who logs in keeps one a while."""
_OTHER_FILES: Final = 100
"""Files for other things: the database, logs, the loop."""
_LEAST: Final = 10
"""Connections; with fewer there is no game, and whoever asks how the node is finds it full."""

log = structlog.get_logger(__name__)


class Crowd:
    """Says when a site has too many connections, to those who come and to the operator."""

    def __init__(self, most: int) -> None:
        """Make a crowd of at most `most`."""
        self.most = most
        self._refused = 0
        self._told = Seldom()

    def refuses(self, count: int, now: float) -> bool:
        """Whether somebody who comes at `now`, in seconds, when there are `count` already, is one too many."""
        if count < self.most:
            return False
        self._refused += 1
        if self._told.is_due(now):
            log.warning("connections refused, there are too many", connections=count, refused=self._refused)
            self._refused = 0
        return True


def raise_files(max_sockets: int) -> None:
    """Let this process open the files that it needs for `max_sockets` WebSockets, or say what is lacking.

    Raises:
        ConfigurationError: It may open too few to serve.
    """
    needed = _wanted(max_sockets) + _OTHER_FILES
    n_files = _files()
    if n_files is not None and n_files < needed:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with contextlib.suppress(OSError, ValueError):  # macOS has another bound, which it does not tell
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        n_files = _files()
    if n_files is None or n_files >= needed:
        return
    if n_files < _OTHER_FILES + _LEAST:
        raise ConfigurationError(
            f"No more than {n_files} files may be open here, but votegame needs {_OTHER_FILES}, and one for each "
            f"connection: {needed} for MAX_CONNECTIONS={max_sockets}. Raise the hard limit (`ulimit -Hn`, LimitNOFILE)."
        )
    log.warning(
        "fewer files may be open than MAX_CONNECTIONS needs",
        may_be_open=n_files,
        needed=needed,
        connections=most_connections(max_sockets),
    )


def most_connections(max_sockets: int) -> int:
    """The bound where there may be `max_sockets` WebSockets."""
    wanted = _wanted(max_sockets)
    n_files = _files()
    return wanted if n_files is None else max(1, min(wanted, n_files - _OTHER_FILES))


def _wanted(max_sockets: int) -> int:
    return max_sockets + max_sockets // 2 + BESIDE


def _files() -> int | None:
    """How many files this process may open; None without a limit that is known."""
    if resource is None:
        return None
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft
