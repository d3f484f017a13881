"""PURE. What a month was judged from, frozen: nothing here refers to a ledger, a registry or a library's data any more.

Evidence is the part of each run that lies in the month, in painting order (SPEC 2.2): what a run does after the month
cannot change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from collector.decisions.model import RulingRecord, WindowRecord
from collector.views import ClockSource
from wire.states import SubjectKind

Pair = tuple[int, int]  # a reduced fraction


class SubjectEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A subject as the registry had it. `emission`: `always`, or the id of a calendar."""

    subject: str
    kind: SubjectKind
    name: str
    site: str
    emission: str
    active_from_ms: int | None
    active_until_ms: int | None


class FrozenRun(NamedTuple):
    """The part of a run that lies in the month, `[start_ms, end_ms)`; `off_ms`: by what its times may be off."""

    spool: str
    seq: int
    start_ms: int
    end_ms: int
    state: str
    cause: str | None
    clock: ClockSource
    detail: str | None
    off_ms: int | None = None


class FrozenWindow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A window as it was announced, and whom its selectors meant: `*`, `kind:…`, or subjects."""

    window: WindowRecord
    applies_to: tuple[str, ...]


class MonthNumbers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a month adds to the figure of several months (SPEC 2.8, 2.13)."""

    total_ms: int
    players: int
    platform_downtime_ms: int
    players_downtime_ms: int
    players_denominator_ms: Pair
    affected_players: int | None
    players_coverage: Pair | None
    platform_coverage: Pair | None
    assessable: bool


class KnownMonth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another month that is judged together with this one, as its own revision (number and seal) had it."""

    month: str
    revision: int
    seal: str
    numbers: MonthNumbers


class CalendarEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A calendar's rules (SPEC part 3), and the holidays (date → name) that they had in the month, by then."""

    rules: Mapping[str, object]
    holidays: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything. `closed_at_ms` is the moment whose rulings and registry it holds."""

    tenant: str
    tenant_name: str
    contract_id: str
    contract_text: str
    month: str
    closed_at_ms: int
    subjects: tuple[SubjectEntry, ...]
    calendars: Mapping[str, CalendarEntry]
    evidence: Mapping[str, tuple[FrozenRun, ...]]
    windows: tuple[FrozenWindow, ...]
    rulings: tuple[RulingRecord, ...]
    months: tuple[KnownMonth, ...]

    @property
    def agreement(self) -> str:
        """Give `tenant/contract`."""
        return f"{self.tenant}/{self.contract_id}"
