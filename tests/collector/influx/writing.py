"""What the tests of the writer share: lines to write, configurations, a writer that runs."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from collector.influx.config import InfluxConfig
from collector.influx.writer import InfluxWriter
from common.clock import ManualClock, SystemClock
from common.tasks import cancel, spawn
from tests.fixtures.influx import InfluxServer
from tests.fixtures.receiver import Request

NOW_MS = SystemClock().wall_ms() // 60_000 * 60_000  # VictoriaMetrics drops what is older than a month


def line(number: int, measurement: str = "m") -> str:
    return f"{measurement},device=d{number % 7} value={number}i {NOW_MS + number}"


def v1(url: str, **changes: Any) -> InfluxConfig:
    return InfluxConfig(**{"url": url, "version": 1, "flush_s": 0.05, "timeout_s": 5, "batch_lines": 100, **changes})


def v2(url: str, **changes: Any) -> InfluxConfig:
    return v1(url, version=2, **changes)


@contextlib.asynccontextmanager
async def running(config: InfluxConfig, folder: Path) -> AsyncIterator[InfluxWriter]:
    writer = InfluxWriter(config, ManualClock(NOW_MS), folder / "spool")
    task = spawn(writer.run(), "influx")
    try:
        yield writer
    finally:
        await cancel(task)
        await writer.close()


def values(influx: InfluxServer) -> list[int]:
    return sorted(row["value"] for row in influx.rows('SELECT "value" FROM "m"'))


def text_of(request: Request) -> str:
    body = request.body
    # aiohttp's server has already unpacked a gzip body
    return (gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body).decode()
