"""Goes up to the limits that a server says it has, and a little further.

What these are, `welcome` says; what is not said is not assumed. Where a limit does not show, and need not, because it
is too far away from here, the story is not judged, and says why.
"""

import asyncio
from typing import Any, Final

from votegame.conformance.desk import Desk, Place, ending
from votegame.conformance.format import SendUntil
from votegame.conformance.frames import shown
from votegame.conformance.link import Came
from votegame.conformance.matcher import Variables, differences, filled
from votegame.conformance.troubles import UncheckedError

_REPLY_SECONDS: Final = 10.0
_AT_ONCE: Final = 25
"""Commands that are sent before their replies are read: fewer than a connection may be refused before it is closed."""
_MOST_COMMANDS: Final = 10_000
_MOST_SECONDS: Final = 20.0


async def send_until(desk: Desk, place: Place, how: SendUntil, variables: Variables) -> None:
    """Send a command again and again until one is refused for its rate.

    At once as many must be taken as the server says, and never more than it says for the time that has passed.

    Raises:
        StoppedError: That is not so.
        UncheckedError: So many cannot be sent from here.
    """
    loop = asyncio.get_running_loop()
    burst, per_second = filled(how.burst, variables), filled(how.per_second, variables)
    far = (
        f"limits.command_burst is {burst} and limits.commands_per_second {per_second}: more than can be sent from here"
    )
    if burst > _MOST_COMMANDS:
        raise UncheckedError(far)
    command, started = filled(how.command, variables), loop.time()
    n_sent = n_taken = 0
    while n_sent == n_taken:
        if n_sent > burst + _MOST_COMMANDS or loop.time() - started > _MOST_SECONDS:
            raise UncheckedError(far)
        await desk.send(place, command, _AT_ONCE)
        n_sent += _AT_ONCE
        n_taken += [await _is_taken(desk, place, how.refused, variables) for _ in range(_AT_ONCE)].count(True)
        seconds = loop.time() - started
        if n_taken > burst + per_second * seconds + 1:
            what = f"{n_taken} commands were taken in {seconds:.2f} s; does it limit no rates, as --no-rates would say?"
            desk.stop(place[0], expected=shown(how.refused), came="`ok` for each", what=[what])
    if n_taken < burst:
        what = f"of {burst} commands that a connection may send at once, only {n_taken} were taken"
        desk.stop(place[0], expected=f"{burst} times `ok`", came=f"{n_taken} times `ok`", what=[what])


async def _is_taken(desk: Desk, place: Place, refused: Any, variables: Variables) -> bool:
    """Whether the next reply is an `ok`; one that is not must be like `refused`."""
    while True:
        came = await desk.next(place, _REPLY_SECONDS)
        if not isinstance(came, Came):
            desk.stop(place[0], expected="a reply", came=ending(came), what=["a command had no reply"])
        if desk.is_passed_over(came.frame):
            continue
        if came.frame.get("type") == "ok":
            return True
        found = [str(each) for each in differences({"type": "error", **refused}, came.frame, dict(variables))]
        if found:
            desk.stop(place[0], expected=shown(refused), came=came.text, what=found)
        return False
