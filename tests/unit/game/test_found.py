"""What turns find for those that come after them."""

import random

import pytest

from tests.played import PlayedRoom
from votegame.game import commands
from votegame.game.found import Recall, RoundPlayers
from votegame.game.records import Cause
from votegame.game.remembered import FirstOk, Remembered

TEN_MINUTES_MS = 600_000
USER = "u" * 36


def one_more(memory, command_id, now):
    """The memory after a command that was taken at `now`."""
    cause, first = Cause(USER, command_id, "d"), FirstOk("d", now)
    return memory.with_command(cause, first, since_ms=now - TEN_MINUTES_MS)


def test_the_players_of_a_round_are_found_anew_when_somebody_leaves():
    room, players = PlayedRoom(), RoundPlayers()
    ben, cleo = room.a_user("Ben"), room.a_user("Cleo")
    room.say(ben, commands.JoinRoom)
    room.say(cleo, commands.JoinRoom)
    room.say(room.host, commands.StartGame)
    before = players.of(room.state, room.state.phase)
    room.say(ben, commands.SubmitAnswer, answer="A")
    assert players.of(room.state, room.state.phase) is before == {user.user_id for user in (room.host, ben, cleo)}
    room.say(cleo, commands.LeaveRoom)
    assert players.of(room.state, room.state.phase) == before - {cleo.user_id}


@pytest.mark.parametrize("pace_ms", [100, 400, 5_000])
def test_what_is_recalled_is_what_is_remembered(pace_ms):
    """At a pace at which the index grows, at one at which it comes and goes, and at one at which there is none."""
    chance, memory, recall, now = random.Random(pace_ms), Remembered(), Recall(), TEN_MINUTES_MS
    for _ in range(9_000):
        now += chance.choice([pace_ms, 2 * pace_ms, 0, -3])
        command_id = f"c{chance.randrange(12_000)}"
        since_ms = now - TEN_MINUTES_MS
        found = recall.find(memory, USER, command_id, since_ms=since_ms)
        assert found is memory.find(USER, command_id, since_ms=since_ms)
        after = memory if found else one_more(memory, command_id, now)
        # Of some turns nothing comes, and the next one begins where they began.
        if chance.random() < 0.9:
            memory = after
        else:
            recall.find(after, USER, command_id, since_ms=since_ms)


@pytest.mark.parametrize("seed", [4, 36])
def test_what_is_recalled_is_what_is_remembered_when_the_clock_is_set(seed):
    """Stretches are let go of that are not the oldest then, and an id that they had may be known from before them."""
    chance, memory, recall, now = random.Random(seed), Remembered(), Recall(), 10 * TEN_MINUTES_MS
    for _ in range(9_000):
        is_set = chance.random() < 0.002
        now += chance.choice([-700_000, -100_000, 100_000, 500_000, 700_000] if is_set else [400, 800, 0, -3])
        command_id = f"c{chance.randrange(3_000)}"
        found = recall.find(memory, USER, command_id, since_ms=now - TEN_MINUTES_MS)
        assert found is memory.find(USER, command_id, since_ms=now - TEN_MINUTES_MS)
        memory = memory if found else one_more(memory, command_id, now)


def test_what_is_let_go_of_is_not_kept_for_recalling_it():
    memory, recall, kept = Remembered(), Recall(), []
    for n in range(20_000):
        now = TEN_MINUTES_MS + n * 100
        memory = one_more(memory, f"c{n}", now)
        recall.find(memory, USER, "none", since_ms=now - TEN_MINUTES_MS)
        kept.append(len(recall._commands))
    assert 6_000 - 128 <= max(kept) <= 6_000 + 128
    now += TEN_MINUTES_MS
    recall.find(one_more(memory, "last", now), USER, "none", since_ms=now - TEN_MINUTES_MS)
    assert recall._commands == {}
