"""The scripted server: each story at an address of its own, as if it were a server of votegame.

`{base}/api/auth/guest` and `{base}/ws` are for the client under test; `{base}/cue` and `{base}/state` are for whoever
drives it. A new guest begins the story anew.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from aiohttp import web
from msgspec import Struct

from votegame import tasks
from votegame.conformance.findings import Finding, Result
from votegame.conformance.format import Transcript
from votegame.conformance.script import Script
from votegame.conformance.shapes import Shapes
from votegame.conformance.stage import ScriptError
from votegame.conformance.visit import Reported, Visit
from votegame.errors import ErrorCode
from votegame.wire.errors import problem

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

    def __init__(self, name: str, transcript: Transcript, shapes: Shapes, times: Times) -> None:
        self.name = name
        self.result: Result | None = None
        self._transcript = transcript
        self._shapes = shapes
        self._times = times
        self._n_playings = 0
        self._playing: asyncio.Task[None] | None = None
        self._over: Callable[[Result], None] = lambda _result: None
        self.script = self._new_script()

    def _new_script(self) -> Script:
        rng = random.Random()  # noqa: S311 - ids of a play
        pace, patience = self._times.pace, self._times.patience
        return Script(self._transcript, shapes=self._shapes, rng=rng, pace=pace, patience=patience)

    @property
    def token(self) -> str:
        """The token of the client in the playing of now."""
        return f"token-of-{self.script.user_id}"

    def begin(self, over: Callable[[Result], None]) -> None:
        """Have the story begin, if it has not; `over` is told its result."""
        if self._playing is None:
            self._over = over
            self._playing = tasks.start(self._play(), name=f"story {self.name}")

    async def begin_anew(self) -> None:
        """A new guest: if one was here before him, it is another playing."""
        self._n_playings += 1
        if self._n_playings > 1:
            await self.end()
            self.script = self._new_script()

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
        outcome = "differs" if findings else "passed"
        seconds = round(time.monotonic() - started, 2)
        self.result = Result(self.name, self._transcript.title, outcome, "", tuple(findings), seconds)  # type: ignore[arg-type]
        self._over(self.result)


class Host:
    """All stories, as one HTTP application."""

    def __init__(self, transcripts: Mapping[str, Transcript], times: Times, tell: Callable[[Result], None]) -> None:
        """`tell` is called with each result as soon as it is there."""
        shapes = Shapes()
        self.stories = {name: Story(name, each, shapes, times) for name, each in transcripts.items()}
        self.all_played = asyncio.Event()
        self._tell = tell

    def app(self) -> web.Application:
        """The application."""
        app = web.Application()
        app.router.add_get("/", self._index)
        app.router.add_post("/{story}/api/auth/guest", self._guest)
        app.router.add_get("/{story}/ws", self._socket)
        app.router.add_get("/{story}/cue", self._cue)
        app.router.add_post("/{story}/state", self._state)
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
        await story.begin_anew()
        story.begin(self._over)
        script = story.script
        user = {"id": script.user_id, "display_name": script.display_name, "guest": True}
        response = web.json_response({"user": user, "token": story.token}, status=201)
        response.set_cookie(_COOKIE, story.token, path=f"/{story.name}", httponly=True)
        return response

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        story = self._of(request)
        given = request.headers.get("Authorization", "")
        if given and given != f"Bearer {story.token}":
            body = problem(ErrorCode.UNAUTHENTICATED)
            return web.json_response(body, status=401, content_type="application/problem+json")
        story.begin(self._over)
        is_known = bool(given) or request.cookies.get(_COOKIE) == story.token
        return await Visit(request, story.script.happenings).run(needs_login=not is_known)

    async def _cue(self, request: web.Request) -> web.Response:
        story = self._of(request)
        story.begin(self._over)
        return web.json_response(await story.script.cues.next(_POLL_SECONDS))

    async def _state(self, request: web.Request) -> web.Response:
        story = self._of(request)
        state: Any = await request.json()
        story.script.happenings.put_nowait(Reported(state, time.monotonic()))
        return web.json_response({})

    def _over(self, result: Result) -> None:
        self._tell(result)
        if all(story.result is not None for story in self.stories.values()):
            self.all_played.set()
