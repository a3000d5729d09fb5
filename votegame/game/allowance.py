"""How many commands of one user a room remembers, where nothing else bounds them."""

from math import ceil

from votegame.errors import ErrorCode
from votegame.game.change import Refusal
from votegame.game.messages import User
from votegame.game.remembered import REMEMBERED_MS
from votegame.game.turn import Turn


def too_many(turn: Turn, user: User) -> Refusal | None:
    """The refusal of one more command of the user, when the room remembers too many of his already."""
    memory, most = turn.state.remembered, turn.house.most_remembered
    if memory.count() < most:
        return None
    taken_ms = memory.taken_ms(user.user_id, since_ms=turn.now - REMEMBERED_MS)
    if len(taken_ms) < most:
        return None
    left_ms = min(taken_ms) + REMEMBERED_MS - turn.now
    return Refusal(ErrorCode.RATE_LIMITED, {"retry_after": ceil(left_ms / 1000)})
