"""The prose in `protocol/v1.md` shows the example files as they are, and tables that agree with the registries."""

import json
import re
from pathlib import Path

from votegame.game.commands import AnyCommand
from votegame.ids import CODE_ALPHABET
from votegame.web.auth_views import AuthViews
from votegame.web.room_views import RoomViews

PROTOCOL = Path(__file__).parents[2] / "protocol"
V1 = (PROTOCOL / "v1.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"<!-- example: ([\w.]+) -->\n```json\n(.*?)\n```", re.DOTALL)
SHOWN = {name: json.loads(text) for name, text in BLOCK.findall(V1)}


def load(name: str):
    return json.loads((PROTOCOL / name).read_text(encoding="utf-8"))


def chapter(title: str) -> str:
    return re.split(r"^### ", V1.split(f"\n### {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def rows(title: str) -> dict[str, list[str]]:
    """The table of a chapter: its cells by what stands in the first one."""
    lines = [line for line in chapter(title).splitlines() if line.startswith("|")][2:]
    cells = [[bare(cell.strip()) for cell in line.strip("|").split("|")] for line in lines]
    return {first: rest for first, *rest in cells}


def bare(cell: str) -> str:
    """`cell` without the ticks around it, if it is all one piece of code."""
    return cell[1:-1] if cell.startswith("`") and cell.find("`", 1) == len(cell) - 1 else cell


def test_every_block_of_json_is_an_example_file():
    assert V1.count("```json") == len(BLOCK.findall(V1))
    assert {name: load(f"examples/{name}.json") for name in SHOWN} == SHOWN


def test_every_example_is_shown_or_linked():
    files = {path.stem for path in (PROTOCOL / "examples").glob("*.json")}
    mentioned = set(SHOWN) | set(re.findall(r"\(examples/([\w.]+)\.json\)", V1 + (PROTOCOL / "README.md").read_text()))

    assert files == mentioned


def test_every_command_is_described():
    for command in AnyCommand.__args__:
        assert f"`{command.__struct_config__.tag}`" in V1


def test_the_table_of_errors_is_the_registry():
    table = rows("Errors")
    registered = load("errors.json")

    assert {
        code: [str(entry["http_status"]), "yes" if entry["retryable"] else "no", entry["client"], entry["meaning"]]
        for code, entry in registered.items()
    } == table


def test_the_table_of_close_codes_is_the_registry():
    registered = load("close_codes.json")
    shown = {code: cells for code, cells in rows("Close codes").items() if not code.startswith("other")}

    assert {
        code: [entry["meaning"], entry["come_back"], entry["client"]] for code, entry in registered["codes"].items()
    } == shown


def test_the_table_of_limits_is_the_registry():
    assert {
        name: [str(entry["default"]), entry["unit"], entry["meaning"]] for name, entry in load("limits.json").items()
    } == rows("Limits")


def test_the_table_of_settings_is_the_registry():
    table = rows("Settings")
    registered = load("settings.json")

    assert list(table) == list(registered)
    for name, entry in registered.items():
        default, _, meaning = table[name]
        assert (json.loads(default), meaning) == (entry["default"], entry["meaning"])


def test_the_alphabet_of_room_codes_is_the_one_in_use():
    assert f"`{CODE_ALPHABET}`" in V1


def test_links_lead_somewhere():
    for source in PROTOCOL.glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+?)(?:#[\w-]*)?\)", source.read_text(encoding="utf-8")):
            assert (PROTOCOL / target).exists(), (source.name, target)


def test_there_is_no_program_in_the_specification():
    assert {path.suffix for path in PROTOCOL.rglob("*") if path.is_file()} == {".md", ".json"}


def documented(path: str) -> str:
    """A path as readers see it, without what a name in it may look like."""
    return re.sub(r":[^}]+", "", path)


def test_every_call_is_described():
    calls = {f"{method} {path}" for method, path in re.findall(r"`(GET|POST|PATCH|DELETE) (/api/[^` ]+)`", V1)}
    views = [AuthViews(*[None] * 4), RoomViews(*[None] * 5)]
    assert calls == {f"{route.method} {documented(route.path)}" for view in views for route in view.routes()}
