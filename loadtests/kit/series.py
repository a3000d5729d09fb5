"""The figures of each second of a run, kept by the process that leads it: what users felt, and what servers say."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import gevent
from geventhttpclient import HTTPClient
from geventhttpclient.response import HTTPParseError

from loadtests.kit import server_watch
from loadtests.kit.clock import now
from loadtests.kit.plots import Mark, Row
from loadtests.kit.server_watch import Scrape
from loadtests.kit.tally import Tally

_SECONDS: Final = 5.0
_SMOOTHED: Final = 3
"""Percentiles are those of so many seconds: in one there are too few replies."""
_SETTLED_SHARE: Final = 0.2
"""Memory is compared with what it is a fifth into the run, when all are there."""


class Nodes:
    """The servers' own figures."""

    def __init__(self, urls: Sequence[str], token: str) -> None:
        self._urls = urls
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._last: dict[str, Scrape] = {}

    def looked_at(self) -> dict[str, float | None]:
        """What happened since the last look. A node that does not answer is left out."""
        jobs = {url: gevent.spawn(self._scraped, url) for url in self._urls}
        gevent.joinall(list(jobs.values()), timeout=_SECONDS)
        new = {url: job.value for url, job in jobs.items() if job.successful() and job.value is not None}
        pairs = [(self._last[url], scrape) for url, scrape in new.items() if url in self._last]
        self._last = new
        return server_watch.between(pairs)

    def _scraped(self, url: str) -> Scrape | None:
        parts = urlsplit(url)
        try:
            client = HTTPClient.from_url(url, connection_timeout=_SECONDS, network_timeout=_SECONDS)
            answer = client.get(parts.path or "/metrics", headers=self._headers)
            text = bytes(answer.read()).decode()
            client.close()
        except (OSError, HTTPParseError):
            return None
        return server_watch.parsed(text, now()) if answer.status_code == 200 else None


class Series:
    """All seconds so far, and everything that was counted in them."""

    def __init__(self, nodes: Nodes) -> None:
        self.rows: list[Row] = []
        self.marks: list[Mark] = []
        self.tally = Tally()
        self._nodes = nodes
        self._began = now()
        self._last = now()
        self._new = Tally()
        self._recent: list[Tally] = []

    def hear(self, tally: Tally) -> None:
        """What a process has counted."""
        self.tally.merge(tally)
        self._new.merge(tally)

    def mark(self, what: str) -> None:
        """Something happens now that one should see in the plots."""
        self.marks.append(Mark(round(now() - self._began, 1), what))

    def tick(self, users: int, *, is_ending: bool) -> None:
        """A second is over, in which games began, or came to their end only."""
        servers = self._nodes.looked_at()
        moment = now()
        seconds, self._last = max(moment - self._last, 0.001), moment
        new, self._new = self._new, Tally()
        self._recent = [*self._recent[1 - _SMOOTHED :], new]
        recent = Tally()
        for tally in self._recent:
            recent.merge(tally)
        counts = new.counts
        self.rows.append(
            {
                "seconds": round(moment - self._began, 1),
                "users": users,
                "ending": float(is_ending),
                "planned": counts["due"] / seconds,
                "sent": (counts["on_time"] + counts["late"]) / seconds,
                "frames_sent": counts["frames_sent"] / seconds,
                "frames_received": counts["frames_received"] / seconds,
                **{f"p{share}_ms": recent.replies.percentile(share / 100) for share in (50, 95, 99)},
                **{f"event_p{share}_ms": recent.events.percentile(share / 100) for share in (50, 95, 99)},
                "generator_lag_p99_ms": recent.lag.percentile(0.99),
                **servers,
            }
        )

    def recent_p99_ms(self, seconds: float) -> float | None:
        """The median of the p99 of the last so many seconds."""
        since = now() - self._began - seconds
        known = sorted(row["p99_ms"] for row in self.rows if row["p99_ms"] is not None and row["seconds"] >= since)  # type: ignore[operator]
        return known[len(known) // 2] if known else None

    @property
    def memory_growth_share(self) -> float | None:
        """How much the largest node has grown since a fifth into the run; None when nothing is known of it."""
        known = [row["server_memory_mb"] for row in self.rows if row.get("server_memory_mb")]
        if not known:
            return None
        settled = known[int(len(known) * _SETTLED_SHARE)]
        tail = sorted(known[-max(1, len(known) // 20) :])  # type: ignore[type-var]
        return tail[len(tail) // 2] / settled - 1  # type: ignore[operator]

    def write(self, path: Path) -> None:
        """All rows, as CSV."""
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names, restval="")
            writer.writeheader()
            writer.writerows(
                {name: "" if value is None else round(value, 3) for name, value in row.items()} for row in self.rows
            )
