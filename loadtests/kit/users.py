"""The classes of users for Locust. Each logs in once as a guest, and then plays one game after the other."""

from typing import Any, ClassVar, Final

import gevent
from locust import User, constant, task

from loadtests.kit import messages
from loadtests.kit.clock import now
from loadtests.kit.game import TroubleError, Watching
from loadtests.kit.http_member import Caller, HttpMember
from loadtests.kit.kit import Kit
from loadtests.kit.lobby import Seat
from loadtests.kit.messages import Refusal
from loadtests.kit.pacing import Kind
from loadtests.kit.play import Part
from loadtests.kit.run import kit_of
from loadtests.kit.socket_member import SocketMember

_PATIENCE_SECONDS: Final = 5.0
"""A player who has found no table for so long opens one."""


class Guest(User):
    """What all have in common."""

    abstract = True
    wait_time = constant(0)
    kind: ClassVar[Kind]

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._user_id = ""
        self._token = ""
        self._member: Watching | None = None
        self._is_first = True

    def on_start(self) -> None:
        """Log in, at a moment of one's own: Locust starts users by the second."""
        kit = kit_of(self.environment)
        at = now() + kit.rng.uniform(0, 1)
        gevent.sleep(at - now())
        caller = Caller(kit)
        try:
            while not self._token:
                self._log_in(caller, at)
                at = now()
        finally:
            caller.close()

    def _log_in(self, caller: Caller, at: float) -> None:
        path = "/api/auth/guest"
        try:
            reply = caller.call("POST", path, name=path, at=at, body={"display_name": f"{self.kind} at play"})
        except TroubleError:
            return
        if isinstance(reply, Refusal):
            # With its rates on, a server takes few guests from one address; see LOCUST.md.
            gevent.sleep(reply.retry_after or 1.0)
            return
        login = messages.login_of(reply)
        self._user_id, self._token = login.user.id, login.token
        kit_of(self.environment).tally.counts["logins"] += 1

    def on_stop(self) -> None:
        """Go, without a word."""
        if self._member is not None:
            self._member.close()

    @task
    def play(self) -> None:
        """One game."""
        kit = kit_of(self.environment)
        seat = self._seat(kit)
        member = self._made(kit, seat.kind)
        self._member = member
        try:
            Part(kit, member, seat, is_first=self._is_first and not kit.is_rush).play()
        finally:
            self._is_first = False
            member.close()

    def _seat(self, kit: Kit) -> Seat:
        """A seat, as soon as there is one."""
        since = now()
        while True:
            if not kit.is_finishing:
                seat = self._found(kit, now() - since)
                if seat is not None:
                    return seat
            gevent.sleep(kit.rng.uniform(0.1, 0.3))

    def _found(self, kit: Kit, waited_seconds: float) -> Seat | None:
        kind = self.kind
        can_host = (
            kind in {Kind.PLAYER, Kind.LATE} and waited_seconds > _PATIENCE_SECONDS and not kit.lobby.is_gathering
        )
        if kind is Kind.HOST or can_host:
            game = kit.lobby.open()
            kit.games.add(game)
            return game.seats[0]
        return kit.lobby.seat(kind)

    def _made(self, kit: Kit, kind: Kind) -> Watching:
        make = HttpMember if kind is Kind.HTTP else SocketMember
        return make(kit, self._user_id, self._token)


# The weights add up to a prime number, so that each class is spread over any number of processes.


class Host(Guest):
    """Makes rooms, and has control."""

    kind = Kind.HOST
    weight = 4


class Player(Guest):
    """Answers and votes."""

    kind = Kind.PLAYER
    weight = 21


class LateComer(Guest):
    """Joins in the middle of the first round, and plays from the second one on."""

    kind = Kind.LATE
    weight = 2


class HttpPlayer(Guest):
    """Plays without a socket."""

    kind = Kind.HTTP
    weight = 2


class Spectator(Guest):
    """Watches, and applauds."""

    kind = Kind.SPECTATOR
    weight = 2
