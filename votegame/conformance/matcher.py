"""Patterns: JSON with variables and matchers in it, held against what came, or filled in to be sent.

A text `$name` is a variable: met in what comes it takes the value that stands there, and from then on means that value.
`${name}` inside a text is replaced by it. A variable whose name begins with `new_` gets a fresh UUID when it is first
sent. An object with one key that begins with `$` is a matcher. Objects may hold more than the pattern names; lists may
not. `protocol/transcripts.md` says all this for other languages.
"""

import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Final

from msgspec import Struct

from votegame.ids import CODE_ALPHABET

Variables = dict[str, Any]

_WHOLE: Final = re.compile(r"\$(\w+)")
_INSIDE: Final = re.compile(r"\$\{(\w+)\}")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CODE: Final = re.compile(f"[{CODE_ALPHABET}]{{6}}")
_A_DATE: Final = 1_600_000_000_000
_MS: Final = 1_000


class Difference(Struct, frozen=True):
    """Something that is not as the pattern says.

    Attributes:
        path: Where, as in `state.members[1].score`.
        expected: What the pattern says.
        came: What was there; `ABSENT` for nothing.
    """

    path: str
    expected: Any
    came: Any

    def __str__(self) -> str:
        came = "nothing" if self.came is ABSENT else repr(self.came)
        return f"{self.path or 'the whole'}: expected {self.expected!r}, came {came}"


class _Absent:
    def __repr__(self) -> str:
        return "nothing"


ABSENT: Final = _Absent()


class UnboundError(KeyError):
    """A variable is to be sent that has no value yet: the transcript is wrong."""


def filled(pattern: Any, variables: Variables) -> Any:
    """What a pattern means when it is sent. Raises UnboundError."""
    if isinstance(pattern, dict):
        return {_text(key, variables): filled(value, variables) for key, value in pattern.items()}
    if isinstance(pattern, list):
        return [filled(value, variables) for value in pattern]
    if isinstance(pattern, str):
        variable = variable_in(pattern)
        return _value(variable, variables) if variable else _text(pattern, variables)
    return pattern


def _text(pattern: str, variables: Variables) -> str:
    return _INSIDE.sub(lambda found: str(_value(found[1], variables)), pattern)


def _value(name: str, variables: Variables) -> Any:
    if name not in variables:
        if not name.startswith("new_"):
            raise UnboundError(name)
        variables[name] = str(uuid.uuid4())
    return variables[name]


def matcher_in(pattern: dict[str, Any]) -> tuple[str, Any] | None:
    """The matcher that an object is, with its argument; None for one that stands for itself."""
    if len(pattern) != 1:
        return None
    ((name, argument),) = pattern.items()
    return (name, argument) if name.startswith("$") and "{" not in name else None


def variable_in(pattern: str) -> str | None:
    """The variable that a text is; None for one that stands for itself."""
    whole = _WHOLE.fullmatch(pattern)
    return whole[1] if whole else None


def differences(pattern: Any, value: Any, variables: Variables, path: str = "") -> list[Difference]:
    """What of `value` is not as `pattern` says; variables take their values even then."""
    return list(_differences(pattern, value, variables, path))


def matches(pattern: Any, value: Any, variables: Variables) -> bool:
    """Whether `value` is as `pattern` says; only then variables take their values."""
    tried = dict(variables)
    if differences(pattern, value, tried):
        return False
    variables.update(tried)
    return True


def _differences(pattern: Any, value: Any, variables: Variables, path: str) -> Iterator[Difference]:
    if isinstance(pattern, dict):
        matcher = matcher_in(pattern)
        if matcher is not None:
            name, argument = matcher
            yield from MATCHERS[name](argument, value, variables, path)
        else:
            yield from _in_object(pattern, value, variables, path)
    elif isinstance(pattern, list):
        yield from _in_list(pattern, value, variables, path)
    elif isinstance(pattern, str) and (variable := variable_in(pattern)):
        if value is ABSENT:
            yield Difference(path, pattern, value)
        elif not is_same(variables.setdefault(variable, value), value):
            yield Difference(path, variables[variable], value)
    else:
        wanted = _text(pattern, variables) if isinstance(pattern, str) else pattern
        if not is_same(wanted, value):
            yield Difference(path, wanted, value)


def is_same(one: Any, other: Any) -> bool:
    """Whether two values are the same in JSON, where `1`, `1.0` and `true` are three."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(is_same(*pair) for pair in zip(one, other, strict=True))
    return type(one) is type(other) and bool(one == other)


def _in_object(pattern: dict[str, Any], value: Any, variables: Variables, path: str) -> Iterator[Difference]:
    if not isinstance(value, dict):
        yield Difference(path, pattern, value)
        return
    for key, inner in pattern.items():
        name = _text(key, variables)
        yield from _differences(inner, value.get(name, ABSENT), variables, f"{path}.{name}".lstrip("."))


def _in_list(pattern: list[Any], value: Any, variables: Variables, path: str) -> Iterator[Difference]:
    if not isinstance(value, list) or len(value) != len(pattern):
        yield Difference(path, pattern, value)
        return
    for index, (inner, element) in enumerate(zip(pattern, value, strict=True)):
        yield from _differences(inner, element, variables, f"{path}[{index}]")


def _any(kind: str, value: Any, _variables: Variables, path: str) -> Iterator[Difference]:
    if not KINDS[kind](value):
        yield Difference(path, f"any {kind}", value)


def _absent(_argument: Any, value: Any, _variables: Variables, path: str) -> Iterator[Difference]:
    if value is not ABSENT:
        yield Difference(path, "nothing", value)


def _within(bounds: list[float], value: Any, _variables: Variables, path: str) -> Iterator[Difference]:
    low, high = bounds
    if not _is_number(value) or not low <= value <= high:
        yield Difference(path, f"{low} to {high}", value)


def _later(argument: list[Any], value: Any, variables: Variables, path: str) -> Iterator[Difference]:
    """`[time, least, most]`: a time that is so many seconds later than another."""
    since, low, high = filled(argument, variables)
    if not _is_number(value) or not low <= (value - since) / _MS <= high:
        yield Difference(path, f"{low} to {high} s after {since}", value)


def _unordered(patterns: list[Any], value: Any, variables: Variables, path: str) -> Iterator[Difference]:
    """The elements in any order."""
    if not isinstance(value, list) or len(value) != len(patterns):
        yield Difference(path, patterns, value)
        return
    left = list(value)
    for pattern in patterns:
        found = next((element for element in left if matches(pattern, element, variables)), ABSENT)
        if found is ABSENT:
            yield Difference(path, pattern, left)
            return
        left.remove(found)


def _one_of(patterns: list[Any], value: Any, variables: Variables, path: str) -> Iterator[Difference]:
    if not any(matches(pattern, value, variables) for pattern in patterns):
        yield Difference(path, patterns, value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


KINDS: Final[dict[str, Callable[[Any], bool]]] = {
    "uuid": lambda value: isinstance(value, str) and _UUID.fullmatch(value) is not None,
    "time": lambda value: isinstance(value, int) and not isinstance(value, bool) and value > _A_DATE,
    "text": lambda value: isinstance(value, str) and value != "",
    "number": _is_number,
    "code": lambda value: isinstance(value, str) and _CODE.fullmatch(value) is not None,
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
MATCHERS: Final[dict[str, Callable[[Any, Any, Variables, str], Iterator[Difference]]]] = {
    "$any": _any,
    "$absent": _absent,
    "$within": _within,
    "$later": _later,
    "$unordered": _unordered,
    "$one_of": _one_of,
}
