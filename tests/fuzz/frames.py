"""What is thrown at sockets: commands by the published schemas, whole, broken in one place or again; other frames.

A value that must be looked up, such as the code of the room, is a `Ref`; whoever sends the command puts it in.
"""

import json
import os
import string
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.fuzz.documented import PROTOCOL
from tests.integration.gateway_kit import frame

Schema = dict[str, Any]
SOCKETS = 5
HOSTILE = "a\0\n\t\x7f\x85\u0301\u200b\u202e\u2028\u2066\u3164\ufeff\ufffe\ud800\udc00\U0001f600\U000e0041%$'\"\\{};"
ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(HOSTILE, max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(HOSTILE, max_size=8), inner, max_size=3),
    max_leaves=6,
)


class Ref(NamedTuple):
    """A value that is known when the command is sent."""

    name: str


class Say(NamedTuple):
    """A command, and what it is: `good`, `broken` in the field `path`, of no known type (`unknown`), or `odd`."""

    socket: int
    fields: dict[str, Any]
    kind: str
    path: str = ""
    is_ascii: bool = True
    cuts: tuple[int, ...] = ()


class Again(NamedTuple):
    """An earlier command of the same user, once more as it was."""

    socket: int
    which: int


class Text(NamedTuple):
    """A frame of text that is no command: one of `TEXTS`, or what it says."""

    socket: int
    text: str


class Violation(NamedTuple):
    """One of `VIOLATIONS`: the server closes with its code."""

    socket: int
    name: str


class Noise(NamedTuple):
    """Bytes that may be anything."""

    socket: int
    data: bytes


Move = Say | Again | Text | Violation | Noise

REFS = {
    "room_code": [*["room"] * 8, "room written otherwise", "foreign room", "no room"],
    "round_id": [*["round"] * 8, "earlier round", "foreign round", "no round"],
    "answer_id": [*["answer"] * 4, "own answer", "foreign answer", "no round"],
    "user_id": ["member", "member", "self", "stranger", "no round"],
    "stream": ["stream", "stream", "no round"],
    "token": ["token", "foreign token"],
    "id": [*["new id"] * 8, "used id"],
}
SAFE = st.text(string.ascii_letters + "äß漢🙂", min_size=1, max_size=20)
WELL_KNOWN = {
    "answer": SAFE,
    "topic": SAFE,
    "last_seq": st.builds(Ref, st.sampled_from(["seq", "earlier seq"])) | st.integers(0, 2**53),
    # The schema leaves room for what an operator may allow, and has no holes.
    "max_players": st.integers(2, 200),
    "results_seconds": st.sampled_from([0, 3, 60]),
}


def _load() -> dict[str, Schema]:
    files = (PROTOCOL / "schemas").glob("command.*.json")
    return {path.name.split(".")[1]: json.loads(path.read_text()) for path in sorted(files)}


SCHEMAS = _load()
GAME = ["start_game", "submit_answer", "start_voting", "submit_vote", "end_round", "next_round", "resume", "join_room"]


def good_value(name: str, schema: Schema, defs: Schema) -> st.SearchStrategy:
    """A value that the field takes; an unknown kind of schema is an error here, not a field that is left out."""
    if name in REFS:
        return st.builds(Ref, st.sampled_from(REFS[name]))
    if name in WELL_KNOWN:
        return WELL_KNOWN[name]
    schema = _resolved(schema, defs)
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema["type"]:
        case "string" if "pattern" in schema:
            return st.from_regex(schema["pattern"], fullmatch=True, alphabet=string.ascii_letters + string.digits + "-")
        case "string":
            return st.text(string.ascii_letters, min_size=schema.get("minLength", 0), max_size=20)
        case "integer":
            return st.integers(schema["minimum"], schema["maximum"])
        case "boolean":
            return st.booleans()
        case "array":
            items = good_value(name, schema["items"], defs)
            return st.lists(items, min_size=schema.get("minItems", 0), max_size=min(3, schema.get("maxItems", 3)))
        case "object":
            fields = {key: good_value(key, value, defs) for key, value in schema["properties"].items()}
            required = set(schema.get("required", ()))
            return st.fixed_dictionaries(
                {key: value for key, value in fields.items() if key in required},
                optional={key: value for key, value in fields.items() if key not in required},
            )
    raise AssertionError(f"no values for {name}: {schema}")


