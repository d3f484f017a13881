"""PURE. The month of a whole contract (SPEC 2.6 to 2.12): subjects' tallies in, the figure out.

`A = 1 − k · Σ platform down / Σ total − (1 − k) · Σ players' down / Σ denominator`, summed over the months judged:
a window's figure is pooled time, never an average of percentages.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from collector.sla.bands import Band, falls_under, find_band, percent_text
from collector.sla.eligibility import is_eligible
from collector.sla.intervals import total, union
from collector.sla.tally import (
    MonthSpan,
    Standing,
    Subject,
    Tally,
    Window,
    applies,
    is_down,
    month_span,
    tally_subject,
)
from collector.sla.terms import Contract
from collector.sla.timeline import Evidence, Ruling

__all__ = [
    "Evidence",
    "MonthFigure",
    "MonthSpan",
    "MonthSums",
    "Ruling",
    "Standing",
    "Subject",
    "Tally",
    "Window",
    "applies",
    "is_down",
    "judge_month",
    "judge_sums",
    "month_span",
    "pooled_availability",
    "tally_subject",
]


@dataclass(frozen=True, slots=True)
class MonthSums:
    """What a month's subjects sum to, in milliseconds; of the players, only those that belong to N.

    `platform_downtime_ms` is the union over the platform's parts, the others are plain sums.
    """

    players: int
    affected_players: int
    players_active_ms: int
    players_counted_ms: int
    players_known_ms: int
    players_downtime_ms: int
    platform_counted_ms: int
    platform_known_ms: int
    platform_downtime_ms: int


@dataclass(frozen=True, slots=True)
class MonthFigure:
    """The figure of one month. Shares are exact fractions of 1; None: there is none to know.

    `players` is N. `platform_availability` and `players_availability` are each part on its own, for display;
    `availability` is the weighted figure, `percent` its rounding. `met`: it reached the committed level (None: no
    level, not assessable or not begun). `eligible`: enough players were affected.
    """

    span: MonthSpan
    players: int
    platform_downtime_ms: int
    players_downtime_ms: int
    players_denominator_ms: Fraction
    affected_players: int | None
    players_coverage: Fraction | None
    platform_coverage: Fraction | None
    assessable: bool
    availability: Fraction | None
    platform_availability: Fraction | None
    players_availability: Fraction | None
    percent: str | None
    met: bool | None
    band: Band | None
    eligible: bool


def judge_month(contract: Contract, span: MonthSpan, tallies: Sequence[Tally]) -> MonthFigure:
    """The month's figure from the tallies of all its subjects."""
    platform = [tally for tally in tallies if tally.kind == "platform"]
    players = [tally for tally in tallies if tally.counted]
    sums = MonthSums(
        players=len(players),
        affected_players=sum(tally.affected for tally in players),
        players_active_ms=sum(tally.active_ms for tally in players),
        players_counted_ms=sum(tally.counted_ms for tally in players),
        players_known_ms=sum(tally.known_ms for tally in players),
        players_downtime_ms=sum(tally.accountable_ms for tally in players),
        platform_counted_ms=sum(tally.counted_ms for tally in platform),
        platform_known_ms=sum(tally.known_ms for tally in platform),
        platform_downtime_ms=total(union(tally.accountable for tally in platform)),  # any one down is down
    )
    return judge_sums(contract, span, sums)


def judge_sums(contract: Contract, span: MonthSpan, sums: MonthSums) -> MonthFigure:
    """The month's figure from what its subjects sum to."""
    denominator = _players_denominator(contract, span, sums)
    platform_share = _share(sums.platform_downtime_ms, span.total_ms)
    players_share = _share(sums.players_downtime_ms, denominator)
    begun = span.counted_ms > 0
    availability = _weighted(contract, platform_share, players_share) if begun else None
    coverage = (
        _coverage(sums.players_known_ms, sums.players_counted_ms),
        _coverage(sums.platform_known_ms, sums.platform_counted_ms),
    )
    assessable = _assessable(contract, *coverage)
    return MonthFigure(
        span=span,
        players=sums.players,
        platform_downtime_ms=sums.platform_downtime_ms,
        players_downtime_ms=sums.players_downtime_ms,
        players_denominator_ms=denominator,
        affected_players=None if contract.eligibility is None else sums.affected_players,
        players_coverage=coverage[0],
        platform_coverage=coverage[1],
        assessable=assessable,
        availability=availability,
        platform_availability=max(Fraction(0), 1 - platform_share) if begun else None,
        players_availability=max(Fraction(0), 1 - players_share) if begun else None,
        percent=None if availability is None else percent_text(availability, contract.rounding),
        met=_met(contract, availability) if assessable else None,
        band=find_band(contract, availability),
        eligible=is_eligible(contract.eligibility, sums.affected_players, sums.players),
    )


def pooled_availability(contract: Contract, figures: Iterable[MonthFigure]) -> Fraction:
    """The availability of several months together: their times are summed before anything is divided."""
    months = list(figures)
    platform_share = _share(
        sum(month.platform_downtime_ms for month in months), sum(month.span.total_ms for month in months)
    )
    players_share = _share(
        sum(month.players_downtime_ms for month in months),
        sum((month.players_denominator_ms for month in months), Fraction(0)),
    )
    return _weighted(contract, platform_share, players_share)


def _weighted(contract: Contract, platform_share: Fraction, players_share: Fraction) -> Fraction:
    """The formula: `k` weighs the platform's share of down time, `1 − k` the players'; never under 0."""
    rules = contract.availability
    return max(Fraction(0), 1 - rules.platform_weight * platform_share - rules.players_weight * players_share)


def _share(part_ms: int, whole_ms: int | Fraction) -> Fraction:
    return Fraction(part_ms) / whole_ms if whole_ms else Fraction(0)


def _players_denominator(contract: Contract, span: MonthSpan, sums: MonthSums) -> Fraction:
    """What the players' down time is divided by (SPEC 2.7)."""
    if contract.availability.player_base == "emission":
        return Fraction(sums.players_counted_ms)
    if contract.availability.membership == "at_calculation":
        return Fraction(sums.players * span.total_ms)
    if span.counted_ms == 0:
        return Fraction(0)
    return Fraction(sums.players_active_ms * span.total_ms, span.counted_ms)


def _coverage(known_ms: int, counted_ms: int) -> Fraction | None:
    """Known share of the counted time; None where nothing was counted."""
    return Fraction(known_ms, counted_ms) if counted_ms else None


def _assessable(contract: Contract, players: Fraction | None, platform: Fraction | None) -> bool:
    """Whether enough is known of each kind that has weight (SPEC 2.11); None is not less."""
    rules = contract.availability
    if rules.min_coverage is None:
        return True
    weighed = ((players, rules.players_weight), (platform, rules.platform_weight))
    return not any(weight > 0 and known is not None and known < rules.min_coverage for known, weight in weighed)


def _met(contract: Contract, availability: Fraction | None) -> bool | None:
    committed = contract.guarantee.committed
    if committed is None or availability is None:
        return None
    return not falls_under(availability, committed, contract.rounding)
