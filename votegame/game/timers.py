"""The timers of a room, derived from what it is and who is there.

A timer is never cancelled: when its time comes it fires only if it would be set again just so, and so does nothing once
its round, phase or deadline has moved on.
"""

from collections.abc import Iterator
from itertools import islice

from votegame.game.house import House
from votegame.game.messages import Timer, TimerKind
from votegame.game.presence import Presence
from votegame.game.state import ACTING, WITH_ROUND, Closed, Results, State
from votegame.ids import UserId

PLAYERS_TO_START = 2
"""Connected players that a round needs to start (protocol v1, "`start_game`, `next_round`")."""


def timers(state: State, presence: Presence, house: House) -> list[Timer]:
    """All timers that are set now, in no order."""
    found: list[Timer] = []
    phase = state.phase
    if isinstance(phase, Closed):
        return found
    if state.paused_ms is None:
        if isinstance(phase, ACTING):
            found.append(_timer("phase", phase.deadline + house.late_ms, state))
        elif isinstance(phase, Results) and phase.deadline is not None and may_start(state, presence):
            found.append(_timer("results", phase.deadline + house.late_ms, state))
    if not presence.away_since:
        return found
    host_away_since = _host_away_since(state, presence)
    if host_away_since is not None and successor(state, presence) is not None:
        found.append(_timer("host_away", host_away_since + house.host_away_ms, state))
    if not presence.connected:
        since = presence.nobody_since
        if since is None:
            since = max(presence.away_since.values())
        found.append(_timer("closing", since + house.closing_ms, state))
    return found


def _timer(kind: TimerKind, due_ms: int, state: State) -> Timer:
    phase = state.phase
    round_id = phase.round.round_id if isinstance(phase, WITH_ROUND) else None
    return Timer(kind, due_ms, round_id, phase.name)


def _host_away_since(state: State, presence: Presence) -> int | None:
    if state.settings.host_away == "wait" or state.host_id is None:
        return None
    return presence.away_since.get(state.host_id)


def successor(state: State, presence: Presence) -> UserId | None:
    """The connected player who joined first and is not the host, if there is one."""
    return next((user_id for user_id in _connected_players(state, presence) if user_id != state.host_id), None)


def may_start(state: State, presence: Presence) -> bool:
    """Whether enough players are connected for a round to start."""
    found = islice(_connected_players(state, presence), PLAYERS_TO_START)
    return sum(1 for _ in found) == PLAYERS_TO_START


def _connected_players(state: State, presence: Presence) -> Iterator[UserId]:
    """In the order in which they joined; no more of a large room is looked through than is asked for."""
    return (
        user_id
        for user_id, member in state.members.items()
        if member.role == "player" and user_id in presence.connected
    )
