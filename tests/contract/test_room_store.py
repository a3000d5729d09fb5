"""What every `RoomStore` does."""

import asyncio

import pytest
from msgspec.structs import replace

from tests.contract.store_kit import a_head, a_room, a_row, an_append, an_id
from votegame.errors import RowsRefusedError, StoreBusyError
from votegame.game.room_settings import RoomSettings
from votegame.rooms.ports import Claim, CodeTaken, Held, RoomCreated, RoomRepeated

TEN_MINUTES = 600_000
LEASE = 3_000


async def alive(world, node_id=None):
    node_id = node_id or an_id()
    await world.nodes.renew(node_id, "node", LEASE)
    return node_id


class TestCreateRoom:
    async def test_keeps_the_rows_with_the_time_of_the_commit(self, world):
        room = a_room(rows=(a_row(1, "base", user_id=an_id()), a_row(2, seq=1, payload={"decided_ms": 7})))
        created = await world.rooms.create_room(room)
        assert isinstance(created, RoomCreated)
        assert await world.rooms.load(room.room_id) == [(row, created.server_time_ms) for row in room.rows]

    async def test_begins_in_epoch_1_owned_by_its_node(self, world):
        node_id = await alive(world)
        room = a_room(node_id=node_id)
        await world.rooms.create_room(room)
        ends = await world.rooms.log_ends([room.room_id])
        assert (ends[room.room_id].epoch, ends[room.room_id].last_position) == (1, 1)
        assert await world.rooms.claim(room.room_code, await alive(world)) == Held(node_id)

    async def test_the_same_command_finds_the_room_that_it_made(self, world):
        room = a_room()
        await world.rooms.create_room(room)
        again = a_room("XYZ789", creator_id=room.creator_id, digest="other")
        assert await world.rooms.create_room(again) == RoomRepeated("ABC234", "d1")
        assert await world.rooms.log_ends([again.room_id]) == {}

    async def test_the_very_same_room_again_is_a_repetition(self, world):
        room = a_room()
        await world.rooms.create_room(room)
        assert await world.rooms.create_room(room) == RoomRepeated("ABC234", "d1")

    async def test_the_same_id_of_another_user_is_another_command(self, world):
        await world.rooms.create_room(a_room())
        assert isinstance(await world.rooms.create_room(a_room("XYZ789")), RoomCreated)

    async def test_the_id_may_come_again_after_ten_minutes(self, world):
        room = a_room()
        await world.rooms.create_room(room)
        await world.advance(TEN_MINUTES + 1_000)
        again = a_room("XYZ789", creator_id=room.creator_id)
        assert isinstance(await world.rooms.create_room(again), RoomCreated)

    async def test_a_code_that_is_taken_makes_nothing(self, world):
        await world.rooms.create_room(a_room())
        other = a_room()
        assert await world.rooms.create_room(other) == CodeTaken()
        assert await world.rooms.load(other.room_id) == []
        assert isinstance(await world.rooms.create_room(a_room("XYZ789", creator_id=other.creator_id)), RoomCreated)

    async def test_a_closed_room_keeps_its_code_for_ten_minutes(self, world):
        room = a_room(node_id=await alive(world))
        await world.rooms.create_room(room)
        await world.rooms.append([an_append(room, a_row(2, "room_closed"), head=a_head(status="closed"))])
        assert await world.rooms.create_room(a_room()) == CodeTaken()
        await world.advance(TEN_MINUTES + 1_000)
        assert await world.rooms.claim(room.room_code, await alive(world)) is None
        heir = a_room()
        assert isinstance(await world.rooms.create_room(heir), RoomCreated)
        claim = await world.rooms.claim(heir.room_code, await alive(world))
        assert claim.room_id == heir.room_id

    async def test_refuses_what_cannot_be_stored(self, world):
        with pytest.raises(RowsRefusedError):
            await world.rooms.create_room(a_room(rows=(a_row(1, payload={"topic": "a\x00b"}),)))

    async def test_many_at_once_with_one_code_give_one_room(self, world):
        results = await asyncio.gather(*(world.rooms.create_room(a_room()) for _ in range(8)))
        assert sorted(type(result).__name__ for result in results) == ["CodeTaken"] * 7 + ["RoomCreated"]


