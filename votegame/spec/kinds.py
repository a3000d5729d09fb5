"""All kinds of frames, by the names that files and messages of the specification have."""

from typing import get_args

from votegame.conformance.format import Transcript
from votegame.game.commands import AnyCommand
from votegame.wire.events import AnyEvent, AnyNotice
from votegame.wire.messages import OKS_BY_COMMAND, type_of
from votegame.wire.replies import ErrorReply, Welcome
from votegame.wire.snapshot import State

Kinds = dict[str, tuple[type, ...]]


def commands() -> Kinds:
    """The commands, as `command.submit_vote`."""
    return {f"command.{type_of(kind)}": (kind,) for kind in get_args(AnyCommand)}


def oks() -> Kinds:
    """The `ok` of each command, as `ok.submit_vote`; a frame is one of the types."""
    return {f"ok.{command}": kinds for command, kinds in OKS_BY_COMMAND.items()}


def told() -> Kinds:
    """What is sent unasked: `welcome`, events and notices."""
    events: Kinds = {f"event.{type_of(kind)}": (kind,) for kind in get_args(AnyEvent)}
    notices: Kinds = {f"notice.{type_of(kind)}": (kind,) for kind in get_args(AnyNotice)}
    return {"welcome": (Welcome,), **events, **notices}


def frames() -> Kinds:
    """Every frame there is."""
    return {**commands(), **oks(), "error": (ErrorReply,), **told()}


def documents() -> Kinds:
    """Everything that has a schema of its own: the frames, the snapshot, and transcripts."""
    return {**frames(), "state": (State,), "transcript": (Transcript,)}
