"""A gateway without sockets: connections over fake transports, and time that is moved by hand."""

import json
import random

from tests.fakes_gateway import (
    FakeClock,
    FakeDoorman,
    FakeIdentity,
    FakeLogin,
    FakeRevocations,
    FakeRouter,
    FakeTransport,
)
from votegame.gateway.connection import Connection
from votegame.gateway.gateway import Gateway
from votegame.gateway.ports import GatewaySettings, Metrics
from votegame.ids import ConnectionId, LoginId, RoomCode, UserId
from votegame.rooms.ports import CloseAttached, Detach, ReplyFrame, RoomFrame, WhisperFrame
from votegame.wire import frames

ROOM = RoomCode("ABC234")


class Client:
    """What is at the other end of a connection."""

    def __init__(self, stage: "Stage", connection: Connection, transport: FakeTransport) -> None:
        self.stage = stage
        self.connection = connection
        self.transport = transport
        self.transport_lost = False

    def say(self, **fields) -> None:
        self.say_text(json.dumps(fields))

    def say_text(self, text: str) -> None:
        self.say_raw(masked(0x81, text.encode()))

    def say_raw(self, data: bytes) -> None:
        self.connection.data_received(data)

    def heard(self) -> list[dict]:
        """Every text frame since the last look."""
        self.stage.turn()
        return [json.loads(text) for text in self.transport.take_texts()]

    def close_code(self) -> int | None:
        """The code of the close frame at the end of what was written."""
        self.stage.turn()
        written = self.transport.written
        for code in (1001, 1002, 1003, 1007, 1008, 1009, 1012, 1013, 4401, 4409, 4508):
            if b"\x88" in written and code.to_bytes(2, "big") in written[written.rindex(b"\x88") :][:4]:
                return code
        return None

    def lose(self) -> None:
        self.connection.connection_lost(None)
        self.transport.protocol = None


class Stage:
    def __init__(self, settings: GatewaySettings | None = None, metrics: Metrics | None = None) -> None:
        self.clock = FakeClock()
        self.identity = FakeIdentity()
        self.revocations = FakeRevocations()
        self.router = FakeRouter()
        self.has_lease = True
        self.gateway = Gateway(
            settings=settings or GatewaySettings(),
            identity=self.identity,
            doorman=FakeDoorman(),
            revocations=self.revocations,
            clock=self.clock,
            lease_is_valid=lambda: self.has_lease,
            rng=random.Random(1),
            metrics=metrics,
        )
        self.gateway._router.router = self.router
        self.shared = self.gateway._shared
        self._number = 0

    def connect(self, name: str | None = None, *, address: str = "192.0.2.1") -> Client:
        """A new client; with a `name` it is logged in and has heard its `welcome`."""
        self._number += 1
        transport = FakeTransport()
        connection = Connection(
            self.shared, connection_id=ConnectionId(f"c{self._number}"), address=address, transport=transport
        )
        transport.protocol = connection
        self.shared.connections.add(connection)
        if name is not None:
            connection.log_in(FakeLogin(UserId(name), name.title(), LoginId(f"login-{name}")))
        self.gateway._sweep.watch(connection)
        client = Client(self, connection, transport)
        if name is not None:
            assert [frame["type"] for frame in client.heard()] == ["welcome"]
        return client

    def turn(self) -> None:
        """The end of a turn of the event loop."""
        self.shared.flusher.flush_marked()

    def later(self, seconds: float) -> None:
        """Let time pass, with the sweep looking on as often as it does."""
        steps = max(1, round(seconds * 10))
        for _ in range(steps):
            self.clock.at += seconds / steps
            self.gateway._sweep.tick(self.clock.at)
        self.turn()

    def reply(self, data: bytes | None = None, *, at: int = -1, attach: RoomCode | None = None, durable: bool = True):
        """Answer the command at place `at` of those sent to the router."""
        origin, _, command = self.router.sent[at]
        data = frames.ok(command.id, {}) if data is None else data
        self.gateway.outlet.deliver([ReplyFrame(origin=origin, data=data, attach=attach, durable=durable)])

    def tell(self, data: bytes = b'{"type":"e"}', *, durable: bool = True) -> None:
        self.gateway.outlet.deliver([RoomFrame(room_code=ROOM, data=data, durable=durable)])

    def whisper(self, user: str, data: bytes = b'{"type":"w"}') -> None:
        self.gateway.outlet.deliver([WhisperFrame(ROOM, UserId(user), data)])

    def detach(self, user: str | None) -> None:
        self.gateway.outlet.deliver([Detach(ROOM, None if user is None else UserId(user))])

    def close_attached(self, code: int) -> None:
        self.gateway.outlet.deliver([CloseAttached(ROOM, code)])

    def attach(self, client: Client) -> None:
        """Have the client join the room."""
        client.say(type="join_room", id="join", room_code=ROOM)
        self.reply(attach=ROOM)
        client.heard()


def masked(first: int, payload: bytes) -> bytes:
    size = len(payload)
    header = bytes((first, 0x80 | size)) if size < 126 else bytes((first, 0xFE)) + size.to_bytes(2, "big")
    return header + b"\0\0\0\0" + payload
