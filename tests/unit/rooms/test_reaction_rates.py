"""How often members may react, alone and in a room."""

import asyncio

import pytest

from tests.unit.rooms.table import Table, seated, settle
from votegame.rooms.reaction_rates import BURST, ReactionRates


def test_five_at_once_then_one_a_second():
    rates = ReactionRates(are_on=True)
    waits = [rates.take("ada", 10.0) for _ in range(BURST + 1)]
    assert waits == [0.0] * BURST + [1.0]
    assert [rates.take("ada", 11.0 + second) for second in range(3)] == [0.0] * 3
    assert rates.take("ada", 13.25) == 0.75


def test_members_do_not_wait_for_each_other():
    rates = ReactionRates(are_on=True)
    for _ in range(BURST):
        rates.take("ada", 10.0)
    assert rates.take("bob", 10.0) == 0.0


def test_no_more_are_remembered_than_there_are_members():
    rates = ReactionRates(are_on=True)
    for number in range(100):
        rates.take(f"user {number}", 10.0)
    rates.keep_only({"user 7": None, "user 8": None, "new": None})
    assert len(rates) == 2


def test_when_they_are_off_nothing_waits_and_nothing_is_remembered():
    rates = ReactionRates(are_on=False)
    assert [rates.take("ada", 10.0) for _ in range(100)] == [0.0] * 100
    assert len(rates) == 0


def told(table, name):
    return [frame["reaction"] for frame in table.outlet.frames("reaction") if frame["user_id"] == name]


@pytest.mark.looptime
class TestRoom:
    async def test_everyone_is_told_until_it_is_too_much_and_nothing_is_kept(self, table, room):
        ada, bob = await room
        rows = len(table.log(ada.code))
        replies = [await ada.ask(ada.react(name)) for name in ("fire", "sad", "laugh", "heart", "applause", "fire")]
        assert [reply["type"] for reply in replies] == ["ok"] * BURST + ["error"]
        assert (replies[-1]["code"], replies[-1]["retry_after"]) == ("rate_limited", 1)
        assert (await bob.ask(bob.react("sad")))["type"] == "ok"
        await asyncio.sleep(1.0)
        assert (await ada.ask(ada.react("thumbs_up")))["type"] == "ok"
        assert told(table, ada.id) == ["fire", "sad", "laugh", "heart", "applause", "thumbs_up"]
        assert told(table, bob.id) == ["sad"]
        assert len(table.log(ada.code)) == rows

    async def test_who_leaves_is_forgotten_and_who_is_no_member_is_not_remembered(self, table, room):
        ada, bob = await room
        for _ in range(BURST + 1):
            last = await bob.ask(bob.react("fire"))
        assert last["code"] == "rate_limited"
        rates = table.room_of(ada.code)._reaction_rates
        await bob.ask(bob.leave())
        assert len(rates) == 0
        for _ in range(BURST + 1):
            assert (await bob.ask(bob.react("fire")))["code"] == "not_member"
        assert len(rates) == 0

    async def test_it_waits_behind_what_was_decided_before_it(self, table, room):
        ada, bob = await room
        table.store.hang()
        ada.send(ada.start(id_="start"))
        bob.send(bob.react("surprise", id_="react"))
        await settle()
        assert table.outlet.told == []
        table.store.go_on()
        await settle()
        assert table.outlet.names == ["ok start", "game_started", "ok react", "reaction"]


@pytest.mark.looptime
async def test_a_house_without_rates_lets_everyone_react_on():
    table = Table(rates_are_on=False)
    ada, _bob = await seated(table)
    for _ in range(BURST * 3):
        assert (await ada.ask(ada.react("fire")))["type"] == "ok"
    await table.end()
