"""Bytes of a client to messages (RFC 6455, section 5)."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votegame.wire.close_codes import CloseCode
from votegame.wire.websocket import FrameReader, PeerClosed, Ping, Pong, Violation


def frame(first: int, payload: bytes = b"", mask: bytes = b"\x01\x02\x03\x04") -> bytes:
    size = len(payload)
    if size < 126:
        header = bytes((first, 0x80 | size))
    elif size < 65536:
        header = bytes((first, 0xFE)) + size.to_bytes(2, "big")
    else:
        header = bytes((first, 0xFF)) + size.to_bytes(8, "big")
    return header + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def read(data: bytes, max_bytes: int = 16_384) -> list:
    return list(FrameReader(max_bytes).feed(data))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 4_000, 16_384])
def test_text_up_to_the_limit_is_read(size):
    assert read(frame(0x81, b"x" * size)) == ["x" * size]


def test_one_byte_more_is_refused_before_it_has_come():
    assert read(frame(0x81, b"x" * 16_385)[:8]) == [Violation(CloseCode.TOO_LARGE)]
    assert read(frame(0x81, b"x" * 16_385)[:3]) == []
    assert read(bytes((0x81, 0xFF)) + (2**63).to_bytes(8, "big")) == [Violation(CloseCode.TOO_LARGE)]


def test_fragments_make_one_message_with_control_frames_between():
    data = frame(0x01, b"a\xc3") + frame(0x89, b"p") + frame(0x00) + frame(0x8A) + frame(0x80, b"\xa9")

    assert read(data) == [Ping(b"p"), Pong(), "aé"]
    assert read(data + frame(0x81, b"next"))[-1] == "next"


def test_an_empty_pong_by_itself_is_one_wherever_it_comes_but_for_the_middle_of_a_frame_and_the_end():
    pong, unmasked = frame(0x8A), b"\0\0\0\0"
    reader = FrameReader(16_384)
    assert list(reader.feed(pong)) == [Pong()]
    assert list(reader.feed(frame(0x01, b"a"))) == []
    assert list(reader.feed(pong)) == [Pong()]
    assert list(reader.feed(frame(0x80, b"b"))) == ["ab"]
    whole = frame(0x89, b"--" + pong, mask=unmasked)
    assert list(reader.feed(whole[:-6])) == []
    assert list(reader.feed(whole[-6:])) == [Ping(b"--" + pong)]
    assert list(reader.feed(frame(0x88))) == [PeerClosed(None)]
    assert list(reader.feed(pong)) == []


def test_fragments_are_limited_in_size_and_number():
    assert read(frame(0x01, b"x" * 9) + frame(0x80, b"xx"), 10) == [Violation(CloseCode.TOO_LARGE)]
    assert read(frame(0x01, b"x" * 9) + frame(0x80, b"x"), 10) == ["x" * 10]
    assert read(frame(0x01) + frame(0x00) * 20, 10) == [Violation(CloseCode.TOO_LARGE)]


@pytest.mark.parametrize(
    "data",
    [
        frame(0xC1),
        frame(0xA1),
        frame(0x91),
        frame(0x83),
        frame(0x87),
        frame(0x8B),
        frame(0x8F),
        frame(0x09),
        frame(0x89, b"x" * 126),
        frame(0x80),
        frame(0x00),
        frame(0x01) + frame(0x81),
        frame(0x01) + frame(0x82),
        b"\x81\x00",
        frame(0x88, b"x"),
        b"\x81\xfe\x00\x7d",
        b"\x81\xff" + (65_535).to_bytes(8, "big"),
        frame(0x01) + b"\x80\xfe\x00\x00",
        *(frame(0x88, code.to_bytes(2, "big")) for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)),
    ],
)
def test_what_the_rfc_forbids_is_a_protocol_error(data):
    assert read(data) == [Violation(CloseCode.PROTOCOL_ERROR)]


def test_binary_and_broken_text_have_codes_of_their_own():
    assert read(frame(0x82, b"{}")) == [Violation(CloseCode.NOT_TEXT)]
    assert read(frame(0x02, b"{}")) == [Violation(CloseCode.NOT_TEXT)]
    assert read(frame(0x81, b"\xed\xa0\x80")) == [Violation(CloseCode.NOT_UTF8)]
    assert read(frame(0x88, b"\x03\xe8\xff")) == [Violation(CloseCode.NOT_UTF8)]


@pytest.mark.parametrize(("payload", "code"), [(b"", None), (b"\x03\xe8", 1000), (b"\x0b\xb8bye", 3000)])
def test_after_a_close_frame_nothing_is_read(payload, code):
    reader = FrameReader(100)

    assert list(reader.feed(frame(0x88, payload) + frame(0x81, b"late"))) == [PeerClosed(code)]
    assert list(reader.feed(frame(0x81, b"later"))) == []


@given(
    texts=st.lists(st.text(max_size=200), max_size=5),
    cuts=st.lists(st.integers(min_value=1, max_value=40), min_size=1, max_size=40),
    mask=st.binary(min_size=4, max_size=4),
)
def test_messages_do_not_depend_on_how_the_bytes_arrive(texts, cuts, mask):
    data = b"".join(frame(0x81, text.encode(), mask) for text in texts)
    reader = FrameReader(16_384)
    got, position = [], 0
    while position < len(data):
        cut = cuts[position % len(cuts)]
        got.extend(reader.feed(data[position : position + cut]))
        position += cut

    assert got == texts


pieces = st.builds(frame, st.integers(0, 255), st.binary(max_size=60)) | st.binary(max_size=12)


@given(data=st.lists(pieces, max_size=8).map(b"".join), cuts=st.lists(st.integers(0, 500), max_size=8))
def test_whatever_comes_means_the_same_in_pieces(data, cuts):
    reader = FrameReader(100)
    places = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    got = [one for start, end in pairwise(places) for one in reader.feed(data[start:end])]

    assert got == read(data, 100)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_an_exception(data):
    incoming = read(data, 50)

    assert all(not isinstance(one, Violation | PeerClosed) for one in incoming[:-1])
