"""Stories of a game night, over real sockets."""

import asyncio
import itertools

import pytest

from tests.scenarios.talker import start


async def answer_all(members, round_id: str) -> list[str]:
    """Everyone answers; returns the answers' ids when everyone votes."""
    ids = []
    for index, member in enumerate(members):
        ok = await member.say("submit_answer", round_id=round_id, answer=f"Answer {index}")
        ids.append(ok["answer_id"])
    for member in members:
        await member.until("voting_started", round_id=round_id)
    return ids


async def test_a_whole_game_ends_with_the_same_board_on_every_screen(table):
    members = await table(3, total_rounds=2)
    round_id = await start(members)
    for number in (1, 2):
        ids = await answer_all(members, round_id)
        for index, member in enumerate(members):
            assert (await member.say("submit_vote", round_id=round_id, answer_id=ids[index - 1]))["type"] == "ok"
        ended = [await member.until("round_ended", round_id=round_id) for member in members]
        assert ended[0] == ended[1] == ended[2]
        if number == 1:
            round_id = (await members[0].say("next_round"))["round_id"]
    boards = [(await member.until("game_ended"))["final_leaderboard"] for member in members]
    assert boards[0] == boards[1] == boards[2]
    assert [(entry["rank"], entry["score"]) for entry in boards[0]] == [(1, 2)] * 3


async def test_events_are_the_same_bytes_for_everyone_and_numbered_without_a_hole(table):
    members = await table(3)
    round_id = await start(members)
    await answer_all(members, round_id)
    for name in ("game_started", "voting_started"):
        texts = {text for member in members for text in member.texts if f'"type":"{name}"' in text}
        assert len(texts) == 1
    for member in members:
        numbers = [event["seq"] for event in member.events]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))


async def test_the_author_hears_the_reply_first_and_then_what_it_caused(table):
    members = await table(2)
    round_id = await start(members)
    await members[0].say("submit_answer", round_id=round_id, answer="One")
    await members[1].say("submit_answer", round_id=round_id, answer="Two")
    await members[1].until("voting_started")
    names = [frame["type"] for frame in members[1].frames]
    # After the reply to the last answer: its count, then the end of the phase.
    assert names[-3:] == ["ok", "answer_submitted", "voting_started"]


async def test_a_host_who_drops_while_voting_is_replaced_and_finds_his_seat_again(table):
    members = await table(3, total_rounds=1)
    round_id = await start(members)
    ids = await answer_all(members, round_id)
    host, second, third = members
    await host.close()
    assert (await second.until("player_connection", user_id=host.user_id))["connected"] is False
    assert (await second.until("host_changed"))["host_id"] == second.user_id
    # Those who are there vote, and nobody waits for the one who is not.
    await second.say("submit_vote", round_id=round_id, answer_id=ids[0])
    await third.say("submit_vote", round_id=round_id, answer_id=ids[0])
    await third.until("game_ended")
    back = await host.another()
    state = (await back.say("join_room"))["state"]
    assert (state["phase"], state["host_id"], state["you"]["answer_id"]) == ("finished", second.user_id, ids[0])
    assert (await second.until("player_connection", user_id=host.user_id, connected=True))["connected"]


async def test_a_late_comer_plays_from_the_next_round_on(table, guest):
    members = await table(2, total_rounds=2)
    round_id = await start(members)
    late = await guest("Late")
    state = (await late.join(members[0].room_code))["state"]
    assert state["round"]["participant_count"] == 2
    assert (await late.say("submit_answer", round_id=round_id, answer="Me too"))["code"] == "not_player"
    await members[0].say("end_round", round_id=round_id)
    second = (await members[0].say("next_round"))["round_id"]
    await late.until("round_started")
    assert (await late.say("submit_answer", round_id=second, answer="Now"))["type"] == "ok"


async def test_two_tabs_of_one_user_are_one_player(table):
    members = await table(2)
    tab = await members[1].another()
    await tab.say("join_room")
    round_id = await start([*members, tab])
    ok = await members[1].say("submit_answer", round_id=round_id, answer="Once")
    assert (await tab.say("submit_answer", round_id=round_id, answer="Once"))["answer_id"] == ok["answer_id"]
    assert (await tab.say("submit_answer", round_id=round_id, answer="Twice"))["code"] == "already_answered"
    await members[1].close()
    # The other tab is still there, so nobody is told that the player is gone.
    await members[0].say("end_round", round_id=round_id)
    assert (await tab.until("round_ended"))["results"][0]["content"] == "Once"
    assert not any(frame["type"] == "player_connection" for frame in members[0].frames)


async def test_who_comes_back_gets_what_he_missed_once_and_then_the_rest(table):
    members = await table(3)
    round_id = await start(members)
    gone = members[2]
    last_seq, stream = gone.events[-1]["seq"], (await gone.say("join_room"))["state"]["stream"]
    await gone.close()
    await members[0].say("start_voting", round_id=round_id)
    await members[1].until("round_ended")
    back = await gone.another()
    ok = await back.say("resume", stream=stream, last_seq=last_seq)
    assert ok["recovered"] is True
    assert [event["type"] for event in ok["events"]] == ["round_ended"]
    assert [event["seq"] for event in ok["events"]] == [last_seq + 1]
    await members[0].say("next_round")
    assert (await back.until("round_started"))["seq"] == last_seq + 2


@pytest.mark.parametrize("claim", [{"last_seq": 99}, {"last_seq": 0, "stream": "00000000-0000-4000-8000-000000000000"}])
async def test_who_cannot_have_what_he_asks_for_starts_again_from_a_snapshot(table, claim):
    members = await table(2)
    stream = (await members[1].say("join_room"))["state"]["stream"]
    ok = await members[1].say("resume", **{"stream": stream, **claim})
    assert ok["recovered"] is False
    assert ok["stream"] == ok["state"]["stream"] == stream
    assert ok["state"]["seq"] == 1


