"""Where a request comes from: the page that sent it, and the address that limits are counted by."""

import ipaddress
from collections.abc import Sequence

from votegame.settings import Network, canonical_origin


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
    address = peer
    hops = [hop.strip() for value in forwarded_for for hop in value.split(",")]
    while hops and _is_in(address, proxies):
        hop = hops.pop()
        if not _is_address(hop):
            break
        address = hop
    return address


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_in(text: str, networks: Sequence[Network]) -> bool:
    return _is_address(text) and any(ipaddress.ip_address(text) in network for network in networks)
