"""Who may connect: a TOML file of `"tenant/device" = "scrypt$…"`, reloaded when it changes.

A name with a slash is a device; a name without one is a service (the collector itself). Passwords that a person chose
are hashed by scrypt (RFC 7914) with n = 2^14, r = 8, which takes 16 MiB and some 50 ms; those that we generated hold
144 random bits, which no hash needs to protect against guessing, and get n = 2^10 (1 MiB, 3 ms), so that 1,000 players
can come back within seconds. Hashing runs in threads, two at a time, and a password once found right is remembered as a
keyed digest: from the second time on a connection costs one HMAC.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from common import tasks
from common.config import ConfigError, Finding, parse_toml, read_text
from common.files import put_in_place
from wire.topics import ID_PATTERN, is_id

log = structlog.get_logger(__name__)

_N_CHOSEN: Final = 2**14
_N_GENERATED: Final = 2**10
_R: Final = 8
_P: Final = 1
_SALT_BYTES: Final = 16
_HASH_BYTES: Final = 32
_MAX_N: Final = 2**17  # a file must not be able to ask for gigabytes
_PARALLEL_HASHES: Final = 2
_PASSWORD_BYTES: Final = 18  # 144 bits, 24 characters
_MODE: Final = 0o600


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """One stored password: `scrypt$n$r$p$salt$hash`, the last two in base64."""

    n: int
    r: int
    p: int
    salt: bytes
    digest: bytes

    @classmethod
    def of(cls, password: str, *, generated: bool = False) -> PasswordHash:
        """Hash a password with a fresh salt; `generated`: it came from `generate_password`."""
        n, salt = _N_GENERATED if generated else _N_CHOSEN, secrets.token_bytes(_SALT_BYTES)
        return cls(n, _R, _P, salt, _scrypt(password, salt, n, _R, _P))

    @classmethod
    def parse(cls, text: str) -> PasswordHash:
        """Read `scrypt$n$r$p$salt$hash`; ValueError saying what is wrong."""
        parts = text.split("$")
        if len(parts) != 6 or parts[0] != "scrypt":  # noqa: PLR2004 - the six parts named above
            raise ValueError("is not of the form scrypt$n$r$p$salt$hash")
        try:
            n, r, p = (int(part) for part in parts[1:4])
            salt, digest = (base64.b64decode(part, validate=True) for part in parts[4:])
        except (ValueError, binascii.Error):
            raise ValueError("has a number or a base64 part that cannot be read") from None
        if not (2 <= n <= _MAX_N and n & (n - 1) == 0 and 1 <= r <= 16 and 1 <= p <= 4 and salt and digest):  # noqa: PLR2004 - RFC 7914's shape, our limits
            raise ValueError("has parameters out of range")
        return cls(n, r, p, salt, digest)

    def __str__(self) -> str:
        """Give the form in which the file holds it."""
        salt, digest = (base64.b64encode(part).decode() for part in (self.salt, self.digest))
        return f"scrypt${self.n}${self.r}${self.p}${salt}${digest}"

    def fits(self, password: str) -> bool:
        """Whether this is the password. Takes as long for a wrong one as for the right one."""
        return hmac.compare_digest(_scrypt(password, self.salt, self.n, self.r, self.p), self.digest)


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    memory = 128 * r * (n + p + 2) * 2
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=memory, dklen=_HASH_BYTES)


class CredentialStore:
    """The users of the embedded broker. ConfigError where the file cannot be used at start."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mark = _mark(path)
        self._users = read_credentials(path)
        self._key = secrets.token_bytes(32)
        self._known: dict[str, tuple[PasswordHash, bytes]] = {}
        self._attempts: dict[tuple[str, bytes], asyncio.Task[bool]] = {}
        self._hashing = asyncio.Semaphore(_PARALLEL_HASHES)
        self._nobody = PasswordHash.of(generate_password(), generated=True)

    def __len__(self) -> int:
        """Give the number of users."""
        return len(self._users)

    async def verify(self, user: str, password: str) -> bool:
        """Whether `user` exists and this is the password. An unknown one takes as long as a device's wrong password."""
        digest = hmac.digest(self._key, password.encode(), "sha256")
        stored = self._users.get(user)
        known = self._known.get(user)
        if stored is not None and known is not None and known[0] is stored and hmac.compare_digest(known[1], digest):
            return True
        attempt = self._attempts.get((user, digest))
        if attempt is None:  # a client that was not answered in time asks again: it must not cost another hash
            attempt = tasks.spawn(self._hash_and_compare(stored, user, password, digest), f"password of {user[:130]}")
            self._attempts[user, digest] = attempt
            attempt.add_done_callback(lambda _: self._attempts.pop((user, digest)))
        return await asyncio.shield(attempt)

    async def _hash_and_compare(self, stored: PasswordHash | None, user: str, password: str, digest: bytes) -> bool:
        async with self._hashing:
            fits = await asyncio.to_thread((stored or self._nobody).fits, password)
        if stored is None or not fits or self._users.get(user) is not stored:
            return False
        self._known[user] = (stored, digest)
        return True

    def refresh(self) -> set[str]:
        """Read the file again if it changed: the users whose password changed or that are gone.

        A file that has become unreadable or wrong changes nothing and is logged once.
        """
        mark = _mark(self.path)
        if mark == self._mark:
            return set()
        self._mark = mark
        try:
            fresh = read_credentials(self.path)
        except ConfigError as error:
            log.warning("credentials_unusable", file=str(self.path), error=str(error), kept_users=len(self._users))
            return set()
        changed = {user for user, stored in self._users.items() if fresh.get(user) != stored}
        self._users = {user: self._users[user] if self._users.get(user) == new else new for user, new in fresh.items()}
        log.info("credentials_read", file=str(self.path), users=len(fresh), changed=len(changed))
        return changed


