"""A bot at a table of its own, in virtual time."""

import asyncio
import json
import random

import pytest

from tests.serving import ROOT
from votegame.bots.bank import Deck
from votegame.bots.bot import HAND_OVER_SECONDS, Bot, Table
from votegame.client.clock import ServerClock
from votegame.client.room import Room

pytestmark = pytest.mark.looptime
THINKING_SECONDS = HAND_OVER_SECONDS[0]


class Steady(random.Random):
    """Thinks as short as it can, each time."""

    def uniform(self, a: float, _b: float) -> float:
        return a


class Server:
    """Takes every command."""

    def __init__(self) -> None:
        self.commands: list[str] = []

    async def ask(self, command_type, _fields, _kind, taken):
        self.commands.append(command_type)
        taken({"type": "ok"})
        return {"type": "ok"}


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def room(server) -> Room:
    """A lobby in which a bot is host, and one person is there."""
    ok = json.loads((ROOT / "protocol/examples/ok.create_room.json").read_text())
    (host,) = ok["state"]["members"]
    room = Room(server, ServerClock(), host["user_id"], lambda: None)
    room.attached(ok)
    told = {"type": "player_joined", "room_code": room.code, "seq": ok["state"]["seq"] + 1, "server_time": 1}
    room.take({**told, "user_id": "person", "display_name": "Ada", "role": "player"})
    return room


def left(room: Room) -> dict:
    told = {"type": "player_left", "room_code": room.code, "seq": room.view.seq + 1, "server_time": 1}
    return {**told, "user_id": "person", "host_id": room.user_id, "reason": "left"}


def a_bot(room: Room) -> Bot:
    return Bot(Table(Deck(random.Random(1)), Steady(1), 1.0, {room.user_id}), "Bob (bot)")


async def test_a_bot_that_is_host_hands_over_to_a_person(server, room):
    taking_part = asyncio.create_task(a_bot(room)._take_part(room))
    await asyncio.sleep(THINKING_SECONDS + 0.1)
    assert server.commands == ["transfer_host"]
    taking_part.cancel()


async def test_what_makes_no_sense_any_more_at_the_moment_of_doing_it_is_not_done(server, room):
    taking_part = asyncio.create_task(a_bot(room)._take_part(room))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(THINKING_SECONDS, lambda: room.take(left(room)))
    await asyncio.sleep(THINKING_SECONDS + 0.1)
    assert server.commands == []
    assert not taking_part.done()
    taking_part.cancel()
