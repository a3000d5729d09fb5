"""Rooms that go to another node, come from one, or are found to be with one."""

import asyncio

import pytest

from tests.unit.rooms.table import Table, an_id, seated, settle
from votegame.errors import ErrorCode, StoreUnavailableError
from votegame.rooms.inbox import INBOX_ENTRIES, ConnectionLost, Heritage, Request, Subscription
from votegame.rooms.ports import CloseAttached, Detach, Moved, Origin, Place, Resumed

pytestmark = pytest.mark.looptime


class Elsewhere:
    """Keeps what is settled elsewhere, and gives back what it was given to keep."""

    def __init__(self):
        self.settled: list[tuple[str, str, Heritage]] = []
        self.kept: dict[str, Heritage] = {}

    def settle(self, room_code, owner, heritage):
        self.settled.append((room_code, owner, heritage))

    def let_go(self, room_code):
        return self.kept.pop(room_code, Heritage())


@pytest.fixture
async def elsewhere():
    return Elsewhere()


@pytest.fixture
async def table(elsewhere):
    table = Table(elsewhere=elsewhere, max_rooms=2)
    yield table
    table.store.go_on()
    await table.end()


@pytest.fixture
async def room(table):
    seating = seated(table)
    yield seating
    seating.close()


async def another_node(table):
    """One that is alive for three seconds."""
    node_id = an_id()
    await table.nodes.renew(node_id, "there", 3_000)
    return node_id


def kinds(table, kind):
    return [told.delivery for told in table.outlet.told if isinstance(told.delivery, kind)]


class TestHandingOver:
    async def test_first_everything_is_kept_and_told_and_what_comes_after_goes_along(self, table, room, elsewhere):
        ada, bob = await room
        target = await another_node(table)
        table.store.hang()
        ada.send(ada.change(topic="tea", id_="before"))
        await settle()
        table.registry.get(ada.code).hand_over(target)
        bob.send(bob.join(bob.code, id_="after"))
        await settle()
        assert elsewhere.settled == []
        assert table.row_of(ada.code).owner == table.node_id
        table.store.go_on()
        await table.outlet.reply("before")
        await settle()
        assert table.row_of(ada.code).owner == target
        ((code, owner, heritage),) = elsewhere.settled
        assert (code, owner, [entry.command.id for entry in heritage.entries]) == (ada.code, target, ["after"])
        assert heritage.sockets == {ada.id: {ada.connection_id}, bob.id: {bob.connection_id}}
        assert heritage.told == Place(table.row_of(ada.code).made.stream, 2)
        assert table.outlet.replies_to("after") == []
        assert len(table.registry) == 0

    async def test_whoever_listens_is_told_before_anything_else_goes_there(self, table, room):
        ada, _bob = await room
        table.registry.get(ada.code).hand_over(await another_node(table))
        await settle()
        assert kinds(table, Moved) == [Moved(ada.code)]
        assert kinds(table, CloseAttached) == []

    async def test_notices_that_a_large_room_holds_back_do_not_leave_after_it(self, table, room):
        ada, bob = await room
        await ada.ask(ada.change(max_players=40))
        for number in range(31):
            player = table.user(f"player {number}")
            await player.ask(player.join(ada.code))
        started = await ada.ask(ada.start())
        for player in (ada, bob):
            await player.ask(player.answer(started["round_id"], player.name))
        assert len(table.outlet.frames("answer_submitted")) == 1
        table.registry.get(ada.code).hand_over(await another_node(table))
        await asyncio.sleep(1)
        assert len(table.outlet.frames("answer_submitted")) == 1

    async def test_only_the_first_wish_counts(self, table, room):
        ada, _bob = await room
        first, second = await another_node(table), await another_node(table)
        actor = table.registry.get(ada.code)
        actor.hand_over(first)
        actor.hand_over(second)
        await settle()
        assert table.row_of(ada.code).owner == first

    async def test_when_it_is_not_known_whether_it_was_released_whoever_is_asked_finds_out(
        self, table, room, elsewhere, monkeypatch
    ):
        ada, _bob = await room
        target = await another_node(table)

        async def lost(*_what, **_named):
            raise StoreUnavailableError("gone")

        monkeypatch.setattr(table.memory, "release", lost)
        table.registry.get(ada.code).hand_over(target)
        await settle()
        assert [owner for _, owner, _ in elsewhere.settled] == [target]
        # It stays ours, and is opened when the target sends whoever asks back.
        monkeypatch.undo()
        _, _, heritage = elsewhere.settled[0]
        table.registry.adopt(ada.code, heritage)
        assert (await ada.ask(ada.change(topic="tea")))["type"] == "ok"
        assert kinds(table, CloseAttached) == []

    async def test_to_nobody_in_particular_it_is_given_up_and_its_members_are_sent_away(self, table, room, elsewhere):
        ada, _bob = await room
        table.registry.get(ada.code).hand_over(None)
        await settle()
        assert table.row_of(ada.code).owner is None
        assert kinds(table, CloseAttached) == [CloseAttached(ada.code, 1012)]
        assert elsewhere.settled == []

    async def test_without_connections_nobody_would_ask_for_it_so_it_is_given_up(self, table, room, elsewhere):
        ada, bob = await room
        for player in (ada, bob):
            player.lose()
        await settle()
        table.registry.get(ada.code).hand_over(await another_node(table))
        await settle()
        assert table.row_of(ada.code).owner is None
        assert elsewhere.settled == []

    async def test_a_room_that_is_not_open_yet_cannot_go(self, table, room):
        ada, _bob = await room
        await table.end()
        await table.begin()
        table.store.hang()
        ada.again().send(ada.join(ada.code, id_="join"))
        await settle()
        table.registry.get(ada.code).hand_over(an_id())
        table.store.go_on()
        assert (await table.outlet.reply("join"))["type"] == "ok"
        assert table.row_of(ada.code).owner == table.node_id

    async def test_a_node_that_stops_hands_nothing_over(self, table, room, elsewhere):
        ada, _bob = await room
        table.registry.get(ada.code).hand_over(await another_node(table))
        await table.registry.stop()
        assert elsewhere.settled == []
        assert table.row_of(ada.code).owner == table.node_id


