"""The books that the gateway keeps: what waits, how often, and the sweep over both."""

import asyncio

from tests.unit.gateway.stage import ROOM, Stage
from votegame.errors import ErrorCode
from votegame.game.commands import CreateRoom, StartGame
from votegame.gateway import pending as pending_module
from votegame.gateway import reading_line
from votegame.gateway.pending import PendingReplies
from votegame.gateway.ports import NoMetrics
from votegame.limits.doors import Tally, Visit

VISIT = Visit("inside", "ada", "192.0.2.1", "1")


async def test_what_came_first_expires_first(stage):
    client = stage.connect("ada")
    pending = PendingReplies(5.0)
    tokens = [pending.add(client.connection, StartGame(id=str(n), room_code=ROOM), VISIT, float(n)) for n in range(3)]
    pending.take(tokens[1])

    assert pending.expired(4.9) == []
    assert [one.command_id for one in pending.expired(5.0)] == ["0"]
    assert [one.command_id for one in pending.expired(9.0)] == ["2"]
    assert pending.take(tokens[0]) is None
    assert pending.take_late(tokens[0]) is None


async def test_late_commands_are_remembered_within_a_bound(stage, monkeypatch):
    monkeypatch.setattr(pending_module, "_MAX_LATE", 2)
    client = stage.connect("ada")
    pending = PendingReplies(5.0)
    tokens = [pending.add(client.connection, CreateRoom(id=str(n)), VISIT, 0.0) for n in range(3)]
    pending.expired(5.0)

    assert [pending.take_late(token) is not None for token in tokens] == [False, True, True]


async def test_late_commands_are_forgotten_in_time(stage):
    client = stage.connect("ada")
    pending = PendingReplies(5.0)
    tokens = [pending.add(client.connection, CreateRoom(id=str(n)), VISIT, float(n)) for n in range(2)]
    pending.expired(6.0)
    pending.expired(65.5)
    assert pending.take_late(tokens[0]) is None
    assert pending.take_late(tokens[1]) is not None


def test_a_tally_counts_within_its_time_only():
    tally = Tally(3, 10.0)

    assert [tally.add(at) for at in (0.0, 5.0, 10.0, 11.0, 12.0)] == [False, False, False, False, True]


async def test_a_sweep_that_fails_is_followed_by_the_next(stage, monkeypatch):
    ticks = []
    enough = asyncio.Event()

    def tick(now):
        ticks.append(now)
        if len(ticks) == 3:
            enough.set()
        raise ZeroDivisionError

    monkeypatch.setattr("votegame.gateway.sweep.TICK_SECONDS", 0.001)
    stage.gateway._sweep.tick = tick
    task = asyncio.create_task(stage.gateway._sweep.run())
    await enough.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert task.cancelled()


class CountingMetrics(NoMetrics):
    def __init__(self):
        self.seen = []

    def connections(self, count):
        self.seen.append(("connections", count))

    def command(self, name):
        self.seen.append(("command", name))

    def refused(self, code):
        self.seen.append(("refused", code))

    def replied(self, seconds):
        self.seen.append(("replied", round(seconds, 3)))

    def closed(self, close_code):
        self.seen.append(("closed", close_code))


async def test_what_happens_is_counted():
    metrics = CountingMetrics()
    stage = Stage(metrics=metrics)
    client = stage.connect("ada")
    client.say(type="ping", id="1")
    client.say_text("{")
    stage.revocations.revoke("login-ada")

    assert metrics.seen == [
        ("connections", 1),
        ("command", "ping"),
        ("refused", ErrorCode.BAD_JSON),
        ("closed", 4401),
        ("connections", 0),
    ]


async def test_who_is_cut_off_as_too_much_waits_to_be_read_is_counted(monkeypatch):
    monkeypatch.setattr(reading_line, "MOST_HELD_BYTES", 0)
    metrics = CountingMetrics()
    client = Stage(metrics=metrics).connect("ada")
    client.say_raw(bytes(reading_line.BYTES_PER_TURN + 1))

    assert client.transport.is_aborted
    assert ("closed", 1013) in metrics.seen


async def test_the_time_to_a_reply_is_measured_and_one_that_never_came_counts_as_long_as_it_was_waited_for():
    metrics = CountingMetrics()
    stage = Stage(metrics=metrics)
    client = stage.connect("ada")
    client.say(type="start_game", id="1", room_code=ROOM)
    stage.clock.at += 0.25
    stage.reply()
    client.say(type="start_game", id="2", room_code=ROOM)
    stage.later(5.1)
    stage.reply()

    replied = [what for what in metrics.seen if what[0] == "replied"]
    assert replied[0] == ("replied", 0.25)
    assert [5.0 <= seconds <= 5.1 for _, seconds in replied[1:]] == [True]
