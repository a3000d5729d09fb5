"""PostgreSQL out of a wheel, for `votegame serve` without a `DATABASE_URL`."""

from votegame.embedded.postgres import EmbeddedPostgres, running_url

__all__ = ["EmbeddedPostgres", "running_url"]
