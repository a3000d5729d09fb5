"""Why a story could not be judged, by no fault of the server: in words, as people can read them."""

import aiohttp


class UncheckedError(Exception):
    """What the story is about did not show, and need not have; the message says why."""


class UnfinishedError(Exception):
    """The story cannot be finished; the message says why, and what to do."""

    @classmethod
    def spent(cls, seconds: float) -> "UnfinishedError":
        """A limit is spent for so long."""
        return cls(
            f"a limit per time is spent for {seconds:.0f} s, by this run or what was before it: try later, or run the "
            "server with RATE_LIMITS=off and say --no-rates"
        )

    @classmethod
    def ill(cls, seconds: float) -> "UnfinishedError":
        """The server has too much to do, or an outage of its own."""
        return cls(f"the server is `unavailable` for {seconds:.0f} s: it has too much to do, or is ill; try later")

    @classmethod
    def in_doubt(cls) -> "UnfinishedError":
        """What came after `unavailable` may be right, but is not what the story has."""
        return cls("the server could not tell whether a command took effect (`unavailable`), and it seems that it did")

    @classmethod
    def full(cls) -> "UnfinishedError":
        """The server closes connections as soon as they are open."""
        return cls("the server takes no more connections: it closes with 1013")

    @classmethod
    def moved(cls) -> "UnfinishedError":
        """Events have other numbers than in the story."""
        return cls("the server moved a deadline, as it may after an outage of its own, and the story counts its events")


def reason(error: Exception) -> str:
    """Why a call or a connection failed, in words."""
    if isinstance(error, TimeoutError):
        return "nothing came in time"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect to {error.host}:{error.port}: {error.os_error.strerror or error.os_error}"
    if isinstance(error, aiohttp.ClientResponseError):
        return f"this is no answer of HTTP: {error.message.splitlines()[0] if error.message else error.status}"
    return f"{type(error).__name__} {error}".strip()
