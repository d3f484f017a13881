"""Who may see the pages: one password, a signed session cookie for browsers, HTTP Basic for programs.

The session is `issued.nonce.signature`; its key is derived from the password, so sessions outlive a restart of the
collector (a wall in a control room must come back by itself) and end when the password is changed. Deliberately
absent: users and roles. One password opens everything, as long as the page only shows.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from common.clock import Clock

COOKIE: Final = "signwatch_session"
SESSION_S: Final = 30 * 24 * 3600
RENEW_S: Final = 24 * 3600
_SKEW_S: Final = 3600  # the wall clock of a server without RTC may step back a little
_FREE_FAILURES: Final = 5
_LONGEST_LOCK_MS: Final = 300_000
_REMEMBERED: Final = 4096
_SALT: Final = b"signwatch session key, version 1"
_IPV6_NETWORK_BITS: Final = 64


@dataclass
class _Failures:
    count: int = 0
    locked_until_ms: int = 0


class Throttle:
    """Wrong passwords by address: five are free, then each doubles the wait, up to five minutes. Bounded memory.

    An IPv6 host owns a whole /64, so that is what is counted there.
    """

    def __init__(self) -> None:
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait_ms(self, address: str, now_ms: int) -> int:
        """Give how long this address must wait before it may try again, in milliseconds; 0: not at all."""
        failures = self._failures.get(_network(address))
        return max(0, failures.locked_until_ms - now_ms) if failures else 0

    def failed(self, address: str, now_ms: int) -> None:
        """Count one wrong password."""
        key = _network(address)
        failures = self._failures.setdefault(key, _Failures())
        failures.count += 1
        over = failures.count - _FREE_FAILURES
        if over >= 0:
            failures.locked_until_ms = now_ms + min(1000 * 2 ** min(over, 20), _LONGEST_LOCK_MS)
        self._failures.move_to_end(key)
        while len(self._failures) > _REMEMBERED:
            self._failures.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """Forget what this address got wrong."""
        self._failures.pop(_network(address), None)


class Gate:
    """The password and the sessions made from it; without a password everybody is let in."""

    def __init__(self, password: str, clock: Clock) -> None:
        self._clock = clock
        self._password = hashlib.sha256(password.encode()).digest() if password else b""
        self._key = hashlib.scrypt(password.encode(), salt=_SALT, n=2**14, r=8, p=1) if password else b""
        self._throttle = Throttle()

    @property
    def locked(self) -> bool:
        """Whether there is a password."""
        return bool(self._password)

    def wait_s(self, address: str) -> int:
        """Give how many whole seconds this address must wait before its next try."""
        return -(-self._throttle.wait_ms(address, self._clock.mono_ms()) // 1000)

    def try_password(self, password: str, address: str) -> bool:
        """Compare in constant time and count a failure; an address that must wait is refused whatever it says."""
        if self.wait_s(address):
            return False
        given = hashlib.sha256(password.encode("utf-8", "surrogatepass")).digest()
        if hmac.compare_digest(given, self._password):
            self._throttle.succeeded(address)
            return True
        self._throttle.failed(address, self._clock.mono_ms())
        return False

    def try_basic(self, header: str, address: str) -> bool:
        """Whether an `Authorization` header carries the password; any user name will do (RFC 7617)."""
        password = basic_password(header)
        return password is not None and self.try_password(password, address)

    def new_session(self) -> str:
        """Give the cookie's value for a browser that knew the password."""
        return self._signed(f"{self._clock.wall_ms() // 1000}.{secrets.token_hex(16)}")

    def session_age_s(self, cookie: str) -> int | None:
        """Give the age of a valid session in seconds, None where the cookie is forged, broken or too old."""
        body, _, _ = cookie.rpartition(".")
        if not body or not hmac.compare_digest(self._signed(body).encode(), cookie.encode("utf-8", "surrogatepass")):
            return None
        age_s = self._clock.wall_ms() // 1000 - int(body.partition(".")[0])
        return max(0, age_s) if -_SKEW_S <= age_s < SESSION_S else None

    def _signed(self, body: str) -> str:
        signature = hmac.new(self._key, body.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
        return f"{body}.{signature}"


def basic_password(header: str) -> str | None:
    """Give the password of a Basic `Authorization` header, None where it is none."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        _, colon, password = base64.b64decode(value.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return password if colon else None


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be reached from this machine."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _network(address: str) -> str:
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is None:
        return str(ipaddress.ip_network((ip, _IPV6_NETWORK_BITS), strict=False))
    return str(ip)
