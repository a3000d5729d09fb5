"""How a node leaves: its rooms first, its clients after."""

import asyncio

import pytest

from tests.unit.cluster.houses import Guest, Street
from tests.unit.cluster.links_kit import until
from tests.unit.rooms.table import settle
from votegame.cluster.drain import HAND_OVER_SECONDS, drain
from votegame.cluster.router import MOVING_ROOMS
from votegame.errors import StoreBusyError, StoreUnavailableError
from votegame.game import commands

pytestmark = pytest.mark.looptime


class Leaving:
    """Two nodes, of which the first is to leave; `sent_away` says when it has sent its clients away."""

    def __init__(self):
        self.street = Street(2)
        self.going, self.staying = self.street.houses
        self.sent_away: list[float] = []
        self.seconds = 0.0

    async def begin(self):
        await self.street.begin()
        await asyncio.sleep(0.1)
        return self

    async def drain(self):
        await drain(self.going.node, self.going.router, self.street.nodes, send_away=self._send_away)

    async def _send_away(self):
        self.sent_away.append(self.going.clock.seconds())
        await asyncio.sleep(self.seconds)

    def epochs(self):
        return [room.epoch for room in self.street.rooms._rooms.values()]


@pytest.fixture
async def leaving():
    leaving = Leaving()
    yield leaving
    await leaving.street.end()


async def party(house, count=3):
    """A room whose members are all connected to the house."""
    guests = [Guest(house, f"guest {number}") for number in range(count)]
    await guests[0].create()
    for guest in guests[1:]:
        await guest.join(guests[0].code)
    return guests


async def test_a_few_rooms_move_at_once(leaving):
    await leaving.begin()
    for _ in range(3 * MOVING_ROOMS):
        await Guest(leaving.going, "host").create()
    others = [leaving.staying.node_id]
    for _ in range(2):
        assert leaving.going.router.hand_over_all(others) == 3 * MOVING_ROOMS
        assert sum(actor.is_moving for actor in leaving.going.registry.actors()) == MOVING_ROOMS
    await settle()
    assert leaving.going.router.hand_over_all(others) == 2 * MOVING_ROOMS


async def test_rooms_go_first_and_their_members_notice_nothing(leaving):
    await leaving.begin()
    guests = await party(leaving.going)
    round_id = (await guests[0].ask(commands.StartGame))["round_id"]
    leaving.seconds = 1.0
    draining = asyncio.create_task(leaving.drain())
    await until(lambda: leaving.sent_away)
    assert not leaving.going.owns(guests[0].code)
    reply = await guests[1].ask(commands.SubmitAnswer, round_id=round_id, answer="tea")
    assert reply["type"] == "ok"
    assert leaving.staying.owns(guests[0].code)
    await draining
    assert "drain" not in {task.get_name() for task in asyncio.all_tasks()}
    assert leaving.going.gateway.closed == []
    assert guests[2].events() == [3]


async def test_a_lobby_does_not_follow_its_members_back_to_a_node_that_leaves(leaving):
    await leaving.begin()
    guests = await party(leaving.going)
    leaving.seconds = 10.0
    await leaving.drain()
    assert leaving.staying.owns(guests[0].code)
    assert leaving.epochs() == [2]
    assert leaving.going.gateway.closed == []


async def test_rooms_that_are_opened_meanwhile_go_as_well(leaving):
    await leaving.begin()
    guests = await party(leaving.going, 1)
    await until(lambda: leaving.going.owns(guests[0].code))
    leaving.seconds = 3.0
    draining = asyncio.create_task(leaving.drain())
    await until(lambda: leaving.sent_away)
    late = Guest(leaving.going, "late")
    await late.create()
    await asyncio.sleep(1)
    assert not leaving.going.owns(late.code)
    assert (await late.ask(commands.LockRoom))["type"] == "ok"
    await draining


async def test_a_node_without_others_sends_nobody_away(leaving):
    await leaving.begin()
    guests = await party(leaving.going)
    leaving.street.houses.remove(leaving.staying)
    await leaving.staying.crash()
    await asyncio.sleep(4)
    await leaving.drain()
    assert leaving.going.owns(guests[0].code)
    assert leaving.sent_away == []


