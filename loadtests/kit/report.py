"""What is told of a run: on the terminal, and in its folder."""

import json
from pathlib import Path
from typing import Any

from loadtests.kit.folder import PAGE, SERIES, VERDICT
from loadtests.kit.page import page
from loadtests.kit.series import Series
from loadtests.kit.thresholds import Summary, Timing

_HEAD = ("name", "count", "failures", "p50 ms", "p95 ms", "p99 ms")


def timings_of(stats: Any) -> list[Timing]:
    """What Locust knows of each name."""
    return [
        Timing(
            name=f"{entry.method} {entry.name}",
            count=entry.num_requests,
            failures=entry.num_failures,
            p50_ms=entry.get_response_time_percentile(0.5) or 0,
            p95_ms=entry.get_response_time_percentile(0.95) or 0,
            p99_ms=entry.get_response_time_percentile(0.99) or 0,
        )
        for entry in sorted(stats.entries.values(), key=lambda each: (each.method, each.name))
    ]


def facts_of(summary: Summary, notes: list[str]) -> str:
    """What one wants to know first."""
    tally = summary.tally
    counts = tally.counts
    lag = tally.lag.percentile(0.99)
    lines = [
        f"games: {counts['finished']} finished, {counts['failed']} failed, {counts['cut']} cut off by the end",
        f"planned: {counts['planned']}; on time {counts['on_time']} ({tally.sent_share:.1%}), late {counts['late']}",
        f"never sent: {counts['missed']}; sent again: {counts['commands_repeated']}",
        *([f"refused as too many: {counts['rate_limited']}; is RATE_LIMITS off?"] if counts["rate_limited"] else []),
        *([f"without a reply when the run ended: {counts['open']}"] if counts["open"] else []),
        f"connects that failed: {counts['connects_failed']}",
        f"frames: {counts['frames_sent']} sent, {counts['frames_received']} received",
        f"deviations: {counts['deviations']}",
        f"generator: {'?' if lag is None else f'{lag:.0f}'} ms late (p99)",
        *notes,
        *(f"a game failed {times} times: {why}" for why, times in tally.failures.most_common(10)),
        *(f"DEVIATION {what}" for what in tally.deviations),
    ]
    return "\n".join(lines)


def write(folder: Path, title: str, verdict: list[str], facts: str, summary: Summary, series: Series) -> None:
    """The page, the figures of each second, and the verdict for machines."""
    folder.mkdir(parents=True, exist_ok=True)
    table = [_HEAD, *(_line(timing) for timing in summary.timings)]
    text = page(title, verdict, facts, table, series.rows, series.marks)
    (folder / PAGE).write_text(text, encoding="utf-8")
    series.write(folder / SERIES)
    told = {
        "verdict": verdict,
        "counts": dict(summary.tally.counts),
        "sent_share": summary.tally.sent_share,
        "deviations": summary.tally.deviations,
        "failures": dict(summary.tally.failures),
    }
    (folder / VERDICT).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def _line(timing: Timing) -> tuple[str, ...]:
    return (
        timing.name,
        str(timing.count),
        str(timing.failures),
        *(f"{value:.0f}" for value in (timing.p50_ms, timing.p95_ms, timing.p99_ms)),
    )
