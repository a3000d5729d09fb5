"""Games over HTTP, alone and beside sockets."""

import asyncio

import aiohttp
import pytest

from tests.scenarios.caller import Caller


@pytest.fixture
async def caller(servers):
    """Makes users who only call."""
    async with aiohttp.ClientSession() as http:

        async def make(name: str = "Caller") -> Caller:
            async with http.post(f"{servers[0].url}/api/auth/guest", json={"display_name": name}) as answer:
                body = await answer.json()
            return Caller(http, [server.url for server in servers], body["token"], body["user"]["id"])

        yield make


async def test_a_whole_game_without_a_socket(caller):
    ada, ben = await caller("Ada"), await caller("Ben")
    status, made = await ada.ask("POST", "/api/rooms", {"settings": {"total_rounds": 2}})
    assert (status, made["state"]["phase"], made["state"]["host_id"]) == (201, "lobby", ada.user_id)
    code = made["room_code"]
    public = {"room_code": code, "phase": "lobby", "participant_count": 1, "spectator_count": 0, "max_players": 10}
    assert await ben.ask("GET", f"/api/rooms/{code.lower()}") == (200, public)
    status, joined = await ben.ask("POST", "/api/rooms/join", {"room_code": code})
    assert (status, [member["connected"] for member in joined["state"]["members"]]) == (200, [True, True])

    status, started = await ada.ask("POST", f"/api/game/{code}/start")
    assert (status, set(started)) == (200, {"round_id"})
    for number in (1, 2):
        path = f"/api/game/rounds/{started['round_id']}"
        assert await ada.code_of("GET", f"{path}/answers") == (409, "wrong_phase")
        ids = {}
        for player in (ada, ben):
            status, answered = await player.ask("POST", f"{path}/answer", {"answer": f"by {player.user_id}"})
            assert status == 201
            ids[player.user_id] = answered["answer_id"]
        status, shown = await ben.ask("GET", f"{path}/answers")
        assert (status, set(shown)) == (200, {"answers"})
        assert {answer["id"]: answer["content"] for answer in shown["answers"]} == {
            answer_id: f"by {user_id}" for user_id, answer_id in ids.items()
        }
        assert (await ada.ask("POST", f"{path}/vote", {"answer_id": ids[ben.user_id]}))[0] == 201
        assert await ben.ask("POST", f"{path}/end") == (403, (await ben.ask("POST", f"{path}/end"))[1])
        assert await ada.ask("POST", f"{path}/end") == (200, {})
        status, revealed = await ben.ask("GET", f"{path}/answers")
        assert [result["user_id"] for result in revealed["results"]] == [ben.user_id, ada.user_id]
        board = (await ada.ask("GET", f"/api/game/{code}/leaderboard"))[1]["leaderboard"]
        assert [(entry["user_id"], entry["score"]) for entry in board] == [(ben.user_id, number), (ada.user_id, 0)]
        if number == 1:
            status, started = await ada.ask("POST", f"/api/game/{code}/next")
            assert status == 200
            assert await ben.code_of("GET", f"{path}/answers") == (409, "stale_round")
    assert (await ada.ask("GET", f"/api/rooms/{code}"))[1]["state"]["phase"] == "finished"
    assert await ben.ask("DELETE", f"/api/rooms/{code}/leave") == (200, {})
    assert await ben.code_of("GET", f"/api/game/{code}/leaderboard") == (403, "not_member")


async def test_sockets_hear_what_callers_do(caller, table):
    members = await table(2, total_rounds=1)
    cleo = await caller("Cleo")
    code = members[0].room_code
    await cleo.ask("POST", "/api/rooms/join", {"room_code": code})
    for member in members:
        assert (await member.until("player_joined", user_id=cleo.user_id))["participant_count"] == 3
    round_id = (await members[0].say("start_game"))["round_id"]
    ids = [(await m.say("submit_answer", round_id=round_id, answer=m.user_id))["answer_id"] for m in members]
    # The caller is waited for, as one with a socket is.
    assert (await cleo.ask("GET", f"/api/rooms/{code}"))[1]["state"]["phase"] == "answering"
    await cleo.ask("POST", f"/api/game/rounds/{round_id}/answer", {"answer": "over HTTP"})
    await members[0].until("voting_started", round_id=round_id)
    await cleo.ask("POST", f"/api/game/rounds/{round_id}/vote", {"answer_id": ids[0]})
    notice = await members[1].until("vote_update")
    assert (notice["answer_id"], notice["vote_count"]) == (ids[0], 1)


