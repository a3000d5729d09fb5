import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votegame.game.question import Person
from votegame.ids import UserId
from votegame.questions.languages import SMALL_WORDS
from votegame.questions.names import Names


def named(text: str, name: str, language: str = "en") -> bool:
    return Names([Person(UserId("u"), "Zorro Quux"), Person(UserId("v"), name)], language).are_in(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("What would Ada never eat?", "Ada"),
        ("What would ADA never eat?", "ada"),
        ("What is in Ada's pocket?", "Ada"),
        ("What is in Ada\u2019s pocket?", "ADA"),
        ("How many Adas fit into a car?", "ada"),
        ("What would Anna never eat?", "Anna Maria"),
        ("Would Anna Maria eat it?", "anna maria"),
        ("Who is X?", "x"),
        ("Is Jo there?", "Jo"),
        ("Is Al B there?", "Al B"),
        ("What does a cat dream of?", "cat"),
        ("What do cats dream of?", "Cat"),
        ("What would Ella say?", "Ella"),
        ("What would \uff21\uff44\uff41 say?", "Ada"),
        ("Who is O'Brien?", "o\u2019brien"),
        ("\u592a\u90ce\u306e\u5922\u306f\u4f55\uff1f", "\u592a\u90ce"),
        ("What would agent_007 say?", "agent_007"),
        ("What would Zo\u00eb say?", "Zoe"),
        ("What would Zoe say?", "Zo\u00eb"),
        ("What would Zoe\u0308 say?", "zoe"),
        ("What would Lukasz say?", "\u0141ukasz"),
        ("What would J\u00fcrgen say?", "Jurgen"),
        ("Would Ann Marie eat it?", "AnnMarie"),
        ("Would Annmarie eat it?", "Ann Marie"),
        ("Would Ann-Marie eat it?", "annmarie"),
        ("Would Ann Marie's cat eat it?", "annmarie"),
        ("Would Marie eat it?", "AnnMarie"),
    ],
)
def test_who_is_in_the_room_is_not_named(text, name):
    assert named(text, name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("What is the maximum?", "Max"),
        ("What does a catfish dream of?", "cat"),
        ("Who is there?", "Jo Smith"),
        ("What would you do?", "what"),
        ("Where is the end of the world?", "The"),
        ("An apple a day?", "A"),
        ("Is there a smith?", "Al B"),
        ("Is B Al?", "Al B"),
        ("What is his hat?", "Hi"),
        ("What is there?", "WhatIs"),
        ("What is there?", "What\u00efs"),
        ("Who says a dam?", "Adam"),
        ("What would you do?", "Yo\u00f9"),
        ("Why not?", "???"),
        ("Why not?", "\U0001f355"),
        ("\u732b\u306e\u5922\u306f\uff1f", "\u5922\u5922"),
    ],
)
def test_words_that_only_look_like_a_name_are_no_names(text, name):
    assert not named(text, name)


@given(st.text(min_size=1, max_size=32))
def test_a_name_that_stands_alone_is_always_found_unless_it_has_no_letter_or_is_a_small_word(name):
    words = re.findall(r"[^\W_]+", re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFKD", name.casefold())))
    is_small = all(word in SMALL_WORDS["en"] for word in words)
    assert named(f"Quokka: {name} !", name) or not words or is_small


def test_small_words_are_those_of_the_language_of_the_question():
    assert named("Was sagt What zum Kapit\u00e4n?", "What", "de")
    assert not named("Was sagt der Kapit\u00e4n?", "was", "de")


def test_an_empty_room_has_no_names():
    assert not Names([], "en").are_in("Why not?")


def test_a_large_room_holds_nothing_up():
    people = [Person(UserId(f"user {n}"), f"Player Number{n} of All") for n in range(1_000)]
    began = time.process_time()
    names = Names(people, "en")
    assert sum(names.are_in(f"What would Number{n}00 do?") for n in range(50)) == 9
    assert time.process_time() - began < 1.0
