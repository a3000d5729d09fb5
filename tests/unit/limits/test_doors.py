import pytest

from votegame.game.commands import CreateRoom, JoinRoom, LeaveRoom
from votegame.limits.doors import Doors, Visit
from votegame.wire.limits import Limits

JOIN = JoinRoom(id="1", room_code="WRONG2")
LEAVE = LeaveRoom(id="1", room_code="WRONG2")


class Porter:
    def __init__(self, *, rates_are_on: bool = True) -> None:
        self.missed = 0
        self.doors = Doors(Limits(), rates_are_on=rates_are_on, missed=self._miss)

    def _miss(self) -> None:
        self.missed += 1

    def wait(self, command, *, user="ada", address="192.0.2.1", is_inside=False, now=1.0, outcome=None) -> float:
        visit = self.doors.enter(command, user, address, is_inside=is_inside, now=now)
        if not isinstance(visit, Visit):
            return visit
        if outcome is not None:
            self.doors.leave(visit, outcome, now)
        return 0.0


def test_guesses_of_many_addresses_have_a_limit_together_and_are_counted():
    porter = Porter()
    for number in range(1_000):
        command = JOIN if number % 2 else LEAVE
        assert porter.wait(command, user=f"u{number}", address=f"a{number}", outcome="missed") == 0.0
    assert 0 < porter.wait(JOIN, user="another", address="another") <= 0.1
    assert porter.wait(JOIN, user="another", address="another", now=1.2) == 0.0
    assert porter.missed == 1_000


@pytest.mark.parametrize("command", [JOIN, LEAVE])
@pytest.mark.parametrize("outcome", ["ok", "refused", "unknown"])
def test_what_is_no_wrong_code_costs_nothing(command, outcome):
    porter = Porter()
    assert {porter.wait(command, outcome=outcome) for _ in range(100)} == {0.0}
    assert porter.missed == 0


@pytest.mark.parametrize("command", [JOIN, LEAVE])
def test_in_a_room_that_one_is_in_nothing_is_counted(command):
    porter = Porter()
    assert {porter.wait(command, is_inside=True, outcome="missed") for _ in range(100)} == {0.0}
    assert porter.missed == 0


def come_and_go(porter, *, now, user="ada", is_inside=True) -> float:
    """The wait of a join; when there is none, the room is left as well."""
    wait = porter.wait(JOIN, user=user, now=now, outcome="ok")
    return wait or porter.wait(LEAVE, user=user, is_inside=is_inside, now=now, outcome="ok")


@pytest.mark.parametrize("is_inside", [True, False])
def test_who_comes_and_goes_again_and_again_waits_before_he_comes_again(is_inside):
    porter = Porter()
    assert {come_and_go(porter, now=1.0, is_inside=is_inside) for _ in range(10)} == {0.0}
    assert porter.wait(JOIN) == 10.0
    assert porter.wait(JOIN, user="ben") == 0.0
    assert come_and_go(porter, now=11.0) == 0.0
    assert porter.wait(JOIN, now=11.0) == 10.0
    # He may always go, and whoever goes ten times in a minute and a half never waits.
    assert porter.wait(LEAVE, is_inside=True, now=11.0, outcome="ok") == 0.0
    assert {come_and_go(porter, now=1_000.0 + 10 * number) for number in range(30)} == {0.0}


def test_who_loses_his_connections_and_comes_back_has_left_nothing():
    porter = Porter()
    assert {porter.wait(JOIN, outcome="ok") for _ in range(200)} == {0.0}
    assert {porter.wait(LEAVE, is_inside=True, outcome="refused") for _ in range(50)} == {0.0}
    assert porter.wait(JOIN) == 0.0


def test_without_rates_one_may_come_and_go():
    porter = Porter(rates_are_on=False)
    assert {come_and_go(porter, now=1.0) for _ in range(100)} == {0.0}


def test_who_is_in_a_room_can_ask_for_its_state_whatever_his_neighbours_guess():
    porter = Porter()
    while not porter.wait(JOIN, user="guesser", outcome="missed"):
        pass
    assert porter.wait(JOIN) > 0
    assert porter.wait(JOIN, is_inside=True) == 0


def test_without_rates_misses_are_counted_all_the_same():
    porter = Porter(rates_are_on=False)
    assert {porter.wait(JOIN, outcome="missed") for _ in range(100)} == {0.0}
    assert porter.missed == 100


def test_a_creation_whose_outcome_is_not_known_counts_and_is_free_when_sent_again():
    porter = Porter()
    for number in range(5):
        assert porter.wait(CreateRoom(id=str(number)), outcome="unknown") == 0.0
    assert porter.wait(CreateRoom(id="6")) > 0
    assert porter.wait(CreateRoom(id="4")) == 0.0
    assert porter.wait(CreateRoom(id="4"), user="ben") == 0.0
