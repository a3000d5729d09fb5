import asyncio

import pytest

from votegame import tasks
from votegame.errors import StoreUnavailableError
from votegame.storage.retention import Retention

pytestmark = pytest.mark.looptime


class Statements:
    """Nothing to remove, and at first the errors that are planted."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.passes = 0

    async def execute(self, name, /, **_params):
        if name == "retention_codes":
            self.passes += 1
            if self.errors:
                raise self.errors.pop(0)
        return 0


@pytest.mark.parametrize("error", [StoreUnavailableError("away"), RuntimeError("planted")])
async def test_a_pass_that_fails_is_not_the_last_one_and_the_next_comes_after_the_usual_pause(error):
    statements = Statements(error)
    removing = tasks.start(Retention(statements, log_days=30).run(), name="retention")
    await asyncio.sleep(59)
    assert statements.passes == 1
    await asyncio.sleep(60)
    assert statements.passes == 2
    await tasks.end([removing])
