"""Fakes of our ports, written by hand."""

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from votegame.errors import RowsRefusedError, StoreBusyError, StoreFullError, StoreUnavailableError
from votegame.game.question import Question
from votegame.ids import RoomId
from votegame.rooms.log_writer import LogWriter
from votegame.rooms.ports import Append, CloseAttached, Delivery, Detach, ReplyFrame, RoomFrame, WhisperFrame

EPOCH_MS = 1_767_225_600_000


class HandClock:
    """A clock that a test moves by hand."""

    def __init__(self, seconds: float = 1_000.0):
        self.at = seconds

    def seconds(self) -> float:
        return self.at

    def now_ms(self) -> int:
        return EPOCH_MS + round(self.at * 1000)

    def shared_ms(self) -> int:
        return self.now_ms()

    def advance(self, seconds: float) -> None:
        self.at += seconds


class LoopClock:
    """A clock that follows the event loop's time, which is virtual in tests marked `looptime`."""

    def seconds(self) -> float:
        return asyncio.get_running_loop().time()

    def now_ms(self) -> int:
        return EPOCH_MS + int(self.seconds() * 1000)

    def shared_ms(self) -> int:
        return self.now_ms()


class Told:
    """A delivery, decoded, and when it left."""

    def __init__(self, delivery: Delivery, at: float):
        self.delivery = delivery
        self.at = at
        self.frame = json.loads(delivery.data) if isinstance(delivery, ReplyFrame | RoomFrame | WhisperFrame) else None

    @property
    def is_reply(self) -> bool:
        return isinstance(self.delivery, ReplyFrame)

    @property
    def name(self) -> str:
        """`ok start_1`, `internal start_1`, the type of an event or a notice, `detach`, or `close`."""
        match self.delivery:
            case ReplyFrame():
                return f"{self.frame.get('code', 'ok')} {self.frame['id']}"
            case RoomFrame() | WhisperFrame():
                return self.frame["type"]
            case Detach():
                return "detach"
            case CloseAttached():
                return "close"


class KeptOutlet:
    """An outlet that keeps all that leaves, and plays the gateway: who is attached gets the frames of a room."""

    def __init__(self, clock=None):
        self._clock = clock or HandClock()
        self.told: list[Told] = []
        self.turns: list[list[Told]] = []
        self._arrived = asyncio.Event()

    def deliver(self, deliveries: Sequence[Delivery]) -> None:
        told = [Told(delivery, self._clock.seconds()) for delivery in deliveries]
        self.told += told
        self.turns.append(told)
        self._arrived.set()

    @property
    def names(self) -> list[str]:
        return [told.name for told in self.told]

    @property
    def replies(self) -> list[dict]:
        return [told.frame for told in self.told if told.is_reply]

    def replies_to(self, command_id: str) -> list[dict]:
        return [frame for frame in self.replies if frame["id"] == command_id]

    def frames(self, frame_type: str) -> list[dict]:
        return [told.frame for told in self.told if not told.is_reply and told.frame and told.name == frame_type]

    def clear(self) -> None:
        self.told.clear()
        self.turns.clear()

    async def until(self, is_there: Callable[[], object]) -> None:
        """Wait until `is_there`, looked at after each delivery, for a minute of the loop's time at most."""
        async with asyncio.timeout(60):
            while not is_there():
                self._arrived.clear()
                await self._arrived.wait()

    async def reply(self, command_id: str) -> dict:
        """The reply to the command, once it is there."""
        await self.until(lambda: self.replies_to(command_id))
        return self.replies_to(command_id)[0]


