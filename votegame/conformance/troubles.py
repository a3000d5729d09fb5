"""What aiohttp says of a server that cannot be used, as people can read it."""

import aiohttp


def reason(error: Exception) -> str:
    """Why a call or a connection failed, in words."""
    if isinstance(error, TimeoutError):
        return "nothing came in time"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect to {error.host}:{error.port}: {error.os_error.strerror or error.os_error}"
    if isinstance(error, aiohttp.ClientResponseError):
        return f"this is no answer of HTTP: {error.message.splitlines()[0] if error.message else error.status}"
    return f"{type(error).__name__} {error}".strip()


def spent(seconds: float) -> str:
    """What to do about a server that lets nobody do more for so many seconds, which is no fault of it."""
    return (
        f"a limit per time is spent for {seconds:.0f} s, by this run or what was before it: try later, or run the "
        "server with RATE_LIMITS=off and say --no-rates"
    )
