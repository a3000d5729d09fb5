"""A model through the real package, over a socket, from a server that answers well or badly."""

import asyncio
import contextlib
import logging
import subprocess
import sys
import time

import pytest

from tests.model_server import ABSURD_SECONDS, BEHAVIOURS, HUGE_BYTES, TOKENS, ModelServer
from tests.serving import ROOT, free_port
from votegame.game.question import Wish
from votegame.providers import model_of
from votegame.questions.ports import ModelError
from votegame.settings import Settings

KEY = "sk-canary-Key-4711"
CATS = Wish(topic="cats", language="en", tone="default")
SECONDS = 5.0


@contextlib.asynccontextmanager
async def opened(url: str, **settings):
    model = model_of(Settings(**{"openai_api_key": KEY, "openai_base_url": url, "model_seconds": SECONDS, **settings}))
    assert model is not None
    try:
        yield model
    finally:
        await model.close()


@pytest.fixture
async def server():
    async with ModelServer() as server:
        yield server


@pytest.fixture
async def model(server):
    async with opened(server.url) as model:
        yield model


async def error(model, count: int = 3) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await model.make(CATS, count, [])
    return caught.value


async def until(holds) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.01)


def test_without_a_key_and_a_server_there_is_no_model():
    assert model_of(Settings(openai_model="some-model")) is None


def test_without_a_model_its_package_is_not_loaded():
    source = (
        "import sys; from votegame import app, providers; from votegame.settings import Settings; "
        "providers.model_of(Settings()); sys.exit('openai' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", source], cwd=ROOT, check=False).returncode == 0


async def test_questions_are_made_as_a_room_wishes(server, model):
    made = await model.make(CATS, 7, ["Why do cats purr?"])

    assert len(set(made.questions)) == 7
    assert all("cats" in text for text in made.questions)
    assert made.tokens_used == TOKENS
    (call,) = server.chats
    assert call.wish == {"count": 7, "language": "en", "topic": "cats", "avoid": ["Why do cats purr?"]}
    assert call.body["model"] == Settings().openai_model
    assert call.body["response_format"]["json_schema"]["schema"]["required"] == ["questions"]
    assert 0 < call.body["max_tokens"] < 10_000
    assert call.authorization == f"Bearer {KEY}"


async def test_a_server_that_wants_no_key_gets_none_of_anybody(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    async with opened(server.url, openai_api_key="", openai_model="llama") as model:
        assert (await model.make(CATS, 2, [])).questions

    assert [(call.authorization, call.body["model"]) for call in server.calls] == [("Bearer none", "llama")]


@pytest.mark.parametrize("behaviour", ["fenced", "plain list", "objects", "thinking aloud"])
async def test_servers_that_do_not_know_schemas_are_understood(server, model, behaviour):
    server.behaviour = behaviour

    assert all("cats" in text for text in (await model.make(CATS, 3, [])).questions)


@pytest.mark.parametrize("behaviour", ["without usage", "absurd usage"])
async def test_who_does_not_say_what_a_call_has_cost_is_taken_to_have_cost_the_most(server, model, behaviour):
    server.behaviour = behaviour
    made = await model.make(CATS, 3, [])
    (call,) = server.chats

    assert made.tokens_used > call.body["max_tokens"]


async def test_a_server_that_does_not_take_a_parameter_is_not_given_it_again(server, model):
    server.behaviour = "particular"

    assert [(await error(model)).kind for _ in range(2)] == ["bad_request", "bad_request"]
    assert len((await model.make(CATS, 3, [])).questions) == 3
    assert [sorted(call.body) for call in server.chats] == [
        ["max_tokens", "messages", "model", "response_format"],
        ["max_completion_tokens", "messages", "model", "response_format"],
        ["max_completion_tokens", "messages", "model"],
    ]


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        ("disconnecting", "unreachable"),
        ("breaking off", "unreachable"),
        ("rate limited", "rate_limited"),
        ("without credit", "unauthorized"),
        ("failing", "unavailable"),
        ("overloaded", "unavailable"),
        ("HTML error", "unavailable"),
        ("unknown model", "bad_request"),
        ("telling the key", "unauthorized"),
        ("redirecting", "unavailable"),
        ("invalid JSON", "broken"),
        ("half characters", "broken"),
        ("nested", "broken"),
        ("many choices", "broken"),
        ("HTML page", "broken"),
        ("huge", "too_large"),
        ("compressed", "broken"),
        ("no choices", "broken"),
        ("no content", "broken"),
        ("empty texts", "broken"),
        ("truncated", "truncated"),
        ("refusing", "refused"),
        ("refusing in words", "broken"),
        ("filtered", "refused"),
        ("disliking", "refused"),
    ],
)
async def test_whatever_goes_wrong_is_one_error_after_one_request(server, model, caplog, behaviour, kind):
    caplog.set_level(logging.DEBUG)
    server.behaviour = behaviour

    found = await error(model)

    assert found.kind == kind
    assert len(server.calls) == 1
    told = f"{found!r} {found} {found.__cause__!r} {found.__context__!r} {model!r} {caplog.text}"
    assert KEY not in told
    assert "cats" not in told
    # And the next call is none the worse for it.
    server.behaviour = "good"
    assert len((await model.make(CATS, 3, [])).questions) == 3


