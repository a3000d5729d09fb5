"""People watch, over real sockets and over HTTP, and take a seat when one is free; every screen shows the same."""

import asyncio

from tests.scenarios.caller import Caller
from tests.scenarios.talker import start
from tests.scenarios.test_hosting import begin_to_fold, same_screens


async def test_one_who_finds_no_seat_watches_until_there_is_one(table, guest):
    members = await table(2, total_rounds=2, max_players=2)
    for member in members:
        begin_to_fold(member, await member.say("join_room"))
    host, ben = members
    eve = await guest("Eve")
    refused = await eve.join(host.room_code)
    assert (refused["code"], refused["can_watch"]) == ("room_full", True)
    begin_to_fold(eve, await eve.join(host.room_code, role="spectator"))
    told = await ben.until("player_joined", user_id=eve.user_id)
    assert (told["role"], told["participant_count"], told["spectator_count"]) == ("spectator", 3, 1)

    round_id = await start([host, ben, eve])
    assert (await eve.say("submit_answer", round_id=round_id, answer="Me too"))["code"] == "not_player"
    await same_screens([host, ben, eve])
    assert (await host.say("transfer_host", user_id=eve.user_id))["code"] == "player_not_found"
    ids = [
        (await member.say("submit_answer", round_id=round_id, answer=member.user_id))["answer_id"] for member in members
    ]
    # Nobody waits for the one who watches.
    await eve.until("voting_started", round_id=round_id)
    assert (await eve.say("submit_vote", round_id=round_id, answer_id=ids[0]))["code"] == "not_player"
    for member, other in ((host, 1), (ben, 0)):
        await member.say("submit_vote", round_id=round_id, answer_id=ids[other])
    board = (await eve.until("round_ended"))["leaderboard"]
    assert {entry["user_id"] for entry in board} == {host.user_id, ben.user_id}

    assert (await eve.say("join_room", role="player"))["code"] == "room_full"
    await ben.say("leave_room")
    assert (await eve.say("join_room", role="player"))["state"]["you"]["role"] == "player"
    # What the `state` includes has been told before it, since this connection was attached.
    assert [frame["type"] for frame in eve.frames[-2:]] == ["role_changed", "ok"]
    await host.until("role_changed", user_id=eve.user_id, role="player")
    round_id = (await host.say("next_round"))["round_id"]
    await eve.until("round_started", round_id=round_id)
    await same_screens([host, eve])
    assert (await eve.say("submit_answer", round_id=round_id, answer="At last"))["type"] == "ok"


async def test_who_was_away_hears_that_somebody_plays_now(table, guest):
    host, ben = await table(2)
    eve = await guest("Eve")
    begin_to_fold(eve, await eve.join(host.room_code, role="spectator"))
    begin_to_fold(ben, await ben.say("join_room"))
    stream = eve.fold.state["stream"]
    await eve.close()
    tab = await eve.another()
    assert (await tab.say("join_room", role="player"))["type"] == "ok"
    resumed = await tab.say("resume", stream=stream, last_seq=eve.fold.seq)
    assert [event["type"] for event in resumed["events"]] == ["role_changed"]
    eve.fold.take_ok(resumed)
    assert eve.fold.state["you"]["role"] == eve.fold.state["members"][2]["role"] == "player"
    await same_screens([ben])


async def test_a_room_takes_as_many_as_its_operator_lets_it(table, guest):
    (host,) = await table(1, max_players=2)
    limits = host.welcome["limits"]
    assert limits["max_members"] == 12
    crowd = [await guest(f"G{index}") for index in range(limits["max_members"] + 1)]
    replies = await asyncio.gather(*(one.join(host.room_code, role="spectator") for one in crowd))
    refused = [reply for reply in replies if reply["type"] == "error"]
    assert [(reply["code"], reply["can_watch"]) for reply in refused] == [("room_full", False)] * 2
    # Whoever has a place may have the free seat, and nobody else.
    late = crowd[replies.index(refused[0])]
    assert (await late.join(host.room_code))["can_watch"] is False
    first = next(one for one, reply in zip(crowd, replies, strict=True) if reply["type"] == "ok")
    assert (await first.join(host.room_code, role="player"))["state"]["you"]["role"] == "player"


async def test_without_players_nothing_is_left_to_watch(table, guest):
    (host,) = await table(1)
    eve = await guest("Eve")
    await eve.join(host.room_code, role="spectator")
    await host.say("leave_room")
    left = await eve.until("player_left")
    assert (left["host_id"], left["participant_count"], left["spectator_count"]) == (None, 1, 1)
    assert (await eve.until("room_closed"))["reason"] == "empty"


async def test_a_caller_watches_and_plays(table, guest):
    (host,) = await table(1, late_join=False)
    eve = await guest("Eve")
    code = host.room_code
    caller = Caller(eve.http, eve.urls, eve.token, eve.user_id)
    for key, role in (("watch", "spectator"), ("watch", "spectator"), ("seat", "player"), ("seat", "player")):
        status, told = await caller.ask("POST", "/api/rooms/join", {"room_code": code, "role": role}, key=key)
        assert (status, told["state"]["you"]["role"]) == (200, role)
    assert (await host.until("role_changed"))["seq"] == 2
    assert await caller.code_of("POST", "/api/rooms/join", {"room_code": code, "role": "host"}) == (422, "bad_message")
    await host.say("start_game")
    late = await guest("Late")
    late_caller = Caller(late.http, late.urls, late.token, late.user_id)
    status, refused = await late_caller.ask("POST", "/api/rooms/join", {"room_code": code})
    assert (status, refused["code"], refused["can_watch"]) == (409, "game_in_progress", True)
    status, told = await late_caller.ask("POST", "/api/rooms/join", {"room_code": code, "role": "spectator"})
    assert (status, told["state"]["phase"]) == (200, "answering")
    shown = await (await guest("Out")).say("join_room", room_code=code)
    assert (shown["code"], shown["can_watch"]) == ("game_in_progress", True)
