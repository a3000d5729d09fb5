"""Each way to tell whose answer is whose is found, and what may be told is not."""

import base64
import json
import random
from uuid import UUID

import pytest

from tests.leaks import Secret, links, log_links, tells

ADA, BEN = "1e2feb89-414c-443c-9027-c4d1c386bbc4", "78e51061-7311-48a3-82ce-6f447ed4d57b"
SECRETS = [
    Secret(ADA, "Ada Äö", "c381e88f-38c0-48fd-8712-b8bc076f3787", 'a "small" côte'),
    Secret(BEN, "Ben", "ad45f23d-3b1a-41df-987f-d2803bab6c39", "a parking ticket"),
]
BY_ADA, BY_BEN = SECRETS
ANSWERS = [{"id": one.answer_id, "content": one.content} for one in SECRETS]
MEMBERS = [{"user_id": one.user_id, "display_name": one.display_name, "connected": True} for one in SECRETS]


def found(value, *, reader=BEN, is_shown=True) -> list[str]:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return list(links(data, SECRETS, reader=reader, is_shown=is_shown))


@pytest.mark.parametrize(
    "told",
    [
        {"type": "voting_started", "answers": ANSWERS},
        {"state": {"members": MEMBERS, "host_id": ADA, "round": {"answers": ANSWERS}, "leaderboard": MEMBERS}},
        {"type": "ok", "events": [{"type": "player_joined", "user_id": ADA}, {"answers": ANSWERS}]},
        {"type": "vote_update", "answer_id": BY_ADA.answer_id, "vote_count": 1},
        {
            "now": {
                "connected": [ADA, BEN],
                "vote_counts": {BY_ADA.answer_id: 0},
                "you": {"answer_id": BY_BEN.answer_id},
            }
        },
    ],
)
def test_what_may_be_told_is_no_leak(told):
    assert found(told) == []


def test_one_s_own_answer_is_no_leak_to_oneself():
    assert found({"type": "ok", "answer_id": BY_BEN.answer_id}, is_shown=False) == []
    assert found({"type": "ok", "answer_id": BY_BEN.answer_id}, reader=ADA, is_shown=False) != []


@pytest.mark.parametrize(
    "told",
    [
        {"answers": [ANSWERS[0] | {"by": ADA}]},
        {"answers": ANSWERS, "order": [ADA, BEN]},
        {"type": "ok", "events": [{"type": "voting_started", "answers": ANSWERS, "first": ADA}]},
        {"answers": ANSWERS, "hint": BY_ADA.display_name},
        {"answers": ANSWERS, "hint": ADA.replace("-", "")},
        {"answers": ANSWERS, "hint": ADA.upper()},
        {"answers": ANSWERS, "hint": base64.b64encode(UUID(ADA).bytes).decode()},
        {"answers": ANSWERS, "hint": base64.b64encode(ADA.encode()).decode()},
        {"vote_counts": {BY_ADA.answer_id: 1}, "user_id": ADA},
        b"no json " + BY_ADA.content.encode() + UUID(ADA).bytes,
        {"members": MEMBERS, "round": {"answers": ANSWERS}, "you": {"user_id": ADA}},
    ],
    ids=range(11),
)
def test_a_link_is_found_in_whatever_form(told):
    assert found(told) != []


@pytest.mark.parametrize("value", [BY_ADA.answer_id, BY_ADA.content, BY_ADA.content.encode().hex()])
def test_an_answer_before_voting_is_found(value):
    assert found({"type": "answer_submitted", "hint": value}, is_shown=False) != []


def test_a_line_of_the_log_names_an_answer_or_a_user_and_never_the_content():
    def of_line(line):
        return list(log_links(line.encode(), SECRETS))

    assert of_line(f"user={ADA}") == of_line(f"answer={BY_ADA.answer_id}") == []
    assert of_line(f"user={ADA} answer={BY_ADA.answer_id}") != []
    assert of_line(f"user={BEN} answer={BY_ADA.answer_id}") != []
    assert of_line(f'"content": {json.dumps(BY_ADA.content)}') != []


@pytest.mark.parametrize("n", [3, 4, 5])
def test_an_order_that_shows_is_found_and_chance_is_not(n):
    rng = random.Random(n)
    orders = [rng.sample("abcde"[:n], n) for _ in range(40)]
    assert not tells([(rng.sample(order, n), order) for order in orders])
    assert tells([(order, order) for order in orders])
    assert tells([(order[::-1], order) for order in orders])
