"""Transcripts as pages: what each actor does and is told, with the notes beside it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

_SAYS: Final = {
    "connect": "connects",
    "send": "sends",
    "send_text": "sends the text",
    "send_bytes": "sends the bytes",
    "expect": "is told",
    "closed": "is closed with",
    "drop": "loses the connection",
    "close": "closes the connection",
    "http": "calls",
    "restart": "The server is restarted",
    "report": "sees what the server shows",
    "stays_away": "stays away, for seconds:",
}


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
        who = " and ".join(f"**{actor}**" for actor in ([actors] if isinstance(actors, str) else actors))
        tab = f" ({step['tab']})" if "tab" in step else ""
        yield f"{who}{tab} {_SAYS[action]}".strip() + _note(step)
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
