import asyncio

import pytest
import structlog

from votegame import tasks
from votegame.errors import StoreUnavailableError
from votegame.storage.retention import Retention

pytestmark = pytest.mark.looptime


class Statements:
    """What there is to remove, nothing unless it is `left`, and at first the errors that are planted."""

    def __init__(self, *errors, failing=None, **left):
        self.errors = list(errors)
        self.failing = failing
        self.left = {f"retention_{kind}": count for kind, count in left.items()}
        self.passes = 0

    async def execute(self, name, /, *, limit=0, **_params):
        if name == "retention_codes":
            self.passes += 1
            if self.errors:
                raise self.errors.pop(0)
        if name == self.failing:
            raise StoreUnavailableError("planted")
        removed = min(self.left.get(name, 0), limit)
        self.left[name] = self.left.get(name, 0) - removed
        return removed


@pytest.mark.parametrize("kind", ["codes", "logs", "logins", "guests", "questions"])
async def test_while_there_is_more_to_do_the_next_pass_comes_soon(kind):
    statements = Statements(**{kind: 20_500})
    removing = tasks.start(Retention(statements, log_days=30).run(), name="retention")
    await asyncio.sleep(50)
    assert statements.left[f"retention_{kind}"] == 0
    passes = statements.passes
    await asyncio.sleep(61)
    assert statements.passes == passes + 1, "with nothing to do it comes after a while"
    await tasks.end([removing])


async def test_what_cannot_be_removed_keeps_nothing_else():
    statements = Statements(failing="retention_logs", codes=1, guests=1_001)
    with structlog.testing.capture_logs() as logs:
        removing = tasks.start(Retention(statements, log_days=30).run(), name="retention")
        await asyncio.sleep(2)
        await tasks.end([removing])
    assert statements.left["retention_codes"] == statements.left["retention_guests"] == 0
    said = {"event": "not all removed this time", "log_level": "warning", "kinds": "rooms", "reason": "planted"}
    assert logs == [said, said], "once in each pass, of which the second came soon"


@pytest.mark.parametrize("error", [StoreUnavailableError("away"), RuntimeError("planted")])
async def test_a_pass_that_fails_is_not_the_last_one_and_the_next_comes_after_the_usual_pause(error):
    statements = Statements(error)
    removing = tasks.start(Retention(statements, log_days=30).run(), name="retention")
    await asyncio.sleep(59)
    assert statements.passes == 1
    await asyncio.sleep(60)
    assert statements.passes == 2
    await tasks.end([removing])
