"""PURE. Looking ahead: what may still fail this month, where it ends if it goes on like this, and when a level falls.

Three outcomes of the month are compared, all by the contract's own formula over the *whole* month, with the players
that the registry knows today as counted at its end:

- the best one: nothing fails any more. A level that has fallen even then is lost, whatever the figure to date says;
- the expected one: of the time that can still fail, the same share fails as in the last three days (`LOOKBACK_MS`);
- the range: that share is taken from the past months instead (`history.py`).

Nothing is assumed where nothing is known: then there is no expected outcome and no day, and a word says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from collector.sla.availability import MonthFigure
from collector.sla.bands import Band, find_band, percent_text
from collector.sla.budget import pool
from collector.sla.burn import BurnRate, burn_frame, burn_rates
from collector.sla.case import Case
from collector.sla.history import (
    HIGH,
    LEAST_COVERAGE,
    LOW,
    Failed,
    daily,
    days_left,
    failed,
    percentile,
    stretches,
)
from collector.sla.outlook import Outlook, Rates, outlooks
from collector.sla.survey import Lately, Survey, lately, open_all, survey
from collector.sla.terms import Contract
from collector.sla.thresholds import least_affected_players

Blank = Literal["over", "no_time", "no_evidence", "short_history"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the month may end: its availability, exactly and rounded, and the band that would hold it."""

    availability: Fraction
    percent: str
    band: Band | None


@dataclass(frozen=True, slots=True)
class Range:
    """The outcomes between which the month ends if its rest is like four fifths of the past.

    `days`: how many past days are known; `length`: of how many days each of the `count` stretches of them is.
    """

    worst: Outcome
    best: Outcome
    days: int
    length: int
    count: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """A month, looked at from `computed_ms`. What cannot be said is None, and its `…_blank` says why.

    `best.span` is the whole month; `best.affected_players` are those that are affected already by the whole month's
    standard, `affected_needed` how many must be before a discount is granted. `open_…_ms`: the time that can still
    fail, the players' summed. `pace`: what failed in the last three days.
    """

    contract: Contract
    computed_ms: int
    to_date: MonthFigure
    best: MonthFigure
    affected_needed: int | None
    open_platform_ms: int
    open_players_ms: int
    pace: Failed
    expected: Outcome | None
    expected_blank: Blank | None
    range: Range | None
    range_blank: Blank | None
    outlooks: tuple[Outlook, ...]
    burn: tuple[BurnRate, ...]


def forecast(case: Case, crews: Sequence[int] | None = None) -> Forecast:
    """Forecast the last month of the case; the months before it are its past.

    `crews`: the numbers of players that may be down at once; None: as many as must be affected before a discount is
    granted, and all of them.
    """
    contract = case.contract
    *earlier, month = case.months
    now = survey(case, month)
    past = [survey(case, name) for name in earlier]
    recent = lately(case, now)
    pace = failed(recent.tallies, recent.opens, recent.span.start_ms, recent.span.end_ms)
    expected_blank = _pace_blank(contract, now, recent, pace)
    rates = None if expected_blank else Rates(pace.platform_rate or Fraction(0), pace.players_rate or Fraction(0))
    seen, range_blank = _range(case, now, past)
    players = now.best.players
    needed = least_affected_players(contract, players)
    if crews is None:
        crews = sorted({players, players if needed is None else needed} - {0})
    return Forecast(
        contract=contract,
        computed_ms=case.computed_at_ms,
        to_date=now.to_date,
        best=now.best,
        affected_needed=needed,
        open_platform_ms=now.open_platform_ms,
        open_players_ms=sum(now.open_players_ms),
        pace=pace,
        expected=None if rates is None else _outcome(contract, now, rates),
        expected_blank=expected_blank,
        range=seen,
        range_blank=range_blank,
        outlooks=tuple(
            outlooks(contract, now, [each.to_date for each in past if _watched(each.to_date)], rates, crews)
        ),
        burn=_burn(case, now, recent),
    )


