"""Commands: limits, exactly one reply, and what the router is told."""

import pytest
from structlog.testing import capture_logs

from tests.unit.gateway.stage import ROOM, Stage
from votegame.errors import ErrorCode
from votegame.gateway.conversation import MAX_ROOMS
from votegame.gateway.ports import GatewaySettings
from votegame.wire import frames
from votegame.wire.errors import error_frame
from votegame.wire.limits import Limits

STREAM = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


async def test_ping_is_answered_with_the_time(stage):
    client = stage.connect("ada")
    client.say(type="ping", id="1")

    assert client.heard() == [{"type": "ok", "id": "1", "server_time": stage.clock.now_ms()}]


async def test_a_command_goes_to_the_router_and_its_reply_comes_back(stage):
    client = stage.connect("ada")
    client.say(type="start_game", id="1", room_code="abc-234")
    origin, user, command = stage.router.sent[0]
    assert (origin.connection_id, user.user_id, command.room_code) == ("c1", "ada", ROOM)
    assert client.heard() == []

    stage.reply(frames.ok("1", {"round_id": "r"}))
    stage.reply(frames.ok("1", {"round_id": "second"}))
    assert client.heard() == [{"type": "ok", "id": "1", "round_id": "r"}]


async def test_equal_ids_on_one_connection_get_their_own_replies(stage):
    client = stage.connect("ada")
    for _ in range(2):
        client.say(type="start_game", id="1", room_code=ROOM)
    stage.reply(frames.ok("1", {"n": 2}), at=1)
    stage.reply(frames.ok("1", {"n": 1}), at=0)

    assert [frame["n"] for frame in client.heard()] == [2, 1]


async def test_without_a_reply_in_time_a_command_is_unavailable_and_the_late_reply_dropped(stage):
    client = stage.connect("ada")
    client.say(type="start_game", id="1", room_code=ROOM)
    stage.later(4.9)
    assert client.heard() == []

    stage.later(0.2)
    assert [(frame["id"], frame["code"]) for frame in client.heard()] == [("1", "unavailable")]
    stage.reply()
    assert client.heard() == []


async def test_what_the_router_refuses_is_answered_at_once(stage):
    client = stage.connect("ada")
    stage.router.refusal = ErrorCode.RATE_LIMITED
    client.say(type="start_game", id="1", room_code=ROOM)
    stage.router.refusal = ErrorCode.UNAVAILABLE
    client.say(type="join_room", id="2", room_code=ROOM)

    limited, unavailable = client.heard()
    assert (limited["code"], limited["retry_after"]) == ("rate_limited", 1.0)
    assert unavailable["code"] == "unavailable"
    stage.later(6)
    assert client.heard() == []
    assert not client.connection.told


async def test_a_bug_behind_the_router_is_internal(stage):
    client = stage.connect("ada")
    stage.router.is_buggy = True
    with capture_logs() as logs:
        client.say(type="start_game", id="1", room_code=ROOM)

    assert client.heard()[0]["code"] == "internal"
    (record,) = logs
    assert (record["room_code"], record["connection_id"]) == (ROOM, client.connection.connection_id)


async def test_before_the_router_is_there_everything_is_unavailable(stage):
    client = stage.connect("ada")
    stage.gateway._router.router = None
    client.say(type="start_game", id="1", room_code=ROOM)

    assert client.heard()[0]["code"] == "unavailable"
    client.lose()


async def test_a_stranger_may_only_authenticate(stage):
    client = stage.connect()
    client.say(type="join_room", id="1", room_code=ROOM)
    client.say(type="resume", id="2", room_code=7)

    assert [(frame["id"], frame["code"]) for frame in client.heard()] == [
        ("1", "unauthenticated"),
        ("2", "unauthenticated"),
    ]
    assert stage.router.sent == []


