"""Problem documents."""

import json

import pytest

from votegame.errors import ErrorCode
from votegame.web.problems import problem_response


@pytest.mark.parametrize(("seconds", "header"), [(1, "1"), (1.0, "1"), (0.2, "1"), (59.001, "60")])
def test_when_to_come_again_is_in_whole_seconds_in_the_header_and_in_the_body(seconds, header):
    response = problem_response(ErrorCode.RATE_LIMITED, {"retry_after": seconds})
    assert response.headers["Retry-After"] == header
    assert json.loads(response.body)["retry_after"] == int(header)
