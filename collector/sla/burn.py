"""PURE. How fast the error budget burns: several pairs of windows at several rates, from exact accountable time.

The Site Reliability Workbook (Google, chapter 5, "Alerting on SLOs") rings when both a long and a short window burn
fast: the long one, since much was lost; the short one, since it is being lost still. For a period of 30 days:

    rings     windows       burn rate   because then the long window alone spends
    --------  ------------  ----------  -----------------------------------------
    critical  1 h / 5 min   14.4        2 % of the period's budget
    critical  6 h / 30 min  6           5 %
    warning   3 d / 6 h     1           10 %

Here the period is the month at hand, so the rates are those shares of its own length (14.88 in a month of 31 days). The
burn rate of a window is the part of the month's budget that was lost in it (SPEC 2.8: the platform's accountable time
weighs `k / T`, a player's `(1 − k) / D`, the denominators being the whole month's), divided by the window's part of the
month: kept up for the whole month, a rate of 1 spends the budget exactly. Nothing is sampled.

Where everything is down all the time the rate is no more than 1 / (1 − level); a limit beyond that could never be
reached, so it is capped there.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import itemgetter
from typing import Final, Literal, NamedTuple

from collector.sla.availability import judge_month
from collector.sla.budget import Pool, kept_from, pool
from collector.sla.instants import DAY_MS, HOUR_MS, MINUTE_MS
from collector.sla.intervals import Interval, normalise
from collector.sla.tally import MonthSpan, Subject, month_span, tally_subject
from collector.sla.terms import Contract
from collector.sla.timeline import Evidence

Severity = Literal["critical", "warning"]
Role = Literal["platform", "player"]


class Pair(NamedTuple):
    """Two windows that must both burn; `spent` is the share of the budget that the long one then spends alone."""

    severity: Severity
    long_ms: int
    short_ms: int
    spent: Fraction


PAIRS: Final = (
    Pair("critical", HOUR_MS, 5 * MINUTE_MS, Fraction(2, 100)),
    Pair("critical", 6 * HOUR_MS, 30 * MINUTE_MS, Fraction(5, 100)),
    Pair("warning", 3 * DAY_MS, 6 * HOUR_MS, Fraction(10, 100)),
)
LOOKBACK_MS: Final = max(pair.long_ms for pair in PAIRS)

_LENGTHS: Final = sorted({length for pair in PAIRS for length in (pair.long_ms, pair.short_ms)}, reverse=True)
_START: Final = itemgetter(0)
_END: Final = itemgetter(1)


@dataclass(frozen=True, slots=True)
class BurnRate:
    """One pair of windows as it burns. Rates are multiples of the rate that spends the budget in exactly one month.

    `limit`: from where on it rings, scaled to the month and, where `capped`, lowered to what can be reached at all.
    `budget`: the share of 1 that the level allows to be lost.
    """

    severity: Severity
    long_ms: int
    short_ms: int
    long_rate: Fraction
    short_rate: Fraction
    limit: Fraction
    capped: bool
    budget: Fraction

    @property
    def rate(self) -> Fraction:
        """The lesser of the two: what the pair burns for as long as the long window, and still."""
        return min(self.long_rate, self.short_rate)

    @property
    def over(self) -> bool:
        """Whether both windows burn at the limit or faster."""
        return self.rate >= self.limit


@dataclass(frozen=True, slots=True)
class BurnFrame:
    """What burn rates are measured by: one agreement's month. It changes with the registry and the month, no sooner.

    `roles`: for each subject, in the order given, the part of the formula that its down time goes to; None: it is no
    player of the N that the month's end will be judged by, as far as the registry knows today.
    """

    month: str
    period_ms: int
    roles: tuple[Role | None, ...]
    platform_cost: Fraction
    player_cost: Fraction
    budget: Fraction
    reach: Fraction  # the rate at which it burns while everything is down


def burn_frame(
    contract: Contract, subjects: Sequence[Subject], month: str, level: Fraction | None = None
) -> BurnFrame | None:
    """The frame of a month (`YYYY-MM`) for a level: by default the committed one, else the objective.

    None where no budget can burn: the contract has no level, or one that allows nothing or everything to be lost, or
    nothing that has weight is watched.
    """
    level = first_level(contract) if level is None else level
    if level is None:
        return None
    budget = 1 - kept_from(level, contract.rounding)
    begin = month_span(contract, month, 0)
    span = month_span(contract, month, begin.end_ms)
    tallies = [tally_subject(contract, span, subject, _up(subject, span)) for subject in subjects]
    whole = pool([judge_month(contract, span, tallies)])
    roles: list[Role | None] = [
        "player" if tally.counted else "platform" if tally.kind == "platform" else None for tally in tallies
    ]
    reach = _reach(contract, span, whole, roles)
    if not 0 < budget < 1 or not reach:
        return None
    return BurnFrame(
        month=month,
        period_ms=span.counted_ms,
        roles=tuple(roles),
        platform_cost=whole.platform_cost(contract),
        player_cost=whole.player_cost(contract),
        budget=budget,
        reach=reach / budget,
    )


def first_level(contract: Contract) -> Fraction | None:
    """The level whose budget burns: the committed one, without it the objective."""
    terms = contract.guarantee
    return terms.objective if terms.committed is None else terms.committed


def burn_rates(frame: BurnFrame, accountable: Iterable[Sequence[Interval]], now_ms: int) -> tuple[BurnRate, ...]:
    """Every pair of windows that ends at `now_ms`.

    `accountable`: for each subject, in the order of the frame, its accountable down time (`Tally.accountable`), which
    must reach back `LOOKBACK_MS` (`before_month` tells what of that lies before the month). Costs a look at each
    subject's last interval, and the work of those that were down lately.
    """
    platform, players = (_down_ms(side, now_ms) for side in _recent(frame, accountable, now_ms))
    rates = {length: _rate(frame, platform[length], players[length], length) for length in _LENGTHS}
    found = []
    for pair in PAIRS:
        wanted = pair.spent * frame.period_ms / pair.long_ms
        found.append(
            BurnRate(
                severity=pair.severity,
                long_ms=pair.long_ms,
                short_ms=pair.short_ms,
                long_rate=rates[pair.long_ms],
                short_rate=rates[pair.short_ms],
                limit=min(wanted, frame.reach),
                capped=wanted > frame.reach,
                budget=frame.budget,
            )
        )
    return tuple(found)


def lately(accountable: Sequence[Interval], now_ms: int) -> Sequence[Interval]:
    """What the longest window looks at of a subject's accountable down time: `burn_rates` needs no more."""
    return accountable[bisect_right(accountable, now_ms - LOOKBACK_MS, key=_END) :]