def read_credentials(path: Path) -> dict[str, PasswordHash]:
    """Read the whole file; ConfigError naming file, key and remedy."""
    if not path.exists():
        remedy = f"create it with: signwatch broker passwd collector --file {path}"
        raise ConfigError(Finding("credentials.missing", str(path), "", "no such file", remedy))
    users: dict[str, PasswordHash] = {}
    findings: list[Finding] = []
    for user, value in parse_toml(read_text(path), str(path)).items():
        remedy = f"write it with: signwatch broker passwd {user} --file {path}"
        if not is_user(user):
            findings.append(Finding("credentials.name", str(path), user, "names no device or service", _NAMES))
        elif not isinstance(value, str):
            findings.append(Finding("credentials.hash", str(path), user, "is no string", remedy))
        else:
            try:
                users[user] = PasswordHash.parse(value)
            except ValueError as error:
                findings.append(Finding("credentials.hash", str(path), user, str(error), remedy))
    if findings:
        raise ConfigError(*findings)
    return users


_NAMES: Final = f'write "tenant/device" or a service without a slash, each of {ID_PATTERN}'


def is_user(name: str) -> bool:
    """Whether `name` is `tenant/device` or a service's name."""
    parts = name.split("/")
    return len(parts) in {1, 2} and all(is_id(part) for part in parts)


def generate_password() -> str:
    """Give 144 random bits as 24 characters that need no quoting in a shell or in TOML."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def write_credentials(path: Path, entries: dict[str, PasswordHash | None]) -> None:
    """Set users, or remove those given as None; other lines and comments stay. The file is replaced atomically.

    Raises:
        ConfigError: the file exists and is not a credentials file, or it cannot be written.
    """
    text = ""
    if path.exists():
        read_credentials(path)  # never add to a file that is something else
        text = read_text(path)
    kept = [line for line in text.splitlines() if _key_of(line) not in entries]
    new = [f"{json.dumps(user)} = {json.dumps(str(stored))}" for user, stored in entries.items() if stored]
    try:
        text = "\n".join([*kept, *new]) + "\n"
        put_in_place(path, text.encode(), None if path.exists() else _MODE)
    except OSError as error:
        finding = Finding("credentials.unwritable", str(path), "", f"cannot be written ({error.strerror})", "check it")
        raise ConfigError(finding) from None


def _key_of(line: str) -> str:
    return line.partition("=")[0].strip().strip("\"'")


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
