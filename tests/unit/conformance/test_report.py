"""A result is told so that one sees what differs, and where."""

from votegame.conformance.findings import Finding, Result
from votegame.conformance.report import lines, summary

FINDING = Finding(4, "ada", "The clock stands.", '{"seq": 4}', '{"seq": 5}', ["seq: expected 4, came 5"])
RESULTS = [
    Result("votes", "Votes", "passed"),
    Result("restart", "A restart", "skipped", "nobody restarts it"),
    Result("hosting", "A host", "differs", "", (FINDING,)),
]


def test_a_story_that_passed_or_was_skipped_takes_a_line():
    assert [list(lines(result)) for result in RESULTS[:2]] == [
        ["ok      votes: Votes"],
        ["skip    restart: A restart (nobody restarts it)"],
    ]


def test_what_differs_is_told_with_its_step_its_actor_and_its_note():
    head, place, *rest = lines(RESULTS[2])
    assert head == "DIFFER  hosting: A host"
    assert place.strip() == "step 4, ada: The clock stands."
    assert [line.strip() for line in rest] == [
        'expected  {"seq": 4}',
        'came  {"seq": 5}',
        "->  seq: expected 4, came 5",
    ]


def test_long_frames_are_wrapped_and_cut():
    finding = Finding(0, "", "", "x " * 5_000, "", [])
    told = list(lines(Result("a", "A", "differs", "", (finding,))))
    assert max(map(len, told)) <= 118
    assert len(told) < 20
    assert told[1].strip() == "at the end"


def test_what_could_not_be_judged_is_called_so_with_its_reason_and_counted():
    unjudged = [
        Result("replaced", "One too many", "unchecked", "none was closed"),
        Result("votes", "Votes", "unfinished", "a limit per time is spent"),
    ]
    assert [line for result in unjudged for line in lines(result)] == [
        "?       replaced: One too many (none was closed)",
        "stop    votes: Votes (a limit per time is spent)",
    ]
    told = summary([*RESULTS, *unjudged])
    assert told == "1 passed, 1 differ, 1 skipped, 1 could not be checked, 1 could not be finished."


def test_the_summary_counts():
    assert summary(RESULTS, 3) == "1 passed, 1 differ, 1 skipped. 3 guests were made."
