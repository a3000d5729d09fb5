"""Whether two views of a room are the same: what a client has folded, and a snapshot of the same `seq`."""

from typing import Any

from votegame.conformance.matcher import differences

State = dict[str, Any]


def unlike(known: State, state: State) -> list[str]:
    """In which fields a snapshot is not as known, in words; what the server has added to snapshots does not matter."""
    return [str(each) for each in differences(_without_time(known), _without_time(state), {})]


def _without_time(state: State) -> State:
    return {name: value for name, value in state.items() if name != "server_time"}