async def test_a_caller_who_calls_no_more_is_gone_and_comes_back_with_a_call(caller, table):
    (host,) = await table(1)
    ben = await caller("Ben")
    await ben.ask("POST", "/api/rooms/join", {"room_code": host.room_code})
    await host.until("player_connection", user_id=ben.user_id, connected=False)
    await ben.ask("GET", f"/api/rooms/{host.room_code}")
    await host.until("player_connection", user_id=ben.user_id, connected=True)


async def test_who_was_gone_is_there_for_what_he_asks(caller, guest):
    ada, ben = await caller("Ada"), await guest("Ben")
    code = (await ada.ask("POST", "/api/rooms", {"settings": {"host_away": "wait"}}))[1]["room_code"]
    await ben.join(code)
    await ben.until("player_connection", user_id=ada.user_id, connected=False)
    assert (await ada.ask("POST", f"/api/game/{code}/start"))[0] == 200


async def test_a_key_makes_a_call_safe_to_repeat_over_http_and_over_a_socket(caller, table, guest):
    ada = await caller("Ada")
    first = await ada.ask("POST", "/api/rooms", {}, key="make")
    assert first[0] == 201
    again = await ada.ask("POST", "/api/rooms", key="make")
    assert again[1]["room_code"] == first[1]["room_code"]
    assert await ada.code_of("POST", "/api/rooms", {"settings": {"total_rounds": 1}}, key="make") == (409, "id_reused")

    host, _other = await table(2)
    caller_of_host = Caller(ada.http, ada.urls, host.token, host.user_id)
    started = await host.say("start_game", id="start")
    assert await caller_of_host.ask("POST", f"/api/game/{host.room_code}/start", key="start") == (
        200,
        {"round_id": started["round_id"]},
    )


async def test_settings_come_alone_or_under_their_name(caller):
    ada = await caller("Ada")
    code = (await ada.ask("POST", "/api/rooms"))[1]["room_code"]
    path = f"/api/rooms/{code}/settings"
    assert (await ada.ask("PATCH", path, {"total_rounds": 5}))[1]["settings"]["total_rounds"] == 5
    status, told = await ada.ask("PATCH", path, {"settings": {"max_players": 4}})
    assert (status, told["settings"]["total_rounds"], told["settings"]["max_players"]) == (200, 5, 4)
    for body in ({"total_roundz": 1}, {"settings": {"total_roundz": 1}}, {"settings": 7}):
        status, problem = await ada.ask("PATCH", path, body)
        assert (status, problem["code"], problem["field"].partition(".")[0]) == (422, "bad_message", "settings")


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "/api/rooms", b"{", (400, "bad_json")),
        ("POST", "/api/rooms", b"[]", (422, "bad_message")),
        ("POST", "/api/rooms", b"\xff", (400, "bad_json")),
        ("POST", "/api/rooms/join", {}, (422, "bad_message")),
        ("POST", "/api/rooms/join", {"room_code": "??????"}, (422, "bad_message")),
        ("POST", "/api/rooms/join", {"room_code": "ZZZZZ2"}, (404, "room_not_found")),
        ("GET", "/api/rooms/..%2f..", None, (404, "room_not_found")),
        ("GET", "/api/rooms/%00", None, (404, "room_not_found")),
        ("GET", "/api/game/ZZZZZ2/leaderboard", None, (404, "room_not_found")),
        ("POST", "/api/game/ZZZZZ2/start", None, (404, "room_not_found")),
        ("POST", "/api/game/rounds/x/end", None, (404, "room_not_found")),
        ("POST", "/api/game/rounds/{x}/end", None, (404, "room_not_found")),
        ("GET", "/api/rooms/{x", None, (404, "room_not_found")),
        ("POST", f"/api/game/rounds/{'0' * 8}-0000-4000-8000-{'0' * 12}/end", None, (404, "room_not_found")),
        ("POST", f"/api/game/rounds/{'0' * 8}-0000-4000-8000-{'0' * 12}/answer", {}, (422, "bad_message")),
    ],
)
async def test_each_wrong_call_is_told_what_is_wrong(caller, method, path, body, expected):
    ada = await caller("Ada")
    assert await ada.code_of(method, path, body) == expected
    stranger = Caller(ada.http, ada.urls, "", "")
    assert await stranger.code_of(method, path, body) == (401, "unauthenticated")