def _outcome(contract: Contract, now: Survey, rates: Rates) -> Outcome:
    """The month's end if this share of what can still fail does."""
    end = pool([now.best])
    lost = end.lost(contract)
    lost += rates.platform * now.open_platform_ms * end.platform_cost(contract)
    lost += rates.players * sum(now.open_players_ms) * end.player_cost(contract)
    availability = max(Fraction(0), 1 - lost)
    return Outcome(availability, percent_text(availability, contract.rounding), find_band(contract, availability))


def _pace_blank(contract: Contract, now: Survey, recent: Lately, pace: Failed) -> Blank | None:
    """Why the current burn is not known; None: it is. A part without weight, or with no time left, need not be."""
    if now.from_ms >= now.span.end_ms:
        return "over"
    rules = contract.availability
    parts = (
        (rules.platform_weight, now.open_platform_ms, pace.platform_open_ms, "platform"),
        (rules.players_weight, sum(now.open_players_ms), pace.players_open_ms, "player"),
    )
    for weight, left_ms, open_ms, kind in parts:
        if not weight or not left_ms:
            continue
        if not open_ms:
            return "no_time"
        if not any(
            tally.known_ms for tally in recent.tallies if tally.kind == kind and (tally.counted or kind == "platform")
        ):
            return "no_evidence"
    return None


def _range(case: Case, now: Survey, past: Sequence[Survey]) -> tuple[Range | None, Blank | None]:
    """The range of outcomes that the past months teach, or why there is none."""
    contract = case.contract
    length = days_left(contract.timezone, now.from_ms, now.span.end_ms)
    if length == 0:
        return None, "over"
    days = _past_days(case, past)
    outcomes = [
        _outcome(contract, now, Rates(found.platform_rate or Fraction(0), found.players_rate or Fraction(0)))
        for found in stretches(days, length)
        if _tells(contract, now, found)
    ]
    if not outcomes:
        return None, "short_history"
    ordered = sorted(outcomes, key=lambda outcome: outcome.availability)
    shares = [outcome.availability for outcome in ordered]
    worst, best = percentile(shares, LOW), percentile(shares, HIGH)
    chosen = {outcome.availability: outcome for outcome in ordered}
    return Range(chosen[worst], chosen[best], len(days), length, len(ordered)), None


def _tells(contract: Contract, now: Survey, found: Failed) -> bool:
    """Whether a stretch of the past has time of each part that weighs and can still fail."""
    rules = contract.availability
    players = not rules.players_weight or not sum(now.open_players_ms) or found.players_rate is not None
    return players and (not rules.platform_weight or not now.open_platform_ms or found.platform_rate is not None)


def _past_days(case: Case, past: Sequence[Survey]) -> list[Failed]:
    """The days of the final months just before, as far back as enough is known of each of them."""
    days: list[Failed] = []
    for month in reversed([month for month in past if not month.span.provisional]):
        if not _well_known(case.contract, month.to_date):
            break
        opens = open_all(case, month.span, month.span.start_ms)
        days = daily(case.contract.timezone, month.span, month.tallies, opens) + days
    return days


def _well_known(contract: Contract, figure: MonthFigure) -> bool:
    rules = contract.availability
    weighed = ((rules.platform_weight, figure.platform_coverage), (rules.players_weight, figure.players_coverage))
    return all(not weight or (known is not None and known >= LEAST_COVERAGE) for weight, known in weighed)


def _watched(figure: MonthFigure) -> bool:
    """Whether anything is known of a month, or there was nothing to watch. Else to judge it would be an invention."""
    shares = [share for share in (figure.players_coverage, figure.platform_coverage) if share is not None]
    return not shares or any(shares)


def _burn(case: Case, now: Survey, recent: Lately) -> tuple[BurnRate, ...]:
    """The burn rates at this moment; none outside the month."""
    if not now.span.start_ms <= case.computed_at_ms < now.span.end_ms:
        return ()
    frame = burn_frame(case.contract, [file.subject for file in case.subjects.values()], now.span.month)
    return burn_rates(frame, [tally.accountable for tally in recent.tallies], case.computed_at_ms) if frame else ()
