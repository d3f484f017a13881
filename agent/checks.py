"""`[[checks]]`: asks a service whether it is up, and casts this machine's vote on it (docs/vantage-points.md).

    up        the answer is what was expected (over TCP: the connection stands)
    down      it is not, or none came in time; and something else can be reached
    unknown   no vote: nothing else can be reached either (`[connectivity] targets`): this network may be what is gone

Both are looked at in one go, so that a vote and what it is worth are of the same moment. Without targets every `down`
is told as it was seen. Latency, and when the certificate ends, go with the heartbeat.

A unit, a process and limits (docs/servers.md) are this machine's own: there it does not matter what can be reached.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import structlog

from agent.authorities import client_context
from agent.host import Figures
from agent.httpclient import Answer, Ask, HttpError, get, parse_url
from agent.limits import judge_limits
from agent.probes.base import Around, Probe, Reading, tidy
from common.clock import Clock, monotonic_s
from common.config import Finding
from common.connectivity import connect, parse_target, reach
from wire.runs import Confirm, Rules
from wire.votes import certificate_ends, certificate_of, output_of

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from agent.config import CheckTable
    from common.connectivity import Target

log = structlog.get_logger(__name__)

TEXT_BYTES: Final = 256 * 1024  # of a page, looked through for the expected text
REACH_S: Final = 3.0  # for each of the targets
SLACK_S: Final = 2.0  # beyond the deadlines of the check and of the targets, for a machine that is busy
PATIENCE: Final = 3  # looks that may be missed before the last one is nobody's evidence any more
_AFAR: Final = frozenset({"http", "tcp"})  # kinds of checks that a network lies before
_DAY_S: Final = 86_400
_MS: Final = 1000


def check_findings(checks: Iterable[CheckTable], file: str) -> Iterator[Finding]:
    """PURE. What is wrong with whom they ask."""
    for place, check in enumerate(checks):
        key = f"checks[{place}]"
        try:
            if check.url:
                parse_url(check.url)
        except ValueError as error:
            message = f"is {check.url!r}, which {error}"
            yield Finding("agent.check_url", file, f"{key}.url", message, "write https://host/path")
        try:
            if check.tcp:
                parse_target(check.tcp)
        except ValueError as error:
            yield Finding("agent.check_tcp", file, f"{key}.tcp", str(error), 'write it like "192.0.2.1:443"')
        if check.unit:
            from agent.probes.systemd import SystemdOptions, systemd_complaints

            for one in systemd_complaints(SystemdOptions(unit=check.unit)):
                yield Finding("agent.check_unit", file, f"{key}.unit", one.message, one.remedy)


class Check:
    """One service under watch (agent.probes.base.Probe)."""

    silence = Reading("unknown", None, "the check did not come to an end")

    def __init__(
        self,
        table: CheckTable,
        path: Callable[[str], Path],
        targets: Sequence[Target],
        clock: Clock,
        machine: Callable[[], Awaitable[Figures]] | None = None,
    ) -> None:
        """`path` makes a path of the file absolute; `machine` gives this machine's figures, for limits."""
        self.table = table
        self.output = output_of(table.id)
        self._machine = machine
        self._probe = _probe_of(table, Around(self.output, clock))
        self.figures: Figures = {}  # of the last look
        self._noted: Figures = {}  # of the one on its way
        self._path = path
        self._targets = targets
        self._clock = clock
        self._tls: ssl.SSLContext | None = None
        self._warned_days: int | None = None

    @property
    def patience_s(self) -> float:
        """Seconds within which a whole look ends; this machine's first figures take as long as the targets."""
        return self.table.timeout_s + REACH_S + SLACK_S

    @property
    def rules(self) -> Rules:
        """The run machine's rules: down after so many failures in a row, from the first of them on."""
        max_gap_ms = round(PATIENCE * (self.table.interval_s + self.patience_s) * _MS)
        return Rules({"down": Confirm(samples=self.table.failures)}, max_gap_ms)

    async def read(self) -> Reading:
        """Ask once."""
        self._noted = {}
        seen = await self._ask_for()
        self.figures = self._noted
        if seen.state != "down" or not self._targets or self.table.kind not in _AFAR:
            return seen
        found = await reach(self._targets, REACH_S)
        return seen if found.online else Reading("unknown", None, tidy(f"{seen.detail}, and {found.detail}"))

    async def close(self) -> None:
        """Let go of what the probe of this machine may hold; a service is asked anew each time."""
        if self._probe is not None:
            await self._probe.close()

    async def _ask_for(self) -> Reading:
        if self.table.limits:
            return judge_limits(self.table.limits, await self._machine() if self._machine is not None else {})
        if self._probe is not None:
            return _as_service(await self._probe.read())
        return await (self._tcp() if self.table.tcp else self._http())

    async def _tcp(self) -> Reading:
        begun_s = monotonic_s()
        failure = await connect(parse_target(self.table.tcp), self.table.timeout_s)
        if failure is not None:
            return Reading("down", None, tidy(failure))
        return Reading("up", None, f"connected in {self._took_ms(begun_s)} ms")

    async def _http(self) -> Reading:
        try:
            ask = self._ask()
        except OSError as error:  # ssl.SSLError is one
            return Reading("unknown", None, tidy(f"ca_file cannot be used: {error}"))
        begun_s = monotonic_s()
        try:
            async with asyncio.timeout(self.table.timeout_s):
                answer = await get(self.table.url, ask)
        except TimeoutError:
            return Reading("down", None, f"no answer within {self.table.timeout_s:g} s")
        except (OSError, HttpError, ValueError) as error:
            return Reading("down", None, tidy(str(error) or type(error).__name__))
        return self._judge(answer, self._took_ms(begun_s))

    def _judge(self, answer: Answer, took_ms: int) -> Reading:
        expected = self.table.expect_status
        if answer.status != expected:
            return Reading("down", None, tidy(f"status {answer.status}, expected {expected}{self._elsewhere(answer)}"))
        if self.table.expect_text and self.table.expect_text.encode() not in answer.body:
            return Reading("down", None, tidy(f"the answer lacks {self.table.expect_text!r}"))
        return Reading("up", None, tidy(f"status {answer.status} in {took_ms} ms{self._expiry()}"))

    def _elsewhere(self, answer: Answer) -> str:
        location = answer.headers.get("location")
        return f" after {self.table.redirects} redirects, the last to {location}" if location else ""

    def _ask(self) -> Ask:
        if self._tls is None and self.table.url.startswith("https:"):
            self._tls = client_context(self._path(self.table.ca_file) if self.table.ca_file else None)
        body_bytes = TEXT_BYTES if self.table.expect_text else 0
        return Ask(
            body_bytes=body_bytes,
            redirects=self.table.redirects,
            elsewhere=True,
            tls=self._tls,
            secured=self._secured,
            whole=False,
        )

    def _took_ms(self, begun_s: float) -> int:
        took_ms = round((monotonic_s() - begun_s) * _MS)
        self._noted[f"{self.output}.latency_ms"] = took_ms
        return took_ms

    def _secured(self, host: str, certificate: Mapping[str, Any]) -> None:
        """Note whose certificate it is and until when it is valid; of several on the way the one that ends first."""
        import ssl

        ends = certificate.get("notAfter")
        if not isinstance(ends, str):
            return
        ends_s = ssl.cert_time_to_seconds(ends)
        days = (ends_s - self._clock.wall_ms() // _MS) // _DAY_S
        known_ms = self._noted.get(certificate_ends(self.output))
        if not isinstance(known_ms, int) or ends_s * _MS < known_ms:
            self._noted[f"{self.output}.certificate_days"] = days
            self._noted[certificate_ends(self.output)] = ends_s * _MS
            self._noted[certificate_of(self.output)] = host
        if days < self.table.certificate_days_min and days != self._warned_days:
            self._warned_days = days
            log.warning("certificate_expires", check=self.table.id, days_left=days, remedy="renew it at the server")

    def _expiry(self) -> str:
        days = self._noted.get(f"{self.output}.certificate_days")
        soon = isinstance(days, int) and days < self.table.certificate_days_min
        return f", the certificate ends in {days} days" if soon else ""


def _probe_of(table: CheckTable, around: Around) -> Probe | None:
    """Who sees to it on this machine. Imported where it is wanted: most agents have neither kind of check."""
    if table.unit:
        from agent.probes.systemd import SystemdOptions, SystemdProbe

        return SystemdProbe(SystemdOptions(unit=table.unit), around)
    if table.process:
        from agent.probes.process import ProcessOptions, ProcessProbe

        return ProcessProbe(ProcessOptions(name=table.process, min_cpu_percent=0), around)
    return None


def _as_service(seen: Reading) -> Reading:
    """PURE. What a probe saw of a player's program, said of a service."""
    if seen.state == "unknown":
        return seen
    return Reading("up" if seen.state == "playing" else "down", None, seen.detail)
