"""What opens and what does not: everything in Redis is untrusted."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from votegame.cluster.envelope import (
    ENVELOPE_BYTES,
    VERSION,
    Forward,
    Lost,
    Published,
    Replied,
    Sealer,
    Subscribe,
    UnreadableForward,
    encoded,
)
from votegame.game.commands import CreateRoom, JoinRoom, ReadRoom, SubmitAnswer

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
FORWARD = Forward(
    room_code="ABC234",
    token=7,
    connection_id=None,
    user_id="ada",
    display_name="Ada\u2028",
    received_ms=1_000,
    command=SubmitAnswer(id="c1", room_code="ABC234", round_id="0" * 8 + "-0000-4000-8000-" + "0" * 12, answer="Ähm"),
)


def sealed(*messages, key=KEY, receiver="b"):
    encoded_ones = [encoded(message) for message in messages]
    return Sealer(key).sealed(encoded_ones, sender="a", receiver=receiver, epoch=3, number=4, until_ms=5)


def test_what_one_node_seals_another_opens():
    frame = msgspec.Raw(b'{"type":"ok","id":"c1"}')
    messages = [
        FORWARD,
        msgspec.structs.replace(FORWARD, command=JoinRoom(id="c2", room_code="ABC234", role="spectator")),
        msgspec.structs.replace(FORWARD, command=JoinRoom(id="c3", room_code="ABC234")),
        msgspec.structs.replace(FORWARD, command=CreateRoom(id="c5")),
        msgspec.structs.replace(FORWARD, command=ReadRoom(id="c4", room_code="ABC234")),
        Replied(room_code="ABC234", token=7, connection_id="x", frame=frame, durable=True),
        Published(room_code="ABC234", frame=frame, seq=9),
        Subscribe(room_code="ABC234", ref=1, stream="s", seq=8, sockets={"ada": ["x", "y"]}),
    ]
    envelope = Sealer(KEY).opened(sealed(*messages))
    assert list(envelope.messages) == messages
    assert bytes(envelope.messages[5].frame) == bytes(frame)
    head = (envelope.version, envelope.sender, envelope.receiver, envelope.epoch, envelope.number, envelope.until_ms)
    assert head == (VERSION, "a", "b", 3, 4, 5)


@pytest.mark.parametrize("place", range(0, 200, 3))
def test_a_changed_byte_and_it_does_not_open(place):
    data = bytearray(sealed(FORWARD))
    data[place] ^= 1
    assert Sealer(KEY).opened(bytes(data)) is None


def test_only_who_has_a_key_can_seal_and_the_previous_one_still_opens():
    assert Sealer(OTHER_KEY).opened(sealed(FORWARD)) is None
    assert Sealer(OTHER_KEY, KEY).opened(sealed(FORWARD)) is not None
    assert (
        Sealer(KEY).opened(Sealer(OTHER_KEY, KEY).sealed([], sender="a", receiver="b", epoch=1, number=1, until_ms=0))
        is None
    )


def test_what_only_a_later_version_knows_does_not_open():
    messages = [b'{"type":"teleport","room_code":"ABC234"}']
    data = Sealer(KEY).sealed(messages, sender="a", receiver="b", epoch=1, number=1, until_ms=0)
    assert Sealer(KEY).opened(data) is None


def test_fields_that_a_later_version_adds_are_no_obstacle():
    messages = [encoded(FORWARD)[:-1] + b',"mood":"good"}']
    data = Sealer(KEY).sealed(messages, sender="a", receiver="b", epoch=1, number=1, until_ms=0)
    assert list(Sealer(KEY).opened(data).messages) == [FORWARD]


@pytest.mark.parametrize(
    ("now", "later"), [(b'"submit_answer"', b'"hum_answer"'), (b'"answer":"', b'"answer":5,"sung":"')]
)
def test_a_command_of_a_later_version_is_known_for_one_and_the_others_open(now, later):
    data = encoded(FORWARD).replace(now, later)
    other = Lost(room_code="ABC234", user_id="ada", connection_id="x")
    envelope = Sealer(KEY).opened(
        Sealer(KEY).sealed([data, encoded(other)], sender="a", receiver="b", epoch=3, number=4, until_ms=5)
    )
    assert list(envelope.messages) == [
        UnreadableForward(room_code="ABC234", token=7, connection_id=None, command_id="c1"),
        other,
    ]
    head = (envelope.version, envelope.sender, envelope.receiver, envelope.epoch, envelope.number, envelope.until_ms)
    assert head == (VERSION, "a", "b", 3, 4, 5)


def test_a_command_that_no_client_could_send_does_not_open():
    data = encoded(FORWARD).replace(b'"id":"c1"', b'"id":"%s"' % (b"x" * 65))
    assert (
        Sealer(KEY).opened(Sealer(KEY).sealed([data], sender="a", receiver="b", epoch=1, number=1, until_ms=0)) is None
    )


def test_what_is_too_large_is_not_looked_at():
    frame = msgspec.Raw(b'"%s"' % (b"x" * ENVELOPE_BYTES))
    assert Sealer(KEY).opened(sealed(Published(room_code="ABC234", frame=frame))) is None


@given(st.binary(max_size=300))
def test_nothing_that_is_thrown_at_it_makes_it_raise(data):
    assert Sealer(KEY).opened(data) is None


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_nor_does_anything_that_is_sealed(content):
    body = msgspec.json.encode(content)
    sealer = Sealer(KEY)
    data = sealer.sealed([body], sender="a", receiver="b", epoch=1, number=1, until_ms=0)
    assert sealer.opened(data) is None
