"""Guests, over HTTP."""

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

_THREADS: Final = 4


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
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    found = []
    for number in range(count):
        body = json.dumps({"display_name": f"Player {number}"})
        connection.request("POST", "/api/auth/guest", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        told = json.loads(answer.read())
        if answer.status != http.HTTPStatus.CREATED:
            raise ConnectionError(f"no guest: {told}")
        found.append(Guest(told["user"]["id"], told["token"]))
    connection.close()
    return found
