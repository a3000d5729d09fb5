import httpx2  # noqa: TID251
import pytest

from votegame.game.question import Wish
from votegame.providers import prompt
from votegame.providers.openai import ANSWER_BYTES, _BoundedStream, most_used
from votegame.questions.calls import QUESTIONS_PER_CALL
from votegame.questions.ports import ModelError
from votegame.settings.contradictions import TOKENS_RESERVED
from votegame.wire.text import QUESTION_CHARS, TOPIC_CHARS


class Source(httpx2.AsyncByteStream):
    """Bytes without end, or as many as are asked for."""

    def __init__(self, size: int | None = None) -> None:
        self.given = 0
        self.is_closed = False
        self._size = size

    async def __aiter__(self):
        while self._size is None or self.given < self._size:
            self.given += 1_000
            yield b"a" * 1_000

    async def aclose(self):
        self.is_closed = True


async def test_an_answer_without_end_is_read_to_the_bound_and_no_further():
    source = Source()
    with pytest.raises(ModelError, match="too_large"):
        [chunk async for chunk in _BoundedStream(source)]

    assert ANSWER_BYTES < source.given <= ANSWER_BYTES + 1_000


async def test_an_answer_within_the_bound_is_read_whole_and_closed():
    source = Source(ANSWER_BYTES // 1_000 * 1_000)
    stream = _BoundedStream(source)

    assert sum([len(chunk) async for chunk in stream]) == source.given
    await stream.aclose()
    assert source.is_closed


@pytest.mark.parametrize("tone", ["family", "default", "spicy"])
@pytest.mark.parametrize("letter", ["a", "[", "\u8a9e", "\U0001f600"])
def test_no_call_can_cost_more_than_is_reserved_for_one(tone, letter):
    wish = Wish(topic=letter * TOPIC_CHARS, language="en", tone=tone)
    data = prompt.data(wish, QUESTIONS_PER_CALL, [letter * QUESTION_CHARS] * prompt.MOST_AVOIDED)

    assert most_used(prompt.instructions(tone) + data, QUESTIONS_PER_CALL) <= TOKENS_RESERVED
