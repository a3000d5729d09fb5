import pytest

from votegame.questions import topics
from votegame.questions.topics import TOPICS, named


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_is_recognised_by_its_own_name_in_every_language(topic, language):
    assert named(topic, language) == (topic,)


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("Street FOOD, please!", "en", ("food",)),
        ("Weddings", "en", ("love",)),
        ("cats & dogs", "en", ("animals",)),
        ("working from home", "en", ("work", "home")),
        ("Essen und Trinken", "de", ("food",)),
        ("FUSSBALL", "de", ("sport",)),
        ("Fußball", "de", ("sport",)),
        ("Tiere im Weltall", "de", ("animals", "fantasy")),
        ("movies", "de", ("film",)),
        ("movies", "fr", ("film",)),
    ],
)
def test_a_topic_is_recognised_by_any_of_its_words(text, language, found):
    assert named(text, language) == found


@pytest.mark.parametrize(
    ("text", "language"),
    [("", "en"), ("hats", "en"), ("foodstuff", "en"), ("Essen", "en"), ("Essen", "fr"), ("!?", "de")],
)
def test_other_topics_are_none_of_ours(text, language):
    assert named(text, language) == ()


def test_no_word_stands_for_two_topics():
    # A word in two rows would be taken for the later one without a sound.
    for rows in topics._WORDS.values():
        words = [word for synonyms in rows.values() for word in synonyms.split()]
        assert sorted(words) == sorted(set(words))
