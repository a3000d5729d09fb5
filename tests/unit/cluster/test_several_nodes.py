"""Rooms that other nodes own: what goes over links, and what is made good when something is lost."""

import asyncio

import pytest

from tests.unit.cluster.houses import Guest, Street
from votegame.cluster.remote_rooms import IDLE_SECONDS
from votegame.cluster.router import MOVING_ROOMS
from votegame.errors import BusError, ErrorCode, StoreUnavailableError
from votegame.game import commands
from votegame.rooms.ports import Origin

pytestmark = pytest.mark.looptime


@pytest.fixture
async def street():
    street = Street(3)
    yield street
    await street.end()


@pytest.fixture
async def room(street):
    """Ada's room in the first house; Bob is in it from the second. To be awaited in the test, whose time is virtual."""
    return _room(street)


async def _room(street):
    await street.begin()
    await asyncio.sleep(0.1)
    ada, bob = Guest(street.houses[0], "ada"), Guest(street.houses[1], "bob")
    await ada.create()
    await bob.join(ada.code)
    return ada, bob


async def moved(house, code, seconds=6.0):
    """Wait until the house has the room."""
    for _ in range(round(seconds * 20)):
        if house.owns(code):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the room did not come")


async def test_a_command_is_forwarded_and_its_reply_and_the_frames_come_back_in_order(room):
    ada, bob = await room
    ok = await ada.ask(commands.StartGame)
    await asyncio.sleep(0.1)
    assert [frame["type"] for frame in bob.got] == ["ok", "game_started"]
    reply = await bob.ask(commands.SubmitAnswer, round_id=ok["round_id"], answer="tea")
    assert reply["type"] == "ok"
    assert (ada.house.forwards, bob.house.forwards) == (0, 2)
    assert ada.events() == [1, 2]


async def test_the_rooms_of_a_user_are_counted_by_each_node_for_itself(room):
    ada, bob = await room
    for _ in range(20):
        await bob.create()
    cleo, dan = Guest(bob.house, "cleo"), Guest(ada.house, "dan")
    await cleo.create()
    await dan.create()
    assert (await bob.join(cleo.code))["code"] == ErrorCode.RATE_LIMITED
    assert (await bob.join(dan.code))["type"] == "ok"


@pytest.mark.parametrize("behind_ms", [3_600_000, -3_600_000])
async def test_nodes_understand_each_other_that_were_started_before_and_after_the_database_s_clock_was_set(
    street, behind_ms
):
    await street.begin()
    street.houses[0].clock.behind_ms = behind_ms
    await asyncio.sleep(0.1)
    for owner, other in (street.houses[:2], street.houses[1::-1]):
        ada, bob = Guest(owner, "ada"), Guest(other, "bob")
        await ada.create()
        assert (await bob.join(ada.code))["type"] == "ok"
        round_id = (await ada.ask(commands.StartGame))["round_id"]
        assert (await bob.ask(commands.SubmitAnswer, round_id=round_id, answer="tea"))["type"] == "ok"
        await asyncio.sleep(1)
        assert "answer_submitted" in {frame["type"] for frame in bob.got}
        assert bob.house.forwards == 2
        assert bob.house.gateway.closed == []


async def test_who_is_not_attached_gets_nothing_and_hears_of_rooms_that_are_not_there(street, room):
    ada, _ = await room
    eve = Guest(street.houses[1], "eve")
    eve.code = ada.code
    assert (await eve.ask(commands.StartGame))["code"] == "not_member"
    await ada.ask(commands.LockRoom)
    assert eve.events() == []
    eve.code = "ZZZZZZ"
    assert (await eve.ask(commands.JoinRoom))["code"] == "room_not_found"


async def test_a_lost_envelope_is_noticed_and_everything_that_was_in_it_comes(street, room, monkeypatch):
    ada, bob = await room
    lost = []
    publish = street.houses[0].bus.publish

    async def lossy(batch):
        if len(lost) < 1:
            lost.append(batch)
            return [True] * len(batch)
        return await publish(batch)

    monkeypatch.setattr(street.houses[0].bus, "publish", lossy)
    await ada.ask(commands.LockRoom)
    await ada.ask(commands.UnlockRoom)
    await asyncio.sleep(2)
    assert lost
    assert bob.events() == [2, 3]
    assert bob.house.gateway.closed == []


