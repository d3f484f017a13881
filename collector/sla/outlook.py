"""PURE. How far a month is from each of its levels, and on which day it falls under one if things go on as they do."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from collector.sla.availability import MonthFigure, pooled_availability
from collector.sla.bands import falls_under
from collector.sla.budget import Level, Pool, allowed_ms, budget_left, each_allowed_ms, levels, pool
from collector.sla.curve import Curve, make_curve
from collector.sla.history import weighted_platform, weighted_players
from collector.sla.instants import format_month, local_date, parse_month
from collector.sla.survey import Survey
from collector.sla.terms import Contract


class Rates(NamedTuple):
    """Share of the time that can fail that does fail."""

    platform: Fraction
    players: Fraction


@dataclass(frozen=True, slots=True)
class Crew:
    """`players` players, those with the most emission left, may be down for `each_ms` each; None: until the end."""

    players: int
    each_ms: int | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """One level, and how far away it is.

    `missing`: final months without which nothing can be said. `under_now`: the figure to date is under it (None: there
    is none). `lost`: it falls even if nothing fails any more. `left`: the share of 1 that may still be lost, negative
    where it is lost; None: it cannot fall. `platform_ms` and `players_ms`: the same as time of either alone; None: that
    part costs nothing. `…_safe`: not even all the time that is left is more than that. `falls_on`: the local day on
    which it falls, or fell, for good if the current burn goes on; None: it does not, or `Forecast.expected_blank`.
    """

    level: Level
    missing: tuple[str, ...] = ()
    under_now: bool | None = None
    lost: bool = False
    left: Fraction | None = None
    platform_ms: int | None = None
    platform_safe: bool = False
    players_ms: int | None = None
    players_safe: bool = False
    crews: tuple[Crew, ...] = ()
    falls_on: date | None = None

    @property
    def safe(self) -> bool:
        """Whether it is kept whatever happens in the rest of the month to either part alone."""
        return not self.missing and not self.lost and self.platform_safe and self.players_safe


class _Held(NamedTuple):
    """The months that a level judges together, the one looked at in its best outcome, and how it gets there."""

    months: tuple[MonthFigure, ...]  # those before
    pool: Pool
    before: Pool  # the same denominators, and only what the months before have lost
    curve: Curve
    scale: int


def outlooks(
    contract: Contract, survey: Survey, past: Iterable[MonthFigure], rates: Rates | None, crews: Sequence[int] = ()
) -> list[Outlook]:
    """Every level of the surveyed month. `past`: figures of months before it. No `rates`: no day can be told."""
    month = parse_month(survey.span.month)
    final = {parse_month(figure.span.month): figure for figure in past if not figure.span.provisional}
    held: dict[tuple[int, int], _Held] = {}
    found = []
    for level in levels(contract, month):
        missing = [number for number in range(level.first, month) if number not in final]
        if missing:
            found.append(Outlook(level, missing=tuple(map(format_month, missing))))
            continue
        months = level.first, level.last
        if months not in held:
            held[months] = _hold(contract, survey, level, final, rates)
        found.append(_outlook(contract, survey, level, held[months], crews))
    return found


def _hold(
    contract: Contract, survey: Survey, level: Level, final: Mapping[int, MonthFigure], rates: Rates | None
) -> _Held:
    months = tuple(final[number] for number in range(level.first, level.last))
    together = pool([*months, survey.best])
    earlier = pool(months)
    before = Pool(earlier.platform_ms, together.total_ms, earlier.players_ms, together.denominator_ms)
    return _Held(
        months, together, before, *_course(contract, survey, together, rates or Rates(Fraction(0), Fraction(0)))
    )


def _course(contract: Contract, survey: Survey, together: Pool, rates: Rates) -> tuple[Curve, int]:
    """What the month loses, in shares of 1 times `scale`: as it did until now, at the rates from now on."""
    platform, player = together.platform_cost(contract), together.player_cost(contract)
    parts = (
        (weighted_platform(survey.ends), platform),
        (weighted_players(survey.ends), player),
        (weighted_platform(survey.opens), platform * rates.platform),
        (weighted_players(survey.opens), player * rates.players),
    )
    scale = math.lcm(*(cost.denominator for _, cost in parts))
    heights = ((intervals, height * int(cost * scale)) for part, cost in parts for intervals, height in part)
    return make_curve(heights), scale


def _outlook(contract: Contract, survey: Survey, level: Level, held: _Held, crews: Sequence[int]) -> Outlook:
    left = budget_left(contract, held.pool, level.level)
    under_now = None
    if survey.to_date.availability is not None:
        so_far = pooled_availability(contract, [*held.months, survey.to_date])
        under_now = falls_under(so_far, level.level, contract.rounding)
    if left is None:
        return Outlook(level, under_now=under_now, platform_safe=True, players_safe=True)
    platform = allowed_ms(left, held.pool.platform_cost(contract))
    players = allowed_ms(left, held.pool.player_cost(contract))
    remaining = survey.open_players_ms
    lost = left < 0
    return Outlook(
        level=level,
        under_now=under_now,
        lost=lost,
        left=left,
        platform_ms=platform,
        platform_safe=not lost and (platform is None or platform >= survey.open_platform_ms),
        players_ms=players,
        players_safe=not lost and (players is None or players >= sum(remaining)),
        crews=() if lost or players is None else _crews(remaining, players, crews),
        falls_on=_falls_on(contract, survey, held, left),
    )


def _crews(remaining: Sequence[int], allowed: int, crews: Sequence[int]) -> tuple[Crew, ...]:
    return tuple(Crew(size, each_allowed_ms(remaining[:size], allowed)) for size in crews if size <= len(remaining))


def _falls_on(contract: Contract, survey: Survey, held: _Held, left: Fraction) -> date | None:
    """The local day of the millisecond that takes the last of the budget."""
    at_first = left + held.pool.lost(contract) - held.before.lost(contract)  # before this month lost anything
    if at_first < 0:
        return local_date(contract.timezone, survey.span.start_ms)
    instant = held.curve.first_over(math.floor(at_first * held.scale))
    return None if instant is None else local_date(contract.timezone, instant - 1)
