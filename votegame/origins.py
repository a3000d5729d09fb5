"""Origins as browsers write them, in one form, so that they can be compared."""

import ipaddress
import re
from typing import Final

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LAST_PORT: Final = 65_535
_ORIGIN: Final = re.compile(
    r"(https?)://([a-z0-9._-]{1,253}|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?/?", re.ASCII | re.IGNORECASE
)
"""Stricter than URLs are: what browsers never send as an origin could be set here, but would never match. A name has
at most 253 characters (RFC 1035, section 2.3.4, without the last dot)."""


def canonical_origin(text: str) -> str:
    """`scheme://host[:port]` in lower case, without a default port: equal origins are equal texts.

    Raises:
        ValueError: `text` is no origin of http or https as browsers write it (names of other scripts as `xn--...`), or
            has more than an origin has.
    """
    found = _ORIGIN.fullmatch(text)
    if found is None:
        raise ValueError(f"not an origin: {text!r}")
    scheme, host, port = found.group(1).lower(), found.group(2).lower(), found.group(3)
    default = _DEFAULT_PORTS[scheme]
    number = default if port is None else int(port)
    if not 0 < number <= _LAST_PORT:
        raise ValueError(f"not an origin: {text!r}")
    return f"{scheme}://{_canonical_host(host, text)}" + ("" if number == default else f":{number}")


def _canonical_host(host: str, origin: str) -> str:
    if not host.startswith("["):
        return host
    try:
        return f"[{ipaddress.IPv6Address(host[1:-1]).compressed}]"
    except ValueError:
        raise ValueError(f"not an origin: {origin!r}") from None
