"""Results, as people read them."""

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from votegame.conformance.findings import Finding, Outcome, Result

_MARKS = {"passed": "ok    ", "differs": "DIFFER", "skipped": "skip  ", "unchecked": "?     ", "unfinished": "stop  "}
_UNJUDGED: Final[Mapping[Outcome, str]] = {
    "unchecked": "could not be checked",
    "unfinished": "could not be finished",
}
_WIDTH = 118
_LONGEST = 1_200


def lines(result: Result) -> Iterator[str]:
    """One story: a line, and what differs."""
    yield f"{_MARKS[result.outcome]}  {result.name}: {result.title}" + (f" ({result.reason})" if result.reason else "")
    for finding in result.findings:
        yield from _of_finding(finding)


def _of_finding(finding: Finding) -> Iterator[str]:
    place = f"step {finding.step}" if finding.step else "at the end"
    who = f", {finding.actor}" if finding.actor else ""
    yield f"          {place}{who}" + (f": {finding.note}" if finding.note else "")
    for name, text in (("expected", finding.expected), ("came", finding.came)):
        if text:
            yield from _wrapped(f"{name:>8}  {text[:_LONGEST]}")
    for difference in finding.differences:
        yield from _wrapped(f"      ->  {difference[:_LONGEST]}")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 18, break_on_hyphens=False)


def summary(results: Sequence[Result], n_guests: int = 0) -> str:
    """The last line."""
    counts = Counter(result.outcome for result in results)
    more = "".join(f", {counts[outcome]} {what}" for outcome, what in _UNJUDGED.items() if counts[outcome])
    guests = f" {n_guests} guests were made." if n_guests else ""
    return f"{counts['passed']} passed, {counts['differs']} differ, {counts['skipped']} skipped{more}.{guests}"
