"""What all rooms of a node share."""

import random
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct, field

from votegame.clock import Clock
from votegame.game.house import House
from votegame.ids import NodeId, RoomCode
from votegame.limits.admission import Admission, always_open
from votegame.questions.ports import Moderator, QuestionSource
from votegame.rooms.inbox import Heritage
from votegame.rooms.journal import Journal
from votegame.rooms.memberships import Memberships
from votegame.rooms.ports import Outlet, RoomStore


class ElsewhereRooms(Protocol):
    """The rooms that other nodes own, as far as somebody here has to do with them."""

    def settle(self, room_code: RoomCode, owner: NodeId, heritage: Heritage) -> None:
        """The room is another node's: what it left here goes on there."""

    def let_go(self, room_code: RoomCode) -> Heritage:
        """The room is opened here: everything that waited for its owner, and who is attached to it."""


class Environment(Struct, frozen=True, kw_only=True):
    """The parts that an actor works with.

    Attributes:
        node_id: The node, as owner of rooms.
        store: Where logs are.
        journal: Where records go.
        outlet: Where outputs leave to.
        clock: The node's clock.
        rng: Chance.
        house: What the operator fixed.
        memberships: How many rooms each user is in.
        questions: Where the next question comes from.
        moderator: Checks answers; None when there is none, as `house.has_moderation` says.
        elsewhere: The rooms that other nodes own; None when there is no way to another node.
        admission: Whether new rooms, and new members, are taken just now.
        reply_seconds: After this long a command has been answered by its gateway, and is not taken any more.
        rates_are_on: Whether limits per time hold.
        retire_seconds: How long a room without connections and timers stays in memory.
        observe_turn: Told how each command was answered: `ok` or the error's code.
    """

    node_id: NodeId
    store: RoomStore
    journal: Journal
    outlet: Outlet
    clock: Clock
    rng: random.Random
    house: House
    memberships: Memberships
    questions: QuestionSource
    moderator: Moderator | None = None
    elsewhere: ElsewhereRooms | None = None
    admission: Admission = field(default_factory=always_open)
    reply_seconds: float = 5.0
    rates_are_on: bool = True
    retire_seconds: float = 60.0
    observe_turn: Callable[[str], None] = lambda _outcome: None
