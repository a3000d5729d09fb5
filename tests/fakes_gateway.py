"""Stand-ins for what the gateway needs of the house, written by hand."""

import itertools
from dataclasses import dataclass, field

from votegame.errors import ErrorCode, StoreUnavailableError
from votegame.ids import LoginId, UserId
from votegame.limits.admission import Admission
from votegame.wire import frames


@dataclass(frozen=True)
class FakeLogin:
    user_id: UserId
    display_name: str
    login_id: LoginId
    guest: bool = True
    expires_at: int = 2_000_000_000_000


_epochs = itertools.count(1)


def an_admission(level=0, **given):
    """One that has just been overloaded to `level`, and stays so until `overload` says otherwise."""
    admission = Admission(lag_seconds=1.0, commit_seconds=1.0, **given)
    overload(admission, level)
    return admission


def overload(admission, level):
    """Measure for it what makes its level this one."""
    began = 10_000.0 * next(_epochs)
    for beat in range(20):
        admission.beat(began + 10 * beat, lag=float(2**level // 2), commit_age=0.0)
    assert admission.level == level


class FakeClock:
    """A clock that is moved by hand."""

    def __init__(self, seconds: float = 1000.0) -> None:
        self.at = seconds

    def seconds(self) -> float:
        return self.at

    def now_ms(self) -> int:
        return 1_767_225_600_000 + int(self.at * 1000)

    def shared_ms(self) -> int:
        return self.now_ms()


class FakeIdentity:
    """Knows the token `token-<name>` for each name; a bearer header carries the same."""

    def __init__(self) -> None:
        self.is_down = False
        self.is_buggy = False
        self.on_identify = None

    async def identify(self, request):
        header = request.headers.get("Authorization")
        if self.on_identify is not None:
            self.on_identify()
        if self.is_down:
            raise StoreUnavailableError("down")
        if header is None:
            return None
        return await self.authenticate(header.removeprefix("Bearer ")) or ErrorCode.UNAUTHENTICATED

    async def recognise(self, request):
        kind, _, name = request.headers.get("Authorization", "").removeprefix("Bearer ").partition("-")
        return UserId(name) if kind == "token" else None

    async def authenticate(self, token):
        if self.is_down:
            raise StoreUnavailableError("down")
        if self.is_buggy:
            raise ZeroDivisionError
        kind, _, name = token.partition("-")
        return FakeLogin(UserId(name), name.title(), login_id=LoginId(token)) if kind == "token" else None


class FakeDoorman:
    """Lets in all origins but the evil one; all come from one address, or the one that they name."""

    def origin_allowed(self, request):
        return "evil" not in request.headers.get("Origin", "")

    def client_address(self, request):
        return request.headers.get("X-Address", "192.0.2.1")


class FakeRevocations:
    def __init__(self) -> None:
        self.watched: dict[str, list] = {}

    def watch(self, login_id, expires_at, callback):
        self.watched.setdefault(login_id, []).append(callback)

    def unwatch(self, login_id, callback):
        if callback in self.watched.get(login_id, ()):
            self.watched[login_id].remove(callback)
            if not self.watched[login_id]:
                del self.watched[login_id]

    def revoke(self, login_id):
        for callback in self.watched.pop(login_id, []):
            callback()


@dataclass
class FakeRouter:
    """Keeps what it is sent; a test answers by `gateway.outlet`."""

    sent: list = field(default_factory=list)
    lost: list = field(default_factory=list)
    refusal: ErrorCode | None = None
    is_buggy: bool = False
    on_send: object = None

    def send(self, origin, user, command, *, received_at):
        if self.is_buggy:
            raise ZeroDivisionError
        if self.refusal is not None:
            return self.refusal
        self.sent.append((origin, user, command))
        if self.on_send is not None:
            self.on_send(origin, user, command)
        return None

    def connection_lost(self, room_code, user_id, connection_id):
        self.lost.append((room_code, user_id, connection_id))


class FakeTransport:
    """A transport whose kernel takes what `takes` says, and keeps what was written; `protocol` is told of it."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.takes = True
        self.is_closed = False
        self.is_aborted = False
        self.is_paused = False
        self.has_written_eof = False
        self.protocol = None
        self._held_back = 0
        self._high: int | None = None

    @property
    def written(self) -> bytes:
        return b"".join(self.writes)

    def is_closing(self):
        return self.is_closed or self.is_aborted

    def get_write_buffer_size(self):
        return self._held_back

    def set_write_buffer_limits(self, high):
        self._high = high

    def write(self, data):
        if self.is_aborted:
            return
        self.writes.append(data)
        if not self.takes:
            was_held, self._held_back = self._held_back, self._held_back + len(data)
            if not was_held and self._high == 0:
                self.protocol.pause_writing()

    def take_again(self):
        """The kernel takes all that was written, and whatever comes."""
        self.takes, self._held_back = True, 0
        self.protocol.resume_writing()

    def pause_reading(self):
        self.is_paused = True

    def resume_reading(self):
        self.is_paused = False

    def can_write_eof(self):
        return True

    def write_eof(self):
        self.has_written_eof = True

    def close(self):
        self.is_closed = True

    def abort(self):
        self.is_aborted = True

    def take_texts(self) -> list[bytes]:
        """The texts of all text frames written since, and forget them."""
        texts, rest = [], self.written
        self.writes.clear()
        while rest:
            opcode, size = rest[0] & 0x0F, rest[1]
            start = 2
            if size == 126:
                size, start = int.from_bytes(rest[2:4], "big"), 4
            elif size == 127:
                size, start = int.from_bytes(rest[2:10], "big"), 10
            if opcode == 1:
                texts.append(rest[start : start + size])
            rest = rest[start + size :]
        return texts


def ok_of(command, **fields) -> bytes:
    return frames.ok(command.id, fields)
