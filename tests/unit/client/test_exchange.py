"""What becomes of commands whose outcome the server does not know."""

import random

import pytest

from votegame.client.backoff import Waits
from votegame.client.exchange import Exchange, nothing
from votegame.client.pending import Kind

pytestmark = pytest.mark.looptime


async def test_a_resume_is_tried_again_for_as_long_as_the_server_cannot_tell_and_never_after_long():
    exchange = Exchange(Waits(), random.Random(1), 1)
    resume = exchange.post("resume", {}, Kind.RESUME, nothing)
    error = {"type": "error", "id": resume.command["id"], "code": "unavailable", "message": "?", "retryable": True}
    for _ in range(2_000):
        exchange.replied(error, 0.0)
        assert 0 < resume.due < 40
    assert not resume.reply.done()
