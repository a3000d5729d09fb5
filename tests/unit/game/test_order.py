"""The order in which voting shows answers tells nothing: neither who gave them nor when.

2,000 rounds are played by the rules, and held against whatever could show through, in two ways. How often was the
answer that was submitted first shown first, second, and so on: with all orders equally likely, the sum of the squared
distances from the mean, times (n - 1) / rounds, is distributed as chi-square with (n - 1)² degrees of freedom. And how
often did each of the n! orders come, which finds what is the same at each place, such as a rotation: n! - 1 degrees of
freedom. Each of these 28 tests has a limit that chance is over once in 100 million times: a false alarm has a
probability below 2.8e-7, and since all chance is seeded it can only come when the rules draw otherwise.
"""

import random
from collections import Counter
from itertools import permutations
from math import factorial

import pytest
from msgspec import Struct

from tests.played import HOUSE, PlayedRoom
from votegame.game import commands, messages
from votegame.game.views import snapshot

ROUNDS = 2_000
ROUNDS_PER_GAME = 20
TELLING = ("submission", "joining", "user ids", "answer ids", "texts", "lengths", "those who are not the last")
LIMITS = {4: 55.5, 5: 70.0}
"""By players: chi-square of 9 and of 16 degrees of freedom is above with a probability below 1e-8."""
ORDER_LIMITS = {4: 83.1, 5: 230.0}
"""The same, of 23 and of 119 degrees of freedom."""

pytestmark = pytest.mark.many_games


class Shown(Struct):
    """A round: answer ids in the order in which voting showed them, and the same in orders that must not show."""

    shown: list[str]
    orders: dict[str, list[str]]


@pytest.fixture(scope="module")
def rounds():
    played = []
    for game in range(ROUNDS // ROUNDS_PER_GAME):
        played += play_a_game(game, n_players=4 + game % 2)
    assert len(played) == ROUNDS
    return played


def play_a_game(seed, n_players):
    chance = random.Random(f"submission {seed}")
    room = PlayedRoom(seed, total_rounds=ROUNDS_PER_GAME)
    players = [room.host, *(room.a_user(f"M{place}") for place in range(1, n_players))]
    for user in players[1:]:
        room.say(user, commands.JoinRoom)
    room.say(room.host, commands.StartGame)
    for number in range(1, ROUNDS_PER_GAME + 1):
        yield play_a_round(room, players, chance)
        room.say(room.host, commands.EndRound)
        if number < ROUNDS_PER_GAME:
            room.say(room.host, commands.NextRound)
    assert room.state.phase.name == "finished"


def play_a_round(room, players, chance):
    submitted = chance.sample(players, len(players))
    sizes = chance.sample(range(20), len(players))
    answer_ids, contents = {}, {}
    for user, size in zip(submitted, sizes, strict=True):
        contents[user.user_id] = f"{chance.random():.15f}{'x' * size}"
        command = commands.SubmitAnswer(
            id=f"{chance.random()}",
            room_code=room.room_code,
            round_id=room.state.phase.round.round_id,
            answer=contents[user.user_id],
        )
        change = room.tell(messages.FromUser(user, command))
        answer_ids[user.user_id] = change.reply.fields["answer_id"]
    (event,) = [output for output in change.public if output.type == "voting_started"]
    shown = [answer["id"] for answer in event.fields["answers"]]
    state = snapshot(room.state, room.host.user_id, room.presence, now=room.now)
    assert [answer["id"] for answer in state["round"]["answers"]] == shown
    user_ids = [user.user_id for user in players]
    orders = {
        "submission": [user.user_id for user in submitted],
        "joining": user_ids,
        "user ids": sorted(user_ids),
        "answer ids": sorted(user_ids, key=answer_ids.__getitem__),
        "texts": sorted(user_ids, key=contents.__getitem__),
        "lengths": sorted(user_ids, key=lambda user_id: len(contents[user_id])),
        "those who are not the last": sorted(user_ids, key=lambda user_id: user_id == submitted[-1].user_id),
    }
    return Shown(shown, {name: [answer_ids[user_id] for user_id in order] for name, order in orders.items()})


def places(rounds, name, n_players):
    """Where the answers of each round of so many players were shown, from the first to the last by this order."""
    found = [[one.shown.index(answer) for answer in one.orders[name]] for one in rounds if len(one.shown) == n_players]
    assert len(found) == ROUNDS // 2
    return found


def by_place(rounds, name, n_players):
    """The chi-square of ranks and places."""
    found = places(rounds, name, n_players)
    counts = Counter(pair for places_shown in found for pair in enumerate(places_shown))
    mean = len(found) / n_players
    squares = [(counts[rank, place] - mean) ** 2 for rank in range(n_players) for place in range(n_players)]
    return sum(squares) * (n_players - 1) / len(found)


def by_order(rounds, name, n_players):
    """The chi-square of whole orders."""
    found = places(rounds, name, n_players)
    counts = Counter(map(tuple, found))
    mean = len(found) / factorial(n_players)
    return sum((counts[order] - mean) ** 2 / mean for order in permutations(range(n_players)))


@pytest.mark.parametrize("n_players", LIMITS)
@pytest.mark.parametrize("name", TELLING)
def test_places_in_voting_tell_nothing(rounds, name, n_players):
    assert by_place(rounds, name, n_players) < LIMITS[n_players]
    assert by_order(rounds, name, n_players) < ORDER_LIMITS[n_players]


@pytest.mark.parametrize("n_players", LIMITS)
@pytest.mark.parametrize("name", TELLING)
def test_an_order_that_shows_in_one_round_of_six_would_be_found(rounds, name, n_players):
    """Not only if it always showed: the test above is worth something."""
    leaking = [
        Shown(one.orders[name] if place // 2 % 6 == 0 else one.shown, one.orders) for place, one in enumerate(rounds)
    ]
    assert by_place(leaking, name, n_players) > LIMITS[n_players]


@pytest.mark.parametrize("n_players", LIMITS)
@pytest.mark.parametrize("name", TELLING)
def test_an_order_that_begins_anywhere_would_be_found(rounds, name, n_players):
    chance = random.Random(1)
    rotated = []
    for one in rounds:
        start = chance.randrange(len(one.shown))
        order = one.orders[name]
        rotated.append(Shown(order[start:] + order[:start], one.orders))
    assert by_place(rotated, name, n_players) < LIMITS[n_players]
    assert by_order(rotated, name, n_players) > ORDER_LIMITS[n_players]


def test_the_games_were_real(rounds):
    assert len({answer_id for one in rounds for answer_id in one.shown}) == ROUNDS // 2 * (4 + 5)
    assert all(set(one.shown) == set(one.orders["submission"]) for one in rounds)
    assert len(HOUSE.bank) > ROUNDS_PER_GAME
