"""Random play against random faults: the promises hold, whatever the store does and whenever the node is dropped.

Users speak to one room through a small model of the gateway. Each keeps what a client would: the room as folded from
its frames. In the end everyone comes to rest, and what each of them knows is compared with the log and with a snapshot.
"""

import asyncio
import itertools
import json
import os

import looptime
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.rooms.table import Player, Table, an_id, settle
from votegame.errors import ErrorCode, StoreBusyError, StoreUnavailableError
from votegame.rooms.ports import CloseAttached, Detach, ReplyFrame, RoomFrame

USERS = 3
EXAMPLES = int(os.environ.get("FAULT_EXAMPLES", "40"))
POISON = "poison"


class View:
    """The room as a client folds it."""

    def __init__(self, state):
        game = state["round"] or {}
        self.seq = state["seq"]
        self.stream = state["stream"]
        self.phase = state["phase"]
        self.host_id = state["host_id"]
        self.settings = state["settings"]
        self.connected = {member["user_id"]: member["connected"] for member in state["members"]}
        self.round_id = game.get("round_id")
        self.deadline = game.get("deadline")
        self.submitted = game.get("submitted_count", 0)
        self.answers = [answer["id"] for answer in game.get("answers") or ()]

    def digest(self):
        counted = self.submitted if self.phase in {"answering", "voting"} else None
        deadline = self.deadline if self.phase in {"answering", "voting", "results"} else None
        parts = (self.seq, self.stream, self.phase, self.host_id, self.settings, self.connected)
        return (*parts, self.round_id, deadline, counted)

    def take(self, frame):
        if "seq" in frame:
            assert frame["seq"] == self.seq + 1, "a hole, or an event twice"
            self.seq = frame["seq"]
        getattr(self, f"_{frame['type']}")(frame)

    def _player_joined(self, frame):
        self.connected[frame["user_id"]] = True

    def _player_left(self, frame):
        del self.connected[frame["user_id"]]
        self.host_id = frame["host_id"]

    def _host_changed(self, frame):
        self.host_id = frame["host_id"]

    def _settings_updated(self, frame):
        self.settings = frame["settings"]

    def _game_started(self, frame):
        self.phase, self.round_id, self.deadline = "answering", frame["round_id"], frame["deadline"]
        self.submitted, self.answers = 0, []

    _round_started = _game_started

    def _voting_started(self, frame):
        self.phase, self.deadline, self.submitted = "voting", frame["deadline"], 0
        self.answers = [answer["id"] for answer in frame["answers"]]

    def _deadline_changed(self, frame):
        self.deadline = frame["deadline"]

    def _round_ended(self, frame):
        self.phase, self.deadline = "results", frame["deadline"]

    def _game_ended(self, _frame):
        self.phase, self.deadline = "finished", None

    def _room_closed(self, _frame):
        self.phase = "closed"

    def _answer_submitted(self, frame):
        assert frame["round_id"] == self.round_id
        self.submitted = frame["submitted_count"]

    _vote_update = _answer_submitted

    def _player_connection(self, frame):
        assert frame["user_id"] in self.connected
        self.connected[frame["user_id"]] = frame["connected"]


class Client(Player):
    """A user, his one socket, and what he knows."""

    def __init__(self, table, name):
        super().__init__(table, name)
        self.view = None
        self.is_attached = False
        self.sent = []


