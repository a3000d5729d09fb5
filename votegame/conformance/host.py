"""The scripted server: each story at an address of its own, as if it were a server of votegame.

`{base}/api/auth/guest` and `{base}/ws` are for the client under test; `{base}/cue` and `{base}/state` are for whoever
drives it. A new guest begins the story anew.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from aiohttp import hdrs, web
from msgspec import Struct

from votegame import tasks
from votegame.conformance.cues import Cue
from votegame.conformance.findings import Finding, Result
from votegame.conformance.format import Transcript
from votegame.conformance.script import Script
from votegame.conformance.shapes import Shapes
from votegame.conformance.stage import ScriptError
from votegame.conformance.visit import Entered, Reported, Visit
from votegame.conformance.waiting import Waiting, silent
from votegame.errors import ErrorCode
from votegame.wire.errors import problem
from votegame.wire.handshake import PROTOCOLS, Refused, chosen_protocol, offered_protocols

_POLL_SECONDS: Final = 20.0
_COOKIE: Final = "votegame_conformance"


class Times(Struct, frozen=True):
    """How fast it goes.

    Attributes:
        pace: What the least times are multiplied by that a client must wait.
        patience: What the time is multiplied by after which the client has not done what it must.
    """

    pace: float = 1.0
    patience: float = 1.0


class Story:
    """One story, and its playing of now."""

    def __init__(self, name: str, transcript: Transcript, shapes: Shapes, times: Times, waiting: Waiting) -> None:
        self.name = name
        self.result: Result | None = None
        self._transcript = transcript
        self._shapes = shapes
        self._times = times
        self._waiting = waiting
        self._is_entered = False
        self._playing: asyncio.Task[None] | None = None
        self._over: Callable[[Result], None] = lambda _result: None
        self.script = self._new_script()

    def _new_script(self) -> Script:
        rng = random.Random()  # noqa: S311 - ids of a play
        pace, patience = self._times.pace, self._times.patience
        doing = partial(self._waiting.begin, self.name)
        return Script(self._transcript, shapes=self._shapes, rng=rng, pace=pace, patience=patience, doing=doing)

    @property
    def token(self) -> str:
        """The token of the client in the playing of now."""
        return self.script.token

    @property
    def user(self) -> dict[str, Any]:
        """Who the client is."""
        return {"id": self.script.user_id, "display_name": self.script.display_name, "guest": True}

    def is_known(self, request: web.Request) -> bool:
        """Whether a request has the client's login. With a bearer token the cookie is not looked at."""
        given = request.headers.get(hdrs.AUTHORIZATION)
        return given == f"Bearer {self.token}" if given else request.cookies.get(_COOKIE) == self.token

    def begin(self, over: Callable[[Result], None]) -> None:
        """Have the story begin, if it has not; `over` is told its result."""
        if self._playing is None:
            self._over = over
            self._playing = tasks.start(self._play(), name=f"story {self.name}")

    def enter(self, over: Callable[[Result], None]) -> None:
        """A new guest: the story begins, or begins anew if it is over; in the midst of it he is one too many."""
        if self._is_over:
            self._renew()
        elif self._is_entered:
            self.script.tell(Entered(time.monotonic()))
        self._is_entered = True
        self.begin(over)

    async def cue(self, over: Callable[[Result], None]) -> Cue:
        """What the driver is to do next. One that was told the outcome and asks again wants to play it again."""
        if self._is_over and self.script.cues.is_told:
            self._renew()
        self.begin(over)
        return await self.script.cues.next(_POLL_SECONDS)

    @property
    def _is_over(self) -> bool:
        return self._playing is not None and self._playing.done()

    def _renew(self) -> None:
        self._playing = None
        self.script = self._new_script()
        self._is_entered = False

    async def end(self) -> None:
        """Stop playing."""
        if self._playing is not None:
            await tasks.end([self._playing])
            self._playing = None

    async def _play(self) -> None:
        started = time.monotonic()
        try:
            findings = await self.script.play()
        except (ScriptError, LookupError, TypeError, ValueError, AttributeError) as error:
            findings = [Finding(0, "", "", "a transcript that makes sense", "", [repr(error)])]
            self.script.cues.end({"done": True, "passed": False, "differences": [repr(error)]})
        finally:
            self._waiting.end(self.name)
        outcome = "differs" if findings else "passed"
        seconds = round(time.monotonic() - started, 2)
        self.result = Result(self.name, self._transcript.title, outcome, "", tuple(findings), seconds)  # type: ignore[arg-type]
        self._over(self.result)


