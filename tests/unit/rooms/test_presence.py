from votegame.game.messages import PresenceChanged
from votegame.rooms.presence import PresenceTracker

GRACE = 20_000


def tracker(*members, sockets=None, now=0):
    presence = PresenceTracker(grace_ms=GRACE)
    presence.start(members, sockets or {}, now)
    return presence


def test_after_a_claim_everyone_is_connected_until_the_grace_period_is_over():
    presence = tracker("ada", "bob", now=100)
    assert presence.view().connected == {"ada", "bob"}
    assert presence.next_change_ms() == 100 + GRACE
    assert presence.take_changes(99 + GRACE) is None
    assert presence.take_changes(100 + GRACE) == PresenceChanged(gone=("ada", "bob"), back=())
    assert presence.view().connected == frozenset()
    assert presence.view().away_since == {"ada": 100, "bob": 100}
    assert presence.next_change_ms() is None


def test_known_sockets_are_kept_and_others_expected():
    presence = tracker("ada", "bob", sockets={"ada": {"c1"}, "eve": {"c2"}}, now=0)
    assert presence.has_sockets
    assert presence.sockets == {"ada": {"c1"}}
    assert presence.take_changes(GRACE) == PresenceChanged(gone=("bob",), back=())


def test_kept_sockets_are_copies():
    sockets = {"ada": {"c1"}}
    presence = tracker("ada", sockets=sockets)
    presence.lost("ada", "c1", 1)
    assert sockets == {"ada": {"c1"}}


def test_a_lost_socket_counts_for_the_grace_period():
    presence = tracker("ada", sockets={"ada": {"c1"}})
    presence.lost("ada", "c1", 1_000)
    assert presence.view().connected == {"ada"}
    assert presence.view().away_since == {"ada": 1_000}
    assert not presence.has_sockets
    presence.attached("ada", "c2", 1)
    assert presence.take_changes(1_000 + GRACE) is None
    assert presence.view().away_since == {}


def test_who_comes_back_after_the_grace_period_is_told_as_back_once():
    presence = tracker("ada", sockets={"ada": {"c1"}})
    presence.lost("ada", "c1", 0)
    presence.take_changes(GRACE)
    presence.attached("ada", "c2", 1)
    assert presence.view().connected == {"ada"}
    assert presence.take_changes(GRACE + 1) == PresenceChanged(gone=(), back=("ada",))
    assert presence.take_changes(GRACE + 2) is None


def test_the_last_of_several_sockets_counts():
    presence = tracker("ada")
    presence.attached("ada", "c1", 1)
    presence.attached("ada", "c2", 1)
    presence.lost("ada", "c1", 5)
    assert presence.has_sockets
    assert presence.next_change_ms() is None
    presence.lost("ada", "c2", 7)
    assert presence.next_change_ms() == 7 + GRACE


def test_a_late_or_foreign_loss_changes_nothing():
    presence = tracker("ada")
    presence.attached("ada", "c2", 1)
    presence.lost("ada", "c1", 5)
    presence.lost("ada", "c1", 5)
    presence.lost("eve", "c9", 5)
    assert presence.sockets == {"ada": {"c2"}}
    assert presence.view().connected == {"ada"}


def test_a_loss_does_not_begin_a_running_grace_period_anew():
    presence = tracker("ada", sockets={"ada": {"c1"}})
    presence.lost("ada", "c1", 5)
    presence.lost("ada", "c1", 9)
    assert presence.view().away_since == {"ada": 5}


def test_members_who_leave_are_forgotten_and_new_ones_expected():
    presence = tracker("ada", "bob", sockets={"bob": {"c1"}})
    presence.take_changes(GRACE)
    presence.keep_only({"bob": None, "eve": None}, GRACE + 5, 1)
    assert presence.view().connected == {"bob", "eve"}
    assert presence.next_change_ms() == 2 * GRACE + 5
    presence.keep_only({"ada": None}, GRACE + 6, 1)
    assert presence.view().connected == {"ada"}
    assert not presence.has_sockets


def test_the_view_is_made_once_for_each_state():
    presence = tracker("ada")
    view = presence.view()
    presence.keep_only({"ada": None}, 5, 1)
    assert presence.view() is view


def test_a_room_opened_for_a_timer_was_empty_before_until_somebody_comes():
    presence = tracker("ada", now=100)
    presence.expect_nobody(-50)
    assert presence.view().nobody_since == -50
    assert presence.view().connected == {"ada"}
    presence.attached("ada", "c1", 1)
    assert presence.view().nobody_since is None


