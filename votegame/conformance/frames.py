"""What travels over a socket: an object, the text that it stands in, and the text in which people are shown it."""

import json
from typing import Any, Final

from msgspec import UNSET

Frame = dict[str, Any]

NO_JSON: Final = (ValueError, RecursionError)
"""What reading a text raises that is no JSON, or is nested deeper than anybody would read."""


def frame_in(text: str) -> tuple[Frame, str]:
    """The frame that a text holds, and why it holds none, in words; then the frame is empty."""
    try:
        value = json.loads(text)
    except NO_JSON:
        return {}, "it is no JSON"
    return (value, "") if isinstance(value, dict) else ({}, "it is no JSON object")


def json_in(text: str | bytes) -> Any:
    """What a text says in JSON; None also when it is no JSON."""
    try:
        return json.loads(text)
    except NO_JSON:
        return None


def shown(value: Any) -> str:
    """A frame, or a pattern for one, as a text for people."""
    return "anything" if value is UNSET else json.dumps(value, ensure_ascii=False)
