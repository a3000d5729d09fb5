"""A client for games over HTTP."""

import json

import aiohttp

from tests.strict import check_answer


class Caller:
    """A user without a socket."""

    def __init__(self, http: aiohttp.ClientSession, url: str, token: str, user_id: str) -> None:
        self.http, self.url, self.user_id = http, url, user_id
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def ask(self, method: str, path: str, body: object = None, *, key: str | None = None) -> tuple[int, dict]:
        headers = {**self.headers, **({"Idempotency-Key": key} if key is not None else {})}
        how = {"data": body, "json": None} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        if isinstance(body, bytes):
            headers["Content-Type"] = "application/json"
        async with self.http.request(method, self.url + path, headers=headers, **how) as answer:
            content = await answer.read()
            check_answer(method, path, status=answer.status, content_type=answer.content_type, body=content)
            return answer.status, json.loads(content)

    async def code_of(self, method: str, path: str, body: object = None, **how) -> tuple[int, str]:
        status, answer = await self.ask(method, path, body, **how)
        assert answer["status"] == status
        return status, answer["code"]
