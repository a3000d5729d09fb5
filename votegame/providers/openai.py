"""OpenAI, or any server that speaks its chat completions: the one module that knows the package `openai`.

The package takes a second to import, so this module is imported only where there is a model to call, and before games
are in play. What is left to the package is the request; what comes back is bounded here before it is read, and read by
`votegame.providers.answer`, since the package would make an object of every item that a broken server sends.

Each call is one request, never two: no retry, no redirect, no proxy of the environment, nothing that a budget would not
see. Whatever goes wrong becomes a `ModelError` whose text is ours, since those of the package quote what a server says,
and a server may say the key.
"""

import asyncio
import functools
import logging
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import httpx2  # noqa: TID251
import openai  # noqa: TID251

from votegame.game.question import Wish
from votegame.providers import answer, prompt
from votegame.providers.dialect import Dialect
from votegame.providers.retry_after import retry_after_seconds
from votegame.questions.ports import Made, ModelError, ModelErrorKind

OWN_URL: Final = "https://api.openai.com/v1"
ANSWER_BYTES: Final = 262_144
"""The longest answer that is read: fifty times that of twenty questions, so that a model may think aloud."""

_NO_KEY: Final = "none"
"""For servers that want none; the package does."""
_MODERATION_MODEL: Final = "omni-moderation-latest"
_BYTES_PER_TOKEN: Final = 3
"""Fewer than texts mostly have, in any script, so that an estimate is rather too high."""
_TOKENS_PER_QUESTION: Final = 120
_TOKENS_OF_THOUGHT: Final = 2_000
_MOST_CONNECTIONS: Final = 8
_KINDS: Final[dict[int, ModelErrorKind]] = {
    400: "bad_request",
    401: "unauthorized",
    402: "unauthorized",
    403: "unauthorized",
    404: "bad_request",
    405: "bad_request",
    408: "timeout",
    413: "bad_request",
    415: "bad_request",
    422: "bad_request",
    429: "rate_limited",
    504: "timeout",
}
_REFUSALS: Final = frozenset({"content_filter", "content_policy_violation", "invalid_prompt"})
"""Codes of requests that were understood, and not liked."""
_MAYBE_PAID: Final = frozenset({"timeout", "unreachable", "too_large", "broken"})
"""Errors of calls that a provider may have carried out."""
_NO_CREDIT: Final = "insufficient_quota"
_CODE: Final = re.compile(r"[a-z_]{1,40}")
"""Codes that may be told: words, no keys."""


Call = Callable[..., Awaitable[Any]]
"""A function of the package that makes one request."""


