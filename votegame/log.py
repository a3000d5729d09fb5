"""The log: one record per line, in JSON for machines or plainly for people, with nothing that a client can forge.

Whatever others log through the standard library goes the same way. Long values are cut, since most of them come from
clients; control characters are escaped, since a line break would begin a record of somebody else's making.

The event loop writes its records itself, so nothing here may wait: what is written while nobody reads, as in a terminal
that was stopped by Ctrl-S, or with a collector that hangs, is lost, and counted.
"""

import logging
import select
import sys
from collections.abc import MutableMapping
from typing import Any, Final, Literal

import orjson
import structlog

Level = Literal["debug", "info", "warning", "error"]

REPEAT_SECONDS: Final = 60.0
"""How often the same is said of what lasts, or comes again and again."""

_LONGEST_VALUE: Final = 200
_LARGEST_NUMBER: Final = 2**53
_LONGEST_TRACEBACK: Final = 16_384
_WRITTEN_AT_ONCE: Final = 1_024
"""Characters, of up to 4 bytes: a pipe that takes any takes 4,096 bytes at once (PIPE_BUF of Linux)."""
_TRACEBACKS: Final = frozenset({"exception", "stack"})
_SECRETS: Final = frozenset(
    {
        "api_key",
        "authorization",
        "cookie",
        "database_url",
        "email",
        "new_password",
        "old_password",
        "openai_api_key",
        "password",
        "redis_url",
        "secret",
        "token",
    }
)
_ESCAPES: Final = {
    **{code: f"\\x{code:02x}" for code in [*range(0x20), *range(0x7F, 0xA0)]},
    **{code: f"\\u{code:04x}" for code in [0x2028, 0x2029, *range(0xD800, 0xE000)]},
}
_ESCAPES_IN_TRACEBACKS: Final = {code: text for code, text in _ESCAPES.items() if chr(code) not in "\n\t"}

EventDict = MutableMapping[str, Any]

log = structlog.get_logger(__name__)


def configure(*, level: Level, as_json: bool, node: str = "") -> None:
    """Have everything logged at `level` and above, to standard error.

    Args:
        level: The lowest that is logged.
        as_json: JSON lines, or plain ones for the terminal that the node runs in.
        node: The node's label, which is in every JSON line, so that those of several nodes can be read as one log.
    """

    def of_this_node(_logger: Any, _method: str, event_dict: EventDict) -> EventDict:
        event_dict["node"] = node
        return event_dict

    shared: list[structlog.typing.Processor] = [
        *([of_this_node] if as_json and node else []),
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
    handler = _Handler(sys.stderr)
    renderer = _json_line if as_json else _readable()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # What a client does wrong in HTTP is answered, and said there.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    # It quotes cookies that it cannot read.
    logging.getLogger("aiohttp.internal").setLevel(logging.WARNING)
    # It tells each step of rendering the documents, in 30,000 lines that a node would begin with at `debug`.
    logging.getLogger("markdown_it").setLevel(logging.WARNING)


class Seldom:
    """One thing to be said, and when that was done last."""

    def __init__(self) -> None:
        self._said_at = float("-inf")

    def is_due(self, now: float, seconds: float = REPEAT_SECONDS) -> bool:
        """Whether it was not said for `seconds`, at `now` in seconds of any clock; if so, it counts as said now."""
        if now - self._said_at < seconds:
            return False
        self._said_at = now
        return True


class _Handler(logging.StreamHandler[Any]):
    """Writes to a stream, and waits for none of its readers."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._descriptor = _descriptor_of(stream)
        self._lost = 0
        self._is_torn = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it as lost."""
        if self._lost and self._is_read():
            if self._is_torn:
                self.stream.write(self.terminator)
            lost, self._lost, self._is_torn = self._lost, 0, False
            log.warning("lines of the log are lost, nobody read them", lines=lost)
        try:
            text = self.format(record) + self.terminator
            for at in range(0, len(text), _WRITTEN_AT_ONCE):
                if not self._is_read():
                    self._lost += 1
                    self._is_torn |= at > 0
                    return
                self.stream.write(text[at : at + _WRITTEN_AT_ONCE])
                self.flush()
        except Exception:  # noqa: BLE001 - as the handler of the standard library does
            self.handleError(record)

    def _is_read(self) -> bool:
        """Whether what is written now goes somewhere, without waiting."""
        if self._descriptor is None:
            return True
        watched = select.poll()
        watched.register(self._descriptor, select.POLLOUT)
        return bool(watched.poll(0))


def _descriptor_of(stream: Any) -> int | None:
    """What can be asked whether it takes anything; None for a stream in memory, or where nothing can be asked."""
    try:
        return int(stream.fileno()) if hasattr(select, "poll") else None
    except (AttributeError, OSError):  # `io.UnsupportedOperation` is one
        return None


def _readable() -> structlog.typing.Processor:
    # Named, since the default warns about tracebacks that were made texts already when a prettier formatter is there.
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)


def harmless(_logger: Any, _method: str, event_dict: EventDict) -> EventDict:
    """Every value of a record as a short text without control characters, or a number; nothing that is secret."""
    for name, value in event_dict.items():
        if name.startswith("_"):
            continue  # what structlog takes along for itself
        if name in _SECRETS:
            event_dict[name] = "[secret]"
        elif name in _TRACEBACKS:
            event_dict[name] = _cut(str(value), _LONGEST_TRACEBACK).translate(_ESCAPES_IN_TRACEBACKS)
        elif not isinstance(value, bool | float | None):
            event_dict[name] = _plain(value)
    return event_dict


def _plain(value: Any) -> str | int:
    if isinstance(value, int) and abs(value) < _LARGEST_NUMBER:
        return value
    return _cut(_shown(value), _LONGEST_VALUE).translate(_ESCAPES)


def _shown(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - what is told of something must never be worse than the thing itself
        return f"<{type(value).__name__} that cannot be shown>"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"


def _json_line(_logger: Any, _method: str, event_dict: EventDict) -> str:
    return orjson.dumps(event_dict).decode()
