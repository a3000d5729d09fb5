"""`votegame bots CODE`: bots come to a room of any server, and go when it is over, or on Ctrl-C."""

import argparse
import asyncio
import contextlib
import math
import random
import re
import signal
from typing import Final
from urllib.parse import urlsplit

from votegame.bots.bank import Deck, name_of
from votegame.bots.bot import Bot, Table
from votegame.client import ClientError

EXIT_OK: Final = 0
MOST: Final = 50
_CODE: Final = re.compile(r"[0-9A-Za-z]{6}")
_ARRIVAL_SECONDS: Final = (0.3, 1.5)

DESCRIPTION: Final = """\
Have bots join a room as guests: they answer from a bank of answers, vote for others, and now and then react, at the
pace of people. They never start anything; a bot that becomes host hands over. They leave when the room is over, when
nobody but bots has been there for a minute, or on Ctrl-C.

It needs nothing but the URL of a server, and no setting of one. Each bot is a new guest: a server with the usual limits
lets in 20 an hour from one address.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("code", type=_code, metavar="CODE", help="the code of the room")
    parser.add_argument("--count", type=_count, default=3, metavar="N", help=f"how many, 1 to {MOST} (default: 3)")
    parser.add_argument("--url", type=_url, default="http://localhost:8000", help="the server (default: %(default)s)")
    parser.add_argument(
        "--pace", type=_pace, default=1.0, metavar="SHARE", help="multiply all waits by this: 0.1 for hasty bots"
    )


def _code(text: str) -> str:
    if not _CODE.fullmatch(text):
        raise argparse.ArgumentTypeError("six letters and digits, as in ABC234")
    return text


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise argparse.ArgumentTypeError("a URL, as in http://localhost:8000")
    return text


def _pace(text: str) -> float:
    with contextlib.suppress(ValueError):
        share = float(text)
        if 0 <= share < math.inf:
            return share
    raise argparse.ArgumentTypeError("a number from 0 on")


def _count(text: str) -> int:
    with contextlib.suppress(ValueError):
        number = int(text)
        if 1 <= number <= MOST:
            return number
    raise argparse.ArgumentTypeError(f"a number from 1 to {MOST}")


def run(args: argparse.Namespace) -> int:
    """Play until the room is over; returns the exit code. Raises ClientError when no bot was let in."""
    with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
        asyncio.run(play(args.url, args.code, args.count, args.pace))
    return EXIT_OK


async def play(url: str, code: str, count: int, pace: float) -> None:
    """Have so many bots play. Raises ClientError when no bot was let in."""
    playing = asyncio.current_task()
    assert playing is not None
    with contextlib.suppress(NotImplementedError):  # on Windows
        # Both: a shell that starts this in the background has Ctrl-C ignored, and Python leaves it at that.
        for signum in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(signum, playing.cancel)
    rng = random.Random()  # noqa: S311 - for a game
    table = Table(Deck(rng), rng, pace, set())
    errors: list[ClientError] = []
    async with asyncio.TaskGroup() as bots:
        for number in range(count):
            bot = Bot(table, name_of(number))
            bots.create_task(_play(bot, url, code, errors), name=f"bot {bot.name}")
            await asyncio.sleep(rng.uniform(*_ARRIVAL_SECONDS) * pace)
    if len(errors) == count:
        raise errors[0]


async def _play(bot: Bot, url: str, code: str, errors: list[ClientError]) -> None:
    print(f"{bot.name} comes")
    try:
        print(f"{bot.name} goes: {await bot.play(url, code)}")
    except ClientError as error:
        print(f"{bot.name} cannot play: {error}")
        errors.append(error)
