"""Frames over a real socket, as they should not be."""

import json

import pytest

from tests.integration.gateway_kit import frame, running_house


@pytest.fixture
async def house():
    async with running_house() as house:
        yield house


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}, 400),
        ({"Sec_WebSocket_Version": "13\r\nSec-WebSocket-Version: 8"}, 426),
        ({"Sec_WebSocket_Key": None}, 400),
        ({"Sec_WebSocket_Key": "c2hvcnQ="}, 400),
        ({"Sec_WebSocket_Key": "not base64!"}, 400),
        ({"Sec_WebSocket_Version": "8"}, 426),
        ({"Sec_WebSocket_Version": "99"}, 426),
        ({"Sec_WebSocket_Version": None}, 426),
        ({"Upgrade": None}, 400),
        ({"Connection": "close"}, 400),
        ({"version": "1.0"}, 400),
        ({"Content_Length": "5"}, 400),
        ({"method": "POST"}, 405),
        ({"method": "HEAD"}, 405),
        ({"Origin": "https://evil.example"}, 403),
        ({"Authorization": "Bearer wrong"}, 401),
    ],
)
async def test_faulty_upgrades_are_refused(house, headers, status):
    got, answer, _, _ = await house.request(**headers)

    assert got == status
    assert answer.get("sec-websocket-version") == ("13" if status == 426 else None)


