"""Where a request comes from: the page that sent it, and the address that limits are counted by."""

import ipaddress
import re
from collections.abc import Sequence
from typing import Final

from votegame.origins import canonical_origin
from votegame.settings import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_HOUSEHOLD_BITS: Final = 64
_PORT: Final = re.compile(r"^(?:\[([^\]]*)\](?::\d+)?|([\d.]+):\d+)$", re.ASCII)
"""An address that some proxies write with a port: `[2001:db8::1]:443`, `192.0.2.1:443`."""


def is_allowed_origin(origin: str | None, *, host: str | None, own: str | None, allowed: frozenset[str]) -> bool:
    """Whether a page of `origin` may change things here with the cookie of who sits before it.

    Origins are compared as scheme, host and port, never as text: `https://good.example.evil.com` is not
    `https://good.example`.

    Args:
        origin: The `Origin` header; None when there is none, as with clients that are no browsers.
        host: The `Host` header, where it counts as the server's own origin (in development); None where it does not.
        own: The server's own origin, in canonical form, if it is set.
        allowed: Other origins, in canonical form.
    """
    if origin is None:
        return True
    try:
        asked = canonical_origin(origin)
    except ValueError:
        return False
    if asked == own or asked in allowed:
        return True
    return own is None and host is not None and asked in _origins_of(host)


def _origins_of(host: str) -> Sequence[str]:
    try:
        return [canonical_origin(f"{scheme}://{host}") for scheme in ("http", "https")]
    except ValueError:
        return []


def client_address(peer: str, forwarded_for: Sequence[str], proxies: Sequence[Network]) -> str:
    """The address of the client: the peer's, or, behind trusted proxies, the last one that they did not add.

    Args:
        peer: The address at the other end of the connection.
        forwarded_for: The values of `X-Forwarded-For`, in the order of the headers.
        proxies: Networks of proxies that are believed.
    """
    address = _address(peer)
    if address is None:
        return peer
    hops = [hop for value in forwarded_for for hop in value.split(",")]
    while hops and any(address in network for network in proxies):
        hop = _address(hops.pop())
        if hop is None:
            break
        address = hop
    return str(address)


def limited_by(address: str) -> str:
    """What limits per address count by: the address or, for IPv6, the network of 64 bits that one household has."""
    found = _address(address)
    if not isinstance(found, ipaddress.IPv6Address):
        return str(found or address)
    return str(ipaddress.ip_network((found.packed, _HOUSEHOLD_BITS), strict=False))


def is_loopback(address: str) -> bool:
    """Whether `address` is this machine's own."""
    found = _address(address)
    return found is not None and found.is_loopback


def _address(text: str) -> Address | None:
    """The address in `text`, with or without a port; one of IPv4 inside one of IPv6 is that of IPv4."""
    bare = _PORT.sub(r"\1\2", text.strip())
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
