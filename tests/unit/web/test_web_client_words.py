"""The words of the web client: each that is used is there in each language, with the same places for values."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
STATIC = ROOT / "votegame" / "static"
LANGUAGES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (STATIC / "locales").glob("*.json")}
SOURCES = {path.name: path.read_text(encoding="utf-8") for path in (STATIC / "play").glob("*.js")}
SETTINGS = json.loads((ROOT / "protocol" / "settings.json").read_bytes())
VALUES = {name: each.get("values", ["true", "false"]) for name, each in SETTINGS.items()}
MADE = {
    "error": json.loads((ROOT / "protocol" / "errors.json").read_bytes()),
    "reaction": ["applause", "laugh", "heart", "surprise", "sad", "fire", "thumbs_up", "thumbs_down"],
    "say": ["lobby", "answering", "voting", "results", "finished"],
    "settings": [*SETTINGS, "rare"],
    **{f"settings.{name}": VALUES[name] for name in ("tone", "late_join", "vote_updates", "host_away", "moderation")},
    "settings.wrong": ["max_players", "topic", "moderation", "questions"],
    "stopped": ["login", "replaced", "another", "fault"],
    **{f"host.{what}": ["who", "sure", "done"] for what in ("kick", "transfer")},
    "host": ["kick", "transfer"],
}
"""Keys whose last part is put in by the script."""
OF_CLIENT = ["offline", "connection_lost", "queue_full", "too_large", "expired", "stopped", "closed", "too_slow"]
"""Codes that the client in JavaScript has of its own, by its `.d.ts`."""
FORMS = {"one", "other"}


def used() -> set[str]:
    """The keys that the scripts ask for. They stand as texts, also where a choice between two is made."""
    plain = {
        found
        for text in SOURCES.values()
        for found in re.findall(r'"([a-z]+(?:\.[a-z_]+)+|votes|points|timer|seconds|reactions)"', text)
    }
    made = {f"{start}.{end}" for start, ends in MADE.items() for end in ends}
    return {key for key in plain if not key.endswith(".js")} | made | {f"error.{code}" for code in OF_CLIENT}


def texts(value) -> list[str]:
    return [value] if isinstance(value, str) else list(value.values())


def places(value) -> set[str]:
    return {place for text in texts(value) for place in re.findall(r"{(\w+)}", text)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_all_words_that_are_used_and_no_others(language):
    assert set(LANGUAGES[language]) == used()


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_text_says_something_and_has_forms_for_each_number(language):
    for key, value in LANGUAGES[language].items():
        assert all(text.strip() for text in texts(value)), key
        assert isinstance(value, str) or set(value) >= FORMS, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_values_have_the_same_places_in_each_language(language):
    assert {key: places(value) for key, value in LANGUAGES[language].items()} == {
        key: places(value) for key, value in LANGUAGES["en"].items()
    }


def test_a_language_says_in_which_direction_it_is_written():
    assert {words["language.direction"] for words in LANGUAGES.values()} <= {"ltr", "rtl"}


def test_keys_are_only_made_in_the_ways_that_are_known_here():
    starts = {found.rstrip(".") for text in SOURCES.values() for found in re.findall(r"`([a-z.]+)\.\${", text)}
    assert starts <= set(MADE) | {"host"}, "tell MADE of it"
