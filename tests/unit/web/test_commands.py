"""Commands over HTTP, against a router that a test answers for."""

import asyncio

import pytest

from tests.fakes_gateway import FakeClock, FakeRouter
from votegame.errors import ErrorCode
from votegame.game.commands import CreateRoom, JoinRoom, LeaveRoom, ReadRoom, StartGame
from votegame.game.messages import User
from votegame.limits.doors import Doors
from votegame.rooms.ports import Origin, ReplyFrame
from votegame.web import commands
from votegame.web.commands import Commands
from votegame.web.problems import ProblemError
from votegame.wire import frames
from votegame.wire.errors import error_frame
from votegame.wire.limits import Limits

pytestmark = pytest.mark.looptime
ADA = User("ada", "Ada")
ADDRESS = "192.0.2.1"
START = StartGame(id="1", room_code="ABC234")


class House:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.router = FakeRouter()
        self.has_lease = True
        self.counted = []
        self.commands = Commands(
            limits=Limits(),
            doors=Doors(Limits(), rates_are_on=True, missed=lambda: None),
            clock=self.clock,
            lease_is_valid=lambda: self.has_lease,
            rates_are_on=True,
            count=self.counted.append,
        )
        self.commands.start(self.router)

    def answers(self, data: bytes | None = None, *, durable: bool = True) -> None:
        """The router's room answers each command at once."""

        def answer(origin, _user, command) -> None:
            frame = frames.ok(command.id, {"round_id": "r"}) if data is None else data
            self.commands.deliver([ReplyFrame(origin=origin, data=frame, durable=durable)])

        self.router.on_send = answer

    async def refused(self, command=START) -> ProblemError:
        with pytest.raises(ProblemError) as caught:
            await self.commands.ask(ADA, command, address=ADDRESS)
        return caught.value


@pytest.fixture
def house() -> House:
    return House()


async def test_the_ok_of_the_room_is_what_is_told(house):
    house.answers()
    assert await house.commands.ask(ADA, START, address=ADDRESS) == {"round_id": "r"}
    ((origin, user, command),) = house.router.sent
    assert (origin.connection_id, user, command) == (None, ADA, START)
    assert house.counted == ["start_game"]


async def test_an_error_of_the_room_is_raised_with_its_details(house):
    house.answers(error_frame(ErrorCode.WRONG_PHASE, "1", {"phase": "voting"}))
    error = await house.refused()
    assert (error.code, error.details) == (ErrorCode.WRONG_PHASE, {"phase": "voting"})


async def test_two_at_once_get_each_his_own(house):
    asking = [
        asyncio.create_task(house.commands.ask(ADA, StartGame(id=name, room_code="ABC234"), address=ADDRESS))
        for name in ("one", "two")
    ]
    await asyncio.sleep(0)
    for origin, _user, command in reversed(house.router.sent):
        house.commands.deliver([ReplyFrame(origin=origin, data=frames.ok(command.id, {"of": command.id}))])
    assert await asyncio.gather(*asking) == [{"of": "one"}, {"of": "two"}]


async def test_without_a_reply_in_time_it_is_unavailable_and_a_late_one_is_dropped(house):
    asked_at = asyncio.get_running_loop().time()
    assert (await house.refused()).code == ErrorCode.UNAVAILABLE
    assert asyncio.get_running_loop().time() - asked_at == pytest.approx(Limits().reply_seconds)
    ((origin, _user, _command),) = house.router.sent
    house.commands.deliver([ReplyFrame(origin=origin, data=b"{}")])
    house.commands.deliver([ReplyFrame(origin=Origin(None, 99), data=b"{}")])


async def test_what_is_not_kept_is_not_told_without_the_lease(house):
    house.answers(durable=False)
    house.has_lease = False
    assert (await house.refused(ReadRoom(id="1", room_code="ABC234"))).code == ErrorCode.UNAVAILABLE


async def test_what_is_kept_is_told_without_the_lease(house):
    house.answers()
    house.has_lease = False
    assert await house.commands.ask(ADA, START, address=ADDRESS) == {"round_id": "r"}


