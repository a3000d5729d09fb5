"""Plays all stories against a server: several at a time if asked, those that restart it last and alone."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import aiohttp
from msgspec import Struct

from votegame import tasks
from votegame.conformance.cast import Cast, NoGuestError, User, rooms_made
from votegame.conformance.desk import Desk
from votegame.conformance.findings import Finding, Outcome, Result
from votegame.conformance.format import Need, Transcript, read_transcripts
from votegame.conformance.http import Caller
from votegame.conformance.orders import Orders
from votegame.conformance.player import Player, Restart
from votegame.conformance.redaction import Redaction
from votegame.conformance.shapes import Shapes
from votegame.conformance.troubles import UncheckedError, UnfinishedError, reason
from votegame.conformance.waiting import Waiting, silent
from votegame.conformance.witness import Witness
from votegame.files import protocol_directory

_TOTAL_SECONDS = 300.0
"""After which a story is over, whatever its steps allow; more for those who ask for more patience.

Waits that the server asks for come on top: how many there are is its right, and how long each is, the desk bounds.
"""

WHY = {
    "slow": "it waits for half a minute; ask for it with --slow",
    "rates": "the server limits no rates, as --no-rates says",
    "restart": "it needs somebody who restarts the server; see --restart-command",
    "moderation": "it needs a server that checks answers; ask for it with --moderation",
}
"""Why a story is skipped that needs something that this run does not give."""


class Means(Struct, frozen=True):
    """What a run can give to stories that need it.

    Attributes:
        patience: What the seconds are multiplied by after which what is expected has not come.
        has_time: Stories may wait for half a minute.
        has_rates: The server's limits per time are on.
        has_moderation: The server has a moderator.
        restart: Restarts the server, and returns when it is back; None without such means.
        nodes: How many nodes the server runs as, if that is known.
    """

    patience: float = 1.0
    has_time: bool = False
    has_rates: bool = True
    has_moderation: bool = False
    restart: Restart | None = None
    nodes: int | None = None

    def lacks(self, needs: Sequence[Need]) -> str:
        """Why a story with these needs is skipped; empty when it is not."""
        given = {
            "slow": self.has_time,
            "rates": self.has_rates,
            "restart": self.restart is not None,
            "moderation": self.has_moderation,
        }
        return "; ".join(WHY[need] for need in needs if not given[need])


def transcripts_for(target: str, folder: Path | None = None) -> dict[str, Transcript]:
    """The transcripts that are played against `target`, `server` or `client`."""
    found = read_transcripts(folder or protocol_directory() / "transcripts")
    return {name: transcript for name, transcript in found.items() if target in transcript.against}


class Runner:
    """One run against one server."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: str,
        means: Means,
        tell: Callable[[Result], None],
        waiting: Waiting | None = None,
    ) -> None:
        """A run.

        Args:
            http: For everything.
            url: The server.
            means: What the run can give.
            tell: Called with each result as soon as it is there.
            waiting: Told what is waited for.
        """
        self._waiting = waiting or Waiting(silent)
        self._means = means
        self._tell = tell
        self._shapes = Shapes()
        self._orders = Orders()
        self._redaction = Redaction()
        self._cast = Cast(http, url, self._redaction)
        self._caller = Caller(http, url, self._shapes, self._redaction)

    @property
    def n_guests(self) -> int:
        """How many guests were made."""
        return self._cast.n_made

    async def play(self, transcripts: Mapping[str, Transcript], *, jobs: int = 1) -> list[Result]:
        """Play the transcripts, `jobs` at a time. Raises NoGuestError."""
        watching = tasks.start(self._waiting.watch(), name="what is waited for")
        try:
            return await self._play(transcripts, jobs)
        finally:
            await tasks.end([watching])

    async def _play(self, transcripts: Mapping[str, Transcript], jobs: int) -> list[Result]:
        together = {name: each for name, each in transcripts.items() if "restart" not in each.needs}
        turns = asyncio.Semaphore(jobs)
        reasons: list[str] = []
        try:
            async with asyncio.TaskGroup() as group:
                playing = [group.create_task(self._in_turn(turns, *item)) for item in together.items()]
        except* NoGuestError as errors:
            reasons += map(str, errors.exceptions)
        # Not in there: what is raised in an `except*` comes out as a group, in some versions of Python.
        if reasons:
            raise NoGuestError(reasons[0])
        results = [task.result() for task in playing]
        alone = [item for item in transcripts.items() if item[0] not in together]
        results += [await self._told(name, transcript) for name, transcript in alone]
        return [*results, *self._told_orders()]

    async def _in_turn(self, turns: asyncio.Semaphore, name: str, transcript: Transcript) -> Result:
        async with turns:
            return await self._told(name, transcript)

    async def _told(self, name: str, transcript: Transcript) -> Result:
        result = await self._result(name, transcript)
        self._tell(result)
        return result

    async def _result(self, name: str, transcript: Transcript) -> Result:
        reason = self._means.lacks(transcript.needs)
        if reason:
            return Result(name, transcript.title, "skipped", reason)
        started = time.monotonic()
        self._waiting.begin(name, "waits for its guests")
        users: dict[str, User] = {}
        try:
            for actor, described in transcript.actors.items():
                if described.kind != "stranger":
                    users[actor] = await self._cast.take(described, rooms_made(transcript, actor))
            outcome, reason, findings = await self._outcome(name, transcript, users)
        finally:
            self._waiting.end(name)
            for actor, user in users.items():
                self._cast.give_back(transcript.actors[actor], user)
        seconds = round(time.monotonic() - started, 2)
        return self._redaction.result(Result(name, transcript.title, outcome, reason, tuple(findings), seconds))

    async def _outcome(
        self, name: str, transcript: Transcript, users: dict[str, User]
    ) -> tuple[Outcome, str, list[Finding]]:
        """What came of it, and why it could not be judged, if so."""
        try:
            findings = await self._findings(name, transcript, users)
        except UncheckedError as error:
            return "unchecked", str(error), []
        except UnfinishedError as error:
            return "unfinished", str(error), []
        return ("differs" if findings else "passed"), "", findings

    async def _findings(self, name: str, transcript: Transcript, users: dict[str, User]) -> list[Finding]:
        witness, doing = Witness(self._shapes, self._orders), partial(self._waiting.begin, name)
        told = {step.expect.get("type") for step in transcript.steps if isinstance(step.expect, dict)}
        desk = Desk(witness, self._shapes, self._means.patience, doing, are_deadlines_told="deadline_changed" in told)
        seconds = _TOTAL_SECONDS * max(1.0, self._means.patience)
        means = self._means
        player = Player(
            transcript, caller=self._caller, desk=desk, users=users, restart=means.restart, nodes=means.nodes
        )
        try:
            async with desk.within(seconds):
                return await player.play()
        except TimeoutError:
            what = [f"a call was not answered in time, or the story was not over after {seconds:.0f} s of its own"]
            desk.find("", expected="an end", came="none", what=what)
        except (aiohttp.ClientError, OSError) as error:
            desk.find("", expected="a server that answers", came="none", what=[reason(error)])
        return player.findings

    def _told_orders(self) -> list[Result]:
        """What only shows when all rounds are taken together."""
        findings = [Finding(0, "", "", "an order that tells nothing", "", [what]) for what in self._orders.findings()]
        if not findings:
            return []
        result = Result("orders", "The order of answers tells nothing", "differs", "", tuple(findings))
        self._tell(result)
        return [result]
