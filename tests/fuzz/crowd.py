"""Three users on four sockets, and a fifth without a user, who do to a real server whatever they are told.

Each text that is sent expects exactly one reply, by what it is and by what the protocol says of its command; what else
is told is folded, and must be the same for all.
"""

import contextlib
import json
import uuid
from collections.abc import Sequence
from typing import Any

import aiohttp

from tests.fuzz import frames
from tests.fuzz.backdrop import Backdrop
from tests.fuzz.documented import CLOSE_CODES, GENERAL, errors_by_command
from tests.fuzz.sockets import Expected, Frame, Socket, User
from tests.integration.gateway_kit import frame

NOBODY = "00000000-0000-4000-8000-000000000000"
NO_COMMAND = {"bad_json", "bad_message", "unknown_type"}


class Crowd:
    """Does the moves of one example."""

    def __init__(self, backdrop: Backdrop, http: aiohttp.ClientSession) -> None:
        self._backdrop = backdrop
        self._http = http
        self._rounds: list[str] = []
        self.sockets: list[Socket] = []
        self._room = ""

    async def gather(self, *, plays: bool) -> None:
        """A room with a host and a guest, who has two sockets, and who may have begun; a user outside; and nobody."""
        host, guest, outsider = [await self._guest(name) for name in ("Host", "Guest", "Outsider")]
        self.sockets = [Socket(self._backdrop.server.port, user) for user in (host, guest, guest, outsider, None)]
        for socket in self.sockets:
            await socket.open()
        await self._do_well(0, {"type": "create_room", "settings": {"total_rounds": 5}})
        (self._room,) = self.sockets[0].folds
        for place in (1, 2):
            await self._do_well(place, {"type": "join_room", "room_code": self._room})

        if plays:
            await self._do_well(0, {"type": "start_game", "room_code": self._room})

    async def _guest(self, name: str) -> User:
        async with self._http.post(f"{self._backdrop.url}/api/auth/guest", json={"display_name": name}) as answer:
            assert answer.status == 201
            return User(await answer.json())

    async def _do_well(self, place: int, fields: Frame) -> None:
        self._say(frames.Say(place, fields | {"id": frames.Ref("new id")}, "good"))
        await self.sockets[place].settle()
        assert {code for _, code in self.sockets[place].codes} == {"ok"}

    async def do(self, moves: Sequence[frames.Move]) -> None:
        """Send these without waiting, then wait for all answers; what ends a connection comes last."""
        for move in moves:
            self._send_move(move)
        for socket in self.sockets:
            await socket.settle()
            if socket.close_code is not None:
                # The one without a user is closed when its time is over.
                assert (socket.close_code, socket.user) == (4401, None), moves
                await self._open_again(socket)
        for move in moves:
            if isinstance(move, frames.Violation | frames.Noise):
                await self._violate(move)
                await self._open_again(self.sockets[move.socket])

    async def _open_again(self, socket: Socket) -> None:
        await socket.close()
        await socket.open()

    def _send_move(self, move: frames.Move) -> None:
        socket = self.sockets[move.socket]
        match move:
            case frames.Say():
                self._say(move)
            case frames.Again(_, which) if socket.user is not None and socket.user.sent:
                command = socket.user.sent[which % len(socket.user.sent)]
                self._send(socket, Expected(command, {"ok", *_refusals(command)}), json.dumps(command))
            case frames.Text(_, text):
                self._send(socket, Expected(None, NO_COMMAND), frames.TEXTS.get(text, text))

    async def _violate(self, move: frames.Violation | frames.Noise) -> None:
        socket = self.sockets[move.socket]
        if isinstance(move, frames.Violation):
            data, code = frames.VIOLATIONS[move.name]
            socket.write(data)
            assert await socket.until_closed() == code, move
            return
        # They may mean anything, and what comes after them is taken as a part of them.
        socket.pending = [Expected(None, NO_COMMAND) for _ in move.data]
        socket.write(move.data + frame(0x88, b""))
        with contextlib.suppress(TimeoutError):
            await socket.until_closed(seconds=0.01)
        assert socket.close_code in {*CLOSE_CODES, None} or socket.close_code < 1007 or socket.close_code >= 3000

    def _say(self, say: frames.Say) -> None:
        socket = self.sockets[say.socket]
        command = {name: self._looked_up(value, socket) for name, value in say.fields.items()}
        if say.kind == "good" and socket.user is not None:
            socket.user.sent.append(command)
        text = json.dumps(command, ensure_ascii=say.is_ascii)
        self._send(socket, _expected(say, command, is_user=socket.user is not None), text, say.cuts)

    def _send(self, socket: Socket, expected: Expected, text: str, cuts: tuple[int, ...] = ()) -> None:
        if socket.user is None:
            expected.codes = {*expected.codes & NO_COMMAND, "unauthenticated", "bad_credentials"}
        socket.pending.append(expected)
        socket.write(frames.encoded(text, cuts))

    def _looked_up(self, value: Any, socket: Socket) -> Any:
        """A `Ref` stands for what is known now; what there is none of is NOBODY, which is no one's id."""
        if not isinstance(value, frames.Ref):
            return value
        known = self._known_of_users(socket) | self._known_of_rooms() | self._known_of_state(socket)
        return known[value.name] or NOBODY

    def _known_of_users(self, socket: Socket) -> Frame:
        user, new_id = socket.user, uuid.uuid4().hex
        return {
            "new id": new_id,
            "used id": user.sent[-1]["id"] if user and user.sent else new_id,
            "self": user and user.user_id,
            "token": user.token if user else "no token",
            # The one without a user must stay so.
            "foreign token": self.sockets[0].user.token if user else "no token",
        }

    def _known_of_rooms(self) -> Frame:
        foreign = self._backdrop.look()
        return {
            "room": self._room,
            "room written otherwise": f" {self._room[:3].lower()}-{self._room[3:]}",
            "foreign room": foreign["room"],
            "no room": "ZZZZZZ",
            "foreign round": foreign["round"],
            "foreign answer": foreign["answer"],
            "stranger": foreign["user"],
        }

    def _known_of_state(self, socket: Socket) -> Frame:
        fold = socket.folds.get(self._room) or self.sockets[0].folds.get(self._room)
        state: Frame = fold.state if fold is not None else {"members": [], "seq": 0}
        current: Frame = state.get("round") or {}
        if current and current["round_id"] not in self._rounds:
            self._rounds.append(current["round_id"])
        answers = [one["id"] for one in current.get("answers") or ()]
        me = socket.user and socket.user.user_id
        others = [one["user_id"] for one in state["members"] if one["user_id"] != me]
        return {
            "round": current.get("round_id"),
            "earlier round": self._rounds[0] if self._rounds else None,
            "no round": None,
            "answer": answers[-1] if answers else None,
            "own answer": state["you"]["answer_id"] if "you" in state else None,
            "member": others[0] if others else None,
            "stream": state.get("stream"),
            "seq": max(1, state["seq"]),
            "earlier seq": max(1, state["seq"] - 2),
        }

    async def end(self) -> None:
        """Nothing more comes than was asked for, and everyone has seen the same, one who looks again included."""
        for socket in self.sockets[:4]:
            for code, fold in list(socket.folds.items()):
                command = {"type": "resume", "room_code": code, "stream": fold.state["stream"], "last_seq": 0}
                command["id"] = uuid.uuid4().hex
                self._send(socket, Expected(command, {"ok", "not_member", "room_not_found"}), json.dumps(command))
            await socket.settle()
            ping = {"type": "ping", "id": "last"}
            self._send(socket, Expected(ping, {"ok"}), json.dumps(ping))
            await socket.settle()
        digests: dict[tuple[str, int], str] = {}
        for socket in self.sockets:
            for fold in socket.all_folds:
                for stream, seq, digest in fold.digests:
                    assert digests.setdefault((stream, seq), digest) == digest, (stream, seq)

    async def go(self) -> None:
        for socket in self.sockets:
            await socket.close()


def _expected(say: frames.Say, command: Frame, *, is_user: bool) -> Expected:
    command_type = command.get("type")
    match say.kind:
        case "unknown":
            return Expected(command, {"unknown_type"})
        case "broken":
            # Without a usable id nothing says which command it was.
            return Expected(command, {"bad_message"}, path=say.path)
        case "odd":
            return Expected(command, {"ok", *_refusals(command), "bad_message"})
    codes = _refusals(command)
    assert is_user or command_type
    return Expected(command, {"ok", *codes})


def _refusals(command: Frame) -> set[str]:
    """What the protocol says that it may be refused with. Rates are off here, but one logs in one at a time."""
    documented = errors_by_command()[command["type"]]
    if command["type"] in {"ping", "authenticate"}:
        return {*documented, "rate_limited"}
    return {*documented, *GENERAL} - {"rate_limited"}
