"""Which of the parameters that not every server takes are given to the one at hand.

OpenAI's own models are bounded by `max_completion_tokens`, and refuse `max_tokens`; local servers know `max_tokens`,
and pass over what they do not know, which would leave an answer without a bound. Some models take no schema, others no
word on how hard to think. A refusal names the parameter, so the next request is made without it: not the same one
again, since each call is one request.
"""

from http import HTTPStatus
from typing import Any, Final

from votegame.providers.prompt import SCHEMA

_TOKEN_LIMITS: Final = ("max_completion_tokens", "max_tokens")
_COMPLAINTS: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})


class Dialect:
    """What one server is told, and what it turned out not to take.

    Args:
        is_openai: Whether it is OpenAI's own.
    """

    def __init__(self, *, is_openai: bool) -> None:
        self._limit, self._other_limit = _TOKEN_LIMITS if is_openai else _TOKEN_LIMITS[::-1]
        self._has_limit_changed = False
        self._extras: dict[str, Any] = {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "questions", "strict": True, "schema": SCHEMA},
            }
        }
        if is_openai:
            # Wit needs some thought, but the room is not to pay for a long one.
            self._extras["reasoning_effort"] = "low"

    def parameters(self, most_tokens: int) -> dict[str, Any]:
        """The parameters of a request whose answer has `most_tokens` at most."""
        return {self._limit: most_tokens, **self._extras}

    def learn(self, status: int, complaint: str) -> None:
        """Take the refusal of a request with `status` to heart, in which `complaint` may name a parameter."""
        if status not in _COMPLAINTS:
            return
        for name in [name for name in self._extras if name in complaint]:
            del self._extras[name]
        if self._limit in complaint and not self._has_limit_changed:
            self._limit, self._other_limit = self._other_limit, self._limit
            self._has_limit_changed = True
