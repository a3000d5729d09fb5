"""What follows from a reaction: a notice, and nothing that is kept.

So a retry reacts again, as a second click would. How often a member may is no matter of the rules, which see what is
kept only; `votegame.rooms.reaction_rates` bounds it.
"""

from votegame.game.change import Ok, Reply
from votegame.game.commands import React
from votegame.game.messages import User
from votegame.game.turn import Turn


def react(turn: Turn, user: User, command: React) -> Reply:
    """All members are told, the one who reacts included."""
    turn.notice("reaction", user.user_id, {"user_id": user.user_id, "reaction": command.reaction})
    return Ok({}, durable=False)
