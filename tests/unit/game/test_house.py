import random
from itertools import permutations

from votegame.game.house import any_unasked, some_unasked
from votegame.game.question import Person, Question, Wish
from votegame.ids import UserId

ANYTHING = Wish("", "en", "default")
ONE, TWO, THREE, FOUR = (Question(key, f"{key}?") for key in ("one", "two", "three", "four"))


class Groups:
    """A bank that has the same groups for any wish."""

    def __init__(self, *groups):
        self._groups = groups

    def fitting(self, wish):
        return iter(self._groups)

    def naming(self, people, language):
        return lambda question: question.text in [f"{person.display_name}?" for person in people]


def any_of(bank, asked=frozenset(), names=()):
    people = [Person(UserId(name), name) for name in names]
    rng = random.Random(1)
    return {any_unasked(bank, ANYTHING, asked, people, rng) for _ in range(50)}


def test_any_of_those_that_fit_best_may_come():
    assert any_of(Groups([ONE, TWO], [THREE])) == {ONE, TWO}


def test_what_was_asked_may_not():
    assert any_of(Groups([ONE, TWO], [THREE]), {"one"}) == {TWO}


def test_a_later_group_is_for_when_those_before_it_are_used_up_or_empty():
    assert any_of(Groups([], [ONE, TWO], [ONE, THREE]), {"one", "two"}) == {THREE}


def test_in_the_end_there_is_none():
    assert any_of(Groups([ONE], [ONE], []), {"one"}) == {None}


def test_who_is_in_the_room_is_named_only_when_nothing_else_is_left():
    bank = Groups([ONE, TWO], [TWO, THREE])
    assert any_of(bank, names=["one"]) == {TWO}
    assert any_of(bank, names=["one", "two"]) == {THREE}
    assert any_of(bank, {"three"}, ["one", "two"]) == {ONE, TWO}
    assert any_of(bank, {"three", "one"}, ["one", "two"]) == {TWO}


def some_of(bank, count, asked=frozenset(), names=()):
    people = [Person(UserId(name), name) for name in names]
    rng = random.Random(1)
    found = [some_unasked(bank, ANYTHING, asked, people, rng, count) for _ in range(50)]
    assert all(len(set(questions)) == len(questions) for questions in found)
    return found


def test_some_that_fit_best_are_different_ones_in_any_order():
    bank = Groups([ONE, TWO, THREE], [FOUR])
    assert set(map(tuple, some_of(bank, 2))) == set(permutations([ONE, TWO, THREE], 2))
    assert {len(questions) for questions in some_of(bank, 9)} == {3}


def test_some_name_nobody_and_were_not_asked_and_fit_equally_well():
    bank = Groups([ONE, TWO], [TWO, THREE, FOUR])
    assert some_of(bank, 3, {"one"}, ["two"])[0] in ([THREE, FOUR], [FOUR, THREE])
    assert some_of(bank, 3, {"one"})[0] == [TWO]
    assert some_of(bank, 3, {"one", "two"}, ["three", "four"])[0] == []