async def test_a_burst_is_let_through_and_then_the_rate(stage):
    client = stage.connect("ada")
    for number in range(21):
        client.say(type="ping", id=str(number))
    *served, limited = client.heard()
    assert {frame["type"] for frame in served} == {"ok"}
    assert (limited["code"], limited["id"]) == ("rate_limited", "20")

    stage.clock.at += limited["retry_after"]
    client.say(type="ping", id="again")
    assert client.heard()[0]["type"] == "ok"


async def test_one_who_obeys_retry_after_is_never_closed(stage):
    client = stage.connect("ada")
    for number in range(300):
        client.say(type="ping", id=str(number))
        for frame in client.heard():
            stage.clock.at += frame.get("retry_after", 0.0)

    assert not client.connection.is_closing


async def test_those_refused_together_come_in_one_after_the_other(stage):
    client = stage.connect("ada")
    for number in range(60):
        client.say(type="ping", id=str(number))
    again = sorted((frame["retry_after"], frame["id"]) for frame in client.heard() if frame["type"] == "error")
    began = stage.clock.at
    for retry_after, command_id in again:
        stage.clock.at = began + retry_after
        client.say(type="ping", id=command_id)

    assert {frame["type"] for frame in client.heard()} == {"ok"}
    assert len(again) == 40


async def test_who_obeys_is_let_in_at_his_turn_whatever_was_on_its_way_meanwhile(stage):
    client = stage.connect("ada")
    began, on_its_way = stage.clock.at, [str(number) for number in range(55)]
    turns, again = [], []
    for step in range(600):
        stage.clock.at = began + step * 0.01
        if step < len(on_its_way):
            client.say(type="ping", id=on_its_way[step])
        while turns and turns[0][0] <= stage.clock.at:
            client.say(type="ping", id=turns.pop(0)[1])
        for frame in client.heard():
            if frame["type"] == "error":
                assert frame["id"] not in again, "refused a second time"
                again.append(frame["id"])
                turns.append((stage.clock.at + frame["retry_after"], frame["id"]))
                turns.sort()
    assert again
    assert not turns
    assert not client.connection.is_closing


async def test_who_does_not_wait_for_his_turn_keeps_it(stage):
    client = stage.connect("ada")
    for number in range(22):
        client.say(type="ping", id=str(number))
    *_, first, second = client.heard()
    stage.clock.at += first["retry_after"] / 2
    client.say(type="ping", id=second["id"])
    (early,) = client.heard()
    assert early["retry_after"] == pytest.approx(second["retry_after"] - first["retry_after"] / 2, abs=0.002)


async def test_fifty_refusals_in_ten_seconds_close_the_connection(stage):
    client = stage.connect("ada")
    for number in range(69):
        client.say(type="ping", id=str(number))
    assert not client.connection.is_closing

    client.say(type="start_game", id="70", room_code=ROOM)
    assert client.close_code() == 1008
    assert stage.router.sent == []
    client.say(type="ping", id="late")
    assert client.transport.has_written_eof


async def test_refusals_that_are_spread_out_do_not(stage):
    client = stage.connect("ada")
    for _ in range(10):
        for number in range(60):
            client.say(type="ping", id=str(number))
        stage.clock.at += 10.5

    assert not client.connection.is_closing


async def test_ten_malformed_frames_in_a_minute_close_the_connection(stage):
    client = stage.connect("ada")
    for _ in range(9):
        client.say_text("{")
    assert not client.connection.is_closing

    client.say(type="ping", id=None)
    assert client.close_code() == 1008


async def test_bad_fields_are_no_malformed_frames(stage):
    client = stage.connect("ada")
    for number in range(15):
        client.say(type="join_room", id=str(number), room_code=7)

    assert {(frame["code"], frame["field"]) for frame in client.heard()} == {("bad_message", "room_code")}
    assert not client.connection.is_closing


async def test_without_rates_nothing_is_limited_per_time(unlimited):
    client = unlimited.connect("ada")
    for number in range(200):
        client.say(type="ping", id=str(number))
        client.say_text("{")
        client.say_raw(b"\x89\x80\0\0\0\0")
        client.say(type="join_room", id="join", room_code="WRONG2")
        unlimited.reply(error_frame(ErrorCode.ROOM_NOT_FOUND, "join"))
        client.say(type="create_room", id="create")
        unlimited.reply()

    assert "rate_limited" not in {frame.get("code") for frame in client.heard()}
    assert not client.connection.is_closing


