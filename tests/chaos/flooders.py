"""Floods, each a handful of clients that send as fast as they are answered, and obey nothing they are told.

They run in a process of their own, so that they do not slow down those who measure: `python -m tests.chaos.flooders`
with what `Order` says, as JSON, on its standard input. Each comes from another address with each request, as a flood
would, by a header that the node believes. The count of clients and the time are bounds; what became of it is printed as
JSON, counts by status or code.
"""

import asyncio
import contextlib
import itertools
import json
import random
import socket
import sys
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from tests.serving import ROOT
from votegame.ids import CODE_ALPHABET

_HEAD_BYTES: Final = 65_536
_PATIENCE_SECONDS: Final = 10.0
_DRIP_SECONDS: Final = 1.0
_WATCH_SECONDS: Final = 0.2
_SMALL_BUFFER: Final = 4_096
"""What the kernel takes for one who does not read, so that the server soon has to keep the rest."""
_FRAME_BYTES: Final = 16_000
"""Nearly what a frame may have, so that each costs the server what one can."""


class Order(NamedTuple):
    """What is to be done, to whom, by how many, and for how long; each token's user is a member of one of the rooms."""

    kind: str
    port: int
    clients: int
    seconds: float
    tokens: Sequence[str] = ()
    room_codes: Sequence[str] = ()


