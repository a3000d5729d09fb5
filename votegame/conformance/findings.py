"""What came of playing a story."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

Outcome = Literal["passed", "differs", "skipped", "unchecked", "unfinished"]
"""`unchecked`: what it is about did not show, and need not have; `unfinished`: a limit of the server's is spent,
or it had an outage of its own."""


class Finding(Struct, frozen=True, omit_defaults=True):
    """Something that is not as it must be.

    Attributes:
        step: The number of the step, from 1; 0 when it is about the whole story.
        actor: Who saw it.
        note: What the transcript says of the step.
        expected: What should have come.
        came: What came.
        differences: What is wrong, in words.
    """

    step: int
    actor: str
    note: str
    expected: str
    came: str
    differences: Sequence[str]


class StoppedError(Exception):
    """The story cannot go on; there is a finding that says why."""


class Result(Struct, frozen=True, omit_defaults=True):
    """What came of one story.

    Attributes:
        name: Its name.
        title: Its title.
        outcome: What came of it.
        reason: Why it was skipped, or could not be judged.
        findings: What is not as it must be.
        seconds: How long it took.
    """

    name: str
    title: str
    outcome: Outcome
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0
