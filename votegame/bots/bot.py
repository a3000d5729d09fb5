"""One bot: a guest at a table who does what people do, at the pace of people, by `votegame.client` alone.

It looks at the room; when there is something for it to do, it thinks for a while, and does it if that still makes
sense.
"""

import asyncio
import contextlib
import random
from typing import Any, Final, NamedTuple

from votegame import tasks
from votegame.bots.bank import Deck, is_bot_name
from votegame.client import Client, ClientError, CommandRefused, ConnectionLost, Room, RoomEnded, RoomView, RoundEnded
from votegame.client.commands import ReactionName

ANSWER_SECONDS: Final = (4.0, 18.0)
VOTE_SECONDS: Final = (3.0, 10.0)
HAND_OVER_SECONDS: Final = (1.0, 3.0)
REACT_SECONDS: Final = (1.0, 5.0)
DESERTED_SECONDS: Final = 60.0
"""How long bots stay among themselves."""
LEAVING_SECONDS: Final = 3.0
_LEAST_LEFT: Final = 0.7
"""Of the time that is left a bot uses no more than this share."""
_REACTS: Final = 0.3
_REACTIONS: Final[tuple[ReactionName, ...]] = ("applause", "laugh", "heart", "surprise", "fire", "thumbs_up")


class Table(NamedTuple):
    """What the bots of one room share.

    Attributes:
        deck: Their answers.
        rng: Their chance.
        pace: What each wait is multiplied by.
        user_ids: Who of the members is a bot.
    """

    deck: Deck
    rng: random.Random
    pace: float
    user_ids: set[str]


class Bot:
    """One bot, from its coming to its going."""

    def __init__(self, table: Table, name: str) -> None:
        self.name = name
        self._table = table

    async def play(self, url: str, code: str) -> str:
        """Join, play until the room is over, and leave; returns why it is over. Raises ClientError."""
        async with Client(url) as client:
            login = await client.guest(self.name)
            self._table.user_ids.add(login.user.id)
            room = await _joined(client, code)
            reacting = tasks.start(self._react(room), name=f"{self.name}: reacting")
            try:
                await self._take_part(room)
            finally:
                await tasks.end([reacting])
                await _leave(room)
            return room.ended or "deserted"

    async def _take_part(self, room: Room) -> None:
        """Do what there is to do, one thing after another; returns when there is nothing more to do here."""
        while room.ended is None and room.view.phase != "closed":
            todo = self._todo(room)
            try:
                async with asyncio.timeout(self._thinking(room, todo)):
                    await _changed(room)
            except TimeoutError:
                if self._todo(room) != todo:
                    continue  # It has changed at this very moment.
                if todo == "go":
                    return
                await self._do(room, todo)
            except RoomEnded:
                return

    def _todo(self, room: Room) -> str:
        view = room.view
        if not self._people(view):
            return "go"
        if room.is_host:
            return "hand over"
        return "answer" if view.may_answer else "vote" if view.may_vote and view.others_answers else ""

    def _people(self, view: RoomView) -> list[str]:
        """Members who are no bots, those who could be host first."""
        bots = self._table.user_ids
        people = [
            one
            for one in view.members
            if one.connected and one.user_id not in bots and not is_bot_name(one.display_name)
        ]
        return [one.user_id for one in sorted(people, key=lambda one: one.role != "player")]

    def _thinking(self, room: Room, todo: str) -> float | None:
        """How long it takes to do that, in seconds; None when there is nothing to do but to look."""
        if todo == "go":
            return DESERTED_SECONDS * self._table.pace
        seconds = {"answer": ANSWER_SECONDS, "vote": VOTE_SECONDS, "hand over": HAND_OVER_SECONDS}.get(todo)
        if seconds is None:
            return None
        wait = self._table.rng.uniform(*seconds) * self._table.pace
        left = room.seconds_left
        return wait if left is None else min(wait, left * _LEAST_LEFT * self._table.rng.uniform(0.5, 1.0))

    async def _do(self, room: Room, todo: str) -> None:
        # What is refused comes too late: the game has moved on, and so does the bot.
        with contextlib.suppress(CommandRefused):
            match todo:
                case "answer":
                    await room.submit_answer(self._table.deck.draw(room.view.settings.language))
                case "vote":
                    await room.submit_vote(self._table.rng.choice(room.view.others_answers).id)
                case "hand over":
                    await room.transfer_host(self._people(room.view)[0])

    async def _react(self, room: Room) -> None:
        """Now and then show how one feels, when authors are known: before, it could tell whose answer is whose."""
        with contextlib.suppress(ClientError):  # it ends with the client, and the rest of the bot knows why
            async for event in room:
                if isinstance(event, RoundEnded) and self._table.rng.random() < _REACTS:
                    await asyncio.sleep(self._table.rng.uniform(*REACT_SECONDS) * self._table.pace)
                    await self._show(room)

    async def _show(self, room: Room) -> None:
        with contextlib.suppress(ConnectionLost, CommandRefused):
            await room.react(self._table.rng.choice(_REACTIONS))


def _look(view: RoomView) -> tuple[Any, ...]:
    """All of the room that a bot cares for: when it changes, there may be something else to do."""
    current = view.round
    members = tuple((one.user_id, one.connected) for one in view.members)
    stage = (view.phase, current and current.round_id, current and current.deadline)
    return (*stage, view.may_answer, view.may_vote, view.host_id, members)


async def _joined(client: Client, code: str) -> Room:
    """Join; who is ended meanwhile gives back the seat that he gets all the same."""
    joining = asyncio.create_task(client.join_room(code), name="bot: joining")
    try:
        return await asyncio.shield(joining)
    except asyncio.CancelledError:
        with contextlib.suppress(ClientError, TimeoutError):
            async with asyncio.timeout(LEAVING_SECONDS):
                await _leave(await joining)
        raise


async def _changed(room: Room) -> None:
    """Wait until there may be something else to do."""
    seen = _look(room.view)
    await room.until(lambda view: _look(view) != seen)


async def _leave(room: Room) -> None:
    """Give the seat back, unless that takes long."""
    if room.ended is None:
        with contextlib.suppress(ClientError, TimeoutError):
            async with asyncio.timeout(LEAVING_SECONDS):
                await room.leave()
