"""The part of the fold that is about who is in the room, as what, and who is host.

The host is a player. When the last player has left there is no host, and the room closes, whoever still watches.
"""

from typing import assert_never

import msgspec

from votegame.game import records
from votegame.game.proof import refusal, require
from votegame.game.records import Record
from votegame.game.state import Finished, Lobby, Member, State, is_player, players_of

MemberPayload = records.PlayerJoined | records.RoleChanged | records.PlayerLeft | records.HostChanged


def apply_to_members(state: State, record: Record, payload: MemberPayload) -> State:
    """The state after somebody came, went, or became something else. Raises CorruptLogError when it cannot be."""
    match payload:
        case records.PlayerJoined():
            return _joined(state, record, payload)
        case records.RoleChanged():
            return _changed(state, record, payload)
        case records.PlayerLeft():
            return _left(state, record, payload)
        case records.HostChanged():
            require(is_player(state, payload.host_id), record, "the new host is no player")
            require(payload.host_id != state.host_id, record, "he was the host")
            return msgspec.structs.replace(state, host_id=payload.host_id)
        case _:
            assert_never(payload)


def _joined(state: State, record: Record, payload: records.PlayerJoined) -> State:
    require(payload.user_id not in state.members, record, "he was a member")
    require(not state.locked and payload.user_id not in state.banned, record, "he was not let in")
    if payload.role == "player":
        _require_seat(state, record)
    left = {user_id: member for user_id, member in state.left.items() if user_id != payload.user_id}
    before = state.left.get(payload.user_id, Member(payload.display_name))
    member = msgspec.structs.replace(before, display_name=payload.display_name, role=payload.role)
    return msgspec.structs.replace(state, members={**state.members, payload.user_id: member}, left=left)


def _changed(state: State, record: Record, payload: records.RoleChanged) -> State:
    member = state.members.get(payload.user_id)
    if member is None or (member.role, payload.role) != ("spectator", "player"):
        raise refusal(record, "he was no spectator, or is one still")
    _require_seat(state, record)
    changed = msgspec.structs.replace(member, role=payload.role)
    return msgspec.structs.replace(state, members={**state.members, payload.user_id: changed})


def _require_seat(state: State, record: Record) -> None:
    require(len(players_of(state)) < state.settings.max_players, record, "the room was full")
    is_open = state.settings.late_join or isinstance(state.phase, Lobby | Finished)
    require(is_open, record, f"in {state.phase.name}, without late_join")


def _left(state: State, record: Record, payload: records.PlayerLeft) -> State:
    require(payload.user_id in state.members, record, "he was no member")
    members = dict(state.members)
    member = members.pop(payload.user_id)
    left = {**state.left, payload.user_id: member} if member.has_played else state.left
    after = msgspec.structs.replace(state, members=members, left=left, host_id=payload.host_id)
    seated = players_of(after)
    is_hosted = payload.host_id in seated if seated else payload.host_id is None
    require(is_hosted, record, "the host is no player")
    require(state.host_id in (payload.user_id, payload.host_id), record, "another host, while the host stays")
    return after