def before_month(span: MonthSpan) -> MonthSpan | None:
    """The stretch before the month that the windows still look at; None: they look at nothing but this month.

    Tally it too, and put its accountable time before the month's own.
    """
    start_ms = span.computed_at_ms - LOOKBACK_MS
    end_ms = min(span.start_ms, span.computed_at_ms)
    return None if start_ms >= end_ms else stretch(start_ms, end_ms, span.computed_at_ms)


def stretch(start_ms: int, end_ms: int, computed_at_ms: int) -> MonthSpan:
    """Any interval as if it were a month, so that subjects can be tallied in it."""
    length = end_ms - start_ms
    return MonthSpan("", start_ms, end_ms, end_ms, length, length, provisional=False, computed_at_ms=computed_at_ms)


def _recent(
    frame: BurnFrame, accountable: Iterable[Sequence[Interval]], now_ms: int
) -> tuple[list[Interval], list[Interval]]:
    """What was down in the longest window up to now: the platform's parts united, the players' one by one."""
    since_ms = now_ms - LOOKBACK_MS
    platform: list[Interval] = []
    players: list[Interval] = []
    for role, intervals in zip(frame.roles, accountable, strict=True):
        if role is None or not intervals or intervals[-1][1] <= since_ms:
            continue
        chosen = players if role == "player" else platform
        for interval in reversed(intervals):
            start, end = interval
            if end <= since_ms:
                break
            if end <= now_ms:
                chosen.append(interval)
            elif start < now_ms:
                chosen.append((start, now_ms))
    return normalise(platform), players


def _down_ms(intervals: list[Interval], now_ms: int) -> dict[int, int]:
    """Milliseconds within each window, the longest first: a shorter one need only look at what is left of it."""
    found = {}
    for length in _LENGTHS:
        since_ms = now_ms - length
        intervals = [interval for interval in intervals if interval[1] > since_ms]
        outside = sum([since_ms - start for start, _ in intervals if start < since_ms])
        found[length] = sum(map(_END, intervals)) - sum(map(_START, intervals)) - outside
    return found


def _rate(frame: BurnFrame, platform_ms: int, players_ms: int, length_ms: int) -> Fraction:
    lost = platform_ms * frame.platform_cost + players_ms * frame.player_cost
    return lost * frame.period_ms / (frame.budget * length_ms)


def _reach(contract: Contract, span: MonthSpan, whole: Pool, roles: Sequence[Role | None]) -> Fraction:
    """Share that is lost while everything is down: 1, less what has no subject, or a month that is counted longer."""
    rules = contract.availability
    real = Fraction(span.counted_ms, span.total_ms)
    platform = rules.platform_weight * real if "platform" in roles else Fraction(0)
    players = rules.players_weight * (1 if rules.player_base == "emission" else real) if whole.denominator_ms else 0
    return platform + players


def _up(subject: Subject, span: MonthSpan) -> list[Evidence]:
    return [Evidence(span.start_ms, span.end_ms, "playing" if subject.kind == "player" else "up")]