async def test_a_port_where_nobody_listens_costs_nothing():
    async with opened(f"http://127.0.0.1:{free_port()}/v1") as model:
        found = await error(model)

    assert (found.kind, found.tokens_used) == ("unreachable", 0)


@pytest.mark.parametrize("behaviour", ["hanging", "dripping", "slow"])
async def test_a_call_is_over_in_time(server, behaviour):
    server.behaviour = behaviour
    server.slow_seconds = 30
    # No single read takes as long as a call may.
    server.drip_seconds = 0.2
    async with opened(server.url, model_seconds=1.0) as model:
        began = time.monotonic()
        found = await error(model)

    assert found.kind == "timeout"
    assert time.monotonic() - began < 10
    # It may have been carried out, and then has to be paid.
    assert found.tokens_used > server.chats[0].body["max_tokens"]
    await until(lambda: server.cut_off)


async def test_a_slow_answer_within_the_time_is_one(server, model):
    server.behaviour = "slow"
    server.slow_seconds = 0.2

    assert (await model.make(CATS, 3, [])).questions


async def test_a_call_that_is_cancelled_is_over_at_once(server, model):
    server.behaviour = "hanging"
    call = asyncio.create_task(model.make(CATS, 3, []))
    await until(lambda: server.calls)
    call.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call


@pytest.mark.parametrize("behaviour", ["huge", "huge error"])
async def test_of_a_huge_answer_little_is_read(server, model, behaviour):
    server.behaviour = behaviour

    assert (await error(model)).kind == "too_large"

    await until(lambda: server.cut_off)
    # What the kernel holds for both sides comes on top of what is read.
    assert server.sent_bytes < HUGE_BYTES * 0.9


async def test_nothing_is_left_of_calls_of_any_kind(server):
    before = asyncio.all_tasks()
    async with opened(server.url, model_seconds=0.5) as model:
        for name in BEHAVIOURS:
            server.behaviour = name
            with contextlib.suppress(ModelError):
                await model.make(CATS, 3, [])
    # The server's are its own.
    assert [task for task in asyncio.all_tasks() - before if "RequestHandler.start" not in repr(task)] == []


async def test_a_wish_to_be_left_alone_is_told_as_it_is(server, model):
    server.upcoming.extend(["rate limited", "overloaded", "failing"])

    found = [(await error(model)).retry_after_seconds for _ in range(3)]

    assert found == [float(ABSURD_SECONDS), 7.0, None]


async def test_nobody_is_led_elsewhere(server, model):
    server.behaviour = "redirecting"
    await error(model)

    assert [call.path for call in server.calls] == ["chat/completions"]


async def test_proxies_of_the_environment_are_not_asked(server, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    async with opened(server.url) as model:
        assert (await model.make(CATS, 3, [])).questions


async def test_there_are_never_more_texts_than_were_asked_for(server, model):
    server.behaviour = "repeating"

    assert len((await model.make(CATS, 4, [])).questions) == 4


async def test_texts_are_judged_in_order(server, model):
    assert list(await model.flagged(["fine", "a forbidden word", "fine too"])) == [False, True, False]
    assert list(await model.flagged([])) == []
    assert [call.path for call in server.calls] == ["moderations"]


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [("failing", "unavailable"), ("rate limited", "rate_limited"), ("huge", "too_large"), ("HTML page", "broken")],
)
async def test_a_judgement_that_fails_is_the_same_kind_of_error(server, model, behaviour, kind):
    server.behaviour = behaviour
    with pytest.raises(ModelError) as caught:
        await model.flagged(["fine"])

    assert (caught.value.kind, caught.value.tokens_used) == (kind, 0)


async def test_after_closing_calls_fail_and_open_nothing(server):
    async with opened(server.url) as model:
        await model.make(CATS, 3, [])
    found = await error(model)

    assert found.kind == "unreachable"
    assert len(server.calls) == 1
