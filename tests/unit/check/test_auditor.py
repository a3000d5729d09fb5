import msgspec

from tests.played import a_game
from votegame.check.auditor import Auditor
from votegame.game.records import Cause, Record, SettingsUpdated, to_row
from votegame.game.remembered import REMEMBERED_MS
from votegame.game.room_settings import RoomSettings


def follow(auditor: Auditor, record: Record, epoch: int = 1) -> list[str]:
    return list(auditor.findings(to_row(record), record.decided_ms, epoch))


def test_an_honest_log_has_no_findings():
    room = a_game()
    auditor = Auditor(room.host.user_id, 1)
    assert [what for record in room.records for what in follow(auditor, record)] == []
    assert auditor.state == room.state


def test_commands_are_forgotten_after_their_time_so_that_memory_stays_flat():
    room = a_game()
    auditor = Auditor(room.host.user_id, 1)
    for number in range(100):
        record = Record(
            position=number + 1,
            seq=number + 1,
            decided_ms=room.now + number * REMEMBERED_MS // 10,
            payload=SettingsUpdated(settings=RoomSettings()),
            cause=Cause(room.host.user_id, f"c{number}", ""),
        )
        follow(auditor, record)
    assert len(auditor._taken) <= 12


def test_a_command_that_comes_again_in_time_is_found_though_others_were_forgotten():
    room = a_game()
    auditor = Auditor(room.host.user_id, 1)
    last = room.records[-1]
    found = []
    for number, after_ms in enumerate((0, REMEMBERED_MS, REMEMBERED_MS + 1, 2 * REMEMBERED_MS)):
        cause = Cause(room.host.user_id, "odd" if number % 2 else "even", "")
        record = msgspec.structs.replace(last, decided_ms=room.now + after_ms, cause=cause)
        found += [what for what in follow(auditor, record) if "second effect" in what]
    assert found == []
    record = msgspec.structs.replace(record, cause=Cause(room.host.user_id, "even", ""))
    assert any("'even'" in what for what in follow(auditor, record))


def test_a_log_that_was_written_while_the_database_s_clock_was_set_back_has_no_findings():
    room = a_game()
    auditor = Auditor(room.host.user_id, 1)
    last_ms, found = 0, []
    for number, record in enumerate(room.records):
        # The database keeps its times from falling within a log; the node goes on with the time that it had.
        last_ms = max(last_ms, record.decided_ms - (7_200_000 if number > 2 else 0))
        found += auditor.findings(to_row(record), last_ms, 1)
    assert found == []


def test_a_decision_that_was_put_ahead_is_found_by_the_next_one_of_its_owner_and_by_no_other():
    room = a_game()
    for epoch, expected in ((1, 1), (2, 0)):
        auditor = Auditor(room.host.user_id, 2)
        found = []
        for number, record in enumerate(room.records[:4]):
            moved = msgspec.structs.replace(record, decided_ms=record.decided_ms + 3_600_000 * (number == 2))
            found += auditor.findings(to_row(moved), record.decided_ms, epoch if number > 2 else 1)
        assert len([what for what in found if "before the record ahead of it" in what]) == expected


def test_a_decision_more_than_a_day_after_its_commit_is_found():
    room = a_game()
    auditor = Auditor(room.host.user_id, 1)
    first = room.records[0]
    assert list(auditor.findings(to_row(first), first.decided_ms - 86_400_001, 1)) == [
        f"decided at {first.decided_ms}, committed before, at {first.decided_ms - 86_400_001}"
    ]


def test_an_epoch_that_falls_is_told_once():
    room = a_game()
    auditor = Auditor(room.host.user_id, 3)
    epochs = [1, 3, 1, 1, 1]
    found = [follow(auditor, record, epoch) for record, epoch in zip(room.records, epochs, strict=False)]
    assert [len(whats) for whats in found] == [0, 0, 1, 0, 0]