async def test_a_vote_that_is_sent_again_after_the_round_has_ended_gets_its_first_ok(table):
    members = await table(2, total_rounds=1)
    round_id = await start(members)
    ids = await answer_all(members, round_id)
    vote = {"id": "my-vote", "round_id": round_id, "answer_id": ids[1]}
    first = await members[0].say("submit_vote", **vote)
    await members[1].say("submit_vote", round_id=round_id, answer_id=ids[0])
    await members[0].until("game_ended")
    again = await (await members[0].another()).say("submit_vote", **vote)
    assert again == first
    other = await members[0].say("submit_vote", **vote | {"answer_id": ids[0]})
    assert other["code"] == "id_reused"


async def test_a_room_that_is_made_twice_is_one_room(guest):
    ada = await guest("Ada")
    first = await ada.say("create_room", id="make", settings={"topic": "cats"})
    again = await (await ada.another()).say("create_room", id="make", settings={"topic": "cats"})
    assert again["room_code"] == first["room_code"]
    assert (await ada.say("create_room", id="make", settings={"topic": "dogs"}))["code"] == "id_reused"


async def test_leaving_and_answering_in_one_packet_leaves_no_ghost(table):
    members = await table(2)
    round_id = await start(members)
    leave = {"type": "leave_room", "id": "1", "room_code": members[1].room_code}
    answer = {"type": "submit_answer", "id": "2", "room_code": members[1].room_code, "round_id": round_id}
    for command in (leave, answer | {"answer": "Boo"}):
        await members[1].tell(command)
    await members[1].until("ok", id="1")
    own = await members[1].until("player_left")
    assert own["user_id"] == members[1].user_id
    assert (await members[1].until("error", id="2"))["code"] == "not_member"
    await members[0].say("end_round", round_id=round_id)
    assert (await members[0].until("round_ended"))["results"] == []
    # The frame that told him of his leaving was the last one of the room.
    await members[1].say("ping")
    assert [frame["type"] for frame in members[1].frames[-3:]] == ["player_left", "error", "ok"]


async def test_the_last_one_to_leave_closes_the_room(table, guest):
    (host,) = await table(1)
    assert (await host.say("leave_room", id="bye"))["type"] == "ok"
    assert (await host.say("leave_room", id="bye"))["type"] == "ok"
    assert (await host.say("leave_room"))["code"] == "room_not_found"
    assert (await (await guest()).join(host.room_code))["code"] == "room_not_found"


async def test_what_is_typed_by_hand_still_finds_the_room(table, guest):
    (host,) = await table(1)
    code = host.room_code
    friend = await guest("Friend")
    typed = f" {code[:3].lower()}-{code[3:].lower()} "
    assert (await friend.say("join_room", room_code=typed))["state"]["room_code"] == code


async def test_logging_out_closes_every_socket_of_the_login(guest):
    ada = await guest("Ada")
    tab = await ada.another()
    headers = {"Authorization": f"Bearer {ada.token}"}
    async with ada.http.post(f"{ada.url}/api/auth/logout", headers=headers) as answer:
        assert answer.status == 200
    assert [await ada.until_closed(), await tab.until_closed()] == [4401, 4401]


async def test_one_socket_too_many_takes_the_place_of_the_oldest(guest):
    ada = await guest("Ada")
    tabs = [await ada.another(to_same_node=True) for _ in range(ada.welcome["limits"]["sockets_per_user"])]
    assert await ada.until_closed() == 4409
    assert (await tabs[0].say("ping"))["type"] == "ok"


async def test_a_full_room_takes_exactly_as_many_as_it_has_seats(table, guest):
    (host,) = await table(1, max_players=4)
    crowd = [await guest(f"G{index}") for index in range(8)]
    replies = await asyncio.gather(*(one.join(host.room_code) for one in crowd))
    codes = sorted(reply.get("code", "ok") for reply in replies)
    assert codes == ["ok"] * 3 + ["room_full"] * 5


async def test_rooms_of_one_user_do_not_mix(guest):
    ada, ben = await guest("Ada"), await guest("Ben")
    codes = [(await ada.create())["room_code"] for _ in range(2)]
    for code in codes:
        await ben.join(code)
        await ada.until("player_joined", room_code=code)
    rounds = [(await ada.say("start_game", room_code=code))["round_id"] for code in codes]
    crossed = await ada.say("submit_answer", room_code=codes[0], round_id=rounds[1], answer="Hm")
    assert crossed["code"] == "stale_round"
    for code in codes:
        numbers = [event["seq"] for event in ben.events if event["room_code"] == code]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else True


async def test_a_canary_beside_bad_frames_notices_nothing(table, guest):
    members = await table(2, total_rounds=1)
    round_id = await start(members)
    vandal = await guest("Vandal")
    bad = ["{", "[]", '{"type":"submit_answer"}', "\x00", '{"type":"join_room","id":"x","room_code":' + "[" * 9_000]
    for text in itertools.islice(itertools.cycle(bad), 9):
        await vandal._socket.send_str(text)
        assert (await vandal.until("error"))["code"] in {"bad_json", "bad_message"}
    ids = await answer_all(members, round_id)
    for member, answer_id in zip(members, reversed(ids), strict=True):
        await member.say("submit_vote", round_id=round_id, answer_id=answer_id)
    assert (await members[0].until("game_ended"))["final_leaderboard"][0]["score"] == 1
    assert (await vandal.say("ping"))["type"] == "ok"


async def test_limits_are_whole_numbers_as_the_specification_shows_them(guest):
    limits = (await guest("Ada")).welcome["limits"]
    assert {name: value for name, value in limits.items() if type(value) is not int} == {}
