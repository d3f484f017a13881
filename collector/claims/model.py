"""PURE. A claim's draft, free of any language: what happened, what is due, by when, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from collector.claims.money import Credit, Fee
from collector.report.incidents import Incident
from collector.report.model import Report
from collector.sla.service import Severity, Side, TargetTerm

DeadlineKind = Literal["report", "claim"]
Outcome = Literal["due", "open", "nothing"]
ClockVerdict = Literal["in_time", "running", "late", "depends", "no_evidence", "no_number", "not_served", "never_due"]
GapId = Literal[
    "no_guarantee", "no_level", "no_table", "in_progress", "settling", "coverage", "window_open", "silent",
    "no_claims", "no_claim_deadline", "no_names", "no_address", "claim_past", "claim_month_past", "report_past",
    "report_unproven", "settles_later", "project", "fee", "credit_of", "services", "sites", "clock_start", "pauses",
    "class_open", "class_words", "no_numbers", "stand_in", "not_served", "began_before", "lasts", "unknown_time",
    "estimated", "reading",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class DueBy:
    """A deadline. `due_ms` None: what it is counted from has not happened yet. Exactly at it is in time."""

    kind: DeadlineKind
    due_ms: int | None
    past: bool


@dataclass(frozen=True, slots=True)
class ClockReading:
    """A promised time read at one incident. `due_ms`: had its clock begun with the incident and never stood still.

    `late` is only said where both are known; `depends` where the notice or the pauses, which no ledger has, decide.
    `stand_in`: the hours are those of a place that the contract file does not name.
    """

    term: TargetTerm
    due_ms: int | None
    verdict: ClockVerdict
    stand_in: bool = False


@dataclass(frozen=True, slots=True)
class RightReading:
    """What a failure gives that is not mended in time; `index` in the contract's `rights`."""

    index: int
    due_ms: int | None
    verdict: ClockVerdict


@dataclass(frozen=True, slots=True)
class ClassReading:
    """An incident as one of the failure classes, with the times promised for it."""

    severity: Severity
    clocks: tuple[ClockReading, ...]
    rights: tuple[RightReading, ...]


@dataclass(frozen=True, slots=True)
class ClaimIncident:
    """One incident that counts. `number` is its number in the report.

    `start_ms` is the earliest start that evidence tells, before the month where `began_before`; `lasts`: it had not
    ended when the counted month did. `players` of the agreement were active at its start, `affected` of them are in it.
    """

    number: int
    incident: Incident
    start_ms: int
    began_before: bool
    lasts: bool
    affected: int
    players: int
    classes: tuple[ClassReading, ...]
    report_by: DueBy | None
    claim_by: DueBy | None


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that is missing, or stands in the way; `numbers` of the incidents that it is about."""

    id: GapId
    numbers: tuple[int, ...] = ()
    values: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything that a claim about one month needs; deadlines are open or past at `asked_ms`.

    `outcome`: a discount is `due`, it is `open` (the month, its coverage or other months decide), or there is
    `nothing`. `month_claim_by`: the deadline that the month has as a whole. `credit` is what the fee comes to by the
    discount, by the one that is open where it is (`credit_is_open`).
    """

    report: Report
    asked_ms: int
    side: Side
    project: str
    fee: Fee | None
    outcome: Outcome
    incidents: Sequence[ClaimIncident]
    month_claim_by: DueBy | None
    credit: Credit | None
    gaps: Sequence[Gap]

    @property
    def credit_is_open(self) -> bool:
        """Tell whether the credit hangs on something that is not known yet."""
        return self.outcome == "open"
