"""README, `.env.example` and the rest at the top of the project agree with each other and with what is there."""

import re
from pathlib import Path

import pytest

from votegame.gateway.sweep import PING_SECONDS
from votegame.settings import Settings, documented

ROOT = Path(__file__).parents[2]
FOREIGN_VARIABLES = {"RAILWAY_DEPLOYMENT_DRAINING_SECONDS"}
DOCUMENTS = (
    "README.md",
    "DEPLOYMENT.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "tests/invariants.md",
    "tests/promises.md",
)

MOST_BYTES = 600_000
"""Of all pictures: whoever clones the project gets every version of them."""


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def settings_table() -> list[tuple[str, str, str]]:
    """Name, default and meaning of each variable, as README tells them."""
    table = text("README.md").split("<!-- settings -->")[1].split("<!-- /settings -->")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| `")]
    return [(name.strip("` "), default.strip("` "), meaning.strip()) for name, default, meaning in rows]


def test_the_example_of_an_environment_has_every_variable_and_its_default():
    lines = re.findall(r"^# (\w+)=(.*)$", text(".env.example"), re.MULTILINE)

    assert lines == [(name, default) for name, default, _ in documented()]


def test_nothing_is_set_by_the_example_of_an_environment():
    assert [line for line in text(".env.example").splitlines() if line and not line.startswith("#")] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)#:]+?)(?:#[\w-]*)?\)", text(name)):
        assert ((ROOT / name).parent / target).exists(), target


def test_pictures_are_there_in_light_and_in_dark_and_small():
    shown = re.findall(r'src(?:set)?="(screenshots/[\w-]+\.png)"', text("README.md"))

    assert sorted(shown) == sorted(f"screenshots/{path.name}" for path in (ROOT / "screenshots").iterdir())
    assert [each for each in shown if each.replace("-light", "-dark") not in shown] == []
    assert sum((ROOT / each).stat().st_size for each in shown) < MOST_BYTES


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_folders_and_files_that_are_named_exist(name):
    named = set(re.findall(r"`((?:votegame|protocol|sql)/[\w./-]+|tests/[\w/-]+\.\w+)`", text(name)))

    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_the_table_of_settings_is_what_the_settings_document():
    assert settings_table() == list(documented())


@pytest.mark.parametrize("name", ["README.md", "DEPLOYMENT.md", "SECURITY.md"])
def test_variables_that_are_named_exist(name):
    named = set(re.findall(r"\b[A-Z]{2,}(?:_[A-Z]+)+\b", text(name)))

    assert named - {name for name, _, _ in documented()} - FOREIGN_VARIABLES == set()


def number(pattern: str) -> int:
    """The number that DEPLOYMENT.md has where `pattern` has its group."""
    (found,) = re.findall(pattern, text("DEPLOYMENT.md"))
    return int(found)


def test_a_proxy_waits_for_longer_than_the_pings_take():
    assert number(r"pings each WebSocket every (\d+) s") == PING_SECONDS
    assert number(r"proxy_read_timeout (\d+)s;") > 2 * PING_SECONDS


def test_a_proxy_takes_more_than_the_server_does():
    sizes = number(r"client_max_body_size (\d+)k;"), number(r"max_size (\d+)KB")
    assert all(size * 1000 > Settings().frame_bytes for size in sizes)


def test_files_are_enough_for_all_connections():
    assert number(r"LimitNOFILE=(\d+)") > Settings().max_connections * 1.5 + 1000
