"""Nothing that is printed lets anybody log in as somebody else."""

import json

import pytest

from votegame.conformance.findings import Finding, Result
from votegame.conformance.redaction import Redaction

TOKEN = "Kx7-plain_and.opaque-2f9c"
PASSWORD = 'four "words" are fine'
JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEifQ.3dGhpcyBpcyBubyByZWFsIHRva2Vu"


@pytest.fixture
def redaction() -> Redaction:
    redaction = Redaction()
    redaction.learn({"user": {"id": "5f0c"}, "token": TOKEN})
    redaction.learn([{"password": PASSWORD}])
    return redaction


@pytest.mark.parametrize(
    "text",
    [
        f"came {TOKEN} in the middle",
        f"{{'Authorization': 'Bearer {TOKEN}'}}",
        f"http://127.0.0.1:8000/ws?token={TOKEN}&room=ABC234",
        json.dumps({"reason": f"{PASSWORD} is too short"}),
        json.dumps({"text": json.dumps({"echo": PASSWORD})}),
        "https://a.test/?p=four+%22words%22+are+fine",
        f"a text that was cut: {TOKEN[:15]}",
        f"twice: {TOKEN[:15]}, {TOKEN}{TOKEN}, and more",
    ],
)
def test_what_is_known_to_be_secret_is_hidden_wherever_it_stands(redaction, text):
    told = redaction.text(text)
    assert "[hidden]" in told
    assert all(part not in told for part in (TOKEN, TOKEN[:15], PASSWORD, "words"))


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "authenticate", "id": "1", "token": "a sesame"}',
        '{"new_password": "a sesame", "display_name": "Ada"}',
        "{'Cookie': 'votegame_session=a sesame'}",
        '{"reason": "{\\"token\\": \\"a sesame\\"}"}',
        '{"token": "it was cut in a sesame',
        '{"password": "with \\" a sesame"}',
        "user.token: expected any uuid, came 'a sesame'",
        "header set-cookie: expected nothing, came 'votegame_session=a sesame; Path=/'",
        "Authorization: Bearer a-sesame-0123456789",
        "https://ada:a-sesame@a.test/",
        "ws://a.test/ws?room=ABC234&access_token=a-sesame",
        f"the token is {JWT}; a sesame".replace("; a sesame", ""),
    ],
)
def test_what_stands_where_secrets_stand_is_hidden_though_nobody_knows_it(text):
    told = Redaction().text(text)
    assert "[hidden]" in told
    assert "sesame" not in told
    assert JWT not in told


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "error", "id": "7", "code": "bad_credentials", "message": "The password does not hold."}',
        "leaderboard[0].score: expected 2, came 3",
        "token: expected 'text', came nothing",
        '{"token": {"$any": "text"}, "room_code": "ABC234"}',
        "http://127.0.0.1:8000/ws?room=ABC234",
        "a bearer token",
    ],
)
def test_everything_else_stays_as_it_is(redaction, text):
    assert redaction.text(text).replace("[hidden]", "text") == text


def test_a_result_is_hidden_in_all_that_came_and_keeps_its_place(redaction):
    finding = Finding(4, "ada", "She logs in.", f'"{TOKEN}"', f'{{"token": "{TOKEN}"}}', [f"token: came '{TOKEN}'"])
    told = redaction.result(Result("accounts", "An account", "differs", f"see {TOKEN}", (finding,), 1.5))
    assert TOKEN not in repr(told)
    (shown,) = told.findings
    assert (told.name, told.seconds, shown.step, shown.actor, shown.note) == ("accounts", 1.5, 4, "ada", "She logs in.")


def test_what_is_short_is_no_secret():
    redaction = Redaction()
    redaction.learn({"token": "t", "password": "short"})
    assert redaction.text("short texts") == "short texts"
