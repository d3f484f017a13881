"""Points on their way to InfluxDB: memory, then the network; the disk where the network does not answer.

One loop does it all, so lines arrive in the order in which they were given. `enqueue` only appends to a bounded queue:
whoever calls it never waits. What may be lost: the queue and the batch under way at a crash (at most `flush_s` and
`timeout_s` of points), what the spool's folder says, and the oldest lines beyond `queue_lines` and `spool_max_bytes`;
each loss but the first is counted. Lines may be written twice; the second is the first's equal and changes nothing.
Lines that fail for ever while others land do not hold those up for ever (suspicion.py).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import structlog

from collector.backoff import backoff_ms
from collector.influx.config import InfluxConfig
from collector.influx.delivery import Delivered, Refused, deliver
from collector.influx.refused import RefusedLines
from collector.influx.spool import LineSpool, Segment
from collector.influx.stats import InfluxStats
from collector.influx.suspicion import Suspicion
from collector.influx.transport import Transport, check, connect
from collector.influx.verdict import Answer, judge
from common.clock import monotonic_s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from common.clock import Clock

log = structlog.get_logger(__name__)
_FIRST_WAIT_MS: Final = 1_000
_LONGEST_WAIT_MS: Final = 60_000
_MISCONFIGURED_WAIT_MS: Final = 60_000
_DISK_WAIT_S: Final = 5.0
_QUIET_S: Final = 60.0  # between two log lines about the same kind of loss
_T = TypeVar("_T")


class InfluxWriter:
    """Takes lines, never blocks, never fails. `folder` overrides the configuration's `spool_dir`.

    ConfigError at once where a secret or a certificate of the configuration cannot be read.
    """

    def __init__(self, config: InfluxConfig, clock: Clock, folder: Path | None = None) -> None:
        check(config)
        folder = folder or Path(config.spool_dir)
        self._config = config
        self._clock = clock
        self._queue: deque[bytes] = deque()
        self._spool = LineSpool(folder, config.spool_max_bytes)
        self._refused = RefusedLines(folder, clock)
        self._transport: Transport | None = None
        self._full = asyncio.Event()
        self._in_hand: list[bytes] = []  # taken from the queue, and not yet anywhere else
        self._failures = 0
        self._retry_at_s = 0.0  # monotonic; the network is left alone until then
        self._disk_at_s = 0.0  # likewise the disk
        self._drop_told_s = -_QUIET_S
        self._suspicion = Suspicion(round(config.patience_s * 1000))
        self._known_good: bytes | None = None  # a line that landed: writing it again changes nothing
        self._newest: bytes | None = None  # the next best control: another one each time
        self._stats = InfluxStats()

    def enqueue(self, lines: Iterable[str]) -> None:
        """Take lines of line protocol with millisecond timestamps. When the queue is full the oldest are dropped."""
        for line in lines:
            self._queue.extend(part for part in line.encode(errors="replace").split(b"\n") if part)
        self._newest = self._queue[-1] if self._queue else self._newest
        self._bound_queue()
        if len(self._queue) >= self._config.batch_lines:
            self._full.set()

    def stats(self) -> InfluxStats:
        """Counters since the start, and what waits now."""
        waiting = len(self._queue) + len(self._in_hand)
        return replace(
            self._stats,
            queued_lines=waiting,
            spooled_bytes=self._spool.size_bytes,
            spooled_segments=self._spool.segments,
        )

    async def run(self) -> None:
        """Write until cancelled; then call `close`."""
        self._transport = connect(self._config, self._clock)
        await self._on_disk(self._spool.open)
        while True:
            await self._gather()
            if self._spool.segments or self._is_waiting():
                await self._shelve()
                if not self._is_waiting():
                    await self._send_oldest()
            else:
                await self._send_newest()

    async def close(self) -> None:
        """Try once to write what is left; what does not land goes to the disk. Call it after `run` has ended."""
        if self._transport is None:  # `run` never began
            await self._on_disk(self._spool.open)
        elif not self._spool.segments and not self._is_waiting():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._config.timeout_s):
                    await self._send_newest(everything=True)
        await self._shelve()
        if self._transport is not None:
            await self._transport.close()
            self._transport = None

    # --- the loop's steps -------------------------------------------------------------------------------------------

    async def _gather(self) -> None:
        """Wait for a full batch, for the flush time, or for nothing where the spool can be drained."""
        self._full.clear()
        wait_s = self._config.flush_s
        if self._spool.segments:
            wait_s = min(wait_s, max(0.0, max(self._retry_at_s, self._disk_at_s) - monotonic_s()))
        if len(self._queue) >= self._config.batch_lines and not self._is_waiting():
            wait_s = 0.0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._full.wait()

    async def _send_newest(self, *, everything: bool = False) -> None:
        """The usual case: memory → network. Where that fails, the lines go to the disk."""
        while self._queue or self._in_hand:
            while self._queue and len(self._in_hand) < self._config.batch_lines:
                self._in_hand.append(self._queue.popleft())
            self._in_hand = await self._send(self._in_hand)
            if self._in_hand or not (everything or len(self._queue) >= self._config.batch_lines):
                break
        if self._in_hand:
            await self._shelve()

    async def _shelve(self) -> None:
        """Memory → disk."""
        self._in_hand += self._queue
        self._queue.clear()
        lines = self._in_hand
        if not lines:
            return
        dropped = None if monotonic_s() < self._disk_at_s else await self._on_disk(lambda: self._spool.append(lines))
        if dropped is None:  # the disk failed: keep them in memory, in order, within bounds
            self._queue.extendleft(reversed(lines))
            self._bound_queue()
        else:
            self._drop(dropped, "the spool is full")
        self._in_hand = []

    async def _send_oldest(self) -> None:
        """Disk → network, one segment, or as much of it as a suspicion lets through at once."""
        segment = None if monotonic_s() < self._disk_at_s else await self._on_disk(self._spool.oldest)
        if segment is None:
            return
        self._drop(int(segment.torn), "its end was cut off")
        if self._suspicion.is_due(_now_ms()) and not await self._is_cleared(segment):
            return
        size = self._suspicion.size(self._config.batch_lines)
        now, later = (segment.lines, []) if size is None else (segment.lines[:size], segment.lines[size:])
        left = await self._send(now)
        if len(left) < len(now):
            self._suspicion.landed()
        if left:
            self._suspicion.failed(_now_ms())
        await self._keep(segment, [*left, *later])

    async def _is_cleared(self, segment: Segment) -> bool:
        """Find out who is at fault with a control; whether to go on with the segment now (suspicion.py)."""
        control = self._known_good or self._newest or segment.lines[-1]
        answer = await self._transport_now().write(control)
        if judge(answer, 1) in {"later", "misconfigured"}:
            self._failed(answer)
            return False
        self._failures = 0
        tried = min(len(segment.lines), self._config.batch_lines)
        if not self._suspicion.control_landed(tried):
            return True
        reason = f"failed again and again while other lines landed; the last answer: {self._stats.last_error}"
        await self._set_aside([(segment.lines[0], reason)])
        await self._keep(segment, segment.lines[1:])
        return False

    async def _keep(self, segment: Segment, lines: list[bytes]) -> None:
        """Leave only these lines of the oldest segment."""
        if not lines:
            self._suspicion.clear()
        if len(lines) < len(segment.lines) or not lines:
            await self._on_disk(lambda: self._spool.replace(segment.number, lines))

    async def _send(self, lines: list[bytes]) -> list[bytes]:
        """Network. What is left over is not to be lost."""
        result = await deliver(self._transport_now(), lines, self._config.batch_lines)
        self._note(result)
        await self._set_aside(result.refused)
        return result.left

    def _transport_now(self) -> Transport:
        if self._transport is None:
            raise RuntimeError("InfluxWriter.run was not called")
        return self._transport

    # --- bookkeeping ------------------------------------------------------------------------------------------------

    def _is_waiting(self) -> bool:
        return monotonic_s() < self._retry_at_s

    def _wait(self, wait_ms: int) -> None:
        self._retry_at_s = monotonic_s() + wait_ms / 1000

    def _note(self, result: Delivered) -> None:
        expired = self._stats.expired_lines + result.expired
        written = self._stats.written_lines + result.landed
        self._known_good = result.good or self._known_good
        if result.landed or result.expired or result.refused:
            if self._stats.state != "ok":
                log.info("influx_back", after=self._stats.last_error)
            self._failures = 0
            self._stats = replace(self._stats, state="ok", written_lines=written, expired_lines=expired)
        if result.failure is not None:
            self._failed(result.failure)

    def _failed(self, answer: Answer) -> None:
        self._failures += 1
        state = "misconfigured" if judge(answer, 1) == "misconfigured" else "away"
        wait_ms = backoff_ms(self._failures, _FIRST_WAIT_MS, _LONGEST_WAIT_MS)
        self._wait(_MISCONFIGURED_WAIT_MS if state == "misconfigured" else max(wait_ms, answer.retry_after_ms or 0))
        if (state, str(answer)) != (self._stats.state, self._stats.last_error):  # say it once, not every minute
            tell = log.error if state == "misconfigured" else log.warning
            remedy = "check [influx] url, database or org, bucket and the credentials; points wait on disk"
            tell("influx_" + state, error=str(answer), **({"remedy": remedy} if state == "misconfigured" else {}))
        failed = self._stats.failed_requests + 1
        self._stats = replace(self._stats, state=state, last_error=str(answer), failed_requests=failed)

    async def _set_aside(self, refused: list[Refused]) -> None:
        if not refused:
            return
        first, reason = refused[0]
        log.error("influx_refused_lines", lines=len(refused), first=first[:200].decode(errors="replace"), reason=reason)
        lost = await self._on_disk(lambda: self._refused.add(refused))
        self._stats = replace(
            self._stats,
            refused_lines=self._stats.refused_lines + len(refused),
            discarded_lines=self._stats.discarded_lines + (len(refused) if lost is None else lost),
        )

    async def _on_disk(self, work: Callable[[], _T]) -> _T | None:
        """Run `work` in a thread; None where the disk failed, which is counted, told, and waited out."""
        try:
            return await asyncio.to_thread(work)
        except OSError as error:
            self._disk_at_s = monotonic_s() + _DISK_WAIT_S
            self._stats = replace(self._stats, disk_errors=self._stats.disk_errors + 1)
            log.error("influx_spool_disk", error=str(error), remedy="check the folder of [influx] spool_dir")  # noqa: TRY400
            return None

    def _bound_queue(self) -> None:
        over = len(self._queue) - self._config.queue_lines
        for _ in range(over):
            self._queue.popleft()
        self._drop(max(0, over), "the queue is full")

    def _drop(self, lines: int, why: str) -> None:
        if not lines:
            return
        self._stats = replace(self._stats, dropped_lines=self._stats.dropped_lines + lines)
        if monotonic_s() - self._drop_told_s >= _QUIET_S:
            self._drop_told_s = monotonic_s()
            log.warning("influx_dropped_lines", lines=lines, why=why, so_far=self._stats.dropped_lines)


def _now_ms() -> int:
    return round(monotonic_s() * 1000)
