"""A server with games on it, played by bots in a thread of their own while something else is done to the server."""

import asyncio
import contextlib
import re
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from tests.bots import Manners
from tests.kill.hall import Hall
from tests.serving import ServerProcess, complaints

START_SECONDS = 60
MANNERS = Manners(patience=0.1, doubles=0.2, cuts=0.01)


class Backdrop:
    """From `start` to `finish` games are played; `finish` fails if any of them was disturbed."""

    def __init__(self) -> None:
        self.server = ServerProcess(LOG_LEVEL="debug")
        self._executor = ThreadPoolExecutor(1)
        self._is_ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._enough: asyncio.Event | None = None
        self._hall: Hall | None = None
        self.games = 0
        self.stalls: dict[str, float] = {}
        """How often the event loop was late, by how much: to be looked at, since a busy machine is late as well."""

    def start(self) -> "Backdrop":
        self._playing = self._executor.submit(asyncio.run, self._play())
        while not self._is_ready.wait(0.1):
            if self._playing.done():
                self._playing.result()
        return self

    def finish(self) -> None:
        """Have the games come to their end, and prove that they are whole."""
        with contextlib.suppress(RuntimeError):
            # The loop is closed when the games have failed, which is what is told then.
            self._loop.call_soon_threadsafe(self._enough.set)
        self._playing.result()
        self._executor.shutdown()

    @property
    def url(self) -> str:
        return self.server.url

    def look(self) -> dict[str, str]:
        """What an outsider might have learned of a game that is played: ids that are none of his business."""
        known = {"room": "222222", "round": "", "answer": "", "user": ""}
        for table in reversed(self._hall.tables):
            for player in table.players:
                # It plays in another thread: what is looked up may be gone.
                with contextlib.suppress(TypeError, KeyError, IndexError, AttributeError):
                    state = player.fold.state
                    known |= {"room": player.room_code, "user": player.user_id, "round": state["round"]["round_id"]}
                    return known | {"answer": state["round"]["answers"][0]["id"]}
        return known

    async def _play(self) -> None:
        self._loop, self._enough = asyncio.get_running_loop(), asyncio.Event()
        try:
            await self.server.start()
            async with Hall(self.server, seed=11, manners=MANNERS, tables=2) as hall:
                self._hall = hall
                await hall.hears(1)
                self._is_ready.set()
                await self._enough.wait()
                await hall.prove()
                self.games = len(hall.tables)
            metrics = (await asyncio.to_thread(self._metrics)).splitlines()
            assert not [line for line in metrics if is_an_internal_error(line)], metrics
            self.stalls = _stalls(metrics)
            assert await self.server.stop() == 0
            assert complaints(self.server.said()) == []
        finally:
            await self.server.close()

    def _metrics(self) -> str:
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as answer:
            return answer.read().decode()


def _stalls(metrics: list[str]) -> dict[str, float]:
    lag = re.compile(r'votegame_loop_lag_seconds_bucket\{le="([\d.]+)"\} ([\d.]+)')
    counts = [match.groups() for match in map(lag.match, metrics) if match is not None]
    return {f"<= {limit} s": float(count) for limit, count in counts if float(limit) >= 0.025}


def is_an_internal_error(line: str) -> bool:
    """Whether this line of metrics counts something that may not happen."""
    name, _, count = line.rpartition(" ")
    is_error = '"internal"' in name or ('status="5' in name and '"/readyz"' not in name)
    return is_error and "_created" not in name and float(count) > 0
