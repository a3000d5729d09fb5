"""A member at a WebSocket, as `protocol/v1.md` asks of clients: it reads, answers for lost connections, and resumes.

One greenlet keeps the connection: it connects, reads until it is lost, waits, and connects again. Others send commands
and wait for replies. A command is measured from the moment for which it was planned until its final reply, whatever
happened in between; it is sent again with the same id when its reply was lost, or said that it may be.
"""

from typing import TYPE_CHECKING, Final

import gevent
import msgspec
from gevent.event import AsyncResult
from gevent.event import Event as Flag

from loadtests.kit import coming_back, messages
from loadtests.kit.clock import now
from loadtests.kit.game import TroubleError, Watching
from loadtests.kit.messages import Command, JoinRoom, LeaveRoom, Ok, Ping, Refusal, Resume
from loadtests.kit.screen import Screen, Taken
from loadtests.kit.wire import LostError, Wire

if TYPE_CHECKING:
    from loadtests.kit.kit import Kit

_CONNECT_SECONDS: Final = 10.0
_IDLE_SECONDS: Final = 17.0
"""After that of silence, a ping; without a reply to it in 5 s the connection is dead."""
_PING_SECONDS: Final = 5.0
_PATIENCE_SECONDS: Final = 60.0
"""How long a command is tried, all its sendings together."""
_REPLY_GRACE_SECONDS: Final = 2.0
_TRIES: Final = 5


