"""The connections of a story, and what is found on them: what playing steps and looking at the end have in common."""

import asyncio
import json
from typing import Final, NoReturn

from votegame.conformance.findings import Finding, StoppedError
from votegame.conformance.format import Step
from votegame.conformance.frames import Frame
from votegame.conformance.link import Came, Ended, Link
from votegame.conformance.shapes import Shapes
from votegame.conformance.troubles import UncheckedError, UnfinishedError
from votegame.conformance.waiting import Doing, of_server, silent
from votegame.conformance.waits import Waits
from votegame.conformance.witness import Book, Witness

Place = tuple[str, str]
"""An actor, and which of his connections."""

_AT_THE_END: Final = Step(actor="everyone", note="The story is over.", drop=True)


class Desk:
    """Everything that comes is looked at here, once."""

    def __init__(
        self,
        witness: Witness,
        shapes: Shapes,
        patience: float,
        doing: Doing = silent,
        *,
        are_deadlines_told: bool = True,
    ) -> None:
        """A desk without connections.

        Args:
            witness: Looks at everything that comes.
            shapes: The schemas.
            patience: What the seconds are multiplied by after which something has not come.
            doing: Called with what is done, or waited for, from now on.
            are_deadlines_told: Whether the story itself has a deadline changed.
        """
        self.findings: list[Finding] = []
        self._are_deadlines_told = are_deadlines_told
        self.links: dict[Place, Link] = {}
        self.books: dict[Place, Book] = {}
        self.witness = witness
        self.shapes = shapes
        self._patience = patience
        self._doing = doing
        self._limit: asyncio.Timeout | None = None
        self._at = (0, _AT_THE_END)

    def within(self, seconds: float) -> asyncio.Timeout:
        """A context that ends with TimeoutError after so many seconds, and those that the server asks to wait."""
        self._limit = asyncio.timeout(seconds)
        return self._limit

    def begin(self, number: int, step: Step) -> None:
        """A step begins; what is found is found in it."""
        self._at = (number, step)
        for book in self.books.values():
            book.waits = Waits()
        self._doing(of_server(number, step, self._patience))

    def end(self) -> None:
        """All steps are done."""
        self.begin(0, _AT_THE_END)

    def open(self, place: Place, link: Link, user_id: str) -> None:
        """There is a new connection."""
        self.links[place] = link
        self.books[place] = Book(place[0], user_id)

    async def send(self, place: Place, command: Frame, times: int = 1) -> None:
        """Send a command. Raises NotOpenError."""
        self.books[place].sent(command, times)
        for _ in range(times):
            await self.links[place].send(json.dumps(command))

    async def next(self, place: Place, seconds: float) -> Came | Ended | None:
        """What comes next; None when nothing came in time.

        Raises:
            StoppedError: It can never be right.
            UnfinishedError: It is right, but no story that counts events has it.
        """
        came = await self.links[place].next(seconds * self._patience)
        if isinstance(came, Came):
            self.note(place[0], list(self.witness.heard(self.books[place], came)), came.text)
            if came.frame.get("type") == "deadline_changed" and not self._are_deadlines_told:
                raise UnfinishedError.moved()
        return came

    def welcomed(self, place: Place, welcome: Frame) -> None:
        """A connection has a user.

        Raises:
            StoppedError: It is another than the one who logged in.
            UncheckedError: He may not have so many as the story opens.
        """
        book, most = self.books[place], welcome["limits"]["sockets_per_user"]
        if book.user_id not in {"", welcome["user"]["id"]}:
            self.note(place[0], [f"`welcome` is for another user: {welcome['user']['id']}, not {book.user_id}"], "")
        book.user_id = welcome["user"]["id"]
        n_open = [self.books[other].user_id for other in self.links].count(book.user_id)
        if n_open > most:
            raise UncheckedError(f"it needs {n_open} connections of one user, and limits.sockets_per_user is {most}")

    def is_passed_over(self, frame: Frame) -> bool:
        """Notices, of which some may be left out, and what the server has added to the protocol."""
        return frame.get("type") in self.shapes.notices or self.shapes.kind(frame, "ping") is None

    async def waited(self, place: Place, frame: Frame) -> bool:
        """What a client does that is refused for now: it waits, and sends the same again.

        Raises UnfinishedError when it would be too long, at once or in all.
        """
        book = self.books[place]
        command = book.commands.get(str(frame.get("id")))
        if command is None and not book.last_text:
            return False
        seconds = book.waits.after(frame)
        if seconds is None:
            return False
        await self.obey(seconds, f"`{frame['code']}`")
        if command is not None:
            await self.send(place, command)
        else:
            await self.links[place].send(book.last_text)
        return True

    async def obey(self, seconds: float, why: str) -> None:
        """Wait, as the server asks by that; that is no time of the story's own."""
        if self._limit is not None and (end := self._limit.when()) is not None:
            self._limit.reschedule(end + max(0.0, seconds))
        self._doing(f"step {self._at[0]} waits {seconds:g} s, as the server asks ({why})")
        await asyncio.sleep(seconds)
        self._doing(of_server(*self._at, self._patience))

    def note(self, actor: str, what: list[str], came: str) -> None:
        """Stop when something is not as it always must be: what follows would only be more of it."""
        if what:
            self.stop(actor, expected="what is always true", came=came, what=what)

    def find(self, actor: str, *, expected: str, came: str, what: list[str]) -> None:
        """Something is not as it must be."""
        number, step = self._at
        self.findings.append(Finding(number, actor, step.note, expected, came, what))

    def stop(self, actor: str, *, expected: str, came: str, what: list[str]) -> NoReturn:
        """The same, and the story cannot go on."""
        self.find(actor, expected=expected, came=came, what=what)
        raise StoppedError


def ending(came: Ended | None) -> str:
    """What came in place of a frame, in words."""
    if came is None:
        return "nothing in time"
    return "the connection broke" if came.code is None else f"the connection was closed with {came.code}"
