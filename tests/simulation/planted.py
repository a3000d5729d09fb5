"""Bugs to be found: each is patched into the product for a run, as a plausible mistake would have it.

With each goes the profile of faults under which it shows soon.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, NamedTuple
from unittest import mock

import msgspec

from tests.simulation.chaos import MANNERS, WHIMS, Profile
from votegame import clock
from votegame.cluster import audience, lease, link, remote_rooms, sweeper
from votegame.cluster.envelope import ResumedRoom
from votegame.errors import RowsRefusedError, StoreUnavailableError
from votegame.game import rules, timers, views
from votegame.game.change import Ok
from votegame.game.remembered import Remembered
from votegame.gateway import fan_out, outbox
from votegame.rooms import actor, commit, dues, gate, history, log_writer, opening, presence, registry, room
from votegame.rooms.ports import RoomFrame
from votegame.storage import memory

SHORT = Profile(tables=2, seconds=8.0, abandoned=0.0, faults={"cut": 1}, pause_seconds=2.0)
UNKNOWN = replace(SHORT, statements={"after": 0.08, "before": 0.05})
CUTS = replace(SHORT, pause_seconds=0.5)
CRASHES = replace(SHORT, seconds=12.0, faults={"crash": 2, "cut": 1}, statements={"after": 0.02})
LOST_REPLIES = replace(
    SHORT, seconds=20.0, faults={"power_off": 1}, statements={"after": 0.2}, pause_seconds=1.5, latency=(0.05, 0.4)
)
PAUSES = replace(
    SHORT, seconds=20.0, pause_seconds=1.5, faults={"stop_process": 3, "cut": 3}, statements={"spike": 0.02}
)
ASTRAY = replace(PAUSES, astray=0.3)
LOOKING = replace(
    ASTRAY,
    tables=3,
    faults={"stop_process": 1, "cut_off": 1},
    whims=WHIMS._replace(look=0.9),
    manners=MANNERS._replace(lazy=0.3),
)
LATE = replace(
    SHORT,
    seconds=20.0,
    pause_seconds=1.0,
    faults={"stop_process": 3, "restart": 2, "cut_off": 2, "cut": 1},
    statements={"spike": 0.1, "spike_seconds": 3.5, "after": 0.03},
)
LAZY = replace(
    UNKNOWN,
    manners=MANNERS._replace(lazy=0.4, hurries=0.0),
    whims=WHIMS._replace(pause=0.5, longest_pause=20.0),
    pause_seconds=1.0,
)
ABANDONED = replace(SHORT, tables=3, seconds=15.0, faults={"crash": 1}, abandoned=0.7)
BACK_AND_FORTH = replace(
    SHORT, nodes=2, tables=4, seconds=30.0, pause_seconds=0.7, faults={"stop_process": 3, "restart": 3, "crash": 1}
)

LINKS = replace(
    SHORT,
    tables=3,
    seconds=20.0,
    pause_seconds=1.5,
    astray=0.8,
    faults={"stop_links": 2, "bus_cut": 2, "bus_away": 1, "cut": 1},
    messages={"loss": 0.03, "double": 0.1},
)
HELD_BACK = replace(
    LINKS,
    pause_seconds=0.8,
    faults={"crash": 2, "bus_cut": 3, "slow_database": 2, "cut": 3},
    statements={"after": 0.1, "spike": 0.05},
    messages={"loss": 0.05},
)
SLEEPERS = replace(
    LINKS, faults={"stop_process": 2, "crash": 1, "cut": 2}, messages={}, manners=MANNERS._replace(lazy=0.3)
)


class Bug(NamedTuple):
    """A bug, and the profile under which it shows; `plant` gives the patches.

    One that shows seldom, or only after long, says by which seed it was found, so that the search begins there: while
    runs stay as they are, that saves minutes. When they change, it goes through all seeds.
    """

    plant: Callable[[], list[Any]]
    profile: Profile
    begin_at: int = 1


BUGS: dict[str, Bug] = {}


def _bug(profile: Profile, *, begin_at: int = 1) -> Callable[[Callable[[], list[Any]]], Callable[[], list[Any]]]:
    def add(plant: Callable[[], list[Any]]) -> Callable[[], list[Any]]:
        BUGS[plant.__name__] = Bug(plant, profile, begin_at)
        return plant

    return add


@contextmanager
def planted(bug: Bug) -> Iterator[None]:
    """The product with the bug."""
    with ExitStack() as patches:
        for patch in bug.plant():
            patches.enter_context(patch)
        yield


def _now() -> float:
    return asyncio.get_running_loop().time()


# The store.


@_bug(LATE, begin_at=60)
def no_fence():
    def is_standing(self, append):
        found = self._rooms.get(append.room_id)
        return found is not None and found.last_position == append.base

    return [mock.patch.object(memory.MemoryRoomStore, "_is_standing", is_standing)]


@_bug(LATE, begin_at=62)
def a_join_instead_of_a_lock():
    """An append that is under way while the room is claimed takes effect all the same."""
    take, standing, claimed_at = memory._take, memory.MemoryRoomStore._is_standing, {}

    def noting(found, node_id):
        claimed_at[found.made.room_id] = _now()
        return take(found, node_id)

    def is_standing(self, append):
        found = self._rooms.get(append.room_id)
        is_late = found is not None and (found.epoch - 1, found.last_position) == (append.epoch, append.base)
        return standing(self, append) or (is_late and _now() - claimed_at[append.room_id] < 1.0)

    return [
        mock.patch.object(memory, "_take", noting),
        mock.patch.object(memory.MemoryRoomStore, "_is_standing", is_standing),
    ]


@_bug(UNKNOWN, begin_at=5)
def no_comparison_of_positions():
    def is_standing(self, append):
        found = self._rooms.get(append.room_id)
        return found is not None and found.epoch == append.epoch

    return [mock.patch.object(memory.MemoryRoomStore, "_is_standing", is_standing)]


@_bug(LATE)
def a_load_from_a_replica_that_lags():
    load = memory.MemoryRoomStore.load

    async def lagging(self, room_id):
        rows = await load(self, room_id)
        return [(row, at) for row, at in rows if at < self._now_ms() - 2_500] or rows[:1]

    return [mock.patch.object(memory.MemoryRoomStore, "load", lagging)]


@_bug(ASTRAY)
def a_claim_that_asks_for_no_lease():
    async def claim(self, room_code, node_id):
        found = self._find(room_code)
        return None if found is None else memory._take(found, node_id)

    return [mock.patch.object(memory.MemoryRoomStore, "claim", claim)]


@_bug(LATE)
def a_claim_that_raises_no_epoch():
    def take(found, node_id):
        found.epoch -= 1
        return original(found, node_id)

    original = memory._take
    return [mock.patch.object(memory, "_take", take)]


@_bug(replace(LATE, astray=0.3), begin_at=19)
def a_release_without_a_fence():
    async def release(self, room_id, epoch, *, to=None):
        self._rooms[room_id].owner = to

    return [mock.patch.object(memory.MemoryRoomStore, "release", release)]


@_bug(UNKNOWN)
def a_room_that_is_made_twice():
    return [
        mock.patch.object(memory.MemoryRoomStore, "_made_by", return_value=None),
        mock.patch.object(registry.Registry, "_made_before", return_value=None),
    ]


# Ownership.


@_bug(LATE, begin_at=56)
def a_load_before_the_claim():
    async def attempt(env, room_code, claim):
        found = env.store._database.rooms._find(room_code)
        rows = await env.store.load(found.made.room_id)
        claimed = claim or await env.store.claim(room_code, env.node_id)
        return opening._folded(claimed, rows) if isinstance(claimed, opening.Claim) else opening.NotNow()

    async def guarded(env, room_code, claim):
        try:
            return await attempt(env, room_code, claim)
        except opening.StoreError:
            return opening.NotNow()

    return [mock.patch.object(opening, "_attempt", guarded)]


@_bug(ASTRAY)
def a_lapse_that_is_ignored():
    def renewed(self, *, sent):
        self._mute_since = None
        self._valid_until = sent + 2.5
        return False

    return [mock.patch.object(lease.HeldLease, "renewed", renewed)]


@_bug(ASTRAY)
def a_lapse_after_which_nothing_is_let_go():
    async def discard_fenced(self):
        pass

    return [mock.patch.object(registry.Registry, "discard_fenced", discard_fenced)]


@_bug(LOOKING)
def a_lease_that_nobody_looks_at():
    return [mock.patch.object(lease.HeldLease, "is_valid", return_value=True)]


@_bug(ABANDONED)
def a_sweeper_that_sleeps():
    async def sweep(self):
        return 0

    return [mock.patch.object(sweeper.Sweeper, "sweep", sweep)]


# The gate, and the journal.


@_bug(CRASHES)
def a_gate_that_is_bypassed():
    def add(self, position, outputs, *, members):
        waiting = gate._Waiting(position, tuple(outputs), members)
        self._outlet.deliver(self._encoded(waiting, self._clock.now_ms()))

    return [mock.patch.object(gate.Gate, "add", add)]


@_bug(CRASHES)
def a_reply_before_its_commit():
    original = gate.Gate.add

    def add(self, position, outputs, *, members):
        replies = [one for one in outputs if isinstance(one, gate.AddressedReply) and isinstance(one.reply, Ok)]
        now = gate._Waiting(position, tuple(replies), members)
        self._outlet.deliver(self._encoded(now, self._clock.now_ms()))
        original(self, position, [one for one in outputs if one not in replies], members=members)

    return [mock.patch.object(gate.Gate, "add", add)]


@_bug(LATE)
def a_read_that_bypasses_the_gate():
    original = gate.Gate.add

    def add(self, position, outputs, *, members):
        is_read = any(
            isinstance(one, gate.AddressedReply) and isinstance(one.reply, gate.Resumption) for one in outputs
        )
        if is_read:
            now = gate._Waiting(position, tuple(outputs), members)
            self._outlet.deliver(self._encoded(now, self._clock.now_ms()))
        else:
            original(self, position, outputs, members=members)

    return [mock.patch.object(gate.Gate, "add", add)]


@_bug(LATE)
def what_was_fenced_off_is_told():
    def fenced(self):
        self._gate.open_to(self.state.position, self._env.clock.now_ms())
        self.condition = "fenced"
        self._on_progress()

    return [mock.patch.object(room.Room, "fenced", fenced)]


def _writing_once(then: Callable[[list[Any], Exception], None]) -> list[Any]:
    original = commit.Committer._write_once

    async def write_once(self, rest, *, is_retry):
        try:
            await original(self, rest, is_retry=is_retry)
        except StoreUnavailableError as error:
            then(rest, error)

    return [mock.patch.object(commit.Committer, "_write_once", write_once)]


@_bug(UNKNOWN, begin_at=27)
def an_unknown_outcome_taken_for_a_failure():
    def refuse(_rest, error):
        raise RowsRefusedError from error

    return _writing_once(refuse)


@_bug(UNKNOWN)
def an_unknown_outcome_taken_for_a_success():
    def settle(rest, _error):
        for writer, append in rest:
            writer.settle(append, 0)
        rest.clear()

    return _writing_once(settle)


@_bug(LATE)
def a_batch_of_which_one_room_speaks_for_all():
    async def write_once(self, rest, *, is_retry):
        written = await self._store.append([append for _, append in rest], is_retry=is_retry)
        for writer, append in rest:
            writer.settle(append, next(iter(written.values()), 0))
        rest.clear()

    return [mock.patch.object(commit.Committer, "_write_once", write_once)]


@_bug(UNKNOWN)
def a_resend_that_settles_too_much():
    def settle_up_to(self, position, server_time_ms):
        self._settle(len(self._in_flight), self.committed + sum(len(turn.rows) for turn in self._in_flight), 0)
        return True

    return [mock.patch.object(log_writer.LogWriter, "settle_up_to", settle_up_to)]


@_bug(UNKNOWN)
def events_told_with_another_time_than_they_are_kept_with():
    return [mock.patch.object(room.Room, "_told_time_ms", lambda self, _at, _pending: self._env.clock.now_ms())]


# The rules, and what is kept.


@_bug(UNKNOWN)
def a_retry_that_is_not_recognised():
    return [
        mock.patch.object(rules, "repeated", return_value=None),
        mock.patch.object(rules, "same_content", return_value=None),
    ]


def _loaded(change: Callable[[Any], Any]) -> list[Any]:
    original = opening.fold
    return [mock.patch.object(opening, "fold", lambda log: change(original(log)))]


@_bug(LOST_REPLIES, begin_at=6)
def retries_that_are_forgotten_with_their_node():
    return [
        *_loaded(lambda state: msgspec.structs.replace(state, remembered=Remembered())),
        mock.patch.object(rules, "same_content", return_value=None),
    ]


@_bug(CRASHES)
def scores_that_are_lost_with_their_node():
    def forget(state):
        members = {each: msgspec.structs.replace(one, score=0) for each, one in state.members.items()}
        return msgspec.structs.replace(state, members=members)

    return _loaded(forget)


@_bug(CRASHES, begin_at=8)
def a_timer_that_is_restarted():
    def restart(state):
        if getattr(state.phase, "deadline", None) is None:
            return state
        phase = msgspec.structs.replace(state.phase, deadline=state.phase.deadline + 10_000)
        return msgspec.structs.replace(state, phase=phase)

    return _loaded(restart)


@_bug(LAZY)
def a_clock_that_ends_phases_early():
    original = timers._timer

    def early(kind, due_ms, state):
        return original(kind, due_ms - 1_500 if kind == "phase" else due_ms, state)

    return [
        mock.patch.object(timers, "_timer", early),
    ]


@_bug(LAZY)
def a_clock_that_runs_during_a_pause():
    def running(state, there, house):
        return timers.timers(msgspec.structs.replace(state, paused_ms=None), there, house)

    return [mock.patch.object(module, "timers", running) for module in (dues, rules)]


@_bug(replace(SHORT, faults={"wall_clock": 1}), begin_at=4)
def deadlines_by_the_wall_clock():
    def now_ms(_self):
        return int(time.time() * 1000)

    return [mock.patch.object(clock.DatabaseClock, "now_ms", now_ms)]


@_bug(CRASHES, begin_at=6)
def nobody_is_there_after_a_claim():
    original = presence.PresenceTracker.start

    def start(self, members, sockets, now, gone=frozenset()):
        original(self, members, sockets, now - 20_000, gone)

    return [mock.patch.object(presence.PresenceTracker, "start", start)]


@_bug(UNKNOWN)
def voting_that_shows_authors():
    def shown(phase):
        if phase.order is None:
            return None
        by_id = {answer.answer_id: (user_id, answer.content) for user_id, answer in phase.answers.items()}
        return [{"id": each, "content": by_id[each][1], "user_id": by_id[each][0]} for each in phase.order]

    return [mock.patch.object(views, "_shown_answers", shown)]


# What clients are told.


@_bug(UNKNOWN)
def an_outbox_that_loses_the_third_frame_of_a_turn():
    original = outbox.Outbox.put

    def put(self, frame):
        if len(self._frames) < 2 or frame.command_id is not None:
            original(self, frame)

    return [mock.patch.object(outbox.Outbox, "put", put)]


@_bug(CUTS)
def a_resume_that_is_off_by_one():
    original = history.History.between
    return [
        mock.patch.object(history.History, "between", lambda self, last, seq: original(self, min(last + 1, seq), seq))
    ]


@_bug(CUTS)
def a_resume_that_brings_nothing():
    return [mock.patch.object(history.History, "between", return_value=[])]


@_bug(BACK_AND_FORTH)
def sockets_inherited_without_a_look():
    def inherit(self, opened):
        opened.start(self._heritage.sockets, self._heritage.gone)

    return [mock.patch.object(actor.Actor, "_inherit", inherit)]


# The links between nodes.


@_bug(SLEEPERS)
def a_stale_route_that_is_trusted():
    return [
        mock.patch.object(remote_rooms.RemoteRooms, "owner_died", return_value=None),
        mock.patch.object(remote_rooms.RemoteRooms, "resolve", return_value=None),
    ]


@_bug(LINKS)
def a_gap_that_is_not_noticed():
    original = link.Link.arrived

    def arrived(self, envelope, now):
        arrival = original(self, envelope, now)
        self._is_broken = False
        return "next" if arrival == "gap" else arrival

    return [mock.patch.object(link.Link, "arrived", arrived)]


@_bug(LINKS, begin_at=29)
def an_envelope_that_is_taken_twice():
    original = link.Link.arrived

    def arrived(self, envelope, now):
        arrival = original(self, envelope, now)
        return "next" if arrival == "old" else arrival

    return [mock.patch.object(link.Link, "arrived", arrived)]


@_bug(LINKS)
def a_new_epoch_after_which_nothing_is_asked_for():
    return [mock.patch.object(remote_rooms.RemoteRooms, "resync", return_value=None)]


@_bug(LINKS, begin_at=4)
def what_is_out_of_step_that_is_passed_on():
    original = remote_rooms.RemoteRooms.take

    def take(self, sender, message):
        if message.room_code in self._rooms:
            self._rooms[message.room_code].out_of_step_since = None
        original(self, sender, message)

    return [mock.patch.object(remote_rooms.RemoteRooms, "take", take)]


@_bug(HELD_BACK, begin_at=186)
def an_answer_that_overtakes_replies_that_are_held_back():
    def unsubscribe(self, found, sender, room_code, ref):
        self._lose(found, room_code, sender)
        self._links.send(sender, ResumedRoom(room_code=room_code, ref=ref, missed=[]))

    return [mock.patch.object(audience.Audience, "_unsubscribe", unsubscribe)]


@_bug(LINKS, begin_at=227)
def listeners_that_came_since_their_node_asked():
    original = audience.Audience._resume

    def resume(self, resumed):
        listeners = self._listeners.get(resumed.room_code, {}).get(resumed.node_id, {})
        original(self, msgspec.structs.replace(resumed, named=frozenset(listeners)))

    return [mock.patch.object(audience.Audience, "_resume", resume)]


@_bug(LINKS, begin_at=66)
def a_lost_connection_of_which_word_was_lost_too():
    return [mock.patch.object(presence.PresenceTracker, "keep_named", return_value=None)]


@_bug(SHORT, begin_at=4)
def a_flagged_answer_that_all_are_told_of():
    def whisper(self, delivery):
        self._tell_all(RoomFrame(room_code=delivery.room_code, data=delivery.data, durable=False))

    return [mock.patch.object(fan_out.FanOut, "_whisper", whisper)]
