"""How guests find this server: its origin as their phones see it, and the picture of a link to a room.

Who opens the page on the machine itself asks for `localhost`, which is of no use to a phone. Then it is this machine's
address in its network.
"""

import io
import socket
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

import segno
from aiohttp import web

from votegame.limits.origin import is_loopback
from votegame.origins import canonical_origin
from votegame.settings import Settings

_ELSEWHERE: Final = ("192.0.2.1", 9)
"""An address that is nobody's (RFC 5737): the system says from where it would be sent to, and nothing is sent."""
_BORDER: Final = 2
_MOST_PICTURES: Final = 256
_MASK: Final = 0
"""Any of the eight can be read, and to look for the one that looks best takes ten times as long as all the rest."""


def guests_origin(request: web.Request, settings: Settings) -> str:
    """The origin at which guests reach this server; empty where nobody can tell."""
    if settings.own_origin:
        return settings.own_origin
    try:
        asked = canonical_origin(f"{request.scheme}://{request.headers.get('Host', '')}")
    except ValueError:
        return ""
    parts = urlsplit(asked)
    if not _is_this_machine(parts.hostname or "") or _is_this_machine(settings.host):
        return asked
    address = _address_in_network()
    return asked if address is None else canonical_origin(f"{parts.scheme}://{address}:{parts.port or 80}")


@lru_cache(maxsize=_MOST_PICTURES)
def picture(link: str) -> bytes:
    """A QR code of `link`, as SVG."""
    out = io.BytesIO()
    code = segno.make(link, error="m", micro=False, mask=_MASK)
    code.save(out, kind="svg", border=_BORDER, omitsize=True, light="#fff")
    return out.getvalue()


def _is_this_machine(host: str) -> bool:
    return host == "localhost" or is_loopback(host)


def _address_in_network() -> str | None:
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(_ELSEWHERE)
            address = str(probe.getsockname()[0])
    except OSError:
        return None
    return None if _is_this_machine(address) else address
