"""Every frame that leaves the server, typed: the same families that `protocol/schemas` is generated from.

`decoded` reads a frame strictly: a field too much, a missing one, or one of another kind is an error. Clients must not
be so strict, since the server may add; tests of the server must.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from votegame.game.commands import Command
from votegame.wire.events import AnyEvent, AnyNotice
from votegame.wire.replies import OK_TYPES, ErrorReply, Ok, Welcome

AnyUnasked = Welcome | ErrorReply | AnyEvent | AnyNotice
"""What can be read without knowing which command it answers."""

AnyMessage = AnyUnasked | Ok
"""The closed family of frames of the server."""

OKS_BY_COMMAND: Final[Mapping[str, tuple[type[Ok], ...]]] = MappingProxyType(
    {str(command.__struct_config__.tag): oks for command, oks in OK_TYPES.items()}
)
_ANY_OK: Final = tuple({ok: None for oks in OK_TYPES.values() for ok in oks})
_unasked: Final[msgspec.json.Decoder[AnyUnasked]] = msgspec.json.Decoder(AnyUnasked)


def type_of(message: type[Command] | type[AnyMessage]) -> str:
    """The `type` that frames of this kind have."""
    return str(message.__struct_config__.tag)


def decoded(frame: str | bytes, *, command: str | None = None) -> AnyMessage:
    """The message in a frame.

    Args:
        frame: The text of the frame.
        command: If it is an `ok`: the `type` of the command that it answers; None when that is not known.

    Raises:
        msgspec.DecodeError: It is none that the server may send.
    """
    value = msgspec.json.decode(frame)
    if isinstance(value, dict) and value.get("type") == "ok":
        return _ok(value, _ANY_OK if command is None else OKS_BY_COMMAND[command])
    return _unasked.decode(frame)


def _ok(value: Any, kinds: tuple[type[Ok], ...]) -> Ok:
    """`value` as the first of `kinds` that fits. Raises `msgspec.ValidationError`."""
    *others, last = kinds
    for kind in others:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError:
            continue
    return msgspec.convert(value, last)
