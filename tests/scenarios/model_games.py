"""Games on servers with a model, or without: played by people who note every question that they see, and every wait."""

import asyncio
import itertools
import re
import time
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.nodes import SECRET
from tests.scenarios.talker import Talker
from tests.serving import ServerProcess, complaints, metric
from votegame.game import wording
from votegame.game.question import Question, Wish
from votegame.questions.bank import built_in_bank
from votegame.questions.likeness import Likenesses
from votegame.questions.screening import screened

PATIENCE_SECONDS = 15
NAMES = ("Zebediah", "Quillonia")
BANK_KEYS = {question.key for question in built_in_bank()}
UNLIMITED = {f"MODEL_{what}_PER_{span}": "0" for what in ("CALLS", "TOKENS") for span in ("HOUR", "DAY")}
# Of what no question of this game is made; a check that knows nothing of the product's own.
_TRACES = re.compile(
    r"[<>*`\[\]{}\\]|https?:|www\.|\.example|previous instructions|I'm sorry|cannot help|system:|as you asked",
    re.IGNORECASE,
)
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_numbers = itertools.count(1)


@asynccontextmanager
async def running(shelf: Any, postgres: Any, **settings: str) -> AsyncIterator[ServerProcess]:
    """A node on a database of its own; in the end its log has nothing that no run may have."""
    name = shelf.take()
    url = f"postgresql://?{postgres.url_of(name).replace(' ', '&')}"
    process = ServerProcess(DATABASE_URL=url, SECRET_KEY=SECRET, DRAIN_SECONDS="0", **settings)
    try:
        await process.start()
        yield process
        code = await process.stop()
        assert (code, complaints(process.said())) == (0, [])
    finally:
        await process.close()
        shelf.give_back(name)


def with_model(url: str, **settings: str) -> dict[str, str]:
    """Settings of a node that has a model at `url`, and may spend what it likes."""
    return {"OPENAI_BASE_URL": url, "MODEL_SECONDS": "1.5", **UNLIMITED, **settings}


def new_topic() -> str:
    """A topic that nobody had before, so that there is nothing in stock for it."""
    return f"umbrellas {next(_numbers)}"


