"""`votegame check` finds what does not agree, at the right place, and nothing else.

Not to be found, since nothing else in the database repeats it: an answer whose text alone was changed, a vote that was
moved to another answer which could have been meant, and a whole room that was removed with its log.
"""

from contextlib import closing

import psycopg2  # noqa: TID251
import pytest

from tests.played import a_game, write
from votegame.check import check
from votegame.game import commands
from votegame.storage.rooms import PostgresRoomStore


@pytest.fixture
async def rooms(database):
    """Two rooms that were played; the first is the one that gets damaged, the other has spectators."""
    store = PostgresRoomStore(database)
    played = [a_game(1), a_game(2)]
    eve, fay, gil = (played[1].a_user(name) for name in ("Eve", "Fay", "Gil"))
    for user in (eve, fay, gil):
        played[1].say(user, commands.JoinRoom, role="spectator")
    played[1].say(fay, commands.JoinRoom, role="player")
    played[1].say(gil, commands.LeaveRoom)
    for room in played:
        await write(store, room)
    await store.close()
    return played


@pytest.fixture
def damage(database_url, rooms):
    """Runs SQL behind everyone's back, without the indexes that would refuse it; `%(id)s` is the first room."""

    def run(sql: str) -> None:
        with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT indexname FROM pg_indexes WHERE tablename = 'room_events' AND indexname LIKE '%_one_%'"
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP INDEX {name}")
            cursor.execute("ALTER TABLE room_events DROP CONSTRAINT room_events_pkey")
            cursor.execute("DROP INDEX room_events_seq")
            cursor.execute(sql, {"id": rooms[0].room_id, "other": rooms[1].room_id})
            assert cursor.rowcount > 0, "nothing was damaged"
            connection.commit()

    return run


def findings(url: str) -> list[str]:
    lines: list[str] = []
    code = check(url, tell=lines.append)
    assert code == (1 if len(lines) > 1 else 0)
    return lines[:-1]


def test_rooms_that_were_played_agree(database_url, rooms):
    lines: list[str] = []
    assert check(database_url, tell=lines.append) == 0
    assert lines == ["2 rooms checked, 0 findings."]


def position(record_type: str) -> str:
    return f"(SELECT min(position) FROM room_events WHERE room_id = %(id)s AND type = '{record_type}')"


def changed(record_type: str, assignment: str) -> str:
    return f"UPDATE room_events SET {assignment} WHERE room_id = %(id)s AND position = {position(record_type)}"


def copied(record_type: str, **columns: str) -> str:
    names = "room_id, position, seq, type, round_id, user_id, command_id, payload, server_time, epoch, version"
    chosen = ", ".join(columns.get(name, name) for name in names.split(", "))
    return (
        f"INSERT INTO room_events ({names}) SELECT {chosen} FROM room_events "
        f"WHERE room_id = %(id)s AND position = {position(record_type)}"
    )


END = "(SELECT max(position) + 1 FROM room_events WHERE room_id = %(id)s)"

