"""Envelopes: what travels between nodes, and how a node knows that another one wrote it.

An envelope is a JSON object, sealed with an HMAC over all of its bytes by a key that only nodes of this deployment
have. It names its sender and its receiver, and has a place in the sequence of all that the one has sent to the other:
an `epoch`, and a number within it. What is in Redis is untrusted: what does not open is dropped.

Messages to the owner of a room: `forward`, `lost`, `subscribe`, `unsubscribe`. Messages to a gateway: `replied`,
`published`, `detached`, `close_attached`, `resumed`, `elsewhere`. Either way: `missed`, and envelopes without a
message, which only show that nothing was lost.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final, Generic, Literal, TypeVar

import msgspec
from msgspec import Raw, Struct

from votegame.game.commands import AnyRoomCommand, CommandId, CreateRoom
from votegame.ids import ConnectionId, NodeId, RoomCode, StreamId, UserId

VERSION: Final = 1
ENVELOPE_BYTES: Final = 4 * 1024 * 1024
"""The largest envelope: twice the largest frame, the `state` of a room of 2,000."""
_MAC_CHARS: Final = 64


class Forward(Struct, frozen=True, kw_only=True, tag="forward"):
    """A command for a room that the receiver owns; a `create_room` is one that made it before.

    Attributes:
        room_code: The room.
        token: Comes back with the reply.
        connection_id: The socket; None for an HTTP request.
        received_ms: When the gateway had it, in database milliseconds.
    """

    room_code: RoomCode
    token: int
    connection_id: ConnectionId | None
    user_id: UserId
    display_name: str
    received_ms: int
    command: AnyRoomCommand | CreateRoom


class UnreadableForward(Struct, frozen=True, kw_only=True):
    """A `forward` with a command that only a later release can read. It is made where that arrives, and never sent."""

    room_code: RoomCode
    token: int
    connection_id: ConnectionId | None
    command_id: CommandId


class Lost(Struct, frozen=True, kw_only=True, tag="lost"):
    """A connection that was, or was to be, attached to the room is gone."""

    room_code: RoomCode
    user_id: UserId
    connection_id: ConnectionId


class Subscribe(Struct, frozen=True, kw_only=True, tag="subscribe"):
    """The sender's connections were told the room's events up to `seq` of `stream`, and may have missed others."""

    room_code: RoomCode
    ref: int
    stream: StreamId
    seq: int
    sockets: dict[UserId, list[ConnectionId]]


class Unsubscribe(Struct, frozen=True, kw_only=True, tag="unsubscribe"):
    """The sender has no connection that is attached to the room; answered like a subscription, with nothing missed."""

    room_code: RoomCode
    ref: int


class Replied(Struct, frozen=True, kw_only=True, tag="replied"):
    """The reply to a command that was forwarded, or a notice for one user alone.

    The second is no message of its own, since nodes of an earlier release could not read it: they take it for the reply
    to a command that nobody waits for, and drop it.

    Attributes:
        at_door: Whether the command did not get as far as the room. Such a reply is in no order with others.
        stream: Given when the connection gets the room's frames from now on, together with `user_id` and `seq`.
        whispered_to: Given when it is a notice: the user whose connections to the room it is for. `token` is 0 then.
    """

    room_code: RoomCode
    token: int
    connection_id: ConnectionId | None
    frame: Raw
    durable: bool
    at_door: bool = False
    user_id: UserId | None = None
    stream: StreamId | None = None
    seq: int = 0
    whispered_to: UserId | None = None


class Published(Struct, frozen=True, kw_only=True, tag="published"):
    """An event, or a notice, which has no `seq`, for all connections that are attached to the room."""

    room_code: RoomCode
    frame: Raw
    seq: int | None = None


class Detached(Struct, frozen=True, kw_only=True, tag="detached"):
    """The user's connections, or, without a user, all, get no more frames of the room."""

    room_code: RoomCode
    user_id: UserId | None


class CloseSockets(Struct, frozen=True, kw_only=True, tag="close_attached"):
    """All connections that are attached to the room are to be closed."""

    room_code: RoomCode
    close_code: int


class ResumedRoom(Struct, frozen=True, kw_only=True, tag="resumed"):
    """The answer to a subscription: what was missed, in order; None when that is not kept any more."""

    room_code: RoomCode
    ref: int
    missed: list[Published | Detached] | None