class Host:
    """All stories, as one HTTP application."""

    def __init__(
        self,
        transcripts: Mapping[str, Transcript],
        times: Times,
        tell: Callable[[Result], None],
        waiting: Waiting | None = None,
    ) -> None:
        """All stories.

        Args:
            transcripts: The stories.
            times: How fast they go.
            tell: Called with each result as soon as it is there.
            waiting: Told what is waited for.
        """
        shapes, heard = Shapes(), waiting or Waiting(silent)
        self.stories = {name: Story(name, each, shapes, times, heard) for name, each in transcripts.items()}
        self.all_played = asyncio.Event()
        self._tell = tell

    @property
    def is_played(self) -> bool:
        """Whether each story was played."""
        return all(story.result is not None for story in self.stories.values())

    def app(self) -> web.Application:
        """The application."""
        app = web.Application()
        app.router.add_get("/", self._index)
        app.router.add_post("/{story}/api/auth/guest", self._guest)
        app.router.add_get("/{story}/api/auth/me", self._me)
        app.router.add_get("/{story}/ws", self._socket)
        app.router.add_get("/{story}/cue", self._cue)
        app.router.add_post("/{story}/state", self._state)
        app.router.add_route("OPTIONS", "/{path:.*}", _preflight)
        app.on_response_prepare.append(_let_pages_in)
        app.on_shutdown.append(self._end)
        return app

    async def _end(self, _app: web.Application) -> None:
        for story in self.stories.values():
            await story.end()

    def _of(self, request: web.Request) -> Story:
        story = self.stories.get(request.match_info["story"])
        if story is None:
            raise web.HTTPNotFound
        return story

    async def _index(self, request: web.Request) -> web.Response:
        url = f"{request.scheme}://{request.host}"
        return web.json_response({"stories": [{"name": name, "url": f"{url}/{name}"} for name in self.stories]})

    async def _guest(self, request: web.Request) -> web.Response:
        """The client gets its login."""
        story = self._of(request)
        story.enter(self._over)
        response = web.json_response({"user": story.user, "token": story.token}, status=201)
        response.set_cookie(_COOKIE, story.token, path=f"/{story.name}", httponly=True)
        return response

    async def _me(self, request: web.Request) -> web.Response:
        story = self._of(request)
        if not story.is_known(request):
            return _problem(problem(ErrorCode.UNAUTHENTICATED))
        return web.json_response({"user": story.user, "rooms": []})

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        story = self._of(request)
        offered = offered_protocols(request.headers.getall(hdrs.SEC_WEBSOCKET_PROTOCOL, ()))
        chosen = chosen_protocol(offered)
        if isinstance(chosen, Refused):
            details = {"field": "", "reason": chosen.reason, "versions": list(PROTOCOLS)}
            return _problem(problem(ErrorCode.BAD_MESSAGE, details, status=chosen.status))
        is_known = story.is_known(request)
        if hdrs.AUTHORIZATION in request.headers and not is_known:
            return _problem(problem(ErrorCode.UNAUTHENTICATED))
        story.begin(self._over)
        return await Visit(request, story.script.tell, story.token).run(needs_login=not is_known)

    async def _cue(self, request: web.Request) -> web.Response:
        story = self._of(request)
        return web.json_response(await story.cue(self._over))

    async def _state(self, request: web.Request) -> web.Response:
        story = self._of(request)
        try:
            state: Any = await request.json()
        except ValueError:
            raise web.HTTPBadRequest(text="the report is no JSON") from None
        if not story.script.tell(Reported(state, time.monotonic())):
            raise web.HTTPTooManyRequests
        return web.json_response({})

    def _over(self, result: Result) -> None:
        self._tell(result)
        if self.is_played:
            self.all_played.set()


def _problem(body: dict[str, Any]) -> web.Response:
    return web.json_response(body, status=body["status"], content_type="application/problem+json")


async def _preflight(_request: web.Request) -> web.Response:
    return web.Response(status=204)


async def _let_pages_in(request: web.Request, response: web.StreamResponse) -> None:
    """Clients under test may be pages from anywhere: there is nothing here that is worth guarding."""
    if hdrs.ORIGIN in request.headers:
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = request.headers[hdrs.ORIGIN]
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS] = "true"
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = "Authorization, Content-Type"
