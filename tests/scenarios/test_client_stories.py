"""`votegame.client` against the scripted server: each transcript for clients, by its public methods alone."""

import asyncio

import msgspec
import pytest

from tests.scenarios.test_client_conformance import SLOW, STORIES, hosting
from votegame.client import Client, ClientError, Room, Waits

WAITS = Waits(first=0.6, settled=0.0)
SLOW_WAITS = Waits(first=0.6, later=(0.8, 1.0))
"""A minute is three seconds."""
QUICK = {"whole_game", "client_host", "client_lost_reply", "client_hole", "client_missed_events", "client_flagged"}
"""Stories in which nothing has to be waited for long."""


class Driver:
    """Has a client do what the cues say; the loop of `run` is all that is asked of a driver."""

    def __init__(self, http, url: str, waits: Waits) -> None:
        self._http, self._url = http, url
        self._client = Client(url, waits=waits)
        self._room: Room | None = None
        self._doing: asyncio.TaskGroup | None = None

    async def run(self) -> dict:
        async with self._client, asyncio.TaskGroup() as self._doing:
            while True:
                async with self._http.get(f"{self._url}/cue") as answer:
                    told = await answer.json()
                if "done" in told:
                    await self._client.close()
                    return told
                await self._do(told["cue"])

    async def _do(self, cue: dict | None) -> None:
        match cue:
            case {"type": "connect", "display_name": display_name}:
                await self._client.guest(display_name)
            case {"type": "report"}:
                async with self._http.post(f"{self._url}/state", json=msgspec.to_builtins(self._room.view)):
                    pass
            case {"type": command_type, **fields}:
                self._doing.create_task(self._command(command_type, fields))

    async def _command(self, command_type: str, fields: dict) -> None:
        """As a program would: its caller waits, however often the client has to ask for it."""
        try:
            match command_type:
                case "create_room":
                    self._room = await self._client.create_room(**fields.get("settings", {}))
                case "join_room":
                    self._room = await self._client.join_room(**fields)
                case "leave_room":
                    await self._room.leave()
                case "update_settings":
                    await self._room.update_settings(**fields["settings"])
                case _:
                    del fields["room_code"]
                    await getattr(self._room, command_type)(**fields)
        except ClientError:
            pass  # what was refused, the story knows


async def pass_all(names, waits) -> None:
    async with hosting(*names) as (url, http, results):
        outcomes = await asyncio.gather(*(Driver(http, f"{url}/{name}", waits).run() for name in names))
    assert [each["differences"] for each in outcomes if each["differences"]] == []
    assert {name: result.outcome for name, result in results.items()} == dict.fromkeys(names, "passed")


@pytest.mark.parametrize(("names", "waits"), [(QUICK, WAITS), (SLOW, SLOW_WAITS)], ids=["quick", "slow"])
async def test_the_client_passes_the_stories(names, waits):
    await pass_all(names, waits)


@pytest.mark.long
async def test_the_client_passes_every_story():
    await pass_all(STORIES.keys() - SLOW, WAITS)