async def test_nor_does_one_that_cannot_know_the_others(leaving, monkeypatch):
    await leaving.begin()

    async def away(_node_id):
        raise StoreUnavailableError("away")

    monkeypatch.setattr(leaving.street.nodes, "nodes_to_hand_over_to", away)
    await leaving.drain()
    assert leaving.sent_away == []


async def test_of_two_that_leave_neither_gives_its_rooms_to_the_other(leaving):
    await leaving.begin()
    guests = await party(leaving.going)
    await leaving.staying.node.drain()
    await leaving.drain()
    assert leaving.going.owns(guests[0].code)


async def test_a_room_that_cannot_go_yet_keeps_clients_waiting_for_a_while_only(leaving, monkeypatch):
    await leaving.begin()
    guests = await party(leaving.going)
    append, stuck = leaving.street.rooms.append, asyncio.Event()

    async def slow(appends, **how):
        await stuck.wait()
        return await append(appends, **how)

    monkeypatch.setattr(leaving.street.rooms, "append", slow)
    guests[0].send(commands.LockRoom)
    await settle()
    before = leaving.going.clock.seconds()
    await leaving.drain()
    assert leaving.sent_away[0] - before == pytest.approx(HAND_OVER_SECONDS, abs=0.5)
    stuck.set()


async def test_rooms_that_cannot_go_yet_keep_no_other_from_going(leaving, monkeypatch):
    await leaving.begin()
    stuck = [Guest(leaving.going, "host") for _ in range(MOVING_ROOMS)]
    free = Guest(leaving.going, "host")
    for host in (*stuck, free):
        await host.create()
    locked = {leaving.going.registry.get(host.code).room.room_epoch[0] for host in stuck}
    append = leaving.street.rooms.append

    async def in_the_way(appends, **how):
        if any(each.room_id in locked for each in appends):
            raise StoreBusyError("locked")
        return await append(appends, **how)

    monkeypatch.setattr(leaving.street.rooms, "append", in_the_way)
    for host in stuck:
        host.send(commands.LockRoom)
    await settle()
    await leaving.drain()
    assert len(leaving.sent_away) == 1
    assert not leaving.going.owns(free.code)
    assert all(leaving.going.owns(host.code) for host in stuck)
    monkeypatch.undo()


async def test_a_bug_in_handing_rooms_over_keeps_no_client_from_being_sent_away(leaving, monkeypatch):
    await leaving.begin()
    guests = await party(leaving.going)

    def bug(_node_id):
        monkeypatch.undo()
        raise RuntimeError("a bug")

    monkeypatch.setattr(leaving.going.registry.get(guests[0].code), "hand_over", bug)
    leaving.seconds = 1.0
    await leaving.drain()
    assert len(leaving.sent_away) == 1
    # What could not be done at once is tried again meanwhile.
    assert leaving.staying.owns(guests[0].code)


async def test_nor_is_the_node_by_a_bug_in_sending_them_kept_from_ending(leaving, monkeypatch):
    await leaving.begin()
    await party(leaving.going)

    async def bug():
        raise RuntimeError("a bug")

    monkeypatch.setattr(leaving, "_send_away", bug)
    await leaving.drain()
    assert len(leaving.going.registry) == 0


async def test_without_the_bus_rooms_go_to_whoever_is_asked_first(leaving):
    await leaving.begin()
    guests = await party(leaving.going)
    leaving.street.hub.stop()
    await asyncio.sleep(0.1)
    await leaving.drain()
    assert set(leaving.going.gateway.closed) == {guest.connection_id for guest in guests}
    back = Guest(leaving.staying, "guest 0", guests[0].user)
    back.code = guests[0].code
    assert (await back.ask(commands.JoinRoom, id_="back"))["type"] == "ok"
    assert leaving.staying.owns(guests[0].code)


async def test_a_room_goes_to_the_node_with_most_of_its_members(leaving):
    await leaving.begin()
    guests = await party(leaving.going)
    await guests[0].ask(commands.StartGame)
    others = ["0", leaving.staying.node_id]
    bob = Guest(leaving.staying, "bob")
    await bob.join(guests[0].code)
    assert leaving.going.router.hand_over_all(others) == 1
    await until(lambda: leaving.staying.owns(guests[0].code))
