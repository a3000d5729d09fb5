"""Versions and keys."""

import pytest

from votegame.wire.handshake import (
    Accepted,
    Refused,
    accept_value,
    chosen_protocol,
    handshake,
    offered_protocols,
)

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def judged(**changes):
    headers = {"upgrade": "websocket", "connection": "Upgrade", "version": "13", "key": KEY, "offered": ()}
    return handshake(**headers | changes)


def test_the_example_of_the_rfc_is_accepted():
    assert judged() == Accepted(None)
    assert judged(upgrade="WebSocket", connection="keep-alive, UPGRADE", key=f" {KEY} ") == Accepted(None)
    assert accept_value(KEY) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"upgrade": ""}, 400),
        ({"connection": "close"}, 400),
        ({"version": "8"}, 426),
        ({"version": ""}, 426),
        ({"key": ""}, 400),
        ({"key": "c2hvcnQ="}, 400),
        ({"key": "é"}, 400),
        ({"offered": ("votegame.v2",)}, 400),
    ],
)
def test_what_is_no_handshake_is_refused(changes, status):
    refused = judged(**changes)

    assert isinstance(refused, Refused)
    assert refused.status == status


def test_only_what_was_offered_is_chosen():
    assert chosen_protocol(()) == Accepted(None)
    assert chosen_protocol(offered_protocols(["foo, votegame.v1", "bar"])) == Accepted("votegame.v1")
    assert offered_protocols(["a,, b ", ""]) == ("a", "b")
