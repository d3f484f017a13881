"""What the running collector tells InfluxDB, and when.

Heartbeats as they come, runs as they close, the rest as often as figures are computed. It only makes lines and hands
them to the writer, which never waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from collector.clocks.truetime import believable
from collector.evidence import RunRow
from collector.fleet import OWN_DEVICE
from collector.influx import points
from collector.influx.config import InfluxConfig
from collector.influx.writer import InfluxWriter
from collector.registry.model import Registry
from collector.views import AlertView, Desk
from common.clock import Clock
from wire.messages import Heartbeat
from wire.topics import Address
from wire.votes import is_check

SNAPSHOT_MIN_MS: Final = 5_000  # figures may be computed more often than dashboards need them


class InfluxFeed:
    """Makes points of what happens. `registry` gives the snapshot in force, for the sites."""

    def __init__(self, config: InfluxConfig, clock: Clock, registry: Callable[[], Registry]) -> None:
        self._writer = InfluxWriter(config, clock)
        self._registry = registry
        self._snapshot_ms = 0

    async def run(self) -> None:
        """Write until cancelled."""
        await self._writer.run()

    async def close(self) -> None:
        """Write or put on disk what waits."""
        await self._writer.close()

    def metrics(self) -> Mapping[str, int | float]:
        """Counters by full Prometheus name."""
        return self._writer.stats().metrics()

    def health(self) -> str:
        """How writing stands, for `/healthz`."""
        return self._writer.stats().health()

    def heartbeat(self, address: Address, heartbeat: Heartbeat, received_ms: int) -> None:
        """Tell one heartbeat at its true time, as far as the heartbeat itself shows it."""
        trusted = heartbeat.synced and believable(heartbeat.sent_ms, received_ms)
        at_ms = heartbeat.sent_ms if trusted else received_ms
        site = self._site(address)
        self._writer.enqueue(points.heartbeat_points(address.tenant, site, address.device, heartbeat, at_ms))

    def runs(self, rows: Iterable[tuple[Address, RunRow]]) -> None:
        """Tell the runs that have closed; one told before lands on its own point."""
        self._writer.enqueue(run_lines(rows, self._registry()))

    async def snapshot(self, desk: Desk) -> None:
        """Tell everything that is true now. Thousands of lines are made beside the loop that everybody shares."""
        now_ms = desk.now_ms()
        if 0 <= now_ms - self._snapshot_ms < SNAPSHOT_MIN_MS:
            return
        self._snapshot_ms = now_ms
        parts = list(desk.players()), desk.platforms(), desk.figures(), desk.open_alerts()
        self._writer.enqueue(await asyncio.to_thread(points.snapshot_points, *parts, now_ms))

    def alert(self, alert: AlertView) -> None:
        """Tell an opening or a closing at once."""
        self._writer.enqueue([points.alert_point(alert)])

    def _site(self, address: Address) -> str | None:
        return _site(address, self._registry())


def run_lines(rows: Iterable[tuple[Address, RunRow]], registry: Registry) -> Iterator[str]:
    """A line for each closed run of a device; what is checked, by whomever, is told by its state alone."""
    for address, row in rows:
        if row.closed and address.device != OWN_DEVICE and not is_check(row.output):
            yield points.run_point(address.tenant, _site(address, registry), address.device, row.output, row.view())


def _site(address: Address, registry: Registry) -> str | None:
    device = registry.devices.get(str(address))
    return device.site if device else None
