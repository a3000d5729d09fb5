"""A host keeps order, over real sockets; every screen shows the same."""

import pytest

from tests.scenarios.caller import Caller
from tests.scenarios.talker import start
from votegame.client.fold import RoomFold


async def same_screens(members) -> None:
    """What a member has made of all that he was told is what the server would show him now."""
    for member in members:
        expected = (await member.say("join_room"))["state"]
        shown = member.fold
        for frame in member.frames[member.n_folded :]:
            if frame.get("room_code") == member.room_code and frame["type"] not in {"ok", "error"}:
                shown.take(frame)
        member.n_folded = len(member.frames)
        apart = {"server_time": 0, "you": None}
        assert {**shown.state, **apart} == {**expected, **apart}


def begin_to_fold(member, ok) -> None:
    member.fold = RoomFold(member.user_id)
    member.fold.take_ok(ok)
    member.n_folded = len(member.frames)


@pytest.fixture
async def party(table):
    members = await table(3, total_rounds=1)
    for member in members:
        begin_to_fold(member, await member.say("join_room"))
    return members


async def test_one_is_removed_and_cannot_come_back_anywhere(party):
    host, ben, cleo = party
    assert (await host.say("kick_player", user_id=ben.user_id))["type"] == "ok"
    left = await ben.until("player_left", user_id=ben.user_id)
    assert (left["reason"], left["participant_count"]) == ("kicked", 2)
    assert (await ben.say("join_room"))["code"] == "kicked"
    assert (await ben.say("resume", stream=ben.fold.state["stream"], last_seq=0))["code"] == "not_member"
    assert (await cleo.until("player_left"))["user_id"] == ben.user_id
    await same_screens([host, cleo])


async def test_a_locked_room_lets_nobody_new_in(party, guest):
    host, ben, _cleo = party
    await host.say("lock_room")
    await ben.until("room_locked")
    late = await guest("Late")
    assert (await late.join(host.room_code))["code"] == "room_locked"
    await same_screens([host, ben])
    await host.say("unlock_room")
    assert (await late.join(host.room_code))["type"] == "ok"


async def test_after_a_round_every_screen_knows_who_is_left_of_it_and_who_stays_on_the_board(table, guest):
    members = await table(3, total_rounds=2)
    host, ben, cleo = members
    await start(members)
    late = await guest("Late")
    begin_to_fold(late, await late.join(host.room_code))
    for member in members:
        begin_to_fold(member, await member.say("join_room"))
    round_id = host.fold.state["round"]["round_id"]
    await host.say("submit_answer", round_id=round_id, answer="Mine")
    await host.say("end_round", round_id=round_id)
    await cleo.say("leave_room")
    for member in (host, ben, late):
        count = await member.until("answer_submitted", participant_count=2)
        assert (count["round_id"], count["submitted_count"]) == (round_id, 1)
    await same_screens([host, ben, late])
    await late.say("leave_room")
    await host.until("player_left", user_id=late.user_id)
    await same_screens([host, ben])
    board = [line["user_id"] for line in host.fold.state["leaderboard"]]
    assert sorted(board) == sorted([host.user_id, ben.user_id, cleo.user_id])


async def test_the_host_hands_over(party):
    host, ben, cleo = party
    await host.say("transfer_host", user_id=ben.user_id)
    assert (await cleo.until("host_changed"))["host_id"] == ben.user_id
    assert (await host.say("start_game"))["code"] == "not_host"
    assert (await ben.say("start_game"))["type"] == "ok"


async def test_a_pause_an_extension_and_another_question(party):
    host, ben, _cleo = party
    round_id = await start(party)
    await host.say("pause_game")
    paused = await ben.until("game_paused", round_id=round_id)
    assert 0 < paused["remaining_ms"] <= 60_000
    await same_screens(party)
    await host.say("extend_phase", round_id=round_id, seconds=100)
    assert (await ben.until("game_paused"))["remaining_ms"] == paused["remaining_ms"] + 100_000
    await host.say("resume_game")
    await ben.until("game_resumed")
    moved = await ben.until("deadline_changed")
    assert moved["deadline"] - moved["server_time"] > 100_000
    await same_screens(party)
    skipped = await host.say("skip_question", round_id=round_id)
    again = await ben.until("round_started", round_id=skipped["round_id"])
    assert (again["round_number"], await ben.say("submit_answer", round_id=round_id, answer="x")) == (
        1,
        ben.frames[-1],
    )
    assert ben.frames[-1]["code"] == "stale_round"
    await same_screens(party)


