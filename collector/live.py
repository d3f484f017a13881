"""The live side: the fleet's state, each agreement's figure, and the events that follow when either changes.

Everything here happens on the event loop, between two awaits; nothing here waits. Figures are computed every 15 s and
soon after a state changed: at once for the first change, then at a pace that keeps the work under a tenth of a core.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Final

import structlog

from collector.bus import Bus
from collector.evidence import RunRow
from collector.figures import Agreements, agree, compute, down_limit, is_emitting, state_now
from collector.fleet import Fleet, place_of
from collector.ledger.evidence_store import DeviceRow, Outcome
from collector.registry.model import Registry, Subject
from collector.sla.contract import Contract
from collector.views import Event, FigureView, PlatformView, PlayerView
from common.clock import Clock, monotonic_s
from wire.topics import Address

log = structlog.get_logger(__name__)

COMPUTE_SHARE: Final = 10  # a computation is followed by at least this many times its own length of rest
REST_MIN_S: Final = 0.25
KEPT_MS: Final = 33 * 86_400_000  # runs in memory: a month, and a time zone either way

OnFigure = Callable[[FigureView], None]


class Live:
    """The fleet and its figures, with the views that others see of them."""

    def __init__(self, clock: Clock, bus: Bus, contracts: Mapping[str, Contract]) -> None:
        self._clock = clock
        self._bus = bus
        self.contracts = contracts
        self._by_place: dict[tuple[Address, str], Subject] = {}
        self._ordered: list[Subject] = []
        self._emitting: dict[str, bool] = {}
        self._down_over: Callable[[str], Fraction | None] = lambda _agreement: None
        self._latency: Callable[[str], int | None] = lambda _key: None
        self._listeners: list[OnFigure] = []
        self._due = True
        self._rested_at_s = 0.0
        self.fleet = Fleet()
        self.agreements = Agreements()
        self.figures: dict[str, FigureView] = {}
        self.compute_s = 0.0

    def on_figure(self, listener: OnFigure) -> None:
        """Call `listener` with every new figure."""
        self._listeners.append(listener)

    def use(self, down_over: Callable[[str], Fraction | None], latency: Callable[[str], int | None]) -> None:
        """Say where to ask for the alarm's configured limit of an agreement, and for a portal's latency."""
        self._down_over = down_over
        self._latency = latency

    def load(self, registry: Registry, devices: Iterable[DeviceRow], rows: Iterable[tuple[Address, RunRow]]) -> None:
        """Start from the ledger."""
        self.fleet.load(devices, rows)
        self.take_registry(registry)

    def take_registry(self, registry: Registry) -> None:
        """Go on with another snapshot of the registry."""
        self.fleet.take_registry(registry)
        self.agreements = agree(registry, self.contracts)
        for name, subjects in self.agreements.missing.items():
            log.warning(
                "contract_not_given", contract=name, subjects=len(subjects), remedy="add its file to [contracts] files"
            )
        self._by_place = {place_of(subject): subject for subject in registry.subjects.values()}
        self._ordered = sorted(registry.subjects.values(), key=self._order)
        self.figures = {key: figure for key, figure in self.figures.items() if key in self.agreements.by_key}
        self._bus.publish(Event("resync", None))
        self._due = True

    def take(self, outcome: Outcome) -> None:
        """Take in a committed batch."""
        self._show(self.fleet.changed(outcome, self._clock.wall_ms()))

    def tick(self) -> None:
        """Let silence and emission hours be noticed, and compute figures that are due; call about every second."""
        now_ms = self._clock.wall_ms()
        changed = self.fleet.tick(now_ms)
        for subject in self._ordered:
            emitting = is_emitting(subject, self.agreements.emissions[subject.key], now_ms)
            if self._emitting.get(subject.key) is not emitting:
                self._emitting[subject.key] = emitting
                changed.add(place_of(subject))
        self._show(changed)
        self.compute_due()

    def compute_due(self) -> None:
        """Compute every figure, if something changed and the last computation is long enough ago."""
        if self._due and monotonic_s() >= self._rested_at_s:
            self.compute()

    def compute(self) -> None:
        """Compute every figure now."""
        begun_s = monotonic_s()
        now_ms = self._clock.wall_ms()
        for agreement in self.agreements.by_key.values():
            limit = self._down_over(agreement.key) or down_limit(agreement.contract)
            figure = compute(self.fleet, agreement, self.agreements.emissions, now_ms, limit)
            self.figures[agreement.key] = figure
            self._bus.publish(Event("figure", figure))
            for listener in self._listeners:
                listener(figure)
        self._due = False
        self.compute_s = monotonic_s() - begun_s
        self._rested_at_s = begun_s + max(REST_MIN_S, self.compute_s * COMPUTE_SHARE)

    def prune(self) -> None:
        """Forget runs of past months; the ledger keeps them."""
        self.fleet.prune(self._clock.wall_ms() - KEPT_MS)

    def players(self) -> list[PlayerView]:
        """Every registered playback output."""
        return [self.player_view(subject) for subject in self._ordered if subject.kind == "player"]

    def platforms(self) -> list[PlatformView]:
        """Every registered platform part."""
        return [self.platform_view(subject) for subject in self._ordered if subject.kind == "platform"]

    def player_view(self, subject: Subject) -> PlayerView:
        """One playback output as it stands now."""
        address, _ = place_of(subject)
        newest = self.fleet.track(subject).newest
        device = self.fleet.device(address)
        registered = self.fleet.registry.devices.get(str(address))
        state, cause = state_now(self.fleet, subject)
        told = newest is not None and state == newest.state and not newest.closed
        return PlayerView(
            subject=subject.key,
            tenant=subject.tenant,
            site=registered.site if registered else None,
            device=subject.device,
            output=subject.id,
            name=subject.name or (registered.name if registered else ""),
            contract=subject.contract,
            state=state,
            cause=cause,
            detail=newest.detail if newest and told else None,
            since_ms=_since(newest, told=told),
            evidence_ms=newest.end_ms if newest else None,
            link=self.fleet.link(address),
            emitting=self._is_emitting(subject),
            clock=newest.clock if newest else None,
            host=device.host if device else {},
        )

    def platform_view(self, subject: Subject) -> PlatformView:
        """One platform part as it stands now."""
        newest = self.fleet.track(subject).newest
        state, cause = state_now(self.fleet, subject)
        told = newest is not None and state == newest.state and not newest.closed
        return PlatformView(
            subject=subject.key,
            tenant=subject.tenant,
            platform=subject.id,
            name=subject.name or subject.id,
            contract=subject.contract,
            state=state,
            cause=cause,
            detail=newest.detail if newest and told else None,
            since_ms=_since(newest, told=told),
            evidence_ms=newest.end_ms if newest else None,
            url=subject.check.url if subject.check else None,
            latency_ms=self._latency(subject.key),
        )

    def _show(self, changed: set[tuple[Address, str]]) -> None:
        for place in changed:
            subject = self._by_place.get(place)
            if subject is None:
                continue
            self._due = True
            if subject.kind == "player":
                self._bus.publish(Event("player", self.player_view(subject)))
            else:
                self._bus.publish(Event("platform", self.platform_view(subject)))
        self.compute_due()

    def _is_emitting(self, subject: Subject) -> bool:
        known = self._emitting.get(subject.key)
        if known is None:
            known = is_emitting(subject, self.agreements.emissions[subject.key], self._clock.wall_ms())
            self._emitting[subject.key] = known
        return known

    def _order(self, subject: Subject) -> tuple[str, str, str, str]:
        device = self.fleet.registry.devices.get(f"{subject.tenant}/{subject.device}")
        return subject.tenant, (device.site if device else None) or "", subject.device, subject.id


def _since(newest: RunRow | None, *, told: bool) -> int | None:
    if newest is None:
        return None
    return newest.start_ms if told else newest.end_ms
