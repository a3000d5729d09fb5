"""A client for games over HTTP."""

import itertools
import json
from collections.abc import Sequence

import aiohttp

from tests.strict import check_answer


class Caller:
    """A user without a socket; each of his calls goes to the next node."""

    def __init__(self, http: aiohttp.ClientSession, urls: Sequence[str], token: str, user_id: str) -> None:
        self.http, self.urls, self.user_id = http, urls, user_id
        self._turns = itertools.cycle(urls)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    @property
    def url(self) -> str:
        return self.urls[0]

    async def ask(self, method: str, path: str, body: object = None, *, key: str | None = None) -> tuple[int, dict]:
        headers = {**self.headers, **({"Idempotency-Key": key} if key is not None else {})}
        how = {"data": body, "json": None} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        if isinstance(body, bytes):
            headers["Content-Type"] = "application/json"
        async with self.http.request(method, next(self._turns) + path, headers=headers, **how) as answer:
            content = await answer.read()
            check_answer(method, path, status=answer.status, content_type=answer.content_type, body=content)
            return answer.status, json.loads(content)

    async def code_of(self, method: str, path: str, body: object = None, **how) -> tuple[int, str]:
        status, answer = await self.ask(method, path, body, **how)
        assert answer["status"] == status
        return status, answer["code"]
