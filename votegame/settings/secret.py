"""The secret that a server makes for itself, when nobody has set one."""

import os
import secrets
from pathlib import Path
from typing import Final

from votegame.errors import ConfigurationError

SECRET_CHARS: Final = 32
"""A shorter secret is none."""


def kept_secret(state_dir: Path) -> str:
    """The secret that is kept in `state_dir`; made there, readable by its owner alone, when there is none.

    Raises:
        ConfigurationError: The folder cannot be used, or the file does not hold a secret.
    """
    path = state_dir / "secret_key"
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _write_secret(path)
        secret = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ConfigurationError(f"STATE_DIR {state_dir} cannot be used: {error.strerror}.") from None
    except UnicodeDecodeError:
        secret = ""
    if len(secret) < SECRET_CHARS:
        raise ConfigurationError(f"{path} does not hold a secret; remove it, and everyone has to log in again.")
    return secret


def _write_secret(path: Path) -> None:
    # Whole or not at all: keys derived from half a secret, or from none, could be guessed.
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48))
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
