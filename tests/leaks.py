"""Looks for authors of answers in bytes that went out before the reveal, in whatever form, and for order that tells."""

import base64
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

LISTS_OF_ALL = {"members", "leaderboard", "host_id", "connected"}
"""Fields that name users for another reason, of whom each is named whether he answered or not."""
CHANCE = {3: 44.0, 4: 55.5, 5: 70.0}
"""By answers in a round: chi-square of (n - 1)² degrees of freedom is above with a probability below 1e-8."""


class Secret(NamedTuple):
    """An answer and who gave it."""

    user_id: str
    display_name: str
    answer_id: str
    content: str


def links(data: bytes, secrets: Sequence[Secret], *, reader: str | None, is_shown: bool) -> Iterator[str]:
    """What in `data` tells `reader` (a user's id; None is the log) more than he may know.

    `is_shown` says that voting has begun: then answers are told, but of nobody.
    """
    others = [secret for secret in secrets if secret.user_id != reader]
    told = [secret for secret in others if _holds(data, secret.answer_id) or _holds(data, secret.content)]
    if told and not is_shown:
        yield f"answers before voting: {data[:500]!r}"
    for piece in _pieces(data):
        told = [secret for secret in others if _holds(piece, secret.answer_id) or _holds(piece, secret.content)]
        named = [one for one in secrets if _holds(piece, one.user_id) or _holds(piece, one.display_name)]
        if told and [one for one in named if one.user_id != reader]:
            yield f"{told[0].answer_id} beside {[one.user_id for one in named]}: {piece[:500]!r}"


def log_links(line: bytes, secrets: Sequence[Secret]) -> Iterator[str]:
    """The same of a line of the server's log, which may name an answer, but never tell its content."""
    yield from (f"an answer in the log: {line!r}" for secret in secrets if _holds(line, secret.content))
    if any(_holds(line, secret.answer_id) for secret in secrets):
        yield from links(line, secrets, reader=None, is_shown=True)


def tells(pairs: Sequence[tuple[Sequence[str], Sequence[str]]]) -> bool:
    """Whether the first order of each pair depends on the second; all are of the same number of things."""
    n = len(pairs[0][0])
    counts = Counter((place, shown.index(one)) for shown, order in pairs for place, one in enumerate(order))
    mean = len(pairs) / n
    squares = [(counts[place, shown] - mean) ** 2 for place in range(n) for shown in range(n)]
    return sum(squares) * (n - 1) / len(pairs) > CHANCE[n]


def _holds(data: bytes, value: str) -> bool:
    return any(form in data for form in _forms(value))


def _forms(value: str) -> Iterator[bytes]:
    text = value.encode()
    yield from (text, text.upper(), text.hex().encode(), base64.b64encode(text).rstrip(b"=")[:-1])
    yield json.dumps(value)[1:-1].encode()
    try:
        plain = UUID(value).bytes
    except ValueError:
        return
    yield from (plain, plain.hex().encode(), plain.hex().upper().encode(), base64.b64encode(plain).rstrip(b"="))
    yield base64.urlsafe_b64encode(plain).rstrip(b"=")


def _pieces(data: bytes) -> Iterator[bytes]:
    """Each event that is in it, and the rest, without the lists of all."""
    try:
        value = json.loads(data)
    except ValueError:
        yield data
        return
    events = value.pop("events", []) if isinstance(value, dict) else []
    yield from (json.dumps(_stripped(each), ensure_ascii=False).encode() for each in [*events, value])


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _stripped(each) for name, each in value.items() if name not in LISTS_OF_ALL}
    if isinstance(value, list):
        return [_stripped(each) for each in value]
    return value
