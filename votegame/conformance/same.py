"""Whether two views of a room are the same: what a client has folded, and a snapshot of the same `seq`."""

from typing import Any, Final

from votegame.conformance.matcher import differences

State = dict[str, Any]

_OF_NOW: Final = frozenset({"server_time", "leaderboard"})
"""Not compared: the time, and the board, which events do not carry when somebody joins or leaves."""


def unlike(known: State, state: State) -> list[str]:
    """In which fields a snapshot is not as known, in words; what the server has added to snapshots does not matter."""
    return [str(each) for each in differences(_compared(known), _compared(state), {})]


def _compared(state: State) -> State:
    kept = {name: value for name, value in state.items() if name not in _OF_NOW}
    if isinstance(kept.get("round"), dict):
        kept["round"] = {name: value for name, value in kept["round"].items() if name != "time_limit"}
    return kept
