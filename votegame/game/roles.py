"""What a member is in a room: a player, who takes one of its seats, or a spectator, who only sees."""

from typing import Literal

Role = Literal["player", "spectator"]
