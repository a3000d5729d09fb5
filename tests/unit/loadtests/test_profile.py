"""What a profile says of the stacks that were seen."""

import xml.etree.ElementTree as ET

import pytest

from loadtests.bench.profile import flame_graph, report, stacks_in

SVG = "{http://www.w3.org/2000/svg}"
SEEN = """\
run (loop.py:1);take (actor.py:5);decide (rules.py:9) 30
run (loop.py:1);take (actor.py:5);decide (rules.py:9);decide (rules.py:9) 10
run (loop.py:1);take (actor.py:5) 20
run (loop.py:1);<genexpr> (codec.py:2) 40
"""


def lines_of(table: str) -> dict[str, tuple[float, float]]:
    rows = [line.split(maxsplit=2) for line in table.splitlines()[2:]]
    return {name: (float(own), float(whole)) for own, whole, name in rows}


def test_a_function_is_counted_once_for_each_look_however_often_it_is_in_the_stack():
    said, by_themselves, with_callees = report(stacks_in(SEEN), 10).split("\n\n")
    assert said.startswith("100 looks")
    own = {
        "decide (rules.py:9)": (40.0, 40.0),
        "<genexpr> (codec.py:2)": (40.0, 40.0),
        "take (actor.py:5)": (20.0, 60.0),
    }
    assert lines_of(f"\n{by_themselves}") == own
    # In the order of what counts there, without what is in all of them.
    assert next(iter(lines_of(f"\n{with_callees}"))) == "take (actor.py:5)"
    assert lines_of(f"\n{with_callees}") == own


def test_only_as_many_functions_are_told_as_were_asked_for():
    assert report(stacks_in(SEEN), 1).count("(") == 2


def test_each_box_of_a_flame_graph_stands_upon_its_caller_and_is_as_wide_as_its_share():
    drawn = ET.fromstring(flame_graph(stacks_in(SEEN)))
    boxes = {group.find(f"{SVG}title").text: group.find(f"{SVG}rect").attrib for group in drawn}
    place = {name: (float(box["x"]), float(box["width"]), float(box["y"])) for name, box in boxes.items()}
    assert place.keys() == {
        "run (loop.py:1): 100.0 %",
        "take (actor.py:5): 60.0 %",
        "<genexpr> (codec.py:2): 40.0 %",
        "decide (rules.py:9): 10.0 %",
        "decide (rules.py:9): 40.0 %",
    }
    below, take = place["run (loop.py:1): 100.0 %"], place["take (actor.py:5): 60.0 %"]
    other = place["<genexpr> (codec.py:2): 40.0 %"]
    assert take[1] == pytest.approx(0.6 * below[1])
    assert below[2] - take[2] == below[2] - other[2] > 0
    assert {take[0], other[0]} == {below[0], below[0] + min(take[1], other[1])}


def test_nothing_that_was_seen_is_a_report_too():
    assert report({}, 5).startswith("0 looks")
    assert ET.fromstring(flame_graph({})).tag == f"{SVG}svg"
