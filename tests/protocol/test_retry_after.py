"""When to come again is said in one way, wherever it is said: whole seconds over HTTP, a number over the WebSocket."""

import json
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from votegame.auth.values import Refused
from votegame.errors import ErrorCode, StoreBusyError, StoreUnavailableError
from votegame.gateway.route import _refusal
from votegame.web.middleware import errors
from votegame.web.problems import ProblemError, refuse
from votegame.wire.errors import problem

PROTOCOL = Path(__file__).parents[2] / "protocol"
WAITS = (1, 1.0, 0.2, 59.001, 60.0)


async def answer_to(problem_of_view: Exception) -> web.StreamResponse:
    """What a call is answered whose view ends so."""

    async def view(_request: web.Request) -> web.StreamResponse:
        raise problem_of_view

    return await errors(make_mocked_request("GET", "/"), view)


def refusal(code: ErrorCode, seconds: float) -> Exception:
    """How a view ends when accounts refuse something."""
    with pytest.raises(ProblemError) as ended:
        refuse(Refused(code=code, retry_after=seconds))
    return ended.value


def assert_whole(response: web.Response) -> None:
    told = json.loads(response.body)["retry_after"]
    assert type(told) is int
    assert response.headers["Retry-After"] == str(told)
    assert told >= 1


@pytest.mark.parametrize("seconds", WAITS)
@pytest.mark.parametrize("code", [ErrorCode.RATE_LIMITED, ErrorCode.UNAVAILABLE])
async def test_what_a_call_is_refused_for_says_so_in_whole_seconds(code, seconds):
    assert_whole(await answer_to(ProblemError(code, {"retry_after": seconds})))
    assert_whole(await answer_to(refusal(code, seconds)))


@pytest.mark.parametrize("error", [StoreBusyError("busy"), StoreUnavailableError("away")])
async def test_so_does_a_call_that_the_database_does_not_answer(error):
    assert_whole(await answer_to(error))


@pytest.mark.parametrize("code", [ErrorCode.RATE_LIMITED, ErrorCode.UNAVAILABLE])
def test_so_does_an_upgrade_that_is_refused(code):
    assert_whole(_refusal(code))


@pytest.mark.parametrize("seconds", WAITS)
def test_a_problem_rounds_up_however_it_was_made(seconds):
    told = problem(ErrorCode.RATE_LIMITED, {"retry_after": seconds})["retry_after"]
    assert (type(told), seconds <= told < seconds + 1) == (int, True)


def test_the_schemas_say_which_is_which():
    openapi = json.loads((PROTOCOL / "openapi.json").read_bytes())
    error = json.loads((PROTOCOL / "schemas" / "error.json").read_bytes())
    assert openapi["components"]["schemas"]["Problem"]["properties"]["retry_after"]["type"] == "integer"
    assert error["properties"]["retry_after"]["type"] == "number"