class NotHere(Struct, frozen=True, kw_only=True, tag="elsewhere"):
    """The sender does not own the room."""

    room_code: RoomCode


class Missed(Struct, frozen=True, kw_only=True, tag="missed"):
    """Something that the receiver has sent in this epoch did not arrive; nothing more of that epoch is taken."""

    epoch: int


ToOwner = Forward | UnreadableForward | Lost | Subscribe | Unsubscribe
ToGateway = Replied | Published | Detached | CloseSockets | ResumedRoom | NotHere
RoomMessage = ToOwner | ToGateway
AnyMessage = RoomMessage | Missed
SentMessage = Forward | Lost | Subscribe | Unsubscribe | ToGateway | Missed
MessageT_co = TypeVar("MessageT_co", covariant=True)


class Envelope(Struct, Generic[MessageT_co], frozen=True, kw_only=True):
    """What is published at once.

    Attributes:
        version: Of this form.
        sender: The node that published it.
        receiver: The node that it is for.
        epoch: Grows whenever something may have been lost, for all that the sender knows.
        number: Its place among those of this epoch: 1, 2, 3 and so on.
        until_ms: Until when, in database milliseconds, the sender's lease surely runs; what is true now and no more
            must not be told after that.
        messages: In order.
    """

    version: int
    sender: NodeId
    receiver: NodeId
    epoch: int
    number: int
    until_ms: int
    messages: Sequence[MessageT_co]


class _CommandHead(Struct, frozen=True):
    id: CommandId


class _ForwardHead(Struct, frozen=True):
    type: Literal["forward"]
    room_code: RoomCode
    token: int
    connection_id: ConnectionId | None
    command: _CommandHead


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Envelope[SentMessage])
_unread_decoder: Final = msgspec.json.Decoder(Envelope[Raw])
_message_decoder: Final = msgspec.json.Decoder(SentMessage)
_head_decoder: Final = msgspec.json.Decoder(_ForwardHead)


def encoded(message: SentMessage) -> bytes:
    """A message as it stands in an envelope."""
    return _encoder.encode(message)


class Sealer:
    """Seals envelopes with the first of its keys, and opens those that were sealed with any."""

    def __init__(self, *keys: bytes) -> None:
        self._keys = keys

    def sealed(
        self, messages: Sequence[bytes], *, sender: NodeId, receiver: NodeId, epoch: int, number: int, until_ms: int
    ) -> bytes:
        """An envelope with messages that are encoded already."""
        head = {
            "version": VERSION,
            "sender": sender,
            "receiver": receiver,
            "epoch": epoch,
            "number": number,
            "until_ms": until_ms,
        }
        body = _encoder.encode({**head, "messages": [Raw(message) for message in messages]})
        return _mac(self._keys[0], body) + body

    def opened(self, data: bytes) -> Envelope[AnyMessage] | None:
        """The envelope in `data`; None when it is none of ours. Never raises, whatever `data` holds."""
        mac, body = data[:_MAC_CHARS], data[_MAC_CHARS:]
        if len(data) > ENVELOPE_BYTES or not any(hmac.compare_digest(mac, _mac(key, body)) for key in self._keys):
            return None
        try:
            envelope = _read(body)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            # A later version may have other messages: to this one they are lost, and lost things are asked for again.
            return None
        return envelope if envelope.version == VERSION else None


def _read(body: bytes) -> Envelope[AnyMessage]:
    try:
        return _decoder.decode(body)
    except msgspec.ValidationError:
        # In a deploy, one command of a later release must not hold up what else the link carries.
        unread = _unread_decoder.decode(body)
        messages = [_read_message(message) for message in unread.messages]
        return Envelope(**{**msgspec.structs.asdict(unread), "messages": messages})


def _read_message(message: Raw) -> AnyMessage:
    try:
        read: SentMessage = _message_decoder.decode(message)
    except msgspec.ValidationError:
        head = _head_decoder.decode(message)
        return UnreadableForward(
            room_code=head.room_code,
            token=head.token,
            connection_id=head.connection_id,
            command_id=head.command.id,
        )
    return read


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, body, hashlib.sha256).hexdigest().encode()
