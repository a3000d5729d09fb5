from structlog.testing import capture_logs

from votegame.bus import notes


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