class TestAppend:
    async def test_writes_rows_in_order_after_those_before(self, world):
        room = a_room()
        await world.rooms.create_room(room)
        rows = (a_row(2, seq=2, payload={"decided_ms": 2, "text": 'ä"\\u0000 %s {"a",NULL} \\N'}), a_row(3))
        written = await world.rooms.append([an_append(room, *rows)])
        loaded = await world.rooms.load(room.room_id)
        assert [row for row, _time in loaded[1:]] == list(rows)
        assert {time for _row, time in loaded[1:]} == {written[room.room_id]}
        end = (await world.rooms.log_ends([room.room_id]))[room.room_id]
        assert (end.epoch, end.last_position, end.server_time_ms) == (1, 3, written[room.room_id])

    async def test_sent_twice_is_missing_the_second_time_and_found_at_its_end(self, world):
        room = a_room()
        await world.rooms.create_room(room)
        append = an_append(room, a_row(2), a_row(3))
        first = await world.rooms.append([append])
        assert await world.rooms.append([append]) == {}
        end = (await world.rooms.log_ends([room.room_id]))[room.room_id]
        assert (end.epoch, end.last_position, end.server_time_ms) == (1, 3, first[room.room_id])

    async def test_of_an_older_epoch_is_fenced_off(self, world):
        node_id = await alive(world)
        room = a_room(node_id=node_id)
        await world.rooms.create_room(room)
        await world.rooms.claim(room.room_code, node_id)
        assert await world.rooms.append([an_append(room, a_row(2))]) == {}
        assert list(await world.rooms.append([an_append(room, a_row(2), epoch=2)])) == [room.room_id]

    async def test_with_a_hole_before_it_is_not_written(self, world):
        room = a_room()
        await world.rooms.create_room(room)
        assert await world.rooms.append([an_append(room, a_row(3), base=2)]) == {}
        assert len(await world.rooms.load(room.room_id)) == 1

    async def test_to_an_unknown_room_is_missing(self, world):
        stranger = a_room()
        assert await world.rooms.append([an_append(stranger, a_row(2))]) == {}
        assert await world.rooms.log_ends([stranger.room_id]) == {}
        assert await world.rooms.log_ends([]) == {}

    async def test_a_fenced_room_touches_no_other_of_its_batch(self, world):
        rooms = [a_room("AAAAA2"), a_room("AAAAA3"), a_room("AAAAA4")]
        for room in rooms:
            await world.rooms.create_room(room)
        batch = [an_append(room, a_row(2), epoch=2 if room is rooms[1] else 1) for room in rooms]
        written = await world.rooms.append(batch)
        assert set(written) == {rooms[0].room_id, rooms[2].room_id}
        assert len(set(written.values())) == 1
        assert [len(await world.rooms.load(room.room_id)) for room in rooms] == [2, 1, 2]

    async def test_a_refused_row_writes_nothing_of_any_room(self, world):
        rooms = [a_room("AAAAA2"), a_room("AAAAA3")]
        for room in rooms:
            await world.rooms.create_room(room)
        for poison in ("a\x00b", "\ud800"):
            batch = [an_append(rooms[0], a_row(2)), an_append(rooms[1], a_row(2, payload={"content": poison}))]
            with pytest.raises(RowsRefusedError):
                await world.rooms.append(batch)
        assert [len(await world.rooms.load(room.room_id)) for room in rooms] == [1, 1]

    @pytest.mark.parametrize("type_", ["answer_submitted", "vote_submitted"])
    async def test_one_answer_and_one_vote_per_round_and_player(self, world, type_):
        room = a_room()
        await world.rooms.create_room(room)
        round_id, ada, bob = an_id(), an_id(), an_id()
        first = [a_row(2, type_, round_id=round_id, user_id=ada), a_row(3, type_, round_id=round_id, user_id=bob)]
        await world.rooms.append([an_append(room, *first, a_row(4, type_, round_id=an_id(), user_id=ada))])
        with pytest.raises(RowsRefusedError):
            await world.rooms.append([an_append(room, a_row(5, type_, round_id=round_id, user_id=ada), base=4)])

    @pytest.mark.parametrize("type_", ["round_started", "voting_started", "round_ended"])
    async def test_a_round_begins_votes_and_ends_once(self, world, type_):
        room = a_room()
        await world.rooms.create_room(room)
        round_id = an_id()
        await world.rooms.append([an_append(room, a_row(2, type_, round_id=round_id))])
        with pytest.raises(RowsRefusedError):
            await world.rooms.append([an_append(room, a_row(3, type_, round_id=round_id), base=2)])

    async def test_a_number_is_given_once(self, world):
        room = a_room()
        await world.rooms.create_room(room)
        await world.rooms.append([an_append(room, a_row(2, seq=1))])
        with pytest.raises(RowsRefusedError):
            await world.rooms.append([an_append(room, a_row(3, seq=1), base=2)])

    async def test_without_rows_writes_the_head_only(self, world):
        node_id = await alive(world)
        room = a_room(node_id=an_id())
        await world.rooms.create_room(room)
        head = a_head(next_deadline_ms=5, settings=RoomSettings(topic="cats"))
        assert list(await world.rooms.append([an_append(room, head=head)])) == [room.room_id]
        assert (await world.rooms.log_ends([room.room_id]))[room.room_id].last_position == 1
        assert [claim.room_id for claim in await world.rooms.claim_due(node_id, 6, 9)] == [room.room_id]

    @pytest.mark.parametrize("status", ["voting", "closed"])
    async def test_without_a_head_leaves_it_as_it_is(self, world, status):
        node_id, ada = await alive(world), an_id()
        room = a_room(node_id=an_id(), creator_id=ada)
        await world.rooms.create_room(room)
        head = a_head(status=status, next_deadline_ms=5)
        await world.rooms.append([an_append(room, a_row(2), head=head)])
        headless = replace(an_append(room, a_row(3), base=2), head=None)
        assert list(await world.rooms.append([headless])) == [room.room_id]
        open_rooms = [(room.room_code, status)] if status != "closed" else []
        assert await world.rooms.rooms_of_user(ada) == open_rooms
        assert [claim.room_id for claim in await world.rooms.claim_due(node_id, 6, 9)] == [room.room_id]
        await world.advance(TEN_MINUTES + 1_000)
        claim = await world.rooms.claim(room.room_code, await alive(world, node_id))
        assert (claim is None) == (status == "closed")

    async def test_one_of_many_at_the_same_place_is_written(self, world):
        room = a_room()
        await world.rooms.create_room(room)
        results = await asyncio.gather(*(world.rooms.append([an_append(room, a_row(2))]) for _ in range(5)))
        assert sorted(len(result) for result in results) == [0, 0, 0, 0, 1]

    async def test_a_room_twice_in_a_batch_is_a_mistake(self, world):
        room = a_room()
        with pytest.raises(ValueError, match="twice"):
            await world.rooms.append([an_append(room, a_row(2)), an_append(room, a_row(3), base=2)])

    async def test_an_empty_batch_is_nothing(self, world):
        assert await world.rooms.append([]) == {}


