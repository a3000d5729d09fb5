"""Transcripts as pages: what each actor does and is told, with the notes beside it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

_SAYS: Final = {
    "connect": ("connects", "connect"),
    "connect_until": ("connects, until it is too much", "connect, until it is too much"),
    "send": ("sends", "send"),
    "send_text": ("sends the text", "send the text"),
    "send_bytes": ("sends the bytes", "send the bytes"),
    "send_until": ("sends, until it is too much", "send, until it is too much"),
    "expect": ("is told", "are told"),
    "closed": ("is closed with", "are closed with"),
    "drop": ("loses the connection", "lose the connection"),
    "close": ("closes the connection", "close the connection"),
    "http": ("calls", "call"),
    "restart": ("The server is restarted", ""),
    "report": ("sees what the server shows", "see what the server shows"),
    "stays_away": ("stays away, for seconds:", "stay away, for seconds:"),
}
"""What one actor does, and what several do."""


def index(transcripts: Mapping[str, dict[str, Any]]) -> str:
    """The list of all transcripts, in Markdown."""
    items = (f"- [{each['title']}](transcripts/{name}.json). {each['shows']}" for name, each in transcripts.items())
    return "\n".join(["# Transcripts", "", "[How to read them](transcripts.md).", "", *items, ""])


def page(name: str, transcript: dict[str, Any]) -> str:
    """A transcript, in Markdown."""
    return "\n\n".join(_paragraphs(name, transcript)) + "\n"


def _paragraphs(name: str, transcript: dict[str, Any]) -> Iterator[str]:
    yield f"# {transcript['title']}"
    yield transcript["shows"]
    yield f"[How to read this](../transcripts.md). The same for programs: [{name}.json]({name}.json)."
    for step in transcript["steps"]:
        action = next(word for word in _SAYS if word in step)
        actors = step.get("actor", [])
        names = [actors] if isinstance(actors, str) else actors
        who = " and ".join(f"**{name}**" for name in names) + (f" ({step['tab']})" if "tab" in step else "")
        yield f"{who} {_SAYS[action][len(names) > 1]}".strip() + _note(step)
        if step[action] not in (True, {}):
            yield f"```json\n{_shown(step[action])}\n```"


def _note(step: dict[str, Any]) -> str:
    return f": {step['note']}" if "note" in step else ""


def _shown(value: Any) -> str:
    """JSON with one line for each field, and nothing longer than it must be inside of them."""
    if not isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    fields = (f"  {json.dumps(name)}: {json.dumps(field, ensure_ascii=False)}" for name, field in value.items())
    return "{\n" + ",\n".join(fields) + "\n}"