CORRUPTIONS = {
    "a record is missing": ("DELETE FROM room_events WHERE room_id = %(id)s AND position = 5", "position 6"),
    "the first record is missing": (
        "DELETE FROM room_events WHERE room_id = %(id)s AND position = 1",
        "begin with a base",
    ),
    "the last record is missing": (
        "DELETE FROM room_events WHERE room_id = %(id)s AND type = 'game_ended'",
        "last_position is",
    ),
    "the whole log is missing": ("DELETE FROM room_events WHERE room_id = %(id)s", "it has no log"),
    "an answer stands twice": (copied("answer_submitted"), "it follows position 5"),
    "an answer is of another round": (changed("answer_submitted", "round_id = gen_random_uuid()"), "of another round"),
    "an answer is by nobody": (changed("answer_submitted", "user_id = gen_random_uuid()"), "by no player"),
    "a vote is for oneself": (
        (
            "UPDATE room_events v SET payload = v.payload || jsonb_build_object('answer_id', a.payload -> 'answer_id') "
            "FROM room_events a WHERE a.type = 'answer_submitted' AND v.type = 'vote_submitted' AND a.room_id = %(id)s "
            "AND v.room_id = a.room_id AND v.round_id = a.round_id AND v.user_id = a.user_id"
        ),
        "a vote for oneself",
    ),
    "a vote is for no answer": (
        changed("vote_submitted", "payload = payload || jsonb_build_object('answer_id', gen_random_uuid())"),
        "a vote for no answer",
    ),
    "a second vote of one player": (
        (
            "UPDATE room_events v SET user_id = w.user_id FROM room_events w "
            "WHERE v.room_id = %(id)s AND w.room_id = v.room_id "
            "AND v.type = 'vote_submitted' AND w.type = 'vote_submitted' AND v.round_id = w.round_id "
            "AND w.position = v.position - 1"
        ),
        "second vote",
    ),
    "numbers are swapped": (
        "UPDATE room_events SET seq = CASE seq WHEN 1 THEN 2 ELSE 1 END WHERE room_id = %(id)s AND seq IN (1, 2)",
        "seq 2 where 1 was due",
    ),
    "a hidden record has a number": (changed("answer_submitted", "seq = 99"), "seq 99 where None was due"),
    "an event has none": (changed("voting_started", "seq = NULL"), "seq None where"),
    "an epoch falls": (
        "UPDATE room_events SET epoch = 2 WHERE room_id = %(id)s AND position = 4",
        "epoch 2",
    ),
    "commit times fall": (changed("voting_started", "server_time = 1"), "committed at 1, before"),
    "a decision was after its commit": (
        changed("voting_started", "payload = payload || '{\"decided_ms\": 99999999999999}'"),
        "committed before",
    ),
    "the order is not one of the answers": (
        changed("voting_started", "payload = payload || '{\"order\": []}'"),
        "no order of the answers",
    ),
    "a deadline is in the past": (
        changed("game_started", "payload = payload || '{\"deadline\": 1}'"),
        "deadline in the past",
    ),
    "a question comes twice": (
        (
            "UPDATE room_events r SET payload = r.payload || jsonb_build_object('question', g.payload -> 'question') "
            "FROM room_events g WHERE r.room_id = %(id)s AND g.room_id = r.room_id AND r.type = 'round_started' "
            "AND g.type = 'game_started'"
        ),
        "a question for the second time",
    ),
    "a player of the round is no member": (
        changed(
            "round_started", "payload = payload || jsonb_build_object('players', jsonb_build_array(gen_random_uuid()))"
        ),
        "its players are not those with a seat",
    ),
    "someone joined twice": (
        (
            "UPDATE room_events SET user_id = (SELECT host_id FROM rooms WHERE id = %(id)s) "
            f"WHERE room_id = %(id)s AND position = {position('player_joined')}"
        ),
        "he was a member",
    ),
    "a stranger left": (changed("player_left", "user_id = gen_random_uuid()"), "he was no member"),
    "the new host is no member": (
        changed("player_left", "payload = payload || jsonb_build_object('host_id', gen_random_uuid())"),
        "the host is no player",
    ),
    "a player was a spectator": (
        changed("player_joined", 'payload = payload || \'{"role": "spectator"}\''),
        "its players are not those with a seat",
    ),
    "a command has two effects": (
        "UPDATE room_events SET command_id = 'create' WHERE room_id = %(id)s AND type = 'game_started'",
        "has a second effect",
    ),
    "a type is unknown": (changed("voting_started", "type = 'voting_begun'"), "the type 'voting_begun' is unknown"),
    "a version is later than ours": (changed("voting_started", "version = 9"), "format version 9 is later"),
    "a field is missing": (
        changed("voting_started", "payload = payload - 'deadline'"),
        "missing required field `deadline`",
    ),
    "something came after the end": (
        copied("round_ended", position=END, seq="(SELECT max(seq) + 1 FROM room_events WHERE room_id = %(id)s)"),
        "in finished",
    ),
    "a score in the base": (
        (
            "UPDATE room_events SET payload = jsonb_set(payload, '{state,members,0,1,score}', '\"many\"') "
            "WHERE room_id = %(id)s AND position = 1"
        ),
        "the base holds no state",
    ),
    "a score in the first base": (
        (
            "UPDATE room_events SET payload = jsonb_set(payload, '{state,members,0,1,score}', '3') "
            "WHERE room_id = %(id)s AND position = 1"
        ),
        "not that of a new room",
    ),
    "a game in the first base": (
        (
            "UPDATE room_events SET payload = jsonb_set(payload, '{state,total_rounds}', '3') "
            "WHERE room_id = %(id)s AND position = 1"
        ),
        "not that of a new room",
    ),
    "another creator": (
        "UPDATE rooms SET creator_id = gen_random_uuid() WHERE id = %(id)s",
        "not that of a new room of its creator",
    ),
    "the phase": ("UPDATE rooms SET status = 'lobby' WHERE id = %(id)s", "status is 'lobby', the log says 'finished'"),
    "the host": ("UPDATE rooms SET host_id = gen_random_uuid() WHERE id = %(id)s", "host_id is"),
    "the settings": (
        "UPDATE rooms SET settings = settings || '{\"max_players\": 3}' WHERE id = %(id)s",
        "settings is",
    ),
    "the stream": ("UPDATE rooms SET stream = gen_random_uuid() WHERE id = %(id)s", "stream is"),
    "the last number": ("UPDATE rooms SET last_seq = last_seq + 1 WHERE id = %(id)s", "last_seq is"),
    "the last position": ("UPDATE rooms SET last_position = last_position - 1 WHERE id = %(id)s", "last_position is"),
    "it was closed": ("UPDATE rooms SET closed_at = 1 WHERE id = %(id)s", "closed_at says otherwise"),
    "the format": ("UPDATE rooms SET version = 0 WHERE id = %(id)s", "version is 0, the log says 1"),
    "no settings": ("UPDATE rooms SET settings = '[]' WHERE id = %(id)s", "settings is"),
    "no deadline": ("UPDATE rooms SET next_deadline = NULL WHERE id = %(id)s", "next_deadline says otherwise"),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_is_found_in_its_room(name, damage, database_url, rooms):
    sql, told = CORRUPTIONS[name]
    damage(sql)
    found = findings(database_url)
    assert any(told in line for line in found), found
    assert all(rooms[0].room_code in line for line in found), found


VIEWS = {
    "a round is left out": ("rounds", "round_number > 1", "is not among the rounds"),
    "an answer is left out": ("answers", "content NOT LIKE 'Ben says%'", "answers of the views is"),
    "votes are left out": ("votes", "false", "votes of the views is"),
    "scores are left out": ("scores", "score <> 2", "scores are"),
    "members are left out": ("room_participants", "display_name <> 'Host'", "room_participants are"),
    "spectators are left out": ("room_participants", "role = 'player'", "room_participants are"),
}


def tell_otherwise(url: str, view: str, select: str) -> None:
    """Have the view be `select`, in which `told` is what it was."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_viewdef(%s::regclass)", (view,))
        definition = cursor.fetchone()[0].rstrip().rstrip(";")
        cursor.execute(f"CREATE OR REPLACE VIEW {view} AS WITH told AS ({definition}) {select}")
        connection.commit()


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_that_tells_otherwise_is_found(name, database_url, rooms):
    view, condition, told = VIEWS[name]
    tell_otherwise(database_url, view, f"SELECT * FROM told WHERE {condition}")
    assert any(told in line for line in findings(database_url))


def test_a_view_that_tells_a_round_too_many_is_found(database_url, rooms):
    columns = "room_id, game_number, gen_random_uuid(), round_number, question, players, started_at"
    one_more = f"SELECT {columns}, 'infinity'::timestamptz FROM told WHERE (game_number, round_number) = (1, 1)"
    tell_otherwise(database_url, "rounds", f"SELECT * FROM told UNION ALL {one_more}")
    found = [line.split(": ")[0] for line in findings(database_url) if line.endswith("of the views is not in the log")]
    assert sorted(found) == sorted(f"room {room.room_code}" for room in rooms)


def test_a_view_that_tells_another_role_is_found(database_url, rooms):
    columns = "room_id, user_id, display_name, joined_at, left_at, 'player' AS role"
    tell_otherwise(database_url, "room_participants", f"SELECT {columns} FROM told")
    (finding,) = findings(database_url)
    assert finding.startswith(f"room {rooms[1].room_code}: room_participants are")


def test_one_time_that_is_ahead_is_told_once(damage, database_url, rooms):
    damage(changed("voting_started", "server_time = server_time + 10000000"))
    assert len(findings(database_url)) == 1


def test_a_clock_that_was_set_back_in_the_middle_of_a_game_is_told_once_and_the_views_are_right(
    damage, database_url, rooms
):
    damage(
        "UPDATE room_events SET server_time = server_time - 3600000 WHERE room_id = %(id)s "
        f"AND position > {position('round_ended')}"
    )
    (line,) = findings(database_url)
    assert line.startswith(f"room {rooms[0].room_code}, position ")
    assert "before the record ahead of it" in line
    assert "set back" in line


def test_the_code_is_held_against_the_log(damage, database_url, rooms):
    damage("UPDATE rooms SET code = 'ZZZZZZ' WHERE id = %(id)s")
    assert findings(database_url) == [f"room ZZZZZZ: code is 'ZZZZZZ', the log says '{rooms[0].room_code}'"]


def test_records_without_a_room_are_found(damage, database_url, rooms):
    damage("DELETE FROM rooms WHERE id = %(id)s")
    assert findings(database_url) == [f"room {rooms[0].room_id}: there are records, but no room"]


def test_one_room_can_be_checked_by_itself(damage, database_url, rooms):
    damage("UPDATE rooms SET status = 'lobby' WHERE id = %(id)s")
    assert check(database_url, room_code=rooms[1].room_code.lower(), tell=lambda _line: None) == 0
    assert check(database_url, room_code=rooms[0].room_code, tell=lambda _line: None) == 1


OTHER_RELEASES = {
    "an earlier format": (
        "WITH log AS (UPDATE room_events SET version = 0 WHERE room_id = %(id)s) "
        "UPDATE rooms SET version = 0 WHERE id = %(id)s"
    ),
    "a setting that was not there yet": "UPDATE rooms SET settings = settings - 'language' WHERE id = %(id)s",
    "a setting that we do not know": (
        "UPDATE rooms SET settings = settings || '{\"confetti\": true}' WHERE id = %(id)s"
    ),
}


@pytest.mark.parametrize("name", OTHER_RELEASES)
def test_what_a_neighbouring_release_wrote_is_right(name, damage, database_url):
    """Both write into one database, and each is asked to prove it."""
    damage(OTHER_RELEASES[name])
    assert findings(database_url) == []
