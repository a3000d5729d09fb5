"""Several nodes of the product as processes, on one PostgreSQL and one Redis of their own."""

import asyncio
import tempfile
from pathlib import Path

from tests.redis_server import RedisServer
from tests.serving import ServerProcess
from votegame.embedded.postgres import EmbeddedPostgres
from votegame.storage import migrate

SECRET = "a-secret-that-all-nodes-of-a-test-share-0123456789"


class Nodes:
    """Start it from the main thread: its servers end with that."""

    def __init__(self, count: int = 3, **settings: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="votegame-nodes-")
        folder = Path(self._folder.name)
        folder.chmod(0o711)
        self.redis = RedisServer(folder)
        self._postgres = EmbeddedPostgres(folder / "state")
        self._settings = settings
        self.database_url = ""
        self.nodes: list[ServerProcess] = []
        self._count = count

    async def start(self) -> None:
        self.redis.start()
        self.database_url = self._postgres.start()
        migrate.apply(self.database_url)
        self.nodes = [self.another(number) for number in range(self._count)]
        await asyncio.gather(*(node.start() for node in self.nodes))

    def another(self, number: int) -> ServerProcess:
        """One more node, not started."""
        return ServerProcess(
            DATABASE_URL=self.database_url,
            REDIS_URL=self.redis.url,
            SECRET_KEY=SECRET,
            NODE_ID=f"node-{number}",
            **self._settings,
        )

    @property
    def urls(self) -> list[str]:
        return [node.url for node in self.nodes]

    async def close(self) -> None:
        for node in self.nodes:
            await node.close()
        self.redis.kill()
        self._postgres.stop()
        self._folder.cleanup()
