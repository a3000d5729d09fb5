"""A connection for a command of the operator's, not for a server: synchronous, and errors as people can read them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2  # noqa: TID251

from votegame.errors import StoreUnavailableError
from votegame.storage.connection import parse_url


@contextmanager
def connected(url: str) -> Iterator[Any]:
    """A connection of psycopg2 to the database at `url`, closed in the end.

    Raises:
        StoreUnavailableError: It cannot be reached, or stopped answering.
    """
    try:
        connection = psycopg2.connect(**{"connect_timeout": "5", **parse_url(url)})
    except psycopg2.OperationalError as error:
        raise StoreUnavailableError(f"The database cannot be reached: {str(error).strip()}") from None
    try:
        yield connection
    except psycopg2.Error as error:
        raise StoreUnavailableError(f"The database did not answer: {type(error).__name__}") from None
    finally:
        connection.close()
