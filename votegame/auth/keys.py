"""Keys, each for one purpose, derived from the one secret that operators set."""

from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_BYTES: Final = 32


def derived_key(secret: str, purpose: str) -> bytes:
    """32 bytes for `purpose` (HKDF, RFC 5869, with SHA-256): who knows one key knows neither another nor the secret."""
    kdf = HKDF(algorithm=hashes.SHA256(), length=_KEY_BYTES, salt=None, info=f"votegame {purpose}".encode())
    return kdf.derive(secret.encode())
