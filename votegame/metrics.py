"""What operators can watch, for Prometheus. No label grows with rooms, users or addresses."""

import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Metric, ProcessCollector, generate_latest
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from votegame import __version__
from votegame.errors import ErrorCode
from votegame.wire.close_codes import CloseCode

_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_ROWS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500)


class _Counts(defaultdict[str, int]):
    """What is counted for each command, by label, and handed to its metric when somebody looks.

    The metric takes a lock for each count, and many calls: more than the rest of many a step of a command.
    """

    def __init__(self, metric: Counter) -> None:
        super().__init__(int)
        self._metric = metric

    def settle(self) -> None:
        """Hand over what was counted since the last time, with 0 for what is only to be shown."""
        for label, count in self.items():
            self._metric.labels(label).inc(count)
        self.clear()


class _Spread(Collector):
    """A histogram without labels, for what is observed often: see `_Counts`. Of one thread."""

    def __init__(self, name: str, meaning: str, bounds: Sequence[float], registry: CollectorRegistry) -> None:
        self._name = name
        self._meaning = meaning
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0
        self._created = time.time()
        registry.register(self)

    def observe(self, value: float) -> None:
        """Take `value` into account."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def collect(self) -> Iterable[Metric]:
        """What the registry shows."""
        bounds = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        family = HistogramMetricFamily(
            self._name, self._meaning, [*zip(bounds, accumulate(self._counts), strict=True)], self._sum
        )
        family.add_sample(f"{self._name}_created", {}, self._created)
        return [family]


class Metrics:
    """All counters of a node, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        # Memory, CPU, open files and the start of the process, where /proc tells them.
        ProcessCollector(registry=self._registry)
        release = Gauge("votegame_release", "1, with the release that runs.", ["release"], registry=self._registry)
        release.labels(__version__).set(1)
        self._connections = Gauge("votegame_connections", "Open sockets.", registry=self._registry)
        self._rooms = Gauge("votegame_rooms", "Rooms in memory.", registry=self._registry)
        self._lease = Gauge(
            "votegame_lease_valid", "1 while this node may speak for its rooms.", registry=self._registry
        )
        self._commands = _Counts(
            Counter("votegame_commands", "Valid commands that came, by type.", ["type"], registry=self._registry)
        )
        self._turns = _Counts(
            Counter("votegame_turns", "Commands that rooms decided, by outcome.", ["outcome"], registry=self._registry)
        )
        self._refused = _Counts(
            Counter(
                "votegame_refused", "Commands that the gateway refused, by code.", ["code"], registry=self._registry
            )
        )
        self._reply_seconds = _Spread(
            "votegame_reply_seconds",
            "Time from a command on a socket to its reply, for those that need a room.",
            _SECONDS,
            self._registry,
        )
        self._missed_rooms = Counter(
            "votegame_missed_rooms",
            "Commands to rooms that are not there: many are a sign of somebody guessing codes.",
            registry=self._registry,
        )
        self._closed = Counter(
            "votegame_closed", "Sockets that the server closed, by close code.", ["code"], registry=self._registry
        )
        self._requests = Counter(
            "votegame_http_requests",
            "HTTP requests, by route and status.",
            ["route", "status"],
            registry=self._registry,
        )
        self._commit_rows = _Spread("votegame_commit_rows", "Records in a commit.", _ROWS, self._registry)
        self._commit_seconds = _Spread("votegame_commit_seconds", "Time of a commit.", _SECONDS, self._registry)
        self._watch_load()
        self._watch_links()
        self._watch_questions()
        self._begin_at_zero()

    def _watch_load(self) -> None:
        self._lag = _Spread("votegame_loop_lag_seconds", "How late the event loop is.", _SECONDS, self._registry)
        self._lasting_lag = Gauge(
            "votegame_loop_lag_lasting_seconds",
            "How late half of the beats of some seconds were, at the least: what OVERLOAD_LAG_SECONDS bounds.",
            registry=self._registry,
        )
        self._commit_age = Gauge(
            "votegame_commit_age_seconds",
            "For how long the oldest record has waited for its commit: what OVERLOAD_COMMIT_SECONDS bounds.",
            registry=self._registry,
        )
        self._overload = Gauge(
            "votegame_overload_level",
            "0 when everybody is let in; up to 3, the more are turned away.",
            registry=self._registry,
        )
        self._turned_away = Counter(
            "votegame_turned_away",
            "Newcomers who were turned away since there was too much to do, by door.",
            ["door"],
            registry=self._registry,
        )

    def _watch_links(self) -> None:
        self._redis_away = Gauge(
            "votegame_redis_away", "1 while the Redis of REDIS_URL cannot be had.", registry=self._registry
        )
        self._forwarded = Counter(
            "votegame_forwarded", "Commands that were forwarded to another node.", registry=self._registry
        )
        self._link_messages = Counter(
            "votegame_link_messages",
            "Messages between nodes: sent, received, lost (which are asked for again), refused (not from a node, or "
            "too large for one).",
            ["fate"],
            registry=self._registry,
        )

    def _watch_questions(self) -> None:
        self._drawn = Counter(
            "votegame_questions_drawn",
            "Questions that rooms drew: from the stock, from the bank, or none.",
            ["source"],
            registry=self._registry,
        )
        self._made = Counter(
            "votegame_questions_made",
            "Questions that a model made: kept, or why not.",
            ["fate"],
            registry=self._registry,
        )
        self._gaps = Counter(
            "votegame_question_gaps", "Stocks that were low, by what became of it.", ["fate"], registry=self._registry
        )
        self._model_calls = Counter(
            "votegame_model_calls", "Calls of the model, by outcome.", ["outcome"], registry=self._registry
        )
        self._model_tokens = Counter(
            "votegame_model_tokens", "Tokens that the provider counted for this node.", registry=self._registry
        )
        self._model_open = Gauge(
            "votegame_model_breaker_open",
            "1 while no model is asked for questions, after failures.",
            registry=self._registry,
        )
        self._budget_left = Gauge(
            "votegame_model_budget_left",
            "What all nodes together may still spend, of calls and tokens, in this hour and day.",
            ["of"],
            registry=self._registry,
        )

    def _begin_at_zero(self) -> None:
        """Show what may one day happen: a count that first appears as 1 has, for Prometheus, not risen."""
        for code in ErrorCode:
            self._refused[code] += 0
            self._turns[code] += 0
        for close_code in CloseCode:
            self._closed.labels(str(int(close_code)))
        for fate in ("sent", "received", "lost", "refused"):
            self._link_messages.labels(fate)
        for source in ("stock", "bank", "none"):
            self._drawn.labels(source)
        for door in ("rooms", "accounts", "strangers", "users", "joins"):
            self._turned_away.labels(door)

    def connections(self, count: int) -> None:
        """How many connections there are now."""
        self._connections.set(count)

    def look_at(
        self,
        *,
        rooms: Callable[[], int],
        is_lease_valid: Callable[[], bool],
        is_redis_away: Callable[[], bool],
        lasting_lag: Callable[[], float],
        commit_age: Callable[[], float],
        overload_level: Callable[[], int],
    ) -> None:
        """Ask these, whenever somebody looks, for what is true then.

        Args:
            rooms: How many rooms are in memory.
            is_lease_valid: Whether this node may speak for its rooms.
            is_redis_away: Whether the nodes cannot hear of each other.
            lasting_lag: What the doors are shut by, in seconds.
            commit_age: Likewise.
            overload_level: How many of the doors are shut.
        """
        self._rooms.set_function(rooms)
        self._lease.set_function(is_lease_valid)
        self._redis_away.set_function(is_redis_away)
        self._lasting_lag.set_function(lasting_lag)
        self._commit_age.set_function(commit_age)
        self._overload.set_function(overload_level)

    def command(self, name: str) -> None:
        """A valid command came; `name` is its type."""
        self._commands[name] += 1

    def refused(self, code: ErrorCode) -> None:
        """The gateway itself answered with an error."""
        self._refused[code] += 1

    def replied(self, seconds: float) -> None:
        """A command that needs a room got its reply after this long."""
        self._reply_seconds.observe(seconds)

    def missed_room(self) -> None:
        """A command named a room that is not there."""
        self._missed_rooms.inc()

    def closed(self, close_code: int) -> None:
        """The gateway closed a connection."""
        self._closed.labels(str(close_code)).inc()

    def request(self, route: str, status: int) -> None:
        """An HTTP request was answered; `route` is the pattern of its path."""
        self._requests.labels(route, str(status)).inc()

    def turn(self, outcome: str) -> None:
        """A room decided a command: `ok`, or the code of its refusal."""
        self._turns[outcome] += 1

    def commit(self, rows: int, seconds: float) -> None:
        """The journal committed."""
        self._commit_rows.observe(rows)
        self._commit_seconds.observe(seconds)

    def forwarded(self) -> None:
        """A command was forwarded to the node that owns its room."""
        self._forwarded.inc()

    def link_messages(self, fate: str, count: int) -> None:
        """So many messages between nodes were `sent`, `received`, `lost` or `refused`."""
        self._link_messages.labels(fate).inc(count)

    def question_drawn(self, source: str) -> None:
        """A room drew a question from the `stock` or the `bank`, or got `none`."""
        self._drawn.labels(source).inc()

    def question_made(self, fate: str, count: int = 1) -> None:
        """So many questions that a model made were `kept`, or refused for the reason that `fate` names."""
        self._made.labels(fate).inc(count)

    def gap(self, fate: str, count: int = 1) -> None:
        """A stock was low, and this became of it."""
        self._gaps.labels(fate).inc(count)

    def model_call(self, outcome: str, count: int = 1) -> None:
        """A call of the model ended: `ok`, or the kind of its failure."""
        self._model_calls.labels(outcome).inc(count)

    def model_tokens(self, count: int) -> None:
        """The provider counted so many tokens for a call."""
        self._model_tokens.inc(count)

    def model_breaker(self, is_open: bool) -> None:  # noqa: FBT001 - a breaker tells it by position
        """Whether the model is left alone."""
        self._model_open.set(is_open)

    def model_budget(self, left: Mapping[str, int]) -> None:
        """What all nodes may still spend, by `calls_hour` and so on."""
        for name, count in left.items():
            self._budget_left.labels(name).set(count)

    def loop_lag(self, seconds: float) -> None:
        """A wake-up came this much too late."""
        self._lag.observe(seconds)

    def turned_away(self, door: str) -> None:
        """Somebody was turned away at a door that is shut."""
        self._turned_away.labels(door).inc()

    def rendered(self) -> bytes:
        """All of it, in the text format of Prometheus."""
        for counts in (self._commands, self._turns, self._refused):
            counts.settle()
        return generate_latest(self._registry)