@pytest.mark.parametrize("key", ["", "x" * 65])
async def test_a_key_that_is_none_is_named(caller, key):
    ada = await caller("Ada")
    status, problem = await ada.ask("POST", "/api/rooms", key=key)
    assert (status, problem["code"], problem["field"]) == (422, "bad_message", "Idempotency-Key")


async def test_a_round_of_a_room_that_one_is_not_in(caller, table):
    members = await table(2)
    round_id = (await members[0].say("start_game"))["round_id"]
    eve = await caller("Eve")
    path = f"/api/game/rounds/{round_id}"
    assert await eve.code_of("POST", f"{path}/answer", {"answer": "x"}) == (403, "not_member")
    assert await eve.code_of("GET", f"{path}/answers") == (403, "not_member")


async def test_two_keys_are_one(caller):
    ada = await caller("Ada")
    headers = [("Authorization", ada.headers["Authorization"]), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    async with ada.http.post(f"{ada.url}/api/rooms", headers=headers) as answer:
        made = await answer.json()
    assert (await ada.ask("POST", "/api/rooms", key="a, b"))[1]["room_code"] == made["room_code"]
    assert (await ada.ask("POST", "/api/rooms", key="a"))[1]["room_code"] != made["room_code"]


async def test_a_round_has_one_name_in_either_case(caller, table):
    members = await table(2)
    round_id = (await members[0].say("start_game"))["round_id"]
    host = Caller(*[getattr((await caller("X")), name) for name in ("http", "urls")], members[0].token, "")
    for other in (round_id.replace("-", ""), f"urn:uuid:{round_id}", f"%20{round_id}"):
        assert await host.code_of("POST", f"/api/game/rounds/{other}/end") == (404, "room_not_found")
    assert await host.ask("POST", f"/api/game/rounds/{round_id.upper()}/end") == (200, {})


async def test_many_retries_at_once_make_one_answer(caller, table):
    members = await table(2)
    round_id = (await members[0].say("start_game"))["round_id"]
    ada = Caller(*[getattr((await caller("X")), name) for name in ("http", "urls")], members[0].token, "")
    path = f"/api/game/rounds/{round_id}/answer"
    calls = [ada.ask("POST", path, {"answer": "same"}, key="one") for _ in range(8)]
    assert len({(status, body["answer_id"]) for status, body in await asyncio.gather(*calls)}) == 1


async def test_numbers_that_no_float_can_hold_are_no_json_anywhere(caller):
    ada = await caller()
    for path in ("/api/rooms", "/api/rooms/join", "/api/auth/guest", "/api/auth/login", "/api/auth/password"):
        fields = b'"room_code": "222222", "display_name": "Gus", "email": "a", "password": "b"'
        passwords = b'"old_password": "12345678", "new_password": "12345678"'
        body = b"{" + fields + b", " + passwords + b', "more": 1e999}'
        assert await ada.code_of("POST", path, body) == (400, "bad_json")


async def test_headers_that_are_no_text_are_refused_as_what_they_are(caller, servers):
    ada = await caller()
    paths = [("POST", "/api/rooms"), ("POST", "/api/rooms/join"), ("GET", "/api/rooms/222222"), ("GET", "/ws")]
    for name in ("Idempotency-Key", "Cookie", "Origin", "X-Forwarded-For", "Content-Type", "Sec-WebSocket-Protocol"):
        for method, path in paths:
            head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {ada.headers['Authorization']}\r\n"
            reader, writer = await asyncio.open_connection("127.0.0.1", servers[0].port)
            writer.write(head.encode() + name.encode() + b": \xff\r\nContent-Length: 0\r\n\r\n")
            status_line = await asyncio.wait_for(reader.readline(), 10)
            writer.close()
            assert int(status_line.split()[1]) < 500, (name, method, path)
