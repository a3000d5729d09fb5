"""The registries in `protocol/` say what the code does, and the code does what they say."""

import json
from pathlib import Path
from typing import get_args

import msgspec

from votegame.errors import ErrorCode
from votegame.game.room_settings import RoomSettings, SettingsPatch
from votegame.wire.close_codes import CLOSE_TABLE, CloseCode, come_back
from votegame.wire.errors import ERROR_TABLE, Remedy
from votegame.wire.limits import Limits
from votegame.wire.text import QUESTION_CHARS, TOPIC_CHARS

PROTOCOL = Path(__file__).parents[2] / "protocol"


def registry(name: str) -> dict:
    return json.loads((PROTOCOL / name).read_text(encoding="utf-8"))


def test_every_error_code_is_registered_and_no_other():
    assert set(registry("errors.json")) == {str(code) for code in ErrorCode}


def test_errors_have_the_registered_status_and_remedy():
    for code, entry in registry("errors.json").items():
        row = ERROR_TABLE[ErrorCode(code)]
        assert (entry["http_status"], entry["retryable"], entry["client"]) == (row.status, row.retryable, row.remedy)
        assert entry["client"] in get_args(Remedy)
        assert entry["meaning"].endswith(".")


def test_every_close_code_is_registered_and_no_other():
    assert {int(code) for code in registry("close_codes.json")["codes"]} == {int(code) for code in CloseCode}


def test_close_codes_say_whether_to_come_back():
    for code, entry in registry("close_codes.json")["codes"].items():
        assert entry["come_back"] == CLOSE_TABLE[CloseCode(int(code))].come_back
        assert entry["meaning"].endswith(".")


def test_unknown_close_codes_go_by_their_range():
    unknown = registry("close_codes.json")["unknown"]

    assert unknown["44xx"]["come_back"] == come_back(4499)
    assert unknown["45xx"]["come_back"] == come_back(4599)


def test_limits_are_those_of_welcome_with_their_defaults():
    defaults = {name: entry["default"] for name, entry in registry("limits.json").items()}

    assert defaults == msgspec.to_builtins(Limits())
    assert all(entry["unit"] and entry["meaning"] for entry in registry("limits.json").values())


def test_settings_are_those_of_a_room_with_their_defaults():
    defaults = {name: entry["default"] for name, entry in registry("settings.json").items()}

    assert defaults == {**msgspec.to_builtins(RoomSettings()), "questions": []}


def decodes(name: str, value) -> bool:
    try:
        msgspec.convert({name: value}, SettingsPatch)
    except msgspec.ValidationError:
        return False
    return True


def test_settings_take_the_registered_values():
    for name, entry in registry("settings.json").items():
        for value in entry.get("values", []) + entry.get("also", []) + [entry["default"]]:
            assert decodes(name, value), (name, value)


def test_bounds_of_settings_are_those_registered():
    entries = registry("settings.json")
    for name in ("total_rounds", "answer_seconds", "vote_seconds", "max_players", "results_seconds"):
        assert decodes(name, entries[name]["minimum"]), name
        assert decodes(name, entries[name]["maximum"]), name
    for name in ("total_rounds", "answer_seconds", "vote_seconds"):
        assert not decodes(name, entries[name]["minimum"] - 1), name
        assert not decodes(name, entries[name]["maximum"] + 1), name
    assert not decodes("max_players", entries["max_players"]["minimum"] - 1)
    assert not decodes("results_seconds", entries["results_seconds"]["maximum"] + 1)
    assert entries["max_players"]["maximum"] == Limits().max_players
    assert entries["topic"]["max_chars"] == TOPIC_CHARS
    assert entries["questions"]["max_chars"] == QUESTION_CHARS
    assert decodes("questions", ["?"] * entries["questions"]["max_items"])
    assert not decodes("questions", ["?"] * (entries["questions"]["max_items"] + 1))
    assert decodes("language", "en-" + "abcdefgh-" * 3 + "abcde")
    assert len("en-" + "abcdefgh-" * 3 + "abcde") == entries["language"]["max_chars"]


def test_choices_of_settings_are_those_registered():
    for name, entry in registry("settings.json").items():
        if "values" in entry:
            assert not decodes(name, "surely not one of them")
            assert set(entry["values"]) == choices(name)


def choices(name: str) -> set[str]:
    info = next(field for field in msgspec.inspect.type_info(RoomSettings).fields if field.name == name)
    return set(info.type.values)