class TestElsewhere:
    async def test_what_waits_for_a_room_that_another_node_has_goes_there(self, table, room, elsewhere):
        ada, bob = await room
        for player in (ada, bob):
            player.lose()
        table.registry.get(ada.code).hand_over(None)
        await settle()
        owner = await another_node(table)
        await table.memory.claim(ada.code, owner)
        ada.send(ada.join(ada.code, id_="join"))
        await settle()
        ((_, found, heritage),) = elsewhere.settled
        assert found == owner
        assert [entry.command.id for entry in heritage.entries] == ["join"]
        assert heritage.sockets == {}
        assert table.outlet.replies_to("join") == []
        assert len(table.registry) == 0

    async def test_a_room_that_was_taken_away_goes_on_there_with_its_sockets(self, table, room, elsewhere):
        ada, bob = await room
        owner = await another_node(table)
        row = table.row_of(ada.code)
        row.owner, row.epoch = owner, row.epoch + 1
        await table.registry.discard_fenced()
        await settle()
        # Discarded here, looked for, and found there.
        ((_, found, heritage),) = elsewhere.settled
        assert found == owner
        assert heritage.sockets == {ada.id: {ada.connection_id}, bob.id: {bob.connection_id}}
        assert heritage.told.seq == 1
        assert kinds(table, CloseAttached) == []


