"""The collector's own check of the platform: asks a URL, and states what it saw by the same road as an agent.

Rule: `failures` bad answers in a row before it is down; the down run starts at the first of them. Each check makes one
observation for the run machine (wire/runs.py); its runs go through ingest like any device's, under the collector's own
name. Whether it is the portal's network that is lost or its own, the collector knows only where it was given other
targets to try (`[connectivity] targets`): when it reaches none of those either, what it saw is `unknown`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import aiohttp
import msgspec
import structlog

from collector.httpclient import beginning
from collector.ledger.intake import Received
from collector.registry.model import OWN_DEVICE, PortalCheck, Subject
from common.clock import Clock, monotonic_s
from common.connectivity import Target, reach
from common.tasks import cancel, spawn
from wire.messages import Heartbeat, Hello, Output, Run, Runs
from wire.runs import Closed, Confirm, Instant, Machine, Observation, Rules, Stretch, close, observe
from wire.topics import Address

if TYPE_CHECKING:
    from wire.states import State

log = structlog.get_logger(__name__)

ANSWER_BYTES_MAX: Final = 1024 * 1024  # of a page, looked through for the expected text
STEP_MS: Final = 1000  # between wall clock and CLOCK_BOOTTIME: it was set, not slewed
_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """What one check saw."""

    state: State  # up | down; unknown: the collector reaches nothing else either
    detail: str
    latency_ms: int


async def ask(session: aiohttp.ClientSession, check: PortalCheck) -> Answer:
    """Ask once; whatever goes wrong is an answer, with the reason in its detail."""
    begun = monotonic_s()

    def answer(state: State, detail: str) -> Answer:
        return Answer(state, detail[:500], round((monotonic_s() - begun) * _MS))

    try:
        timeout = aiohttp.ClientTimeout(total=check.timeout_s)
        async with session.get(check.url, timeout=timeout, allow_redirects=True) as response:
            if response.status != check.expect_status:
                return answer("down", f"status {response.status}, expected {check.expect_status}")
            if check.expect_text:
                text = (await beginning(response, ANSWER_BYTES_MAX)).decode(response.charset or "utf-8", "replace")
                if check.expect_text not in text:
                    return answer("down", f"the answer lacks {check.expect_text!r}")
            return answer("up", f"status {response.status}")
    except TimeoutError:
        return answer("down", f"no answer within {check.timeout_s:g} s")
    except (aiohttp.ClientError, OSError, ValueError, LookupError) as error:
        return answer("down", f"{type(error).__name__}: {error}")


@dataclass(frozen=True, slots=True)
class Outlook:
    """What else the collector tries when a portal seems down; without targets what it sees is believed."""

    targets: Sequence[Target] = ()
    timeout_s: float = 3.0

    async def weigh(self, answer: Answer) -> Answer:
        """Give the answer as it may be told."""
        if answer.state != "down" or not self.targets:
            return answer
        found = await reach(self.targets, self.timeout_s)
        return answer if found.online else replace(answer, state="unknown", detail=found.detail[:500])


class Epoch:
    """The collector's own clock, as evidence needs it: to the ledger each setting of the wall clock begins a new boot.

    Within a boot the earliest word on its clock stands (collector/clocks/truetime.py), so that what was watched by a
    clock that was wrong stays where that clock put it, and what is watched after it was set right is placed right.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead_ms = 0
        self.boot = ""
        self.now()

    def now(self) -> Instant:
        """Read both clocks; `boot` names the epoch they belong to."""
        at = Instant(self._clock.mono_ms(), self._clock.wall_ms())
        ahead_ms = at.wall_ms - at.mono_ms
        if not self.boot or abs(ahead_ms - self._ahead_ms) > STEP_MS:
            self.boot = uuid4().hex
        self._ahead_ms = ahead_ms
        return at


