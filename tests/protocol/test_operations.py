"""What operators are told, held to what there is."""

import ast
import re
import shutil
import subprocess

import pytest
from ruamel.yaml import YAML

from tests.serving import ROOT
from votegame.metrics import Metrics

ALERTS = ROOT / "deploy" / "alerts.yml"


@pytest.fixture(scope="module")
def metrics() -> set[str]:
    """The names under which metrics are kept, with the endings that Prometheus gives them."""
    shown = Metrics().rendered().decode()
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", shown, re.MULTILINE))
    buckets = {f"{name}_bucket" for name, kind in kinds.items() if kind == "histogram"}
    return {*kinds, *buckets}


def test_the_page_tells_every_metric_and_no_other(metrics):
    told = set(re.findall(r"`(votegame_\w+)`", (ROOT / "OPERATIONS.md").read_text()))
    assert told <= metrics
    kept = {name for name in metrics if name.startswith("votegame_") and not name.endswith(("_bucket", "_created"))}
    assert kept - told == set()


def test_every_metric_of_an_alert_exists_and_each_says_what_to_do(metrics):
    rules = YAML(typ="safe").load(ALERTS.read_text())["groups"][0]["rules"]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        # `up` is what Prometheus itself knows of whom it asks.
        named = set(re.findall(r"\b(?:votegame|process)_\w+|\bup\b", rule["expr"]))
        assert named
        assert named <= {*metrics, "up"}
        assert rule["annotations"].keys() == {"summary", "action"}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool, which comes with Prometheus, is not installed")
def test_alerts_are_raised_by_what_they_are_for_and_by_nothing_else(tmp_path):
    histories = (ROOT / "tests" / "protocol" / "alerts_test.yml").read_text()
    (tmp_path / "histories.yml").write_text(f"rule_files: [{ALERTS}]\n{histories}")
    command = ["promtool", "test", "rules", tmp_path / "histories.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


CLIENTS = {"client", "bots"}
"""What of the package runs elsewhere than the server."""


def logged(*methods: str) -> set[str]:
    """The events that the server logs by these methods, wherever."""
    calls = [
        node
        for path in (ROOT / "votegame").rglob("*.py")
        if path.relative_to(ROOT).parts[1] not in CLIENTS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {f"log.{method}" for method in methods}
    ]
    return {call.args[0].value for call in calls}


def test_the_page_explains_every_warning_and_error_of_the_log_and_none_that_is_not_there():
    page = (ROOT / "OPERATIONS.md").read_text().split("| event | meaning |")[1]
    rows = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
    told = {event for row in rows for event in re.findall(r"`([^`]+)`", row)}
    assert logged("warning", "error", "exception") - told == set()
    assert told - logged("info", "warning", "error", "exception") == set()
