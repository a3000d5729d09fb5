"""Reading what a provider has answered: strict about what comes out, tolerant of how it is wrapped.

Not every server that is compatible knows schemas, and models are talkative. So the JSON may stand in a code fence,
after a train of thought or a sentence, be a list instead of an object, or have objects instead of strings. What comes
out are strings, few and short; whatever else it may be ends in a `ModelError`.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from votegame.questions.ports import Made, ModelError

TEXT_CHARS: Final = 400
"""Longer texts are passed over: nothing that long is a question."""

_MOST_TOKENS: Final = 1_000_000
"""What a provider says above that is not believed."""
_END_OF_THOUGHT: Final = "</think>"
_BEGINNING: Final = re.compile(r"[\[{]")
_MOST_BEGINNINGS: Final = 10
"""Places at which JSON is looked for: prose may have brackets, but not without end."""
_NAMES: Final = ("question", "text", "prompt", "content")
"""What a string may be called in an object, where a string alone was asked for."""


def made(body: bytes, count: int, *, most_tokens: int) -> Made:
    """The questions in the body of a chat completion, at most `count`.

    Args:
        body: What the provider sent, of bounded length.
        count: How many were asked for.
        most_tokens: What the call can have cost; taken when the provider does not say.

    Raises:
        ModelError: There is none. It says what the call has cost.
    """
    completion = _decoded(body, most_tokens)
    tokens = _tokens(completion) or most_tokens
    choice = _first(_get(completion, "choices"))
    message, reason = _get(choice, "message"), _get(choice, "finish_reason")
    if reason == "content_filter" or _get(message, "refusal"):
        raise ModelError("refused", tokens_used=tokens)
    if reason == "length":
        raise ModelError("truncated", tokens_used=tokens)
    content = _get(message, "content")
    if not isinstance(content, str):
        raise ModelError("broken", "there is no text", tokens_used=tokens)
    questions = texts(content, count)
    if not questions:
        raise ModelError("broken", "there are no questions", tokens_used=tokens)
    return Made(questions, tokens)


def texts(content: str, count: int) -> tuple[str, ...]:
    """The first `count` texts of a list that is in `content`, of those that are not empty or too long."""
    for value in _values(content.rpartition(_END_OF_THOUGHT)[2]):
        found = [text for item in _items(value) if _is_usable(text := _text(item).strip())]
        if found:
            return tuple(found[:count])
    return ()


def flags(body: bytes, count: int) -> tuple[bool, ...]:
    """What the body of a moderation says of each of `count` texts.

    Raises:
        ModelError: It does not say so of each.
    """
    results = _get(_decoded(body, 0), "results")
    flagged = [_get(result, "flagged") for result in results] if isinstance(results, list) else []
    if len(flagged) != count or not all(isinstance(flag, bool) for flag in flagged):
        raise ModelError("broken", "not every text was judged")
    return tuple(flagged)


def _decoded(body: bytes, tokens: int) -> Any:
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        pass
    # Outside of the handler: the error that is handled there may quote the body, and would be told with ours.
    raise ModelError("broken", "the body is not JSON", tokens_used=tokens)


def _tokens(completion: Any) -> int | None:
    total = _get(_get(completion, "usage"), "total_tokens")
    return total if isinstance(total, int) and 0 < total <= _MOST_TOKENS else None


def _items(value: Any) -> list[Any]:
    """The list that `value` is, or the first one that it has."""
    if isinstance(value, dict):
        value = next((each for each in value.values() if isinstance(each, list)), None)
    return value if isinstance(value, list) else []


def _values(content: str) -> Iterator[Any]:
    """What can be read as JSON in `content`, at the first places that look like it."""
    decoder = json.JSONDecoder()
    position = 0
    for _ in range(_MOST_BEGINNINGS):
        beginning = _BEGINNING.search(content, position)
        if beginning is None:
            return
        try:
            value, position = decoder.raw_decode(content, beginning.start())
        except (ValueError, RecursionError):
            position = beginning.end()
        else:
            yield value


def _text(item: Any) -> str:
    if isinstance(item, dict):
        item = next((item[name] for name in _NAMES if name in item), "")
    return item if isinstance(item, str) else ""


def _is_usable(text: str) -> bool:
    # JSON can have halves of characters, which cannot be stored or sent.
    return 0 < len(text) <= TEXT_CHARS and text.encode("utf-8", "ignore").decode() == text


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else None