class Watch:
    """One platform part under watch: its run machine and its seqs."""

    def __init__(
        self,
        subject: Subject,
        check: PortalCheck,
        epoch: Epoch,
        state: Callable[[Received], None],
        outlook: Outlook | None = None,
    ) -> None:
        self.subject = subject
        self._outlook = outlook or Outlook()
        self.check = check
        self.latency_ms: int | None = None
        self._epoch = epoch
        self._boot = epoch.boot
        self._state = state
        self._spool = uuid4().hex
        self._seq = 0
        self._numbered: Instant | None = None  # start of the run that has this seq
        self._machine = Machine()
        self._rules = Rules(
            confirm={"down": Confirm(samples=check.failures)},
            max_gap_ms=round((check.interval_s * 3 + check.timeout_s) * _MS),
        )

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Check at the interval until cancelled."""
        while True:
            begun = monotonic_s()
            answer = await ask(session, self.check)
            self.latency_ms = answer.latency_ms
            self.take(await self._outlook.weigh(answer))
            await asyncio.sleep(max(0.0, self.check.interval_s - (monotonic_s() - begun)))

    def take(self, answer: Answer) -> None:
        """Turn one answer into statements for the ledger."""
        at = self._epoch.now()
        if self._epoch.boot != self._boot:
            self._end_epoch(at)
        before = self._machine.open
        self._machine, closed = observe(self._machine, Observation(answer.state, None, answer.detail, at), self._rules)
        self._say_closed(closed, at)
        if (run := self._machine.open) is not None:
            opened = [self._run(run, None)]
            self._say(Heartbeat(**_stamp(self._boot, run.seen), spool=self._spool, open=opened), run.seen.wall_ms)
        if before is None or (run is not None and run.state != before.state):
            log.info("portal", subject=self.subject.key, state=run.state if run else "in doubt", detail=answer.detail)

    def _end_epoch(self, at: Instant) -> None:
        """The clock was set: what was seen by the old one ends where it was last seen."""
        closed = close(self._machine)
        self._machine = Machine()
        self._say_closed(closed, at)
        self._boot = self._epoch.boot

    def _say_closed(self, closed: list[Closed], at: Instant) -> None:
        if closed:
            runs = [self._run(run, run.end) for run in closed]
            self._say(Runs(**_stamp(self._epoch.boot, at), spool=self._spool, runs=runs), at.wall_ms)

    def _run(self, run: Closed | Stretch, end: Instant | None) -> Run:
        return Run(
            seq=self._seq_of(run.start),
            output=self.subject.id,
            state=run.state,
            cause=run.cause,
            detail=run.detail,
            boot=self._boot,
            start_ms=run.start.wall_ms,
            start_mono_ms=run.start.mono_ms,
            end_ms=end.wall_ms if end else None,
            end_mono_ms=end.mono_ms if end else None,
        )

    def _seq_of(self, start: Instant) -> int:
        """A run keeps its number while it is open and when it closes; runs come oldest first."""
        if start != self._numbered:
            self._numbered = start
            self._seq += 1
        return self._seq

    def _say(self, message: Heartbeat | Runs, received_ms: int) -> None:
        self._state(Received(Address(self.subject.tenant, OWN_DEVICE), message, received_ms))


def _asked(check: PortalCheck | None) -> PortalCheck | None:
    """A check without what only the judgement of its answers hangs on."""
    return None if check is None else msgspec.structs.replace(check, votes=msgspec.UNSET)


def _stamp(boot: str, at: Instant) -> dict[str, Any]:
    # To the collector its own clock is the true one.
    return {"boot": boot, "sent_ms": at.wall_ms, "mono_ms": at.mono_ms, "synced": True}


class PortalChecks:
    """The watches over every platform part that the registry tells how to check."""

    def __init__(self, clock: Clock, state: Callable[[Received], None], outlook: Outlook | None = None) -> None:
        self._outlook = outlook
        self._epoch = Epoch(clock)
        self._spool = uuid4().hex
        self._state = state
        self._session: aiohttp.ClientSession | None = None
        self._watches: dict[str, tuple[Watch, asyncio.Task[None]]] = {}

    async def follow(self, subjects: Iterable[Subject]) -> None:
        """Start and stop watches so that they fit the registry."""
        if self._session is None:
            self._session = aiohttp.ClientSession(headers={"User-Agent": "signwatch"})
        wanted = {each.key: each for each in subjects if each.kind == "platform" and each.check and each.check.url}
        for key, (watch, task) in list(self._watches.items()):
            if key not in wanted or _asked(wanted[key].check) != _asked(watch.check):
                await cancel(task)
                del self._watches[key]
        self._greet(wanted.values())
        for key, subject in wanted.items():
            if key not in self._watches and subject.check is not None:
                watch = Watch(subject, subject.check, self._epoch, self._state, self._outlook)
                self._watches[key] = watch, spawn(watch.run(self._session), f"portal check {key}")

    def _greet(self, subjects: Iterable[Subject]) -> None:
        """Say how often we speak, so that a check every few minutes is not taken for silence in between."""
        tenants: dict[str, list[Subject]] = {}
        for subject in subjects:
            tenants.setdefault(subject.tenant, []).append(subject)
        at = self._epoch.now()
        for tenant, parts in tenants.items():
            hello = Hello(
                **_stamp(self._epoch.boot, at),
                spool=self._spool,
                agent="signwatch-collector",
                interval_s=max(part.check.interval_s + part.check.timeout_s for part in parts if part.check),
                outputs=[Output(id=part.id, probe="portal") for part in parts],
                role="server",
            )
            self._state(Received(Address(tenant, OWN_DEVICE), hello, at.wall_ms))

    def latency_ms(self, key: str) -> int | None:
        """How long the last answer of a platform part took."""
        found = self._watches.get(key)
        return found[0].latency_ms if found else None

    async def close(self) -> None:
        """Stop asking."""
        await cancel(*(task for _, task in self._watches.values()))
        self._watches.clear()
        if self._session is not None:
            await self._session.close()
