"""Records in the columns of the log."""

import msgspec
import pytest

from tests.played import a_game
from votegame.errors import CorruptLogError, LaterVersionError
from votegame.game import records
from votegame.game.records import FORMAT_VERSION, READABLE_VERSION, from_row, to_row


@pytest.fixture(scope="module")
def rows():
    return {to_row(record).type: to_row(record) for record in reversed(a_game().records)}


def test_every_record_comes_back_from_its_row():
    for record in a_game().records:
        assert from_row(to_row(record)) == record


def test_no_fact_stands_in_two_columns(rows):
    for row in rows.values():
        assert not {"type", "round_id", "user_id", "command_id", "position", "seq"} & row.payload.keys()


def test_the_author_of_a_command_stands_in_a_column_also_where_the_record_names_nobody(rows):
    assert rows["game_started"].user_id == rows["base"].user_id is not None
    assert rows["game_started"].command_id
    assert rows["voting_started"].command_id is None


def test_types_are_the_names_of_events_and_hidden_ones_have_no_number(rows):
    hidden = {row.type for row in rows.values() if row.seq is None}
    assert hidden == {"base", "answer_submitted", "vote_submitted"}
    assert {"player_joined", "player_left", "voting_started", "round_ended", "game_ended"} <= rows.keys()


def test_a_later_version_is_refused(rows):
    row = msgspec.structs.replace(rows["game_ended"], version=READABLE_VERSION + 1)
    with pytest.raises(LaterVersionError, match="later than"):
        from_row(row)


def test_a_format_is_read_one_release_before_it_is_written(rows, monkeypatch):
    assert FORMAT_VERSION <= READABLE_VERSION <= FORMAT_VERSION + 1
    monkeypatch.setattr(records, "READABLE_VERSION", FORMAT_VERSION + 1)
    row = rows["game_ended"]
    assert from_row(msgspec.structs.replace(row, version=FORMAT_VERSION + 1)) == from_row(row)
    assert to_row(from_row(row)).version == FORMAT_VERSION


@pytest.mark.parametrize(
    "changes",
    [{"type": "unheard_of"}, {"payload": {}}, {"payload": {"decided_ms": 1}}, {"round_id": 7}],
)
def test_a_row_that_is_no_record_is_refused_with_its_position(rows, changes):
    row = msgspec.structs.replace(rows["voting_started"], **changes)
    with pytest.raises(CorruptLogError, match=f"position {row.position}"):
        from_row(row)


def test_fields_of_a_later_release_are_ignored(rows):
    row = rows["round_ended"]
    more = msgspec.structs.replace(row, payload={**row.payload, "confetti": True})
    assert from_row(more) == from_row(row)
    assert isinstance(from_row(row).payload, records.RoundEnded)
