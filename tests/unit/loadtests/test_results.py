"""The page of results says what was measured, on what, how busy that was, and what went wrong."""

import pytest

from loadtests.bench import results
from loadtests.bench.machine import machine
from loadtests.bench.outputs import write_csv, write_json
from loadtests.bench.slices import Slice

SLICES = [
    Slice(server, "burst", 1, 1.0, 1.0, 1_000, 9_000, cpu_ns, 0, 0.001, 0.002, 0, 0.0, ())
    for server, cpu_ns in (("floor", 5 * 10**7), ("votegame", 10**8))
]


@pytest.fixture
def folder(tmp_path):
    told = {"part": "bench", "machine": machine(), "commit": "abc1234+", "rounds": 9, "wrong": 1, "failure": None}
    busy = {"time": "2026-01-01 00:00:00 UTC", "load_average": (6.5, 1.0, 1.0), "call_ns": 71.5, "send_us": 4.25}
    write_json(tmp_path / "bench.run.json", told | {"before": busy, "after": busy | {"call_ns": 43.0}})
    run = {"plan": {"rounds": 9, "seconds": 1.0}, "commits": {"votegame": "abc1234+"}, "bases": ["floor"]}
    run |= {"complaints": ["votegame at burst, round 3: a hole"], "slices": [one._asdict() for one in SLICES]}
    write_json(tmp_path / "bench.json", run)
    write_csv(tmp_path / "memory.csv", [{"server": "votegame", "connections": 10_000, "kb_per_connection": 17.5}])
    (tmp_path / "capacity.md").write_text("# Capacity\n\n## What players need\n", encoding="utf-8")
    return tmp_path


def test_the_page_has_machine_commit_load_and_what_went_wrong(folder):
    page = results.page(folder)
    assert "abc1234+" in page
    assert "| 6.5 1.0 1.0, 6.5 1.0 1.0 | 71.5, 43 | 4.25, 4.25 |" in page
    assert "- votegame at burst, round 3: a hole" in page


def test_the_page_has_ratios_curves_and_capacity_each_once(folder):
    page = results.page(folder)
    assert page.count("| votegame / floor | 2.00 (2.00-2.00) |") == 1
    assert "| votegame | 10000 | 17.5 |" in page
    assert "\n## Capacity\n\n### What players need\n" in page


def test_parts_that_were_not_measured_are_left_out(tmp_path):
    assert results.page(tmp_path).count("##") == 0
