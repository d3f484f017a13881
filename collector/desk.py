"""`LiveDesk`: the `collector.views.Desk` of a running collector."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace

from collector.alerts.desk import AlertDesk
from collector.bus import Bus
from collector.clocks.clock_view import DeviceClock, last_word
from collector.decisions.effect import ruling_marks, window_marks
from collector.ledger.clock_history import device_clock
from collector.ledger.decisions_store import decisions_over
from collector.ledger.ledger import Ledger
from collector.live import Live
from collector.month_views import MonthView, Paper, PaperRequest
from collector.revisions.keeper import Keeper
from collector.revisions.overview import months_of
from collector.revisions.press import Press
from collector.sla import availability as sla
from collector.timelines import outages_between, timeline
from collector.vantage_story import Outage
from collector.views import (
    AlertView,
    ConflictView,
    Event,
    FigureView,
    MarkView,
    Newcomer,
    PlatformView,
    PlayerView,
    RunView,
)
from common.clock import Clock
from wire.topics import Address


class LiveDesk:
    """Answers the page and the API from memory, and asks the ledger only for what is past."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        bus: Bus,
        live: Live,
        alerts: AlertDesk,
        health: Callable[[], Mapping[str, object]],
        metrics: Callable[[], Mapping[str, int | float]],
        keeper: Keeper,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._bus = bus
        self._live = live
        self._alerts = alerts
        self._health = health
        self._metrics = metrics
        self._keeper = keeper
        self._press = Press(ledger, clock)

    def now_ms(self) -> int:
        """Give the collector's wall clock."""
        return self._clock.wall_ms()

    def players(self) -> Sequence[PlayerView]:
        """Every registered playback output."""
        return self._live.players()

    def player(self, subject: str) -> PlayerView | None:
        """One playback output, None where the registry has none of that name."""
        found = self._live.fleet.registry.subjects.get(subject)
        return self._live.player_view(found) if found is not None and found.kind == "player" else None

    def platforms(self) -> Sequence[PlatformView]:
        """Every registered platform part."""
        return self._live.platforms()

    def figures(self) -> Sequence[FigureView]:
        """The latest live figure of every agreement."""
        return list(self._live.figures.values())

    def open_alerts(self) -> Sequence[AlertView]:
        """Alerts that are open now, newest first."""
        return self._alerts.open_alerts()

    def newcomers(self) -> Sequence[Newcomer]:
        """Devices that report but are not in the registry."""
        return list(self._live.fleet.newcomers())

    def conflicts(self) -> Sequence[ConflictView]:
        """Devices that contradict themselves, the latest first."""
        found = sorted(self._live.conflicts.values(), key=lambda row: (-row.last_ms, row.address, row.kind))
        return [ConflictView(*row.address, row.kind, row.first_ms, row.last_ms, row.times, row.detail) for row in found]

    async def alerts(self, limit: int) -> Sequence[AlertView]:
        """The latest alerts, open and closed, newest first."""
        return await self._alerts.history(limit)

    async def timeline(self, subject: str, start_ms: int, end_ms: int) -> Sequence[RunView]:
        """The runs of a subject that touch `[start_ms, end_ms)`, by start."""
        found = self._live.fleet.registry.subjects.get(subject)
        if found is None:
            return ()
        registry = self._live.fleet.registry
        rows = await self._ledger.read(lambda connection: timeline(connection, registry, found, start_ms, end_ms))
        return [row.view() for row in rows]

    async def marks(self, subject: str, start_ms: int, end_ms: int) -> Sequence[MarkView]:
        """The windows and rulings over a subject that touch `[start_ms, end_ms)`, by start."""
        found = self._live.fleet.registry.subjects.get(subject)
        if found is None:
            return ()
        windows, rulings = await self._ledger.read(
            lambda connection: decisions_over(connection, found, start_ms, end_ms)
        )
        agreement = self._live.agreements.by_key.get(f"{found.tenant}/{found.contract}")
        judged = sla.Subject(found.key, found.kind)
        contract = agreement.contract if agreement is not None else None
        marks = [
            *window_marks(windows, self._live.fleet.registry, judged, contract),
            *ruling_marks(rulings),
        ]
        return sorted(marks, key=lambda mark: (mark.start_ms, mark.kind, mark.id))

    async def outages(self, subject: str, start_ms: int, end_ms: int) -> Sequence[Outage]:
        """The outages of a voted platform part that touch `[start_ms, end_ms)`, oldest first, each with its votes."""
        registry, now_ms = self._live.fleet.registry, self._clock.wall_ms()
        found = registry.subjects.get(subject)
        if found is None or found.votes is None:
            return ()
        return await self._ledger.read(
            lambda connection: outages_between(connection, registry, found, start_ms, end_ms, now_ms)
        )

    async def device_clock(self, tenant: str, device: str) -> DeviceClock | None:
        """What a device's clock did; None where it never reported."""
        found = await self._ledger.read(lambda connection: device_clock(connection, tenant, device))
        if found is None:
            return None
        state = self._live.fleet.device(Address(tenant, device))
        return replace(found, word=last_word(found, state.stated)) if state and state.stated else found

    def events(self) -> AsyncIterator[Event]:
        """Changes from now on."""
        return self._bus.subscribe()

    async def revisions(self, agreement: str | None) -> Sequence[Mapping[str, object]]:
        """Every revision of every closed month; of one agreement, or (None) of all."""
        return await self._keeper.revisions(agreement)

    async def months(self, agreement: str) -> Sequence[MonthView] | None:
        """Every month of `tenant/contract`, the newest first; None where there is no such agreement, nor ever was."""
        now_ms, found = self._clock.wall_ms(), self._live.agreements.by_key.get(agreement)
        ended = [] if found is None else await self._keeper.ended_months(found, now_ms)
        live = self._live.figures.get(agreement)
        months = await months_of(self._ledger, agreement, found, ended, self._keeper.noticed, live, now_ms)
        return months if months or found is not None else None

    async def paper(self, wanted: PaperRequest) -> Paper:
        """Draw one file about a closed month."""
        return await self._press.draw(wanted)

    def health(self) -> Mapping[str, object]:
        """Answer `/healthz`."""
        return self._health()

    def metrics(self) -> Mapping[str, int | float]:
        """Counters and gauges for `/metrics`."""
        return self._metrics()
