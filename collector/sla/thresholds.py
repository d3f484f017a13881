"""PURE. How long must be down before a figure falls: the formula of `availability.py`, turned round, to 1 ms.

A figure of `highest` or less is reached by the first millisecond of accountable down time `t` for which the rounded
`1 − weight · t / base` is no greater. Months here have 24-hour days: no change of the clocks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from collector.sla.instants import DAY_MS
from collector.sla.table import step
from collector.sla.terms import Contract, Rounding

FIXED_MONTH_DAYS: Final = 31
_HALF: Final = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Reach:
    """Least accountable down time in ms at which a figure is reached; None: no down time reaches it.

    `platform`: the platform alone; `players`: the players' sum; `each`: all of them down equally long.
    """

    platform: int | None
    players: int | None
    each: int | None


def reach(contract: Contract, highest: Fraction, day_counts: Sequence[int], players: int) -> Reach:
    """What it takes to bring months of so many days, judged together, to a figure of `highest` (a share) or less.

    The players are active and meant to emit at all hours.
    """
    rules = contract.availability
    real_ms = sum(days * DAY_MS for days in day_counts)
    total_ms = len(day_counts) * FIXED_MONTH_DAYS * DAY_MS if rules.month == "fixed-31d" else real_ms
    base_ms = real_ms if rules.player_base == "emission" else total_ms
    platform = least_downtime_ms(highest, rules.platform_weight, total_ms, contract.rounding)
    summed = least_downtime_ms(highest, rules.players_weight, players * base_ms, contract.rounding)
    summed = _possible(summed, players * real_ms)
    each = None if summed is None else -(-summed // players)
    return Reach(_possible(platform, real_ms), summed, each)


def least_downtime_ms(highest: Fraction, weight: Fraction, base_ms: int, rounding: Rounding) -> int | None:
    """First whole millisecond whose rounded figure is `highest` or less; None without weight."""
    if weight == 0 or base_ms == 0:
        return None
    unit = step(rounding)
    next_figure = highest + (unit * _HALF if rounding.mode == "half_up" else unit)  # the least share that rounds higher
    lost = 1 - next_figure
    return max(0, math.floor(lost * base_ms / weight) + 1)  # strictly more than what keeps the next figure


def affected_after_ms(contract: Contract, days: int) -> int | None:
    """First millisecond of down time that makes a player affected, which emits at all hours of so many days."""
    terms = contract.eligibility
    return None if terms is None else math.floor(terms.player_downtime_over * days * DAY_MS) + 1


def least_affected_players(contract: Contract, players: int) -> int | None:
    """How many of so many players must be affected before a discount is granted; more than there are: it never is."""
    terms = contract.eligibility
    return None if terms is None else math.floor(terms.players_affected_over * players) + 1


def _possible(downtime_ms: int | None, longest_ms: int) -> int | None:
    return None if downtime_ms is None or downtime_ms > longest_ms else downtime_ms
