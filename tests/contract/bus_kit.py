"""What listens on a bus, and remembers what it was told."""

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager

WAIT_SECONDS = 20.0

UP, DOWN = "subscribed", "unsubscribed"


class Listener:
    """A subscriber. `told` has everything in order: `UP`, `DOWN`, and what was received."""

    def __init__(self):
        self.told: list[str | bytes] = []
        self.times: list[float] = []
        self._news = asyncio.Event()

    @property
    def heard(self) -> list[bytes]:
        return [each for each in self.told if isinstance(each, bytes)]

    def subscribed(self):
        self._note(UP)

    def received(self, data):
        self._note(data)

    def unsubscribed(self):
        self._note(DOWN)

    async def until(self, is_so: Callable[[], bool], *, seconds: float = WAIT_SECONDS) -> None:
        """Wait until something is so of what was told."""
        try:
            async with asyncio.timeout(seconds):
                while not is_so():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"not so within {seconds} s of what was told: {self.told}") from None

    async def hears(self, *data: bytes, seconds: float = WAIT_SECONDS) -> None:
        """Wait until as much as that has come, and it is that."""
        await self.until(lambda: len(self.heard) >= len(data), seconds=seconds)
        assert self.heard == list(data)

    async def is_up(self, times: int = 1, *, seconds: float = WAIT_SECONDS) -> None:
        await self.until(lambda: self.told.count(UP) >= times, seconds=seconds)

    async def is_down(self, times: int = 1, *, seconds: float = WAIT_SECONDS) -> None:
        await self.until(lambda: self.told.count(DOWN) >= times, seconds=seconds)

    def _note(self, what):
        self.told.append(what)
        self.times.append(asyncio.get_running_loop().time())
        self._news.set()


class FailingListener(Listener):
    """One with a bug that a certain message meets."""

    def __init__(self, bad):
        super().__init__()
        self._bad = bad

    def received(self, data):
        super().received(data)
        if data == self._bad:
            raise RuntimeError("a bug")


@asynccontextmanager
async def listening(bus, listener=None):
    """A listener for whom the bus runs, and that is subscribed."""
    listener = listener or Listener()
    task = asyncio.create_task(bus.run(listener), name="listening")
    try:
        await listener.is_up()
        yield listener
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
