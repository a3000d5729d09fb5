import pytest

from loadtests.bench.frames import PING, TEXT, accept_key, client_frame, server_frame, split


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536])
def test_frames_of_every_length_are_split_as_they_were_made(length):
    payload = b"x" * length
    assert split(server_frame(payload) + server_frame(b"p", PING)) == ([(TEXT, payload), (PING, b"p")], b"")


@pytest.mark.parametrize("length", [3, 200, 70_000])
def test_what_has_not_come_whole_is_left_over_wherever_it_is_cut(length):
    whole = server_frame(b"y" * length)
    for cut in sorted({*range(1, min(12, len(whole))), len(whole) - 1}):
        frames, rest = split(whole[:cut])
        assert frames == []
        assert split(rest + whole[cut:]) == ([(TEXT, b"y" * length)], b"")


def test_a_client_masks_with_zeros():
    assert client_frame(b"{}") == b"\x81\x82\x00\x00\x00\x00{}"


def test_the_accept_key_is_that_of_the_standard_s_example():
    assert accept_key(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