async def test_a_command_that_was_lost_is_sent_again_and_takes_effect_once(street, room, monkeypatch):
    ada, bob = await room
    round_id = (await ada.ask(commands.StartGame))["round_id"]
    publish, failed = street.houses[1].bus.publish, []

    async def failing(batch):
        if len(failed) < 2:
            failed.append(await publish(batch) if failed else None)
            raise BusError("away")
        return await publish(batch)

    monkeypatch.setattr(street.houses[1].bus, "publish", failing)
    reply = await bob.ask(commands.SubmitAnswer, round_id=round_id, answer="tea", id_="a")
    assert reply["type"] == "ok"
    await asyncio.sleep(1)
    assert len(bob.replies("a")) == 1
    answers = [row for room in street.rooms._rooms.values() for row, _ in room.log if row.type == "answer_submitted"]
    assert len(answers) == 1


async def test_the_order_of_commands_stays_when_the_first_is_lost(street, room, monkeypatch):
    ada, bob = await room
    await ada.ask(commands.TransferHost, user_id=bob.user.user_id)
    publish, failed = street.houses[1].bus.publish, []

    async def failing(batch):
        if not failed:
            failed.append(batch)
            raise BusError("away")
        return await publish(batch)

    monkeypatch.setattr(street.houses[1].bus, "publish", failing)
    bob.send(commands.LockRoom, id_="first")
    await asyncio.sleep(0.01)
    bob.send(commands.UnlockRoom, id_="second")
    await asyncio.sleep(2)
    assert [frame["id"] for frame in bob.got if frame.get("id") in {"first", "second"}] == ["first", "second"]
    assert [frame["type"] for frame in ada.got if "seq" in frame][-2:] == ["room_locked", "room_unlocked"]


async def test_when_the_owner_dies_its_room_goes_on_where_its_members_are(street, room):
    ada, bob = await room
    round_id = (await ada.ask(commands.StartGame))["round_id"]
    await asyncio.sleep(0.1)
    street.houses.remove(ada.house)
    await ada.house.crash()
    reply = await bob.ask(commands.SubmitAnswer, round_id=round_id, answer="tea", seconds=5)
    assert reply["type"] == "ok"
    assert bob.house.owns(bob.code)
    assert bob.house.gateway.closed == []


async def test_a_room_that_is_opened_for_its_maker_is_not_looked_for_elsewhere_any_more(street, room, monkeypatch):
    ada, bob = await room
    street.houses.remove(ada.house)
    await ada.house.crash()

    async def away(_node_ids):
        raise StoreUnavailableError("away")

    # Nobody has noticed yet that the lease of the owner is over.
    monkeypatch.setattr(street.nodes, "leases", away)
    await asyncio.sleep(3.05)
    again = Guest(bob.house, "ada", ada.user)
    again.code = ada.code
    assert (await again.ask(commands.CreateRoom, id_="ada-1"))["room_code"] == ada.code
    assert bob.house.owns(ada.code)
    assert (await bob.ask(commands.React, reaction="heart", seconds=0.1))["type"] == "ok"
    assert set(bob.house.registry.get(ada.code).room.presence.sockets) == {ada.user.user_id, bob.user.user_id}
    assert bob.house.gateway.closed == []


async def test_when_a_gateway_dies_its_connections_count_as_lost(street, room):
    ada, bob = await room
    street.houses.remove(bob.house)
    await bob.house.crash()
    await asyncio.sleep(4)
    assert bob.user.user_id not in ada.house.registry.get(ada.code).room.presence.sockets


async def test_a_lobby_follows_most_of_its_members_and_they_notice_nothing(street, room):
    ada, bob = await room
    eve = Guest(street.houses[1], "eve")
    await eve.join(ada.code)
    await moved(street.houses[1], ada.code)
    assert not street.houses[0].owns(ada.code)
    assert (await ada.ask(commands.StartGame))["type"] == "ok"
    await asyncio.sleep(0.1)
    assert ada.events() == [1, 2, 3]
    assert bob.events() == [2, 3]
    assert [house.gateway.closed for house in street.houses] == [[], [], []]


async def test_of_many_lobbies_a_few_follow_their_members_at_once(street, monkeypatch):
    await street.begin()
    await asyncio.sleep(0.1)
    home, away = street.houses[:2]
    hosts = [Guest(home, "host") for _ in range(3 * MOVING_ROOMS)]
    for host in hosts:
        await host.create()
    release, moving, most = street.rooms.release, set(), []

    async def slow(room_id, *args, **named):
        moving.add(room_id)
        most.append(len(moving))
        await asyncio.sleep(0.05)
        moving.remove(room_id)
        await release(room_id, *args, **named)

    monkeypatch.setattr(street.rooms, "release", slow)
    for host in hosts:
        for _ in range(2):
            guest = Guest(away, "guest")
            guest.code = host.code
            guest.send(commands.JoinRoom)
    await asyncio.sleep(4)
    assert max(most) == MOVING_ROOMS
    assert all(away.owns(host.code) for host in hosts)