class FaultyStore:
    """A room store around another one that fails as it is told.

    Attributes:
        appends: Every batch that was sent.
        faults: What happens to the next calls of `append`, one each, in order: `before` (nothing is written, outcome
            unknown), `after` (written, outcome unknown), `busy`, `ignored` (nothing is written, and no room named).
        busy: Rooms of which any row in a batch makes it fail as locked, after `busy_seconds`, or 10 ms for a retry.
        is_full: Whether any row makes a batch fail, and no room can be made, since the disk is full.
        poisoned: Rooms of which any row in a batch makes its outcome unknown; nothing is written.
        refused: Tells whether rows are refused; given each append.
    """

    def __init__(self, store):
        self._store = store
        self.appends: list[list[Append]] = []
        self.faults: list[str] = []
        self.log_ends_faults: list[Exception] = []
        self.create_faults: list[str] = []
        self.busy: set[RoomId] = set()
        self.busy_seconds = 0.0
        self.poisoned: set[RoomId] = set()
        self.refused: Callable[[Append], bool] = lambda _append: False
        self.is_away = False
        self.is_full = False
        self.calls: dict[str, int] = defaultdict(int)
        self._open = asyncio.Event()
        self._open.set()

    def __getattr__(self, name):
        method = getattr(self._store, name)

        async def call(*args, **named):
            self.calls[name] += 1
            await self._open.wait()
            if self.is_away:
                raise StoreUnavailableError(f"{name}: away")
            return await method(*args, **named)

        return call

    def hang(self) -> None:
        """From now on nothing returns."""
        self._open.clear()

    def go_on(self) -> None:
        """What hangs goes on."""
        self._open.set()

    async def append(self, appends: Sequence[Append], *, is_retry: bool = False) -> Mapping[RoomId, int]:
        self.calls["append"] += 1
        self.appends.append(list(appends))
        await asyncio.sleep(0)
        await self._open.wait()
        fault = self.faults.pop(0) if self.faults else ""
        if self.is_away or fault == "before":
            raise StoreUnavailableError("gone before")
        if self.is_full and any(append.rows for append in appends):
            raise StoreFullError("full")
        if any(append.room_id in self.poisoned for append in appends):
            raise StoreUnavailableError("poisoned")
        if fault == "busy" or any(append.room_id in self.busy for append in appends):
            await asyncio.sleep(min(self.busy_seconds, 0.01) if is_retry else self.busy_seconds)
            raise StoreBusyError("locked")
        if any(self.refused(append) for append in appends):
            raise RowsRefusedError("refused")
        if fault == "ignored":
            return {}
        written = await self._store.append(appends, is_retry=is_retry)
        if fault == "after":
            raise StoreUnavailableError("gone after")
        return written

    async def log_ends(self, room_ids: Iterable[RoomId]):
        self.calls["log_ends"] += 1
        await self._open.wait()
        if self.log_ends_faults:
            raise self.log_ends_faults.pop(0)
        if self.is_away:
            raise StoreUnavailableError("away")
        return await self._store.log_ends(room_ids)

    async def create_room(self, room):
        self.calls["create_room"] += 1
        await self._open.wait()
        fault = self.create_faults.pop(0) if self.create_faults else ""
        if self.is_away or fault == "before":
            raise StoreUnavailableError("gone before")
        if fault == "refused":
            raise RowsRefusedError("refused")
        if self.is_full:
            raise StoreFullError("full")
        made = await self._store.create_room(room)
        if fault == "after":
            raise StoreUnavailableError("gone after")
        return made


class Questions:
    """A source of questions that numbers them, unless it `finds` none; better ones may be in the `making`."""

    def __init__(self):
        self.drawn = 0
        self.wishes: list[tuple] = []
        self.finds = True
        self.gate = asyncio.Event()
        self.gate.set()
        self.making: asyncio.Event | None = None
        self.waited_for: list = []

    async def draw(self, wish, asked, people):
        self.wishes.append((wish, asked, people))
        await self.gate.wait()
        if not self.finds:
            return None
        self.drawn += 1
        return Question(f"drawn {self.drawn}", f"What about {self.drawn}?")

    async def may_improve(self, wish, question):
        if self.making is None:
            return False
        self.waited_for.append(wish)
        await self.making.wait()
        return self.finds


class Moderator:
    """Flags texts that are rude, and say so."""

    def __init__(self):
        self.asked: list[list[str]] = []
        self.is_away = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def flagged(self, texts):
        self.asked.append(list(texts))
        await self.gate.wait()
        if self.is_away:
            raise StoreUnavailableError("away")
        return ["rude" in text for text in texts]


class Listener:
    """Keeps what a log tells its room."""

    def __init__(self):
        self.heard: list[tuple] = []

    def committed(self, position, server_time_ms, oldest_at):
        self.heard.append(("committed", position))

    def fenced(self):
        self.heard.append(("fenced",))

    def refused(self, position):
        self.heard.append(("refused", position))


class PlainBank(list[Question]):
    """A bank whose questions fit any wish, and name those whose name is in them."""

    def fitting(self, wish):
        return [self]

    def naming(self, people, language):
        return lambda question: any(person.display_name in question.text for person in people)


def a_bank(count: int = 30) -> PlainBank:
    return PlainBank(Question(f"bank {place}", f"Which {place}?") for place in range(count))


def a_writer(room_id: RoomId, *, epoch: int = 1, committed: int = 0) -> tuple[LogWriter, Listener]:
    listener = Listener()
    return LogWriter(room_id, epoch, committed=committed, listener=listener), listener


def seeded(seed: int = 1) -> random.Random:
    return random.Random(seed)
