from votegame.rooms.history import HISTORY_BYTES, HISTORY_FRAMES, History, Kept


def kept(*seqs, size=1):
    history = History()
    for seq in seqs:
        history.keep(Kept(seq, b"%d" % seq + b" " * (size - 1)))
    return history


def between(history, last_seq, seq):
    return [each.frame for each in history.between(last_seq, seq)]


def test_exactly_the_frames_between():
    history = kept(3, 4, 5, 6)
    assert between(history, 4, 6) == [b"5", b"6"]
    assert between(history, 2, 6) == [b"3", b"4", b"5", b"6"]
    assert between(history, 6, 6) == []


def test_what_is_older_than_what_is_kept_or_was_never_told_is_not_there():
    history = kept(3, 4, 5, 6)
    assert history.between(1, 6) is None
    assert history.between(7, 6) is None
    assert History().between(4, 5) is None
    assert History().between(5, 5) == []


def test_the_oldest_go_first_when_there_are_too_many():
    history = kept(*range(1, HISTORY_FRAMES + 2))
    assert history.between(0, HISTORY_FRAMES + 1) is None
    assert len(history.between(1, HISTORY_FRAMES + 1)) == HISTORY_FRAMES


def test_the_oldest_go_first_when_they_are_too_large():
    size = HISTORY_BYTES // 3
    history = kept(1, 2, 3, 4, size=size)
    assert history.between(0, 4) is None
    assert len(history.between(1, 4)) == 3


def test_a_frame_larger_than_all_is_not_kept():
    history = kept(1, 2, size=HISTORY_BYTES + 1)
    assert history.between(1, 2) is None
    assert history.between(2, 2) == []
