"""What follows from the settings for parts that know none: the limits that clients are told, the house of the rules."""

import sys
from typing import Any

import msgspec

from votegame.game.house import House, QuestionBank
from votegame.settings.values import Settings
from votegame.wire.limits import Limits, server_frame_bytes


def limits_of(settings: Settings) -> Limits:
    """The limits of a node; those that no setting changes are those of the protocol."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(Limits)}
    chosen: dict[str, Any] = {name: _whole(getattr(settings, name, value)) for name, value in defaults.items()}
    return Limits(**{**chosen, "server_frame_bytes": server_frame_bytes(settings.max_players, settings.max_members)})


def _whole(value: float) -> float:
    """Numbers without a fraction are told without a point, as clients with typed integers expect."""
    return int(value) if value == int(value) else value


def house_of(settings: Settings, bank: QuestionBank, *, has_moderation: bool) -> House:
    """What the rules take as given."""
    house = House(
        bank=bank,
        has_moderation=has_moderation,
        max_members=settings.max_members,
        grace_ms=int(settings.grace_seconds * 1000),
        host_away_ms=int(settings.host_away_seconds * 1000),
        closing_ms=int(settings.closing_seconds * 1000),
    )
    # So many in 10 minutes is a limit per time like any other.
    return house if settings.rates_are_on else msgspec.structs.replace(house, most_remembered=sys.maxsize)