async def test_before_there_is_a_router_it_is_unavailable(house):
    house.commands.start(None)
    assert (await house.refused()).code == ErrorCode.UNAVAILABLE


async def test_no_more_than_so_many_may_wait(monkeypatch):
    monkeypatch.setattr(commands, "MOST_WAITING", 3)
    house = House()
    asking = [asyncio.create_task(house.commands.ask(ADA, START, address=ADDRESS)) for _ in range(3)]
    await asyncio.sleep(0)
    for number in range(6):
        # Nothing comes of it: none of them is one of the five rooms that a user may make.
        assert (await house.refused(CreateRoom(id=str(number)))).code == ErrorCode.UNAVAILABLE
    house.commands.deliver([ReplyFrame(origin=origin, data=frames.ok("1", {})) for origin, *_ in house.router.sent])
    await asyncio.gather(*asking)


async def test_a_refusal_at_the_door_is_told(house):
    house.router.refusal = ErrorCode.UNAVAILABLE
    assert (await house.refused()).code == ErrorCode.UNAVAILABLE
    house.router.refusal = ErrorCode.RATE_LIMITED
    error = await house.refused()
    assert (error.code, error.details) == (ErrorCode.RATE_LIMITED, {"retry_after": 1})


async def test_a_user_has_a_rate_over_all_requests(house):
    house.answers()
    for _ in range(Limits().command_burst):
        await house.commands.ask(ADA, START, address=ADDRESS)
    assert (await house.refused()).code == ErrorCode.RATE_LIMITED
    await house.commands.ask(User("ben", "Ben"), START, address=ADDRESS)
    house.clock.at += 1
    await house.commands.ask(ADA, START, address=ADDRESS)


async def test_creations_and_guesses_have_the_rates_of_the_sockets(house):
    house.answers()
    for number in range(5):
        await house.commands.ask(ADA, CreateRoom(id=str(number)), address=ADDRESS)
    assert (await house.refused(CreateRoom(id="more"))).code == ErrorCode.RATE_LIMITED
    house.answers(error_frame(ErrorCode.ROOM_NOT_FOUND, "1"))
    for _ in range(10):
        house.clock.at += 0.1
        assert (await house.refused(JoinRoom(id="1", room_code="WRONG2"))).code == ErrorCode.ROOM_NOT_FOUND
    assert (await house.refused(JoinRoom(id="1", room_code="WRONG2"))).code == ErrorCode.RATE_LIMITED
    for _ in range(130):
        house.clock.at += 0.1
        assert (await house.refused(ReadRoom(id="1", room_code="WRONG2"))).code == ErrorCode.ROOM_NOT_FOUND
    assert (await house.refused(ReadRoom(id="1", room_code="WRONG2"))).code == ErrorCode.RATE_LIMITED


async def test_a_creation_that_the_door_refuses_costs_nothing(house):
    house.router.refusal = ErrorCode.UNAVAILABLE
    for number in range(6):
        assert (await house.refused(CreateRoom(id=str(number)))).code == ErrorCode.UNAVAILABLE


async def test_a_creation_whose_outcome_is_not_known_counts(house):
    for number in range(5):
        assert (await house.refused(CreateRoom(id=str(number)))).code == ErrorCode.UNAVAILABLE
    assert (await house.refused(CreateRoom(id="more"))).code == ErrorCode.RATE_LIMITED


async def test_who_has_left_ten_rooms_waits_before_he_joins_and_not_before_he_leaves(house):
    house.answers()
    for _ in range(10):
        await house.commands.ask(ADA, JoinRoom(id="1", room_code="ABC234"), address=ADDRESS)
        await house.commands.ask(ADA, LeaveRoom(id="2", room_code="ABC234"), address=ADDRESS)
        house.clock.at += 0.2
    error = await house.refused(JoinRoom(id="3", room_code="ABC234"))
    assert (error.code, error.details) == (ErrorCode.RATE_LIMITED, {"retry_after": pytest.approx(8.0)})
    await house.commands.ask(ADA, LeaveRoom(id="4", room_code="ABC234"), address=ADDRESS)
    house.clock.at += 20
    await house.commands.ask(ADA, JoinRoom(id="3", room_code="ABC234"), address=ADDRESS)
