"""Plays a server to a client under test, by a transcript: sends what the client is to be told, takes what it sends.

The client has the part of one actor; the others are played here, by name only. Its driver is given cues, one for each
command that its actor sends in the story; what stands there `by_itself` the client must know to do. Whatever it sends
where nothing is due, but for `ping`, is a difference, and ends the story.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NoReturn

from msgspec import UNSET

from votegame.conformance.completion import extended
from votegame.conformance.cues import Cues
from votegame.conformance.findings import Finding, StoppedError
from votegame.conformance.format import Step, Transcript
from votegame.conformance.frames import Frame, shown
from votegame.conformance.matcher import differences, filled
from votegame.conformance.model import now_ms
from votegame.conformance.redaction import Redaction
from votegame.conformance.same import unlike
from votegame.conformance.shapes import Shapes
from votegame.conformance.stage import ScriptError, Stage
from votegame.conformance.visit import Connected, Entered, Happening, Left, Reported, Sent, Visit
from votegame.conformance.waiting import Doing, of_client, silent

Act = Callable[[str, Step], Awaitable[None]]

_MOST_HAPPENINGS: Final = 10_000
_ONE_WAIT: Final = 0.1
"""Seconds: a client that is never away for longer has not waited at all."""
_COMEBACKS: Final = 3
_SETTLING: Final = (0.05, 0.3, 1.0)
"""Seconds to wait, each time that a client is asked what it knows."""


class Script:
    """One playing of one story to one client."""

    def __init__(
        self,
        transcript: Transcript,
        *,
        shapes: Shapes,
        rng: random.Random,
        pace: float = 1.0,
        patience: float = 1.0,
        doing: Doing = silent,
    ) -> None:
        """A story for one client.

        Args:
            transcript: The story.
            shapes: The schemas.
            rng: For ids, and for orders that tell nothing.
            pace: What the least times are multiplied by that a client must wait.
            patience: What the time is multiplied by after which the client has not done what it must.
            doing: Called with what is done, or waited for, from now on.
        """
        assert isinstance(transcript.client, str)
        self.cues = Cues()
        self._happenings: asyncio.Queue[Happening] = asyncio.Queue(_MOST_HAPPENINGS)
        self.findings: list[Finding] = []
        self.client = transcript.client
        self._transcript = transcript
        self._shapes = shapes
        self._pace = pace
        self._patience = patience
        self._doing = doing
        self._stage = Stage(transcript, shapes, rng)
        self._redaction = Redaction()
        self._redaction.add(self.token)
        self._visit: Visit | None = None
        self._is_attached = False
        self._lost_at = 0.0
        self._told_at = 0.0
        self._waits: list[float] = []
        self._at = (0, Step(actor="nobody", drop=True))

    @property
    def user_id(self) -> str:
        """The id of the user whose part the client has."""
        return str(self._stage.variables[self.client])

    @property
    def token(self) -> str:
        """By which he is known."""
        return f"token-of-{self.user_id}"

    @property
    def display_name(self) -> str:
        """His name."""
        return self._stage.names[self.user_id]

    def tell(self, happening: Happening) -> bool:
        """Something has happened; False when it was more than anybody could want to read, and is not taken."""
        if self._happenings.full():
            return False
        self._happenings.put_nowait(happening)
        return True

    async def play(self) -> list[Finding]:
        """Play the story; returns what is not as it must be, and tells the driver."""
        try:
            for number, step in enumerate(self._transcript.steps, start=1):
                self._at = (number, step)
                self._doing(of_client(number, step, self._patience, self._pace))
                for actor in step.actors:
                    acts = self._acts_of_client() if actor == self.client else self._acts_of_others()
                    await acts[step.action](actor, step)
            self._at = (0, Step(actor=self.client, note="The story is over.", drop=True))
            await self._epilogue()
        except StoppedError:
            pass
        what = [f"step {each.step}: {line}" for each in self.findings for line in each.differences]
        self.cues.end({"done": True, "passed": not what, "differences": what})
        if self._visit is not None:
            await self._visit.close(1000)
        return self.findings

    def _acts_of_client(self) -> Mapping[str, Act]:
        return {
            "connect": self._comes,
            "send": self._sends,
            "expect": self._is_told,
            "closed": self._is_closed,
            "drop": self._is_dropped,
            "close": self._leaves,
            "report": self._reports,
            "stays_away": self._stays_away,
        }

    def _acts_of_others(self) -> Mapping[str, Act]:
        unseen = dict.fromkeys(("connect", "closed", "drop", "close", "report", "stays_away"), self._unseen)
        return {**unseen, "send": self._other_sends, "expect": self._other_is_told}

    async def _epilogue(self) -> None:
        if self._visit is not None and not self._visit.is_over:
            await self._nothing_more(0.1)
            await self._be_read(self._visit)
        if len(self._waits) >= _COMEBACKS and max(self._waits) < _ONE_WAIT * self._pace:
            what = ["it comes back at once each time; a random wait keeps a server that restarts from being run over"]
            self._stop("a random wait", f"waits of {[round(wait, 3) for wait in self._waits]} s", what)

    # What the client does.

    async def _comes(self, _actor: str, step: Step) -> None:
        """The client connects: told to, the first time; afterwards because it must."""
        if not step.by_itself:
            self.cues.give({"type": "connect", "display_name": self.display_name})
        happening = await self._next(step.patience * self._patience)
        if not isinstance(happening, Connected):
            self._stop("a connection", _in_words(happening), [_instead(happening, "it did not connect")])
        if step.by_itself:
            self._waits.append(happening.at - self._lost_at)
            self._check_wait(step, happening.at - self._lost_at)
        self._visit, self._is_attached = happening.visit, False

    def _check_wait(self, step: Step, seconds: float) -> None:
        if step.seconds is UNSET:
            return
        least, most = step.seconds[0] * self._pace, step.seconds[1] * max(1.0, self._patience)
        if not least <= seconds <= most:
            self._stop(f"{least:g} to {most:g} s", f"{seconds:.2f} s", [f"it waited {seconds:.2f} s"])

    async def _sends(self, actor: str, step: Step) -> None:
        """The client sends a command."""
        assert isinstance(step.send, dict)
        if not step.by_itself:
            cue = {name: value for name, value in step.send.items() if name != "id"}
            self.cues.give(filled(cue, self._stage.variables))
        happening = await self._next(step.patience * self._patience)
        if not isinstance(happening, Sent):
            self._stop(shown(step.send), _in_words(happening), [_instead(happening, "it did not send the command")])
        frame = happening.frame
        fault = happening.fault or self._fault(frame)
        if fault:
            self._stop(shown(step.send), happening.text, [fault])
        found = [str(each) for each in differences(step.send, frame, self._stage.variables)]
        before = self._stage.other_use(frame)
        found += [] if before is None else [f"the id {frame['id']!r} was used before, for {before}"]
        if found:
            self._stop(shown(step.send), happening.text, found)
        self._check_wait(step, happening.at - self._told_at)
        self._stage.sent(actor, frame)

    def _fault(self, frame: Frame) -> str:
        kind = f"command.{frame.get('type')}"
        if frame.get("type") not in self._shapes.commands:
            return f"there is no command {frame.get('type')!r}"
        fault = self._shapes.fault(kind, frame)
        return f"it is not as the schema of `{kind}` says: {fault}" if fault else ""

    async def _leaves(self, _actor: str, step: Step) -> None:
        """The client is to close its connection."""
        self.cues.give({"type": "disconnect"})
        happening = await self._next(step.patience * self._patience)
        if not isinstance(happening, Left):
            self._stop("the end of the connection", _in_words(happening), ["it did not close the connection"])

    async def _reports(self, _actor: str, step: Step) -> None:
        """The driver tells what the client knows. It is asked again, since what was just sent may be under way."""
        found: list[str] = []
        for seconds in _SETTLING:
            await self._nothing_more(seconds)
            found, told = await self._report(step)
            if not found:
                return
        self._stop(shown(self._stage.room.shown_to(self.user_id)), shown(told), found)

    async def _report(self, step: Step) -> tuple[list[str], Any]:
        """What is wrong with what the client knows, and what that is."""
        self.cues.give({"type": "report", "room_code": self._stage.room.state["room_code"]})
        happening = await self._next(step.patience * self._patience)
        if not isinstance(happening, Reported):
            self._stop("a report", _in_words(happening), [_instead(happening, "the driver has sent no report")])
        if not isinstance(happening.state, dict):
            return ["the report is no `state`"], happening.state
        return unlike(self._stage.room.shown_to(self.user_id), happening.state), happening.state

    async def _stays_away(self, _actor: str, step: Step) -> None:
        assert isinstance(step.stays_away, float)
        await self._nothing_more(step.stays_away * self._pace)

    # What the client is told.

    async def _is_told(self, actor: str, step: Step) -> None:
        frame = self._made(actor, step)
        notice = self._stage.consequence(frame)
        # Before it is sent: a client must not be blamed for a moment in which this process stood still.
        self._told_at = time.monotonic()
        if step.answers and self._visit is not None:
            if step.unknown:
                await self._visit.send({"type": "weather_changed", "wind": "NNW"})
                frame = extended(frame)
            for _ in range(1 + step.twice):
                await self._visit.send(frame)
            if frame["type"] == "welcome":
                await self._visit.welcomed(frame["user"])
        if frame["type"] == "ok" and ("state" in frame or "recovered" in frame):
            self._is_attached = True
        await self._tell_counts(notice)

    async def _is_closed(self, _actor: str, step: Step) -> None:
        assert isinstance(step.closed, int)
        visit = await self._gone()
        self._lost_at = time.monotonic()
        await visit.close(step.closed)

    async def _is_dropped(self, _actor: str, _step: Step) -> None:
        visit = await self._gone()
        self._lost_at = time.monotonic()
        visit.drop()

    async def _gone(self) -> Visit:
        """The connection that is to be lost now, when what it was sent has been read."""
        visit, self._visit, self._is_attached = self._visit, None, False
        if visit is None:
            raise ScriptError("there is no connection that could be lost")
        await self._be_read(visit)
        return visit

    async def _be_read(self, visit: Visit) -> None:
        """Wait until the client has read what it was sent, which its library tells."""
        if not await visit.is_read(self._at[1].patience * self._patience):
            self._stop("a pong", "none", ["the server's ping was not answered"])

    # What the others do, and are told.

    async def _other_sends(self, actor: str, step: Step) -> None:
        assert isinstance(step.send, dict)
        self._stage.play(actor, step.send)

    async def _other_is_told(self, actor: str, step: Step) -> None:
        await self._tell_counts(self._stage.consequence(self._made(actor, step)))

    def _made(self, actor: str, step: Step) -> Frame:
        assert isinstance(step.expect, dict)
        return self._stage.made(actor, step.expect, self._transcript.steps[self._at[0] :])

    async def _tell_counts(self, notice: Frame | None) -> None:
        if notice is not None and self._is_attached and self._visit is not None:
            await self._visit.send(notice)

    async def _unseen(self, _actor: str, _step: Step) -> None:
        """Nothing that the client could notice."""

    # The means.

    async def _next(self, seconds: float) -> Happening | None:
        """What the client does next; a `ping` is answered, whenever it comes."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                    happening = await self._happenings.get()
            except TimeoutError:
                return None
            if isinstance(happening, Sent) and self._is_ping(happening.frame):
                await happening.visit.send({"type": "ok", "id": happening.frame["id"], "server_time": now_ms()})
            elif not isinstance(happening, Left) or happening.visit is self._visit:
                return happening

    def _is_ping(self, frame: Frame) -> bool:
        return frame.get("type") == "ping" and not self._fault(frame)

    async def _nothing_more(self, seconds: float) -> None:
        """For a while the client must do nothing."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            happening = await self._next(end - time.monotonic())
            if happening is not None:
                self._stop("nothing", _in_words(happening), ["it did something where nothing was due"])

    def _stop(self, expected: str, came: str, what: list[str]) -> NoReturn:
        number, step = self._at
        finding = Finding(number, self.client, step.note, expected, came, what)
        self.findings.append(self._redaction.finding(finding))
        raise StoppedError


def _in_words(happening: Happening | None) -> str:
    match happening:
        case None:
            return "nothing in time"
        case Connected():
            return "a connection"
        case Sent(text=text):
            return text
        case Left():
            return "the end of the connection"
        case Reported(state=state):
            return f"a report: {state}"
        case Entered():
            return "another guest, though it has a login"


def _instead(happening: Happening | None, silent: str) -> str:
    """What is wrong, in words, when the client did something else, or nothing."""
    if isinstance(happening, Sent) and happening.fault:
        return happening.fault
    return silent if happening is None else f"this came in its place: {_in_words(happening)}"
