import pytest

from loadtests.bench.__main__ import parser
from loadtests.bench.run import complaints
from loadtests.bench.slices import Slice

RIGHT = Slice("votegame", "500", 1, 1.0, 1.05, 495, 4_455, 10**8, 0, 0.001, 0.002, 500, 0.0001, ())


def test_a_slice_that_is_right_and_reached_is_no_complaint():
    assert complaints([RIGHT]) == []


def test_less_than_95_percent_of_what_was_planned_is_a_complaint():
    assert "only 94% of the planned rate" in complaints([RIGHT._replace(commands=470)])[0]


def test_commands_that_took_much_longer_than_they_were_planned_for_are_a_complaint():
    assert "only 55% of the planned rate" in complaints([RIGHT._replace(commands=500, elapsed=2.0)])[0]


def test_a_closed_loop_has_no_planned_rate():
    assert complaints([RIGHT._replace(load="burst", planned=0, elapsed=3.0)]) == []


def test_where_nothing_came_through_or_was_measured_nothing_is_right():
    assert complaints([]) == ["nothing was measured"]
    (complaint,) = complaints([RIGHT._replace(load="burst", planned=0, commands=0)])
    assert "no command came through" in complaint


@pytest.mark.parametrize(
    "slip", ["--loads=foo", "--loads=-5", "--loads=", "--rounds=0", "--seconds=0", "--rooms=0", "--members=1"]
)
def test_options_that_make_no_sense_are_refused_before_anything_is_started(slip, capsys):
    with pytest.raises(SystemExit):
        parser().parse_args([slip])
    assert slip.split("=")[0] in capsys.readouterr().err


def test_what_a_server_did_wrong_is_told_with_where_it_was():
    (complaint,) = complaints([RIGHT._replace(findings=("room 3: a hole",))])
    assert complaint == "votegame at 500, round 1: room 3: a hole"


def test_costs_are_cpu_by_commands_and_by_frames():
    assert round(RIGHT.us_per_command) == 202
    assert round(RIGHT.us_per_delivery, 1) == 22.4
