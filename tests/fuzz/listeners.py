"""A game whose members keep every byte that they are told, over sockets and HTTP, and look whether it tells of authors.

In each round answers are given in any order, by socket or by call; one who joined late, one who comes back on another
connection, and an outsider look on. What they were told until the reveal is searched.
"""

import json
import random
import re
from typing import Any

import aiohttp

from tests.fuzz.backdrop import Backdrop
from tests.leaks import Secret, links, log_links
from tests.scenarios.talker import Talker

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
PLAYERS = 4
ROUNDS_PER_GAME = 20
REPLIES = {"ok", "error", "welcome"}

Orders = tuple[list[str], dict[str, list[str]]]


class Table:
    """One game; `found` holds what told too much."""

    def __init__(self, backdrop: Backdrop, http: aiohttp.ClientSession, rng: random.Random) -> None:
        self._backdrop = backdrop
        self._http = http
        self._rng = rng
        self._opened: list[Talker] = []
        self._called: list[tuple[str, bytes]] = []
        """To whom what was answered over HTTP, since it was searched last."""
        self._told: dict[str, list[str]] = {}
        """What each member was told unasked in this game."""
        self._secrets: dict[str, Secret] = {}
        self._round_path = ""
        self.found: list[str] = []
        self.orders: list[Orders] = []
        """Of each round: answers as they were shown, and in the orders that must not show."""
        self.n_searched = 0

    async def play(self, n_rounds: int) -> None:
        """So many rounds."""
        self._players = [await self._guest() for _ in range(PLAYERS)]
        self._late, self._outsider = await self._guest(), await self._guest()
        host = self._players[0]
        await host.create(total_rounds=ROUNDS_PER_GAME, late_join=True)
        for other in self._players[1:]:
            await other.join(host.room_code)
        await self._listen()
        self._told.clear()
        for number in range(n_rounds):
            round_id = (await host.say("next_round" if number else "start_game"))["round_id"]
            await self._late.join(host.room_code)
            await self._round(round_id)
            # Else he would play in the next one, and not be late.
            await self._late.say("leave_room")
        for talker in self._opened:
            await talker.close()

    async def _guest(self) -> Talker:
        name = f"player {self._rng.getrandbits(80):x}"
        async with self._http.post(f"{self._backdrop.url}/api/auth/guest", json={"display_name": name}) as answer:
            body = await answer.json()
        return await Talker(self._http, self._opened, [self._backdrop.url], body["token"], body["user"]["id"]).open()

    @property
    def _members(self) -> list[Talker]:
        return [*self._players, self._late]

    async def _round(self, round_id: str) -> None:
        self._secrets, self._round_path = {}, f"/api/game/rounds/{round_id}"
        log_start = len(self._backdrop.server.said())
        await self._listen()
        submitted = self._rng.sample(self._players, PLAYERS)
        contents = [f"{self._rng.getrandbits(4 * size):0{size}x}" for size in self._rng.sample(range(20, 60), PLAYERS)]
        for talker, content in zip(submitted[:-1], contents[:-1], strict=True):
            await self._answer(talker, round_id, content)
        await self._look_around()
        await self._search(is_shown=False)
        # The last answer starts the voting.
        await self._answer(submitted[-1], round_id, contents[-1])
        shown = json.loads(await self._call(self._late, "GET", "/answers"))["answers"]
        for talker in self._players[:-1]:
            other = next(one["id"] for one in shown if one["id"] != self._secrets[talker.user_id].answer_id)
            await talker.say("submit_vote", round_id=round_id, answer_id=other)
        await self._look_around()
        await self._search(is_shown=True)
        said = self._backdrop.server.said()[log_start:].encode()
        self.found += [what for line in said.splitlines() for what in log_links(line, list(self._secrets.values()))]
        await self._players[0].say("end_round", round_id=round_id)
        self._note_orders([one["id"] for one in shown], [talker.user_id for talker in submitted])

    async def _listen(self) -> list[tuple[str, bytes]]:
        """To whom what was told since this was last asked."""
        for talker in self._members:
            await talker.say("ping")
            self._called += [(talker.user_id, text.encode()) for text in talker.texts]
            told = [text for text in talker.texts if json.loads(text)["type"] not in REPLIES]
            self._told.setdefault(talker.user_id, []).extend(told)
            talker.texts.clear()
        heard, self._called = self._called, []
        return heard

    async def _answer(self, talker: Talker, round_id: str, content: str) -> None:
        if self._rng.random() < 0.3:
            told = json.loads(await self._call(talker, "POST", "/answer", {"answer": content}))
        else:
            told = await talker.say("submit_answer", round_id=round_id, answer=content)
        if not UUID4.fullmatch(told["answer_id"]):
            self.found.append(f"no id by chance: {told}")
        name = talker.welcome["user"]["display_name"]
        self._secrets[talker.user_id] = Secret(talker.user_id, name, told["answer_id"], content)

    async def _call(self, talker: Talker, method: str, path: str, body: Any = None) -> bytes:
        url = self._backdrop.url + (path if path.startswith("/api") else self._round_path + path)
        headers = {"Authorization": f"Bearer {talker.token}"}
        async with self._http.request(method, url, json=body, headers=headers) as answer:
            self._called.append((talker.user_id, await answer.read()))
        return self._called[-1][1]

    async def _look_around(self) -> None:
        """Every way to look: the state, the answers, again what was sent, and from a new connection."""
        room = f"/api/rooms/{self._players[0].room_code}"
        seen = []
        for talker in (*self._members, self._outsider):
            seen.append(json.loads(await self._call(talker, "GET", room)).get("state", {}))
            await self._call(talker, "GET", "/answers")
        *states, _ = [{name: state[name] for name in state if name not in {"server_time", "you"}} for state in seen]
        if any(state != states[0] for state in states):
            self.found.append(f"members see different states: {states}")
        back = await self._rng.choice(self._members).another()
        stream = (await back.say("join_room"))["state"]["stream"]
        assert (await back.say("resume", stream=stream, last_seq=1))["recovered"]
        self._called += [(back.user_id, text.encode()) for text in back.texts]
        await back.close()

    async def _search(self, *, is_shown: bool) -> None:
        """Look at all that came since the last time, and whether members were told the same."""
        secrets = list(self._secrets.values())
        heard = await self._listen()
        for reader, data in heard:
            self.found += links(data, secrets, reader=reader, is_shown=is_shown)
            self.found += self._of_others(reader, data)
        self.n_searched += len(heard)
        told = [self._told[talker.user_id] for talker in self._players]
        # One may have been told a notice already that is still on its way to another.
        longest = max(told, key=len)
        if any(texts != longest[: len(texts)] for texts in told):
            self.found.append(f"members were told different things: {told}")

    def _of_others(self, reader: str, data: bytes) -> list[str]:
        """`you` is about oneself."""
        value = json.loads(data)
        you = (value.get("state") or value.get("now") or {}).get("you")
        own = self._secrets[reader].answer_id if reader in self._secrets else None
        return [f"told {reader}: {you}"] if you and you["answer_id"] not in {None, own} else []

    def _note_orders(self, shown: list[str], submitted: list[str]) -> None:
        joined = [talker.user_id for talker in self._players]
        orders = {
            "submission": submitted,
            "joining": joined,
            "user ids": sorted(joined),
            "answer ids": sorted(joined, key=lambda user_id: self._secrets[user_id].answer_id),
            "contents": sorted(joined, key=lambda user_id: self._secrets[user_id].content),
            "lengths": sorted(joined, key=lambda user_id: len(self._secrets[user_id].content)),
        }
        ids = {name: [self._secrets[user_id].answer_id for user_id in order] for name, order in orders.items()}
        self.orders.append((shown, ids))
