"""PURE. The levels that a month can fall under, and how much may still fail before it does (to 1 ms).

The figure at the month's end is `1 − k · P / T − (1 − k) · Q / D` (SPEC 2.8). A level is kept as long as that, rounded,
is not under it; so a level leaves a *budget* of lost shares, each failure takes its part of it, and what is left is
turned back into time: for the platform alone, for the players' sum, or for so many players at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

from collector.sla.availability import MonthFigure
from collector.sla.table import discount_rows, step
from collector.sla.terms import Contract, Life, Rounding

LevelKind = Literal["objective", "committed", "band", "hole", "end", "guarantee", "termination"]

_HALF: Final = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Level:
    """A figure that the months `first` to `last` (since year 0, both included), judged together, may not fall under.

    `discount`: the percentage that the table gives just under it; None: the table does not speak of it. `guarantee` and
    `termination` are the levels of the windows of months that end with the month looked at.
    """

    kind: LevelKind
    level: Fraction
    first: int
    last: int
    discount: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """Accountable down time of one or more months together, and what it is divided by at the end of the last."""

    platform_ms: int
    total_ms: int
    players_ms: int
    denominator_ms: Fraction

    def platform_cost(self, contract: Contract) -> Fraction:
        """Share of 1 that a millisecond of platform down time costs."""
        return contract.availability.platform_weight / self.total_ms if self.total_ms else Fraction(0)

    def player_cost(self, contract: Contract) -> Fraction:
        """Share of 1 that a millisecond of one player's down time costs."""
        return contract.availability.players_weight / self.denominator_ms if self.denominator_ms else Fraction(0)

    def lost(self, contract: Contract) -> Fraction:
        """Share of 1 that is lost already."""
        return self.platform_ms * self.platform_cost(contract) + self.players_ms * self.player_cost(contract)


def pool(figures: Iterable[MonthFigure]) -> Pool:
    """The time of several months together: summed before anything is divided."""
    months = list(figures)
    return Pool(
        sum(month.platform_downtime_ms for month in months),
        sum(month.span.total_ms for month in months),
        sum(month.players_downtime_ms for month in months),
        sum((month.players_denominator_ms for month in months), Fraction(0)),
    )


def levels(contract: Contract, month: int) -> list[Level]:
    """Every level of a month (since year 0), the highest first; then those of the windows that end with it."""
    terms = contract.guarantee
    found: list[Level] = []
    if terms.objective is not None:
        found.append(Level("objective", terms.objective, month, month))
    rows = discount_rows(contract)
    if terms.committed is not None:
        found.append(Level("committed", terms.committed, month, month, rows[0].percent if rows else None))
    unit = step(contract.rounding)
    found += [Level(row.kind, row.highest + unit, month, month, row.percent) for row in rows[1:]]
    if terms.committed is not None and terms.window_months is not None:
        found += _window_level(contract.life, month, "guarantee", terms.window_months, terms.committed)
    if contract.termination is not None:
        ending = contract.termination
        found += _window_level(contract.life, month, "termination", ending.window_months, ending.below)
    return found


def _window_level(life: Life, month: int, kind: LevelKind, length: int, level: Fraction) -> list[Level]:
    """The level of the window that ends with the month (SPEC 2.13); a life shorter than a window is one window."""
    first = month - length + 1
    if life.last is not None and month > life.last:
        return []
    if life.first is not None and first < life.first:
        return [Level(kind, level, life.first, month)] if life.last == month else []
    return [Level(kind, level, first, month)]


def kept_from(level: Fraction, rounding: Rounding) -> Fraction:
    """The least availability that, once rounded (SPEC 2.9), is not under the level."""
    return level - step(rounding) * _HALF if rounding.mode == "half_up" else level


def budget_left(contract: Contract, held: Pool, level: Fraction) -> Fraction | None:
    """Share of 1 that may still be lost before the level falls; negative: it has fallen; None: it never can.

    A figure is never under 0, so a level of 0 cannot fall.
    """
    least = kept_from(level, contract.rounding)
    return None if least <= 0 else 1 - least - held.lost(contract)


def allowed_ms(left: Fraction, cost: Fraction) -> int | None:
    """Milliseconds of down time at `cost` a millisecond that keep the level; one more falls. None: it costs nothing."""
    return max(0, math.floor(left / cost)) if cost else None


def each_allowed_ms(remaining_ms: Sequence[int], allowed: int) -> int | None:
    """How long all of these players may be down, each out of the emission it has left, within a sum of `allowed` ms.

    The greatest `h` with `Σ min(h, remaining) ≤ allowed`; None: they may be down for all the time that is left.
    """
    if sum(remaining_ms) <= allowed:
        return None
    ordered = sorted(remaining_ms)
    at = spent = 0
    while spent + ordered[at] * (len(ordered) - at) <= allowed:
        spent += ordered[at]
        at += 1
    return (allowed - spent) // (len(ordered) - at)
