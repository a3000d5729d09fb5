"""The value that holds all consequences of a turn."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from votegame.errors import ErrorCode
from votegame.game.presence import Presence
from votegame.game.question import Person, Wish
from votegame.game.records import Record
from votegame.game.state import State
from votegame.ids import AnswerId, RoundId, UserId


class Ok(Struct, frozen=True, gc=False):
    """The command was taken, now or earlier.

    Attributes:
        fields: What the `ok` carries beside `type` and `id`.
        attach: Whether the connection gets the room's frames from this `ok` on.
        durable: Whether the `ok` tells of something kept; otherwise it tells what is true now, as a read does.
    """

    fields: Mapping[str, Any]
    attach: bool = False
    durable: bool = True


class Refusal(Struct, frozen=True, gc=False):
    """The command was refused and has left no trace."""

    code: ErrorCode
    details: Mapping[str, Any] = {}


class Resumption(Struct, frozen=True, gc=False):
    """The connection continues from `last_seq` of `stream`, or starts again from a snapshot.

    Which of the two is known where frames are kept, so everything for both is here.
    """

    state: State
    presence: Presence
    unchecked: frozenset[AnswerId]
    user_id: UserId
    stream: str
    last_seq: int


Reply = Ok | Refusal | Resumption


class Event(Struct, frozen=True, gc=False):
    """The public version of a record, the same for every member.

    Attributes:
        seq: Its number.
        type: Its name on the wire.
        fields: What it carries beside `type`, `room_code`, `seq` and `server_time`.
        ends_phase: Whether notices of the phase before it must leave first, or not at all.
        detaches: The user whose connections get no frame of the room after this one.
        closes_room: Whether nobody's connections get one.
    """

    seq: int
    type: str
    fields: Mapping[str, Any]
    ends_phase: bool = False
    detaches: UserId | None = None
    closes_room: bool = False


class Notice(Struct, frozen=True, gc=False):
    """A fact of now, without a number.

    Attributes:
        type: Its name on the wire.
        subject: With `type`, the key under which only the latest value counts.
        fields: What it carries beside `type`, `room_code` and `server_time`.
        shared: Names of those fields whose latest value holds for every subject of this type.
    """

    type: str
    subject: str
    fields: Mapping[str, Any]
    shared: tuple[str, ...] = ()


class Whisper(Struct, frozen=True, gc=False):
    """A notice for one member alone, in all of his connections. It is sent again rather than lost.

    Attributes:
        user_id: The member.
        type: Its name on the wire.
        fields: What it carries beside `type`, `room_code` and `server_time`.
    """

    user_id: UserId
    type: str
    fields: Mapping[str, Any]


class DrawQuestion(Struct, frozen=True, gc=False):
    """Effect: find the room's next question, in place of one that was found before.

    What is found comes back as the `drawn` of `votegame.game.outside.Outside`.

    Attributes:
        wish: What the room wishes of it.
        asked: Keys of questions that it must not be.
        people: The members, none of whom it may name, or should have been asked before.
    """

    wish: Wish
    asked: frozenset[str]
    people: tuple[Person, ...]


class CheckAnswer(Struct, frozen=True, gc=False):
    """Effect: have an answer checked. It comes back in an `AnswersChecked`."""

    round_id: RoundId
    answer_id: AnswerId
    content: str


Effect = DrawQuestion | CheckAnswer


class Change(Struct, frozen=True, gc=False, kw_only=True):
    """All consequences of a turn, to be carried out in the order of the attributes.

    Attributes:
        state: The room after the turn: the fold of `records` over the state before.
        records: What has happened, to be stored before anything of this change is told to anyone.
        reply: The answer to the command, if the turn was one.
        public: What members are told, in order: public versions of `records`, notices, and whispers to one of them.
        effects: Outside work wished for.
    """

    state: State
    records: tuple[Record, ...] = ()
    reply: Reply | None = None
    public: tuple[Event | Notice | Whisper, ...] = ()
    effects: tuple[Effect, ...] = ()
