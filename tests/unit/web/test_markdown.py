import pytest

from votegame.web.markdown import rendered


def page(text: str) -> str:
    return rendered(text, lambda link: f"/at/{link}").html


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("1. The shape of it", "1-the-shape-of-it"),
        ("`start_game`, `next_round`", "start_game-next_round"),
        ("`state`, the snapshot", "state-the-snapshot"),
        ("What's new?", "whats-new"),
    ],
)
def test_headings_have_the_anchors_of_github(heading, anchor):
    assert f'<h2 id="{anchor}">' in page(f"# Title\n\n## {heading}")


def test_equal_headings_have_anchors_of_their_own():
    assert 'id="more-1"' in page("# More\n\n## More")


def test_links_lead_where_they_are_told_to():
    assert '<a href="/at/errors.json">' in page("# Title\n\n[errors](errors.json)")


def test_the_title_is_the_first_heading():
    assert rendered("# How to play\n\n## Not this", str).title == "How to play"


def test_tables_are_tables():
    assert "<td>b</td>" in page("# Title\n\n| a |\n|---|\n| b |")
