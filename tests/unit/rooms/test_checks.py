import asyncio

import pytest
from structlog.testing import capture_logs

from tests.fakes import Moderator
from tests.unit.rooms.table import settle
from votegame.game.change import CheckAnswer
from votegame.questions.ports import ModelError
from votegame.rooms.checks import BATCH_ANSWERS, CHECK_SECONDS, AnswerChecks

pytestmark = pytest.mark.looptime


class Room:
    """Takes what is delivered, as a room does in its turns."""

    def __init__(self, moderator):
        self.moderator = moderator
        self.checks = AnswerChecks(moderator, self.take)
        self.took = []

    def take(self, checked):
        self.checks.settle(checked)
        self.took.append(checked)

    def add(self, *texts, round_id="r"):
        for text in texts:
            self.checks.add(CheckAnswer(round_id, f"id {text}", text))

    @property
    def passed(self):
        return frozenset().union(*(one.passed for one in self.took))

    @property
    def flagged(self):
        return frozenset().union(*(one.flagged for one in self.took))


@pytest.fixture
async def room():
    room = Room(Moderator())
    yield room
    await room.checks.close()


async def test_each_answer_gets_its_own_verdict(room):
    room.add("tea", "rude", "milk")
    assert room.checks.unchecked == {"id tea", "id rude", "id milk"}
    await settle()
    assert (room.passed, room.flagged) == ({"id tea", "id milk"}, {"id rude"})
    assert room.checks.unchecked == frozenset()
    assert [one.round_id for one in room.took] == ["r"]


async def test_one_batch_is_under_way_at_a_time_and_what_comes_meanwhile_is_in_the_next(room):
    room.moderator.gate.clear()
    room.add("first")
    await settle()
    texts = [f"more {index}" for index in range(BATCH_ANSWERS + 5)]
    room.add(*texts)
    await settle()
    assert room.moderator.asked == [["first"]]
    room.moderator.gate.set()
    await settle()
    assert room.moderator.asked[1:] == [texts[:BATCH_ANSWERS], texts[BATCH_ANSWERS:]]
    assert len(room.passed) == BATCH_ANSWERS + 6


async def test_a_batch_is_of_one_round(room):
    room.moderator.gate.clear()
    room.add("first")
    await settle()
    room.add("second")
    room.add("third", round_id="next")
    room.moderator.gate.set()
    await settle()
    assert [(one.round_id, set(one.passed)) for one in room.took] == [
        ("r", {"id first"}),
        ("r", {"id second"}),
        ("next", {"id third"}),
    ]


async def test_nobody_waits_long_for_a_moderator_who_hangs(room):
    room.moderator.gate.clear()
    room.add("rude")
    await settle()
    room.add(*(f"rude {index}" for index in range(3 * BATCH_ANSWERS)))
    await asyncio.sleep(CHECK_SECONDS - 0.1)
    assert room.took == []
    await asyncio.sleep(CHECK_SECONDS + 0.2)
    assert len(room.passed) == 3 * BATCH_ANSWERS + 1
    assert room.flagged == frozenset()
    assert len(room.moderator.asked) == 2


async def test_an_answer_that_has_just_come_is_checked_although_one_before_it_has_waited_too_long(room):
    room.moderator.gate.clear()
    room.add("first")
    await settle()
    room.add(*(f"tea {index}" for index in range(BATCH_ANSWERS + 1)))
    await asyncio.sleep(2 * CHECK_SECONDS - 1)
    room.add("rude")
    await settle()
    room.moderator.gate.set()
    await settle()
    assert len(room.passed) == BATCH_ANSWERS + 2
    assert room.flagged == {"id rude"}


async def test_one_who_fails_lets_all_pass_and_that_is_told_once_until_it_is_over(room):
    room.moderator.is_away = True
    with capture_logs() as logs:
        for text in ("rude one", "rude two"):
            room.add(text)
            await settle()
        assert room.passed == {"id rude one", "id rude two"}
        assert [line["event"] for line in logs] == ["answers pass unchecked"]
        assert "rude" not in str(logs)
        room.moderator.is_away = False
        room.add("rude three")
        await settle()
        assert room.flagged == {"id rude three"}
        room.moderator.is_away = True
        room.add("rude four")
        await settle()
        assert len(logs) == 2


async def test_what_is_known_of_a_moderator_is_not_said_by_each_room(room):
    async def flagged(_texts):
        raise ModelError("unavailable")

    room.moderator.flagged = flagged
    with capture_logs() as logs:
        room.add("rude")
        await settle()
    assert (room.passed, logs) == ({"id rude"}, [])


async def test_verdicts_that_are_not_as_many_as_the_answers_are_none(room):
    async def flagged(_texts):
        return [True]

    room.moderator.flagged = flagged
    room.add("one", "two")
    await settle()
    assert room.passed == {"id one", "id two"}


async def test_without_a_moderator_everything_passes():
    room = Room(None)
    room.add("rude")
    await settle()
    assert room.passed == {"id rude"}


async def test_closing_ends_a_check_and_delivers_nothing(room):
    room.moderator.gate.clear()
    room.add("tea")
    await settle()
    room.add("milk")
    await room.checks.close()
    room.moderator.gate.set()
    await settle()
    assert (room.took, room.moderator.asked) == ([], [["tea"]])
