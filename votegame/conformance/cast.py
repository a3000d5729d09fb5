"""The users who play the stories: guests, made over HTTP, and used again, since servers let in only so many an hour.

A guest is in one story at a time, always under the same name, and makes no more rooms than a server with the usual
limits lets him.
"""

import asyncio
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from aiohttp import hdrs
from msgspec import Struct

from votegame.conformance.format import Actor, Transcript
from votegame.conformance.frames import json_in
from votegame.conformance.matcher import differences
from votegame.conformance.redaction import Redaction
from votegame.conformance.troubles import UnfinishedError, reason
from votegame.conformance.waits import Waits

_ROOMS_OF_A_USER: Final = 5
"""New rooms of one user in 10 minutes."""
_LOGIN: Final = {"user": {"id": {"$any": "text"}}, "token": {"$any": "text"}}
"""What is needed of an answer; what else it must be like, a story says."""
_LONGEST: Final = 300


class NoGuestError(Exception):
    """The server makes no guests; the message says why."""


class User(Struct):
    """A user, and how he logs in.

    Attributes:
        user_id: His id.
        display_name: His name.
        token: His bearer token.
        cookie: The login cookie, as the header `Cookie` holds it.
        n_rooms: The rooms that he has made.
    """

    user_id: str
    display_name: str
    token: str
    cookie: str
    n_rooms: int = 0


class Cast:
    """Gives each story its users, and takes them back."""

    def __init__(self, http: aiohttp.ClientSession, url: str, redaction: Redaction) -> None:
        """`redaction` is told by what the users log in."""
        self.n_made = 0
        self._http = http
        self._url = url
        self._redaction = redaction
        self._idle: list[User] = []

    async def take(self, actor: Actor, n_rooms: int) -> User:
        """A user for an actor who makes `n_rooms` rooms. Raises NoGuestError."""
        for user in self._idle if actor.kind == "guest" else ():
            if user.display_name == actor.display_name and user.n_rooms + n_rooms <= _ROOMS_OF_A_USER:
                self._idle.remove(user)
                user.n_rooms += n_rooms
                return user
        return await self._new(actor.display_name, n_rooms)

    def give_back(self, actor: Actor, user: User) -> None:
        """The story is over."""
        if actor.kind == "guest":
            self._idle.append(user)

    async def _new(self, name: str, n_rooms: int) -> User:
        url = f"{self._url}/api/auth/guest"
        answer, text = await self._asked(url, name)
        body = json_in(text)
        self._redaction.learn(body)
        self._redaction.add(*(morsel.value for morsel in answer.cookies.values()))
        if answer.status != HTTPStatus.CREATED:
            raise NoGuestError(self._redaction.text(_refusal(answer, text, body)))
        lacks = differences(_LOGIN, body, {})
        if lacks:
            what = self._redaction.text(str(lacks[0]))
            raise NoGuestError(f"POST {url} is not answered as by a server of votegame: {what}")
        self.n_made += 1
        cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in answer.cookies.items())
        return User(body["user"]["id"], name, body["token"], cookie, n_rooms)

    async def _asked(self, url: str, name: str) -> tuple[aiohttp.ClientResponse, str]:
        """The answer, and its text. A server that has too much to do is asked again when it says."""
        waits = Waits()
        while True:
            try:
                async with self._http.post(url, json={"display_name": name}, allow_redirects=False) as answer:
                    text = await answer.text()
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise NoGuestError(f"{self._url} does not answer as it should: {reason(error)}") from error
            is_full = answer.status == HTTPStatus.SERVICE_UNAVAILABLE
            try:
                seconds = waits.after(json_in(text)) if is_full else None
            except UnfinishedError as error:
                raise NoGuestError(str(error)) from error
            if seconds is None:
                return answer, text
            await asyncio.sleep(seconds)


def _refusal(answer: aiohttp.ClientResponse, text: str, body: Any) -> str:
    status, location = answer.status, answer.headers.get(hdrs.LOCATION)
    if location is not None:
        return f"POST /api/auth/guest was answered by {status}, not 201: give the URL that it leads to, {location}"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = body.get("retry_after") if isinstance(body, dict) else None
        return (
            f"The server makes no more guests for this address for {wait} s. Run it with RATE_LIMITS=off or a higher "
            "GUESTS_PER_HOUR, or wait."
        )
    return f"POST /api/auth/guest was answered by {status}, not 201: {text[:_LONGEST]}"


def rooms_made(transcript: Transcript, actor: str) -> int:
    """How many rooms an actor makes in a story."""
    n_rooms = 0
    for step in transcript.steps:
        if actor in step.actors:
            over_socket = isinstance(step.send, dict) and step.send.get("type") == "create_room"
            over_http = step.action == "http" and (step.http.method, step.http.path) == ("POST", "/api/rooms")  # type: ignore[union-attr]
            n_rooms += over_socket or over_http
    return n_rooms
