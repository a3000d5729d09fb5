"""When a story is over: nothing is left unanswered or unsaid, and what was told adds up to what a snapshot shows."""

import asyncio
import copy
import uuid
from collections.abc import Awaitable, Callable
from typing import Final

from votegame.conformance.desk import Desk, Place, ending
from votegame.conformance.link import Came, Ended
from votegame.conformance.same import State, unlike

Look = Callable[[str, str], Awaitable[State | None]]
"""What an actor is shown of a room over HTTP; None for one who has no login there."""

_SETTLING: Final = (0.0, 0.3, 1.5)
"""Seconds to wait for throttled notices before what is known must be what is so."""
_REPLY_SECONDS: Final = 10.0
_LAST_SECONDS: Final = 0.01


async def close(desk: Desk, look: Look) -> None:
    """Look at every connection that is still open. Raises StoppedError."""
    desk.end()
    for place, link in list(desk.links.items()):
        if link.ended is None:
            await hold_against_snapshot(desk, place, look)
    for place, link in desk.links.items():
        if link.ended is None:
            await _last_words(desk, place)
            desk.note(place[0], list(desk.witness.unanswered(desk.books[place])), "")


async def _last_words(desk: Desk, place: Place) -> None:
    """Nothing is left that the story does not name."""
    while (came := await desk.next(place, _LAST_SECONDS)) is not None:
        if isinstance(came, Ended):
            desk.stop(place[0], expected="an open connection", came=ending(came), what=["it was not to be closed"])
        if not desk.is_passed_over(came.frame):
            desk.stop(place[0], expected="nothing more", came=came.text, what=["a frame too much came"])


async def hold_against_snapshot(desk: Desk, place: Place, look: Look) -> None:
    """What a connection knows of its rooms is what a fresh snapshot shows, here and over HTTP. Raises StoppedError."""
    book = desk.books[place]
    for room in sorted(set(book.rooms) - book.left):
        found: list[str] = []
        for seconds in _SETTLING:
            await asyncio.sleep(seconds)
            found = await _unlike(desk, place, room) or await _unlike_over_http(desk, place, room, look)
            if not found:
                break
        desk.note(place[0], found, "")


async def _unlike_over_http(desk: Desk, place: Place, room: str, look: Look) -> list[str]:
    state = await look(place[0], room)
    return [] if state is None else [f"over HTTP {each}" for each in unlike(desk.books[place].rooms[room].state, state)]


async def _unlike(desk: Desk, place: Place, room: str) -> list[str]:
    """In what they differ now."""
    fold = desk.books[place].rooms[room]
    known = copy.deepcopy(fold.state)
    command_id = str(uuid.uuid4())
    await desk.send(place, {"type": "join_room", "id": command_id, "room_code": room})
    while True:
        came = await desk.next(place, _REPLY_SECONDS)
        if not isinstance(came, Came):
            desk.stop(place[0], expected="a snapshot", came=ending(came), what=["`join_room` had no reply"])
        if desk.is_passed_over(came.frame):
            known = copy.deepcopy(fold.state)
        elif came.frame.get("type") == "ok" and came.frame["id"] == command_id:
            # What was known stays so, for the notices that are still to come.
            fold.state = known
            return unlike(known, came.frame["state"])
        elif not await desk.waited(place, came.frame):
            desk.stop(place[0], expected="nothing more", came=came.text, what=["a frame too much came"])
