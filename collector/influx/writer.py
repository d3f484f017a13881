"""Points on their way to InfluxDB: memory, then the network; the disk where the network does not answer.

One loop does it all, so lines arrive in the order in which they were given. `enqueue` only appends to a bounded queue:
whoever calls it never waits. What may be lost: the queue and the batch under way at a crash (at most `flush_s` and
`timeout_s` of points), what the spool's folder says, and the oldest lines beyond `queue_lines` and `spool_max_bytes`;
each loss but the first is counted. Lines may be written twice; the second is the first's equal and changes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import structlog

from collector.backoff import backoff_ms
from collector.influx.config import MAX_LINE_BYTES, InfluxConfig
from collector.influx.refused import RefusedLines
from collector.influx.spool import LineSpool
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


@dataclass(frozen=True, slots=True)
class InfluxStats:
    """Counters since the start, and what waits now. `state`: `ok`, `away` or `misconfigured`."""

    state: str = "ok"
    last_error: str = ""
    written_lines: int = 0
    refused_lines: int = 0
    dropped_lines: int = 0
    failed_requests: int = 0
    disk_errors: int = 0
    queued_lines: int = 0
    spooled_bytes: int = 0

    def metrics(self) -> dict[str, int | float]:
        """The same by full Prometheus name."""
        return {
            "signwatch_influx_up": int(self.state == "ok"),
            "signwatch_influx_written_lines_total": self.written_lines,
            "signwatch_influx_refused_lines_total": self.refused_lines,
            "signwatch_influx_dropped_lines_total": self.dropped_lines,
            "signwatch_influx_failed_requests_total": self.failed_requests,
            "signwatch_influx_disk_errors_total": self.disk_errors,
            "signwatch_influx_queued_lines": self.queued_lines,
            "signwatch_influx_spooled_bytes": self.spooled_bytes,
        }


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
        self._stats = InfluxStats()

    def enqueue(self, lines: Iterable[str]) -> None:
        """Take lines of line protocol with millisecond timestamps. When the queue is full the oldest are dropped."""
        for line in lines:
            self._queue.extend(part for part in line.encode(errors="replace").split(b"\n") if part)
        self._bound_queue()
        if len(self._queue) >= self._config.batch_lines:
            self._full.set()

    def stats(self) -> InfluxStats:
        """Counters since the start, and what waits now."""
        waiting = len(self._queue) + len(self._in_hand)
        return replace(self._stats, queued_lines=waiting, spooled_bytes=self._spool.size_bytes)

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
        """Disk → network, one segment."""
        segment = None if monotonic_s() < self._disk_at_s else await self._on_disk(self._spool.oldest)
        if segment is None:
            return
        self._drop(int(segment.torn), "its end was cut off")
        left = await self._send(segment.lines)
        if len(left) < len(segment.lines) or not left:
            await self._on_disk(lambda: self._spool.replace(segment.number, left))

    async def _send(self, lines: list[bytes]) -> list[bytes]:
        """Network; halves where InfluxDB dislikes a batch. What is left over is not to be lost."""
        size = self._config.batch_lines
        chunks = deque(lines[start : start + size] for start in range(0, len(lines), size))
        refused: list[tuple[bytes, str]] = []
        while chunks:
            chunk = chunks[0]
            answer = await self._write(chunk)
            verdict = judge(answer)
            if verdict in {"later", "misconfigured"}:
                self._failed(answer, verdict)
                break
            chunks.popleft()
            if verdict == "landed":
                self._landed(len(chunk))
            elif len(chunk) == 1:
                refused.append((chunk[0], str(answer)))
            else:
                middle = len(chunk) // 2
                chunks.extendleft([chunk[middle:], chunk[:middle]])
        await self._set_aside(refused)
        return [line for chunk in chunks for line in chunk]

    async def _write(self, chunk: list[bytes]) -> Answer:
        if self._transport is None:
            raise RuntimeError("InfluxWriter.run was not called")
        if len(chunk) == 1 and len(chunk[0]) > MAX_LINE_BYTES:
            return Answer(413, f"the line has {len(chunk[0])} bytes, the limit is {MAX_LINE_BYTES}")
        if any(len(line) > MAX_LINE_BYTES for line in chunk):
            return Answer(413, "a line is too long")
        return await self._transport.write(b"\n".join(chunk))

    # --- bookkeeping ------------------------------------------------------------------------------------------------

    def _is_waiting(self) -> bool:
        return monotonic_s() < self._retry_at_s

    def _wait(self, wait_ms: int) -> None:
        self._retry_at_s = monotonic_s() + wait_ms / 1000

    def _landed(self, lines: int) -> None:
        if self._stats.state != "ok":
            log.info("influx_back", after=self._stats.last_error)
        self._failures = 0
        self._stats = replace(self._stats, state="ok", written_lines=self._stats.written_lines + lines)

    def _failed(self, answer: Answer, verdict: str) -> None:
        self._failures += 1
        state = "misconfigured" if verdict == "misconfigured" else "away"
        wait_ms = backoff_ms(self._failures, _FIRST_WAIT_MS, _LONGEST_WAIT_MS)
        self._wait(_MISCONFIGURED_WAIT_MS if state == "misconfigured" else max(wait_ms, answer.retry_after_ms or 0))
        if (state, str(answer)) != (self._stats.state, self._stats.last_error):  # say it once, not every minute
            tell = log.error if state == "misconfigured" else log.warning
            remedy = "check [influx] url, database or org, bucket and the credentials; points wait on disk"
            tell("influx_" + state, error=str(answer), **({"remedy": remedy} if state == "misconfigured" else {}))
        failed = self._stats.failed_requests + 1
        self._stats = replace(self._stats, state=state, last_error=str(answer), failed_requests=failed)

    async def _set_aside(self, refused: list[tuple[bytes, str]]) -> None:
        if not refused:
            return
        first, reason = refused[0]
        log.error("influx_refused_lines", lines=len(refused), first=first[:200].decode(errors="replace"), reason=reason)
        self._stats = replace(self._stats, refused_lines=self._stats.refused_lines + len(refused))
        await self._on_disk(lambda: self._refused.add(refused))

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
