"""Seats in rooms, as light as can be, for measurements with hundreds of rooms on the machine that the nodes are on."""

import asyncio
import contextlib
import functools
import itertools
import json
import random
import time
import uuid
from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, Final

import aiohttp

RETRY_SECONDS: Final = 0.1
REPLY_SECONDS: Final = 10.0
PATIENCE_SECONDS: Final = 60.0
AT_ONCE: Final = 50
SETTINGS: Final = {"answer_seconds": 300, "vote_seconds": 300}

Frame = dict[str, Any]


async def guest(http: aiohttp.ClientSession, url: str, number: int) -> "Seat":
    """One who has come to a node as a guest."""
    return Seat(http, await token(http, url, f"Guest {number}"))


async def token(http: aiohttp.ClientSession, url: str, name: str, **headers: str) -> str:
    """That of a new guest, who comes again when there is too much to do."""
    while True:
        async with http.post(f"{url}/api/auth/guest", json={"display_name": name}, headers=headers) as answer:
            told = await answer.json()
            if answer.status == 201:
                return told["token"]
            assert answer.status == 503, told
        await asyncio.sleep(told["retry_after"])


class Seat:
    """A player with one socket."""

    def __init__(self, http: aiohttp.ClientSession, token: str) -> None:
        self._http = http
        self._token = token
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._told: list[Frame] = []

    async def connect(self, url: str) -> None:
        await self.close()
        self._socket = await self._http.ws_connect(f"{url}/ws", headers={"Authorization": f"Bearer {self._token}"})

    async def close(self) -> None:
        self._told.clear()
        if self._socket is not None:
            await self._socket.close()

    async def say(self, kind: str, *, id_: str | None = None, **fields: Any) -> Frame:
        """The reply, `ok` or an error; a `ConnectionError` when there is none."""
        command = {"type": kind, "id": id_ or str(uuid.uuid4()), **fields}
        await self._socket.send_json(command)
        return await self._next(lambda frame: frame.get("id") == command["id"])

    async def listen(self) -> None:
        """Take what comes, and have the pings answered, until cancelled; nothing of it is kept."""
        while True:
            message = await self._socket.receive()
            if message.type is not aiohttp.WSMsgType.TEXT:
                raise ConnectionError(message.type, message.data)

    async def hears(self, *kinds: str) -> Frame:
        return await self._next(lambda frame: frame["type"] in kinds)

    async def _next(self, is_it) -> Frame:
        async with asyncio.timeout(REPLY_SECONDS):
            while not any(map(is_it, self._told)):
                message = await self._socket.receive()
                if message.type is not aiohttp.WSMsgType.TEXT:
                    raise ConnectionError(message.type, message.data)
                self._told.append(json.loads(message.data))
        found = next(filter(is_it, self._told))
        self._told.remove(found)
        return found


