"""PURE. Every subject of a case in one month: how it stands, and what of it can still fail.

Time can fail where a subject is counted and no applicable window excuses it: exactly the time that would be accountable
if the subject were down throughout. So that is how it is found, by the rules themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from collector.sla.availability import MonthFigure, judge_month
from collector.sla.burn import LOOKBACK_MS, stretch
from collector.sla.case import Case, SubjectFile
from collector.sla.eligibility import is_affected
from collector.sla.intervals import total, union
from collector.sla.tally import MonthSpan, Subject, Tally, is_down, month_span, tally_subject
from collector.sla.terms import Contract
from collector.sla.timeline import Evidence
from wire.states import CAUSES


@dataclass(frozen=True, slots=True)
class Survey:
    """One month. `to_date` is its figure, `best` the figure at its end if nothing fails any more.

    `tallies`: each subject to date. `ends`: each over the whole month, with what was accountable so far. `opens`: each
    as if it were down from `from_ms` on: its accountable time is what can still fail.
    """

    span: MonthSpan
    from_ms: int
    tallies: tuple[Tally, ...]
    ends: tuple[Tally, ...]
    opens: tuple[Tally, ...]
    to_date: MonthFigure
    best: MonthFigure

    @property
    def open_platform_ms(self) -> int:
        """Milliseconds in which the platform can still fail: any one part of it."""
        return total(union(tally.accountable for tally in self.opens if tally.kind == "platform"))

    @property
    def open_players_ms(self) -> list[int]:
        """Milliseconds in which each of the players counted at the month's end can still fail; the longest first."""
        return sorted((tally.accountable_ms for tally in self.opens if tally.counted), reverse=True)


@dataclass(frozen=True, slots=True)
class Lately:
    """What happened in the last `LOOKBACK_MS`: each subject's tally, and the same as if it had been down throughout."""

    span: MonthSpan
    tallies: tuple[Tally, ...]
    opens: tuple[Tally, ...]


def survey(case: Case, month: str) -> Survey:
    """A month as of the case's `computed_at_ms`, with the time from then on that can still fail."""
    span = month_span(case.contract, month, case.computed_at_ms)
    whole = month_span(case.contract, month, span.end_ms)
    from_ms = max(span.start_ms, case.computed_at_ms)
    tallies = tally_all(case, span)
    opens = open_all(case, whole, from_ms)
    ends = tuple(_end(case.contract, later, so_far) for later, so_far in zip(opens, tallies, strict=True))
    return Survey(
        span=span,
        from_ms=from_ms,
        tallies=tallies,
        ends=ends,
        opens=opens,
        to_date=judge_month(case.contract, span, tallies),
        best=judge_month(case.contract, whole, ends),
    )


def lately(case: Case, month: Survey) -> Lately:
    """The last days before the case was computed; players are counted there if they are counted at the month's end."""
    now_ms = case.computed_at_ms
    span = stretch(now_ms - LOOKBACK_MS, now_ms, now_ms)
    return Lately(
        span=span,
        tallies=_counted_as(tally_all(case, span), month.ends),
        opens=_counted_as(open_all(case, span, span.start_ms), month.ends),
    )


def tally_all(case: Case, span: MonthSpan) -> tuple[Tally, ...]:
    """Each subject in a month, or in any stretch of time."""
    return tuple(
        tally_subject(case.contract, span, file.subject, _evidence(file, span), case.windows, file.rulings)
        for file in case.subjects.values()
    )


def open_all(case: Case, span: MonthSpan, from_ms: int) -> tuple[Tally, ...]:
    """Each subject as if it had been up, and were down from `from_ms` on for a cause that nothing excuses."""
    return tuple(
        tally_subject(
            case.contract, span, file.subject, _down_from(case.contract, file.subject, span, from_ms), case.windows
        )
        for file in case.subjects.values()
    )


def _end(contract: Contract, whole: Tally, so_far: Tally) -> Tally:
    """A subject's whole month, in which it has failed so far and fails no more."""
    terms = contract.eligibility
    return replace(
        whole,
        known_ms=so_far.known_ms + whole.counted_ms - so_far.counted_ms,
        down_ms=so_far.down_ms,
        accountable_ms=so_far.accountable_ms,
        accountable=so_far.accountable,
        affected=terms is not None and is_affected(terms, so_far.accountable_ms, whole.counted_ms),
    )


def _counted_as(tallies: Sequence[Tally], others: Sequence[Tally]) -> tuple[Tally, ...]:
    return tuple(replace(tally, counted=other.counted) for tally, other in zip(tallies, others, strict=True))


def _evidence(file: SubjectFile, span: MonthSpan) -> list[Evidence]:
    return [run for run in file.evidence if run.end_ms > span.start_ms and run.start_ms < span.counted_until_ms]


def _down_from(contract: Contract, subject: Subject, span: MonthSpan, from_ms: int) -> list[Evidence]:
    up, down = ("playing", "stopped") if subject.kind == "player" else ("up", "down")
    cause = next((cause for cause in sorted(CAUSES) if is_down(contract, down, cause).accountable), None)
    return [Evidence(span.start_ms, from_ms, up), Evidence(from_ms, span.end_ms, down, cause)]