async def test_a_room_that_has_moved_twice_is_found_by_who_knew_it_where_it_was_before(street, room):
    ada, bob = await room
    eve = Guest(street.houses[2], "eve")
    await eve.join(ada.code)
    home, second = street.houses[:2]
    home.registry.get(ada.code).hand_over(second.node_id)
    await moved(second, ada.code)
    for guest in (ada, eve):
        guest.lose()
    await asyncio.sleep(0.5)
    second.registry.get(ada.code).hand_over(home.node_id)
    assert (await eve.ask(commands.JoinRoom))["type"] == "ok"
    assert (await bob.ask(commands.React, reaction="heart"))["type"] == "ok"


async def test_a_room_that_was_made_is_found_by_the_same_command_on_another_node(street):
    await street.begin()
    await asyncio.sleep(0.1)
    ada = Guest(street.houses[0], "ada")
    made = await ada.create(id_="make")
    again = Guest(street.houses[1], "ada", ada.user)
    reply = await again.ask(commands.CreateRoom, id_="make")
    assert reply["room_code"] == made["room_code"]
    await ada.ask(commands.LockRoom)
    await asyncio.sleep(0.1)
    assert again.events() == [1]
    # Once more, when this node knows the room already.
    reply = await again.ask(commands.CreateRoom, id_="make")
    assert reply["type"] == "ok"
    await ada.ask(commands.UnlockRoom)
    await asyncio.sleep(0.1)
    assert again.events() == [1, 2]
    assert again.house.gateway.closed == []


async def test_without_the_bus_remote_members_are_sent_away_and_those_at_home_notice_nothing(street, room):
    ada, bob = await room
    street.hub.stop()
    assert (await ada.ask(commands.LockRoom))["type"] == "ok"
    await asyncio.sleep(4)
    assert bob.house.gateway.closed == [bob.connection_id]
    assert ada.house.gateway.closed == []
    assert ada.house.owns(ada.code)
    street.hub.start()
    back = Guest(bob.house, "bob", bob.user)
    back.code = ada.code
    # With the second that the adapter may take to notice that Redis is back, that makes three.
    assert (await back.ask(commands.JoinRoom, seconds=2))["state"]["seq"] == 2


async def test_a_room_whose_members_are_all_out_of_reach_goes_to_them(street, room):
    ada, bob = await room
    ada.lose()
    street.hub.stop()
    await asyncio.sleep(5)
    back = Guest(bob.house, "bob", bob.user)
    back.code = ada.code
    assert (await back.ask(commands.JoinRoom))["type"] == "ok"
    assert bob.house.owns(ada.code)


async def test_more_than_an_inbox_of_commands_is_refused_at_the_door(street, room):
    _, bob = await room
    street.hub.stop()
    command = commands.React(id="r", room_code=bob.code, reaction="heart")
    codes = {
        bob.house.router.send(
            Origin(bob.connection_id, token), bob.user, command, received_at=bob.house.clock.seconds()
        )
        for token in range(10_000, 11_001)
    }
    assert codes == {None, ErrorCode.RATE_LIMITED}


async def test_who_owns_a_room_is_forgotten_when_nobody_here_has_to_do_with_it(street, room):
    _, bob = await room
    bob.lose()
    assert bob.code in bob.house.remote
    await asyncio.sleep(40)
    assert len(bob.house.remote) == 0


async def test_what_is_true_now_is_told_again_when_a_lapse_is_over(street, room):
    ada, bob = await room
    bob.got.clear()
    bob.house.router.lapse_is_over()
    ada.house.registry.tell_again()
    await asyncio.sleep(0.5)
    told = [(frame["user_id"], frame["connected"]) for frame in bob.got if frame["type"] == "player_connection"]
    assert {(ada.user.user_id, True), (bob.user.user_id, True)} == set(told)


