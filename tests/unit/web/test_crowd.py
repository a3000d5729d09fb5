import resource
from types import SimpleNamespace

import pytest

from votegame.web import crowd
from votegame.web.crowd import Crowd, most_connections


def test_as_many_as_there_may_be_come_in():
    assert [Crowd(2).refuses(count, 0.0) for count in range(4)] == [False, False, True, True]


def test_it_is_told_once_a_minute_how_many_were_refused(monkeypatch):
    told = []
    monkeypatch.setattr(crowd, "log", SimpleNamespace(warning=lambda _what, **fields: told.append(fields["refused"])))
    full = Crowd(0)
    for now in (100.0, 100.0, 159.0, 160.0, 161.0):
        full.refuses(0, now)
    assert told == [1, 3]


@pytest.mark.parametrize(
    ("files", "most"), [(100_000, 15_500), (1_024, 924), (50, 1), (resource.RLIM_INFINITY, 15_500)]
)
def test_there_are_always_files_for_other_things(monkeypatch, files, most):
    monkeypatch.setattr(crowd.resource, "getrlimit", lambda _which: (files, files))
    assert most_connections(10_000) == most