async def until(is_so: Callable[[], Any], what: str) -> None:
    """Wait until something is so; it is asked in a thread, and may ask a server."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await asyncio.to_thread(is_so):
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"in vain: {what}") from None


def drawn(server: ServerProcess, source: str) -> float:
    return metric(server.url, f'votegame_questions_drawn_total{{source="{source}"}}')


def gaps(server: ServerProcess, fate: str | None = None) -> float:
    labels = "" if fate is None else f'{{fate="{fate}"}}'
    return metric(server.url, f"votegame_question_gaps_total{labels}")


class Table:
    """A host and those who play with him."""

    def __init__(self, members: list[Talker], topic: str) -> None:
        self.members, self.topic = members, topic
        self.games: list[list[str]] = []
        self.took: list[float] = []
        """Seconds of each `start_game` and `next_round`."""

    @property
    def host(self) -> Talker:
        return self.members[0]

    async def timed(self, command: str) -> str:
        """Have the host begin a round; returns its id."""
        began = time.perf_counter()
        reply = await self.host.say(command)
        self.took.append(time.perf_counter() - began)
        assert reply["type"] == "ok", reply
        event = await self.host.until("game_started" if command == "start_game" else "round_started")
        if command == "start_game":
            self.games.append([])
        self.games[-1].append(event["question"])
        return reply["round_id"]

    async def play(self, rounds: int, *, before_round: Callable[[int], Awaitable[None]] | None = None) -> None:
        """A whole game, with answers and votes of everyone; each round waits for `before_round`, given its number."""
        if self.games:
            await said_ok(self.host.say("play_again"))
        for number in range(1, rounds + 1):
            if before_round is not None:
                await before_round(number)
            await self._play_round(await self.timed("next_round" if number > 1 else "start_game"))
        ended = [await member.until("game_ended") for member in self.members]
        assert all(each == ended[0] for each in ended)
        assert len(self.games[-1]) == rounds

    async def rush(self, rounds: int) -> None:
        """A whole game in which nobody answers."""
        if self.games:
            await said_ok(self.host.say("play_again"))
        for number in range(rounds):
            round_id = await self.timed("next_round" if number else "start_game")
            await said_ok(self.host.say("end_round", round_id=round_id))
        await self.host.until("game_ended")

    async def _play_round(self, round_id: str) -> None:
        ids = []
        for number, member in enumerate(self.members):
            ok = await said_ok(member.say("submit_answer", round_id=round_id, answer=f"Answer {number}"))
            ids.append(ok["answer_id"])
        for member in self.members:
            await member.until("voting_started", round_id=round_id)
        for number, member in enumerate(self.members):
            await said_ok(member.say("submit_vote", round_id=round_id, answer_id=ids[number - 1]))
        for member in self.members:
            await member.until("round_ended", round_id=round_id)

    async def flaws(self) -> list[str]:
        """What is wrong with the questions that any member was ever sent, in whatever frame."""
        for member in self.members:
            await member.say("join_room")
        found = [flaw for text in set(self.seen()) for flaw in flaws(text, self.topic)]
        return found + [flaw for game in self.games for flaw in repetitions(game)]

    def seen(self) -> Iterator[str]:
        for member in self.members:
            yield from _questions(member.frames)


class Club:
    """Makes guests, and seats them at tables."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http
        self.opened: list[Talker] = []

    async def guest(self, server: ServerProcess, name: str) -> Talker:
        async with self._http.post(f"{server.url}/api/auth/guest", json={"display_name": name}) as answer:
            body = await answer.json()
        return await Talker(self._http, self.opened, [server.url], body["token"], body["user"]["id"]).open()

    async def table(self, server: ServerProcess, *, rounds: int = 2, **settings: Any) -> Table:
        """Two people in a room of their own."""
        topic = settings.setdefault("topic", new_topic())
        members = [await self.guest(server, name) for name in NAMES]
        await said_ok(members[0].create(total_rounds=rounds, **settings))
        for member in members[1:]:
            await said_ok(member.join(members[0].room_code))
        return Table(members, topic)


@asynccontextmanager
async def gathered() -> AsyncIterator[Club]:
    """A club whose guests all leave in the end."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        club = Club(http)
        try:
            yield club
        finally:
            for talker in club.opened:
                await talker.close()


async def said_ok(saying: Awaitable[dict]) -> dict:
    reply = await saying
    assert reply["type"] == "ok", reply
    return reply


def flaws(text: str, topic: str) -> list[str]:
    """What a question of a room about `topic` should not be."""
    kinds = {unicodedata.category(char)[0] for char in text}
    found = [
        "control or direction characters" if "C" in kinds else "",
        "traces of something else" if _TRACES.search(text) else "",
        "another script" if _CYRILLIC.search(text) else "",
        "length" if not 5 <= len(text) <= 200 else "",
        "names somebody" if any(name.casefold() in text.casefold() for name in NAMES) else "",
        "not fit to be shown" if not isinstance(screened(text, Wish(topic, "en", "default")), Question) else "",
    ]
    return [f"{flaw}: {text!r}" for flaw in found if flaw]


def repetitions(game: list[str]) -> list[str]:
    """Questions of a game that were asked before; of those that a model wrote, those with the same idea, too."""
    keys = [wording.key(text) for text in game]
    pairs = list(itertools.combinations(keys, 2))
    made = [pair for pair in pairs if not BANK_KEYS.intersection(pair)]
    return [
        f"again: {one!r}"
        for one, other in pairs
        if one == other or ((one, other) in made and Likenesses([other]).has_like(one))
    ]


def _questions(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("question"), str):
            yield value["question"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _questions(each)
