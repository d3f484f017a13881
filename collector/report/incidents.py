"""PURE. From stretches to incidents: what a customer is told, or what was left out, each time once.

An *outage* is one subject's contiguous time of one standing and cause, whatever its states were meanwhile. Outages of
one kind of subject, standing and cause that begin together and end together, each within a minute, are one *incident*:
a switch that takes twenty players with it is a line, not a page. Nothing is lost: an incident holds its outages, and
its time is theirs, added up to the millisecond.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from collector.report.stretches import Standing, Stretch
from collector.sla.instants import MINUTE_MS
from wire.states import SubjectKind

TOGETHER_MS: Final = MINUTE_MS
TOLD: Final[frozenset[Standing]] = frozenset({"down", "cause", "window"})


@dataclass(frozen=True, slots=True)
class Outage:
    """One subject's time `[start_ms, end_ms)` in one standing, for one cause."""

    subject: str
    kind: SubjectKind
    start_ms: int
    end_ms: int
    standing: Standing
    cause: str
    window: int | None
    states: tuple[str, ...]  # in the order in which they first came
    estimated: bool
    rulings: tuple[int, ...]
    detail: str | None

    @property
    def length_ms(self) -> int:
        """Give its length in milliseconds."""
        return self.end_ms - self.start_ms


@dataclass(slots=True)
class Incident:
    """Outages that began and ended together; never without one."""

    outages: list[Outage] = field(default_factory=list)

    @property
    def first(self) -> Outage:
        """Give the outage that began first; standing, kind, cause and window are the same for all."""
        return self.outages[0]

    @property
    def start_ms(self) -> int:
        """Give when the first of them began."""
        return min(outage.start_ms for outage in self.outages)

    @property
    def end_ms(self) -> int:
        """Give when the last of them ended."""
        return max(outage.end_ms for outage in self.outages)

    @property
    def sum_ms(self) -> int:
        """Give the time of all of them, added up."""
        return sum(outage.length_ms for outage in self.outages)

    @property
    def states(self) -> tuple[str, ...]:
        """Give every state that was seen, in the order in which they first came."""
        return tuple(dict.fromkeys(state for outage in self.outages for state in outage.states))

    @property
    def rulings(self) -> tuple[int, ...]:
        """Give the ids of the rulings that lie over it."""
        return tuple(sorted({number for outage in self.outages for number in outage.rulings}))

    @property
    def estimated(self) -> bool:
        """Tell whether some of it rests on a clock that never was the true time."""
        return any(outage.estimated for outage in self.outages)


def find_outages(subject: str, kind: SubjectKind, stretches: Iterable[Stretch]) -> Iterator[Outage]:
    """The outages of one subject, in order."""
    held: list[Stretch] = []
    for stretch in stretches:
        if held and (held[-1].end_ms != stretch.start_ms or _sort(held[-1]) != _sort(stretch)):
            yield _outage(subject, kind, held)
            held = []
        if stretch.standing in TOLD:
            held.append(stretch)
    if held:
        yield _outage(subject, kind, held)


def group(outages: Iterable[Outage]) -> list[Incident]:
    """Outages → incidents, by start. Each outage joins the first incident that it fits."""
    incidents: list[Incident] = []
    recent: dict[tuple[object, ...], list[Incident]] = {}
    for outage in sorted(outages, key=lambda each: (each.start_ms, each.end_ms, each.subject)):
        key = (outage.kind, outage.standing, outage.cause, outage.window)
        candidates = [each for each in recent.get(key, ()) if outage.start_ms - each.first.start_ms <= TOGETHER_MS]
        recent[key] = candidates
        fitting = (each for each in candidates if abs(outage.end_ms - each.first.end_ms) <= TOGETHER_MS)
        incident = next(fitting, None)
        if incident is None:
            incident = Incident()
            incidents.append(incident)
            candidates.append(incident)
        incident.outages.append(outage)
    return incidents


def _sort(stretch: Stretch) -> tuple[object, ...]:
    return (stretch.standing, stretch.cause, stretch.window)


def _outage(subject: str, kind: SubjectKind, held: Sequence[Stretch]) -> Outage:
    return Outage(
        subject=subject,
        kind=kind,
        start_ms=held[0].start_ms,
        end_ms=held[-1].end_ms,
        standing=held[0].standing,
        cause=held[0].cause or "unknown",
        window=held[0].window,
        states=tuple(dict.fromkeys(stretch.state for stretch in held)),
        estimated=any(stretch.estimated for stretch in held),
        rulings=tuple(sorted({number for stretch in held for number in stretch.rulings})),
        detail=next((stretch.detail for stretch in held if stretch.detail), None),
    )
