import pytest

from votegame.auth import emails


@pytest.mark.parametrize(
    "text",
    [
        *["a@b.c", "ada.lovelace+game@mail.example.org", "ädä@exämple.org", "o'neill@example.org", '"x"@example.org'],
        "a" * 64 + "@example.org",
        "a@" + ".".join(["b" * 60] * 4) + ".example",
    ],
)
def test_what_may_be_an_address_is_taken(text):
    assert len(text.encode()) <= 254
    assert emails.is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        *["", " ", "@", "a@", "@b.c", "a", "a@b", "a@b.", "a@.b", "a@b..c", "a@b.c.", "a@b@c.d", "a b@c.d", "a@b c.d"],
        *["a@b.c\r\nBcc: d@e.f", "a\n@b.c", "a\x00@b.c", "a@b.c\x7f", "a\u200b@b.c", "a\u202e@b.c", "\ud800@b.c"],
        "a" * 65 + "@example.org",
        "ä" * 33 + "@example.org",
        "a@" + ".".join(["b" * 60] * 4) + ".example.org",
    ],
)
def test_what_cannot_be_one_is_refused(text):
    assert not emails.is_address(text)


def test_addresses_are_the_same_without_difference_of_case_blanks_and_composition():
    assert emails.folded("  USER@Example.com ") == "user@example.com"
    assert emails.folded("a\u0308@x.de") == emails.folded("Ä@X.DE")
    assert emails.folded("straße@x.de") == emails.folded("STRASSE@x.de")
    assert emails.folded("a.b@x.de") != emails.folded("ab@x.de")
