"""Connections to PostgreSQL over TCP that fail, on the loop that serves in production."""

import asyncio
import socket
import struct

import pytest

from votegame.storage.connection import connect, parse_url

uvloop = pytest.importorskip("uvloop")

TIMEOUT = 3.0
RESET = struct.pack("ii", 1, 0)


async def _tried(port: int) -> BaseException:
    """Why there is no connection."""
    params = parse_url(f"postgresql://nobody@127.0.0.1:{port}/nothing?sslmode=disable")
    (outcome,) = await asyncio.gather(connect(params, timeout=TIMEOUT), return_exceptions=True)
    return outcome


async def _refusals(port: int, times: int) -> list[str]:
    return [str(await _tried(port)).split("\n")[0] for _ in range(times)]


def test_a_connection_that_was_refused_does_not_spoil_the_next_one():
    """The number of its descriptor is used again, and the loop still knows the one that had it before."""
    with socket.socket() as deaf, asyncio.Runner(loop_factory=uvloop.Loop) as loop:
        deaf.bind(("127.0.0.1", 0))
        refused = loop.run(_refusals(deaf.getsockname()[1], 4))
    assert refused == ["Connection refused"] * 4


async def _answer_in_part_and_reset(listening: socket.socket) -> None:
    """Both have arrived when the client looks."""
    loop = asyncio.get_running_loop()
    connected, _address = await loop.sock_accept(listening)
    await loop.sock_recv(connected, 1_000)
    connected.send(b"R\0\0")
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connected.close()


async def _seconds_until_noticed() -> float:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        answering = asyncio.create_task(_answer_in_part_and_reset(listening))
        began = asyncio.get_running_loop().time()
        outcome = await _tried(listening.getsockname()[1])
        await answering
        assert isinstance(outcome, Exception)
        return asyncio.get_running_loop().time() - began


def test_a_connection_that_is_reset_within_an_answer_is_noticed_at_once():
    """The loop calls once more, for what had come before the reset, and watches the socket no longer."""
    with asyncio.Runner(loop_factory=uvloop.Loop) as loop:
        assert loop.run(_seconds_until_noticed()) < TIMEOUT / 3