async def test_the_sixth_creation_in_ten_minutes_has_to_wait(stage):
    client = stage.connect("ada")
    for number in range(6):
        client.say(type="create_room", id=str(number))

    (limited,) = client.heard()
    assert (limited["id"], limited["code"], limited["retry_after"]) == ("5", "rate_limited", 120.0)
    assert len(stage.router.sent) == 5
    other = stage.connect("ben")
    other.say(type="create_room", id="1")
    assert len(stage.router.sent) == 6


async def test_the_join_after_ten_rooms_left_has_to_wait_and_leaving_does_not(stage):
    client = stage.connect("ada")

    def join_and_leave(number):
        client.say(type="join_room", id=f"join {number}", room_code=ROOM)
        stage.reply(attach=ROOM)
        client.say(type="leave_room", id=f"leave {number}", room_code=ROOM)
        stage.reply()
        stage.detach("ada")

    for number in range(10):
        join_and_leave(number)
        stage.later(0.2)
    sent = len(stage.router.sent)
    assert {frame["type"] for frame in client.heard()} == {"ok"}
    client.say(type="join_room", id="again", room_code=ROOM)
    (limited,) = client.heard()
    assert (limited["code"], limited["retry_after"]) == ("rate_limited", pytest.approx(8.0))
    assert len(stage.router.sent) == sent
    stage.later(8.1)
    join_and_leave(11)
    assert {frame["type"] for frame in client.heard()} == {"ok"}


def fail_to_join(stage, client, times):
    for number in range(times):
        client.say(type="join_room", id=str(number), room_code="WRONG2")
        stage.reply(error_frame(ErrorCode.ROOM_NOT_FOUND, str(number)))


async def test_after_ten_failed_joins_the_right_code_waits_too(stage):
    client = stage.connect("ada")
    fail_to_join(stage, client, 10)
    client.heard()
    client.say(type="join_room", id="right", room_code=ROOM)
    (limited,) = client.heard()
    assert (limited["id"], limited["code"]) == ("right", "rate_limited")

    stage.clock.at += limited["retry_after"]
    client.say(type="join_room", id="right", room_code=ROOM)
    assert client.heard() == []


async def test_failed_joins_count_for_the_address_too(stage):
    fail_to_join(stage, stage.connect("ada"), 5)
    fail_to_join(stage, stage.connect("ben"), 5)
    neighbour, stranger = stage.connect("cleo"), stage.connect("dan", address="192.0.2.9")
    for client in (neighbour, stranger):
        client.say(type="join_room", id="1", room_code=ROOM)

    assert neighbour.heard()[0]["code"] == "rate_limited"
    assert stranger.heard() == []


async def test_guesses_at_once_are_not_more_guesses(stage):
    client = stage.connect("ada")
    for number in range(15):
        client.say(type="join_room", id=str(number), room_code="WRONG2")

    assert len(stage.router.sent) == 10


async def test_codes_cannot_be_guessed_by_other_commands_either(stage):
    client = stage.connect("ada")
    for number in range(130):
        stage.clock.at += 0.2
        client.say(type="leave_room", id=str(number), room_code="WRONG2")
        stage.reply(error_frame(ErrorCode.ROOM_NOT_FOUND, str(number)))
    assert {frame["code"] for frame in client.heard()} == {"room_not_found"}

    client.say(type="leave_room", id="more", room_code="WRONG3")
    (limited,) = client.heard()
    assert (limited["code"], 0 < limited["retry_after"] <= 60) == ("rate_limited", True)
    neighbour = stage.connect("ben")
    neighbour.say(type="leave_room", id="1", room_code="WRONG3")
    assert neighbour.heard() == []


