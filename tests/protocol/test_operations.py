"""What operators are told, held to what there is."""

import re

import pytest
from ruamel.yaml import YAML

from tests.serving import ROOT
from votegame.metrics import Metrics


@pytest.fixture(scope="module")
def metrics() -> set[str]:
    """The names under which metrics are kept, with the endings that Prometheus gives them."""
    shown = Metrics().rendered().decode()
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", shown, re.MULTILINE))
    buckets = {f"{name}_bucket" for name, kind in kinds.items() if kind == "histogram"}
    return {*kinds, *buckets, *(f"{name}_total" for name, kind in kinds.items() if kind == "counter")}


def test_every_metric_of_the_page_exists(metrics):
    told = set(re.findall(r"`(votegame_\w+)`", (ROOT / "OPERATIONS.md").read_text()))
    assert told
    assert told <= metrics


def test_every_metric_of_an_alert_exists_and_each_says_what_to_do(metrics):
    rules = YAML(typ="safe").load((ROOT / "deploy" / "alerts.yml").read_text())["groups"][0]["rules"]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        named = set(re.findall(r"votegame_\w+", rule["expr"]))
        assert named
        assert named <= metrics
        assert rule["annotations"].keys() == {"summary", "action"}


def test_every_line_of_the_log_that_the_page_explains_is_written_somewhere():
    page = (ROOT / "OPERATIONS.md").read_text().split("| event | meaning |")[1]
    sources = "\n".join(path.read_text() for path in (ROOT / "votegame").rglob("*.py"))
    lines = [
        event for row in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE) for event in re.findall(r"`([^`]+)`", row)
    ]
    assert len(lines) >= 7
    assert [line for line in lines if line not in sources] == []