class TestLoad:
    async def test_starts_at_the_last_base(self, world):
        room = a_room()
        await world.rooms.create_room(room)
        bases = [a_row(3, "base", payload={"decided_ms": 1, "state": {"n": [1, None, "é"]}}), a_row(5, "base")]
        await world.rooms.append([an_append(room, a_row(2), bases[0], a_row(4), bases[1], a_row(6))])
        assert [row.position for row, _time in await world.rooms.load(room.room_id)] == [5, 6]

    async def test_of_an_unknown_room_is_empty(self, world):
        assert await world.rooms.load(an_id()) == []


class TestClaim:
    async def test_of_an_unknown_code_is_none(self, world):
        assert await world.rooms.claim("ZZZZZZ", await alive(world)) is None

    async def test_waits_for_the_end_of_the_owners_lease(self, world):
        owner, other = await alive(world), await alive(world)
        room = a_room(node_id=owner)
        await world.rooms.create_room(room)
        assert await world.rooms.claim(room.room_code, other) == Held(owner)
        await world.advance(LEASE + 1_000)
        await alive(world, other)
        claim = await world.rooms.claim(room.room_code, other)
        assert claim == Claim(room_id=room.room_id, room_code=room.room_code, stream=room.stream, epoch=2)

    async def test_a_lease_that_ends_too_far_off_is_over(self, world):
        owner = an_id()
        await world.nodes.renew(owner, "node", LEASE)
        room = a_room(node_id=owner)
        await world.rooms.create_room(room)
        await world.advance(-60_000)
        assert isinstance(await world.rooms.claim(room.room_code, await alive(world)), Claim)

    async def test_of_an_owner_that_never_was_succeeds(self, world):
        room = a_room(node_id=an_id())
        await world.rooms.create_room(room)
        assert (await world.rooms.claim(room.room_code, await alive(world))).epoch == 2

    async def test_needs_a_lease_that_runs(self, world):
        room = a_room(node_id=an_id())
        await world.rooms.create_room(room)
        with pytest.raises(StoreBusyError):
            await world.rooms.claim(room.room_code, an_id())
        lapsed = await alive(world)
        await world.advance(LEASE + 1_000)
        with pytest.raises(StoreBusyError):
            await world.rooms.claim(room.room_code, lapsed)
        assert (await world.rooms.log_ends([room.room_id]))[room.room_id].epoch == 1

    async def test_by_the_owner_itself_raises_the_epoch(self, world):
        owner = await alive(world)
        room = a_room(node_id=owner)
        await world.rooms.create_room(room)
        assert (await world.rooms.claim(room.room_code, owner)).epoch == 2
        assert (await world.rooms.claim(room.room_code, owner)).epoch == 3

    async def test_of_a_released_room_succeeds_at_once(self, world):
        owner, other = await alive(world), await alive(world)
        room = a_room(node_id=owner)
        await world.rooms.create_room(room)
        await world.rooms.release(room.room_id, 1)
        assert (await world.rooms.claim(room.room_code, other)).epoch == 2

    async def test_a_release_of_an_older_epoch_does_nothing(self, world):
        owner, other = await alive(world), await alive(world)
        room = a_room(node_id=owner)
        await world.rooms.create_room(room)
        await world.rooms.claim(room.room_code, owner)
        await world.rooms.release(room.room_id, 1)
        assert await world.rooms.claim(room.room_code, other) == Held(owner)

    async def test_of_a_room_that_was_handed_over_succeeds_for_its_new_owner_alone(self, world):
        owner, target, other = await alive(world), await alive(world), await alive(world)
        room = a_room(node_id=owner)
        await world.rooms.create_room(room)
        await world.rooms.release(room.room_id, 1, to=target)
        assert await world.rooms.claim(room.room_code, other) == Held(target)
        assert await world.rooms.claim(room.room_code, owner) == Held(target)
        assert (await world.rooms.claim(room.room_code, target)).epoch == 2

    async def test_of_a_room_that_was_handed_over_to_a_dead_node_succeeds_at_once(self, world):
        owner, target, other = await alive(world), await alive(world), await alive(world)
        room = a_room(node_id=owner)
        await world.rooms.create_room(room)
        await world.nodes.retire(target)
        await world.rooms.release(room.room_id, 1, to=target)
        assert (await world.rooms.claim(room.room_code, other)).epoch == 2

    async def test_who_lost_a_room_cannot_hand_it_over(self, world):
        owner, target = await alive(world), await alive(world)
        room = a_room(node_id=owner)
        await world.rooms.create_room(room)
        await world.rooms.claim(room.room_code, owner)
        await world.rooms.release(room.room_id, 1, to=target)
        assert await world.rooms.claim(room.room_code, target) == Held(owner)

    async def test_what_the_owner_still_writes_after_handing_over_is_fenced_off_by_the_claim(self, world):
        owner, target = await alive(world), await alive(world)
        room = a_room(node_id=owner)
        await world.rooms.create_room(room)
        await world.rooms.release(room.room_id, 1, to=target)
        await world.rooms.claim(room.room_code, target)
        assert await world.rooms.append([an_append(room, a_row(2))]) == {}

    async def test_a_retired_node_gives_its_rooms_up(self, world):
        owner, other = await alive(world), await alive(world)
        rooms = [a_room("AAAAA2", node_id=owner), a_room("AAAAA3", node_id=owner), a_room("AAAAA4", node_id=other)]
        for room in rooms:
            await world.rooms.create_room(room)
        await world.nodes.retire(owner)
        assert [(await world.rooms.claim(room.room_code, other)).epoch for room in rooms] == [2, 2, 2]

    async def test_a_closed_room_can_be_claimed_for_ten_minutes(self, world):
        room = a_room(node_id=an_id())
        await world.rooms.create_room(room)
        await world.rooms.append([an_append(room, a_row(2, "room_closed"), head=a_head(status="closed"))])
        assert isinstance(await world.rooms.claim(room.room_code, await alive(world)), Claim)

    async def test_many_at_once_give_one_owner(self, world):
        nodes = [await alive(world) for _ in range(6)]
        room = a_room(node_id=an_id())
        await world.rooms.create_room(room)

        async def attempt(node_id):
            try:
                return await world.rooms.claim(room.room_code, node_id)
            except StoreBusyError as error:
                return error

        results = await asyncio.gather(*(attempt(node_id) for node_id in nodes))
        assert sum(isinstance(result, Claim) for result in results) == 1
        assert (await world.rooms.log_ends([room.room_id]))[room.room_id].epoch == 2


