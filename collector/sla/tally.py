"""PURE. One subject in one month: what was counted, what was down, and who answers for it (SPEC 2.1, 2.3 to 2.5).

Down time that an excluded cause or an applicable window takes away leaves the denominator as it is; unknown time is
neither up nor down under `unknown = "excluded"`, so the known share (coverage) is kept beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from collector.sla.calendar import Calendar
from collector.sla.eligibility import is_affected
from collector.sla.instants import DAY_MS, first_day, local_ms, parse_month
from collector.sla.intervals import Interval, clip, intersect, normalise, subtract, total
from collector.sla.terms import PLANNED, Contract
from collector.sla.timeline import Evidence, Ruling, paint, rule
from wire.states import UP_STATES, SubjectKind, default_cause

_FIXED_MONTH_MS: Final = 31 * DAY_MS


@dataclass(frozen=True, slots=True)
class MonthSpan:
    """A month of a contract as counted up to `computed_at_ms`.

    `total_ms` is the contract's length of the counted part, `counted_ms` its real length; 0: the month has not begun.
    """

    month: str  # YYYY-MM
    start_ms: int
    end_ms: int
    counted_until_ms: int
    counted_ms: int
    total_ms: int
    provisional: bool
    computed_at_ms: int


@dataclass(frozen=True, slots=True)
class Subject:
    """What a contract judges. None: active without that end; emission at all hours, as a platform's always is."""

    id: str
    kind: SubjectKind
    active_from_ms: int | None = None
    active_until_ms: int | None = None
    emission: Calendar | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """Announced maintenance, or another interval that a contract may leave out."""

    kind: str
    subjects: frozenset[str]  # "*", "kind:player", "kind:platform" or a subject's id
    start_ms: int
    end_ms: int
    announced_at_ms: int | None = None


class Standing(NamedTuple):
    """How one instant counts. `accountable`: down, and on the provider's account as far as the cause tells."""

    known: bool
    down: bool
    accountable: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """One subject's month, in milliseconds of its counted time; `counted`: it is a player that belongs to N."""

    subject_id: str
    kind: SubjectKind
    counted: bool
    active_ms: int
    counted_ms: int
    known_ms: int
    down_ms: int
    accountable_ms: int
    accountable: tuple[Interval, ...]
    affected: bool


def month_span(contract: Contract, month: str, computed_at_ms: int) -> MonthSpan:
    """The month from local midnight to local midnight, counted up to `computed_at_ms`; ValueError: no month."""
    number = parse_month(month)
    start = local_ms(contract.timezone, first_day(number))
    end = local_ms(contract.timezone, first_day(number + 1))
    until = max(start, min(end, computed_at_ms))
    counted = until - start
    fixed = contract.availability.month == "fixed-31d"
    return MonthSpan(
        month=month,
        start_ms=start,
        end_ms=end,
        counted_until_ms=until,
        counted_ms=counted,
        total_ms=_FIXED_MONTH_MS * counted // (end - start) if fixed else counted,
        provisional=end > computed_at_ms,
        computed_at_ms=computed_at_ms,
    )


def is_down(contract: Contract, state: str, cause: str | None = None) -> Standing:
    """How an instant in `state` counts; no cause: the state's default. Windows are not looked at."""
    if state in UP_STATES:
        return Standing(known=True, down=False, accountable=False)
    known = state != "unknown"
    down = known or contract.availability.unknown == "down"
    excused = (cause or default_cause(state)) in contract.availability.excluded_causes
    return Standing(known, down, accountable=down and not excused)


def applies(contract: Contract, window: Window, subject: Subject) -> bool:
    """Whether the contract leaves this window out for this subject."""
    rules = contract.availability
    if window.kind not in rules.excluded_windows:
        return False
    if window.subjects.isdisjoint(("*", f"kind:{subject.kind}", subject.id)):
        return False
    if window.kind != PLANNED:
        return True
    announced = window.announced_at_ms
    if announced is None or announced >= window.start_ms:  # strictly before it starts
        return False
    return window.start_ms - announced >= rules.min_notice_ms


