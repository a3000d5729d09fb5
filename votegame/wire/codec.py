"""From the text of a frame to a command, or to what is wrong with it.

The fast path is one typed decoder over the closed family of commands. Only when it refuses is the text read again, by a
slower reader that tells *what* is wrong: not JSON, no such command, or which field, and that saves the `id` for the
reply. What a bound cannot say (Unicode, the operator's limits) is checked after either of them.

Where JSON leaves a choice, the rules are: of equal names in one object the last one counts; unknown fields are ignored
whatever they hold, as long as the whole is JSON; a number with a fraction or an exponent that no float can hold
(`1e999`) is not JSON, nor is what is nested deeper than the readers can go; an integer is written without fraction and
exponent, zero without a sign, and is JSON however long it is, but no field takes a longer one than it says.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final, TypeVar, get_args

import msgspec
from msgspec import UNSET, Struct, structs

from votegame.errors import ErrorCode
from votegame.game.commands import AnyCommand, Authenticate, Command
from votegame.game.room_settings import SettingsPatch
from votegame.game.wording import question
from votegame.wire import text
from votegame.wire.limits import Limits

_ECHO_CHARS: Final = 64
_REASON_CHARS: Final = 200
_LEAST_RESULTS_SECONDS: Final = 3
_MAX_DIGITS: Final = 20
_HUGE_NUMBER: Final = re.compile(r"[:,\[ \t\r\n]-?[0-9](?:[0-9]{199}|[0-9.]*[eE]\+?[0-9]{3})")
"""A number in an object that may be too large for a float: its exponent has three digits, or its digits are so many
that one of two will do. The typed decoder does not look at numbers in unknown fields. (What a match can begin with is
one set of characters, since that is what a search is quick for.)"""
_MINUS_ZERO: Final = re.compile(r"-0[ \t\r\n]*[,}\]]")
"""What may be an integer that is written `-0`. The typed decoder takes it for 0."""
_AT: Final = re.compile(r"(?P<reason>.*) - at `\$\.?(?P<path>.*)`$", re.DOTALL)
"""The decoder's message. What it quotes of a frame stands in the reason, and may look like a place: it is the last."""
_NAMED: Final = re.compile(r"Object (?:missing required|contains unknown) field `(?P<name>.*)`$", re.DOTALL)
_SURROGATES: Final = re.compile("[\ud800-\udfff]")

Shape = TypeVar("Shape", bound=Struct)

_Rule = Callable[[Any], Any]
"""From a field's value to its normal form; raises `BadText` or `_WrongField`."""

_TYPES: Final[Mapping[str, type[Command]]] = MappingProxyType(
    {str(command.__struct_config__.tag): command for command in get_args(AnyCommand)}
)
_NAMES: Final[Mapping[type[Command], str]] = MappingProxyType({command: name for name, command in _TYPES.items()})
_LEAST_COLONS: Final[Mapping[type[Command], int]] = MappingProxyType(
    {command: 1 + sum(field.required for field in structs.fields(command)) for command in _TYPES.values()}
)


class BadFrame(Struct, frozen=True):
    """A frame that is no command, and the reply that it gets.

    Attributes:
        code: `bad_json`, `bad_message`, `unknown_type` or `unauthenticated`.
        command_id: The `id` to be echoed; None when there is no usable one.
        details: What the reply says beside the code.
        type: The name of the command that was meant, if that is certain.
    """

    code: ErrorCode
    command_id: str | None = None
    details: Mapping[str, Any] = {}
    type: str | None = None


_BAD_JSON: Final = BadFrame(ErrorCode.BAD_JSON)


