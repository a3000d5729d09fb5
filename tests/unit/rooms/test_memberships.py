from votegame.rooms.memberships import Memberships


def test_other_rooms_of_a_user_are_counted():
    memberships = Memberships(rooms_per_user=2)
    memberships.update("A", ["ada", "bob"])
    memberships.update("B", ["ada"])
    assert memberships.others("ada", None) == 2
    assert memberships.others("ada", "A") == 1
    assert memberships.others("ada", "C") == 2
    assert memberships.others("bob", None) == 1
    assert memberships.others("eve", "A") == 0


def test_who_left_and_rooms_that_went_are_forgotten():
    memberships = Memberships(rooms_per_user=2)
    memberships.update("A", ["ada", "bob"])
    memberships.update("A", ["bob", "eve"])
    assert memberships.others("ada", None) == 0
    assert memberships.others("eve", None) == 1
    memberships.update("A", ())
    memberships.update("A", ())
    assert memberships.others("bob", None) == 0
    assert memberships._rooms_by_user == {}
    assert memberships._users_by_room == {}


def test_a_user_in_as_many_rooms_as_he_may_be_in_is_full_but_for_those():
    memberships = Memberships(rooms_per_user=2)
    memberships.update("A", ["ada"])
    assert not memberships.is_full("ada", None)
    assert memberships.is_full("ada", None, coming=1)
    memberships.update("B", ["ada"])
    assert memberships.is_full("ada", None)
    assert memberships.is_full("ada", "C")
    assert not memberships.is_full("ada", "A")
    assert set(memberships.of("ada")) == {"A", "B"}
    assert set(memberships.of("eve")) == set()
