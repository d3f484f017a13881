"""Which certificates the checks have met, as they say it: agents with their heartbeats, the collector's own check too.

Only words of registered devices count. A word stands until the same vantage point says another, or until its device no
longer makes that check: a server that is down hides its certificate, and has not renewed it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import structlog

from collector.alerts.certificates import Certificate, Part
from collector.registry.model import OWN_DEVICE
from wire.topics import Address
from wire.votes import PREFIX, certificate_ends, certificate_of, is_check

if TYPE_CHECKING:
    from collector.fleet import Fleet
    from collector.registry.model import Subject
    from collector.views import HostFigures

log = structlog.get_logger(__name__)

OWN_EVERY_MS: Final = 3_600_000  # how often the collector looks at the certificates of its own checks
OWN_PATIENCE_S: Final = 10.0
_HTTPS: Final = 443
_MS: Final = 1000
_HOST_CHARS: Final = 253  # the longest name that the DNS knows
_ENDS: Final = certificate_ends("")
_LATEST_MS: Final = 253_402_300_799_999  # the end of the year 9999


class Certificates:
    """What each vantage point saw last of the certificate of each platform part."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._seen: dict[str, dict[str, Certificate]] = {}  # by tenant/part, by vantage point
        self._asked_ms: dict[str, int] = {}  # when the collector itself looked last, by address

    def heard(self, address: Address, host: HostFigures, received_ms: int) -> None:
        """Take the host figures of a heartbeat; of a device that is not registered, nothing."""
        if str(address) not in self._fleet.registry.devices:
            return
        for name, ends_ms in host.items():
            if not (name.startswith(PREFIX) and name.endswith(_ENDS)):
                continue
            output = name.removesuffix(_ENDS)
            whose = host.get(certificate_of(output))
            if type(ends_ms) is int and 0 <= ends_ms <= _LATEST_MS and isinstance(whose, str):
                found = Certificate(_tidy(whose), ends_ms, received_ms)
                self.saw(f"{address.tenant}/{output.removeprefix(PREFIX)}", address.device, found)

    def saw(self, part: str, point: str, certificate: Certificate) -> None:
        """Take one vantage point's word. `part`: tenant/part."""
        self._seen.setdefault(part, {})[point] = certificate

    async def ask(self, now_ms: int) -> None:
        """Look at the certificates of the collector's own checks whose turn it is, all at once."""
        due = [
            subject
            for subject, url in self._own()
            if not 0 <= now_ms - self._asked_ms.get(url, -OWN_EVERY_MS) < OWN_EVERY_MS
        ]
        self._asked_ms |= {subject.check.url: now_ms for subject in due if subject.check is not None}
        await asyncio.gather(*(self._ask(subject, now_ms) for subject in due))

    async def _ask(self, subject: Subject, now_ms: int) -> None:
        url = subject.check.url if subject.check is not None else ""
        try:
            async with asyncio.timeout(OWN_PATIENCE_S):
                host, ends_ms = await met(url)
        except (OSError, TimeoutError, ValueError) as error:  # ssl.SSLError is one: the check itself is down then
            log.info("certificate_not_seen", subject=subject.key, url=url, error=str(error) or type(error).__name__)
            return
        self.saw(subject.key, OWN_DEVICE, Certificate(host, ends_ms, now_ms))

    def parts(self) -> list[Part]:
        """Every platform part that a registered device checks, or the collector itself."""
        checked = self._checked()
        return [self._part(key, points) for key, points in sorted(checked.items())]

    def first(self, key: str) -> Certificate | None:
        """The certificate of a part that ends first, None where nobody has seen one."""
        return self._part(key, self._seen.get(key, {}).keys()).first

    def _part(self, key: str, points: Iterable[str]) -> Part:
        tenant, _, part = key.partition("/")
        subject = self._fleet.registry.subjects.get(key)
        seen = self._seen.get(key, {})
        return Part(
            key,
            (subject.name if subject else "") or part,
            f"{tenant}/{(subject.contract if subject else None) or ''}",
            {point: seen[point] for point in points if point in seen},
        )

    def _checked(self) -> dict[str, set[str]]:
        """The vantage points of each part, by what the devices say that they check; others' words are let go of."""
        found: dict[str, set[str]] = {}
        for key in self._fleet.registry.devices:
            tenant, _, device = key.partition("/")
            state = self._fleet.device(Address(tenant, device))
            for output in state.row.outputs if state is not None else ():
                if is_check(output):
                    found.setdefault(f"{tenant}/{output.removeprefix(PREFIX)}", set()).add(device)
        for subject, _ in self._own():
            found.setdefault(subject.key, set()).add(OWN_DEVICE)
        self._seen = {
            part: {point: word for point, word in words.items() if point in found[part]}
            for part, words in self._seen.items()
            if part in found
        }
        return found

    def _own(self) -> Iterator[tuple[Subject, str]]:
        for subject in self._fleet.registry.subjects.values():
            if subject.check is not None and subject.check.url.startswith("https:"):
                yield subject, subject.check.url


async def met(url: str, trust: ssl.SSLContext | None = None) -> tuple[str, int]:
    """Whose certificate answers at an https address, and when it ends. OSError (ssl.SSLError is one), ValueError.

    `trust`: whom to believe, the system's authorities where none is given.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    _, writer = await asyncio.open_connection(
        host, parts.port or _HTTPS, ssl=trust or ssl.create_default_context(), server_hostname=host
    )
    try:
        ends = (writer.get_extra_info("peercert") or {}).get("notAfter")
        if not ends:
            raise ValueError("its certificate does not say when it ends")
        return host, ssl.cert_time_to_seconds(str(ends)) * _MS
    finally:
        writer.transport.abort()


def _tidy(host: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in host[:_HOST_CHARS])