async def test_guesses_by_other_commands_at_once_are_not_more_guesses(stage):
    tabs = [stage.connect("ada") for _ in range(5)]
    for tab in tabs:
        for number in range(20):
            tab.say(type="leave_room", id=str(number), room_code="WRONG2")
    stage.clock.at += 2
    for tab in tabs:
        for number in range(20):
            tab.say(type="leave_room", id=str(number), room_code="WRONG2")
    assert len(stage.router.sent) == 130


async def test_a_guess_costs_the_same_when_the_socket_is_closed_before_the_reply(stage):
    for name in ("ada", "ben"):
        client = stage.connect(name)
        for number in range(5):
            client.say(type="join_room", id=str(number), room_code="WRONG2")
        client.lose()
    for place in range(10):
        stage.reply(error_frame(ErrorCode.ROOM_NOT_FOUND, "1"), at=place)
    neighbour = stage.connect("cleo")
    neighbour.say(type="join_room", id="1", room_code=ROOM)
    assert neighbour.heard()[0]["code"] == "rate_limited"


async def test_a_room_that_was_made_can_be_asked_for_again_and_one_that_was_not_costs_nothing(stage):
    client = stage.connect("ada")
    client.say(type="create_room", id="refused")
    stage.reply(error_frame(ErrorCode.UNAVAILABLE, "refused"))
    for number in range(5):
        client.say(type="create_room", id=str(number))
        stage.reply(attach=ROOM)
    for _ in range(7):
        client.say(type="create_room", id="4")
        stage.reply(attach=ROOM, durable=False)
    assert "rate_limited" not in {frame.get("code") for frame in client.heard()}
    client.say(type="create_room", id="one more")
    assert client.heard()[0]["code"] == "rate_limited"


async def test_who_guessed_can_still_play_in_the_room_that_he_is_in(stage):
    client = stage.connect("ada")
    client.say(type="join_room", id="join", room_code=ROOM)
    stage.reply(attach=ROOM)
    for number in range(30):
        stage.clock.at += 0.2
        client.say(type="leave_room", id=str(number), room_code="WRONG2")
        stage.reply(error_frame(ErrorCode.ROOM_NOT_FOUND, str(number)))
    client.heard()

    client.say(type="leave_room", id="more", room_code=ROOM)
    assert client.heard() == []


@pytest.mark.parametrize("outcome", ["ok", "refused", "expired"])
async def test_joins_that_do_not_fail_cost_nothing(stage, outcome):
    client = stage.connect("ada")
    for number in range(30):
        stage.clock.at += 1
        client.say(type="join_room", id=str(number), room_code=ROOM)
        if outcome == "expired":
            stage.later(6)
        else:
            stage.reply(None if outcome == "ok" else error_frame(ErrorCode.ROOM_FULL, str(number)))

    assert "rate_limited" not in {frame.get("code") for frame in client.heard()}


async def test_a_crowd_behind_one_address_may_come_in_at_once(stage):
    crowd = [stage.connect(f"user{number}") for number in range(30)]
    for client in crowd:
        client.say(type="join_room", id="1", room_code=ROOM)

    assert len(stage.router.sent) == 30


async def test_one_connection_can_be_known_to_so_many_rooms_only():
    stage = Stage(GatewaySettings(limits=Limits(command_burst=1000, outbox_frames=1000, rooms_per_user=40)))
    client = stage.connect("ada")
    for number in range(MAX_ROOMS + 1):
        client.say(type="resume", id="1", room_code=f"R{number:05}", stream=STREAM, last_seq=0)

    assert [frame["code"] for frame in client.heard()] == ["rate_limited"]


async def test_a_command_that_was_answered_and_refused_gets_one_reply(stage):
    client = stage.connect("ada")
    answered = []

    def answer_and_fail(origin, user, command):
        answered.append(command)
        stage.reply()
        raise ZeroDivisionError

    stage.router.on_send = answer_and_fail
    client.say(type="start_game", id="1", room_code=ROOM)

    assert ([frame["type"] for frame in client.heard()], len(answered)) == (["ok"], 1)
