from votegame.game.change import Notice
from votegame.rooms.notices import PER_ROOM, REACTIONS, Notices


def vote(answer, count, submitted):
    return Notice("vote_update", answer, {"vote_count": count, "submitted_count": submitted}, ("submitted_count",))


def connection(user, *, connected):
    return Notice("player_connection", user, {"user_id": user, "connected": connected})


def reaction(user, name="fire"):
    return Notice("reaction", user, {"user_id": user, "reaction": name})


def test_only_the_latest_value_of_a_subject_leaves():
    notices = Notices()
    notices.put(vote("a", 1, 1))
    assert list(notices.take(10.0)) == [vote("a", 1, 1)]
    notices.put(vote("a", 2, 2))
    notices.put(vote("a", 3, 3))
    assert list(notices.take(10.04)) == []
    assert notices
    assert list(notices.take(10.06)) == [vote("a", 3, 3)]
    assert not notices


def test_a_shared_field_never_leaves_with_an_older_value():
    notices = Notices()
    notices.put(vote("a", 1, 1))
    notices.put(vote("b", 1, 2))
    assert list(notices.take(10.0)) == [vote("a", 1, 2), vote("b", 1, 2)]


def test_at_most_twenty_a_second_for_a_subject():
    notices = Notices()
    left = 0
    for step in range(1_000):
        notices.put(vote("a", step, step))
        left += len(list(notices.take(10 + step / 1_000)))
    assert 19 <= left <= 20


def test_at_most_a_hundred_a_second_for_a_room():
    notices = Notices()
    left = 0
    for step in range(1_000):
        for user in range(300):
            notices.put(connection(str(user), connected=bool(step % 2)))
        left += len(list(notices.take(10 + step / 1_000)))
    assert left <= 2 * PER_ROOM


def test_nobody_is_passed_over_when_there_are_too_many():
    notices = Notices()
    for user in range(300):
        notices.put(connection(str(user), connected=True))
    told = set()
    for step in range(50):
        told |= {notice.subject for notice in notices.take(10 + step / 10)}
    assert len(told) == 300


def test_counts_of_a_phase_that_ended_never_leave_and_presence_does():
    notices = Notices()
    notices.put(vote("a", 1, 1))
    notices.put(connection("ada", connected=False))
    notices.end_phase()
    assert list(notices.take(10.0)) == [connection("ada", connected=False)]


def test_a_reaction_goes_beyond_the_phase_it_was_sent_in():
    notices = Notices()
    notices.put(reaction("ada", "laugh"))
    notices.put(reaction("ada", "sad"))
    notices.end_phase()
    assert notices
    assert list(notices.take(10.0)) == [reaction("ada", "sad")]


def test_reactions_come_after_everything_else():
    notices = Notices()
    notices.put(reaction("bob"))
    for user in range(PER_ROOM - 1):
        notices.put(connection(str(user), connected=False))
    notices.put(vote("a", 1, 1))
    assert {notice.type for notice in notices.take(10.0)} == {"vote_update", "player_connection"}
    assert list(notices.take(10.1)) == [reaction("bob")]


def test_at_most_twenty_reactions_leave_in_a_second_so_that_others_can():
    notices = Notices()
    left = []
    for tick in range(100):
        now = 10 + tick / 50
        notices.put(reaction(str(tick)))
        left += notices.take(now)
    # Twenty at once, and those of two seconds.
    assert len(left) == 20 + 39
    notices.put(vote("a", 1, 1))
    assert next(notices.take(now)) == vote("a", 1, 1)


def test_of_too_many_reactions_the_oldest_are_left_out_so_that_none_comes_late():
    notices = Notices()
    for user in range(REACTIONS + 50):
        notices.put(reaction(str(user)))
    notices.put(reaction("50", "sad"))
    left = [*notices.take(10.0), *notices.take(11.0)]
    assert [notice.subject for notice in left] == [str(user) for user in range(50, REACTIONS + 50)]
    assert left[0] == reaction("50", "sad")
    assert not notices


def test_who_left_is_forgotten():
    notices = Notices()
    notices.put(connection("ada", connected=False))
    notices.put(connection("bob", connected=False))
    notices.forget("ada")
    assert list(notices.take(10.0)) == [connection("bob", connected=False)]
    notices.forget("bob")
    notices.put(connection("bob", connected=True))
    assert list(notices.take(10.01)) == [connection("bob", connected=True)]
    notices.put(reaction("bob"))
    list(notices.take(10.02))
    notices.put(reaction("bob"))
    notices.forget("bob")
    assert not notices
    assert notices._left_at == {}
