"""Guests, over HTTP."""

import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

_THREADS: Final = 4
_MOST_FAILURES: Final = 10


class Guest(NamedTuple):
    """One who has logged in."""

    user_id: str
    token: str


def guests(port: int, count: int) -> list[Guest]:
    """So many guests of the server at this port, over a few connections."""
    shares = [len(range(start, count, _THREADS)) for start in range(_THREADS)]
    with ThreadPoolExecutor(_THREADS) as pool:
        return [guest for some in pool.map(lambda share: _log_in(port, share), shares) for guest in some]


def _log_in(port: int, count: int) -> list[Guest]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    found: list[Guest] = []
    failures = 0
    while len(found) < count:
        body = json.dumps({"display_name": f"Player {len(found)}"})
        connection.request("POST", "/api/auth/guest", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        told = json.loads(answer.read())
        if answer.status == http.HTTPStatus.CREATED:
            found.append(Guest(told["user"]["id"], told["token"]))
        elif not told["retryable"] or failures >= _MOST_FAILURES:
            raise ConnectionError(f"no guest: {told}")
        else:
            failures += 1
            time.sleep(1)
    connection.close()
    return found
