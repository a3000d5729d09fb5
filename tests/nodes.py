"""Several nodes of the product as processes, on one PostgreSQL and one Redis of their own."""

import asyncio
import tempfile
from pathlib import Path

from tests.databases import have_data
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

    def start_servers(self) -> None:
        self.redis.start()
        have_data(Path(self._folder.name) / "state")
        self.database_url = self._postgres.start()
        migrate.apply(self.database_url)

    async def start(self) -> None:
        self.start_servers()
        self.nodes = [self.another(number) for number in range(self._count)]
        await asyncio.gather(*(node.start() for node in self.nodes))

    def another(self, number: int, *command: str, **settings: str) -> ServerProcess:
        """One more node, not started."""
        return ServerProcess(
            *command,
            DATABASE_URL=self.database_url,
            REDIS_URL=self.redis.url,
            SECRET_KEY=SECRET,
            NODE_ID=f"node-{number}",
            **self._settings,
            **settings,
        )

    @property
    def urls(self) -> list[str]:
        return [node.url for node in self.nodes]

    async def close(self) -> None:
        await self.close_nodes()
        self.close_servers()

    async def close_nodes(self) -> None:
        await asyncio.gather(*(node.close() for node in self.nodes))

    def close_servers(self) -> None:
        self.redis.kill()
        self._postgres.stop()
        self._folder.cleanup()
