"""PURE. What a report is made from: one agreement, its subjects with their evidence, and what people decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from collector.decisions.model import RulingRecord, WindowRecord
from collector.sla.availability import MonthFigure
from collector.sla.tally import Subject, Window
from collector.sla.terms import Contract
from collector.views import ClockSource


@dataclass(frozen=True, slots=True)
class Run:
    """One run as the ledger has it; `[start_ms, end_ms)` in true time. `spool` and `seq` name it at its device.

    `off_ms`: by how much times of an `estimated` clock may be off at most; None: nobody can say.
    """

    start_ms: int
    end_ms: int
    state: str
    cause: str | None = None
    clock: ClockSource = "synced"
    detail: str | None = None
    spool: str = ""
    seq: int = 0
    off_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A subject that the contract judges: how people call it, its runs in painting order, rulings in their order."""

    subject: Subject
    name: str
    site: str = ""
    runs: Sequence[Run] = ()
    rulings: Sequence[RulingRecord] = ()


@dataclass(frozen=True, slots=True)
class Announced:
    """A window as it was announced, and as the core applies it."""

    record: WindowRecord
    window: Window


@dataclass(frozen=True, slots=True)
class Dossier:
    """Everything about one agreement and month. `others`: the figures of the months around it that could be judged.

    `silent`: months that ought to be judged with it, and of which nothing is known. `closed`: it is judged for a
    revision, so that nothing is awaited any more.
    """

    tenant: str
    tenant_name: str
    contract_id: str
    contract: Contract
    month: str
    computed_at_ms: int
    members: Sequence[Member]
    windows: Sequence[Announced] = ()
    others: Mapping[str, MonthFigure] = field(default_factory=dict)
    silent: Sequence[str] = ()
    closed: bool = False
