"""What SIGINT and SIGTERM do where no event loop looks after them.

Left to itself, Python raises an exception at SIGINT, wherever it is, and ends at SIGTERM, whatever was begun.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

_NUMBERS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def raised() -> Iterator[None]:
    """Both raise KeyboardInterrupt meanwhile: there is something to put in order. Call it from the main thread."""
    with _handled(signal.default_int_handler):
        yield


@contextmanager
def at_once() -> Iterator[None]:
    """Both end the process on the spot meanwhile: there is nothing to put in order. Call it from the main thread."""
    with _handled(signal.SIG_DFL):
        yield


@contextmanager
def _handled(handler: Any) -> Iterator[None]:
    # A shell that starts something in the background has it ignore Ctrl-C.
    before = {number: signal.getsignal(number) for number in _NUMBERS}
    heard = {number: old for number, old in before.items() if old is not signal.SIG_IGN}
    for number in heard:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in heard.items():
            signal.signal(number, old)
