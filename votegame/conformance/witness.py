"""What is always true of a server, whatever the story: it is held to this with every frame that comes.

Numbers without holes, the same for every member; one reply to each command; frames as their schemas say; a clock that
goes forward; counts that agree with the events; nothing of a room for those who have left it; no author before the
reveal. Frames of unknown types are passed over: the server may add to the protocol.
"""

import copy
from collections import Counter
from collections.abc import Iterator
from typing import Final

from votegame.client.fold import HoleError, RoomFold
from votegame.conformance.anonymity import Secrets
from votegame.conformance.frames import Frame, frame_in
from votegame.conformance.link import Came
from votegame.conformance.matcher import is_same
from votegame.conformance.orders import Orders, Showing
from votegame.conformance.shapes import Shapes
from votegame.conformance.waits import Waits
from votegame.wire import text

_CLOCK_MS: Final = 5_000
"""How far the server's clock may seem to wander within a story: what a slow machine and network can add to it."""

_COUNTED: Final = frozenset({"player_joined", "player_left", "role_changed"})


class Book:
    """What one connection has sent and been told."""

    def __init__(self, actor: str, user_id: str) -> None:
        self.actor = actor
        self.user_id = user_id
        self.rooms: dict[str, RoomFold] = {}
        self.left: set[str] = set()
        self.unanswered: Counter[str] = Counter()
        self.answerable: Counter[str] = Counter()
        """Texts that may be commands; whether they get a reply, the story says."""
        self.commands: dict[str, Frame] = {}
        self.last_text = ""
        """What was sent last that was no command; a reply without an id is taken for its own."""
        self.waits = Waits()
        """Those that the server has asked for in this step."""

    def sent(self, command: Frame, times: int = 1) -> None:
        """The connection sends a command."""
        command_id = command.get("id")
        if isinstance(command_id, str):
            self.unanswered[command_id] += times
            self.commands[command_id] = command

    def sent_text(self, text: str, times: int = 1) -> None:
        """The connection sends a text, whatever it is."""
        self.last_text = text
        command, _fault = frame_in(text)
        if isinstance(command.get("id"), str):
            self.answerable[command["id"]] += times
            self.commands[command["id"]] = command

    def answered(self, command_id: str) -> bool:
        """A reply came; False when none was due."""
        for due in (self.unanswered, self.answerable):
            if due[command_id]:
                due[command_id] -= 1
                return True
        return False


