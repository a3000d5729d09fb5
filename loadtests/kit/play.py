"""One member's part in a game: come in, do what the timetable says, see the end, leave."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import gevent
from gevent.event import Event as Flag

from loadtests.kit.clock import now
from loadtests.kit.game import Game, TroubleError, Watching, count, sleep_until
from loadtests.kit.lobby import FEWEST, Seat
from loadtests.kit.messages import (
    IS_OUT,
    TOO_LATE,
    Command,
    CreateRoom,
    EndRound,
    JoinRoom,
    LeaveRoom,
    NextRound,
    Ok,
    React,
    Refusal,
    StartGame,
    StartVoting,
    SubmitAnswer,
    SubmitVote,
    failure_in,
)
from loadtests.kit.pacing import Act, Kind, Planned, beginning_delay, opening_delay, plan_game
from loadtests.kit.screen import Screen

if TYPE_CHECKING:
    from loadtests.kit.kit import Kit

_STANDS_STILL_SECONDS: Final = 40.0
"""So long without an event: longer than a phase, and all that may befall the server in it."""
_DOUBT_SECONDS: Final = 5.0
_TOO_LATE_SECONDS: Final = 10.0
"""So soon one must see that what one was too late for has ended: it was decided, and sent, before the refusal."""
_SHORTEST_PHASE_SECONDS: Final = 10
_LONGEST_PHASE_SECONDS: Final = 300
_ORDER: Final = {"lobby": 0, "answering": 1, "voting": 2, "results": 3, "finished": 4, "closed": 5}
_NEEDS: Final = {
    Act.ANSWER: "answering",
    Act.START_VOTING: "answering",
    Act.VOTE: "voting",
    Act.END_ROUND: "voting",
}
_PERHAPS: Final = frozenset({Act.START_VOTING, Act.END_ROUND})
"""What a host does only if it is needed when the moment has come."""


class Part:
    """One member's part in one game."""

    def __init__(self, kit: "Kit", member: Watching, seat: Seat, *, is_first: bool) -> None:
        assert isinstance(seat.table, Game)
        self._is_first = is_first
        self._kit = kit
        self._member = member
        self._seat = seat
        self._game = seat.table
        self._plan: list[Planned] = []

    def play(self) -> None:
        """All of it. Whatever goes wrong is told to the others, and counted."""
        game, member = self._game, self._member
        member.referee = game.referee
        is_whole = False
        try:
            self._come_in()
            self._plan = list(game.plans.get()[self._seat.index])
            self._kit.expect(planned.at for planned in self._plan if planned.act not in _PERHAPS)
            while self._plan:
                self._act(self._plan[0])
                self._plan.pop(0)
            self._wait_for(lambda screen: screen.phase in {"finished", "closed"}, "the end")
            game.screens[member.user_id] = member.screen
            is_whole = True
        except TroubleError as error:
            game.spoil(str(error))
        except Exception as error:
            game.spoil(f"a defect of the kit: {error!r}")
            raise
        finally:
            if not is_whole and not game.trouble:  # the greenlet is being killed
                game.was_cut = True
                game.spoil("the run is over")
            self._settle()
        self._leave()

    def _come_in(self) -> None:
        if self._seat.kind is Kind.HOST:
            self._host()
            return
        if self._seat.kind is not Kind.LATE:
            room_code = self._game.room_code.get()
            self._join(room_code, now() + self._kit.rng.uniform(0, 1))
            self._game.joined += 1
            self._game.progress.set()

    def _host(self) -> None:
        """Make the room, gather its members, and draw the timetable."""
        kit, game = self._kit, self._game
        at = now() + opening_delay(kit.pace, kit.rng, is_first=self._is_first)
        sleep_until(at)
        self._member.connect()
        # The clock of the server ends no phase, or what is late would not be counted, but refused.
        settings = {
            "total_rounds": kit.pace.rounds,
            "max_players": max(2, kit.room_size),
            "answer_seconds": _phase_seconds(kit.pace.answer_seconds),
            "vote_seconds": _phase_seconds(kit.pace.vote_seconds),
        }
        reply = self._done(CreateRoom(id=self._member.command_id(), settings=settings), at)
        game.referee.room = reply.room_code
        game.room_code.set(reply.room_code)
        self._gather()
        game.begin = now() + beginning_delay(kit.rng)
        game.plans.set(plan_game(kit.pace, game.begin, [seat.kind for seat in game.seats], kit.rng))

    def _gather(self) -> None:
        kit, game = self._kit, self._game
        until = now() + kit.gather_seconds
        while not game.is_full and (now() < until or game.players < FEWEST):
            if kit.is_finishing or game.trouble:
                kit.lobby.close(game)
                game.was_cut = not game.trouble
                raise TroubleError(game.trouble or "the run is over")
            gevent.sleep(0.1)
        kit.lobby.close(game)
        others = game.players - 1 + sum(seat.kind is Kind.SPECTATOR for seat in game.seats)
        until = now() + _STANDS_STILL_SECONDS
        while game.joined < others:
            if game.trouble or not _waited(game.progress, until):
                raise TroubleError(game.trouble or "not all came in")

    def _join(self, room_code: str, at: float) -> None:
        sleep_until(at)
        self._member.connect(room_code)
        role = "spectator" if self._seat.kind is Kind.SPECTATOR else "player"
        self._done(JoinRoom(id=self._member.command_id(), room_code=room_code, role=role), at)

    def _act(self, planned: Planned) -> None:
        """Do what is due, as soon as the room is ready for it; or never, when it is past that already."""
        kit, member = self._kit, self._member
        member.idle_until(planned.at)
        if planned.act is Act.JOIN:
            at = self._started(planned.at)
            kit.tally.act(now() - planned.at, kit.late_seconds)
            self._join(self._game.room_code.get(), at)
            return
        at = member.glance(planned.at)
        wanted = self._moment(planned)
        self._wait_for(lambda screen: _moment_of(screen) >= wanted, f"{planned.act} in round {planned.round_number}")
        is_past = _moment_of(member.screen) > wanted and planned.act is not Act.REACT
        if is_past and planned.act in _PERHAPS:
            return  # nobody needs it any more
        command = None if is_past else self._command(planned)
        if command is None:
            kit.tally.act(None, kit.late_seconds)
            return
        kit.tally.act(now() - planned.at, kit.late_seconds)
        reply = self._give(command, at)
        if isinstance(reply, Refusal) and reply.code in TOO_LATE:
            what = f"the end of the phase for which {planned.act} was too late ({reply.code})"
            self._wait_for(lambda screen: _moment_of(screen) > wanted, what, _TOO_LATE_SECONDS)

    def _started(self, at: float) -> float:
        """Wait for the start: who comes before it plays in the first round, and there nothing is planned for him.

        Returns:
            The moment from which coming late is measured: `at`, or when the game began after that.
        """
        if self._game.started.is_set():
            return at
        if not self._game.started.wait(_STANDS_STILL_SECONDS) or self._game.trouble:
            raise TroubleError(self._game.trouble or "the game did not start")
        return now()

    def _moment(self, planned: Planned) -> tuple[int, int]:
        match planned.act:
            case Act.START | Act.REACT:
                return (0, 0)
            case Act.NEXT:
                return (planned.round_number - 1, _ORDER["results"])
            case _:
                return (planned.round_number, _ORDER[_NEEDS[planned.act]])

    def _command(self, planned: Planned) -> Command | None:
        """What to send; None when there is nothing that could be."""
        member, screen = self._member, self._member.screen
        if planned.act in {Act.ANSWER, Act.VOTE} and not screen.plays:
            return None  # a late comer who came later still
        common = {"id": member.command_id(), "room_code": screen.room_code}
        match planned.act:
            case Act.START:
                return StartGame(**common)
            case Act.NEXT:
                return NextRound(**common)
            case Act.REACT:
                return React(**common, reaction="applause")
            case Act.ANSWER:
                text = f"answer {self._kit.rng.getrandbits(64):x} of seat {self._seat.index}"
                return SubmitAnswer(**common, round_id=screen.round_id, answer=text)
            case Act.START_VOTING:
                return StartVoting(**common, round_id=screen.round_id)
            case Act.END_ROUND:
                return EndRound(**common, round_id=screen.round_id)
            case _:
                choice = [answer.id for answer in screen.answers if answer.id != screen.own_answer_id]
                if not choice:
                    return None
                return SubmitVote(**common, round_id=screen.round_id, answer_id=self._kit.rng.choice(choice))

    def _give(self, command: Command, at: float) -> Ok | Refusal:
        """Send it, for its reply. Lets the referee know: before, that it may count; after, that it must, or not."""
        referee, user = self._game.referee, self._member.user_id
        if isinstance(command, SubmitAnswer):
            referee.answer(user, command.round_id, command.answer, None)
        elif isinstance(command, SubmitVote):
            referee.vote(user, command.round_id, command.answer_id, None)
        reply = self._member.do(command, at)
        failure = failure_in(command, reply)
        if failure is not None:
            raise TroubleError(f"{command.__struct_config__.tag}: {failure}")
        if isinstance(command, StartGame):
            self._game.started.set()
        elif isinstance(command, SubmitAnswer):
            if isinstance(reply, Refusal):
                referee.answer_refused(user, command.round_id)
            else:
                referee.answer(user, command.round_id, command.answer, reply.answer_id)
                if self._member.screen.round_id == command.round_id:
                    self._member.screen.own_answer_id = reply.answer_id
        elif isinstance(command, SubmitVote):
            if isinstance(reply, Refusal):
                referee.vote_refused(user, command.round_id)
            else:
                referee.vote(user, command.round_id, command.answer_id, reply.vote_id)
        return reply

    def _done(self, command: Command, at: float) -> Ok:
        reply = self._member.do(command, at)
        if isinstance(reply, Refusal):
            raise TroubleError(f"{command.__struct_config__.tag}: {reply.code}")
        return reply

    def _wait_for(
        self, is_there: Callable[[Screen], bool], what: str, patience_seconds: float = _STANDS_STILL_SECONDS
    ) -> None:
        since = doubt_at = now()
        seq = self._member.screen.seq
        while not is_there(self._member.screen):
            if self._game.trouble:
                raise TroubleError(self._game.trouble)
            if self._member.screen.seq != seq:
                since, seq = now(), self._member.screen.seq
            if now() > max(since, doubt_at) + _DOUBT_SECONDS:
                self._member.doubt()
                doubt_at = now()
            if now() > since + patience_seconds:
                raise TroubleError(f"the game stood still: {self._seat.kind} waited for {what}")
            self._member.moves(1.0)

    def _settle(self) -> None:
        """The last one to come to the end has the game counted."""
        kit, game = self._kit, self._game
        kit.lobby.close(game)
        for planned in self._plan:
            if not game.was_cut or planned.at <= now():
                kit.tally.act(None, kit.late_seconds)
        game.over += 1
        if game.over < len(game.seats):
            return
        game.settled.set()
        if game in kit.games:
            count(kit, game)

    def _leave(self) -> None:
        screen = self._member.screen
        if not screen.is_drawn:
            return
        # With the last player the room goes, before the eyes of those who have not seen the end.
        self._game.settled.wait(_STANDS_STILL_SECONDS)
        at = now() + self._kit.rng.uniform(0, 1)
        sleep_until(at)
        try:
            reply = self._member.do(LeaveRoom(id=self._member.command_id(), room_code=screen.room_code), at)
        except TroubleError:
            return
        # A spectator may find it closed, once the last player has gone; a player leaves it while it is there.
        races = LeaveRoom.RACES if self._seat.kind is Kind.SPECTATOR else frozenset()
        if isinstance(reply, Refusal) and reply.code in IS_OUT - races:
            self._game.referee.not_member(self._member.user_id, reply.code)


def _moment_of(screen: Screen) -> tuple[int, int]:
    if screen.phase in {"finished", "closed"}:
        return (10_000, _ORDER[screen.phase])
    return (screen.round_number, _ORDER.get(screen.phase, 0))


def _phase_seconds(planned: float) -> int:
    return min(max(_SHORTEST_PHASE_SECONDS, int(2 * planned) + 30), _LONGEST_PHASE_SECONDS)


def _waited(flag: Flag, until: float) -> bool:
    """Whether the flag was raised before `until`; lowers it."""
    is_up = flag.wait(max(0.0, until - now()))
    flag.clear()
    return bool(is_up)