@pytest.mark.parametrize(
    ("offered", "echoed"),
    [(None, None), ("votegame.v1", "votegame.v1"), ("foo, votegame.v1", "votegame.v1")],
)
async def test_a_known_or_no_subprotocol_is_taken(house, offered, echoed):
    status, answer, _, _ = await house.request(Sec_WebSocket_Protocol=offered)

    assert (status, answer.get("sec-websocket-protocol")) == (101, echoed)
    assert answer["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert "sec-websocket-extensions" not in answer


@pytest.mark.parametrize("offered", ["foo", "votegame.v2", ", ".join(f"p{n}" for n in range(200))])
async def test_unknown_subprotocols_are_refused_with_the_known_ones(house, offered):
    status, answer, body, _ = await house.request(Sec_WebSocket_Protocol=offered)

    assert (status, answer["content-type"]) == (400, "application/problem+json")
    assert json.loads(body)["versions"] == ["votegame.v1"]


async def test_a_connection_may_say_upgrade_on_a_line_of_its_own(house):
    status, _, _, _ = await house.request(Connection="keep-alive\r\nConnection: Upgrade")

    assert status == 101


async def test_compression_is_not_negotiated(house):
    offer = "permessage-deflate; server_max_window_bits=8"
    status, answer, _, _ = await house.request(Sec_WebSocket_Extensions=offer)

    assert (status, answer.get("sec-websocket-extensions")) == (101, None)


VIOLATIONS = {
    "reserved bit": (frame(0xC1, b"{}"), 1002),
    "unknown opcode": (frame(0x83, b""), 1002),
    "unknown control opcode": (frame(0x8B, b""), 1002),
    "long ping": (frame(0x89, b"x" * 126), 1002),
    "fragmented ping": (frame(0x09, b""), 1002),
    "continuation first": (frame(0x80, b""), 1002),
    "text inside a fragmented one": (frame(0x01, b"{") + frame(0x81, b"}"), 1002),
    "text inside an empty fragment": (frame(0x01, b"") + frame(0x81, b"{}"), 1002),
    "binary inside a fragmented one": (frame(0x01, b"{") + frame(0x82, b"}"), 1002),
    "no mask": (b"\x81\x02{}", 1002),
    "close of 1 byte": (frame(0x88, b"x"), 1002),
    "close 999": (frame(0x88, (999).to_bytes(2, "big")), 1002),
    "close 1005": (frame(0x88, (1005).to_bytes(2, "big")), 1002),
    "close 1006": (frame(0x88, (1006).to_bytes(2, "big")), 1002),
    "close 1015": (frame(0x88, (1015).to_bytes(2, "big")), 1002),
    "close 5000": (frame(0x88, (5000).to_bytes(2, "big")), 1002),
    "close with a bad reason": (frame(0x88, (1000).to_bytes(2, "big") + b"\xff"), 1007),
    "invalid UTF-8": (frame(0x81, b'"\xff"'), 1007),
    "encoded surrogate": (frame(0x81, b'"\xed\xa0\x80"'), 1007),
    "over-long encoding": (frame(0x81, b'"\xc0\x80"'), 1007),
    "cut character": (frame(0x01, b'"\xc3') + frame(0x80, b'"'), 1007),
    "binary": (frame(0x82, b'{"type":"ping","id":"1"}'), 1003),
    "announced 1 GiB": (frame(0x81, b"", announce=2**30), 1009),
    "announced 2^63": (frame(0x81, b"", announce=2**63), 1009),
    "one byte too many": (frame(0x81, b" " * 16_385), 1009),
    "too many in fragments": (frame(0x01, b" " * 16_000) + frame(0x80, b" " * 385), 1009),
}


@pytest.mark.parametrize("name", VIOLATIONS)
async def test_violations_close_with_their_code_and_soon(house, name):
    data, code = VIOLATIONS[name]
    client = await house.connect("ada")
    client.send_raw(data + frame(0x81, b'{"type":"ping","id":"after"}'))

    assert await client.close_code() == code
    assert await client.is_gone()


async def test_the_reason_of_a_large_frame_arrives_while_the_client_still_sends(house):
    client = await house.connect("ada")
    client.send_raw(frame(0x81, b" " * 1_000_000, mask=b"\0\0\0\0"))

    assert await client.close_code() == 1009


@pytest.mark.parametrize(
    "payload", [b"", (1000).to_bytes(2, "big"), (1001).to_bytes(2, "big") + b"x" * 123, (4999).to_bytes(2, "big")]
)
async def test_valid_close_frames_are_echoed_and_end_the_socket(house, payload):
    client = await house.connect("ada")
    client.send_raw(frame(0x88, payload) + frame(0x81, b'{"type":"ping","id":"after"}'))

    assert await client.frame() == (8, payload[:2])
    assert await client.is_gone()


async def test_a_character_may_be_cut_at_the_border_of_fragments(house):
    client = await house.connect("ada")
    text = json.dumps({"type": "ping", "id": "é"}, ensure_ascii=False).encode()
    cut = text.index("é".encode()) + 1
    client.send_raw(frame(0x01, text[:cut]) + frame(0x89, b"between") + frame(0x80, text[cut:]))

    assert await client.frame() == (0xA, b"between")
    assert (await client.next())["id"] == "é"


async def test_the_largest_frame_is_handled(house):
    client = await house.connect("ada")
    command = '{"type":"ping","id":"1"'
    client.send_text(command + " " * (16_384 - len(command) - 1) + "}")

    assert (await client.next())["type"] == "ok"


async def test_frames_may_come_byte_by_byte_and_many_at_once(house):
    client = await house.connect("ada")
    for byte in frame(0x81, b'{"type":"ping","id":"slow"}'):
        client.send_raw(bytes((byte,)))
        await client.writer.drain()
    client.send_raw(b"".join(frame(0x81, b'{"type":"ping","id":"%d"}' % n) for n in range(5)))

    assert [(await client.next())["id"] for _ in range(6)] == ["slow", "0", "1", "2", "3", "4"]


async def test_frames_that_come_with_the_request_are_not_lost(house):
    token = frame(0x81, b'{"type":"authenticate","id":"1","token":"token-ada"}')
    too_early = frame(0x81, b'{"type":"ping","id":"2"}')
    status, _, _, client = await house.request(then=token + too_early[:5])
    client.send_raw(too_early[5:])

    assert status == 101
    assert [(await client.next())["type"] for _ in range(3)] == ["welcome", "ok", "ok"]


async def test_nothing_waits_that_came_with_the_request_however_much_it_was(house):
    large = json.dumps({"type": "ping", "id": "1", "more": "x" * 16_000}).encode()
    status, _, _, client = await house.request(Authorization="Bearer token-ada", then=frame(0x81, large) * 18)
    client.send(type="ping", id="2")

    assert status == 101
    assert [(await client.next()).get("id") for _ in range(20)] == [None, *["1"] * 18, "2"]


@pytest.mark.parametrize("text", ["", " ", "\n"])
async def test_empty_frames_are_not_json(house, text):
    client = await house.connect("ada")
    client.send_text(text)
    client.send(type="ping", id="1")

    bad = await client.next()
    assert (bad["code"], bad["id"]) == ("bad_json", None)
    assert (await client.next())["id"] == "1"


@pytest.mark.parametrize("opcode", [0x9, 0xA])
async def test_a_flood_of_pings_or_pongs_is_a_violation(house, opcode):
    client = await house.connect("ada")
    client.send_raw(frame(0x80 | opcode, b"") * 200)

    assert await client.close_code() == 1008
