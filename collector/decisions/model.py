"""PURE. Windows and rulings as the ledger keeps them, and what the contract core needs of them.

| | said | counts |
|---|---|---|
| window | beforehand: its announcement is dated by the collector's clock, never by hand | unless it was cancelled |
| ruling | afterwards, on the state or the cause of an interval | from then on; later ones stand above earlier ones |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from collector.decisions.selectors import expand
from collector.registry.model import Registry
from collector.sla.tally import Window
from collector.sla.terms import PLANNED
from collector.sla.timeline import Ruling

USUAL_KINDS: Final = (PLANNED, "emergency", "other")


class WindowRecord(msgspec.Struct, frozen=True):
    """One window, `[start_ms, end_ms)`. `subjects` are selectors (selectors.py); `id` 0: not in the ledger yet.

    `uid` and `occurrence` name the iCalendar event that it was imported from.
    """

    id: int
    tenant: str
    kind: str
    subjects: tuple[str, ...]
    start_ms: int
    end_ms: int
    announced_at_ms: int
    announced_by: str
    why: str
    uid: str | None = None
    occurrence: str | None = None
    cancelled_at_ms: int | None = None
    cancelled_by: str | None = None
    cancelled_why: str | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether it was taken back: it leaves nothing out then."""
        return self.cancelled_at_ms is not None


class RulingRecord(msgspec.Struct, frozen=True):
    """A person's decision on `[start_ms, end_ms)` of one subject (its key in the registry): state, cause, or both."""

    id: int
    tenant: str
    subject: str
    start_ms: int
    end_ms: int
    state: str | None
    cause: str | None
    at_ms: int
    who: str
    why: str


@dataclass(frozen=True, slots=True)
class Decisions:
    """One tenant's decisions, as the contract core takes them. `rulings` by subject, in the order of their making."""

    windows: tuple[Window, ...] = ()
    rulings: Mapping[str, tuple[Ruling, ...]] = field(default_factory=dict)


def to_window(record: WindowRecord, registry: Registry) -> Window:
    """A window as the core applies it: sites and devices stand for the subjects that the registry has there now."""
    chosen = frozenset().union(*(expand(selector, record.tenant, registry) for selector in record.subjects))
    return Window(record.kind, chosen, record.start_ms, record.end_ms, record.announced_at_ms)


def to_ruling(record: RulingRecord) -> Ruling:
    """A ruling as the core applies it."""
    return Ruling(record.start_ms, record.end_ms, record.state, record.cause, record.at_ms)


def to_decisions(windows: Iterable[WindowRecord], rulings: Iterable[RulingRecord], registry: Registry) -> Decisions:
    """One tenant's records (in the order of their ids) → what the core applies: windows that stand, every ruling."""
    by_subject: dict[str, list[Ruling]] = {}
    for record in rulings:
        by_subject.setdefault(record.subject, []).append(to_ruling(record))
    return Decisions(
        windows=tuple(to_window(record, registry) for record in windows if not record.is_cancelled),
        rulings={subject: tuple(made) for subject, made in by_subject.items()},
    )
