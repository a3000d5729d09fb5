import base64
import json

import jwt
import pytest

from votegame.auth.keys import derived_key
from votegame.auth.tokens import MAX_CHARS, Claims, Tokens

SECRET = "the secret of this deployment"
NOW = 1_767_225_600
USER_ID = "1e2feb89-414c-443c-9027-c4d1c386bbc4"
LOGIN_ID = "5a3f7b0e-8a57-4c6e-9b1f-0d7f3a2c1e55"
CLAIMS = Claims(login_id=LOGIN_ID, user_id=USER_ID, issued_at=NOW, expires_at=NOW + 60)
GOOD = {"jti": LOGIN_ID, "sub": USER_ID, "iat": NOW, "exp": NOW + 60, "iss": "votegame", "aud": "votegame login"}
KEY = derived_key(SECRET, "jwt")


@pytest.fixture
def tokens():
    return Tokens(SECRET)


def part(content: bytes | dict) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(content: dict, key: bytes = KEY, algorithm: str = "HS256", **header) -> str:
    return jwt.encode(content, key, algorithm=algorithm, headers=header or None)


def test_says_what_was_signed(tokens):
    assert tokens.read(tokens.signed(CLAIMS), now=NOW) == CLAIMS


def test_ends_at_its_time_by_the_clock_that_is_given(tokens):
    token = tokens.signed(CLAIMS)
    assert tokens.read(token, now=NOW + 59.9) == CLAIMS
    assert tokens.read(token, now=NOW + 60) is None


def test_that_was_issued_in_the_future_holds_since_clocks_differ(tokens):
    assert tokens.read(tokens.signed(CLAIMS), now=NOW - 30) == CLAIMS


def test_of_another_deployment_is_none(tokens):
    assert tokens.read(Tokens("another secret").signed(CLAIMS), now=NOW) is None


def test_of_the_previous_secret_is_read_but_never_signed():
    old = Tokens("the secret before").signed(CLAIMS)
    both = Tokens(SECRET, previous="the secret before")
    assert both.read(old, now=NOW) == CLAIMS
    assert both.read(old, now=NOW + 60) is None
    assert Tokens(SECRET).read(both.signed(CLAIMS), now=NOW) == CLAIMS


@pytest.mark.parametrize("missing", sorted(GOOD))
def test_without_one_of_its_claims_is_none(tokens, missing):
    assert tokens.read(signed(GOOD), now=NOW) == CLAIMS
    assert tokens.read(signed({name: GOOD[name] for name in GOOD if name != missing}), now=NOW) is None


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "votegame mail"},
        {"aud": ["votegame mail"]},
        {"iss": "someone"},
        {"sub": "root"},
        {"sub": USER_ID.upper()},
        {"jti": "' OR 1=1 --"},
        {"exp": "soon"},
        {"exp": 1e300},
        {"iat": "long ago"},
    ],
)
def test_with_another_claim_is_none(tokens, change):
    assert tokens.read(signed(GOOD | change), now=NOW) is None


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "", "RS256", "HS512", 5, None, []])
def test_of_another_algorithm_is_none(tokens, algorithm):
    unsigned = f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(GOOD)}."
    good_signature = signed(GOOD).rpartition(".")[2]
    assert tokens.read(unsigned, now=NOW) is None
    assert tokens.read(unsigned + good_signature, now=NOW) is None


def test_signed_with_our_key_by_another_algorithm_is_none(tokens):
    assert tokens.read(signed(GOOD, algorithm="HS512", key=KEY * 2), now=NOW) is None


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "../../etc/passwd"},
        {"kid": "' UNION SELECT 'x"},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/keys"},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
    ],
)
def test_headers_that_name_keys_are_not_followed(tokens, header):
    assert tokens.read(signed(GOOD, key=b"k" * 32, **header), now=NOW) is None


@pytest.mark.parametrize("key", [b"votegame" * 4, b"HS256" * 8, b"\x00" * 32])
def test_signed_with_what_everybody_knows_is_none(tokens, key):
    assert tokens.read(signed(GOOD, key=key), now=NOW) is None


@pytest.mark.parametrize(
    "text",
    [
        *["", ".", "..", "a.b.c", "a.b.c.d", "\x00", "\ud800", "ä.ö.ü", "=.=.=", "....."],
        f"{part(b'[' * 2_900)}.{part(GOOD)}.",
        f"{part(b'null')}.{part(GOOD)}.",
        f"{part(b'{}')}.{part(b'null')}.",
        f"{part({'alg': 'HS256', 'crit': 5})}.{part(GOOD)}.",
        f"{part({'alg': 'HS256'})}.{part(b'[' * 2_000)}.x",
    ],
)
def test_what_is_no_token_is_none(tokens, text):
    assert tokens.read(text, now=NOW) is None


def test_any_changed_character_makes_it_none(tokens):
    token = tokens.signed(CLAIMS)
    for place in range(0, len(token) - 1, 7):
        other = "A" if token[place] != "A" else "B"
        assert tokens.read(f"{token[:place]}{other}{token[place + 1 :]}", now=NOW) is None


def test_that_is_too_long_is_not_even_looked_at(tokens):
    long = signed(GOOD | {"more": "x" * MAX_CHARS})
    assert tokens.read(long, now=NOW) is None
