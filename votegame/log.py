"""The log: one record per line, in JSON for machines or plainly for people, with nothing that a client can forge.

Whatever others log through the standard library goes the same way. Long values are cut, since most of them come from
clients; control characters are escaped, since a line break would begin a record of somebody else's making.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final, Literal

import orjson
import structlog

from votegame.limits.rates import TokenBucket

Level = Literal["debug", "info", "warning", "error"]

_LONGEST_VALUE: Final = 200
_KEPT_WHOLE: Final = frozenset({"exception", "stack"})
_ESCAPES: Final = {code: f"\\x{code:02x}" for code in [*range(0x20), 0x7F, *range(0x80, 0xA0)]}

EventDict = MutableMapping[str, Any]


def configure(*, level: Level, as_json: bool) -> None:
    """Have everything logged at `level` and above, to standard error; JSON lines or plain ones."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        harmless,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    renderer = _json_line if as_json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # What a client does wrong in HTTP is answered, and said there; asyncio tells of slow callbacks in debug mode only.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)


def harmless(_logger: Any, _method: str, event_dict: EventDict) -> EventDict:
    """Every text of a record, cut and without control characters."""
    for name, value in event_dict.items():
        if isinstance(value, str):
            event_dict[name] = value if name in _KEPT_WHOLE else _cut(value)
    return event_dict


def _cut(text: str) -> str:
    whole = text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
    return whole.translate(_ESCAPES)


def _json_line(_logger: Any, _method: str, event_dict: EventDict) -> str:
    return orjson.dumps(event_dict, default=repr).decode()


class Sparing:
    """Lets a few lines of one kind through, and counts the rest: for what clients can cause as often as they like."""

    def __init__(self, burst: int = 10, per_second: float = 0.2) -> None:
        self._bucket = TokenBucket(burst, per_second)
        self._dropped = 0

    def allows(self, now: float) -> int | None:
        """How many lines were dropped before this one, or None when it is to be dropped; `now` in seconds."""
        if self._bucket.take(now) > 0:
            self._dropped += 1
            return None
        dropped, self._dropped = self._dropped, 0
        return dropped
