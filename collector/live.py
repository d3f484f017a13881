"""The live side: the fleet's state, each agreement's figure, and the events that follow when either changes.

Everything here happens on the event loop. Figures are computed every 15 s and soon after a state changed: at once for
the first change, then at a pace that keeps the work under a tenth of a core; and in slices, since 3,000 players with a
month of evidence take a second (measured), which nobody may be kept waiting for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import islice
from typing import Final, TypeVar

import structlog

from collector.alerts.certificates import Certificate
from collector.bus import Bus
from collector.decisions.model import Decisions
from collector.evidence import RunRow
from collector.figures import Agreements, agree, computing, down_limit, is_emitting
from collector.fleet import Fleet, Place, place_of
from collector.kept_runs import KeptRun
from collector.ledger.conflict_store import ConflictRow
from collector.ledger.intake import DeviceRow, Outcome
from collector.places import places_of
from collector.registry.model import Device, Registry, Subject, player_name
from collector.sla.contract import Contract
from collector.steps import to_the_end
from collector.views import CertificateView, Event, FigureView, PlatformView, PlayerView
from collector.votes import voting_now
from common.clock import Clock, monotonic_s
from wire.topics import Address

log = structlog.get_logger(__name__)

COMPUTE_SHARE: Final = 10  # a computation is followed by at least this many times its own length of rest
REST_MIN_S: Final = 0.25
KEPT_MS: Final = 33 * 86_400_000  # runs in memory: a month, and a time zone either way

CROWDS_EVERY_S: Final = 15.0  # even where nobody's vote has changed: latencies have
CROWD: Final = 100  # vantage points of a platform part, from which on it is shown once a second
ROWS_AT_ONCE: Final = 500
SLICE_S: Final = 0.005  # of computing, before others get their turn

T = TypeVar("T")
OnFigure = Callable[[FigureView], None]


class Live:
    """The fleet and its figures, with the views that others see of them."""

    def __init__(self, clock: Clock, bus: Bus, contracts: Mapping[str, Contract]) -> None:
        self._clock = clock
        self._bus = bus
        self.contracts = contracts
        self._by_place: dict[Place, Subject] = {}
        self._views: dict[str, PlayerView] = {}  # those that are still true
        self._ordered: list[Subject] = []
        self._emitting: dict[str, bool] = {}
        self._down_over: Callable[[str], Fraction | None] = lambda _agreement: None
        self._latency: Callable[[str], int | None] = lambda _key: None
        self._certificate: Callable[[str], Certificate | None] = lambda _key: None
        self._crowded: dict[str, Subject] = {}  # parts with many vantage points that look different since the last tick
        self._crowds: dict[str, PlatformView] = {}  # their views
        self._crowds_made_s = 0.0
        self._listeners: list[OnFigure] = []
        self._decisions: Mapping[str, Decisions] = {}
        self._due = asyncio.Event()
        self._due.set()
        self._computing = asyncio.Lock()
        self._rested_at_s = 0.0
        self.fleet = Fleet()
        self.agreements = Agreements()
        self.figures: dict[str, FigureView] = {}
        self.conflicts: dict[tuple[Address, str], ConflictRow] = {}
        self.compute_s = 0.0

    def on_figure(self, listener: OnFigure) -> None:
        """Call `listener` with every new figure."""
        self._listeners.append(listener)

    def use(
        self,
        down_over: Callable[[str], Fraction | None],
        latency: Callable[[str], int | None],
        certificate: Callable[[str], Certificate | None] = lambda _key: None,
    ) -> None:
        """Say where to ask for the alarm's configured limit of an agreement, a portal's latency, its certificate."""
        self._down_over = down_over
        self._latency = latency
        self._certificate = certificate

    def load(self, devices: Iterable[DeviceRow]) -> None:
        """Start from the devices that the ledger knows."""
        self.fleet.load(devices, self._clock.wall_ms())

    def take_registry(self, registry: Registry) -> set[Place]:
        """Go on with another snapshot of the registry; the places whose evidence `remember` must be given."""
        missing = self.fleet.take_registry(registry)
        self.agreements = agree(registry, self.contracts, self._decisions)
        for name, subjects in self.agreements.missing.items():
            log.warning(
                "contract_not_given", contract=name, subjects=len(subjects), remedy="add its file to [contracts] files"
            )
        for agreement in self.agreements.by_key.values():
            for kind in agreement.unwatched:
                remedy = f"register a {kind} (signwatch registry apply), or take its weight out of the contract"
                log.warning("weight_without_subject", agreement=agreement.key, kind=kind, remedy=remedy)
        self._by_place = {
            place: subject for subject in registry.subjects.values() for place in places_of(registry, subject)
        }
        self._ordered = sorted(registry.subjects.values(), key=self._order)
        self._emitting.clear()
        self._views.clear()
        self._crowds.clear()
        self.figures = {key: figure for key, figure in self.figures.items() if key in self.agreements.by_key}
        self._bus.publish(Event("resync", None))
        self._due.set()
        return missing

    def forget(self, tenant: str) -> None:
        """Forget what a tenant's devices said; its registry is taken away by `take_registry`, which is due next."""
        self.fleet.forget(tenant)
        self.conflicts = {key: row for key, row in self.conflicts.items() if key[0].tenant != tenant}
        self._views.clear()
        self._crowds.clear()

    def take_decisions(self, decisions: Mapping[str, Decisions]) -> None:
        """Go on with other windows and rulings, by tenant."""
        self._decisions = decisions
        self.agreements = agree(self.fleet.registry, self.contracts, decisions)
        self._due.set()

    async def remember(self, rows: Iterable[tuple[Address, RunRow]]) -> None:
        """Take in runs as the ledger has them; others get their turn every few milliseconds."""
        await in_slices(self._remembering(iter(rows)))

    def _remembering(self, rows: Iterator[tuple[Address, RunRow]]) -> Generator[None, None, None]:
        while portion := list(islice(rows, ROWS_AT_ONCE)):
            self._show(self.fleet.remember(portion))
            yield
        self._views.clear()
        self._crowds.clear()

    def memory_starts_ms(self) -> int:
        """From when on runs are kept in memory."""
        return self._clock.wall_ms() - KEPT_MS

    def clock_stepped(self, by_ms: int) -> None:
        """The collector's wall clock was set."""
        self.fleet.clock_stepped(by_ms)
        self._due.set()

    def take(self, outcome: Outcome) -> None:
        """Take in a committed batch."""
        self.note_conflicts(outcome.conflicts)
        changed = self.fleet.changed(outcome, self._clock.wall_ms())
        for address in outcome.devices:
            for output in self.fleet.outputs_of(address):
                self._forget_view((address, output))
        self._show(changed)
        if any(row.closed for _, row in outcome.rows):  # late history changes no state, but figures
            self._due.set()

    def note_conflicts(self, rows: Iterable[ConflictRow]) -> None:
        """Know which devices contradict themselves."""
        for row in rows:
            if (row.address, row.kind) not in self.conflicts:
                remedy = "see docs/poison.md: find the other machine, and rule on what was said meanwhile"
                log.error("device_contradicts_itself", device=str(row.address), proof=row.detail, remedy=remedy)
            self.conflicts[row.address, row.kind] = row

    def tick(self) -> None:
        """Let silence and emission hours be noticed; call about every second."""
        now_ms = self._clock.wall_ms()
        changed = self.fleet.tick(now_ms)
        for subject in self._ordered:
            emitting = is_emitting(subject, self.agreements.emissions[subject.key], now_ms)
            if self._emitting.get(subject.key) is not emitting:
                self._emitting[subject.key] = emitting
                changed.update(places_of(self.fleet.registry, subject)[:1])
        self._show(changed)

    async def show_crowds(self) -> None:
        """Show the parts with many vantage points that look different by now; call about every second.

        Their views are made here, in slices, and kept for whoever asks: thousands of votes take a tenth of a second.
        """
        changed, self._crowded = self._crowded, {}
        old = {} if monotonic_s() - self._crowds_made_s < CROWDS_EVERY_S else dict.fromkeys(self._crowds)
        if old:
            self._crowds_made_s = monotonic_s()
        for key in {**old, **changed}:
            subject = self.fleet.registry.subjects.get(key)
            if subject is None:
                continue
            view = await in_slices(self._viewing(subject))
            if self.fleet.registry.subjects.get(key) is subject:  # else it is another's by now
                self._crowds[key] = view
                if key in changed:
                    self._bus.publish(Event("platform", view))

    async def run(self) -> None:
        """Compute figures whenever something has changed, at a pace that leaves most of the core to others."""
        while True:
            await self._due.wait()
            await asyncio.sleep(self._rested_at_s - monotonic_s())
            await self.compute()

    async def compute(self) -> None:
        """Compute every figure as of now. Others get their turn every few milliseconds."""
        async with self._computing:
            self._due.clear()
            begun_s = monotonic_s()
            now_ms = self._clock.wall_ms()
            agreements = self.agreements
            for agreement in agreements.by_key.values():
                configured = self._down_over(agreement.key)
                limit = down_limit(agreement.contract) if configured is None else configured
                figure = await in_slices(computing(self.fleet, agreement, agreements.emissions, now_ms, limit))
                if self.agreements is not agreements:  # something was decided meanwhile: it is due once more
                    return
                self._publish(figure)
            self.compute_s = monotonic_s() - begun_s
            self._rested_at_s = begun_s + max(REST_MIN_S, self.compute_s * COMPUTE_SHARE)

    async def prune(self) -> None:
        """Forget runs of past months; the ledger keeps them. Others get their turn every few milliseconds."""
        await in_slices(self.fleet.pruning(self.memory_starts_ms()))

    def players(self) -> list[PlayerView]:
        """Every registered playback output."""
        return [self.player_view(subject) for subject in self._ordered if subject.kind == "player"]

    def platforms(self) -> list[PlatformView]:
        """Every registered platform part."""
        return [self.platform_view(subject) for subject in self._ordered if subject.kind == "platform"]

    def player_view(self, subject: Subject) -> PlayerView:
        """One playback output as it stands now."""
        view = self._views.get(subject.key)
        if view is None:
            view = self._views[subject.key] = self._player_view(subject)
        return view

    def _player_view(self, subject: Subject) -> PlayerView:
        address, _ = place_of(subject)
        newest, current = self.fleet.track(subject).newest, self.fleet.current(subject)
        device = self.fleet.device(address)
        registered = self.fleet.registry.devices.get(str(address))
        return PlayerView(
            subject=subject.key,
            tenant=subject.tenant,
            site=registered.site if registered else None,
            site_name=self._site_name(registered),
            device=subject.device,
            output=subject.id,
            name=player_name(subject, registered),
            contract=subject.contract,
            state=current.state if current else "unknown",
            cause=current.cause if current else None,
            detail=current.detail if current else None,
            since_ms=_since(current, newest),
            evidence_ms=newest.end_ms if newest else None,
            link=self.fleet.link(address),
            emitting=self._is_emitting(subject),
            clock=newest.clock if newest else None,
            host=device.host if device else {},
            host_ms=device.host_ms if device else None,
        )

    def _site_name(self, device: Device | None) -> str | None:
        site = self.fleet.registry.sites.get(f"{device.tenant}/{device.site}") if device and device.site else None
        return site.name if site else None

    def platform_view(self, subject: Subject) -> PlatformView:
        """One platform part as it stands now; one with many vantage points as it stood a moment ago."""
        if len(self.fleet.points(subject)) <= CROWD:
            return to_the_end(self._viewing(subject))
        if subject.key not in self._crowds:
            self._crowds[subject.key] = to_the_end(self._viewing(subject))
        return self._crowds[subject.key]

    def _viewing(self, subject: Subject) -> Generator[None, None, PlatformView]:
        newest, current = self.fleet.glance(subject).newest, self.fleet.current(subject)
        latency_ms, certificate = self._latency(subject.key), self._certificate(subject.key)
        votes = yield from voting_now(self.fleet, subject, latency_ms)
        return PlatformView(
            subject=subject.key,
            tenant=subject.tenant,
            platform=subject.id,
            name=subject.name or subject.id,
            contract=subject.contract,
            state=current.state if current else "unknown",
            cause=current.cause if current else None,
            detail=current.detail if current else None,
            since_ms=_since(current, newest),
            evidence_ms=newest.end_ms if newest else None,
            url=(subject.check.url or None) if subject.check else None,
            latency_ms=latency_ms,
            votes=votes,
            certificate=CertificateView(certificate.host, certificate.ends_ms) if certificate else None,
        )

    def _show(self, changed: set[Place]) -> None:
        for subject in {each.key: each for place in changed if (each := self._by_place.get(place))}.values():
            self._due.set()
            self._views.pop(subject.key, None)
            if subject.kind == "player":
                self._bus.publish(Event("player", self.player_view(subject)))
            elif len(self.fleet.points(subject)) > CROWD:
                self._crowded[subject.key] = subject
            else:
                self._bus.publish(Event("platform", self.platform_view(subject)))

    def _forget_view(self, place: Place) -> None:
        subject = self._by_place.get(place)
        if subject is not None:
            self._views.pop(subject.key, None)

    def _publish(self, figure: FigureView) -> None:
        self.figures[figure.key] = figure
        self._bus.publish(Event("figure", figure))
        for listener in self._listeners:
            listener(figure)

    def _is_emitting(self, subject: Subject) -> bool:
        known = self._emitting.get(subject.key)
        if known is None:
            known = is_emitting(subject, self.agreements.emissions[subject.key], self._clock.wall_ms())
            self._emitting[subject.key] = known
        return known

    def _order(self, subject: Subject) -> tuple[str, str, str, str]:
        device = self.fleet.registry.devices.get(f"{subject.tenant}/{subject.device}")
        return subject.tenant, (device.site if device else None) or "", subject.device, subject.id


def _since(current: RunRow | None, newest: RunRow | KeptRun | None) -> int | None:
    if current is not None:
        return current.start_ms
    return newest.end_ms if newest else None


async def in_slices(steps: Generator[None, None, T]) -> T:
    """Run a generator to its end and give what it returns; others get their turn every `SLICE_S`."""
    until_s = monotonic_s() + SLICE_S
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        if monotonic_s() >= until_s:
            await asyncio.sleep(0)
            until_s = monotonic_s() + SLICE_S
