"""Plots as SVG, drawn here, so that a page of them needs no other file, network or package."""

import html
import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

Row = Mapping[str, float | None]
"""The figures of a second."""

_WIDTH: Final = 560
_HEIGHT: Final = 200
_LEFT: Final = 52
_RIGHT: Final = 44
_TOP: Final = 34
_BOTTOM: Final = 26
_PLOT: Final = _WIDTH - _LEFT - _RIGHT
_QUARTERS: Final = 4
_COLOURS: Final = ("#1b6ca8", "#d1852b", "#b3263a", "#4b8b3b")
_STEPS: Final = (1.0, 1.2, 1.6, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0)


class Panel(NamedTuple):
    """One plot: which figures of a row, under which names, and their unit."""

    title: str
    unit: str
    lines: Mapping[str, str]


class _Scales(NamedTuple):
    """What the ends of the axes stand for."""

    x: float
    y: float
    users: float

    def place(self, x: float, share: float) -> str:
        """A point, `share` of the way up."""
        return f"{_LEFT + _PLOT * x / self.x:.1f},{_level(share):.1f}"


class Mark(NamedTuple):
    """Something that was done to the servers, or to the run, so many seconds into it."""

    seconds: float
    what: str


def over_time(panel: Panel, rows: Sequence[Row], marks: Sequence[Mark] = ()) -> str:
    """A plot against seconds, with the number of users in the background, and a line up for each mark."""
    return _plot(panel, rows, ("seconds", "s"), marks, with_users=True)


def over_users(panel: Panel, rows: Sequence[Row]) -> str:
    """A plot against the number of users."""
    return _plot(panel, rows, ("users", "users"), (), with_users=False)


def _plot(panel: Panel, rows: Sequence[Row], axis: tuple[str, str], marks: Sequence[Mark], *, with_users: bool) -> str:
    x, x_unit = axis
    known = [value for row in rows for name in panel.lines if (value := row.get(name)) is not None]
    scales = _Scales(
        x=nice(max((row.get(x) or 0.0 for row in rows), default=1.0)),
        y=nice(max(known, default=1.0)),
        users=nice(max((row.get("users") or 0.0 for row in rows), default=1.0)),
    )
    parts = [f'<text class="title" x="{_LEFT}" y="13">{html.escape(panel.title)} ({html.escape(panel.unit)})</text>']
    if with_users and rows:
        parts.append(_users(rows, scales))
    parts += _axes(scales, x_unit, with_users=with_users)
    parts += [_mark(mark, scales) for mark in marks]
    for number, (name, label) in enumerate(panel.lines.items()):
        parts += _line(_runs(rows, x, name), scales, _COLOURS[number])
        parts.append(
            f'<text x="{_LEFT + 110 * number}" y="26" style="fill:{_COLOURS[number]}">{html.escape(label)}</text>'
        )
    if not known:
        parts.append(f'<text x="{_WIDTH / 2}" y="{_HEIGHT / 2}" text-anchor="middle">not known</text>')
    label = html.escape(f"{panel.title}, in {panel.unit}, by {x}", quote=True)
    return f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _users(rows: Sequence[Row], scales: _Scales) -> str:
    points = [scales.place(row["seconds"] or 0.0, (row.get("users") or 0.0) / scales.users) for row in rows]
    first, last = rows[0]["seconds"] or 0.0, rows[-1]["seconds"] or 0.0
    outline = " ".join([scales.place(first, 0), *points, scales.place(last, 0)])
    return f'<polygon points="{outline}" fill="#e6e6e6"/>'


def _mark(mark: Mark, scales: _Scales) -> str:
    """A line up, with its name where a pointer rests on it."""
    (left, top), (_, bottom) = (scales.place(mark.seconds, share).split(",") for share in (1, 0))
    return (
        f'<line x1="{left}" x2="{left}" y1="{top}" y2="{bottom}" stroke="#555" stroke-dasharray="4 3">'
        f"<title>{html.escape(mark.what)}</title></line>"
    )


def _axes(scales: _Scales, x_unit: str, *, with_users: bool) -> list[str]:
    """Lines across, and what their ends stand for."""
    parts = []
    for quarter in range(_QUARTERS + 1):
        share = quarter / _QUARTERS
        top, left = _level(share), _LEFT + _PLOT * share
        unit = f" {x_unit}" if quarter == _QUARTERS else ""
        parts += [
            f'<line x1="{_LEFT}" x2="{_LEFT + _PLOT}" y1="{top:.1f}" y2="{top:.1f}" stroke="#ccc" stroke-width="0.6"/>',
            f'<text x="{_LEFT - 6}" y="{top + 4:.1f}" text-anchor="end">{shown(scales.y * share)}</text>',
            f'<text x="{left:.0f}" y="{_HEIGHT - 8}" text-anchor="middle">{shown(scales.x * share)}{unit}</text>',
        ]
        if with_users:
            parts.append(f'<text x="{_LEFT + _PLOT + 6}" y="{top + 4:.1f}">{shown(scales.users * share)}</text>')
    return parts


def _line(runs: Sequence[Sequence[tuple[float, float]]], scales: _Scales, colour: str) -> list[str]:
    """A line for each stretch, a dot for one that is a single second."""
    parts = []
    for run in runs:
        points = [scales.place(at, value / scales.y) for at, value in run]
        if len(points) > 1:
            line = " ".join(points)
            parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        else:
            left, top = points[0].split(",")
            parts.append(f'<circle cx="{left}" cy="{top}" r="2" fill="{colour}"/>')
    return parts


def _runs(rows: Sequence[Row], x: str, name: str) -> list[list[tuple[float, float]]]:
    """The stretches in which a figure is known."""
    runs: list[list[tuple[float, float]]] = [[]]
    for row in rows:
        value = row.get(name)
        if value is None:
            runs.append([])
        else:
            runs[-1].append((row.get(x) or 0.0, value))
    return [run for run in runs if run]


def _level(share: float) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * share


def nice(most: float) -> float:
    """The next number up that quarters well."""
    if most <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in _STEPS if step * power >= most * 0.9999)


def shown(value: float) -> str:
    """A number as one reads it on a scale."""
    if value >= 10_000:
        return f"{value / 1000:g}k"
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"
