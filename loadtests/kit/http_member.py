"""A member without a socket: bots, scripts, a page without script. He looks what has changed, and calls."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

import gevent
import msgspec
from geventhttpclient import HTTPClient
from geventhttpclient.response import HTTPParseError

from loadtests.kit import messages
from loadtests.kit.clock import now
from loadtests.kit.game import TroubleError, Watching
from loadtests.kit.messages import Command, JoinRoom, LeaveRoom, Ok, Refusal, State, SubmitAnswer, SubmitVote

if TYPE_CHECKING:
    from loadtests.kit.kit import Kit

_SECONDS: Final = 10.0
_TRIES: Final = 8
_LOOK_SECONDS: Final = 0.5
_AWAY_SECONDS: Final = 10.0
_FIRST_ERROR: Final = 400


class _Seen(msgspec.Struct):
    state: State | None = None


class _Done(msgspec.Struct):
    room_code: str = ""
    answer_id: str = ""
    vote_id: str = ""
    state: State | None = None


_seen = msgspec.json.Decoder(_Seen).decode
_done = msgspec.json.Decoder(_Done).decode


class Caller:
    """Calls, as anyone or with a token; one at a time."""

    def __init__(self, kit: "Kit", token: str = "") -> None:
        self._kit = kit
        self._client = HTTPClient.from_url(
            kit.url, connection_timeout=_SECONDS, network_timeout=_SECONDS, concurrency=1
        )
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def close(self) -> None:
        """End it."""
        self._client.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        name: str,
        at: float,
        body: object = None,
        key: str = "",
        races: Collection[str] = (),
    ) -> bytes | Refusal:
        """What `path` answers; measured from `at`, under `name`, over all its tries.

        Refusals with a code of `races` are no failures.

        Raises:
            TroubleError: Nothing, at last.
        """
        headers = {**self._headers, **({"Idempotency-Key": key} if key else {})}
        sent = b"" if body is None else msgspec.json.encode(body)
        if sent:
            headers["Content-Type"] = "application/json"
        with self._kit.awaiting(method, name, at):
            return self._answer(method, path, sent, headers, name=name, at=at, races=races)

    def _answer(
        self,
        method: str,
        path: str,
        sent: bytes,
        headers: dict[str, str],
        *,
        name: str,
        at: float,
        races: Collection[str],
    ) -> bytes | Refusal:
        for failures in range(_TRIES):
            reply = self._tried(method, path, sent, headers)
            if isinstance(reply, bytes) or (
                isinstance(reply, Refusal) and not reply.retryable and reply.code != "rate_limited"
            ):
                failure = reply.code if isinstance(reply, Refusal) and reply.code not in races else None
                length = len(reply) if isinstance(reply, bytes) else 0
                self._kit.measured(method, name, at, length, failure)
                return reply
            self._kit.tally.repeat(reply.code if reply is not None else "")
            after = reply.retry_after if reply is not None else None
            gevent.sleep(after or min(0.25 * 2**failures, 4.0))
        self._kit.measured(method, name, at, 0, "no answer")
        raise TroubleError(f"{method} {name} got no answer")

    def _tried(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes | Refusal | None:
        try:
            answer = self._client.request(method, path, body=body, headers=headers)
            content = bytes(answer.read())
        except (OSError, HTTPParseError, gevent.Timeout):
            return None
        if answer.status_code < _FIRST_ERROR:
            return content
        try:
            return messages.refusal_of(content)
        except msgspec.MsgspecError:
            # A balancer between servers that come and go.
            return None


class HttpMember(Watching):
    """Somebody who plays over HTTP alone."""

    def __init__(self, kit: "Kit", user_id: str, token: str) -> None:
        super().__init__(user_id)
        self._kit = kit
        self._caller = Caller(kit, token)

    def connect(self, room_hint: str = "") -> None:
        """There is nothing to keep."""

    def close(self) -> None:
        """End it."""
        self._caller.close()

    def do(self, command: Command, at: float) -> Ok | Refusal:
        """Call what stands for the command.

        Raises:
            TroubleError: There is no answer.
        """
        method, path, name, body = _call_of(command)
        reply = self._caller.call(method, path, name=name, at=at, body=body, key=command.id, races=command.RACES)
        if isinstance(reply, Refusal):
            return reply
        done = _done(reply)
        if done.state is not None:
            self._draw(done.state)
        return Ok(id=command.id, room_code=done.room_code, answer_id=done.answer_id, vote_id=done.vote_id)

    def glance(self, at: float) -> float:
        """Look now. How long that takes is its own measurement."""
        self.look(at)
        return now()

    def idle_until(self, at: float) -> None:
        """Look now and then, or one counts as gone."""
        while at - now() > _AWAY_SECONDS:
            gevent.sleep(_AWAY_SECONDS * self._kit.rng.uniform(0.8, 1))
            self.look(now())
        gevent.sleep(max(0.0, at - now()))

    def doubt(self) -> None:
        """He looks anyway."""

    def moves(self, seconds: float) -> None:
        """Look once, after a while in which the others do something."""
        if not self.screen.is_drawn:
            gevent.sleep(min(seconds, _LOOK_SECONDS))
            return
        gevent.sleep(min(seconds, self._kit.rng.uniform(0.5, 1.5) * _LOOK_SECONDS))
        self.look(now())

    def look(self, at: float) -> None:
        """See how the room is."""
        path = f"/api/rooms/{self.screen.room_code}"
        reply = self._caller.call("GET", path, name="/api/rooms/{code}", at=at)
        if isinstance(reply, Refusal):
            raise TroubleError(f"GET /api/rooms/{{code}}: {reply.code}")
        seen = _seen(reply)
        if seen.state is None:
            raise TroubleError("the room does not know its member any more")
        self._draw(seen.state)

    def _draw(self, state: State) -> None:
        self.screen.draw(state)
        if self.referee is not None:
            self.referee.saw_state(self.user_id, state)


def _call_of(command: Command) -> tuple[str, str, str, dict[str, str] | None]:
    """Method, path, name and body."""
    match command:
        case JoinRoom():
            path = "/api/rooms/join"
            return "POST", path, path, {"room_code": command.room_code, "role": command.role}
        case LeaveRoom():
            return "DELETE", f"/api/rooms/{command.room_code}/leave", "/api/rooms/{code}/leave", None
        case SubmitAnswer():
            path = f"/api/game/rounds/{command.round_id}/answer"
            return "POST", path, "/api/game/rounds/{id}/answer", {"answer": command.answer}
        case SubmitVote():
            path = f"/api/game/rounds/{command.round_id}/vote"
            return "POST", path, "/api/game/rounds/{id}/vote", {"answer_id": command.answer_id}
        case _:
            raise AssertionError(command)