async def test_an_answer_to_what_was_asked_before_the_room_was_looked_up_again_is_no_answer(street, room, monkeypatch):
    ada, _ = await room
    gateway = street.houses[2]
    cat = Guest(gateway, "cat")
    cat.code = ada.code
    held, publish = [], gateway.bus.publish

    async def hold(batch):
        held.append(batch)
        return [True] * len(batch)

    monkeypatch.setattr(gateway.bus, "publish", hold)
    cat.send(commands.JoinRoom)
    await asyncio.sleep(0.1)
    n_before = len(held)
    gateway.remote.resolve(ada.code)
    await asyncio.sleep(0.1)
    # What was asked comes late; then, with an event on its way, what was asked once more.
    monkeypatch.setattr(gateway.bus, "publish", publish)
    for batch in held[:n_before]:
        await publish(batch)
    await asyncio.sleep(0.1)
    ada.send(commands.LockRoom)
    for batch in held[n_before:]:
        await publish(batch)
    await asyncio.sleep(0.1)
    await ada.ask(commands.UnlockRoom)
    await asyncio.sleep(3)
    shown = next(frame["state"]["seq"] for frame in cat.got if frame["type"] == "ok")
    assert [shown, *cat.events()] == list(range(shown, 5))


async def test_who_is_gone_before_the_room_is_handed_over_is_not_there_after_it(street, room):
    ada, _ = await room
    here, there, _ = street.houses
    await ada.ask(commands.StartGame)
    carol = Guest(here, "carol")
    carol.code = ada.code
    here.registry.get(ada.code).hand_over(there.node_id)
    carol.send(commands.JoinRoom)
    drop_replies_to(here, carol)
    here.router.connection_lost(ada.code, carol.user.user_id, carol.connection_id)
    await asyncio.sleep(30)
    assert there.owns(ada.code)
    assert_is_nowhere(there, ada.code, carol)
    assert ada.user.user_id in there.registry.get(ada.code).room.presence.sockets


async def test_who_is_gone_is_not_there_when_the_word_of_it_is_lost(street, room, monkeypatch):
    ada, bob = await room
    owner, gateway, _ = street.houses
    await ada.ask(commands.StartGame)
    carol = Guest(gateway, "carol")
    carol.code = ada.code
    drop_replies_to(gateway, carol)
    append, may_go_on = street.rooms.append, asyncio.Event()

    async def held_append(*args, **named):
        await may_go_on.wait()
        return await append(*args, **named)

    monkeypatch.setattr(street.rooms, "append", held_append)
    carol.send(commands.JoinRoom)
    await asyncio.sleep(0.1)
    publish = gateway.bus.publish

    async def lose(batch):
        monkeypatch.setattr(gateway.bus, "publish", publish)
        return [True] * len(batch)

    monkeypatch.setattr(gateway.bus, "publish", lose)
    gateway.router.connection_lost(ada.code, carol.user.user_id, carol.connection_id)
    await asyncio.sleep(0.6)
    may_go_on.set()
    await asyncio.sleep(30)
    assert len(owner.registry.get(ada.code).room.state.members) == 3
    assert_is_nowhere(owner, ada.code, carol)
    assert bob.user.user_id in owner.registry.get(ada.code).room.presence.sockets


async def test_who_is_gone_is_not_there_though_his_node_was_long_done_with_the_room(street, room):
    """He came by a reply that was too late, so nothing of the room reached him, and after a while nobody waited."""
    ada, _ = await room
    owner, _, gateway = street.houses
    carol, dan = Guest(gateway, "carol"), Guest(gateway, "dan")
    other = Guest(owner, "host")
    await other.create()
    await dan.join(other.code)
    carol.code = ada.code
    drop_replies_to(gateway, carol)
    carol.send(commands.JoinRoom)
    await asyncio.sleep(IDLE_SECONDS + 5)
    assert ada.code not in gateway.remote
    gateway.router.connection_lost(ada.code, carol.user.user_id, carol.connection_id)
    await asyncio.sleep(1)
    assert len(owner.registry.get(ada.code).room.state.members) == 3
    assert_is_nowhere(owner, ada.code, carol)
    assert dan.user.user_id in owner.registry.get(other.code).room.presence.sockets


def drop_replies_to(house, guest):
    """Its socket is gone before any reply comes: nothing attaches it."""
    deliver = house.gateway.deliver

    def to_others(deliveries):
        ids = [getattr(getattr(each, "origin", None), "connection_id", None) for each in deliveries]
        deliver([each for each, own in zip(deliveries, ids, strict=True) if own != guest.connection_id])

    house.gateway.deliver = to_others


def assert_is_nowhere(owner, room_code, guest):
    """Neither the room nor its audience believes that the guest is connected."""
    assert guest.user.user_id not in owner.registry.get(room_code).room.presence.sockets
    listeners = owner.audience._listeners.get(room_code, {})
    assert all(guest.connection_id not in connections for connections in listeners.values())