def test_what_no_one_was_told_yet_is_undone_for_a_successor():
    presence = tracker("ada", "bob", sockets={"ada": {"a1"}})
    presence.attached("bob", "b1", 5)
    presence.attached("ada", "a1", 5)
    presence.keep_only({"bob": None}, 0, 6)
    presence.attached("bob", "b2", 7)
    assert presence.told_sockets() == {"ada": {"a1"}}
    presence.told_up_to(5)
    assert presence.told_sockets() == {"ada": {"a1"}, "bob": {"b1"}}
    presence.told_up_to(6)
    assert presence.told_sockets() == {"bob": {"b1"}}
    presence.told_up_to(7)
    assert presence.told_sockets() == presence.sockets == {"bob": {"b1", "b2"}}


def test_a_socket_that_is_lost_meanwhile_is_not_brought_back():
    presence = tracker("ada", "bob", sockets={"ada": {"a1"}})
    presence.keep_only({"bob": None}, 0, 6)
    presence.lost("ada", "a1", 0)
    assert presence.told_sockets() == {}


def test_one_who_was_gone_before_an_untold_leaving_is_still_gone():
    presence = tracker("ada", "bob", sockets={"bob": {"b1"}})
    presence.take_changes(GRACE)
    presence.keep_only({"bob": None}, GRACE, 6)
    assert presence.told_gone() == {"ada"}
    assert presence.told_sockets() == {"bob": {"b1"}}
    presence.told_up_to(6)
    assert presence.told_gone() == frozenset()


def test_a_request_over_http_counts_for_a_grace_period():
    presence = tracker("ada", now=0)
    presence.seen("ada", 15_000)
    assert presence.take_changes(GRACE) is None
    assert presence.view().away_since == {"ada": 15_000}
    assert presence.take_changes(15_000 + GRACE) == PresenceChanged(gone=("ada",), back=())


def test_a_request_of_one_who_was_gone_brings_him_back():
    presence = tracker("ada")
    presence.take_changes(GRACE)
    presence.seen("ada", GRACE + 5)
    assert presence.take_changes(GRACE + 5) == PresenceChanged(gone=(), back=("ada",))
    assert presence.view().connected == {"ada"}


def test_a_request_of_one_with_a_socket_and_of_a_stranger_change_nothing():
    presence = tracker("ada", sockets={"ada": {"c1"}})
    presence.seen("ada", 5)
    presence.seen("eve", 5)
    assert presence.view().away_since == {}
    assert presence.view().connected == {"ada"}


def test_somebody_is_there_again_after_a_request():
    presence = tracker("ada")
    presence.expect_nobody(0)
    presence.seen("ada", 5)
    assert presence.view().nobody_since is None


def test_of_the_sockets_of_a_node_those_that_it_does_not_name_are_gone_and_no_others():
    presence = tracker("ada", "bob", "eve")
    presence.attached("ada", "here", 1)
    presence.attached("bob", "b1", 2, "other")
    presence.attached("bob", "b2", 3, "other")
    presence.attached("eve", "e1", 4, "third")
    presence.keep_named("other", {"b2"}, 5_000)
    assert presence.sockets == {"ada": {"here"}, "bob": {"b2"}, "eve": {"e1"}}
    presence.keep_named("other", set(), 6_000)
    assert presence.sockets == {"ada": {"here"}, "eve": {"e1"}}
    assert presence.next_change_ms() == 6_000 + GRACE


def test_whose_room_is_opened_anew_still_belongs_to_his_node():
    before = tracker("ada", "bob")
    before.attached("ada", "here", 1)
    before.attached("bob", "b1", 2, "other")
    before.told_up_to(2)
    after = PresenceTracker(grace_ms=GRACE)
    after.start(["ada", "bob"], before.told_sockets(), 100, nodes=before.nodes_of_sockets())
    after.keep_named("other", set(), 200)
    assert after.sockets == {"ada": {"here"}}


def test_so_does_he_whose_leaving_was_not_told_before_that():
    before = tracker("ada", "bob")
    before.attached("bob", "b1", 2, "other")
    before.told_up_to(2)
    before.keep_only({"ada": None}, 50, 3)
    after = PresenceTracker(grace_ms=GRACE)
    after.start(["ada", "bob"], before.told_sockets(), 100, nodes=before.nodes_of_sockets())
    assert after.sockets == {"bob": {"b1"}}
    after.keep_named("other", set(), 200)
    assert after.sockets == {}
