import ipaddress

import pytest

from votegame.limits.origin import client_address, is_allowed_origin, is_loopback, limited_by

OWN = "https://play.example.org"
ALLOWED = frozenset({"https://good.example", "http://good.example:8080"})
PROXIES = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8:1::/48"))


def is_allowed(origin, *, host=None, own=OWN) -> bool:
    return is_allowed_origin(origin, host=host, own=own, allowed=ALLOWED)


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "https://play.example.org",
        "https://play.example.org:443",
        "https://PLAY.example.ORG",
        "HTTPS://play.example.org",
        "https://good.example",
        "http://good.example:8080",
    ],
)
def test_own_and_listed_origins_are_allowed_and_so_is_none(origin):
    assert is_allowed(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "*",
        "https://evil.example",
        "https://good.example.evil.com",
        "https://evilgood.example",
        "http://good.example",
        "https://good.example:8443",
        "http://good.example:8081",
        "https://good.example.",
        "https://good.example@evil.com",
        "https://evil.com@good.example",
        "https://good.example/path",
        "https://good.example\\.evil.com",
        "https://good.example https://evil.example",
        "https://good.example:port",
        "https://[good.example",
        "//good.example",
        "good.example",
        "file://",
        "javascript://good.example",
        "https://good.\texample",
        "https://good.example\n",
        "https://g\u1d52od.example",
        "https://good.example?",
    ],
)
def test_what_only_looks_right_is_not(origin):
    assert not is_allowed(origin)


@pytest.mark.parametrize("origin", ["http://192.0.2.7:8000", "https://192.0.2.7:8000"])
def test_without_an_address_of_its_own_the_host_counts(origin):
    assert is_allowed(origin, host="192.0.2.7:8000", own=None)
    assert not is_allowed(origin, host="192.0.2.8:8000", own=None)
    assert not is_allowed(origin, host=None, own=None)


def test_with_an_address_of_its_own_the_host_does_not_count():
    assert not is_allowed("http://192.0.2.7:8000", host="192.0.2.7:8000")


@pytest.mark.parametrize(
    "host", ["", "evil example", "[", "a@b", "evil.example?", "evil.example#", "a:b", "evil.example/x"]
)
def test_a_host_that_is_none_allows_nothing(host):
    assert not is_allowed("https://evil.example", host=host, own=None)


class TestClientAddress:
    @pytest.mark.parametrize("peer", ["192.0.2.1", "2001:db8::1"])
    def test_is_the_peer_whatever_an_untrusted_one_says(self, peer):
        assert client_address(peer, ["127.0.0.1", "10.0.0.1, 198.51.100.1"], PROXIES) == peer

    @pytest.mark.parametrize(
        ("forwarded_for", "address"),
        [
            ([], "10.0.0.1"),
            (["198.51.100.1"], "198.51.100.1"),
            (["127.0.0.1, 198.51.100.1"], "198.51.100.1"),
            (["198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            (["203.0.113.9", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            (["203.0.113.9, 198.51.100.1:4711"], "198.51.100.1"),
            (["[2001:db8::7]:4711"], "2001:db8::7"),
            (["2001:db8:1::9, 10.0.0.2"], "2001:db8:1::9"),
            (["198.51.100.1, unknown"], "10.0.0.1"),
            (["198.51.100.1, "], "10.0.0.1"),
            (["198.51.100.1, \ud800"], "10.0.0.1"),
            (["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ],
    )
    def test_behind_proxies_is_the_last_that_they_did_not_add(self, forwarded_for, address):
        assert client_address("10.0.0.1", forwarded_for, PROXIES) == address

    def test_knows_a_proxy_by_its_address_inside_ipv6(self):
        assert client_address("::ffff:10.0.0.1", ["198.51.100.1"], PROXIES) == "198.51.100.1"

    def test_of_a_peer_without_one_is_what_it_is_called(self):
        assert client_address("unknown", ["198.51.100.1"], PROXIES) == "unknown"


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:0:0:1", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("unknown", "unknown"),
    ],
)
def test_limits_count_by_address_or_by_the_network_of_a_household(address, key):
    assert limited_by(address) == key


@pytest.mark.parametrize(
    ("address", "is_own"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_this_machine_is_known_by_its_addresses(address, is_own):
    assert is_loopback(address) is is_own
