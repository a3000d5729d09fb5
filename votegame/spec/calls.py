"""The calls over HTTP as a table: what each takes, answers, and may refuse with.

Paths and methods are held to those that the views register, answers and codes to what tests meet.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal

from msgspec import Struct

from votegame.errors import ErrorCode as E
from votegame.game import commands
from votegame.spec import answers
from votegame.web import auth_views

Method = Literal["get", "post", "patch", "delete"]
Access = Literal["open", "optional", "login", "operator"]


class Call(Struct, frozen=True, kw_only=True):
    """A call.

    Attributes:
        method: Its method.
        path: Its path, with names in braces.
        summary: What it does.
        group: The heading that it stands under.
        answers: What it returns, one of these; none for plain text.
        status: With which status.
        access: Whether a login is needed, understood or of no use.
        body: The struct that its body is; of a command those fields that are not in the path or a header.
        body_is_needed: Whether it must have one.
        is_command: Whether it is a command to a room, which takes an `Idempotency-Key`.
        is_remembered: Of a command, whether it is noticed that a key was used for another one.
        errors: The codes that it may be refused with, beside those that follow from the rest.
    """

    method: Method
    path: str
    summary: str
    group: str
    answers: tuple[type, ...]
    status: int = 200
    access: Access = "login"
    body: type | None = None
    body_is_needed: bool = True
    is_command: bool = False
    is_remembered: bool = True
    errors: tuple[E, ...] = ()

    @property
    def codes(self) -> list[E]:
        """All codes that it may be refused with, in the order of the registry."""
        known = {*self.errors, E.INTERNAL, E.UNAVAILABLE}
        if self.group != _HEALTH:
            known |= {E.RATE_LIMITED}
        if self.access in {"login", "operator"}:
            known |= {E.UNAUTHENTICATED}
        if self.method != "get":
            known |= {E.FORBIDDEN_ORIGIN, E.UNSUPPORTED_MEDIA_TYPE}
        if self.body is not None or self.is_command:
            known |= {E.BAD_JSON, E.BAD_MESSAGE, E.TOO_LARGE}
        if self.is_command and self.is_remembered:
            known |= {E.ID_REUSED}
        return [code for code in E if code in known]


_ACCOUNT, _ROOM, _GAME, _HEALTH = "accounts", "rooms", "games", "health"
_IN_ROOM: Final = (E.ROOM_NOT_FOUND, E.NOT_MEMBER)
_IN_ROUND: Final = (*_IN_ROOM, E.STALE_ROUND, E.WRONG_PHASE)


def _account(method: Method, path: str, summary: str, shape: type, **more: Any) -> Call:
    return Call(method=method, path=f"/api/auth/{path}", summary=summary, answers=(shape,), group=_ACCOUNT, **more)


def _room(method: Method, path: str, summary: str, *shapes: type, **more: Any) -> Call:
    return Call(method=method, path=f"/api/rooms{path}", summary=summary, answers=shapes, group=_ROOM, **more)


def _game(method: Method, path: str, summary: str, shape: type, **more: Any) -> Call:
    return Call(method=method, path=f"/api/game/{path}", summary=summary, answers=(shape,), group=_GAME, **more)


CALLS: Final[Sequence[Call]] = (
    _account(
        "post",
        "guest",
        "Play with a name and nothing else.",
        answers.Admission,
        status=201,
        access="open",
        body=auth_views.GuestEntry,
    ),
    _account(
        "post",
        "register",
        "Make an account; a guest keeps the user id.",
        answers.Admission,
        status=201,
        access="optional",
        body=auth_views.Registration,
        errors=(E.UNAUTHENTICATED, E.EMAIL_TAKEN),
    ),
    _account(
        "post",
        "login",
        "Log in with address and password.",
        answers.Admission,
        access="optional",
        body=auth_views.Credentials,
        errors=(E.BAD_CREDENTIALS,),
    ),
    _account("post", "logout", "End this login.", answers.Nothing),
    _account("get", "me", "Who one is, and the rooms that one can go back to.", answers.Me),
    _account("delete", "me", "Delete the account; all its logins end.", answers.Nothing),
    _account(
        "post",
        "password",
        "Change the password; all other logins end.",
        answers.Admission,
        body=auth_views.PasswordChange,
        errors=(E.BAD_CREDENTIALS,),
    ),
    _room(
        "post",
        "",
        "Make a room, and become its host and first player.",
        answers.RoomInside,
        status=201,
        body=commands.CreateRoom,
        body_is_needed=False,
        is_command=True,
        errors=(E.NOT_MEMBER, E.ROOM_NOT_FOUND),
    ),
    _room(
        "post",
        "/join",
        "Become a member, as a player or as a spectator.",
        answers.RoomInside,
        body=commands.JoinRoom,
        is_command=True,
        errors=(*_IN_ROOM, E.KICKED, E.ROOM_LOCKED, E.GAME_IN_PROGRESS, E.ROOM_FULL),
    ),
    _room(
        "get",
        "/{code}",
        "The state of a room, for a member; for others what one may know of it.",
        answers.RoomInside,
        answers.RoomOutside,
        errors=(E.ROOM_NOT_FOUND,),
    ),
    _room("delete", "/{code}/leave", "Give the seat up for good.", answers.Nothing, is_command=True, errors=_IN_ROOM),
    _room(
        "patch",
        "/{code}/settings",
        "Change settings, as the host, in lobby and finished.",
        answers.SettingsNow,
        body=commands.UpdateSettings,
        is_command=True,
        errors=(*_IN_ROOM, E.NOT_HOST, E.WRONG_PHASE),
    ),
    _room(
        "post",
        "/{code}/kick",
        "Remove a member for good, as the host.",
        answers.Nothing,
        body=commands.KickPlayer,
        is_command=True,
        errors=(*_IN_ROOM, E.NOT_HOST, E.PLAYER_NOT_FOUND),
    ),
    _room(
        "post",
        "/{code}/lock",
        "Let nobody new in, as the host.",
        answers.Nothing,
        is_command=True,
        errors=(*_IN_ROOM, E.NOT_HOST),
    ),
    _room(
        "post",
        "/{code}/unlock",
        "Let people in again, as the host.",
        answers.Nothing,
        is_command=True,
        errors=(*_IN_ROOM, E.NOT_HOST),
    ),
    _room(
        "post",
        "/{code}/host",
        "Make another player host, as the host.",
        answers.Nothing,
        body=commands.TransferHost,
        is_command=True,
        errors=(*_IN_ROOM, E.NOT_HOST, E.PLAYER_NOT_FOUND),
    ),
    _room(
        "post",
        "/{code}/react",
        "Show everyone how one feels just now.",
        answers.Nothing,
        body=commands.React,
        is_command=True,
        is_remembered=False,
        errors=_IN_ROOM,
    ),
    _game(
        "post",
        "{code}/pause",
        "Stop the clock of the present phase, as the host.",
        answers.Nothing,
        is_command=True,
        errors=(*_IN_ROOM, E.NOT_HOST, E.WRONG_PHASE),
    ),
    _game(
        "post",
        "{code}/resume",
        "Let the clock go on, as the host.",
        answers.Nothing,
        is_command=True,
        errors=(*_IN_ROOM, E.NOT_HOST, E.WRONG_PHASE),
    ),
    _game(
        "post",
        "{code}/play-again",
        "Go back to the lobby after a game, as the host.",
        answers.Nothing,
        is_command=True,
        errors=(*_IN_ROOM, E.NOT_HOST, E.WRONG_PHASE),
    ),
    _game(
        "post",
        "rounds/{round_id}/extend",
        "Give the present phase more time, as the host.",
        answers.DeadlineNow,
        body=commands.ExtendPhase,
        is_command=True,
        errors=(*_IN_ROUND, E.NOT_HOST),
    ),
    _game(
        "post",
        "rounds/{round_id}/skip",
        "Ask another question in place of one that nobody has answered yet, as the host.",
        answers.RoundBegun,
        is_command=True,
        errors=(*_IN_ROUND, E.NOT_HOST, E.CANNOT_SKIP, E.NOT_ENOUGH_PLAYERS),
    ),
    _game(
        "post",
        "{code}/start",
        "Start the first round, as the host.",
        answers.RoundBegun,
        is_command=True,
        errors=(*_IN_ROOM, E.NOT_HOST, E.WRONG_PHASE, E.NOT_ENOUGH_PLAYERS),
    ),
    _game(
        "post",
        "{code}/next",
        "Start the next round, as the host.",
        answers.RoundBegun,
        is_command=True,
        errors=(*_IN_ROOM, E.NOT_HOST, E.WRONG_PHASE, E.NOT_ENOUGH_PLAYERS),
    ),
    _game("get", "{code}/leaderboard", "The leaderboard, for members.", answers.Board, errors=_IN_ROOM),
    _game(
        "post",
        "rounds/{round_id}/answer",
        "Answer the question of the round.",
        answers.AnswerTaken,
        status=201,
        body=commands.SubmitAnswer,
        is_command=True,
        errors=(*_IN_ROUND, E.ALREADY_ANSWERED, E.NOT_PLAYER),
    ),
    _game(
        "get",
        "rounds/{round_id}/answers",
        "The answers from voting on, with the results once the round has ended; for members.",
        answers.Answers,
        errors=_IN_ROUND,
    ),
    _game(
        "post",
        "rounds/{round_id}/start-voting",
        "End the answering, as the host.",
        answers.Nothing,
        is_command=True,
        errors=(*_IN_ROUND, E.NOT_HOST),
    ),
    _game(
        "post",
        "rounds/{round_id}/vote",
        "Vote for an answer that is not one's own.",
        answers.VoteTaken,
        status=201,
        body=commands.SubmitVote,
        is_command=True,
        errors=(*_IN_ROUND, E.ANSWER_NOT_FOUND, E.SELF_VOTE, E.ALREADY_VOTED, E.NOT_PLAYER),
    ),
    _game(
        "post",
        "rounds/{round_id}/end",
        "End the round, as the host; in answering, voting is skipped.",
        answers.Nothing,
        is_command=True,
        errors=(*_IN_ROUND, E.NOT_HOST),
    ),
    Call(
        method="get",
        path="/healthz",
        summary="The process is up.",
        group=_HEALTH,
        answers=(answers.Health,),
        access="open",
    ),
    Call(
        method="get",
        path="/readyz",
        summary="Whether it takes traffic; if not, reasons say why.",
        group=_HEALTH,
        answers=(answers.Health,),
        access="open",
    ),
    Call(
        method="get",
        path="/metrics",
        summary="Metrics for Prometheus: from the server's own machine, or with the operator's token.",
        group=_HEALTH,
        answers=(),
        access="operator",
    ),
)
