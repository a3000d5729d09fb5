"""A server with a moderator, and one without, over real sockets."""

from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.nodes import SECRET
from votegame.app import Server
from votegame.conformance import waiting
from votegame.conformance.report import lines
from votegame.conformance.runner import Means, Runner, transcripts_for
from votegame.questions.ports import ModelError
from votegame.settings import Settings


class Judge:
    """A model that makes no questions, and flags a threat to hurt somebody."""

    async def make(self, _wish, _count, _avoid):
        raise ModelError("unavailable")

    async def flagged(self, texts):
        return ["hurt you" in text for text in texts]

    async def close(self):
        pass


@asynccontextmanager
async def serving(database_url, *, moderation):
    settings = Settings(
        host="127.0.0.1",
        port=0,
        bcrypt_cost=10,
        rate_limits="off",
        overload_lag_seconds=2.0,
        openai_base_url="http://127.0.0.1:1",
        openai_moderation=moderation,
    )
    server = Server(settings, database_url=database_url, secret=SECRET, model=Judge())
    port = await server.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await server.stop()


async def test_the_story_of_a_flagged_answer_is_what_the_server_does(database_url):
    stories = {"moderation": transcripts_for("server")["moderation"]}
    async with serving(database_url, moderation="on") as url, aiohttp.ClientSession() as http:
        runner = Runner(http, url, Means(has_moderation=True), lambda _result: None, waiting.Waiting(waiting.silent))
        (result,) = await runner.play(stories, jobs=1)
    assert result.outcome == "passed", list(lines(result))


@pytest.mark.parametrize(("moderation", "status"), [("off", 422), ("on", 201)])
async def test_moderation_can_be_had_where_there_is_a_moderator(database_url, moderation, status):
    async with serving(database_url, moderation=moderation) as url, aiohttp.ClientSession(url) as http:
        async with http.post("/api/auth/guest", json={"display_name": "Ada"}) as entered:
            token = (await entered.json())["token"]
        headers = {"Authorization": f"Bearer {token}"}
        async with http.post("/api/rooms", json={"settings": {"moderation": "on"}}, headers=headers) as made:
            body = await made.json()
            assert made.status == status, body
    if status == 422:
        assert (body["code"], body["field"]) == ("bad_message", "settings.moderation")
    else:
        assert body["state"]["settings"]["moderation"] == "on"
