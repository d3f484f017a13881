"""PURE. A report, free of any language: what the renderings tell. Figures are exact; shares are fractions of 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Literal

from collector.decisions.effect import NotApplied
from collector.decisions.model import RulingRecord, WindowRecord
from collector.report.dossier import Member
from collector.report.incidents import Incident
from collector.report.stretches import Stretch
from collector.sla.availability import MonthFigure
from collector.sla.discounts import DiscountDue
from collector.sla.service import Phrase
from collector.sla.tally import Tally
from collector.sla.terms import Contract, Discount
from collector.sla.windows import WindowFigure

Status = Literal["in_progress", "settling", "complete"]
BandFrom = Literal["literal", "gap", "below"]


@dataclass(frozen=True, slots=True)
class SubjectMonth:
    """One subject's month. `estimated_ms`: counted time that rests on a clock that never was the true time.

    `off_ms`: by how much that time may lie off at most; None: nobody can say.
    """

    member: Member
    tally: Tally
    stretches: Sequence[Stretch]
    left_out_ms: int
    estimated_ms: int
    off_ms: int | None = None

    @property
    def share(self) -> Fraction | None:
        """Give the accountable share of its counted time; None where nothing was counted."""
        return Fraction(self.tally.accountable_ms, self.tally.counted_ms) if self.tally.counted_ms else None


@dataclass(frozen=True, slots=True)
class WindowUse:
    """An announced window of the month, and what it did. `not_applied` None: the contract leaves it out.

    `platform_ms` and `players_ms`: the down time that it took out (a union for the platform, a sum for the players).
    """

    record: WindowRecord
    not_applied: NotApplied | None
    platform_ms: int
    players_ms: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What one excluded cause took out; `subjects`: how many it was seen at."""

    cause: str
    subjects: int
    platform_ms: int
    players_ms: int


@dataclass(frozen=True, slots=True)
class Day:
    """Accountable time of one local day; `players_ms` is a sum."""

    date: date
    start_ms: int
    end_ms: int
    platform_ms: int
    players_ms: int


@dataclass(frozen=True, slots=True)
class BandSource:
    """The row of the table that gave the discount, and why that one; None: no row did."""

    row: Discount | None
    source: BandFrom


@dataclass(frozen=True, slots=True)
class Edition:
    """Which revision of a closed month this is. `latest`: the number of the last one there was when it was asked for.

    `changes`: what changed since the revision before, a sentence each. `seal`: stands for every input and the result.
    `waiting`: what the next revision already waits for; None: nothing, or nobody looked.
    """

    number: int
    latest: int
    at_ms: int
    first_at_ms: int
    seal: str
    why: Phrase
    changes: Sequence[Phrase] = ()
    waiting: Phrase | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """One month of one agreement, as it is told to a customer.

    `months`: every month that was judged, in a row. `guarantee_window`: one that holds the month fell (True), none did
    (False), or that is open (None). `settles_ms`: until then evidence may still come. `silent`: months that ought to be
    judged too, and of which nothing is known. `edition`: the revision that it shows; None: of the ledger as it is.
    """

    tenant: str
    tenant_name: str
    contract_id: str
    contract: Contract
    computed_at_ms: int
    status: Status
    settles_ms: int
    figure: MonthFigure
    months: Sequence[MonthFigure]
    guarantee: Sequence[WindowFigure]
    termination: Sequence[WindowFigure]
    guarantee_window: bool | None
    discount: DiscountDue
    band: BandSource | None
    platforms: Sequence[SubjectMonth]
    players: Sequence[SubjectMonth]
    incidents: Sequence[Incident]
    left_out: Sequence[Incident]
    causes: Sequence[LeftOut]
    windows: Sequence[WindowUse]
    rulings: Sequence[RulingRecord]
    days: Sequence[Day]
    unknown_ms: Mapping[str, int]  # by kind of subject
    silent: Sequence[str]
    edition: Edition | None = None

    @property
    def provisional(self) -> bool:
        """Tell whether the figure may still change by itself: the month goes on, or evidence may still come."""
        return self.status != "complete"

    @property
    def unwatched(self) -> list[str]:
        """Name the months before the first that anything is known of: periods that hold them stay open for good."""
        return [month for month in self.silent if month < self.months[0].span.month]

    @property
    def termination_right(self) -> bool:
        """Tell whether a known window of the termination clause fell."""
        return any(window.breached for window in self.termination)

    @property
    def estimated_ms(self) -> int:
        """Give the counted time that rests on estimated clocks, of all subjects that count."""
        return sum(each.estimated_ms for each in (*self.platforms, *self.players) if counts(each))

    @property
    def furthest_off(self) -> SubjectMonth | None:
        """Give the counted subject whose estimated times may be off by most; None: there is none, or nobody can say."""
        adrift = [each for each in (*self.platforms, *self.players) if counts(each) and each.estimated_ms]
        known = [each for each in adrift if each.off_ms is not None]
        return max(known, key=lambda each: each.off_ms or 0) if known and len(known) == len(adrift) else None


def counts(each: SubjectMonth) -> bool:
    """Whether the month's figure looks at this subject: a platform part, or a player that belongs to N."""
    return each.tally.kind == "platform" or each.tally.counted