class TestClaimDue:
    async def test_takes_rooms_of_dead_nodes_the_earliest_deadline_first(self, world):
        dead = an_id()
        rooms = [
            a_room(f"AAAAA{n}", node_id=dead, head=a_head(next_deadline_ms=deadline))
            for n, deadline in zip("2345", (30, 10, 20, 99), strict=True)
        ]
        for room in rooms:
            await world.rooms.create_room(room)
        node_id = await alive(world)
        first = await world.rooms.claim_due(node_id, 50, 2)
        assert [(claim.room_code, claim.epoch) for claim in first] == [("AAAAA3", 2), ("AAAAA4", 2)]
        running = [claim.room_code for claim in first]
        assert [claim.room_code for claim in await world.rooms.claim_due(node_id, 50, 2, [], running)] == ["AAAAA2"]

    async def test_leaves_rooms_of_the_living_and_its_own(self, world):
        node_id, other = await alive(world), await alive(world)
        for code, owner in (("AAAAA2", node_id), ("AAAAA3", other)):
            await world.rooms.create_room(a_room(code, node_id=owner, head=a_head(next_deadline_ms=1)))
        assert await world.rooms.claim_due(node_id, 50, 9, [], ["AAAAA2"]) == []

    async def test_takes_rooms_that_were_given_up(self, world):
        node_id = await alive(world)
        room = a_room(node_id=node_id, head=a_head(next_deadline_ms=1))
        await world.rooms.create_room(room)
        await world.rooms.release(room.room_id, 1)
        assert [claim.epoch for claim in await world.rooms.claim_due(node_id, 50, 9)] == [2]

    async def test_leaves_a_room_to_the_node_that_it_was_handed_over_to_while_that_lives(self, world):
        owner, target, taker = await alive(world), await alive(world), await alive(world)
        room = a_room(node_id=owner, head=a_head(next_deadline_ms=1))
        await world.rooms.create_room(room)
        await world.rooms.release(room.room_id, 1, to=target)
        assert await world.rooms.claim_due(taker, 10, 50) == []
        await world.nodes.retire(target)
        assert [claim.epoch for claim in await world.rooms.claim_due(taker, 10, 50)] == [2]

    async def test_leaves_rooms_that_are_to_rest_and_takes_others_in_their_stead(self, world):
        rooms = [a_room(f"AAAAA{n}", node_id=an_id(), head=a_head(next_deadline_ms=int(n))) for n in "234"]
        for room in rooms:
            await world.rooms.create_room(room)
        node_id = await alive(world)
        claims = await world.rooms.claim_due(node_id, 50, 1, [rooms[0].room_id, rooms[2].room_id])
        assert [claim.room_code for claim in claims] == ["AAAAA3"]
        assert [claim.room_code for claim in await world.rooms.claim_due(node_id, 50, 1)] == ["AAAAA2"]

    async def test_takes_rooms_of_its_own_that_it_does_not_run(self, world):
        """As after a claim whose answer was lost: nobody else may have them."""
        node_id, other = await alive(world), await alive(world)
        for code, owner in (("AAAAA2", node_id), ("AAAAA3", node_id), ("AAAAA4", other)):
            await world.rooms.create_room(a_room(code, node_id=owner, head=a_head(next_deadline_ms=1)))
        claims = await world.rooms.claim_due(node_id, 50, 9, [], ["AAAAA3"])
        assert [(claim.room_code, claim.epoch) for claim in claims] == [("AAAAA2", 2)]
        assert await world.rooms.claim_due(node_id, 50, 9, [], ["AAAAA2", "AAAAA3"]) == []

    async def test_leaves_rooms_without_a_deadline(self, world):
        await world.rooms.create_room(a_room(node_id=an_id()))
        assert await world.rooms.claim_due(await alive(world), 50, 9) == []

    async def test_takes_nothing_without_a_lease(self, world):
        await world.rooms.create_room(a_room(node_id=an_id(), head=a_head(next_deadline_ms=1)))
        assert await world.rooms.claim_due(an_id(), 50, 9) == []