class TestAdopting:
    async def orphan(self, table, room):
        """The room with nobody to look after it, and who waits for it."""
        ada, bob = await room
        target = await another_node(table)
        elsewhere = table.env.elsewhere
        table.registry.get(ada.code).hand_over(target)
        await settle()
        table.outlet.clear()
        await table.nodes.retire(target)
        return ada, bob, elsewhere.settled.pop()[2]

    async def test_members_who_were_told_everything_go_on_and_what_waited_is_answered(self, table, room):
        ada, bob, heritage = await self.orphan(table, room)
        request = Request(Origin(ada.connection_id, 99), ada.user, ada.change(topic="tea"), table.clock.seconds())
        table.registry.adopt(ada.code, Heritage((request,), heritage.sockets, heritage.gone, heritage.told))
        assert (await table.outlet.reply(request.command.id))["type"] == "ok"
        assert kinds(table, CloseAttached) == []
        assert set(table.room_of(ada.code).presence.sockets) == {ada.id, bob.id}
        told_again = [frame["user_id"] for frame in table.outlet.frames("player_connection")]
        assert sorted(told_again) == sorted([ada.id, bob.id])

    async def test_who_is_attached_here_and_no_member_any_more_is_detached(self, table, room):
        """He was removed by the last event; that he is to hear no more was lost with the owner."""
        ada, _bob, heritage = await self.orphan(table, room)
        sockets = {**heritage.sockets, "eve": {"her socket"}}
        table.registry.adopt(ada.code, Heritage((), sockets, heritage.gone, heritage.told))
        await settle()
        assert kinds(table, Detach) == [Detach(ada.code, "eve")]
        assert kinds(table, CloseAttached) == []

    @pytest.mark.parametrize("told", [None, Place("another", 1), "older"])
    async def test_members_who_were_not_start_anew(self, table, room, told):
        ada, _bob, heritage = await self.orphan(table, room)
        place = Place(heritage.told.stream, 0) if told == "older" else told
        table.registry.adopt(ada.code, Heritage((), heritage.sockets, heritage.gone, place))
        await settle()
        assert kinds(table, CloseAttached) == [CloseAttached(ada.code, 1012)]
        assert not table.room_of(ada.code).presence.has_sockets

    @pytest.mark.parametrize("why", ["full", "stopping"])
    async def test_where_there_is_no_place_everyone_is_told_to_come_back(self, table, room, why):
        ada, _bob, heritage = await self.orphan(table, room)
        if why == "full":
            for name in ("eve", "dan"):
                other = table.user(name)
                await other.ask(other.create())
        else:
            await table.registry.stop()
        table.outlet.clear()
        now = table.clock.seconds()
        entries = (
            Request(Origin(ada.connection_id, 99), ada.user, ada.join(ada.code, id_="join"), now),
            Subscription(node_id="n", room_code=ada.code, ref=4, place=heritage.told, sockets={}, received_at=now),
            ConnectionLost(ada.id, "gone"),
        )
        table.registry.adopt(ada.code, Heritage(entries, heritage.sockets, heritage.gone, heritage.told))
        assert table.outlet.replies_to("join")[0]["code"] == ErrorCode.UNAVAILABLE
        assert kinds(table, Resumed) == [
            Resumed(node_id="n", room_code=ada.code, ref=4, named=frozenset(), missed=None)
        ]
        assert kinds(table, CloseAttached) == [CloseAttached(ada.code, 1012)]

    async def test_one_that_is_being_opened_already_takes_what_waited(self, table, room):
        ada, _bob, heritage = await self.orphan(table, room)
        table.store.hang()
        again = table.user("ada")
        again.user, again.code = ada.user, ada.code
        again.send(again.join(ada.code, id_="first"))
        await settle()
        second = ada.join(ada.code, id_="second")
        request = Request(Origin(ada.connection_id, 99), ada.user, second, table.clock.seconds())
        table.registry.adopt(ada.code, Heritage((request,), heritage.sockets, heritage.gone, heritage.told))
        table.store.go_on()
        for command_id in ("first", "second"):
            assert (await table.outlet.reply(command_id))["type"] == "ok"
        assert len(table.registry) == 1
        assert table.row_of(ada.code).epoch == 2
        assert kinds(table, CloseAttached) == [CloseAttached(ada.code, 1012)]

    async def test_what_one_that_is_full_does_not_take_is_answered_at_once(self, table, room):
        ada, _bob, heritage = await self.orphan(table, room)
        table.store.hang()
        again = table.user("ada")
        again.user, again.code = ada.user, ada.code
        for _ in range(INBOX_ENTRIES):
            again.send(again.join(ada.code))
        late = ada.join(ada.code, id_="late")
        request = Request(Origin(ada.connection_id, 99), ada.user, late, table.clock.seconds())
        table.registry.adopt(ada.code, Heritage((request,), heritage.sockets, heritage.gone, heritage.told))
        (reply,) = table.outlet.replies_to("late")
        assert reply["code"] == "unavailable"

    async def test_one_that_is_opened_for_its_timer_keeps_those_who_are_attached(self, table, room, elsewhere):
        ada, bob, heritage = await self.orphan(table, room)
        elsewhere.kept[ada.code] = heritage
        (claim,) = await table.memory.claim_due(table.node_id, 10**15, 10)
        table.registry.open(claim)
        await settle()
        assert set(table.room_of(ada.code).presence.sockets) == {ada.id, bob.id}
        assert kinds(table, CloseAttached) == []


