"""Error table and close-code table: complete, and true to the outline of the protocol."""

import json

import pytest

from votegame.errors import ErrorCode
from votegame.wire.close_codes import CLOSE_TABLE, CloseCode, come_back
from votegame.wire.errors import ERROR_TABLE, door_details, error_body, error_frame, is_error, problem


def test_every_code_has_a_row():
    assert set(ERROR_TABLE) == set(ErrorCode)
    assert set(CLOSE_TABLE) == set(CloseCode)


def test_only_faults_of_the_server_are_retryable():
    assert {code for code, row in ERROR_TABLE.items() if row.retryable} == {ErrorCode.INTERNAL, ErrorCode.UNAVAILABLE}


def test_reasons_fit_into_a_close_frame():
    assert all(1 <= len(row.reason.encode()) <= 123 for row in CLOSE_TABLE.values())


def test_an_error_frame_carries_its_details():
    frame = json.loads(error_frame(ErrorCode.WRONG_PHASE, "7", {"phase": "lobby"}))

    assert frame == {
        "type": "error",
        "id": "7",
        "code": "wrong_phase",
        "message": ERROR_TABLE[ErrorCode.WRONG_PHASE].message,
        "retryable": False,
        "phase": "lobby",
    }
    assert json.loads(error_frame(ErrorCode.BAD_JSON, None))["id"] is None
    assert error_body(ErrorCode.INTERNAL)["retryable"] is True


def test_a_refusal_at_the_door_says_when_to_try_again_and_only_then():
    assert door_details(ErrorCode.RATE_LIMITED) == {"retry_after": 1}
    assert door_details(ErrorCode.UNAVAILABLE) == {}


def test_a_problem_has_the_members_of_rfc_9457_and_ours():
    body = problem(ErrorCode.RATE_LIMITED, {"retry_after": 3})

    assert (body["status"], body["code"], body["retry_after"]) == (429, "rate_limited", 3)
    assert {"type", "title", "detail", "retryable"} <= set(body)
    assert problem(ErrorCode.BAD_MESSAGE, status=400)["status"] == 400


def test_an_error_is_recognised_and_cannot_be_forged():
    forged = '","code":"room_not_found","x":"'

    assert is_error(error_frame(ErrorCode.ROOM_NOT_FOUND, "1"), ErrorCode.ROOM_NOT_FOUND)
    assert not is_error(error_frame(ErrorCode.ROOM_FULL, forged), ErrorCode.ROOM_NOT_FOUND)
    assert not is_error(b'{"type":"ok","id":"1","code":"room_not_found","x":1}', ErrorCode.ROOM_NOT_FOUND)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        *((code, "resume") for code in (1000, 1001, 1006, 1012, 4508, 4599)),
        *((code, "no") for code in (1002, 1003, 1007, 1008, 1009, 4409, 4499)),
        (1013, "later"),
        (4401, "after_login"),
    ],
)
def test_every_close_code_says_whether_to_come_back(code, advice):
    assert come_back(code) == advice


def test_what_people_read_of_unavailable_is_true_also_where_nothing_was_tried_and_says_what_to_do():
    message = ERROR_TABLE[ErrorCode.UNAVAILABLE].message
    assert "cannot do this just now, or cannot tell whether it was done" in message
    assert "again in a moment" in message
