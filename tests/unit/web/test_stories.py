"""Transcripts read well as pages: each step says who does what, with its note and its frame."""

from votegame.conformance.format import ACTIONS
from votegame.web import stories

STORY = {
    "title": "A story",
    "shows": "Not much.",
    "actors": {"ada": {}, "ben": {}},
    "steps": [
        {"actor": ["ada", "ben"], "connect": {}},
        {"actor": "ada", "tab": "phone", "expect": {"type": "ok", "state": {"seq": 0}}, "note": "At last."},
        {"restart": True},
        {"actor": "ben", "closed": 4401},
    ],
}


def test_each_step_is_a_paragraph_with_what_belongs_to_it():
    assert stories.page("a_story", STORY).split("\n\n")[3:] == [
        "**ada** and **ben** connect",
        "**ada** (phone) is told: At last.",
        '```json\n{\n  "type": "ok",\n  "state": {"seq": 0}\n}\n```',
        "The server is restarted",
        "**ben** is closed with",
        "```json\n4401\n```\n",
    ]


def test_there_are_words_for_every_action():
    assert set(stories._SAYS) == set(ACTIONS)


def test_the_list_leads_to_each_story():
    assert "- [A story](transcripts/a_story.json). Not much." in stories.index({"a_story": STORY})
