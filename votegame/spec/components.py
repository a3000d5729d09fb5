"""JSON Schemas of our types, as client developers are to read them.

msgspec makes them; here they are given what it cannot know: the meanings of a command's fields and of settings and
limits, which stand elsewhere, and the promise that the server only adds. So nothing that the server sends is closed
against further fields, and lists of codes that may grow say so; our own tests are stricter (`votegame.wire.messages`).
"""

import inspect
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from votegame.spec.sources import Sources
from votegame.wire.snapshot import Part

Schema = dict[str, Any]

_FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "id": "Chosen by you, repeated in the reply, and unique among your commands of the last 10 minutes.",
        "token": "The bearer token that the login over HTTP returned.",
        "room_code": "The room's code, in any case; blanks and dashes are ignored.",
        "role": "What you want to be; `player` when left out, or, for a member, what he is.",
        "round_id": "The round that this is meant for, a UUID.",
        "stream": "The `stream` of the last snapshot of this room, a UUID.",
        "last_seq": "The highest `seq` that you have applied.",
        "settings": "The settings that change, or differ from the defaults. An unknown one is refused.",
        "answer": "Your answer: 1 to `limits.answer_chars` code points, after NFC and trim.",
        "answer_id": "The answer that you vote for, a UUID; not your own.",
        "user_id": "The member whom it is about, a UUID.",
        "seconds": "How much more time, in seconds.",
        "reaction": "What to show, one of these words; pictures are up to clients.",
        "email": "The address, which is also the login; at most 254 bytes.",
        "password": "8 to 256 code points, after NFC and trim.",
        "old_password": "The present password.",
        "new_password": "The password from now on, 8 to 256 code points.",
        "display_name": "The name that others see, 1 to `limits.name_chars` code points, after NFC and trim.",
    }
)
"""Meanings of the fields of commands and of bodies over HTTP."""

_GROWING: Final = MappingProxyType({"ErrorCode": "What went wrong, as `errors.json` tells. There may be more codes."})
_GROWING_FIELDS: Final = frozenset({"reason", "reaction"})
_CLOSED: Final = frozenset({"SettingsPatch", "Transcript", "Actor", "Step", "Connect", "Http"})
_TOGETHER: Final[Mapping[str, Schema]] = MappingProxyType(
    {"VoteUpdate": {"answer_id": ["vote_count"], "vote_count": ["answer_id"]}}
)
_SETTINGS: Final = frozenset({"Settings", "SettingsPatch"})
_LIMITS: Final = "SessionLimits"
_WITH_NULL: Final = 2


def components(types: Sequence[type], sources: Sources, *, ref_template: str) -> dict[str, Schema]:
    """The schemas of `types` and of all that they are made of, by name, in the order of the names.

    Args:
        types: Structs.
        sources: What stands in `protocol/`.
        ref_template: Where schemas find each other, with `{name}` for the name.
    """
    asked = {kind.__name__ for kind in types if not issubclass(kind, Part)}
    _, found = msgspec.json.schema_components(types, ref_template=ref_template)
    return {name: _finished(name, found[name], sources, is_asked=name in asked) for name in sorted(found)}


def _finished(name: str, raw: Schema, sources: Sources, *, is_asked: bool) -> Schema:
    """The schema of `name`; `is_asked` for what clients send."""
    schema = _simple(raw)
    if "description" in schema:
        # It is a docstring, of which Python takes away the indentation from 3.13 on.
        schema["description"] = inspect.cleandoc(schema["description"])
    if name in _GROWING:
        return _growing({**schema, "description": _GROWING[name]})
    if name not in _CLOSED:
        schema.pop("additionalProperties", None)
    if name in _TOGETHER:
        schema["dependentRequired"] = dict(_TOGETHER[name])
    if not schema.get("required", True):
        del schema["required"]
    properties = schema.get("properties", {})
    for field, described in properties.items():
        meaning = _meaning(name, field, sources, is_asked=is_asked)
        if meaning is not None and "description" not in described:
            properties[field] = {"description": meaning, **described}
        if field in _GROWING_FIELDS and "enum" in described and not is_asked:
            properties[field] = _growing(properties[field])
    return schema


def _meaning(name: str, field: str, sources: Sources, *, is_asked: bool) -> str | None:
    if name in _SETTINGS:
        return sources.settings[field]
    if name == _LIMITS:
        return sources.limits[field]
    if field == "type":
        return "The name of this kind of frame."
    return _FIELDS[field] if is_asked else None


def _growing(schema: Schema) -> Schema:
    """One of the values that are known today, or another text."""
    rest = {key: value for key, value in schema.items() if key != "enum"}
    return {**rest, "anyOf": [{"enum": schema["enum"]}, {"type": "string"}]}


def _simple(raw: Schema) -> Schema:
    """The same schema, said as a person would."""
    # Which of several it is, the constant in `type` says; `discriminator` is OpenAPI's, and AsyncAPI's is another.
    schema = {key: _simple_part(part) for key, part in raw.items() if key != "discriminator"}
    if isinstance(schema.get("enum"), list) and len(schema["enum"]) == 1:
        schema["const"] = schema.pop("enum")[0]
    if schema.get("default") == {}:
        del schema["default"]
    return _nullable(schema)


def _simple_part(part: Any) -> Any:
    if isinstance(part, list):
        return [_simple_part(each) for each in part]
    return _simple(part) if isinstance(part, dict) else part


def _nullable(schema: Schema) -> Schema:
    """`anyOf` a plain type and null becomes a type of both."""
    options = schema.get("anyOf", [])
    if len(options) != _WITH_NULL or options[1] != {"type": "null"} or "type" not in options[0]:
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**options[0], **rest, "type": [options[0]["type"], "null"]}