class SocketMember(Watching):
    """Somebody with a token, in one room at a time."""

    def __init__(self, kit: "Kit", user_id: str, token: str) -> None:
        super().__init__(user_id)
        self._kit = kit
        self._token = token
        self._wire: Wire | None = None
        self._ready = Flag()
        self._moved = Flag()
        self._pending: dict[str, AsyncResult] = {}
        self._pings: dict[str, float] = {}
        self._heard = 0.0
        self._resume_id = ""
        self._resume_sent = 0.0
        self._is_doubt = False
        self._live_seq = -1
        self._reply_seconds = 5.0
        self._room_hint = ""
        self._stopped = ""
        self._is_leaving = False
        self._lost_at: float | None = None
        self._keeper: gevent.Greenlet | None = None

    def connect(self, room_hint: str = "") -> None:
        """Begin to keep a connection."""
        self._room_hint = room_hint
        self._kit.members.add(self)
        self._keeper = gevent.spawn(self._keep)

    def close(self) -> None:
        """End it."""
        self._kit.members.discard(self)
        if self._keeper is not None:
            self._keeper.kill(block=False)
        if self._wire is not None:
            self._wire.close()

    def cut(self) -> None:
        """Lose the connection, as a phone in a tunnel does."""
        self._lost_at = self._lost_at or now()
        if self._wire is not None:
            self._wire.cut()

    # What the game asks of it.

    def do(self, command: Command, at: float) -> Ok | Refusal:
        """Send a command that was planned for `at`, until it has a final reply.

        Raises:
            TroubleError: There is none.
        """
        name = str(command.__struct_config__.tag)
        self._is_leaving = isinstance(command, LeaveRoom)
        with self._kit.awaiting("WS", name, at):
            return self._replied_to(command, name, at) if command.IS_REPEATED else self._once(command, name, at)

    def _once(self, command: Command, name: str, at: float) -> Ok | Refusal:
        """What came of it at the first try; `unavailable` if its reply was lost, which nobody can help."""
        reply, length = self._asked(command)
        self._kit.measured("WS", name, at, length, reply.code if isinstance(reply, Refusal) else None)
        return reply or Refusal(code="unavailable", id=command.id)

    def _replied_to(self, command: Command, name: str, at: float) -> Ok | Refusal:
        first = True
        failures = 0
        while now() - at < _PATIENCE_SECONDS or first:
            reply, length = self._asked(command)
            first = False
            if isinstance(reply, Refusal) and self._may_repeat(reply, failures):
                failures += 1
                self._kit.tally.repeat(reply.code)
                gevent.sleep(reply.retry_after or 2.0 ** (failures - 1))
                continue
            if reply is not None:
                self._take_reply(command, reply)
                self._kit.measured("WS", name, at, length, messages.failure_in(command, reply))
                return reply
            self._kit.tally.repeat("")
        self._kit.measured("WS", name, at, 0, "no reply")
        raise TroubleError(f"{name} got no reply in {_PATIENCE_SECONDS:g} s")

    def moves(self, seconds: float) -> None:
        """Wait until the screen shows something new, or so long."""
        self._moved.wait(seconds)
        self._moved.clear()
        if self._stopped:
            raise TroubleError(self._stopped)

    def doubt(self) -> None:
        """Ask for what was missed. Whatever it is, this connection should have brought it before the reply."""
        wire = self._wire
        if wire is None or not self._ready.is_set() or self.screen.is_resuming or not self.screen.is_drawn:
            return
        try:
            self._resume(wire, is_doubt=True)
        except LostError:
            self.cut()

    def _may_repeat(self, reply: Refusal, failures: int) -> bool:
        return (reply.retryable or reply.code == "rate_limited") and failures < _TRIES

    def _asked(self, command: Command) -> tuple[Ok | Refusal | None, int]:
        """Send it once; the reply, or None when it got lost."""
        if not self._ready.wait(_CONNECT_SECONDS):
            if self._stopped:
                raise TroubleError(self._stopped)
            return None, 0
        waiting: AsyncResult = AsyncResult()
        self._pending[command.id] = waiting
        try:
            wire = self._wire
            if wire is None:
                return None, 0
            wire.send(messages.encoded(command))
            self._kit.tally.counts["frames_sent"] += 1
            answer: tuple[Ok | Refusal | None, int] = waiting.get(timeout=self._reply_seconds + _REPLY_GRACE_SECONDS)
            return answer  # noqa: TRY300 - what `finally` does is for all outcomes
        except (LostError, gevent.Timeout):
            # Not even `unavailable`: this connection is dead, and no late reply is taken from it.
            self.cut()
            self._ready.clear()
            return None, 0
        finally:
            self._pending.pop(command.id, None)

    def _take_reply(self, command: Command, reply: Ok | Refusal) -> None:
        if not isinstance(reply, Ok):
            return
        if isinstance(command, LeaveRoom):
            self.screen = Screen()
        elif isinstance(command, JoinRoom):
            self._room_hint = reply.room_code

    # What keeps the connection.

    def _keep(self) -> None:
        failures = 0
        while True:
            started = now()
            try:
                self._connected()
                self._read()
            except LostError as lost:
                self._ready.clear()
                self._lose()
                self._lost_at = self._lost_at or now()
                if self._stopped or coming_back.is_over(lost.code):
                    self._stopped = self._stopped or f"closed with {lost.code}"
                    self._moved.set()
                    return
                failures = 1 if now() - started > coming_back.LONGEST_SECONDS else failures + 1
                gevent.sleep(coming_back.wait_seconds(lost.code, lost.retry_after, failures, self._kit.rng))

    def _lose(self) -> None:
        if self._wire is not None:
            self._wire.close()
        self._wire = None
        for waiting in self._pending.values():
            waiting.set((None, 0))
        self._pings.clear()
        # Its reply will not come; the next connection asks anew.
        self._pending.pop(self._resume_id, None)

    def _connected(self) -> None:
        """Connect, and go on where it ended."""
        started = now()
        hint = f"?room={self._room_hint}" if self._room_hint else ""
        try:
            wire = Wire(f"ws{self._kit.url.removeprefix('http')}/ws{hint}", self._token, _CONNECT_SECONDS)
            self._wire = wire
            welcome = messages.welcome_of(self._next(wire) or b"{}")
        except LostError as lost:
            # One who comes back tries until he is there, and that is what is measured.
            self._kit.tally.counts["connects_failed"] += 1
            if self._lost_at is None:
                self._kit.measured("WSC", "connect", started, 0, f"{lost}")
            raise
        except msgspec.MsgspecError as error:
            raise LostError from error
        if self._lost_at is None:
            self._kit.measured("WSC", "connect", started)
        else:
            self._kit.measured("WSC", "reconnect", self._lost_at)
        self._lost_at = None
        self._reply_seconds = welcome.limits.reply_seconds
        if self.screen.is_drawn:
            self._resume(wire)
        self._ready.set()

    def _next(self, wire: Wire) -> bytes | None:
        """The next text of a wire, for which a ping asks when there is silence; None for other frames."""
        text = wire.receive(_IDLE_SECONDS)
        if text == b"":
            self._send_ping(wire)
            text = wire.receive(_PING_SECONDS)
            if text == b"":
                raise LostError
        return text

    def _send_ping(self, wire: Wire) -> None:
        ping = Ping(id=self.command_id())
        self._pings[ping.id] = now()
        wire.send(messages.encoded(ping))
        self._kit.tally.counts["frames_sent"] += 1

    def _ponged(self, sent: float, reply: Ok | Refusal, length: int) -> None:
        failure = reply.code if isinstance(reply, Refusal) else None
        self._kit.told("WS", "ping", (self._heard - sent) * 1000, length, failure)
        if isinstance(reply, Ok):
            self._kit.clock.observe(sent, self._heard, reply.server_time)

    def _resume(self, wire: Wire, *, is_doubt: bool = False) -> None:
        """Ask for what was missed; events are left out until the reply."""
        self._is_doubt = is_doubt
        if self.screen.is_resuming and self._resume_id in self._pending:
            return
        self.screen.is_resuming = True
        resume = Resume(
            id=self.command_id(),
            room_code=self.screen.room_code,
            stream=self.screen.stream,
            last_seq=self.screen.seq,
        )
        self._resume_id = resume.id
        self._pending[resume.id] = AsyncResult()
        self._resume_sent = now()
        wire.send(messages.encoded(resume))
        self._kit.tally.counts["frames_sent"] += 1

    def _read(self) -> None:
        wire = self._wire
        assert wire is not None
        while True:
            if self._kit.clock.claims_ping(now()):
                self._send_ping(wire)
            text = self._next(wire)
            if text:
                self._heard = now()
                self._kit.tally.counts["frames_received"] += 1
                self._take(wire, text)

    def _take(self, wire: Wire, text: bytes) -> None:
        try:
            head = messages.head_of(text)
            if head.type == "ok":
                self._replied(messages.ok_of(text), len(text))
            elif head.type == "error":
                self._replied(messages.refusal_of(text), len(text))
            elif head.seq is not None:
                self._told(wire, messages.event_of(head.type, text), len(text))
            elif head.server_time and head.type != "welcome":
                self._age(head.type, head.server_time, len(text))
        except msgspec.MsgspecError as error:
            self._stopped = f"a frame that is not as the protocol says: {error}"
            raise LostError from error

    def _age(self, name: str, server_time_ms: int, length: int) -> None:
        age = self._kit.clock.age_ms(server_time_ms, self._heard)
        if age is not None:
            self._kit.told("WSR", name, age, length)
            self._kit.tally.events.add(age)

    def _replied(self, reply: Ok | Refusal, length: int) -> None:
        sent = self._pings.pop(reply.id or "", None)
        if sent is not None:
            self._ponged(sent, reply, length)
            return
        waiting = self._pending.get(reply.id or "")
        if isinstance(reply, Ok) and reply.state is not None:
            self._draw(reply.state)
        if reply.id == self._resume_id and waiting is not None:
            del self._pending[reply.id]
            self._resumed(reply, length)
        elif waiting is not None and not waiting.ready():
            waiting.set((reply, length))
        elif self.referee is not None:
            self.referee.stray_reply(self.user_id, f"{reply.id}")

    def _draw(self, state: messages.State) -> None:
        self.screen.draw(state)
        self._live_seq = state.seq
        if self.referee is not None:
            self.referee.saw_state(self.user_id, state)
        self._moved.set()

    def _resumed(self, reply: Ok | Refusal, length: int) -> None:
        if isinstance(reply, Refusal) and self._is_leaving and reply.code in messages.IS_OUT:
            # He has left; the reply that says so was lost.
            return
        failed = reply.code if isinstance(reply, Refusal) and not reply.retryable else None
        self._kit.measured("WS", "resume", self._resume_sent, length, failed)
        if isinstance(reply, Refusal):
            if (reply.retryable or reply.code == "rate_limited") and self._wire is not None:
                gevent.spawn_later(reply.retry_after or 1.0, self._resume_again, self._wire)
                return
            self._stopped = f"resume: {reply.code}"
            self._moved.set()
            return
        self.screen.is_resuming = False
        for raw in reply.events:
            event = messages.event_of(messages.head_of(raw).type, raw)
            if self._is_doubt and event.seq > self._live_seq and self.referee is not None:
                self.referee.not_sent(self.user_id, event)
                self._is_doubt = False
            self._take_event(event)
        self._live_seq = max(self._live_seq, self.screen.seq)
        if reply.recovered:
            self.screen.show_own(reply.now.you)
        self._moved.set()

    def _resume_again(self, wire: Wire) -> None:
        if wire is self._wire:
            try:
                self._resume(wire)
            except LostError:
                self.cut()

    def _told(self, wire: Wire, event: messages.Event, length: int) -> None:
        if self.screen.room_code != event.room_code:
            return
        self._age(event.type, event.server_time, length)
        expected = self.screen.seq + 1
        self._live_seq = max(self._live_seq, event.seq)
        taken = self._take_event(event)
        if taken is Taken.OLD and self.referee is not None:
            self.referee.comes_again(self.user_id, event)
        if taken is Taken.HOLE:
            if self.referee is not None:
                self.referee.hole(self.user_id, expected, event)
            self._resume(wire)
        self._moved.set()

    def _take_event(self, event: messages.Event) -> Taken:
        if self.referee is not None:
            self.referee.saw(self.user_id, event)
        return self.screen.take(event)
