"""mosquitto's password file: `USER:$7$ITERATIONS$SALT$HASH`, PBKDF2 with SHA-512 (mosquitto_passwd(1), version 2).

Passwords of devices hold 144 random bits, which no number of iterations protects any better: mosquitto's own 101 do.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from pathlib import Path
from typing import Final

from common.config import ConfigError, Finding, read_text

_ITERATIONS: Final = 101
_SALT_BYTES: Final = 12
_HASH_BYTES: Final = 64


def read_users(path: Path) -> dict[str, str]:
    """User → hash as it stands there; {} where there is no file yet. ConfigError where it is something else."""
    if not path.exists():
        return {}
    users: dict[str, str] = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        user, sign, stored = line.partition(":")
        if not line.strip():
            continue
        if not sign or not stored.startswith("$"):
            message = "is no line of mosquitto's password file: USER:$7$…"
            remedy = "hash passwords in clear with: mosquitto_passwd -U FILE"
            raise ConfigError(Finding("enrol.mosquitto", f"{path}:{number}", "", message, remedy))
        users[user] = stored
    return users


def write_users(users: dict[str, str]) -> str:
    """Users → the file's text."""
    return "".join(f"{user}:{stored}\n" for user, stored in users.items())


def hashed(password: str) -> str:
    """The hash of a password, with a fresh salt."""
    return _hashed(password, secrets.token_bytes(_SALT_BYTES), _ITERATIONS)


def fits(stored: str, password: str) -> bool:
    """Whether that is the hash of this password; False for the older kinds too, which nobody can tell from it."""
    parts = stored.split("$")
    try:
        _, kind, iterations, salt, _ = parts
        if kind != "7":
            return False
        wanted = _hashed(password, base64.b64decode(salt, validate=True), int(iterations))
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(wanted, stored)


def _hashed(password: str, salt: bytes, iterations: int) -> str:
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations, _HASH_BYTES)
    return f"$7${iterations}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