async def test_the_same_people_play_again(party):
    host, ben, cleo = party
    for number in (1, 2):
        round_id = await start(party)
        answered = await host.say("submit_answer", round_id=round_id, answer="mine")
        await host.say("start_voting", round_id=round_id)
        await ben.until("voting_started")
        await ben.say("submit_vote", round_id=round_id, answer_id=answered["answer_id"])
        await host.say("end_round", round_id=round_id)
        board = (await cleo.until("game_ended"))["final_leaderboard"]
        assert [entry["score"] for entry in board] == [1, 0, 0], number
        assert (await host.say("play_again"))["type"] == "ok"
        for member in (ben, cleo):
            await member.until("game_reset")
        await same_screens(party)


async def test_the_hosts_own_questions_come_first_and_nobody_sees_them_before(party, servers):
    host, ben, _cleo = party
    told = await host.say("update_settings", settings={"questions": ["Whose hat is it?", "Who hums?"]})
    assert told["own_question_count"] == 2
    assert (await ben.until("settings_updated"))["own_question_count"] == 2
    caller = Caller(host.http, host.urls, host.token, host.user_id)
    path = f"/api/rooms/{host.room_code}/settings"
    status, told = await caller.ask("PATCH", path, {"questions": ["Whose shoe is it?", "Who snores?", "Who sings?"]})
    assert (status, told["own_question_count"]) == (200, 3)
    wrong = {"questions": ["Who snores?", "WHO snores!"]}
    status, problem = await caller.ask("PATCH", path, wrong)
    assert (status, problem["code"], problem["field"]) == (422, "bad_message", "settings.questions[1]")
    round_id = (await host.say("start_game"))["round_id"]
    started = await ben.until("game_started")
    assert (started["question"], started["own_question_count"]) == ("Whose shoe is it?", 2)
    await host.say("skip_question", round_id=round_id)
    assert (await ben.until("round_started"))["question"] == "Who snores?"
    await same_screens(party)
    texts = "".join(text for member in party for text in member.texts)
    assert "Who snores?" in texts
    for never_asked in ("Whose hat is it?", "Who hums?", "Who sings?"):
        assert never_asked not in texts
        assert never_asked not in "".join(server.said() for server in servers)


async def test_everyone_sees_who_reacts_over_either_way_in(party):
    host, ben, cleo = party
    assert (await ben.say("react", reaction="laugh"))["type"] == "ok"
    for member in party:
        assert (await member.until("reaction", user_id=ben.user_id))["reaction"] == "laugh"
    caller = Caller(cleo.http, cleo.urls, cleo.token, cleo.user_id)
    path = f"/api/rooms/{host.room_code}/react"
    # Not remembered, so that it reacts again; and with RATE_LIMITS off as often as one likes.
    for _ in range(8):
        assert await caller.ask("POST", path, {"reaction": "heart"}, key="again") == (200, {})
    for _ in range(8):
        await host.until("reaction", user_id=cleo.user_id, reaction="heart")
    assert await caller.code_of("POST", path, {"reaction": "dance"}) == (422, "bad_message")
    await same_screens(party)


async def test_all_of_it_over_http(party):
    host, ben, cleo = party
    caller = Caller(host.http, host.urls, host.token, host.user_id)
    room, game = f"/api/rooms/{host.room_code}", f"/api/game/{host.room_code}"
    assert await caller.ask("POST", f"{room}/lock") == (200, {})
    assert await caller.ask("POST", f"{room}/unlock") == (200, {})
    assert await caller.ask("POST", f"{room}/kick", {"user_id": cleo.user_id.upper()}) == (200, {})
    assert await caller.code_of("POST", f"{room}/kick", {"user_id": cleo.user_id}) == (404, "player_not_found")
    round_id = (await caller.ask("POST", f"{game}/start"))[1]["round_id"]
    assert await caller.ask("POST", f"{game}/pause") == (200, {})
    assert await caller.ask("POST", f"{game}/resume") == (200, {})
    of_round = f"/api/game/rounds/{round_id}"
    status, extended = await caller.ask("POST", f"{of_round}/extend", {"seconds": 10})
    assert (status, extended) == (200, {"deadline": extended["deadline"]})
    assert await caller.code_of("POST", f"{of_round}/extend", {"seconds": 0}) == (422, "bad_message")
    status, skipped = await caller.ask("POST", f"{of_round}/skip")
    assert (status, set(skipped)) == (200, {"round_id"})
    assert await caller.ask("POST", f"/api/game/rounds/{skipped['round_id']}/end") == (200, {})
    assert await caller.ask("POST", f"{game}/play-again") == (200, {})
    assert await caller.ask("POST", f"{room}/host", {"user_id": ben.user_id}) == (200, {})
    assert await caller.code_of("POST", f"{game}/start") == (403, "not_host")