class OpenAIModel:
    """Makes questions, and judges texts. It has nothing open until it is called.

    Args:
        api_key: The key; empty for a server that wants none.
        base_url: The API's root, as in `http://localhost:11434/v1`; empty for OpenAI's own.
        model: What makes the questions.
        seconds: Time limit of a call, from its beginning to the last byte of its answer.
    """

    def __init__(self, *, api_key: str, base_url: str, model: str, seconds: float) -> None:
        # They tell the address of each request, and at `debug` what is in it.
        for name in ("openai", "httpx2", "httpcore2"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._model = model
        self._seconds = seconds
        self._dialect = Dialect(is_openai=(base_url or OWN_URL).startswith(OWN_URL))
        # A transport of our own also keeps the package from asking the environment for proxies.
        transport = _BoundedTransport(httpx2.Limits(max_connections=_MOST_CONNECTIONS))
        self._client = openai.AsyncOpenAI(
            api_key=api_key or _NO_KEY,
            base_url=base_url or OWN_URL,
            timeout=seconds,
            max_retries=0,
            default_headers={"Accept-Encoding": "identity"},
            http_client=httpx2.AsyncClient(transport=transport, trust_env=False, follow_redirects=False),
        )
        # Looked up now, since the package imports what they need when it is asked for them.
        self._complete: Call = self._client.chat.completions.with_raw_response.create
        self._moderate: Call = self._client.moderations.with_raw_response.create

    async def make(self, wish: Wish, count: int, avoid: Sequence[str]) -> Made:
        """See `QuestionMaker.make`."""
        instructions, data = prompt.instructions(wish.tone), prompt.data(wish, count, avoid)
        most_answered = _most_answered(count)
        most_tokens = most_used(instructions + data, count)
        body = await self._answer(
            self._complete,
            most_tokens=most_tokens,
            model=self._model,
            messages=[{"role": "system", "content": instructions}, {"role": "user", "content": data}],
            **self._dialect.parameters(most_answered),
        )
        return answer.made(body, count, most_tokens=most_tokens)

    async def flagged(self, texts: Sequence[str]) -> Sequence[bool]:
        """See `Moderator.flagged`."""
        if not texts:
            return ()
        body = await self._answer(self._moderate, model=_MODERATION_MODEL, input=list(texts))
        return answer.flags(body, len(texts))

    async def close(self) -> None:
        """Close all connections. Calls under way are their callers' to end before; later ones fail."""
        await self._client.close()

    async def _answer(self, call: Call, *, most_tokens: int = 0, **arguments: Any) -> bytes:
        """The body of the answer to one `call` of the package, for which `most_tokens` may have to be paid."""
        if self._client.is_closed():
            raise ModelError("unreachable", "the model is closed")
        try:
            # The package's own limit is for each read: a byte now and then would hold a call for ever.
            async with asyncio.timeout(self._seconds):
                response = await call(**arguments)
                return bytes(response.content)
        except ModelError as error:
            failure = error
        except openai.APIStatusError as error:
            self._dialect.learn(error.status_code, f"{error.param} {error.message}")
            failure = _of_status(error)
        except (TimeoutError, openai.APITimeoutError):
            failure = ModelError("timeout")
        except openai.APIConnectionError as error:
            failure = ModelError("unreachable", type(error.__cause__).__name__)
            if isinstance(error.__cause__, httpx2.ConnectError):
                most_tokens = 0
        except Exception as error:  # noqa: BLE001 - no answer, however broken, may end more than the call
            failure = ModelError("broken", type(error).__name__)
        if failure.kind in _MAYBE_PAID:
            failure.tokens_used = most_tokens
        # Outside of the handlers: what the package raised is not to be told together with ours.
        raise failure


def most_used(asked: str, count: int) -> int:
    """The tokens that a call may cost that asks for `count` questions in these words."""
    return len(asked.encode()) // _BYTES_PER_TOKEN + _most_answered(count)


def _most_answered(count: int) -> int:
    return _TOKENS_OF_THOUGHT + count * _TOKENS_PER_QUESTION


class _BoundedTransport(httpx2.AsyncHTTPTransport):
    """Breaks off answers that are longer than `ANSWER_BYTES`, before they are in memory."""

    def __init__(self, limits: httpx2.Limits) -> None:
        super().__init__(verify=_tls(), limits=limits)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """See the package."""
        response = await super().handle_async_request(request)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            # Not asked for, and a few bytes could become many.
            await response.aclose()
            raise ModelError("broken", "it is compressed")
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _BoundedStream(response.stream)
        return response


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > ANSWER_BYTES:
                raise ModelError("too_large", f"more than {ANSWER_BYTES} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


@functools.cache
def _tls() -> ssl.SSLContext:
    """What every model of this process trusts; reading the certificates of the machine takes a while."""
    return httpx2.create_ssl_context()


def _of_status(error: openai.APIStatusError) -> ModelError:
    status, code = error.status_code, error.code or ""
    kind: ModelErrorKind = _KINDS.get(status, "unavailable")
    if code in _REFUSALS:
        kind = "refused"
    elif code == _NO_CREDIT:
        kind = "unauthorized"
    text = f"status {status}, {code}" if _CODE.fullmatch(code) else f"status {status}"
    retry_after = None
    with suppress(KeyError):
        retry_after = retry_after_seconds(error.response.headers["Retry-After"])
    return ModelError(kind, text, retry_after_seconds=retry_after)