class Gateway:
    """The outlet: gives replies and frames to clients, and keeps the books of what must hold."""

    def __init__(self):
        self.clients = []
        self.waiting = {}
        self.outcomes = []
        self.frames = {}
        self.is_dead = False

    def deliver(self, deliveries):
        for delivery in deliveries:
            if self.is_dead:
                return
            match delivery:
                case ReplyFrame():
                    self._reply(delivery)
                case RoomFrame():
                    self._tell(delivery)
                case Detach(_, user_id):
                    for client in self.clients:
                        if user_id in (None, client.id):
                            client.is_attached = False
                case CloseAttached():
                    for client in self.clients:
                        if client.is_attached:
                            self.close(client)

    def _reply(self, delivery):
        # A second reply to one command finds nothing that waits.
        client, connection_id, command = self.waiting.pop(delivery.origin.token)
        reply = json.loads(delivery.data)
        assert reply["id"] == command.id
        self.outcomes.append((client, command, reply))
        if reply["type"] == "ok" and connection_id == client.connection_id and delivery.attach:
            client.is_attached = True
            self._attached(client, reply)

    def _attached(self, client, reply):
        if "state" in reply:
            client.view = View(reply["state"])
            return
        view = client.view
        for frame in reply["events"]:
            self._same(frame)
            # One who joined while his `resume` was under way has them already.
            if frame["seq"] > view.seq:
                view.take(frame)
        connected = set(reply["now"]["connected"])
        view.connected = {user_id: user_id in connected for user_id in view.connected}
        view.submitted = reply["now"]["submitted_count"]

    def _tell(self, delivery):
        frame = json.loads(delivery.data)
        if "seq" in frame:
            self._same(frame)
        for client in self.clients:
            if client.is_attached:
                client.view.take(frame)

    def _same(self, frame):
        assert self.frames.setdefault(frame["seq"], frame) == frame, "one number with two contents"

    def close(self, client):
        """The client's socket closes; what it waits for is lost with it."""
        lost = client.connection_id
        client.is_attached = False
        for token, (other, connection_id, _command) in list(self.waiting.items()):
            if other is client and connection_id == lost:
                self.waiting[token] = (other, None, self.waiting[token][2])
        client.again()
        return lost


