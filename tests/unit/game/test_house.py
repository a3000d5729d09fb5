from votegame.game.house import unasked
from votegame.game.question import Question, Wish

ANYTHING = Wish("", "en", "default")
ONE, TWO, THREE = (Question(key, f"{key}?") for key in ("one", "two", "three"))


class Groups:
    """A bank that has the same groups for any wish."""

    def __init__(self, *groups):
        self._groups = groups

    def fitting(self, wish):
        return iter(self._groups)


def test_all_of_the_first_group_may_come():
    assert list(unasked(Groups([ONE, TWO], [THREE]), ANYTHING, frozenset())) == [ONE, TWO]


def test_what_was_asked_may_not():
    assert list(unasked(Groups([ONE, TWO], [THREE]), ANYTHING, {"one"})) == [TWO]


def test_a_later_group_is_for_when_those_before_it_are_used_up_or_empty():
    assert list(unasked(Groups([], [ONE, TWO], [ONE, THREE]), ANYTHING, {"one", "two"})) == [THREE]


def test_in_the_end_there_is_none():
    assert list(unasked(Groups([ONE], [ONE]), ANYTHING, {"one"})) == []
