"""Whatever is thrown at a server, in any order, gets a documented answer, and the games beside it are undisturbed.

`FUZZ_EXAMPLES=2000 pytest tests/fuzz` throws as much as one likes, and other things each time.
"""

import asyncio
import os
import random
from collections import Counter

import aiohttp
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz import calls, frames
from tests.fuzz.backdrop import Backdrop
from tests.fuzz.crowd import Crowd
from tests.fuzz.listeners import ROUNDS_PER_GAME, Table
from tests.leaks import tells

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "16"))
BOUNDED = settings(
    max_examples=EXAMPLES,
    # By default the same each time; who asks for more wants others.
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
OUT_OF_PHASE = frames.Say(
    0, {"type": "next_round", "id": frames.Ref("new id"), "room_code": frames.Ref("room")}, "good"
)
"""By the host, who is refused whether a game has begun or not: chance may overlook it."""

pytestmark = pytest.mark.timeout(120 + EXAMPLES * 5)


@pytest.fixture(scope="module")
def backdrop():
    backdrop = Backdrop().start()
    yield backdrop
    backdrop.finish()
    print(f"{backdrop.games} games beside it; the loop was late: {backdrop.stalls}")  # noqa: T201


@pytest.fixture(scope="module")
def loop():
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        yield runner


def test_commands_in_any_order_on_sockets(backdrop, loop):
    seen: Counter[tuple[str, str]] = Counter()

    @BOUNDED
    @given(plays=st.booleans(), moves=st.lists(frames.moves(), min_size=20, max_size=40), pace=st.integers(1, 8))
    def throw(plays, moves, pace):
        batches = [[OUT_OF_PHASE], *(moves[start : start + pace] for start in range(0, len(moves), pace))]
        seen.update(loop.run(play(backdrop, batches, plays=plays)))

    throw()
    assert {"ok", "bad_message", "unknown_type", "bad_json", "wrong_phase", "not_host", "unauthenticated"} <= {
        code for _, code in seen
    }


async def play(backdrop, batches, *, plays) -> Counter[tuple[str, str]]:
    async with aiohttp.ClientSession() as http:
        crowd = Crowd(backdrop, http)
        try:
            await crowd.gather(plays=plays)
            for batch in batches:
                await crowd.do(batch)
            await crowd.end()
            return sum((socket.codes for socket in crowd.sockets), Counter())
        finally:
            await crowd.go()


@pytest.mark.parametrize("label", calls.OPERATIONS)
def test_requests_of_each_operation(backdrop, label):
    caller = calls.Caller(backdrop)
    of_path = st.sampled_from(["own", "own", "foreign", "written otherwise", None])

    @settings(BOUNDED, max_examples=max(1, EXAMPLES // 4))
    @given(case=calls.cases(label), who=calls.CALLERS, of_path=of_path, in_body=st.booleans())
    def call(case, who, of_path, in_body):
        caller.call(case, caller=who, of_path=of_path, in_body=in_body)

    call()


def test_nothing_that_goes_out_tells_whose_answer_is_whose(backdrop, loop):
    orders = loop.run(listen(backdrop, n_rounds=2 * EXAMPLES))
    for name in ("submission", "joining", "user ids", "answer ids", "contents", "lengths"):
        assert not tells([(shown, telling[name]) for shown, telling in orders]), name
    assert not tells([(telling["answer ids"], telling["submission"]) for _, telling in orders])


async def listen(backdrop, *, n_rounds):
    orders = []
    async with aiohttp.ClientSession() as http:
        while len(orders) < n_rounds:
            table = Table(backdrop, http, random.Random(len(orders)))
            await table.play(min(ROUNDS_PER_GAME, n_rounds - len(orders)))
            assert not table.found, "\n".join(table.found[:10])
            assert table.n_searched > 30 * len(table.orders)
            orders += table.orders
    return orders
