"""Asks one probe, for ever: on time, within a deadline from outside, and whatever it does it takes nobody down."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable

import structlog

from agent.probes.base import Probe, Reading, tidy
from common.clock import Clock, monotonic_s
from common.tasks import cancel, spawn
from wire.runs import Instant

log = structlog.get_logger(__name__)

MIN_PAUSE_S = 0.2  # between two readings, however often a probe asks for an early one
CONFIRM_S = 1.0  # after an event that ended playback, when the probe is asked again: a second look that need not wait
# What an event can tell for certain. That a picture stands, or is black, is a matter of time, and waits for its turn.
DEFINITE: frozenset[str] = frozenset({"stopped", "error", "idle", "off"})
MAX_REPR = 1000  # characters of an exception that are looked at

Take = Callable[[Reading, Instant, int], None]
"""The reading, the moment at which it was asked for, and how long the machine had slept by then (ms)."""


class Watch:
    """One probe of an output, and its timing."""

    def __init__(
        self,
        name: str,
        probe: Probe,
        interval_s: float,
        timeout_s: float,
        clock: Clock,
        take: Take,
        early: asyncio.Event,
    ) -> None:
        self._name = name  # of its tasks
        self._probe = probe
        self._interval_s = interval_s
        self._timeout_s = timeout_s
        self._clock = clock
        self._take = take
        self._early = early  # set by whoever wants an early reading
        self._asking: asyncio.Task[Reading] | None = None

    async def run(self) -> None:
        """Ask until cancelled."""
        try:
            before: str | None = None
            while True:
                started_s, woken = monotonic_s(), self._early.is_set()
                self._early.clear()
                at = Instant(self._clock.mono_ms(), self._clock.wall_ms())
                suspended_ms = self._clock.suspended_ms()
                reading = await self.ask()
                self._take(reading, at, suspended_ms)
                news = woken and reading.state in DEFINITE and reading.state != before
                before = reading.state
                await self._pause(started_s, min(CONFIRM_S, self._interval_s) if news else self._interval_s)
        finally:
            await self.close()

    async def ask(self) -> Reading:
        """One reading within the deadline; what stands in the way becomes a reading too."""
        if self._asking is not None and not await _ends(self._asking, self._timeout_s):
            return self._probe.silence  # an earlier reading does not even heed its cancellation: never two at once
        task = self._asking = spawn(self._read(), f"probe-{self._name}")
        if not await _ends(task, self._timeout_s):
            task.cancel()
            return self._probe.silence
        return _result(task)

    async def _read(self) -> Reading:
        try:
            return await self._probe.read()
        except (Exception, KeyboardInterrupt, SystemExit) as error:  # noqa: BLE001 - the last two would end the agent
            why = tidy(repr(error)[:MAX_REPR])
            log.error("probe_failed", probe=self._name, error=why, where=_where(error))  # noqa: TRY400 - a line, no flood
            return Reading("unknown", None, tidy(f"the probe failed: {why}"))

    async def close(self) -> None:
        """End the reading that may be on its way, and the probe."""
        await cancel(self._asking)
        await self._probe.close()

    async def _pause(self, started_s: float, interval_s: float) -> None:
        await asyncio.sleep(MIN_PAUSE_S)
        left_s = interval_s - (monotonic_s() - started_s)
        if left_s <= 0:
            return
        try:
            async with asyncio.timeout(left_s):
                await self._early.wait()
        except TimeoutError:
            return


async def _ends(task: asyncio.Task[Reading], patience_s: float) -> bool:
    await asyncio.wait({task}, timeout=patience_s)
    return task.done()


def _result(task: asyncio.Task[Reading]) -> Reading:
    return Reading("unknown", None, "the reading was cut off") if task.cancelled() else task.result()


def _where(error: BaseException) -> str | None:
    """The line in which it was raised: enough to find a bug, however often and however long it complains."""
    frames = traceback.extract_tb(error.__traceback__, limit=-1)
    return f"{frames[0].filename}:{frames[0].lineno}" if frames else None