def _resolved(schema: Schema, defs: Schema) -> Schema:
    return defs[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema


def bad_values(name: str, schema: Schema, defs: Schema) -> list[tuple[str, Any]]:
    """Values that the field does not take, each with the path that is named for it."""
    schema = _resolved(schema, defs)
    if "enum" in schema:
        return [(name, bad) for bad in (None, 7, "nonsense", [], "\ud800")]
    match schema["type"]:
        case "string":
            bad = [
                None,
                7,
                1.5,
                True,
                [],
                {},
                "\ud800",
                "x" * (schema["maxLength"] + 1) if "maxLength" in schema else 0,
            ]
            return [(name, value) for value in [*bad, *([""] if schema.get("minLength") else [])]]
        case "integer":
            bad = [None, "7", 1.5, 7.0, True, [], schema["minimum"] - 1, schema["maximum"] + 1, 10**400]
            return [(name, value) for value in bad]
        case "boolean":
            return [(name, bad) for bad in (None, 0, "true", [])]
        case "array":
            return [(name, bad) for bad in (None, 7, "x", {})]
        case "object":
            whole = [(name, bad) for bad in (None, 7, [], "x")] + [(f"{name}.nonsense", {"nonsense": 1})]
            return whole + [
                (path, {key: bad})
                for key, inner in schema["properties"].items()
                for path, bad in bad_values(f"{name}.{key}", inner, defs)
            ]
    raise AssertionError(f"no values for {name}: {schema}")


@st.composite
def says(draw: st.DrawFn) -> Say:
    name = draw(st.sampled_from([*SCHEMAS, *GAME, *GAME]))
    schema = SCHEMAS[name]
    fields = draw(good_value("", schema, schema.get("$defs", {})))
    socket = draw(st.integers(0, SOCKETS - 1))
    is_ascii, cuts = draw(st.booleans()), tuple(draw(st.lists(st.integers(0, 200), max_size=2)))
    kind = draw(st.sampled_from([*["good"] * 6, "unknown fields", "broken", "missing", "unknown", "odd"]))
    match kind:
        case "unknown fields":
            names = st.sampled_from(["is_admin", "seq", "score", "server_time", "\ud800", ""])
            more = draw(st.dictionaries(names, ODD, max_size=3))
            return Say(socket, more | fields, "good", "", True, cuts)
        case "broken" | "missing":
            field = draw(st.sampled_from([field for field in schema["properties"] if field != "type"]))
            if kind == "missing":
                is_needed = field in schema["required"]
                rest = {key: value for key, value in fields.items() if key != field}
                return Say(socket, rest, "broken" if is_needed else "good", field, is_ascii, cuts)
            path, bad = draw(st.sampled_from(bad_values(field, schema["properties"][field], schema.get("$defs", {}))))
            return Say(socket, fields | {field: bad}, "broken", path, True, cuts)
        case "unknown":
            return Say(socket, fields | {"type": draw(st.text(HOSTILE, max_size=80))}, "unknown", "", True, cuts)
        case "odd":
            field = draw(st.sampled_from([field for field in schema["properties"] if field != "type"]))
            value = draw(st.text(HOSTILE, max_size=300) | ODD)
            return Say(socket, fields | {field: value}, "odd", "", True, cuts)
    return Say(socket, fields, "good", "", is_ascii, cuts)


TEXTS = {
    "deep lists": "[" * 8_000,
    "deep objects": '{"a":' * 3_000,
    "digits": "9" * 16_000,
    "surrogates": '"' + "\\ud800" * 2_000 + '"',
    "a number too large": "1e999",
    "a mark before it": "\ufeff{}",
}
VIOLATIONS = {
    "binary": (frame(0x82, b'{"type":"ping","id":"1"}'), 1003),
    "no mask": (b"\x81\x02{}", 1002),
    "reserved bit": (frame(0xC1, b"{}"), 1002),
    "unknown opcode": (frame(0x83, b""), 1002),
    "continuation first": (frame(0x80, b"{}"), 1002),
    "fragmented ping": (frame(0x09, b""), 1002),
    "long ping": (frame(0x89, b"x" * 126), 1002),
    "text in text": (frame(0x01, b"{") + frame(0x81, b"}"), 1002),
    "close of a byte": (frame(0x88, b"x"), 1002),
    "close 1005": (frame(0x88, b"\x03\xed"), 1002),
    "surrogate": (frame(0x81, b'"\xed\xa0\x80"'), 1007),
    "half a character": (frame(0x01, b'"\xc3') + frame(0x80, b'"'), 1007),
    "announced": (frame(0x81, b"", announce=2**62), 1009),
    "too long": (frame(0x81, b" " * 16_385), 1009),
    "endless fragments": (frame(0x01, b"") + frame(0x00, b"") * 16_400, 1009),
}


def moves() -> st.SearchStrategy:
    """One thing that is done; most are commands."""
    socket = st.integers(0, SOCKETS - 1)
    texts = st.text('[]{}:,"0123456789eE+-.truefalsn \\u' + HOSTILE.replace("\ud800\udc00", ""), max_size=60)
    return st.one_of(
        *[says()] * 16,
        *[st.builds(Again, socket, st.integers(0, 50))] * 2,
        st.builds(Text, socket, texts | st.sampled_from(list(TEXTS))),
        st.builds(Violation, socket, st.sampled_from(list(VIOLATIONS))),
        st.builds(Noise, socket, st.binary(min_size=1, max_size=60)),
    )


def encoded(text: str, cuts: tuple[int, ...]) -> bytes:
    """A message of text, in one frame or in fragments with pings between them."""
    data = text.encode()
    places = sorted({min(cut, len(data)) for cut in cuts})
    if not places:
        return frame(0x81, data, mask=os.urandom(4))
    parts = [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]
    fragments = [frame(0x01 if number == 0 else 0x00, part) for number, part in enumerate(parts[:-1])]
    return frame(0x89, b"between").join([*fragments, frame(0x80, parts[-1])])
