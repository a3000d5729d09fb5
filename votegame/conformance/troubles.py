"""Why a story could not be judged, by no fault of the server: in words, as people can read them."""

import aiohttp


class UncheckedError(Exception):
    """What the story is about did not show, and need not have; the message says why."""


class SpentError(Exception):
    """A limit is spent for so long that the story cannot be finished; the message says what to do."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"a limit per time is spent for {seconds:.0f} s, by this run or what was before it: try later, or run the "
            "server with RATE_LIMITS=off and say --no-rates"
        )


def reason(error: Exception) -> str:
    """Why a call or a connection failed, in words."""
    if isinstance(error, TimeoutError):
        return "nothing came in time"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect to {error.host}:{error.port}: {error.os_error.strerror or error.os_error}"
    if isinstance(error, aiohttp.ClientResponseError):
        return f"this is no answer of HTTP: {error.message.splitlines()[0] if error.message else error.status}"
    return f"{type(error).__name__} {error}".strip()
