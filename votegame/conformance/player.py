"""Plays one story against a server: does what its steps say, one after another, and compares what comes.

The first step that does not come out as it is written ends the story, since nothing after it would mean anything. What
is always true of a server is looked at with every frame, by the `Witness`; and when all is played, what each connection
has made of its frames must be what a fresh snapshot shows.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Final

import aiohttp
from aiohttp import hdrs
from msgspec import UNSET

from votegame.conformance import closing, overuse
from votegame.conformance.cast import User
from votegame.conformance.crowd import Crowd
from votegame.conformance.desk import Desk, Place, ending
from votegame.conformance.findings import Finding, StoppedError
from votegame.conformance.format import Connect, ConnectUntil, Http, SendUntil, Step, Transcript
from votegame.conformance.frames import Frame, shown
from votegame.conformance.http import Answer, Caller, credentials, refusal_of_upgrade
from votegame.conformance.link import Came, Ended, NotOpenError, opened
from votegame.conformance.matcher import Variables, differences, filled
from votegame.conformance.same import State
from votegame.conformance.troubles import UnfinishedError, reason
from votegame.conformance.waits import FULL, Waits
from votegame.wire.close_codes import CloseCode

Restart = Callable[[], Awaitable[None]]

Act = Callable[[str, Step], Awaitable[None]]

_CLEANING_SECONDS: Final = 20.0
"""After which a server that does not answer is left as it is."""


class Player:
    """One playing of one story."""

    def __init__(
        self,
        transcript: Transcript,
        *,
        caller: Caller,
        desk: Desk,
        users: dict[str, User],
        restart: Restart | None = None,
        nodes: int | None = None,
    ) -> None:
        """One playing.

        Args:
            transcript: The story.
            caller: For what goes over HTTP.
            desk: A new one, for what goes over sockets.
            users: Who the actors are, by their names in the story.
            restart: Restarts the server; needed for stories that do so.
            nodes: How many nodes the server runs as, if that is known.
        """
        self.variables: Variables = {}
        self._desk = desk
        self._transcript = transcript
        self._caller = caller
        self._users = users
        self._restart = restart
        self._nodes = nodes
        for name, user in users.items():
            self.variables |= {name: user.user_id, f"{name}_token": user.token, f"{name}_name": user.display_name}
            desk.witness.secrets.knows_user(user.user_id, user.display_name)

    @property
    def findings(self) -> list[Finding]:
        """What is not as it must be, so far."""
        return self._desk.findings

    async def play(self) -> list[Finding]:
        """Play the story; returns what is not as it must be."""
        actions = self._actions()
        async with self._cleaning_up():
            try:
                for number, step in enumerate(self._transcript.steps, start=1):
                    self._desk.begin(number, step)
                    for actor in step.actors or [""]:
                        await actions[step.action](actor, step)
                await closing.close(self._desk, self._look)
            except StoppedError:
                pass
            except NotOpenError:
                what = ["the connection is over"]
                self._desk.find("", expected="an open connection", came="it is closed", what=what)
        return self.findings

    def _actions(self) -> Mapping[str, Act]:
        return {
            "connect": self._connect,
            "connect_until": self._connect_until,
            "send": self._send,
            "send_text": self._send_text,
            "send_bytes": self._send_bytes,
            "send_until": self._send_until,
            "expect": self._expect,
            "closed": self._closed,
            "drop": self._drop,
            "close": self._close,
            "http": self._call,
            "restart": self._restarted,
            "report": self._report,
            "stays_away": self._nothing,
        }

    @contextlib.asynccontextmanager
    async def _cleaning_up(self) -> AsyncIterator[None]:
        """Leave nothing behind: connections are closed, rooms are left."""
        try:
            yield
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLEANING_SECONDS):
                    await self._leave_nothing()

    async def _leave_nothing(self) -> None:
        for link in self._desk.links.values():
            await link.close()
        rooms = {room for book in self._desk.books.values() for room in book.rooms}
        rooms |= {value for name, value in self.variables.items() if name.startswith("room")}
        for room in sorted(rooms):
            for user in self._users.values():
                await self._leave(room, user)

    async def _leave(self, room: str, user: User) -> None:
        with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
            url, headers = f"{self._caller.url}/api/rooms/{room}/leave", credentials("bearer", user)
            await self._caller.http.delete(url, headers=headers)

    async def _connect(self, actor: str, step: Step) -> None:
        how = step.connect
        assert isinstance(how, Connect)
        status = await self._admitted((actor, step.tab), how)
        if status != HTTPStatus.SWITCHING_PROTOCOLS:
            await self._refused(actor, how, status)
            return
        link = self._desk.links[actor, step.tab]
        if how.status != HTTPStatus.SWITCHING_PROTOCOLS:
            self._desk.stop(actor, expected=f"status {how.status}", came="status 101", what=["it let the client in"])
        if how.subprotocol is not UNSET and how.subprotocol != link.subprotocol:
            what = [f"the subprotocol {link.subprotocol!r} was echoed"]
            self._desk.stop(actor, expected=str(how.subprotocol), came=str(link.subprotocol), what=what)

    async def _connect_until(self, actor: str, step: Step) -> None:
        how = step.connect_until
        assert isinstance(how, ConnectUntil)
        enter = partial(self._enter, how=Connect(query=how.query))
        await Crowd(self._desk, (actor, step.tab), enter, self._nodes).open(how, self.variables)

    def _asked(self, actor: str, how: Connect) -> tuple[str, dict[str, str]]:
        """The URL and the headers of an upgrade."""
        headers = {**credentials(how.credential, self._users.get(actor)), **filled(how.headers, self.variables)}
        query = f"?{filled(how.query, self.variables)}" if how.query else ""
        return f"{self._caller.url}/ws{query}", headers

    async def _admitted(self, place: Place, how: Connect) -> int:
        """Ask for a connection, again if the server takes none now; the status of the answer."""
        waits = Waits()
        while True:
            status, retry_after = await self._enter(place, how)
            is_full = status in FULL and status != how.status
            seconds = waits.after({"code": "unavailable", "retry_after": retry_after}) if is_full else None
            if seconds is None:
                return status
            await self._desk.obey(seconds, f"status {status}")

    async def _enter(self, place: Place, how: Connect) -> tuple[int, int | None]:
        """Ask for a connection, once: the status of the answer, and its `Retry-After`. With 101 the desk has it."""
        actor, tab = place
        url, headers = self._asked(actor, how)
        try:
            link = await opened(self._caller.http, url, f"{actor} {tab}", headers=headers, protocols=how.subprotocols)
        except aiohttp.WSServerHandshakeError as error:
            if error.status == HTTPStatus.SWITCHING_PROTOCOLS:
                what = ["the server does not upgrade as WebSocket says"]
                self._desk.stop(actor, expected="a connection", came=error.message, what=what)
            asked = error.headers.get(hdrs.RETRY_AFTER, "") if error.headers is not None else ""
            return error.status, int(asked) if asked.isdecimal() else None
        except (aiohttp.ClientError, OSError) as error:
            self._desk.stop(actor, expected="a connection", came=reason(error), what=["the server cannot be reached"])
        has_own_login = how.credential != "none" and hdrs.AUTHORIZATION not in how.headers
        user = self._users.get(actor) if has_own_login else None
        self._desk.open(place, link, user.user_id if user is not None else "")
        return HTTPStatus.SWITCHING_PROTOCOLS, None

    async def _refused(self, actor: str, how: Connect, status: int) -> None:
        if status != how.status:
            what = ["the upgrade was answered otherwise"]
            self._desk.stop(actor, expected=f"status {how.status}", came=f"status {status}", what=what)
        if how.body is UNSET:
            return
        url, headers = self._asked(actor, how)
        body = await refusal_of_upgrade(self._caller.http, url, headers, how.subprotocols)
        found = [str(each) for each in differences(how.body, body, self.variables)]
        if found:
            self._desk.stop(actor, expected=shown(how.body), came=shown(body), what=found)

    async def _send(self, actor: str, step: Step) -> None:
        await self._desk.send((actor, step.tab), filled(step.send, self.variables), step.repeat)

    async def _send_text(self, actor: str, step: Step) -> None:
        assert isinstance(step.send_text, str)
        text = filled(step.send_text, self.variables) * step.fill
        self._desk.books[actor, step.tab].sent_text(text, step.repeat)
        for _ in range(step.repeat):
            await self._desk.links[actor, step.tab].send(text)

    async def _send_bytes(self, actor: str, step: Step) -> None:
        assert isinstance(step.send_bytes, str)
        data = bytes.fromhex(step.send_bytes)
        for _ in range(step.repeat):
            await self._desk.links[actor, step.tab].send(data, is_binary=step.opcode == "binary")

    async def _send_until(self, actor: str, step: Step) -> None:
        assert isinstance(step.send_until, SendUntil)
        await overuse.send_until(self._desk, (actor, step.tab), step.send_until, self.variables)

    async def _expect(self, actor: str, step: Step) -> None:
        assert isinstance(step.expect, dict)
        wants_notice = step.expect.get("type") in self._desk.shapes.notices
        last: list[str] = []
        while True:
            came = await self._desk.next((actor, step.tab), step.patience)
            if not isinstance(came, Came):
                if isinstance(came, Ended) and came.code == CloseCode.OVERLOADED:
                    raise UnfinishedError.full()
                what = last or [f"`{step.expect.get('type')}` did not come"]
                self._desk.stop(actor, expected=shown(step.expect), came=ending(came), what=what)
            is_notice = self._desk.is_passed_over(came.frame)
            if is_notice and not wants_notice:
                continue
            found = self._unlike(step.expect, came)
            if not found:
                if came.frame["type"] == "welcome":
                    self._desk.welcomed((actor, step.tab), came.frame)
                return
            if is_notice:
                last = [f"of the notices that came, the last was {came.text}"]
            elif came.frame.get("type") not in step.skip and not await self._desk.waited((actor, step.tab), came.frame):
                if self._desk.books[actor, step.tab].waits.was_in_doubt and "seq" in came.frame:
                    raise UnfinishedError.in_doubt()
                self._desk.stop(actor, expected=shown(step.expect), came=came.text, what=found)

    def _unlike(self, pattern: Frame, came: Came) -> list[str]:
        """In what a frame is not as expected; if it is, variables take their values."""
        tried = dict(self.variables)
        found = [str(each) for each in differences(pattern, came.frame, tried)]
        if not found:
            self.variables.update(tried)
        elif pattern.get("type") in {"ok", "error"} and "seq" in came.frame:
            return [f"`{came.frame['type']}` came before the reply; a reply comes before the events that it causes"]
        return found

    async def _closed(self, actor: str, step: Step) -> None:
        while True:
            came = await self._desk.next((actor, step.tab), step.patience)
            if isinstance(came, Ended) and came.code == step.closed:
                return
            if isinstance(came, Came):
                is_skipped = self._desk.is_passed_over(came.frame) or came.frame.get("type") in step.skip
                if is_skipped:
                    continue
            came_text = came.text if isinstance(came, Came) else ending(came)
            what = ["the connection was to be closed"]
            self._desk.stop(actor, expected=f"close code {step.closed}", came=came_text, what=what)

    async def _drop(self, actor: str, step: Step) -> None:
        await self._desk.links.pop((actor, step.tab)).drop()

    async def _close(self, actor: str, step: Step) -> None:
        await self._desk.links.pop((actor, step.tab)).close()

    async def _call(self, actor: str, step: Step) -> None:
        assert isinstance(step.http, Http)
        await self._answer(actor, step.http)

    async def _answer(self, actor: str, how: Http) -> Answer:
        """The answer to a call, which is as it must be."""
        answer = await self._caller.call(how, self._users.get(actor), self.variables, self._desk.obey)
        if answer.faults:
            self._desk.stop(actor, expected=f"status {how.status}", came=answer.text, what=answer.faults)
        if isinstance(answer.body, dict):
            self._witness_answer(actor, how, answer)
        return answer

    async def _look(self, actor: str, room: str) -> State | None:
        """What an actor is shown of a room over HTTP; None for one who has logged in at his socket."""
        if actor not in self._users:
            return None
        how = Http(method="GET", path=f"/api/rooms/{room}", response={"state": {"$any": "object"}})
        state: State = (await self._answer(actor, how)).body["state"]
        return state

    def _witness_answer(self, actor: str, how: Http, answer: Answer) -> None:
        witness, user_id = self._desk.witness, str(self.variables.get(actor, ""))
        round_id = _round_in(filled(how.path, self.variables))
        about = {} if round_id is None else {"round_id": round_id}
        found = [*witness.time(answer.body, answer.at), *witness.secrets.leaks(user_id, {**about, **answer.body})]
        self._desk.note(actor, found, answer.text)
        if round_id is not None and "answer_id" in answer.body:
            witness.answered(round_id, user_id, content=answer.sent["answer"], answer_id=answer.body["answer_id"])

    async def _restarted(self, _actor: str, _step: Step) -> None:
        """All connections end with it, in whatever way that server stops."""
        assert self._restart is not None
        await self._restart()
        while self._desk.links:
            await self._desk.links.popitem()[1].close()

    async def _report(self, actor: str, step: Step) -> None:
        await closing.hold_against_snapshot(self._desk, (actor, step.tab), self._look)

    async def _nothing(self, _actor: str, _step: Step) -> None:
        """A step that means something against clients only."""


def _round_in(path: str) -> str | None:
    """The round that a call is about, by its path."""
    _, _, after = path.partition("/rounds/")
    return after.split("/")[0] if after else None
