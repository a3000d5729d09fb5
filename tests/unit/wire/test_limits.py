"""What `welcome.limits` says of the server's own frames is true of the largest."""

import random

import pytest

from votegame.game.membership import MOST_LEFT
from votegame.game.presence import Presence
from votegame.game.room_settings import RoomSettings
from votegame.game.state import Answer, Member, Results, Round, State, Vote
from votegame.game.views import snapshot
from votegame.ids import RoomCode, new_uuid
from votegame.wire import frames
from votegame.wire.limits import Limits, server_frame_bytes

WIDE = "\U0001f600"
"""Four bytes, as no character takes more."""


def the_largest_room(n_players: int, n_members: int) -> State:
    rng = random.Random(1)
    user_ids = [new_uuid(rng) for _ in range(n_players)]
    answers = {user_id: Answer(new_uuid(rng), WIDE * Limits().answer_chars) for user_id in user_ids}
    votes = {
        user_id: Vote(new_uuid(rng), answers[user_ids[index - 1]].answer_id) for index, user_id in enumerate(user_ids)
    }
    member = Member(WIDE * Limits().name_chars, score=20 * n_players, has_played=True)
    watching = Member(WIDE * Limits().name_chars, role="spectator")
    order = tuple(answer.answer_id for answer in answers.values())
    return State(
        room_code=RoomCode("ABC234"),
        stream=new_uuid(rng),
        position=10**6,
        base_position=1,
        seq=10**6,
        host_id=user_ids[0],
        settings=RoomSettings(max_players=n_players, topic=WIDE * 60),
        members=dict.fromkeys(user_ids, member) | {new_uuid(rng): watching for _ in range(n_members - n_players)},
        left={new_uuid(rng): member for _ in range(MOST_LEFT)},
        phase=Results(Round(new_uuid(rng), 20, WIDE * 200, frozenset(user_ids)), 60, 2**42, answers, order, votes),
        total_rounds=20,
    )


@pytest.mark.parametrize(("n_players", "n_members"), [(2, 2), (200, 1_000), (1_000, 1_000), (1_000, 2_000)])
def test_the_largest_state_fits(n_players, n_members):
    state = the_largest_room(n_players, n_members)
    user_id = next(iter(state.members))
    fields = snapshot(state, user_id, Presence(frozenset(), {}), now=2**42)
    size = len(frames.ok("i" * 64, {"room_code": state.room_code, "state": fields}))
    assert size <= server_frame_bytes(n_players, n_members)


def test_the_default_holds_for_the_default_numbers_of_players_and_members():
    limits = Limits()
    assert server_frame_bytes(limits.max_players, limits.max_members) == limits.server_frame_bytes
