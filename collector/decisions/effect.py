"""PURE. What a decision does to a subject: whether a contract leaves a window out, and why not; rulings as marks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from collector.decisions.model import RulingRecord, WindowRecord, to_window
from collector.registry.model import Registry
from collector.sla.tally import Subject, Window, applies
from collector.sla.terms import PLANNED, Contract
from collector.views import MarkView
from wire.states import SubjectKind

NotApplied = Literal["cancelled", "kind", "late", "notice"]


def not_applied(
    contract: Contract, record: WindowRecord, window: Window, subjects: Sequence[Subject]
) -> NotApplied | None:
    """Why the contract leaves this window out for none of the subjects; None: it does for one."""
    if record.is_cancelled:
        return "cancelled"
    if any(applies(contract, window, subject) for subject in subjects):
        return None
    if window.kind not in contract.availability.excluded_windows:
        return "kind"
    return "late" if window.kind == PLANNED and record.announced_at_ms >= window.start_ms else "notice"


def touches_subject(window: Window, identity: str, kind: SubjectKind) -> bool:
    """Whether a window names this subject."""
    return not window.subjects.isdisjoint(("*", f"kind:{kind}", identity))


def window_marks(
    records: Iterable[WindowRecord], registry: Registry, subject: Subject, contract: Contract | None
) -> Iterator[MarkView]:
    """The windows that name a subject, each with its effect; no contract: nothing is judged, so nothing left out."""
    for record in records:
        window = to_window(record, registry)
        if not touches_subject(window, subject.id, subject.kind):
            continue
        reason = "no_contract" if contract is None else not_applied(contract, record, window, [subject])
        yield MarkView(
            kind="window",
            id=record.id,
            start_ms=record.start_ms,
            end_ms=record.end_ms,
            reason=reason,
            window_kind=record.kind,
            state=None,
            cause=None,
            why=record.why,
            who=record.announced_by,
            at_ms=record.announced_at_ms,
        )


def ruling_marks(records: Iterable[RulingRecord]) -> Iterator[MarkView]:
    """Rulings as marks."""
    for record in records:
        yield MarkView(
            kind="ruling",
            id=record.id,
            start_ms=record.start_ms,
            end_ms=record.end_ms,
            reason=None,
            window_kind=None,
            state=record.state,
            cause=record.cause,
            why=record.why,
            who=record.who,
            at_ms=record.at_ms,
        )
