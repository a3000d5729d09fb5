import pytest

from votegame.origins import canonical_origin


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("https://play.example.org", "https://play.example.org"),
        ("HTTPS://Play.Example.ORG:443/", "https://play.example.org"),
        ("http://play.example.org:80", "http://play.example.org"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
        ("https://[2001:db8:0:0::0001]", "https://[2001:db8::1]"),
        ("https://play_2.example.org:0443", "https://play_2.example.org"),
        (f"https://{253 * 'x'}", f"https://{253 * 'x'}"),
    ],
)
def test_origins_that_are_equal_have_one_form(text, canonical):
    assert canonical_origin(text) == canonical


@pytest.mark.parametrize(
    "text",
    [
        *["", "null", "*", "play.example.org", "ftp://play.example.org", "file:///x", "https://", "https://:1"],
        *["https://a@play.example.org", "https://play.example.org/x", "https://play.example.org?x", "https://x:99999"],
        *[
            "https://*.example.org",
            "https://play.example.org?",
            "https://play.example.org#",
            "https://x:",
            "https://x:0",
        ],
        *["https://play.example.org\t", "https://play.\texample.org", " https://play.example.org", "https://a b"],
        *["https://b\u00fccher.example", "https://\u212aey.example", "https://%70lay.example", "https://x:\u0664"],
        *["https://" + 254 * "x", f"https://{254 * 'x'}:8000"],
        *["https://[::1%25eth0]", "https://[1.2.3.4]", "https://[x]", "https://play.example.org\\", "https://x\n"],
    ],
)
def test_what_has_less_or_more_is_no_origin(text):
    with pytest.raises(ValueError, match="not an origin"):
        canonical_origin(text)