class Story:
    """One run: a table, its clients, and the steps that may happen."""

    def __init__(self):
        self.gateway = Gateway()
        self.table = Table(outlet=self.gateway)
        self.table.store.refused = lambda append: any(POISON in str(row.payload) for row in append.rows)
        self.ids = itertools.count()
        self.hung_at = None
        self.has_hung_long = False

    async def begin(self):
        await self.table.begin()
        clients = [Client(self.table, f"u{place}") for place in range(USERS)]
        self.gateway.clients = clients
        ada = clients[0]
        self.send(ada, ada.create(total_rounds=2))
        await settle()
        self.code = next(iter(self.table.registry._running))
        for client in clients:
            client.code = self.code
            self.send(client, client.join(self.code))
            await settle()

    def send(self, client, command):
        client.sent.append(command)
        token = next(self.ids)
        self.table.token = lambda: token
        self.gateway.waiting[token] = (client, client.connection_id, command)
        refused = client.send(command)
        if refused is not None:
            assert refused in {ErrorCode.UNAVAILABLE, ErrorCode.RATE_LIMITED}
            del self.gateway.waiting[token]

    async def step(self, kind, who, what):
        await getattr(self, f"_{kind}")(self.gateway.clients[who], what)

    async def _play(self, client, what):
        if client.view is None:
            return
        round_id = client.view.round_id or an_id()
        answers = client.view.answers or [an_id()]
        commands = [
            lambda: client.answer(round_id, "apple"),
            lambda: client.answer(round_id, "pear"),
            lambda: client.answer(round_id, f"answer {client.name}"),
            lambda: client.vote(round_id, answers[0]),
            lambda: client.vote(round_id, answers[-1]),
            client.start,
            lambda: client.start_voting(round_id),
            client.next_round,
            lambda: client.end_round(round_id),
            lambda: client.change(topic=f"topic {what}"),
            lambda: client.change(topic=POISON),
            client.leave,
            lambda: client.join(self.code),
        ]
        apt = {
            "lobby": client.start,
            "answering": commands[what % 3],
            "voting": lambda: client.vote(round_id, answers[what % len(answers)]),
            "results": client.next_round,
        }
        if what % 2:
            commands = [apt.get(client.view.phase, client.start)]
        self.send(client, commands[what // 2 % len(commands)]())

    async def _go_on_with_the_game(self, _client, what):
        for client in self.gateway.clients:
            if client.view is None or not client.is_attached:
                await self._resume(client)
            else:
                await self._play(client, 2 * what + 1)
        if what % 4:
            await settle()

    async def _retry(self, client, what):
        self.send(client, client.sent[-1 - what % min(3, len(client.sent))])

    async def _come(self, client, what):
        if not client.is_attached:
            await self._resume(client)

    async def _resume(self, client):
        if client.view is None:
            self.send(client, client.join(self.code))
        else:
            self.send(client, client.resume(client.view.stream, client.view.seq))

    async def _go(self, client, what):
        lost = self.gateway.close(client)
        client.lose(lost)

    async def _fault(self, _client, what):
        self.table.store.faults.append(("before", "after", "busy")[what % 3])

    async def _look_up_fails(self, _client, what):
        self.table.store.log_ends_faults.append((StoreUnavailableError, StoreBusyError)[what % 2]("failed"))

    async def _overtaken(self, _client, what):
        self.table.row_of(self.code).epoch += 1

    async def _hang(self, _client, what):
        self.table.store.hang()
        if self.hung_at is None:
            self.hung_at = self.table.clock.seconds()

    async def _heal(self, _client, what):
        self._go_on()

    def _go_on(self):
        self.table.store.go_on()
        if self.hung_at is not None and self.table.clock.seconds() - self.hung_at > 4:
            self.has_hung_long = True
        self.hung_at = None

    async def _wait(self, _client, what):
        await asyncio.sleep((0.01, 0.3, 1.2, 4.0, 25.0)[what % 5])

    async def _settle(self, _client, what):
        await settle()

    async def _crash(self, _client, what):
        self.gateway.is_dead = True
        self._go_on()
        await self.table.end()
        self.gateway.is_dead = False
        for client in self.gateway.clients:
            self.gateway.close(client)
        self.gateway.waiting.clear()
        await self.table.begin()

    async def rest(self):
        """Everything heals, and those who are members come back."""
        store = self.table.store
        store.faults.clear()
        store.log_ends_faults.clear()
        self._go_on()
        await asyncio.sleep(6)
        for _ in range(3):
            for client in self.gateway.clients:
                if not client.is_attached and client.view is not None:
                    await self._resume(client)
            await asyncio.sleep(1)
        # No timer ends at such an odd time, just while everyone is looked at.
        await asyncio.sleep(25.005)

    def check(self):
        gateway = self.gateway
        log = self.table.log(self.code)
        # What waited for too long has its `unavailable` from the gateway, and is not taken any more.
        assert self.has_hung_long or gateway.waiting == {}, "a command without a reply"
        assert [row.position for row in log] == list(range(1, len(log) + 1))
        numbered = [row for row in log if row.seq is not None]
        assert [row.seq for row in numbered] == list(range(1, len(numbered) + 1))
        self._check_kept(log)
        for row in numbered:
            if row.seq in gateway.frames:
                assert gateway.frames[row.seq]["type"] == row.type
        attached = [client for client in gateway.clients if client.is_attached]
        if attached:
            room = self.table.room_of(self.code)
            assert room.is_settled
            for client in attached:
                assert client.id in room.state.members

    def _check_kept(self, log):
        for kind, id_name in (("answer_submitted", "answer_id"), ("vote_submitted", "vote_id")):
            rows = [row for row in log if row.type == kind]
            by_player = {(row.round_id, row.user_id): row.payload[id_name] for row in rows}
            assert len(by_player) == len(rows), "an answer or a vote twice"
            for client, command, reply in self.gateway.outcomes:
                if id_name in reply and reply["type"] == "ok":
                    assert by_player[command.round_id, client.id] == reply[id_name], "an ok that was not kept"
        topics = [row.payload["settings"]["topic"] for row in log if row.type == "settings_updated"]
        for _client, _command, reply in self.gateway.outcomes:
            if reply["type"] == "ok" and "settings" in reply:
                assert reply["settings"]["topic"] in topics

    async def compare(self):
        """What each client has folded against a snapshot of now."""
        views = [client.view for client in self.gateway.clients if client.is_attached]
        if not views:
            return
        client = next(client for client in self.gateway.clients if client.is_attached)
        digests = [view.digest() for view in views]
        self.send(client, client.join(self.code))
        await settle()
        for digest in digests:
            assert digest == client.view.digest()


KINDS = (
    ["play"] * 8
    + ["go_on_with_the_game"] * 10
    + ["retry"] * 3
    + ["come"] * 4
    + ["go", "fault", "fault", "look_up_fails", "overtaken"]
)
KINDS += ["hang", "heal", "heal", "settle", "settle", "wait", "wait", "wait", "crash"]
steps = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, USERS - 1), st.integers(0, 59)), min_size=10, max_size=50
)


async def told(plan):
    story = Story()
    await story.begin()
    try:
        for kind, who, what in plan:
            await story.step(kind, who, what)
        await story.rest()
        story.check()
        await story.compare()
    finally:
        story.table.store.go_on()
        await story.table.end()


@settings(max_examples=EXAMPLES)
@given(steps)
def test_whatever_happens_nothing_is_lost_doubled_or_told_in_two_ways(plan):
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(told(plan))
