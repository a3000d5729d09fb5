"""A neighbour in Redis who hears everything that nodes send each other, and sends it again."""

import asyncio
import random
import time
from typing import Final, Self

import redis.asyncio  # noqa: TID251

_KEPT: Final = 500


class Neighbour:
    """Repeats, reorders, cuts and mangles envelopes, and sends them to others than they were for."""

    def __init__(self, url: str, rng: random.Random) -> None:
        self._client = redis.asyncio.Redis.from_url(url)
        self._rng = rng
        self._heard: list[tuple[bytes, bytes]] = []
        self._listening: asyncio.Task[None] | None = None
        self.sent = 0

    async def __aenter__(self) -> Self:
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        await self._client.aclose()

    async def annoy(self, seconds: float) -> None:
        """Send for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.sleep(self._rng.uniform(0, 0.02))
            if self._heard:
                channel, data = self._choice()
                await self._client.publish(channel, data)
                self.sent += 1

    def _choice(self) -> tuple[bytes, bytes]:
        channel, data = self._rng.choice(self._heard)
        match self._rng.randrange(5):
            case 0:
                return self._rng.choice(self._heard)[0], data
            case 1:
                return channel, data[: self._rng.randrange(len(data))]
            case 2:
                place = self._rng.randrange(len(data))
                return channel, data[:place] + bytes([self._rng.randrange(256)]) + data[place + 1 :]
            case _:
                return channel, data

    async def _listen(self) -> None:
        async with self._client.pubsub() as pubsub:
            await pubsub.psubscribe("*")
            async for message in pubsub.listen():
                # Of its own it may hear what it has cut to nothing.
                if message["type"] == "pmessage" and message["data"] and self._rng.random() < 0.3:
                    self._heard.append((message["channel"], message["data"]))
                    del self._heard[:-_KEPT]
