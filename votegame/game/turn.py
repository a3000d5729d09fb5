"""A turn in the making: what has been decided so far, and the state it leads to."""

import random
from collections.abc import Mapping
from typing import Any

import msgspec

from votegame.game import fold, records, views
from votegame.game.change import Change, Effect, Event, Notice, Reply, Whisper
from votegame.game.found import Found
from votegame.game.house import House
from votegame.game.outside import Outside
from votegame.game.presence import Presence
from votegame.game.records import HIDDEN, AnyPayload, Cause, Record
from votegame.game.state import Closed, RoundPhase, State, to_stored
from votegame.ids import UserId

BASE_EVERY = 2_000
"""Records between two base records, so that loading a room reads a bounded number of rows."""


class Turn:
    """Collects the consequences of one message; each record moves `state` on by the same fold that loading uses."""

    def __init__(
        self,
        state: State,
        *,
        presence: Presence,
        outside: Outside,
        now: int,
        rng: random.Random,
        house: House,
        cause: Cause | None,
        found: Found | None = None,
    ) -> None:
        self.state = state
        self.presence = presence
        self.outside = outside
        self.now = now
        self.rng = rng
        self.house = house
        self.found = found or Found()
        self.unchecked = outside.unchecked
        """Answers that count for nobody but their authors, until they are checked."""
        self._cause = cause
        self._records: list[Record] = []
        self._public: list[Event | Notice | Whisper] = []
        self._effects: list[Effect] = []

    def record(self, payload: AnyPayload) -> None:
        """Something has happened. The command of this turn, if there is one, is noted on the first record."""
        record = self._next_record(payload)
        self.state = fold.apply(self.state, record)
        event = views.public_event(record, self.state)
        if event is not None:
            self._public.append(event)

    @property
    def has_left_no_trace(self) -> bool:
        """Whether the command of this turn is to be remembered, and on no record yet."""
        return self._cause is not None

    def open_log(self) -> None:
        """The state so far becomes the base record that opens the room's log."""
        self.state = fold.open_log(self._next_record(records.Base(state=to_stored(self.state))))

    def rebase(self) -> None:
        """The state so far becomes a base record, for loading to start at. It comes from no command.

        That it holds this state need not be proven here, where a room would wait for it: whoever loads or audits does.
        """
        self._cause = None
        position = self._next_record(records.Base(state=to_stored(self.state))).position
        self.state = msgspec.structs.replace(self.state, position=position, base_position=position)

    def _next_record(self, payload: AnyPayload) -> Record:
        record = Record(
            position=self.state.position + 1,
            seq=None if type(payload) in HIDDEN else self.state.seq + 1,
            decided_ms=self.now,
            payload=payload,
            cause=self._cause,
        )
        self._cause = None
        self._records.append(record)
        return record

    def round_players(self, phase: RoundPhase) -> frozenset[UserId]:
        """See `votegame.game.state.round_players`."""
        return self.found.round_players.of(self.state, phase)

    def notice(
        self, notice_type: str, subject: str, fields: Mapping[str, Any], *, shared: tuple[str, ...] = ()
    ) -> None:
        """Members are to be told a fact of now."""
        self._public.append(Notice(notice_type, subject, fields, shared))

    def whisper(self, whisper: Whisper) -> None:
        """One member is to be told something that is for nobody else."""
        self._public.append(whisper)

    def wish(self, effect: Effect) -> None:
        """Something is to be done outside."""
        self._effects.append(effect)

    def change(self, reply: Reply | None = None) -> Change:
        """All of it, with a new base where one is due. Nothing follows the record that closed the room."""
        is_due = self.state.position - self.state.base_position >= BASE_EVERY
        if is_due and not isinstance(self.state.phase, Closed):
            self.rebase()
        return Change(
            state=self.state,
            records=tuple(self._records),
            reply=reply,
            public=tuple(self._public),
            effects=tuple(self._effects),
        )
