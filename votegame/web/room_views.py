"""Rooms and games over HTTP: the commands of the sockets for clients without one (protocol v1, "Without a socket").

A request becomes the same frame that a socket would send, and is decoded by the same codec, so that the two cannot
drift apart. What stands in the path, a room's code or a round, must be found: otherwise it is `room_not_found`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from aiohttp import web

from votegame.auth.values import Login
from votegame.errors import ErrorCode
from votegame.game.commands import (
    AnyRoomCommand,
    Command,
    CreateRoom,
    EndRound,
    ExtendPhase,
    JoinRoom,
    KickPlayer,
    LeaveRoom,
    LockRoom,
    NextRound,
    PauseGame,
    PlayAgain,
    React,
    ReadRoom,
    ResumeGame,
    RoomCommand,
    RoundCommand,
    SkipQuestion,
    StartGame,
    StartVoting,
    SubmitAnswer,
    SubmitVote,
    TransferHost,
    UnlockRoom,
    UpdateSettings,
)
from votegame.game.messages import User
from votegame.ids import PooledRandom, RoomCode, RoundId, is_uuid, new_uuid
from votegame.web.bodies import read_bytes
from votegame.web.commands import Commands
from votegame.web.identity import Doorman, Identity
from votegame.web.problems import ProblemError, json_response
from votegame.wire import text
from votegame.wire.codec import BadFrame, Codec

IDEMPOTENCY_KEY: Final = "Idempotency-Key"
# By itself aiohttp takes no braces there; but what is no code is a room that is not found.
_CODE: Final = "{code:[^/]+}"
_ROUND_ID: Final = "{round_id:[^/]+}"
_ANY_ROOM: Final = RoomCode("222222")
"""Stands for the room of a round until that is looked up."""

_View = Callable[[web.Request], Awaitable[web.Response]]
RoomOfRound = Callable[[RoundId], Awaitable[RoomCode | None]]


class RoomViews:
    """The views of `/api/rooms` and `/api/game`."""

    def __init__(
        self, commands: Commands, codec: Codec, identity: Identity, doorman: Doorman, room_of_round: RoomOfRound
    ) -> None:
        self._commands = commands
        self._codec = codec
        self._identity = identity
        self._doorman = doorman
        self._room_of_round = room_of_round
        self._rng = PooledRandom()

    def routes(self) -> Sequence[web.RouteDef]:
        """All routes of rooms and games."""
        room, game, of_round = f"/api/rooms/{_CODE}", f"/api/game/{_CODE}", f"/api/game/rounds/{_ROUND_ID}"
        return [
            web.post("/api/rooms", self.create),
            web.post("/api/rooms/join", self.join),
            web.get(room, self.read, allow_head=False),
            web.delete(f"{room}/leave", self._to_room(LeaveRoom)),
            web.patch(f"{room}/settings", self._to_room(UpdateSettings)),
            web.post(f"{room}/kick", self._to_room(KickPlayer)),
            web.post(f"{room}/lock", self._to_room(LockRoom)),
            web.post(f"{room}/unlock", self._to_room(UnlockRoom)),
            web.post(f"{room}/host", self._to_room(TransferHost)),
            web.post(f"{room}/react", self._to_room(React)),
            web.post(f"{game}/start", self._to_room(StartGame)),
            web.post(f"{game}/pause", self._to_room(PauseGame)),
            web.post(f"{game}/resume", self._to_room(ResumeGame)),
            web.post(f"{game}/play-again", self._to_room(PlayAgain)),
            web.post(f"{game}/next", self._to_room(NextRound)),
            web.get(f"{game}/leaderboard", self.leaderboard, allow_head=False),
            web.post(f"{of_round}/answer", self._to_round(SubmitAnswer, status=201)),
            web.get(f"{of_round}/answers", self.answers, allow_head=False),
            web.post(f"{of_round}/vote", self._to_round(SubmitVote, status=201)),
            web.post(f"{of_round}/start-voting", self._to_round(StartVoting)),
            web.post(f"{of_round}/end", self._to_round(EndRound)),
            web.post(f"{of_round}/extend", self._to_round(ExtendPhase)),
            web.post(f"{of_round}/skip", self._to_round(SkipQuestion)),
        ]

    async def create(self, request: web.Request) -> web.Response:
        """Make a room."""
        return await self._answered(request, CreateRoom, dict, status=201)

    async def join(self, request: web.Request) -> web.Response:
        """Become a member of the room whose code is in the body."""
        return await self._answered(request, JoinRoom, dict)

    async def read(self, request: web.Request) -> web.Response:
        """The state of a room, or what others may know of it."""
        login = await self._identity.require(request)
        return json_response(await self._read(request, login, _room_code(request)))

    async def leaderboard(self, request: web.Request) -> web.Response:
        """The leaderboard, for members."""
        login = await self._identity.require(request)
        state = await self._member_state(request, login, _room_code(request))
        return json_response({"leaderboard": state["leaderboard"]})

    async def answers(self, request: web.Request) -> web.Response:
        """The answers of the present round, from voting on, with the results once it has ended."""
        login = await self._identity.require(request)
        round_id = _round_id(request)
        shown = await self._member_state(request, login, await self._found(round_id))
        round_fields, phase = shown["round"], shown["phase"]
        if round_fields is not None and round_fields["round_id"] != round_id:
            raise ProblemError(ErrorCode.STALE_ROUND)
        if round_fields is None or phase == "answering":
            raise ProblemError(ErrorCode.WRONG_PHASE, {"phase": phase})
        shown_answers = round_fields["answers"] or []
        told = {"answers": [{"id": answer["id"], "content": answer["content"]} for answer in shown_answers]}
        return json_response(told if round_fields["results"] is None else {**told, "results": round_fields["results"]})

    def _to_room(self, known: type[RoomCommand]) -> _View:
        async def view(request: web.Request) -> web.Response:
            return await self._answered(request, known, lambda: {"room_code": _room_code(request)})

        return view

    def _to_round(self, known: type[RoundCommand], *, status: int = 200) -> _View:
        async def view(request: web.Request) -> web.Response:
            return await self._answered(
                request, known, lambda: {"room_code": _ANY_ROOM, "round_id": _round_id(request)}, status=status
            )

        return view

    async def _answered(
        self, request: web.Request, known: type[Command], of_path: Callable[[], Mapping[str, Any]], *, status: int = 200
    ) -> web.Response:
        """The answer to a request that is a `known` command with the fields of its path, and of its body."""
        login = await self._identity.require(request)
        keys = request.headers.getall(IDEMPOTENCY_KEY, ())
        # More than one are one, as proxies may join them.
        key = ", ".join(keys) if keys else new_uuid(self._rng)
        whole = "settings" if known is UpdateSettings else None
        command = self._codec.decode_body(await read_bytes(request), known, {**of_path(), "id": key}, whole=whole)
        if isinstance(command, BadFrame):
            raise _problem(command)
        if isinstance(command, RoundCommand):
            command = msgspec.structs.replace(command, room_code=await self._found(command.round_id))
        return json_response(await self._ask(request, login, command), status=status)

    async def _ask(self, request: web.Request, login: Login, command: Command) -> dict[str, Any]:
        assert isinstance(command, AnyRoomCommand | CreateRoom)
        user = User(login.user_id, login.account.display_name)
        return await self._commands.ask(user, command, address=self._doorman.client_address(request))

    async def _read(self, request: web.Request, login: Login, code: RoomCode) -> dict[str, Any]:
        """The `state` for a member, the public view for others."""
        return await self._ask(request, login, ReadRoom(id=new_uuid(self._rng), room_code=code))

    async def _member_state(self, request: web.Request, login: Login, code: RoomCode) -> dict[str, Any]:
        told = await self._read(request, login, code)
        if "state" not in told:
            raise ProblemError(ErrorCode.NOT_MEMBER)
        state: dict[str, Any] = told["state"]
        return state

    async def _found(self, round_id: RoundId) -> RoomCode:
        room_code = await self._room_of_round(round_id)
        if room_code is None:
            raise ProblemError(ErrorCode.ROOM_NOT_FOUND)
        return room_code


def _room_code(request: web.Request) -> RoomCode:
    try:
        return text.room_code(request.match_info["code"])
    except text.BadText:
        raise ProblemError(ErrorCode.ROOM_NOT_FOUND) from None


def _round_id(request: web.Request) -> RoundId:
    round_id = request.match_info["round_id"].lower()
    if not is_uuid(round_id):
        raise ProblemError(ErrorCode.ROOM_NOT_FOUND)
    return RoundId(round_id)


def _problem(frame: BadFrame) -> ProblemError:
    """What is wrong with a request. Its `id` stands in a header, which has another name."""
    details = dict(frame.details)
    if details.get("field") == "id":
        details["field"] = IDEMPOTENCY_KEY
    return ProblemError(frame.code, details)
