"""The limits that a client can run into, as `welcome.limits` tells them."""

from typing import Final

from msgspec import Struct

from votegame.wire import text

LEAST_SERVER_FRAME_BYTES: Final = 1_048_576
_SERVER_FRAME_BASE: Final = 250_000
"""What grows neither with players nor with spectators: a thousand who played, 217 bytes each, and some more."""
_SERVER_FRAME_PER_PLAYER: Final = 2_950
"""An answer, shown twice, with names, votes and ids: 2,910 bytes when every character takes four."""
_SERVER_FRAME_PER_SPECTATOR: Final = 246
"""A member without a line on the board: 244 bytes."""


class Limits(Struct, frozen=True, kw_only=True):
    """Limits of protocol v1.

    An operator may change them, but for the lengths of texts (`id_chars`, `answer_chars`, `name_chars`), which are part
    of the protocol, and for `server_frame_bytes`, which follows from `max_players` and `max_members`.

    Attributes:
        frame_bytes: Size of a frame from a client.
        server_frame_bytes: Size of a frame from the server.
        id_chars: Length of a command's `id`.
        answer_chars: Code points of an answer, after NFC and trim.
        name_chars: Code points of a display name, after NFC and trim.
        command_burst: Commands that a connection may send at once.
        commands_per_second: Commands that a connection may send in the long run.
        sockets_per_user: Sockets of one user on one node; one more replaces the oldest.
        rooms_per_user: Rooms, neither finished nor closed, that a user may be a member of.
        outbox_frames: Frames that may wait for a slow client.
        outbox_bytes: Bytes that may wait for a slow client.
        reply_seconds: Time after which a command without a reply gets `unavailable`.
        auth_seconds: Time to authenticate after the upgrade.
        max_players: The most that a room's `max_players` may be.
        max_members: Members of a room, players and spectators together.
    """

    frame_bytes: int = 16_384
    server_frame_bytes: int = LEAST_SERVER_FRAME_BYTES
    id_chars: int = text.ID_CHARS
    answer_chars: int = text.ANSWER_CHARS
    name_chars: int = text.NAME_CHARS
    command_burst: int = 20
    commands_per_second: float = 10
    sockets_per_user: int = 5
    rooms_per_user: int = 20
    outbox_frames: int = 256
    outbox_bytes: int = 262_144
    reply_seconds: float = 5
    auth_seconds: float = 10
    max_players: int = 200
    max_members: int = 1_000


def server_frame_bytes(max_players: int, max_members: int) -> int:
    """Size of the largest frame: the `state` of a full room with the longest answers and names."""
    players = _SERVER_FRAME_PER_PLAYER * max_players
    spectators = _SERVER_FRAME_PER_SPECTATOR * (max_members - max_players)
    return max(LEAST_SERVER_FRAME_BYTES, _SERVER_FRAME_BASE + players + spectators)