def exempt_time(contract: Contract, windows: Iterable[Window], subject: Subject) -> list[Interval]:
    """What the applicable windows take out of this subject's down time."""
    return normalise((window.start_ms, window.end_ms) for window in windows if applies(contract, window, subject))


def tally_subject(
    contract: Contract,
    span: MonthSpan,
    subject: Subject,
    evidence: Iterable[Evidence],
    windows: Collection[Window] = (),
    rulings: Sequence[Ruling] = (),
) -> Tally:
    """Judge one subject's month. `evidence` (equal starts: later over earlier) and `rulings` are this subject's own."""
    active_from, active_until = active_interval(span, subject)
    active_ms = max(0, active_until - active_from)
    counted = counted_time(span, subject, active_from, active_until)
    counted_ms = total(counted)
    silent, excused, accountable = _standing_time(contract, span, counted, evidence, rulings)
    known_ms = counted_ms - total(silent)
    down_ms = total(excused) + total(accountable)
    exempt = exempt_time(contract, windows, subject)
    if exempt:
        accountable = subtract(accountable, exempt)
    accountable_ms = total(accountable)
    terms = contract.eligibility
    return Tally(
        subject_id=subject.id,
        kind=subject.kind,
        counted=belongs_to_n(contract, span, subject, active_ms),
        active_ms=active_ms,
        counted_ms=counted_ms,
        known_ms=known_ms,
        down_ms=down_ms,
        accountable_ms=accountable_ms,
        accountable=tuple(accountable),
        affected=terms is not None and is_affected(terms, accountable_ms, counted_ms),
    )


def _standing_time(
    contract: Contract,
    span: MonthSpan,
    counted: list[Interval],
    evidence: Iterable[Evidence],
    rulings: Sequence[Ruling],
) -> tuple[list[Interval], list[Interval], list[Interval]]:
    """The counted time that is unknown; that is down for an excluded cause; that is down and accountable."""
    silent: list[Interval] = []
    excused: list[Interval] = []
    accountable: list[Interval] = []
    if not counted:
        return silent, excused, accountable
    segments = paint(evidence, counted[0][0], counted[-1][1])
    if rulings:
        segments = rule(segments, rulings, span.computed_at_ms)
    chosen: dict[tuple[str, str | None], tuple[list[Interval], ...]] = {}
    for start, end, state, cause in segments:
        lists = chosen.get((state, cause))
        if lists is None:
            standing = is_down(contract, state, cause)
            lists = () if standing.known else (silent,)
            if standing.down:
                lists = (*lists, accountable if standing.accountable else excused)
            chosen[state, cause] = lists
        for intervals in lists:
            intervals.append((start, end))
    if len(counted) == 1:  # the segments fill exactly that interval
        return silent, excused, accountable
    return intersect(silent, counted), intersect(excused, counted), intersect(accountable, counted)


def active_interval(span: MonthSpan, subject: Subject) -> Interval:
    """The active interval within the counted month; inverted where there is none."""
    start, end = subject.active_from_ms, subject.active_until_ms
    return (
        span.start_ms if start is None else max(start, span.start_ms),
        span.counted_until_ms if end is None else min(end, span.counted_until_ms),
    )


def counted_time(span: MonthSpan, subject: Subject, start_ms: int, end_ms: int) -> list[Interval]:
    """What of the active interval `[start_ms, end_ms)` is emission (SPEC 2.3); a platform's is always."""
    if start_ms >= end_ms:
        return []
    if subject.emission is None or subject.kind == "platform":
        return [(start_ms, end_ms)]
    return clip(subject.emission.open_intervals(span.start_ms, span.counted_until_ms), start_ms, end_ms)


def belongs_to_n(contract: Contract, span: MonthSpan, subject: Subject, active_ms: int) -> bool:
    """Whether a player is one of the N that the month is judged by (SPEC 2.7)."""
    if subject.kind != "player" or span.counted_ms == 0:
        return False
    if contract.availability.membership == "time_weighted":
        return active_ms > 0
    start, end = subject.active_from_ms, subject.active_until_ms
    until = span.counted_until_ms
    return (start is None or start < until) and (end is None or end >= until)  # active up to counted_until
