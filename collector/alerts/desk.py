"""The alert desk: figures in, alerts in the ledger, couriers on their way.

The ledger holds what is open and what is still to be told; this object holds only what may be forgotten (how long a
condition has lasted so far). So a crash at any instant loses no alert and no delivery: at worst one is told twice, with
the same id.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, get_args

import aiohttp
import structlog
from sqlalchemy.exc import SQLAlchemyError

from collector.alerts import certificates
from collector.alerts.alertmanager import Alertmanager
from collector.alerts.config import AlertmanagerChannel, AlertsConfig, Channel, WebhookChannel
from collector.alerts.courier import Courier
from collector.alerts.log import Log
from collector.alerts.rules import Closed, Decision, Kind, Memory, OpenAlert, Opened, Watch, decide
from collector.alerts.webhook import Webhook
from collector.ledger import alert_store as store
from collector.views import AlertView, FigureView

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sqlalchemy import Connection

    from collector.alerts import channel as channels
    from collector.ledger.ledger import Ledger
    from common.clock import Clock

log = structlog.get_logger(__name__)
_STALE_MS: Final = 120_000  # a figure older than this says nothing about now
_LONGEST_SLEEP_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class _Pending:
    """A hold that runs out at `at_ms` although nothing new may be heard until then."""

    at_ms: int
    figure: FigureView


class AlertDesk:
    """Decides, remembers and tells. ConfigError where a channel's secret or certificate cannot be read.

    `on_change` is called after the ledger has committed, once for each opening and each closing.
    """

    def __init__(
        self,
        ledger: Ledger,
        config: AlertsConfig,
        clock: Clock,
        on_change: Callable[[AlertView], None] | None = None,
    ) -> None:
        self._ledger = ledger
        self._config = config
        self._clock = clock
        self._on_change = on_change
        self._open: dict[int, store.StoredAlert] = {}
        self._memories: dict[str, Memory] = {}
        self._pending: dict[str, _Pending] = {}
        self._deciding = asyncio.Lock()
        self._news = asyncio.Event()
        self._channels = [build_channel(each, config.page_url) for each in config.channels]
        self._names = [each.name for each in self._channels]
        self._couriers = [Courier(each, ledger, clock, self._stored_open) for each in self._channels]

    async def load(self) -> None:
        """Take up what the ledger holds: open alerts, and when the last ones closed. Call once, before `consider`."""
        now_ms = self._clock.wall_ms()
        alerts, closings = await self._ledger.read(lambda c: (store.read_open(c), store.read_last_closings(c)))
        orphans = await self._ledger.write(lambda c: store.fail_orphans(c, self._names, now_ms))
        if orphans:
            log.warning("alert_deliveries_orphaned", deliveries=orphans, channels=self._names)
        self._open = {alert.view.id: alert for alert in alerts}
        for (agreement, kind), closed_ms in closings.items():
            self._remember(agreement, kind, Watch(closed_ms=closed_ms))
        for alert in alerts:
            unknown = alert.facts.get("unknown")
            base = unknown if isinstance(unknown, int) else None
            self._remember(alert.view.agreement, alert.view.kind, Watch(unknown_when_over=base, resumed=True))

    async def consider(self, figure: FigureView, now_ms: int) -> list[AlertView]:
        """Judge a new figure at `now_ms`; what opened and closed by it is in the ledger when this returns.

        sqlalchemy.exc.SQLAlchemyError where the ledger cannot be written: then nothing has changed, and the next
        figure decides anew.
        """
        async with self._deciding:
            rules = self._config.rules_for(figure.key)
            memory = self._memories.get(figure.key, Memory())
            decision = decide(figure, self._open_of(figure.key), memory, rules, now_ms)
            changed = await self._record(figure.key, decision, now_ms) if decision.changes else []
            self._memories[figure.key] = decision.memory
            self._set_timer(figure, decision.wake_ms)
        self._tell(changed)
        return changed

    async def consider_certificates(self, parts: Collection[certificates.Part], now_ms: int) -> list[AlertView]:
        """Judge the certificates of every part that anybody checks; what opened and closed is in the ledger then.

        sqlalchemy.exc.SQLAlchemyError where the ledger cannot be written: then nothing has changed.
        """
        async with self._deciding:
            warnings = {alert.view.subject: alert for alert in self._open.values() if _is_warning(alert)}
            known = {key: _open_warning(alert) for key, alert in warnings.items()}
            changes = certificates.decide(parts, known, self._config.certificate_days_for, now_ms)
            names = self._names

            def work(connection: Connection) -> list[store.StoredAlert]:
                ids = {key: alert.view.id for key, alert in warnings.items()}
                written = [_write_certificate(connection, change, ids, names, now_ms) for change in changes]
                return [alert for alert in written if alert is not None]

            changed = self._keep(await self._ledger.write(work)) if changes else []
            for change in changes:
                if isinstance(change, certificates.Renewed):  # also one that was erased with its tenant
                    self._open.pop(warnings[change.key].view.id, None)
        self._tell(changed)
        return changed

    async def keep_only(self, agreements: Collection[str], now_ms: int) -> list[AlertView]:
        """Close what is open for agreements (`tenant/contract`) that nobody watches any more."""
        async with self._deciding:
            for forgotten in (self._memories.keys() | self._pending.keys()) - set(agreements):
                self._memories.pop(forgotten, None)
                self._pending.pop(forgotten, None)
            gone = [
                alert.view
                for alert in self._open.values()
                if alert.view.agreement not in agreements and not _is_warning(alert)
            ]
            if not gone:
                return []
            reason = "the agreement is not watched any more: no contract or no subject of it is left"
            names = self._names
            closed = await self._ledger.write(
                lambda c: [store.close_alert(c, view.id, reason, now_ms, names) for view in gone]
            )
            for view in gone:
                del self._open[view.id]
        changed = [view for view in closed if view is not None]
        self._tell(changed)
        return changed

    def open_alerts(self) -> list[AlertView]:
        """Alerts that are open now, newest first."""
        views = (alert.view for alert in self._open.values())
        return sorted(views, key=lambda view: (view.opened_ms, view.id), reverse=True)

    async def history(self, limit: int) -> list[AlertView]:
        """The latest alerts, open and closed, newest first."""
        return await self._ledger.read(lambda c: store.read_latest(c, limit))

    async def deliveries(self) -> dict[str, int]:
        """How many deliveries are `pending`, `delivered` and `failed`."""
        return await self._ledger.read(store.count_deliveries)

    async def run(self) -> None:
        """Deliver, and decide when a hold runs out, until cancelled."""
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
            group.create_task(self._watch_timers(), name="alert-timers")
            for courier, name in zip(self._couriers, self._names, strict=True):
                group.create_task(courier.run(session), name=f"alert-courier-{name}")

    async def _record(self, agreement: str, decision: Decision, now_ms: int) -> list[AlertView]:
        open_ids = {
            alert.view.kind: alert.view.id for alert in self._open.values() if alert.view.agreement == agreement
        }
        names = self._names

        def work(connection: Connection) -> list[store.StoredAlert]:
            return [
                alert
                for change in decision.changes
                if (alert := _write(connection, agreement, change, open_ids, names, now_ms)) is not None
            ]

        return self._keep(await self._ledger.write(work))

    def _keep(self, written: list[store.StoredAlert]) -> list[AlertView]:
        for alert in written:
            if alert.view.closed_ms is None:
                self._open[alert.view.id] = alert
            else:
                self._open.pop(alert.view.id, None)
        return [alert.view for alert in written]

    def _tell(self, changed: list[AlertView]) -> None:
        for view in changed:
            if self._on_change is not None:
                self._on_change(view)
        if changed:
            for courier in self._couriers:
                courier.wake()

    def _stored_open(self) -> list[store.StoredAlert]:
        return list(self._open.values())

    def _open_of(self, agreement: str) -> dict[Kind, OpenAlert]:
        return {
            _kind(alert.view.kind): OpenAlert(alert.view.opened_ms, str(alert.facts.get("month", "")))
            for alert in self._open.values()
            if alert.view.agreement == agreement and alert.view.kind in get_args(Kind)
        }

    def _remember(self, agreement: str, kind: str, watch: Watch) -> None:
        if kind in get_args(Kind):
            memory = self._memories.get(agreement, Memory())
            self._memories[agreement] = replace(memory, watches={**memory.watches, _kind(kind): watch})

    # --- holds that run out while nothing is heard ------------------------------------------------------------------

    def _set_timer(self, figure: FigureView, wake_ms: int | None) -> None:
        if wake_ms is None:
            self._pending.pop(figure.key, None)
        else:
            self._pending[figure.key] = _Pending(wake_ms, figure)
            self._news.set()

    async def _watch_timers(self) -> None:
        while True:
            self._news.clear()
            now_ms = self._clock.wall_ms()
            for key, pending in list(self._pending.items()):
                if pending.at_ms <= now_ms:
                    del self._pending[key]
                    await self._reconsider(pending.figure, now_ms)
            due = min((pending.at_ms for pending in self._pending.values()), default=now_ms + _LONGEST_SLEEP_MS)
            wait_ms = min(max(due - self._clock.wall_ms(), 0), _LONGEST_SLEEP_MS)
            try:
                async with asyncio.timeout(wait_ms / 1000):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _reconsider(self, figure: FigureView, now_ms: int) -> None:
        if now_ms - figure.computed_ms > _STALE_MS:
            log.warning("alert_figure_stale", agreement=figure.key, age_ms=now_ms - figure.computed_ms)
            return
        try:
            await self.consider(figure, now_ms)
        except SQLAlchemyError:
            log.exception("alert_not_recorded", agreement=figure.key)


def build_channel(config: Channel, page_url: str) -> channels.Channel:
    """The channel that a table of the configuration describes."""
    if isinstance(config, WebhookChannel):
        return Webhook(config, page_url)
    if isinstance(config, AlertmanagerChannel):
        return Alertmanager(config, page_url)
    return Log(config)


def _write(
    connection: Connection,
    agreement: str,
    change: Opened | Closed,
    open_ids: dict[str, int],
    names: list[str],
    now_ms: int,
) -> store.StoredAlert | None:
    if isinstance(change, Closed):
        view = store.close_alert(connection, open_ids[change.kind], change.reason, now_ms, names)
        return None if view is None else store.StoredAlert(view, {})
    draft = AlertView(0, agreement, change.kind, change.severity, now_ms, None, change.summary, change.reason)
    return store.StoredAlert(store.open_alert(connection, draft, change.facts, names), change.facts)


def _is_warning(alert: store.StoredAlert) -> bool:
    return alert.view.kind == certificates.KIND


def _open_warning(alert: store.StoredAlert) -> certificates.OpenWarning:
    ends_ms = alert.facts.get("certificate_ends_ms")
    host = str(alert.facts.get("certificate_host", ""))
    return certificates.OpenWarning(alert.view.opened_ms, host, ends_ms if isinstance(ends_ms, int) else 0)


def _write_certificate(
    connection: Connection,
    change: certificates.Ends | certificates.Renewed,
    open_ids: dict[str, int],
    names: list[str],
    now_ms: int,
) -> store.StoredAlert | None:
    if isinstance(change, certificates.Renewed):
        view = store.close_alert(connection, open_ids[change.key], change.reason, now_ms, names)
        return None if view is None else store.StoredAlert(view, {})
    part = change.part
    draft = AlertView(
        *(0, part.agreement, certificates.KIND, "warning", now_ms, None, change.summary, change.reason, None, part.key)
    )
    return store.StoredAlert(store.open_alert(connection, draft, change.facts, names), change.facts)


def _kind(text: str) -> Kind:
    return next(kind for kind in get_args(Kind) if kind == text)