class _WrongField(Exception):  # noqa: N818
    """A field is missing or wrong; never leaves this module."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason


_NO_OBJECT: Final = _WrongField("", "Expected an object")


class _NotJsonError(ValueError):
    """The text is not JSON, though the reader would take it; never leaves this module."""


class Codec:
    """Decodes what clients send. Pure, and shared by all connections."""

    def __init__(self, limits: Limits, *, has_moderation: bool = False) -> None:
        """`has_moderation` says whether hosts can have answers checked."""
        self._limits = limits
        self._has_moderation = has_moderation
        self._decoder = msgspec.json.Decoder(AnyCommand)
        rules: Mapping[str, _Rule] = {
            "id": partial(text.command_id, max_chars=limits.id_chars),
            "room_code": text.room_code,
            "round_id": str.lower,
            "answer": partial(text.answer, max_chars=limits.answer_chars),
            "answer_id": str.lower,
            "user_id": str.lower,
            "stream": str.lower,
            "settings": self._normal_settings,
        }
        self._rules: Mapping[type[Command], Sequence[tuple[str, _Rule]]] = {
            command: [(field, rules[field]) for field in command.__struct_fields__ if field in rules]
            for command in _TYPES.values()
        }

    def decode(self, data: str | bytes) -> AnyCommand | BadFrame:
        """The command in `data`, in its normal form, or what is wrong. Never raises, whatever `data` holds."""
        try:
            source = data if isinstance(data, str) else data.decode()
            command = self._decoder.decode(source)
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            return self._read_slowly(data)
        # With no more colons than the fields that it must have, there is no room for an unknown one.
        if source.count(":") > _LEAST_COLONS[type(command)] and _HUGE_NUMBER.search(source) is not None:
            return self._read_slowly(source)
        if "-0" in source and _MINUS_ZERO.search(source) is not None:
            return self._read_slowly(source)
        try:
            return self._normal(command)
        except _WrongField as wrong:
            return _bad_message(wrong, _usable_id(command.id, self._limits.id_chars), name_of(command))

    def decode_before_login(self, data: str | bytes) -> Authenticate | BadFrame:
        """As `decode`, for a connection without a user: every command but `authenticate` is `unauthenticated`.

        So is a malformed one, as long as it is certain which command was meant.
        """
        outcome = self.decode(data)
        if isinstance(outcome, Authenticate):
            return outcome
        if not isinstance(outcome, BadFrame):
            return BadFrame(ErrorCode.UNAUTHENTICATED, outcome.id)
        if outcome.type is None or outcome.type == _name_of(Authenticate):
            return outcome
        return BadFrame(ErrorCode.UNAUTHENTICATED, outcome.command_id)

    def decode_body(
        self, body: bytes, known: type[Command], fields: Mapping[str, Any], *, whole: str | None = None
    ) -> AnyCommand | BadFrame:
        """The command that a body over HTTP is meant as. Never raises, whatever `body` holds.

        Args:
            body: A JSON object, or nothing at all.
            known: Which command it is, by the route.
            fields: What it has from elsewhere, its `id` at the least; of the same names in `body` nothing is taken.
            whole: The field that the body itself is, if it has none of that name.
        """
        try:
            value = _parsed(body) if body else {}
        except (ValueError, RecursionError):
            return _BAD_JSON
        if not isinstance(value, dict):
            return _bad_message(_NO_OBJECT, None, None)
        if whole is not None and whole not in value:
            value = {whole: value}
        return self._judged({**value, **fields, "type": _name_of(known)})

    def _read_slowly(self, data: str | bytes) -> AnyCommand | BadFrame:
        try:
            value = _parsed(data)
        except (ValueError, RecursionError):
            return _BAD_JSON
        if not isinstance(value, dict):
            return _bad_message(_NO_OBJECT, None, None)
        return self._judged(value)

    def _judged(self, value: dict[str, Any]) -> AnyCommand | BadFrame:
        command_id = _usable_id(value.get("id"), self._limits.id_chars)
        command_type = value.get("type")
        known = _TYPES.get(command_type) if isinstance(command_type, str) else None
        name = None if known is None else _name_of(known)
        if command_id is None:
            reason = f"Expected `str` of 1 to {self._limits.id_chars} characters"
            return _bad_message(_WrongField("id", reason), None, name)
        if not isinstance(command_type, str):
            return _bad_message(_WrongField("type", "Expected `str`"), command_id, None)
        if known is None:
            return BadFrame(ErrorCode.UNKNOWN_TYPE, command_id, {"command": _echo(command_type)})
        try:
            return self._normal(_converted(value, known))
        except _WrongField as wrong:
            return _bad_message(wrong, command_id, name)

    def _normal(self, command: Any) -> AnyCommand:
        """The command in its normal form. Raises `_WrongField`."""
        changes: dict[str, Any] = {}
        for field, rule in self._rules[type(command)]:
            given = getattr(command, field)
            try:
                normal = rule(given)
            except text.BadText as bad:
                raise _WrongField(field, bad.reason) from None
            if normal != given:
                changes[field] = normal
        return structs.replace(command, **changes) if changes else command  # type: ignore[no-any-return]

    def _normal_settings(self, settings: SettingsPatch) -> SettingsPatch:
        if settings.max_players is not UNSET and settings.max_players > self._limits.max_players:
            raise _WrongField("settings.max_players", f"Expected `int` <= {self._limits.max_players}")
        if settings.results_seconds is not UNSET and 0 < settings.results_seconds < _LEAST_RESULTS_SECONDS:
            raise _WrongField("settings.results_seconds", f"Expected 0, or `int` >= {_LEAST_RESULTS_SECONDS}")
        if settings.moderation == "on" and not self._has_moderation:
            raise _WrongField("settings.moderation", "Expected `off`, there is no moderator here")
        # The `$` of its pattern stands before a last line break, too.
        if settings.language is not UNSET and settings.language.endswith("\n"):
            raise _WrongField("settings.language", "Expected no line break")
        changes: dict[str, Any] = {}
        if settings.topic is not UNSET:
            changes["topic"] = _text("settings.topic", text.topic, settings.topic)
        if settings.questions is not UNSET:
            changes["questions"] = _own_questions(settings.questions)
        return structs.replace(settings, **changes)


def _own_questions(questions: Sequence[str]) -> tuple[str, ...]:
    """The host's own questions, checked like answers; none may be the same as one before it. Raises `_WrongField`."""
    normal: dict[str, str] = {}
    for place, given in enumerate(questions):
        field = f"settings.questions[{place}]"
        asked = question(_text(field, text.answer, given, text.QUESTION_CHARS))
        if asked.key in normal:
            raise _WrongField(field, "The same question as one before it")
        normal[asked.key] = asked.text
    return tuple(normal.values())


