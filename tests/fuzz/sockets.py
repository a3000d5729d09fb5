"""A socket that is read all the time, and what is expected on it: one reply to each text, by what the text was."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from tests.digests import NotedFold
from tests.integration.gateway_kit import RawClient, frame
from votegame.wire.messages import decoded

PATIENCE_SECONDS = 20

Frame = dict[str, Any]


class User:
    def __init__(self, answer: Frame) -> None:
        self.token, self.user_id = answer["token"], answer["user"]["id"]
        self.sent: list[Frame] = []


class Expected:
    """What may come for one text."""

    def __init__(self, command: Any, codes: Iterable[str], *, path: str | None = None) -> None:
        self.command = command
        self.codes = set(codes)
        self.path = path
        """The field that `bad_message` must name; None for any."""
        self.id = command.get("id") if isinstance(command, dict) else None
        self.has_name = isinstance(self.id, str) and self.id.isascii() and self.id.isalnum() and len(self.id) <= 64
        """Whether the `id` is beyond doubt; a reply to what has none says null."""
        self.type = command.get("type") if isinstance(command, dict) else None

    def takes(self, reply: Frame) -> bool:
        if reply["id"] is None:
            return not self.has_name and reply["type"] == "error" and reply["code"] in self.codes
        if reply["id"] != self.id:
            return False
        if reply["type"] == "ok":
            return "ok" in self.codes and _is_ok_to(self.type, reply)
        is_field = reply["code"] != "bad_message" or self.path is None or reply["field"] == self.path
        return reply["code"] in self.codes and is_field


def _is_ok_to(command_type: str, reply: Frame) -> bool:
    with contextlib.suppress(msgspec.DecodeError):
        decoded(json.dumps(reply), command=command_type)
        return True
    return False


class Socket:
    """One connection, read all the time."""

    def __init__(self, port: int, user: User | None) -> None:
        self.port = port
        self.user = user
        self.folds: dict[str, NotedFold] = {}
        self.all_folds: list[NotedFold] = []
        self.pending: list[Expected] = []
        self.codes: Counter[tuple[str, str]] = Counter()
        """Of all replies, by the command that was meant, and the code, or `ok`."""
        self.close_code: int | None = None
        self._fault: BaseException | None = None
        self._heard = asyncio.Event()

    async def open(self) -> None:
        self.pending, self.folds, self.close_code = [], {}, None
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._client = RawClient(reader, writer)
        login = f"Authorization: Bearer {self.user.token}\r\n" if self.user is not None else ""
        upgrade = "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        writer.write(f"GET /ws HTTP/1.1\r\n{upgrade}{login}{key}".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        if self.user is not None:
            assert (await self._client.next())["type"] == "welcome"
        self._reading = asyncio.create_task(self._read())

    async def close(self) -> None:
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading
        self._client.writer.transport.abort()

    def write(self, data: bytes) -> None:
        self._client.send_raw(data)

    async def settle(self) -> None:
        """Wait until everything is answered, or the socket closed."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while self._fault is None and self.pending and self.close_code is None:
                    self._heard.clear()
                    await self._heard.wait()
        except TimeoutError:
            raise AssertionError(f"no reply to {[one.command for one in self.pending]}") from None
        self._raise_fault()

    async def until_closed(self, *, seconds: float = PATIENCE_SECONDS) -> int:
        async with asyncio.timeout(seconds):
            await self._reading
        self._raise_fault()
        return self.close_code

    def _raise_fault(self) -> None:
        if self._fault is not None:
            raise self._fault

    async def _read(self) -> None:
        try:
            while self.close_code is None:
                opcode, payload = await self._client.frame()
                if opcode == 0x9:
                    self.write(frame(0x8A, payload))
                elif opcode == 0x8:
                    self.close_code = int.from_bytes(payload[:2], "big") if payload else 1005
                elif opcode == 0x1:
                    self._take(json.loads(payload), payload)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.close_code = self.close_code or 1006
        except Exception as fault:  # noqa: BLE001 - handed to the one who waits
            self._fault = fault
        self._heard.set()

    def _take(self, told: Frame, payload: bytes) -> None:
        if told["type"] in {"ok", "error"}:
            self._reply(told)
        else:
            decoded(payload)
        if told["type"] not in {"ok", "error", "welcome"}:
            assert told["room_code"] in self.folds, f"of a room that it is not in: {told}"
            self.folds[told["room_code"]].take(told)
        self._heard.set()

    def _reply(self, reply: Frame) -> None:
        taken = next((one for one in self.pending if one.takes(reply)), None)
        assert taken is not None, f"{reply}, expected {[(one.command, one.codes, one.path) for one in self.pending]}"
        self.pending.remove(taken)
        self.codes[str(taken.type), reply.get("code", "ok")] += 1
        if reply["type"] == "error":
            decoded(json.dumps(reply))
        elif "state" in reply:
            fold = self.folds[reply["state"]["room_code"]] = NotedFold(self.user.user_id)
            self.all_folds.append(fold)
            fold.take_ok(reply)
        elif reply.get("recovered"):
            self._recovered(reply, taken.command)

    def _recovered(self, reply: Frame, command: Frame) -> None:
        seqs = [event["seq"] for event in reply["events"]]
        assert seqs == [command["last_seq"] + 1 + place for place in range(len(seqs))]
        fold = self.folds.get(_bare(command["room_code"]))
        if fold is not None:
            assert command["last_seq"] + len(seqs) >= fold.seq
            fold.take_ok(reply | {"events": [event for event in reply["events"] if event["seq"] > fold.seq]})


def _bare(room_code: str) -> str:
    return room_code.replace(" ", "").replace("-", "").upper()
