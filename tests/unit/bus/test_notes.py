from structlog.testing import capture_logs

from votegame.bus import notes
from votegame.log import REPEAT_SECONDS


def test_a_long_absence_is_told_again_with_the_reason_of_then(monkeypatch):
    now = 1_000.0
    monkeypatch.setattr(notes.time, "monotonic", lambda: now)
    absence = notes.Absence()
    with capture_logs() as logs:
        for second in range(125):
            now = 1_000.0 + second
            absence.noticed("refused" if second < 30 else "no password")
        absence.ended()
        absence.ended()
    assert [entry.get("reason") for entry in logs] == ["refused", "no password", "no password", None]


def test_that_nothing_can_be_sent_is_told_when_it_lasts(monkeypatch):
    now = 1_000.0
    monkeypatch.setattr(notes.time, "monotonic", lambda: now)
    refusals = notes.Refusals()
    told = []
    with capture_logs() as logs:
        for second in range(100):
            now = 1_000.0 + second
            refusals.failed("too many clients")
            if second == 5:
                refusals.ended()
            told.append(len(logs))
    assert told.index(1) == 6 + notes.QUIET_SECONDS
    assert told.index(2) == 6 + notes.QUIET_SECONDS + REPEAT_SECONDS
    assert {entry["reason"] for entry in logs} == {"too many clients"}
