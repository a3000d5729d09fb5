"""Plays one story against a server: does what its steps say, one after another, and compares what comes.

The first step that does not come out as it is written ends the story, since nothing after it would mean anything. What
is always true of a server is looked at with every frame, by the `Witness`; and when all is played, what each connection
has made of its frames must be what a fresh snapshot shows.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, Final, NoReturn

import aiohttp
from msgspec import UNSET

from votegame.conformance.cast import User
from votegame.conformance.findings import Finding
from votegame.conformance.format import Connect, Step, Transcript
from votegame.conformance.http import call, credentials
from votegame.conformance.link import Came, Ended, Link, NotOpenError, opened
from votegame.conformance.matcher import Variables, differences, filled
from votegame.conformance.same import unlike
from votegame.conformance.shapes import Shapes
from votegame.conformance.witness import Book, Frame, Witness

Place = tuple[str, str]
"""An actor, and which of his connections."""

Restart = Callable[[], Awaitable[None]]

_LONGEST_WAIT: Final = 15.0
_SWITCHING: Final = 101
_SETTLING: Final = (0.0, 0.3, 1.5)
"""Seconds to wait for throttled notices before what is known must be what is so."""


class StoppedError(Exception):
    """The story cannot go on; there is a finding that says why."""


class Player:
    """One playing of one story."""

    def __init__(
        self,
        transcript: Transcript,
        *,
        http: aiohttp.ClientSession,
        url: str,
        users: dict[str, User],
        shapes: Shapes,
        witness: Witness,
        restart: Restart | None = None,
        patience: float = 1.0,
    ) -> None:
        self.findings: list[Finding] = []
        self.variables: Variables = {}
        self._transcript = transcript
        self._http = http
        self._url = url
        self._users = users
        self._shapes = shapes
        self._witness = witness
        self._restart = restart
        self._patience = patience
        self._links: dict[Place, Link] = {}
        self._books: dict[Place, Book] = {}
        self._at = (0, Step(actor="nobody", drop=True))
        for name, user in users.items():
            self.variables |= {name: user.user_id, f"{name}_token": user.token, f"{name}_name": user.display_name}
            witness.secrets.knows_user(user.user_id, user.display_name)

    async def play(self) -> list[Finding]:
        """Play the story; returns what is not as it must be."""
        async with self._cleaning_up():
            try:
                for number, step in enumerate(self._transcript.steps, start=1):
                    self._at = (number, step)
                    for actor in step.actors or [""]:
                        await _ACTIONS[step.action](self, actor, step)
                self._at = (0, Step(actor="everyone", note="The story is over.", drop=True))
                await self._epilogue()
            except StoppedError:
                pass
            except NotOpenError:
                self._find("", expected="an open connection", came="it is closed", what=["the connection is over"])
        return self.findings

    @contextlib.asynccontextmanager
    async def _cleaning_up(self) -> AsyncIterator[None]:
        """Leave nothing behind: connections are closed, rooms are left."""
        try:
            yield
        finally:
            for link in self._links.values():
                await link.close()
            rooms = {room for book in self._books.values() for room in book.rooms}
            rooms |= {value for name, value in self.variables.items() if name.startswith("room")}
            for room in sorted(rooms):
                for user in self._users.values():
                    await self._leave(room, user)

    async def _leave(self, room: str, user: User) -> None:
        headers = {"Authorization": f"Bearer {user.token}"}
        with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
            await self._http.delete(f"{self._url}/api/rooms/{room}/leave", headers=headers)

    # What steps do.

    async def _connect(self, actor: str, step: Step) -> None:
        how = step.connect
        assert isinstance(how, Connect)
        place = (actor, step.tab)
        headers = {**credentials(how.credential, self._users.get(actor)), **filled(how.headers, self.variables)}
        query = f"?{filled(how.query, self.variables)}" if how.query else ""
        try:
            link = await opened(
                self._http,
                f"{self._url}/ws{query}",
                "/".join(filter(None, place)),
                headers=headers,
                protocols=how.subprotocols,
            )
        except aiohttp.WSServerHandshakeError as error:
            self._refused(actor, how, error.status, await self._body_of_refusal(how, headers, query))
            return
        except (aiohttp.ClientError, OSError) as error:
            self._stop(actor, expected="a connection", came=str(error), what=["the server cannot be reached"])
        user = self._users.get(actor)
        self._links[place] = link
        self._books[place] = Book(actor, user.user_id if user is not None else "")
        if how.status != _SWITCHING:
            self._stop(actor, expected=f"status {how.status}", came="status 101", what=["it let the client in"])
        if how.subprotocol is not UNSET and how.subprotocol != link.subprotocol:
            what = [f"the subprotocol {link.subprotocol!r} was echoed"]
            self._stop(actor, expected=str(how.subprotocol), came=str(link.subprotocol), what=what)

    async def _body_of_refusal(self, how: Connect, headers: dict[str, str], query: str) -> Any:
        """What a refused upgrade says, which aiohttp does not show: ask once more, and read it."""
        if how.body is UNSET:
            return None
        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            **({"Sec-WebSocket-Protocol": ", ".join(how.subprotocols)} if how.subprotocols else {}),
        }
        async with self._http.get(f"{self._url}/ws{query}", headers={**upgrade, **headers}) as answer:
            return json.loads(await answer.read() or b"null")

    def _refused(self, actor: str, how: Connect, status: int, body: Any) -> None:
        expected = f"status {how.status}"
        if status != how.status:
            self._stop(actor, expected=expected, came=f"status {status}", what=["the upgrade was answered otherwise"])
        if how.body is not UNSET:
            self._compare(actor, how.body, body)

    async def _send(self, actor: str, step: Step) -> None:
        command = filled(step.send, self.variables)
        self._book(actor, step).sent(command, step.repeat)
        for _ in range(step.repeat):
            await self._link(actor, step).send(json.dumps(command))

    async def _send_text(self, actor: str, step: Step) -> None:
        assert isinstance(step.send_text, str)
        self._book(actor, step).sent_text(filled(step.send_text, self.variables), step.repeat)
        for _ in range(step.repeat):
            await self._link(actor, step).send(filled(step.send_text, self.variables) * step.fill)

    async def _send_bytes(self, actor: str, step: Step) -> None:
        assert isinstance(step.send_bytes, str)
        data = bytes.fromhex(step.send_bytes)
        for _ in range(step.repeat):
            await self._link(actor, step).send(data, is_binary=step.opcode == "binary")

    async def _expect(self, actor: str, step: Step) -> None:
        assert isinstance(step.expect, dict)
        wants_notice = step.expect.get("type") in self._shapes.notices
        last: list[str] = []
        while True:
            came = await self._next(actor, step)
            if not isinstance(came, Came):
                self._stop(actor, expected=_shown(step.expect), came=_ending(came), what=last)
            is_notice = self._is_passed_over(came.frame)
            if step.quiet and is_notice:
                self._stop(actor, expected="nothing before it", came=came.text, what=["a notice came"])
            if is_notice and not wants_notice:
                continue
            tried = dict(self.variables)
            found = [str(each) for each in differences(step.expect, came.frame, tried)]
            if not found:
                self.variables.update(tried)
                return
            if came.frame.get("type") in step.skip or await self._waited(actor, step, came.frame):
                continue
            if not is_notice:
                self._stop(actor, expected=_shown(step.expect), came=came.text, what=_explained(step, came, found))
            last = [f"of the notices that came, the last was {came.text}"]

    def _is_passed_over(self, frame: Frame) -> bool:
        """Notices, of which some may be left out, and what the server has added to the protocol."""
        return frame.get("type") in self._shapes.notices or self._shapes.kind(frame, "ping") is None

    async def _waited(self, actor: str, step: Step, frame: Frame) -> bool:
        """What a client does that was too fast: it waits as it is told, and sends the same again."""
        is_limited = frame.get("code") == "rate_limited"
        if not is_limited or step.expect.get("code") == "rate_limited":  # type: ignore[union-attr]
            return False
        book = self._book(actor, step)
        command = book.commands.get(str(frame.get("id")))
        if command is None or frame["retry_after"] > _LONGEST_WAIT:
            return False
        await asyncio.sleep(frame["retry_after"])
        book.sent(command)
        await self._link(actor, step).send(json.dumps(command))
        return True

    async def _closed(self, actor: str, step: Step) -> None:
        while True:
            came = await self._next(actor, step)
            if isinstance(came, Ended) and came.code == step.closed:
                return
            is_skipped = isinstance(came, Came) and (
                self._is_passed_over(came.frame) or came.frame.get("type") in step.skip
            )
            if not is_skipped:
                came_text = came.text if isinstance(came, Came) else _ending(came)
                what = ["the connection was to be closed"]
                self._stop(actor, expected=f"close code {step.closed}", came=came_text, what=what)

    async def _drop(self, actor: str, step: Step) -> None:
        await self._links.pop((actor, step.tab)).drop()

    async def _close(self, actor: str, step: Step) -> None:
        await self._links.pop((actor, step.tab)).close()

    async def _call(self, actor: str, step: Step) -> None:
        answer = await call(self._http, self._url, step.http, self._users.get(actor), self.variables)  # type: ignore[arg-type]
        if answer.faults:
            self._stop(actor, expected=f"status {step.http.status}", came=answer.text, what=answer.faults)  # type: ignore[union-attr]
        body = answer.body
        if isinstance(body, dict) and "state" in body:
            self._note(actor, list(self._witness.secrets.leaks(actor, body)), answer.text)
            fault = self._shapes.fault("state", body["state"])
            self._note(actor, [f"`state` is not as its schema says: {fault}"] if fault else [], answer.text)
        if isinstance(body, dict) and "answer_id" in body:
            sent = answer.sent
            round_id = step.http.path.split("/rounds/")[1].split("/")[0]  # type: ignore[union-attr]
            self._witness.answered(filled(round_id, self.variables), sent["answer"], body["answer_id"])

    async def _restarted(self, _actor: str, _step: Step) -> None:
        """All connections end with it, in whatever way that server stops."""
        assert self._restart is not None
        await self._restart()
        while self._links:
            await self._links.popitem()[1].close()

    async def _report(self, actor: str, step: Step) -> None:
        await self._hold_against_snapshot((actor, step.tab))

    async def _nothing(self, _actor: str, _step: Step) -> None:
        """A step that means something against clients only."""

    # When all is played.

    async def _epilogue(self) -> None:
        for place, link in list(self._links.items()):
            if link.ended is None:
                await self._hold_against_snapshot(place)
        for place, link in self._links.items():
            while (came := await link.next(0.0 if link.ended else 0.01)) is not None and isinstance(came, Came):
                self._look(place, came)
                if not self._is_passed_over(came.frame):
                    self._find(place[0], expected="nothing more", came=came.text, what=["a frame too much came"])
            if link.ended is None:
                self._note(place[0], list(self._witness.unanswered(self._books[place])), "")

    async def _hold_against_snapshot(self, place: Place) -> None:
        """What a connection knows of its rooms is what a fresh snapshot shows."""
        book = self._books[place]
        for room in sorted(set(book.rooms) - book.left):
            found: list[str] = []
            for seconds in _SETTLING:
                await asyncio.sleep(seconds)
                found = await self._unlike(place, room)
                if not found:
                    break
            self._note(place[0], found, "")

    async def _unlike(self, place: Place, room: str) -> list[str]:
        book = self._books[place]
        known = json.loads(json.dumps(book.rooms[room].state))
        step = Step(actor=place[0], tab=place[1], send={"type": "join_room", "id": "$new_", "room_code": room})
        self.variables.pop("new_", None)
        await self._send(place[0], step)
        while True:
            came = await self._next(place[0], step)
            if not isinstance(came, Came):
                self._stop(place[0], expected="a snapshot", came=_ending(came), what=["`join_room` had no reply"])
            if self._is_passed_over(came.frame):
                known = json.loads(json.dumps(book.rooms[room].state))
            elif await self._waited(place[0], Step(actor=place[0], tab=place[1], expect={}), came.frame):
                continue
            elif came.frame.get("type") == "ok":
                # What was known stays so, for the notices that are still to come.
                book.rooms[room].state = known
                return unlike(known, came.frame["state"])
            else:
                self._stop(place[0], expected="nothing more", came=came.text, what=["a frame too much came"])

    # The means.

    def _link(self, actor: str, step: Step) -> Link:
        return self._links[actor, step.tab]

    def _book(self, actor: str, step: Step) -> Book:
        return self._books[actor, step.tab]

    async def _next(self, actor: str, step: Step) -> Came | Ended | None:
        place = (actor, step.tab)
        came = await self._links[place].next(step.patience * self._patience)
        if isinstance(came, Came):
            self._look(place, came)
        return came

    def _look(self, place: Place, came: Came) -> None:
        self._note(place[0], list(self._witness.heard(self._books[place], came)), came.text)

    def _compare(self, actor: str, pattern: Any, value: Any) -> None:
        found = [str(each) for each in differences(pattern, value, self.variables)]
        if found:
            self._stop(actor, expected=_shown(pattern), came=json.dumps(value), what=found)

    def _note(self, actor: str, what: list[str], came: str) -> None:
        """Stop when something is not as it always must be: what follows would only be more of it."""
        if what:
            self._stop(actor, expected="what is always true", came=came, what=what)

    def _find(self, actor: str, *, expected: str, came: str, what: list[str]) -> None:
        number, step = self._at
        self.findings.append(Finding(number, actor, step.note, expected, came, what))

    def _stop(self, actor: str, *, expected: str, came: str, what: list[str]) -> NoReturn:
        self._find(actor, expected=expected, came=came, what=what)
        raise StoppedError


_ACTIONS: Final[dict[str, Callable[[Player, str, Step], Awaitable[None]]]] = {
    "connect": Player._connect,  # noqa: SLF001 - the table of the class's own
    "send": Player._send,  # noqa: SLF001
    "send_text": Player._send_text,  # noqa: SLF001
    "send_bytes": Player._send_bytes,  # noqa: SLF001
    "expect": Player._expect,  # noqa: SLF001
    "closed": Player._closed,  # noqa: SLF001
    "drop": Player._drop,  # noqa: SLF001
    "close": Player._close,  # noqa: SLF001
    "http": Player._call,  # noqa: SLF001
    "restart": Player._restarted,  # noqa: SLF001
    "report": Player._report,  # noqa: SLF001
    "stays_away": Player._nothing,  # noqa: SLF001
}


def _shown(pattern: Any) -> str:
    return json.dumps(pattern, ensure_ascii=False)


def _ending(came: Ended | None) -> str:
    if came is None:
        return "nothing in time"
    return "the connection broke" if came.code is None else f"the connection was closed with {came.code}"


def _explained(step: Step, came: Came, found: Iterable[str]) -> list[str]:
    wanted = step.expect.get("type") if isinstance(step.expect, dict) else None
    if wanted in {"ok", "error"} and "seq" in came.frame:
        return [f"`{came.frame['type']}` came before the reply; a reply comes before the events that it causes"]
    return list(found)