def decode_object(data: bytes, shape: type[Shape]) -> Shape | BadFrame:
    """The JSON object `data`, which is no command, as a `shape`, or what is wrong. Never raises, whatever it holds."""
    try:
        value = _parsed(data)
    except (ValueError, RecursionError):
        return _BAD_JSON
    if not isinstance(value, dict):
        return _bad_message(_NO_OBJECT, None, None)
    try:
        return _converted(value, shape)
    except _WrongField as wrong:
        return _bad_message(wrong, None, None)


def _parsed(data: str | bytes) -> Any:
    """What the text holds, with Python's own reader: it goes on where the typed decoder stops. Raises ValueError."""
    source = data if isinstance(data, str) else data.decode()
    return json.loads(source, parse_int=_integer, parse_float=_float, parse_constant=_refuse_constant)


def _integer(digits: str) -> int | float:
    if digits == "-0":
        # No field takes it: what a float says by its sign would be lost.
        return -0.0
    # Python refuses to read thousands of digits. No field takes as many as 20: what is left is refused all the same.
    return int(digits[: _MAX_DIGITS + 1])


def _float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise _NotJsonError
    return value


def _refuse_constant(_name: str) -> None:
    raise _NotJsonError


def _converted(value: dict[str, Any], known: type[Shape]) -> Shape:
    """`value` as a command of type `known`. Raises `_WrongField`."""
    for name in known.__struct_fields__:
        field = value.get(name)
        _refuse_surrogates(name, field)
        for inner, inner_field in field.items() if isinstance(field, dict) else ():
            _refuse_surrogates(f"{name}.{_echo(inner)}", inner)
            _refuse_surrogates(f"{name}.{_echo(inner)}", inner_field)
    # Of unknown fields not even the names are looked at: they might be no text.
    meant = {name: value[name] for name in ("type", *known.__struct_fields__) if name in value}
    try:
        return msgspec.convert(meant, known)
    except msgspec.ValidationError as error:
        raise _wrong_field(str(error)) from None


def _refuse_surrogates(path: str, value: object) -> None:
    """Refuse text that is none: a lone surrogate can be escaped in JSON, but not be written in UTF-8."""
    if isinstance(value, str) and _SURROGATES.search(value) is not None:
        raise _WrongField(path, "not_text")


def _wrong_field(message: str) -> _WrongField:
    """The decoder's message, taken apart: "Expected `int`, got `str` - at `$.settings.max_players`"."""
    at = _AT.match(message)
    reason, path = (at["reason"], at["path"]) if at is not None else (message, "")
    named = _NAMED.match(reason)
    if named is not None:
        path = f"{path}.{_echo(named['name'])}".lstrip(".")
    return _WrongField(path, _clean(reason)[:_REASON_CHARS])


def _text(field: str, rule: Callable[..., str], value: str, *limits: int) -> str:
    try:
        return rule(value, *limits)
    except text.BadText as bad:
        raise _WrongField(field, bad.reason) from None


def _usable_id(value: object, max_chars: int) -> str | None:
    try:
        return text.command_id(value, max_chars) if isinstance(value, str) else None
    except text.BadText:
        return None


def _bad_message(wrong: _WrongField, command_id: str | None, name: str | None) -> BadFrame:
    return BadFrame(ErrorCode.BAD_MESSAGE, command_id, {"field": wrong.field, "reason": wrong.reason}, name)


def _echo(value: str) -> str:
    return _clean(value)[:_ECHO_CHARS]


def _clean(value: str) -> str:
    return value.encode("utf-8", "replace").decode()


def _name_of(command: type[Command]) -> str:
    return str(command.__struct_config__.tag)


def name_of(command: AnyCommand) -> str:
    """The `type` that the command has in its frame."""
    return _NAMES[type(command)]