class TestRoomsOfUser:
    async def test_are_those_that_the_user_joined_and_has_not_left(self, world):
        ada = an_id()
        rooms = {}
        for code, status in (("AAAAA2", "lobby"), ("AAAAA3", "finished"), ("AAAAA4", "closed"), ("AAAAA5", "voting")):
            rooms[code] = a_room(code, creator_id=ada, command_id=code)
            await world.rooms.create_room(rooms[code])
            await world.rooms.append([an_append(rooms[code], head=a_head(status=status))])
        await world.rooms.create_room(a_room("AAAAA6"))
        left = an_append(rooms["AAAAA5"], a_row(2, "player_left", user_id=ada), head=a_head(status="voting"))
        await world.rooms.append([left])
        assert set(await world.rooms.rooms_of_user(ada)) == {("AAAAA2", "lobby"), ("AAAAA3", "finished")}

    async def test_include_one_that_another_made(self, world):
        bob = an_id()
        room = a_room()
        await world.rooms.create_room(room)
        await world.rooms.append([an_append(room, a_row(2, "player_joined", user_id=bob))])
        assert await world.rooms.rooms_of_user(bob) == [("ABC234", "lobby")]

    async def test_include_one_that_was_left_and_joined_again(self, world):
        ada = an_id()
        room = a_room(creator_id=ada)
        await world.rooms.create_room(room)
        await world.rooms.append(
            [an_append(room, a_row(2, "player_left", user_id=ada), a_row(3, "player_joined", user_id=ada))]
        )
        assert await world.rooms.rooms_of_user(ada) == [("ABC234", "lobby")]

    async def test_of_a_stranger_are_none(self, world):
        assert await world.rooms.rooms_of_user(an_id()) == []


class TestRoomOfRound:
    async def test_is_the_one_in_which_it_was_started(self, world):
        first, later = an_id(), an_id()
        room, other = a_room("AAAAA2"), a_room("AAAAA3")
        await world.rooms.create_room(room)
        await world.rooms.create_room(other)
        rows = a_row(2, "game_started", round_id=first), a_row(3, "round_started", round_id=later)
        await world.rooms.append([an_append(room, *rows)])
        assert [await world.rooms.room_of_round(round_id) for round_id in (first, later)] == ["AAAAA2", "AAAAA2"]

    async def test_of_an_unknown_round_is_none(self, world):
        await world.rooms.create_room(a_room())
        assert await world.rooms.room_of_round(an_id()) is None