class Table:
    """A room of three in its second round, where the third has yet to answer; the first is the host."""

    def __init__(self, seats: Sequence[Seat]) -> None:
        self.seats = seats
        self.code = ""
        self._round_id = ""
        self._answer_ids: dict[Seat, str] = {}
        self._before: Frame = {}
        self._last_id = str(uuid.uuid4())

    async def play(self, url: str) -> None:
        """Up to where it is interrupted."""
        host, *guests = self.seats
        await asyncio.gather(*(seat.connect(url) for seat in self.seats))
        self.code = (await until_ok(lambda: host.say("create_room", settings=SETTINGS)))["room_code"]
        for seat in guests:
            await until_ok(lambda seat=seat: seat.say("join_room", room_code=self.code))
        await ok(host.say("start_game", room_code=self.code))
        await self._answer(self.seats)
        answers = (await host.hears("voting_started"))["answers"]
        for seat in self.seats:
            choice = next(each["id"] for each in answers if each["id"] != self._answer_ids[seat])
            await ok(seat.say("submit_vote", room_code=self.code, round_id=self._round_id, answer_id=choice))
        await host.hears("round_ended")
        await ok(host.say("next_round", room_code=self.code, round_id=self._round_id))
        self._answer_ids.clear()
        await self._answer(self.seats[:2])
        self._before = await self._look(host)

    async def _answer(self, seats: Iterable[Seat]) -> None:
        self._round_id = (await self.seats[0].hears("game_started", "round_started"))["round_id"]
        for number, seat in enumerate(seats):
            self._answer_ids[seat] = (await ok(self._submit(seat, f"answer {number}")))["answer_id"]

    def _submit(self, seat: Seat, answer: str, **fields: Any) -> Awaitable[Frame]:
        return seat.say("submit_answer", room_code=self.code, round_id=self._round_id, answer=answer, **fields)

    async def answer_last(self, seconds: float) -> None:
        """The third answers after a while, and may not get a reply any more."""
        await asyncio.sleep(seconds)
        seat = self.seats[2]
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            reply = await self._submit(seat, "the last answer", id_=self._last_id)
            if reply["type"] == "ok":
                self._answer_ids[seat] = reply["answer_id"]

    async def come_back(self, seat: Seat, urls: Sequence[str], rng: random.Random, seconds: float = 0.0) -> None:
        """A seat is taken again, by way of any of `urls`; the host's when the room has taken a command of his."""
        await asyncio.sleep(seconds)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                with contextlib.suppress(ConnectionError, aiohttp.ClientError, TimeoutError):
                    await seat.connect(rng.choice(urls))
                    await until_ok(lambda: self._resume(seat))
                    if seat is self.seats[0]:
                        await until_ok(lambda: seat.say("lock_room", room_code=self.code))
                    return
                await asyncio.sleep(RETRY_SECONDS)

    def _resume(self, seat: Seat) -> Awaitable[Frame]:
        # A stream that never was: the answer is a snapshot.
        return seat.say("resume", room_code=self.code, stream=str(uuid.uuid4()), last_seq=0)

    async def _look(self, seat: Seat) -> Frame:
        return (await ok(self._resume(seat)))["state"]

    async def play_on(self, seconds: float, is_over: asyncio.Event) -> list[float]:
        """The host gives one command after the other, so many seconds apart; returns how long each `ok` took."""
        took: list[float] = []
        kinds = itertools.cycle(("lock_room", "unlock_room"))
        while not took or not is_over.is_set():
            await asyncio.sleep(seconds)
            began = time.monotonic()
            await until_ok(functools.partial(self.seats[0].say, next(kinds), room_code=self.code))
            took.append(time.monotonic() - began)
        return took

    async def place(self, seat: Seat) -> Frame:
        """Up to where a seat is told the room's events, as a `resume` names it."""
        state = await self._look(seat)
        return {"stream": state["stream"], "last_seq": state["seq"]}

    async def missing(self) -> list[str]:
        """What was promised and is not so; at the end, the third has answered."""
        third = self.seats[2]
        reply = await ok(self._submit(third, "the last answer", id_=self._last_id))
        found = []
        if reply["answer_id"] != self._answer_ids.setdefault(third, reply["answer_id"]):
            found.append(f"{self.code}: the last answer was taken twice")
        for number, seat in enumerate(self.seats):
            state = await self._look(seat)
            if _standing(state) != _standing(self._before):
                found.append(f"{self.code}: {_standing(self._before)} became {_standing(state)}")
            if state["you"]["answer_id"] != self._answer_ids[seat]:
                found.append(f"{self.code}: the answer of {number} became {state['you']['answer_id']}")
            if len(state["round"]["answers"] or ()) != len(self.seats):
                found.append(f"{self.code}: answers are missing in {state['round']}")
        return found


def _standing(state: Frame) -> Any:
    members = [(each["user_id"], each["score"]) for each in state["members"] if each["role"] == "player"]
    return state["host_id"], state["round"]["round_id"], members


async def ok(replying: Awaitable[Frame]) -> Frame:
    reply = await replying
    assert reply["type"] == "ok", reply
    return reply


async def until_ok(ask) -> Frame:
    while (reply := await ask())["type"] != "ok":
        assert reply["retryable"], reply
        await asyncio.sleep(RETRY_SECONDS)
    return reply


async def all_of(tasks: Iterable[Awaitable[Any]], at_once: int = AT_ONCE) -> list[Any]:
    gate = asyncio.Semaphore(at_once)

    async def one(task: Awaitable[Any]) -> Any:
        async with gate:
            return await task

    return await asyncio.gather(*map(one, tasks))
