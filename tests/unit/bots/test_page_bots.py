"""The bots of the web client are like those of the command line: the same bank, the same manners."""

import re
from pathlib import Path

import pytest

from votegame.bots import bank, bot, command

BOTS = Path(__file__).parents[3] / "votegame" / "static" / "bots"
SOURCE = {path.name: path.read_text(encoding="utf-8") for path in BOTS.glob("*.js")}


def test_both_know_the_languages_that_there_are_files_for():
    files = {path.name.split(".")[1] for path in BOTS.glob("answers.*.txt")}
    assert files == set(bank.LANGUAGES)
    assert set(re.findall(r'"(\w+)"', re.search(r"const LANGUAGES = \[(.*)\]", SOURCE["bank.js"])[1])) == files


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("answer", bot.ANSWER_SECONDS),
        ("vote", bot.VOTE_SECONDS),
        ('"hand over"', bot.HAND_OVER_SECONDS),
        ("react", bot.REACT_SECONDS),
    ],
)
def test_both_take_as_long(name, seconds):
    least, most = re.search(rf"{name}: \[(\d+), (\d+)\]", SOURCE["bot.js"]).groups()
    assert (float(least), float(most)) == seconds


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DESERTED_SECONDS", bot.DESERTED_SECONDS),
        ("LEAVING_MS", 1000 * bot.LEAVING_SECONDS),
        ("LEAST_LEFT", bot._LEAST_LEFT),
        ("REACTS", bot._REACTS),
    ],
)
def test_both_have_the_same_habits(name, value):
    assert float(re.search(rf"const {name} = ([\d.]+);", SOURCE["bot.js"])[1]) == value


def test_both_come_one_after_another_and_feel_the_same():
    arrival = re.search(r"ARRIVAL_MS = \[(\d+), (\d+)\]", SOURCE["worker.js"]).groups()
    assert tuple(int(each) / 1000 for each in arrival) == command._ARRIVAL_SECONDS
    reactions = re.search(r"const REACTIONS = \[(.*)\]", SOURCE["bot.js"])[1]
    assert tuple(re.findall(r'"(\w+)"', reactions)) == bot._REACTIONS