class Witness:
    """Looks at all frames of one story."""

    def __init__(self, shapes: Shapes, orders: Orders) -> None:
        self.secrets = Secrets()
        self._shapes = shapes
        self._orders = orders
        self._events: dict[tuple[str, int], Frame] = {}
        self._last_times: dict[str, tuple[int, int]] = {}
        self._clock: float | None = None
        self._kept: dict[tuple[str, str], RoomFold] = {}
        self._submitted: dict[str, dict[str, str]] = {}
        """For each round the answers in the order in which they were taken, with their authors."""

    def heard(self, book: Book, came: Came) -> Iterator[str]:
        """A frame has come; yields what is wrong with it."""
        try:
            yield from self._judged(book, came)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            # Each by itself is as its schema says, but what they add up to is no room.
            yield f"it does not fit what was told before: {error!r}"

    def _judged(self, book: Book, came: Came) -> Iterator[str]:
        frame = came.frame
        if not isinstance(frame.get("type"), str):
            yield f"this is no frame of the protocol: {came.text[:200]}"
            return
        command = book.commands.get(str(frame.get("id")), {})
        kind = self._shapes.kind(frame, command.get("type"))
        fault = kind and self._shapes.fault(kind, frame)
        if fault:
            yield f"it is not as the schema of `{kind}` says: {fault}"
            return
        if frame["type"] == "error":
            yield from self._shapes.error_faults(frame)
        yield from self.time(frame, came.at)
        yield from self.secrets.leaks(book.user_id, frame)
        if frame["type"] in {"ok", "error"}:
            yield from self._reply(book, frame, command)
        elif "room_code" in frame and (kind is not None or frame["room_code"] in book.rooms):
            # What the server has added may be of a room that one is not in: an invitation, say.
            yield from self._told(book, frame)

    def unanswered(self, book: Book) -> Iterator[str]:
        """The commands of a connection that stayed open, and got no reply."""
        for command_id, times in book.unanswered.items():
            if times:
                yield f"no reply came to `{book.commands[command_id].get('type')}` with the id {command_id}"

    def knows(self, actor: str, room_code: str) -> RoomFold | None:
        """What an actor knows of a room, as its connection last saw it."""
        return self._kept.get((actor, room_code))

    def answered(self, round_id: str, user_id: str, *, content: str, answer_id: str) -> None:
        """An answer was taken."""
        self._submitted.setdefault(round_id, {}).setdefault(answer_id, user_id)
        self.secrets.answered(round_id, user_id, content, answer_id)

    def time(self, frame: Frame, at: float) -> Iterator[str]:
        """`server_time`, of what came at `at`, must go as this machine's clock goes."""
        for server_time in (part["server_time"] for part in (frame, frame.get("state") or {}) if "server_time" in part):
            offset = server_time - at * 1_000
            if self._clock is None:
                self._clock = offset
            elif abs(offset - self._clock) > _CLOCK_MS:
                yield f"`server_time` is {round((offset - self._clock) / 1_000)} s off what it was before"

    def _reply(self, book: Book, frame: Frame, command: Frame) -> Iterator[str]:
        command_id = frame["id"]
        if command_id is None:
            return
        if not book.answered(command_id):
            yield f"this is a reply to no command, or a second one: the id is {command_id}"
            return
        if frame["type"] == "error":
            return
        if command.get("type") == "submit_answer":
            traces = {"content": command["answer"], "answer_id": frame["answer_id"]}
            self.answered(command["round_id"], book.user_id, **traces)
        if command.get("type") in {"submit_answer", "submit_vote"} and command["room_code"] in book.rooms:
            book.rooms[command["room_code"]].took(command, frame)
        if "recovered" in frame or "state" in frame:
            yield from self._attached(book, frame, command)

    def _attached(self, book: Book, ok: Frame, command: Frame) -> Iterator[str]:
        state = ok.get("state")
        room_code = state["room_code"] if state else text.room_code(command["room_code"])
        known = self.knows(book.actor, room_code)
        fold = book.rooms.get(room_code) or copy.deepcopy(known) or RoomFold(book.user_id)
        book.left.discard(room_code)
        if state is not None:
            fold.take_ok(ok)
        else:
            yield from self._recovered(fold, ok, command)
        book.rooms[room_code] = self._kept[book.actor, room_code] = fold

    def _recovered(self, fold: RoomFold, ok: Frame, command: Frame) -> Iterator[str]:
        numbers = [event["seq"] for event in ok["events"]]
        first = command["last_seq"] + 1
        if numbers != list(range(first, first + len(numbers))):
            yield f"after {command['last_seq']} the missed events must be {first} and on, without holes: {numbers}"
            return
        for event in ok["events"]:
            yield from self._same(fold, event)
        if not fold.state:
            yield "`recovered` is true, but this actor has never had a snapshot"
            return
        try:
            fold.take_ok(ok)
        except HoleError:
            yield f"the events after {fold.seq} are missing: {numbers}"

    def _told(self, book: Book, frame: Frame) -> Iterator[str]:
        """An event or a notice."""
        room_code = frame["room_code"]
        fold = book.rooms.get(room_code)
        if room_code in book.left:
            yield f"`{frame['type']}` came after the room was left"
            return
        if fold is None:
            yield f"`{frame['type']}` is of a room that this connection is not attached to"
            return
        yield from self._event(fold, frame) if "seq" in frame else ()
        try:
            fold.take(frame)
        except HoleError as hole:
            yield f"numbers have no holes, but this is {hole}"
            return
        yield from self._counts(fold, frame)
        if frame["type"] == "room_closed" or (frame["type"] == "player_left" and frame["user_id"] == book.user_id):
            book.left.add(room_code)

    def _event(self, fold: RoomFold, event: Frame) -> Iterator[str]:
        yield from self._same(fold, event)
        seq, server_time = self._last_times.get(event["room_code"], (0, 0))
        if event["seq"] > seq:
            this_time = event.get("server_time", server_time)
            self._last_times[event["room_code"]] = (event["seq"], this_time)
            if this_time < server_time:
                yield f"`server_time` is earlier than that of event {seq}"
        if event["type"] == "voting_started":
            self._orders.add(event["round_id"], self._showing(fold, event))

    def _showing(self, fold: RoomFold, event: Frame) -> Showing:
        authors = self._submitted.get(event["round_id"], {})
        seats = [member["user_id"] for member in fold.state["members"]]
        seated = [answer_id for user_id in seats for answer_id, author in authors.items() if author == user_id]
        shown = [answer["id"] for answer in event["answers"]]
        return Showing(shown, list(authors), seated, sorted(authors, key=lambda answer_id: authors[answer_id]))

    def _same(self, fold: RoomFold, event: Frame) -> Iterator[str]:
        """Whoever is told an event, and however often, it is the same."""
        place = (str(fold.state.get("stream")), event["seq"])
        first = self._events.setdefault(place, event)
        if not is_same(first, event):
            yield f"event {event['seq']} is not the same for everyone: {_parts(first, event)}"

    def _counts(self, fold: RoomFold, frame: Frame) -> Iterator[str]:
        """Who is told of somebody's coming, going or change is told how many there are then."""
        if frame["type"] not in _COUNTED:
            return
        roles = [member.get("role") for member in fold.state["members"]]
        for name, count in (("participant_count", len(roles)), ("spectator_count", roles.count("spectator"))):
            if frame.get(name) != count:
                yield f"`{name}` is {frame.get(name)}, but by all events there are {count}"


def _parts(one: Frame, other: Frame) -> str:
    names = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
    return ", ".join(f"`{name}` {one.get(name)!r} and {other.get(name)!r}" for name in names)
