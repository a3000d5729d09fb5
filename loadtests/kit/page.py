"""One page of plots of a run, in one file."""

import html
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from loadtests.kit.plots import Mark, Panel, Row, over_time, over_users

PANELS: Final = (
    Panel("Replies to commands, from their planned moment", "ms", {"p50_ms": "p50", "p95_ms": "p95", "p99_ms": "p99"}),
    Panel(
        "Events, from the server's time", "ms", {"event_p50_ms": "p50", "event_p95_ms": "p95", "event_p99_ms": "p99"}
    ),
    Panel("Frames per second", "/s", {"frames_received": "received", "frames_sent": "sent"}),
    Panel("Commands per second", "/s", {"planned": "planned", "sent": "sent"}),
    Panel("Server CPU (busiest node)", "% of a core", {"server_cpu_percent": "CPU"}),
    Panel("Server memory (largest node)", "MB", {"server_memory_mb": "resident"}),
    Panel("Event-loop lag", "ms", {"loop_lag_p99_ms": "server p99", "generator_lag_p99_ms": "generator p99"}),
    Panel("Commit time", "ms", {"commit_p50_ms": "p50", "commit_p99_ms": "p99"}),
    Panel("Commit size", "records", {"commit_rows": "mean"}),
    Panel("Commits per second", "/s", {"commits_per_second": "commits"}),
)
BY_USERS: Final = (PANELS[0], PANELS[2], PANELS[4], PANELS[6])

_STYLE: Final = """
body { font: 14px/1.4 system-ui, sans-serif; margin: 24px; color: #222; max-width: 1180px }
.plots { display: flex; flex-wrap: wrap; gap: 12px }
svg text { font: 11px system-ui, sans-serif; fill: #444 } svg .title { font-weight: 600; font-size: 12px; fill: #222 }
table { border-collapse: collapse } td, th { padding: 2px 12px 2px 0; text-align: right } td:first-child, th:first-child
{ text-align: left } .bad { color: #b3263a } .good { color: #2c6e2c } pre { white-space: pre-wrap }
"""


def page(
    title: str,
    verdict: Sequence[str],
    facts: str,
    table: Sequence[Sequence[str]],
    rows: Sequence[Row],
    marks: Sequence[Mark] = (),
) -> str:
    """The whole page. `verdict` is what is wrong with the run; `table` has its heading first."""
    averaged = _by_users(rows)
    by_time = "\n".join(over_time(panel, rows, marks) for panel in PANELS)
    marked = "; ".join(f"{mark.what} at {mark.seconds:.0f} s" for mark in marks)
    lines = f" Dashed: {html.escape(marked)}." if marks else ""
    by_users = "\n".join(over_users(panel, averaged) for panel in BY_USERS)
    said = (
        f'<ul class="bad">{"".join(f"<li>{html.escape(line)}</li>" for line in verdict)}</ul>'
        if verdict
        else '<p class="good">The run holds: all thresholds are kept, and every game was counted right.</p>'
    )
    head, *body = table
    names = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    cells = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in line)}</tr>" for line in body)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style><h1>{html.escape(title)}</h1>{said}<pre>{html.escape(facts)}</pre>"
        "<h2>Over time</h2><p>Grey: users, by the scale on the right. Percentiles are those of three seconds."
        f'{lines}</p><div class="plots">{by_time}</div>'
        f'<h2>By the number of users</h2><p>Medians of the seconds with so many.</p><div class="plots">{by_users}</div>'
        f"<h2>By name</h2><table><tr>{names}</tr>{cells}</table></html>\n"
    )


def _by_users(rows: Sequence[Row]) -> list[Row]:
    """One row for each number of users, rounded to a fortieth of the most: the median of each figure."""
    most = max((row.get("users") or 0 for row in rows), default=0)
    cell = max(1, math.ceil(most / 40))
    groups: dict[float, list[Row]] = defaultdict(list)
    for row in rows:
        if row.get("users") and not row.get("ending"):
            groups[round((row["users"] or 0) / cell) * cell].append(row)
    names = {name for row in rows for name in row}
    return [
        {**{name: _median(row.get(name) for row in group) for name in names}, "users": users}
        for users, group in sorted(groups.items())
    ]


def _median(values: Iterable[float | None]) -> float | None:
    known = sorted(value for value in values if value is not None)
    return known[len(known) // 2] if known else None
