"""Too many at once: in one room, at the door, or everybody in the last moment."""

import asyncio
import logging
import random
import time

import pytest

from tests.bots import Manners, Player, TableOfPlayers, sit_down
from tests.chaos.party import Party
from tests.chaos.report import quantile, times_by_kind

pytestmark = [pytest.mark.long, pytest.mark.alone]

IN_GAMES = {"submit_answer", "submit_vote", "start_voting", "end_round", "next_round", "start_game"}
ROOMS = 60
PLAYERS = 4
PHASE_SECONDS = 10
EARLY_SECONDS = 0.3
"""So that most are in time also where the machine is slow; the clock ends the phase 200 ms after the deadline."""


log = logging.getLogger(__name__)


def tell(what, times):
    """For those who look (`pytest --log-cli-level=INFO`): nothing here may depend on what else the machine does."""
    log.info("%s: %d replies, p99 %.0f ms", what, len(times), quantile(times, 0.99) * 1000)


def tell_times(judged):
    for kind, times in times_by_kind(judged).items():
        tell(kind or "between faults", times)


@pytest.mark.timeout(120)
async def test_games_go_on_while_logins_hold_every_connection_for_requests(cluster, seed):
    async with Party(cluster, seed=seed) as party:
        await party.begun()
        await party.suffer("held requests")
        judged = await party.end()
    tell_times(judged)
    assert not judged.violations, "\n".join(judged.violations[:20])
    (fault,) = judged.faults
    refused = [frame for client in judged.clients for frame in refusals(client, fault.start, fault.end)]
    assert not refused
    assert len(times_by_kind(judged)["held requests"]) > 20, "hardly anyone played"


def refusals(client, start, end):
    """The errors that were no fault of the player's, to commands of games on a connection that was there already."""
    sent = {}
    for kind, connection, at, content in client.history:
        if kind == "sent" and content["type"] in IN_GAMES:
            sent[connection, content["id"]] = at
        elif kind == "got" and content.get("code") in {"unavailable", "internal"}:
            yield from [content] if start <= sent.get((connection, content["id"]), 0.0) <= end else []


@pytest.mark.timeout(120)
async def test_a_flood_in_one_room_is_bounded_and_leaves_the_others_their_game(cluster, seed):
    async with Party(cluster, seed=seed) as party:
        await party.begun()
        await party.suffer("far Postgres")
        await party.suffer("flood")
        judged = await party.end()
    tell_times(judged)
    assert not judged.violations, "\n".join(judged.violations[:20])
    assert len(times_by_kind(judged)["flood"]) > 20, "hardly anyone played"


@pytest.mark.timeout(120)
async def test_crowds_at_the_door_leave_the_games_alone(cluster, seed):
    async with Party(cluster, seed=seed) as party:
        await party.begun()
        await party.suffer("newcomers")
        judged = await party.end()
    tell_times(judged)
    assert not judged.violations, "\n".join(judged.violations[:20])
    assert len(times_by_kind(judged)["newcomers"]) > 20, "hardly anyone played"


class Moment:
    """When everybody acts: just before the earliest deadline that anybody was told."""

    def __init__(self, n_tables: int) -> None:
        self._n_tables = n_tables
        self._all_seated = asyncio.Event()
        self._deadlines: dict[str, float] = {}
        self.acts: list[tuple[str, float]] = []

    async def all_are_seated(self) -> None:
        self._n_tables -= 1
        if self._n_tables == 0:
            self._all_seated.set()
        await self._all_seated.wait()

    async def comes(self, phase: str, deadline_ms: int) -> None:
        self._deadlines[phase] = min(deadline_ms / 1000, self._deadlines.get(phase, deadline_ms / 1000))
        while (left := self._deadlines[phase] - EARLY_SECONDS - time.time()) > 0:
            # Others may be told of an earlier one yet, but not that late.
            await asyncio.sleep(left if left < 1.0 else left - 0.9)
        self.acts.append((phase, time.monotonic()))


class LastMomentPlayer(Player):
    """Answers and votes when the moment comes."""

    moment: Moment

    async def _do(self, stage):
        match stage[1]:
            case "lobby":
                await self.moment.all_are_seated()
            case "answering" | "voting":
                await self.moment.comes(stage[1], self.fold.state["round"]["deadline"])
        await super()._do(stage)


class LastMomentTable(TableOfPlayers):
    """A room in which everybody waits for the moment, once to answer and once to vote."""

    def __init__(self, urls, seed, moment):
        super().__init__(urls, seed, rounds=1, answer_seconds=PHASE_SECONDS, vote_seconds=PHASE_SECONDS)
        manners = Manners(patience=0.0, hurries=0.0)
        self.players = [
            LastMomentPlayer(urls, f"L{seed}-{n}", random.Random(f"{seed} {n}"), players=PLAYERS, manners=manners)
            for n in range(PLAYERS)
        ]
        for player in self.players:
            player.moment = moment

    async def play(self):
        for player in self.players:
            await player.enter()
        async with asyncio.TaskGroup() as group:
            await sit_down(group, self.players, **self._settings)


@pytest.mark.timeout(180)
async def test_everybody_acts_in_the_last_moment_and_no_vote_is_lost(cluster, seed):
    urls = [node.server.url for node in cluster.members]
    moment = Moment(ROOMS)
    async with Party(cluster, seed=seed, tables=0, locals_=0) as party:
        party.tables += [LastMomentTable(urls, seed * 1_000 + number, moment) for number in range(ROOMS)]
        async with asyncio.timeout(120):
            await asyncio.gather(*(table.play() for table in party.tables))
        judged = await party.end()
    assert not judged.violations, "\n".join(judged.violations[:20])
    acts = [*replies(judged.clients)]
    for kind, phase in (("submit_answer", "answering"), ("submit_vote", "voting")):
        began = sorted(at for of, at in moment.acts if of == phase)
        taken = [took for of, code, took in acts if (of, code) == (kind, "ok")]
        log.info("%s: sent within %.0f ms", kind, (began[-1] - began[0]) * 1000)
        tell(kind, taken)
        assert len(began) == len([kind for of, _, _ in acts if of == kind]) == ROOMS * PLAYERS
        assert len(taken) > ROOMS, "hardly anyone was in time"
    in_log = sum(row["type"] == "vote_submitted" for row in judged.logs.all_rows())
    assert in_log >= len([kind for kind, code, _ in acts if (kind, code) == ("submit_vote", "ok")])


def replies(clients):
    """What became of each answer and vote: the command, `ok` or a code, and how long it took."""
    for client in clients:
        sent = {}
        for kind, _, at, frame in client.history:
            if kind == "sent" and frame["type"] in {"submit_answer", "submit_vote"}:
                sent.setdefault(frame["id"], (frame["type"], at))
            elif (
                kind == "got"
                and frame["type"] in {"ok", "error"}
                and frame["id"] in sent
                and not frame.get("retryable")
            ):
                command, since = sent.pop(frame["id"])
                yield command, frame.get("code", "ok"), at - since