class TestSubscribing:
    def a_subscription(self, table, code, *, seq=1, sockets=None, received_at=None, node_id="n"):
        return Subscription(
            node_id=node_id,
            room_code=code,
            ref=4,
            place=Place(table.row_of(code).made.stream, seq),
            sockets=sockets or {},
            received_at=table.clock.seconds() if received_at is None else received_at,
        )

    async def test_who_is_attached_by_it_stays_so_when_the_actor_is_discarded(self, table, room):
        ada, bob = await room
        bob.lose()
        await settle()
        table.registry.subscribe(self.a_subscription(table, ada.code, sockets={bob.id: frozenset({"far"})}))
        await settle()
        table.store.refused = lambda append: any("'tea'" in str(row.payload) for row in append.rows)
        await ada.ask(ada.change(topic="tea"))
        await settle()
        assert table.room_of(ada.code).presence.sockets[bob.id] == {"far"}

    async def test_who_came_over_the_node_and_is_not_named_is_gone(self, table, room):
        ada, bob = await room
        table.registry.subscribe(self.a_subscription(table, ada.code, sockets={bob.id: frozenset({"far", "near"})}))
        table.registry.subscribe(
            self.a_subscription(table, ada.code, sockets={bob.id: frozenset({"other"})}, node_id="other")
        )
        await settle()
        table.registry.subscribe(self.a_subscription(table, ada.code, sockets={bob.id: frozenset({"near"})}))
        await settle()
        assert table.room_of(ada.code).presence.sockets[bob.id] == {bob.connection_id, "near", "other"}

    async def test_connections_of_those_who_are_no_members_are_not_attached(self, table, room):
        ada, bob = await room
        sockets = {bob.id: frozenset({"far"}), "stranger": frozenset({"other"})}
        table.registry.subscribe(self.a_subscription(table, ada.code, sockets=sockets))
        await settle()
        present = table.room_of(ada.code).presence.sockets
        assert set(present) == {ada.id, bob.id}
        assert set(present[bob.id]) == {bob.connection_id, "far"}

    async def test_it_is_answered_in_its_order_among_the_rest(self, table, room):
        ada, _bob = await room
        ada.send(ada.change(topic="tea", id_="before"))
        table.registry.subscribe(self.a_subscription(table, ada.code))
        ada.send(ada.change(topic="milk", id_="after"))
        await table.outlet.reply("after")
        await settle()
        told = [told.delivery for told in table.outlet.told]
        (resumed,) = kinds(table, Resumed)
        # With the event before it, though that was under way when it came, and without the one after.
        assert [frame.seq for frame in resumed.missed if frame.seq is not None] == [2]
        assert [each.seq for each in told[told.index(resumed) :] if getattr(each, "seq", None)] == [3]

    async def test_counts_are_told_as_they_were_then(self, table, room):
        ada, bob = await room
        round_id = (await ada.ask(ada.start()))["round_id"]
        await ada.ask(ada.answer(round_id, "one"))
        table.registry.subscribe(self.a_subscription(table, ada.code, seq=2))
        await settle()
        (resumed,) = kinds(table, Resumed)
        frames = [frame.data for frame in resumed.missed]
        assert sum(b'"answer_submitted"' in frame and b'"submitted_count":1' in frame for frame in frames) == 1
        assert sum(b'"player_connection"' in frame for frame in frames) == 2
        assert bob.id.encode() not in b"".join(frame for frame in frames if b'"answer_submitted"' in frame)

    async def test_one_that_waited_too_long_is_asked_again_by_itself(self, table, room):
        ada, _bob = await room
        table.registry.subscribe(self.a_subscription(table, ada.code, received_at=table.clock.seconds() - 5.0))
        await settle()
        assert kinds(table, Resumed) == []

    @pytest.mark.parametrize("why", ["full", "stopping"])
    async def test_where_there_is_no_place_it_is_dropped(self, table, room, why):
        ada, bob = await room
        subscription = self.a_subscription(table, ada.code)
        for player in (ada, bob):
            player.lose()
        await settle()
        table.registry.get(ada.code).hand_over(None)
        await settle()
        if why == "full":
            for name in ("eve", "dan"):
                other = table.user(name)
                await other.ask(other.create())
        else:
            await table.registry.stop()
        table.registry.subscribe(subscription)
        await settle()
        assert kinds(table, Resumed) == []
        assert table.registry.get(ada.code) is None


async def test_a_node_that_leaves_makes_no_rooms_and_keeps_those_that_it_has(table):
    ada, _bob = await seated(table)
    table.registry.refuse_creations()
    eve = table.user("eve")
    assert eve.send(eve.create()) == ErrorCode.UNAVAILABLE
    assert (await ada.ask(ada.change(topic="tea")))["type"] == "ok"


async def test_after_a_lapse_all_that_notices_tell_is_told_again(table):
    ada, bob = await seated(table)
    table.registry.tell_again()
    await asyncio.sleep(0)
    await settle()
    told = [(frame["user_id"], frame["connected"]) for frame in table.outlet.frames("player_connection")]
    assert sorted(told) == sorted([(ada.id, True), (bob.id, True)])
