"""The client before a real server: logins, coming back in another run, and the clock."""

import time

import pytest

from votegame.client import BadCommand, Client, LoginNeeded, NotNow, RoomEnded

PASSWORD = "four words are fine"


async def test_a_guest_who_registers_keeps_his_seat(server_url):
    email = f"ada-{time.time_ns()}@example.com"
    async with Client(server_url) as client:
        guest = await client.guest("Ada")
        room = await client.create_room()
        login = await client.register(email, PASSWORD, "Ada L.")
        assert (login.user.id, login.user.guest, login.user.email) == (guest.user.id, False, email)
        await room.lock_room()
        assert (await room.until(lambda view: view.locked)).host_id == guest.user.id
        account = await client.account()
        assert [each.room_code for each in account.rooms] == [room.code]
    async with Client(server_url) as later:
        assert (await later.log_in(email, PASSWORD)).user.id == guest.user.id
        assert (await later.resume_room(room.code)).view.locked
        with pytest.raises(LoginNeeded) as refused:
            await later.log_in(email, "another password")
        assert refused.value.code == "bad_credentials"


async def test_what_is_wrong_with_a_name_is_said(server_url):
    async with Client(server_url) as client:
        with pytest.raises(BadCommand) as refused:
            await client.guest("")
        assert refused.value.details["field"] == "display_name"
        with pytest.raises(LoginNeeded):
            _ = client.token


async def test_the_seat_is_there_in_another_run(server_url):
    async with Client(server_url) as first:
        await first.guest("Ada")
        code, token = (await first.create_room(total_rounds=2)).code, first.token
    async with Client(server_url) as second:
        await second.use_token(token)
        room = await second.resume_room(code)
        assert (room.is_host, room.view.settings.total_rounds) == (True, 2)
        # Asked for again, it is the same room, and not one beside it.
        assert await second.join_room(code) is room
        with pytest.raises(NotNow) as refused:
            await second.resume_room("ABC234")
        assert refused.value.code == "room_not_found"


async def test_a_login_that_is_over_stops_the_client(server_url):
    async with Client(server_url) as client, Client(server_url) as same:
        await client.guest("Ada")
        room = await client.create_room()
        await same.use_token(client.token)
        await same.log_out()
        with pytest.raises(LoginNeeded):
            await room.until(lambda view: view.locked)


async def test_the_time_that_is_left_goes_by_the_clock_of_the_server(server_url):
    async with Client(server_url) as ada, Client(server_url) as ben:
        await ada.guest("Ada")
        await ben.guest("Ben")
        room = await ada.create_room(answer_seconds=30)
        assert room.seconds_left is None
        other = await ben.join_room(room.code)
        await room.start_game()
        view = await other.until(lambda view: view.phase == "answering")
        assert 25 < other.seconds_left <= 30
        assert abs(ben.server_time_ms - time.time() * 1_000) < 2_000
        deadline = await room.extend_phase(20)
        assert (await other.until(lambda seen: seen.round.deadline != view.round.deadline)).round.deadline == deadline
        await room.pause_game()
        await other.until(lambda view: view.round.deadline is None)
        assert other.seconds_left is None


async def test_who_is_removed_is_told_and_cannot_come_back(server_url):
    async with Client(server_url) as ada, Client(server_url) as ben:
        await ada.guest("Ada")
        login = await ben.guest("Ben")
        room = await ada.create_room()
        other = await ben.join_room(room.code, role="spectator")
        await other.take_seat()
        await room.kick_player(login.user.id)
        with pytest.raises(RoomEnded) as ended:
            await other.until(lambda view: view.phase == "answering")
        assert (ended.value.reason, other.ended) == ("kicked", "kicked")


async def test_a_program_that_knows_that_its_network_changed_need_not_wait(server_url):
    async with Client(server_url) as client:
        await client.guest("Ada")
        room = await client.create_room()
        await client.reconnect()
        assert (await room.update_settings(topic="trains")).topic == "trains"
        assert (await room.until(lambda view: view.settings.topic == "trains")).seq == 1
