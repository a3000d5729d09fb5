"""Who is refused for now comes again, as any client does; and not for ever."""

import pytest

from votegame.conformance.troubles import UnfinishedError
from votegame.conformance.waits import Waits

UNAVAILABLE = {"code": "unavailable"}


def limited(seconds: object) -> dict:
    return {"code": "rate_limited", "retry_after": seconds}


def test_a_server_that_says_when_is_obeyed():
    waits = Waits()
    assert [waits.after(each) for each in (limited(0.3), {**UNAVAILABLE, "retry_after": 7})] == [0.3, 7]


def test_one_that_does_not_is_asked_less_and_less_often_and_at_last_differs():
    waits = Waits()
    assert [waits.after(UNAVAILABLE) for _ in range(6)] == [1, 2, 4, 8, 16, None]


@pytest.mark.parametrize(
    "refusal", [None, [], "unavailable", {"code": "not_host"}, limited(None), limited(True), limited("1")]
)
def test_other_refusals_stand(refusal):
    assert Waits().after(refusal) is None


def test_only_what_may_have_taken_effect_is_in_doubt():
    waits = Waits()
    waits.after(limited(1))
    assert not waits.was_in_doubt
    waits.after(UNAVAILABLE)
    assert waits.was_in_doubt


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (limited(62), "a limit per time is spent for 62 s"),
        ({**UNAVAILABLE, "retry_after": 62}, "`unavailable` for 62 s"),
    ],
)
def test_nobody_waits_for_longer_than_a_minute(refusal, words):
    with pytest.raises(UnfinishedError, match=words):
        Waits().after(refusal)


def test_a_server_that_says_no_time_again_and_again_is_not_asked_for_ever():
    waits = Waits()
    with pytest.raises(UnfinishedError):
        [waits.after(limited(0)) for _ in range(62)]
