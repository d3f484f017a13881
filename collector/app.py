"""The collector, put together: what is started in which order, who tells whom, and how it stops.

broker ─▶ mqtt ─▶ ingest ─▶ ledger
                    │ after the commit
                    ▼
                   live ─▶ figures ─▶ alerts, InfluxDB
                    └────▶ bus ─▶ page, API
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from msgspec.structs import replace
from sqlalchemy.exc import DatabaseError

from collector import health
from collector.admin import AdminDesk, AdminServer, serve_admin, socket_path
from collector.alerts.desk import AlertDesk
from collector.broker import CredentialStore, EmbeddedBroker
from collector.bus import Bus
from collector.certificates import Certificates
from collector.clocks.discipline import Discipline
from collector.config import CollectorConfig, load_contracts
from collector.decisions.model import Decisions
from collector.desk import LiveDesk
from collector.erasure.shell import Eraser
from collector.housekeeping import LOOK_EVERY_H, Housekeeping
from collector.influx.erase import erase_points
from collector.influx.feed import InfluxFeed
from collector.intake.ingest import Ingest
from collector.ledger.conflict_store import read_conflicts
from collector.ledger.decisions_store import read_every_decision
from collector.ledger.evidence_store import EvidenceStore
from collector.ledger.intake import Outcome
from collector.ledger.ledger import Ledger
from collector.ledger.registry_store import read_registry
from collector.ledger.run_queries import runs_since
from collector.live import Live
from collector.mqtt import MqttLink
from collector.portal import PortalChecks
from collector.registry.model import OWN_DEVICE, Registry
from collector.revisions.keeper import Keeper
from collector.revisions.look import read_source
from collector.views import AlertView, Event, FigureView
from collector.web.app import Server, serve
from common.clock import Clock, SystemClock, monotonic_s
from common.systemd import feed_watchdog, notify
from common.tasks import cancel, spawn
from wire.messages import Ack, Heartbeat
from wire.topics import Address

log = structlog.get_logger(__name__)

FIGURES_EVERY_S: Final = 15
TICK_EVERY_S: Final = 1
STEP_MS: Final = 1000  # a wall clock that moves so far against CLOCK_BOOTTIME between two ticks was set, not slewed
CERTIFICATES_EVERY_S: Final = 30
PRUNE_EVERY_H: Final = 6
TURNS_WITHIN_S: Final = 30  # the watchdog is fed only while the ticks come at least this often
STOP_WITHIN_S: Final = 10
PLACES_AT_ONCE: Final = 50  # of which the runs are read into memory together


class CollectorFailedError(Exception):
    """A part of the collector ended by itself; whoever started the process should start it again."""


class Collector:
    """One running collector. `start`, then `stop`; `run` does both around a SIGTERM."""

    def __init__(self, config: CollectorConfig, clock: Clock | None = None) -> None:
        self.config = config
        self.clock = clock or SystemClock()
        self.discipline = Discipline(self.clock)
        self.bus = Bus()
        self.live = Live(self.clock, self.bus, load_contracts(config.contracts.files))
        self.ledger = Ledger.open(Path(config.ledger.path))
        self.ingest = Ingest(
            self.ledger,
            self.clock,
            self._acknowledge,
            self._committed,
            self._heard,
            config.ingest.intake(),
            self.live.fleet.alive,
        )
        self.portal = PortalChecks(self.clock, self.ingest.accept, config.connectivity.outlook())
        self.certificates = Certificates(self.live.fleet)
        self.alerts = AlertDesk(self.ledger, config.alerts, self.clock, self._alert_changed)
        files = [read_source(Path(name).stem, name) for name in config.contracts.files]
        self.keeper = Keeper(self.ledger, self.clock, files, lambda: self.live.agreements.by_key)
        self.desk = LiveDesk(
            self.ledger,
            self.clock,
            self.bus,
            self.live,
            self.alerts,
            lambda: health.health(self),
            self._metrics,
            self.keeper,
        )
        self.influx = InfluxFeed(config.influx, self.clock, lambda: self.live.fleet.registry) if config.influx else None
        self.housekeeping = Housekeeping(self.ledger, self.clock, config.backup, config.retention)
        self.broker: EmbeddedBroker | None = None
        self.link: MqttLink | None = None
        self.web: Server | None = None
        self.turned_s = monotonic_s()
        self._figures: dict[str, FigureView] = {}  # not judged yet; of each agreement the newest
        self._figured = asyncio.Event()
        # No grace: a loop that was late for a second must not lose a turn.
        defaults = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        self._scheduler = AsyncIOScheduler(timezone="UTC", job_defaults=defaults)
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self.failed: str | None = None
        self._ingesting: asyncio.Task[None] | None = None
        self._admin: AdminServer | None = None

    async def start(self) -> None:
        """Bring everything up; ConfigError, LedgerError or BrokerError where that cannot be done."""
        await self.ingest.load()
        registry, devices = await self.ledger.read(lambda found: (read_registry(found), EvidenceStore().load(found)))
        self.live.load(devices.values())
        self.live.note_conflicts(row for _, row in await self.ledger.read(read_conflicts))
        self.live.take_decisions(await self.ledger.read(lambda found: read_every_decision(found, registry)))
        await self._take_registry(registry)
        self.live.use(self.config.alerts.down_over_for, self.portal.latency_ms, self.certificates.first)
        self.live.on_figure(self._take_figure)
        await self.alerts.load()
        await self._start_broker()
        self._start_link()
        self._ingesting = self._start_task(self.ingest.run(), "ingest")
        self._start_task(self._judge(), "alert decisions")
        self._start_task(self.alerts.run(), "alert delivery")
        if self.influx is not None:
            self._start_task(self.influx.run(), "influx")
        await self.portal.follow(registry.subjects.values())
        await self.live.compute()
        self._start_task(self.live.run(), "figures")
        self._schedule()
        self._scheduler.start()
        self._start_task(self._turn(), "ticks")
        self._start_task(self.keeper.run(), "closed months")
        web = self.config.web
        self.web = await serve(self.desk, web.listen, web.read_password(), title=web.title, clock=self.clock)
        admin = AdminDesk(
            self.ledger,
            self.clock,
            self._registry_changed,
            list(self.live.contracts),
            self._decisions_changed,
            self.ingest.order,
            self._eraser(),
            self.keeper.close,
        )
        self._admin = await serve_admin(socket_path(self.ledger.path), admin)
        self._tasks.append(spawn(self.housekeeping.look(), "housekeeping"))  # the first look; the others are scheduled
        self._tasks.append(spawn(feed_watchdog(self.turns), "watchdog"))  # ends at once without systemd

    async def stop(self) -> None:
        """Stop taking in, put what came into the ledger, and close everything."""
        self._stopping.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        await self.portal.close()
        if self._admin is not None:
            await self._admin.close()
        if self.web is not None:
            await self.web.close()
        self.ingest.stop()
        if self._ingesting is not None:
            await asyncio.wait([self._ingesting], timeout=STOP_WITHIN_S)
        await cancel(self._ingesting, *self._tasks)
        if self.influx is not None:
            await self.influx.close()
        if self.broker is not None:
            await self.broker.stop()
        self.ledger.close()

    async def run(self) -> None:
        """Start, serve until SIGTERM or SIGINT, stop."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stopping.set)
        try:
            await self.start()
            notify("READY=1")
            log.info("collector_ready", ledger=str(self.ledger.path), page=self.web.url if self.web else None)
            await self._stopping.wait()
            log.info("collector_stopping")
            notify("STOPPING=1")
        finally:
            await self.stop()
            log.info("collector_stopped")

    def turns(self) -> bool:
        """Whether the main loop still does its work."""
        return monotonic_s() - self.turned_s < TURNS_WITHIN_S

    async def _take_registry(self, registry: Registry) -> None:
        self.ingest.take_registry(registry.devices.keys())
        missing, since_ms = self.live.take_registry(registry), self.live.memory_starts_ms()
        waiting = iter(missing)
        while portion := list(islice(waiting, PLACES_AT_ONCE)):  # a whole fleet's rows would be gigabytes
            rows = await self.ledger.read(partial(runs_since, places=portion, start_ms=since_ms))
            await self.live.remember(rows)

    async def _start_broker(self) -> None:
        config = self.config.broker
        if config is not None:
            self.broker = EmbeddedBroker(config.listen, CredentialStore(Path(config.credentials)))
            await self.broker.start()

    def _start_link(self) -> None:
        mqtt = self.config.mqtt
        if not mqtt.host and self.broker is not None:
            mqtt = replace(mqtt, host="127.0.0.1", port=self.broker.port)
        self.link = MqttLink(mqtt, self.ingest.receive)
        self._start_task(self.link.run(), "mqtt")

    def _schedule(self) -> None:
        # Coroutines, since AsyncIOScheduler takes plain functions to a thread, and everything live belongs to the loop.
        jobs = self._scheduler
        jobs.remove_all_jobs()
        jobs.add_job(self.live.compute, "interval", seconds=FIGURES_EVERY_S)
        jobs.add_job(self._look_at_certificates, "interval", seconds=CERTIFICATES_EVERY_S)
        jobs.add_job(self.live.prune, "interval", hours=PRUNE_EVERY_H)
        jobs.add_job(self.housekeeping.look, "interval", hours=LOOK_EVERY_H)

    async def _turn(self) -> None:
        """Tick, by a clock that no one sets; the scheduler reads the wall clock and is told when that has stepped."""
        ahead_ms = self.clock.wall_ms() - self.clock.mono_ms()
        while True:
            self.turned_s = monotonic_s()
            before_ms, ahead_ms = ahead_ms, self.clock.wall_ms() - self.clock.mono_ms()
            if abs(ahead_ms - before_ms) > STEP_MS:
                log.warning("clock_stepped", by_ms=ahead_ms - before_ms)
                self.live.clock_stepped(ahead_ms - before_ms)
                self._schedule()
            self.discipline.look()
            self.live.tick()
            await self.live.show_crowds()
            await asyncio.sleep(TICK_EVERY_S)

    def _acknowledge(self, address: Address, ack: Ack) -> None:
        if self.link is not None and address.device != OWN_DEVICE:
            self.link.acknowledge(address, ack)

    def _committed(self, outcome: Outcome) -> None:
        self.live.take(outcome)
        self.keeper.committed(outcome.rows)
        if self.influx is not None:
            self.influx.runs(outcome.rows)

    def _heard(self, address: Address, heartbeat: Heartbeat, received_ms: int) -> None:
        self.live.fleet.heard(address, heartbeat, received_ms)
        self.certificates.heard(address, heartbeat.host, received_ms)
        if self.influx is not None:
            self.influx.heartbeat(address, heartbeat, received_ms)

    def _take_figure(self, figure: FigureView) -> None:
        self._figures[figure.key] = figure
        self._figured.set()

    async def _judge(self) -> None:
        while True:
            await self._figured.wait()
            self._figured.clear()
            figures, self._figures = self._figures, {}
            for figure in figures.values():
                if self.influx is not None:
                    await self.influx.snapshot(self.desk)
                try:
                    await self.alerts.consider(figure, figure.computed_ms)
                except DatabaseError as error:  # a full disk: the next figure decides anew
                    log.warning("alert_not_decided", agreement=figure.key, error=str(error.orig))

    async def _look_at_certificates(self) -> None:
        now_ms = self.clock.wall_ms()
        await self.certificates.ask(now_ms)
        try:
            await self.alerts.consider_certificates(self.certificates.parts(), now_ms)
        except DatabaseError as error:  # a full disk: the next look decides anew
            log.warning("certificates_not_decided", error=str(error.orig))

    def _alert_changed(self, alert: AlertView) -> None:
        self.bus.publish(Event("alert", alert))
        if self.influx is not None:
            self.influx.alert(alert)

    async def _registry_changed(self, registry: Registry) -> None:
        await self._take_registry(registry)
        await self.portal.follow(registry.subjects.values())
        await self.alerts.keep_only(list(self.live.agreements.by_key), self.clock.wall_ms())
        self.keeper.decided()
        await self.live.compute()

    async def _decisions_changed(self, decisions: Mapping[str, Decisions]) -> None:
        self.live.take_decisions(decisions)
        self.keeper.decided()
        await self.live.compute()

    def _eraser(self) -> Eraser:
        influx = self.config.influx
        points = partial(erase_points, influx) if influx is not None else None
        return Eraser(
            self.ledger, self.clock, self.live.contracts, points, self.ingest.reload, forget=self._tenant_erased
        )

    async def _tenant_erased(self, tenant: str) -> None:
        """Whoever still sends under the tenant's name is a newcomer from now on."""
        self.live.forget(tenant)
        registry = await self.ledger.read(read_registry)
        await self._registry_changed(registry)
        await self._decisions_changed(await self.ledger.read(lambda found: read_every_decision(found, registry)))

    def _metrics(self) -> dict[str, int | float]:
        return dict(health.metrics(self))

    def _start_task(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Start work without which the collector is none: when it ends by itself, so does the process."""
        task = spawn(work, name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not self._stopping.is_set():
            self.failed = task.get_name()
            self._stopping.set()


async def run(config: CollectorConfig) -> None:
    """Run a collector until it is told to stop; CollectorFailedError where a part of it ended by itself."""
    collector = Collector(config)
    await collector.run()
    if collector.failed:
        raise CollectorFailedError(f"{collector.failed} ended unexpectedly; the log above says why")
