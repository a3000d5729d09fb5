"""Rooms that play: what comes next in a game, and in what stands for one at the floor.

A room keeps the commands that its members can give now (`todo`). When they are given, a pace says (paces.py).
A phase is over when its event has come to every member; then the next commands are there. A round is 2P + 1 commands:
`next_round`, P answers, P votes. The last answer starts the voting and the last vote ends it, so that no host needs to;
after 20 rounds `play_again` and `start_game` begin the next game.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from loadtests.bench.driver import Connection
from loadtests.bench.ledger import Ledger, Message


class Command(NamedTuple):
    """A command that can be given now: by which member, of which type, its other fields, what it is about."""

    member: int
    kind: str
    fields: str
    value: str = ""


class Pace(Protocol):
    """Who says when a room gives its next commands."""

    def ready(self, room: "Room", now: float) -> None:
        """The room has new commands to give, or one reply more."""


class Still:
    """The pace of nothing."""

    def ready(self, room: "Room", now: float) -> None:
        """Give nothing."""


class Room:
    """One whose members are connected by `connections`; what it plays is for those who inherit."""

    def __init__(self, number: int, user_ids: list[str]) -> None:
        self.number = number
        self.size = len(user_ids)
        self.connections: list[Connection] = []
        self.ledger = Ledger(user_ids)
        self.todo: deque[Command] = deque()
        self.waiting: deque[float] = deque()
        self.outstanding = 0
        self.seconds: list[float] = []
        self.pace: Pace = Still()
        self.replies: dict[int, Message] = {}
        self.rounds = 0
        self.is_broken = False
        self._count = 0
        self._due = [0.0] * self.size

    def can_give(self) -> bool:
        """Whether there is a next command, and its member waits for no reply; what ends a round waits for all."""
        if not self.todo:
            return False
        command = self.todo[0]
        return not (self.outstanding and (command.kind == "end_round" or self.ledger.is_waiting(command.member)))

    def give(self, due: float) -> None:
        """Give the next command; its latency counts from `due`, of the monotonic clock."""
        command = self.todo.popleft()
        self._due[command.member] = due
        self.outstanding += 1
        self.send(command)

    def send(self, command: Command) -> None:
        """Send a command of a member."""
        self._count += 1
        id_ = f"{self.number:08x}-0000-4000-8000-{self._count:012x}"
        self.ledger.sent(command.member, id_, command.kind, command.value)
        self.connections[command.member].send(f'{{"type":"{command.kind}","id":"{id_}"{command.fields}}}'.encode())

    def heard(self, index: int, payload: bytes, now: float) -> None:
        """Take a frame that a member was sent."""
        message = self.ledger.take(index, payload)
        if message is None or self.is_broken:
            return
        if "seq" in message:
            self.all_heard(message)
        else:
            self.replies[index] = message
            if self.outstanding:
                self.outstanding -= 1
                self.seconds.append(now - self._due[index])
        self.pace.ready(self, now)

    def lost(self, index: int, why: str) -> None:
        """Take that a member's connection ended: that is never right, and ends what this room plays."""
        self.ledger.find(f"the connection of member {index} ended: {why}")
        self.is_broken = True
        self.outstanding = 0
        self.todo.clear()

    def all_heard(self, event: Message) -> None:
        """Take an event that every member has by now."""


class GameRoom(Room):
    """One that plays games of 20 rounds."""

    code = ""
    tokens: Sequence[str] = ()
    _ROUNDS: Final = 20

    def settings(self) -> str:
        """The fields of its `create_room`: phases are so long that none ends while other servers are measured."""
        seats = max(self.size, 2)
        settings = f'"max_players":{seats},"total_rounds":{self._ROUNDS},"answer_seconds":300,"vote_seconds":300'
        return f',"settings":{{{settings}}}'

    def begin(self) -> None:
        """Everyone is in: the game can start."""
        self.ledger.begin()
        self._host("start_game")

    def all_heard(self, event: Message) -> None:
        """Go on to the next phase."""
        self.rounds += event["type"] == "round_ended"
        match event["type"]:
            case "game_started" | "round_started":
                self.answering(event)
            case "voting_started":
                self._voting(event)
            case "round_ended" if event["round_number"] < self._ROUNDS:
                self._host("next_round")
            case "game_ended":
                self._host("play_again")
            case "game_reset":
                self._host("start_game")

    def answering(self, event: Message) -> None:
        """Everyone can answer."""
        for member in range(self.size):
            answer = f"what member {member} says in round {event['round_number']}"
            fields = f'{self._of_round(event)},"answer":"{answer}"'
            self.todo.append(Command(member, "submit_answer", fields, answer))

    def _voting(self, event: Message) -> None:
        """Everyone can vote, for the answer of another one."""
        step = 1 + self._count % (self.size - 1)
        for member in range(self.size):
            answer_id = self.ledger.answer_ids.get((member + step) % self.size, "")
            fields = f'{self._of_round(event)},"answer_id":"{answer_id}"'
            self.todo.append(Command(member, "submit_vote", fields, answer_id))

    def _host(self, kind: str, fields: str = "") -> None:
        self.todo.append(Command(0, kind, f',"room_code":"{self.code}"{fields}'))

    def _of_round(self, event: Message) -> str:
        return f',"room_code":"{self.code}","round_id":"{event["round_id"]}"'


class AudienceRoom(GameRoom):
    """A large one, in which everyone answers; the clock stands, as answering takes longer than a phase may last."""

    def answering(self, event: Message) -> None:
        """Have the clock stand before anyone answers, and end the round before the last one does.

        With that the host decides when it ends, and not the last answer.
        """
        self._host("pause_game")
        super().answering(event)
        self.todo.pop()
        self._host("end_round", f',"round_id":"{event["round_id"]}"')


class FloorRoom(Room):
    """What stands for a game at the floor: as many commands, by the same members, in the same groups."""

    def begin(self) -> None:
        """The connections are open: the first round can start."""
        self.ledger.begin()
        for member in range(self.size):
            self.ledger.attached(member, 0)
        self._groups = self._round()
        self._last = 0
        self._next_group()

    def all_heard(self, event: Message) -> None:
        """Go on to the next group of commands when all of this one have been told to all."""
        if event["seq"] == self._last:
            self._next_group()

    def _round(self) -> deque[list[int]]:
        return deque([[0], list(range(self.size)), list(range(self.size))])

    def _next_group(self) -> None:
        if not self._groups:
            self._groups = self._round()
        group = self._groups.popleft()
        self._last += len(group)
        self.todo.extend(Command(member, "submit_answer", self._FIELDS) for member in group)

    _FIELDS: Final = (
        ',"room_code":"ABC234","round_id":"05b6e6e3-07d4-4edc-9143-1193e6c3f339",'
        '"answer":"what member 5 says in round 12"'
    )
