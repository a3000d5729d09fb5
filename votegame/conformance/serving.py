"""`votegame conformance --serve`: the scripted server, until all stories are played or somebody interrupts it."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Mapping
from typing import Final

from aiohttp import web
from msgspec import Struct

from votegame import tasks
from votegame.conformance.findings import Result
from votegame.conformance.format import Transcript
from votegame.conformance.host import Host, Times
from votegame.conformance.waiting import Waiting
from votegame.errors import VotegameError

_SHUTDOWN_SECONDS: Final = 1.0
_LAST_ANSWER_SECONDS: Final = 0.5
"""For the driver of the last story, to hear its outcome."""


class Serving(Struct, frozen=True):
    """How the stories are served.

    Attributes:
        host: The address to listen on.
        port: The port; 0 takes a free one.
        is_once: Whether it ends when each story was played.
        times: How fast it goes.
    """

    host: str
    port: int
    is_once: bool
    times: Times


class AddressTakenError(VotegameError):
    """The address cannot be listened on."""


async def serve(
    transcripts: Mapping[str, Transcript],
    how: Serving,
    *,
    tell: Callable[[Result], None],
    say: Callable[[str], None],
    waiting: Waiting,
) -> list[Result]:
    """Serve the stories; returns the last result of each that was played.

    Args:
        transcripts: The stories.
        how: How.
        tell: Called with each result as soon as it is there.
        say: Called with what people should know.
        waiting: Told what is waited for.

    Raises:
        AddressTakenError: The address cannot be listened on.
    """
    host = Host(transcripts, how.times, tell, waiting)
    watching = tasks.start(waiting.watch(), name="what is waited for")
    runner = web.AppRunner(host.app(), shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, how.host, how.port).start()
        host_name = f"[{how.host}]" if ":" in how.host else how.host
        url = f"http://{host_name}:{runner.addresses[0][1]}"
        over = _over(host, is_once=how.is_once)
        say(f"{len(transcripts)} stories, each as if it were a server: {url}/NAME. {url} lists them. Ctrl-C ends it.")
        await over.wait()
        if host.is_played:
            await asyncio.sleep(_LAST_ANSWER_SECONDS)
    except OSError as error:
        raise AddressTakenError(f"Cannot listen on {how.host}:{how.port}: {error}") from None
    finally:
        await tasks.end([watching])
        await runner.cleanup()
    return [story.result for story in host.stories.values() if story.result is not None]


def _over(host: Host, *, is_once: bool) -> asyncio.Event:
    """What is set when it is to end: because somebody interrupts it, or all is played."""
    over = host.all_played if is_once else asyncio.Event()
    loop = asyncio.get_running_loop()
    # Windows has no such handlers; there Ctrl-C ends the process.
    with contextlib.suppress(NotImplementedError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, over.set)
    return over