async def pour(order: Order) -> Counter[str]:
    """Have it done; what became of it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.chaos.flooders"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate(json.dumps(order._asdict()).encode())
    assert process.returncode == 0, "the flood ran dry"
    return Counter(json.loads(said))


class Flooders:
    """The clients of one flood."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._until = time.monotonic() + order.seconds
        self.counts: Counter[str] = Counter()

    async def run(self) -> None:
        kinds: dict[str, Callable[[int], Awaitable[None]]] = {
            "strangers": self._connects,
            "sockets": self._connects,
            "guests": self._asks,
            "logins": self._asks,
            "rooms": self._asks,
            "views": self._asks,
            "pages": self._asks,
            "pictures": self._asks,
            "joins": self._commands,
            "commands": self._commands,
            "reactions": self._commands,
            "bad frames": self._commands,
            "slow heads": self._drips,
            "slow bodies": self._drips,
            "readers": self._watches,
            "slow readers": self._watches,
        }
        flood = kinds[self._order.kind]
        await asyncio.gather(*(self._again(flood, number) for number in range(self._order.clients)))

    @property
    def _is_over(self) -> bool:
        return time.monotonic() >= self._until

    async def _again(self, flood: Callable[[int], Awaitable[None]], number: int) -> None:
        while not self._is_over:
            try:
                async with asyncio.timeout(max(0.1, self._until - time.monotonic()) + _PATIENCE_SECONDS):
                    await flood(number)
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                self.counts[type(error).__name__] += 1
                await asyncio.sleep(0.01)

    async def _opened(self, receive_bytes: int | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        connected = socket.socket()
        connected.setblocking(False)
        if receive_bytes is not None:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        await asyncio.get_running_loop().sock_connect(connected, ("127.0.0.1", self._order.port))
        return await asyncio.open_connection(sock=connected, limit=_HEAD_BYTES)

    def _token(self, number: int) -> str:
        return self._order.tokens[number % len(self._order.tokens)]

    async def _asks(self, number: int) -> None:
        """One request after the other over one connection."""
        reader, writer = await self._opened()
        try:
            while not self._is_over:
                writer.write(self._request(number))
                status, is_last = await _answer(reader)
                self.counts[str(status)] += 1
                if is_last:
                    return
        finally:
            writer.close()

    def _request(self, number: int) -> bytes:
        match self._order.kind:
            case "guests":
                return _http("POST", "/api/auth/guest", {"display_name": "Flood"})
            case "logins":
                email = f"{uuid.uuid4().hex}@example.org"
                return _http("POST", "/api/auth/login", {"email": email, "password": "not the right one"})
            case "rooms":
                return _http("POST", "/api/rooms", {}, token=random.choice(self._order.tokens))
            case "views":
                return _http("GET", "/api/auth/me", token=self._token(number))
            case "pictures":
                return _http("GET", f"/qr/{''.join(random.choices(CODE_ALPHABET, k=6))}.svg")
            case _:
                return _http("GET", random.choice(["/", "/docs", "/openapi.json"]))

    async def _connects(self, number: int) -> None:
        """A socket, upgraded, up to its welcome if it has a token, and away again."""
        reader, writer = await self._opened()
        try:
            is_user = self._order.kind == "sockets"
            writer.write(_upgrade(token=self._token(number) if is_user else None))
            status, _ = await _answer(reader)
            self.counts[str(status)] += 1
            if status == 101 and is_user:
                await reader.read(1)
        finally:
            writer.transport.abort()

    async def _commands(self, number: int) -> None:
        """One socket, and commands over it without waiting for replies; again when it is closed."""
        reader, writer = await self._opened()
        reading = None
        try:
            writer.write(_upgrade(token=self._token(number)))
            status, _ = await _answer(reader)
            self.counts[str(status)] += status != 101
            if status != 101:
                return
            # Who joins is no member: the room is the next one's.
            place = number + (self._order.kind == "joins")
            code = self._order.room_codes[place % len(self._order.room_codes)]
            reading = asyncio.create_task(self._count_replies(reader))
            texts = self._texts(code)
            while not self._is_over and not reading.done():
                for _ in range(5):
                    writer.write(_frame_of(next(texts)))
                await writer.drain()
                await asyncio.sleep(0.05)
        finally:
            if reading is not None:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
            writer.transport.abort()

    def _texts(self, code: str) -> Iterator[str]:
        if self._order.kind == "bad frames":
            yield from itertools.cycle(random.sample(bad := hostile_texts(code), len(bad)))
        for kind in itertools.cycle(self._kinds()):
            yield json.dumps({"id": uuid.uuid4().hex, "room_code": code, **kind})

    def _kinds(self) -> list[dict[str, Any]]:
        match self._order.kind:
            case "joins":
                return [{"type": "join_room", "role": "spectator"}, {"type": "leave_room"}]
            case "reactions":
                return [{"type": "react", "reaction": "fire"}]
            case _:
                return [{"type": "ping"}, {"type": "lock_room"}, {"type": "update_settings", "settings": {}}]

    async def _count_replies(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                opcode, payload = await _frame(reader)
                if opcode == 8:
                    self.counts[f"closed {int.from_bytes(payload[:2], 'big')}"] += 1
                    return
                if opcode == 1 and payload.startswith((b'{"type":"ok"', b'{"type":"error"')):
                    self.counts[json.loads(payload).get("code", "ok")] += 1

    async def _watches(self, number: int) -> None:
        """A spectator who asks again and again for all that came since he is there, and may never read what he gets."""
        is_slow = self._order.kind == "slow readers"
        reader, writer = await self._opened(_SMALL_BUFFER if is_slow else None)
        reading = None
        try:
            writer.write(_upgrade(token=self._token(number)))
            status, _ = await _answer(reader)
            assert status == 101, status
            resume = await self._seated(reader, writer, self._order.room_codes[number % len(self._order.room_codes)])
            reading = asyncio.create_task(self._count_replies(reader))
            if is_slow:
                writer.transport.pause_reading()
            while not (self._is_over or reading.done() or writer.transport.is_closing()):
                writer.write(_frame_of(json.dumps({"id": uuid.uuid4().hex, **resume})))
                await asyncio.sleep(_WATCH_SECONDS)
            self.counts["not cut" if self._is_over else "cut"] += 1
        finally:
            if reading is not None:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
            writer.transport.abort()

    async def _seated(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, code: str
    ) -> dict[str, str | int]:
        """Become a spectator of a room, as soon as it is not locked; the `resume` that asks for all from there on."""
        join = {"type": "join_room", "id": "join", "room_code": code, "role": "spectator"}
        while True:
            writer.write(_frame_of(json.dumps(join)))
            while (reply := json.loads((await _frame(reader))[1])).get("id") != "join":
                pass
            if reply["type"] == "ok":
                state = reply["state"]
                return {"type": "resume", "room_code": code, "stream": state["stream"], "last_seq": state["seq"]}
            await asyncio.sleep(_WATCH_SECONDS)

    async def _drips(self, _number: int) -> None:
        """A request that is sent byte by byte, until the server has enough of it."""
        reader, writer = await self._opened()
        whole = _http("POST", "/api/auth/guest", {"display_name": "Flood"})
        first = whole.index(b"\r\n\r\n") + 5 if self._order.kind == "slow bodies" else 1
        ending = asyncio.create_task(reader.read())
        try:
            writer.write(whole[:first])
            for place in range(first, len(whole)):
                await asyncio.sleep(_DRIP_SECONDS)
                if ending.done() or self._is_over:
                    break
                writer.write(whole[place : place + 1])
            self.counts["cut" if ending.done() else "not cut"] += 1
        finally:
            ending.cancel()
            await asyncio.gather(ending, return_exceptions=True)
            writer.transport.abort()


def hostile_texts(room_code: str) -> list[str]:
    """Texts of frames that are made to cost as much as they can; none of them is a command that has an effect."""
    field = f'"id":"x","room_code":"{room_code}"'
    answer = f'{{"type":"submit_answer",{field},"round_id":"{uuid.uuid4()}","answer":"%s"}}'
    settings = f'{{"type":"update_settings",{field},"settings":{{%s}}}}'
    ping = '{"type":"ping","id":"x","more":%s}'
    texts = [
        "[" * _FRAME_BYTES,
        '{"a":' * (_FRAME_BYTES // 5),
        "[" * (_FRAME_BYTES // 2) + "]" * (_FRAME_BYTES // 2),
        '"' + "\\" * _FRAME_BYTES,
        '{"type":"ping","id":%s}' % ("9" * _FRAME_BYTES),
        ping % ("0." + "9" * (_FRAME_BYTES - 100)),
        ping % ("1e" + "9" * (_FRAME_BYTES - 100)),
        ping % ('"' + "\\ud800" * (_FRAME_BYTES // 6 - 20) + '"'),
        '{"type":"ping","id":"x",' + ",".join(['"a":1'] * (_FRAME_BYTES // 6 - 20)) + "}",
        '{"type":"ping","id":"x",' + ",".join(f'"{number}":1' for number in range(1_800)) + "}",
        f'{{"type":"resume",{field},"stream":"{uuid.uuid4()}","last_seq":{"9" * (_FRAME_BYTES - 200)}}}',
        f'{{"type":"join_room","id":"x","room_code":"{"- " * 7_000}{room_code}"}}',
        '{"type":"%s","id":"x"}' % ("t" * (_FRAME_BYTES - 100)),
        answer % ("a" + "\u0315" * 3_500 + "\u0300" * 3_500),
        answer % ("a" + "\u0315" * 400 + "\u0300" * 400),
        answer % ("\u1100\u1161\u11a8" * 280),
        answer % ("\\r\\n" * 3_500),
        answer % ("\u200b" * 280),
        settings % ('"questions":[' + ",".join(['"' + "a" + "\u0315\u0300" * 59 + '"'] * 20) + "]"),
        settings % ('"questions":[' + ",".join(['"a"'] * 3_000) + "]"),
        settings % ('"language":"en' + "-a" * 7_000 + '"'),
    ]
    assert all(len(text.encode()) <= 16_384 for text in texts)
    return texts


def _address() -> str:
    return f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(1, 255)}"


def _http(method: str, path: str, body: Any = None, *, token: str | None = None) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"X-Forwarded-For: {_address()}"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"] if body is not None else []
    return "\r\n".join([*lines, "", ""]).encode() + content


def _upgrade(*, token: str | None) -> bytes:
    lines = [
        "GET /ws HTTP/1.1",
        "Host: localhost",
        f"X-Forwarded-For: {_address()}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    lines += [f"Authorization: Bearer {token}"] if token else []
    return "\r\n".join([*lines, "", ""]).encode()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """The status of an answer, and whether it is the last one of its connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    status = int(head.split()[1])
    if status == 101:
        return status, False
    size = next((int(line.split(":")[1]) for line in head.split("\r\n") if line.startswith("content-length:")), 0)
    await reader.readexactly(size)
    return status, "connection: close" in head


def _frame_of(text: str) -> bytes:
    # Masked with zeros, as masking takes longer here than what it is to measure takes there.
    payload = text.encode()
    size = len(payload)
    head = bytes((0x81, 0x80 | size)) if size < 126 else bytes((0x81, 0x80 | 126)) + size.to_bytes(2, "big")
    return head + bytes(4) + payload


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, size = await reader.readexactly(2)
    if size in {126, 127}:
        size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
    return first & 0x0F, await reader.readexactly(size)


def main() -> None:
    flooders = Flooders(Order(**json.load(sys.stdin)))
    asyncio.run(flooders.run())
    print(json.dumps(flooders.counts))


if __name__ == "__main__":
    main()
