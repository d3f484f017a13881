"""PURE. What the past months teach about the rest of this one: the range of outcomes that was really seen.

No distribution is assumed. For every stretch of as many consecutive past days as there are days left, the share of its
time that failed is taken, the players' and the platform's apart, and the rest of the month is imagined to fail alike.
The range is from the 10th to the 90th percentile of these outcomes (nearest rank, so each end is a stretch that there
was). Bad days that come in a row stay in a row. Where the past does not hold at least `SEPARATE` such stretches side by
side, or less than `LEAST_DAYS`, there is no range: it would be an invention.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from collector.sla.curve import Curve, make_curve
from collector.sla.instants import local_date, local_ms
from collector.sla.intervals import Interval, union
from collector.sla.tally import MonthSpan, Tally

SEPARATE: Final = 4
LEAST_DAYS: Final = 28
LEAST_COVERAGE: Final = Fraction(9, 10)
LOW: Final = Fraction(1, 10)
HIGH: Final = Fraction(9, 10)


class Failed(NamedTuple):
    """Milliseconds that failed on the provider's account, and those that could have, for both parts of the formula."""

    platform_ms: int = 0
    platform_open_ms: int = 0
    players_ms: int = 0
    players_open_ms: int = 0

    def plus(self, other: Failed) -> Failed:
        """Both together."""
        return Failed(*(one + another for one, another in zip(self, other, strict=True)))

    def minus(self, other: Failed) -> Failed:
        """This without the other, which is part of it."""
        return Failed(*(one - another for one, another in zip(self, other, strict=True)))

    @property
    def platform_rate(self) -> Fraction | None:
        """Share of the platform's time that failed; None: it had none."""
        return Fraction(self.platform_ms, self.platform_open_ms) if self.platform_open_ms else None

    @property
    def players_rate(self) -> Fraction | None:
        """Share of the players' time that failed; None: they had none."""
        return Fraction(self.players_ms, self.players_open_ms) if self.players_open_ms else None


def failed(tallies: Iterable[Tally], opens: Iterable[Tally], start_ms: int, end_ms: int) -> Failed:
    """What failed in `[start_ms, end_ms)`; `opens` are the same subjects as if they had been down all the time."""
    return _between(_curves(tallies, opens), start_ms, end_ms)


def daily(zone: ZoneInfo, span: MonthSpan, tallies: Iterable[Tally], opens: Iterable[Tally]) -> list[Failed]:
    """What failed on each local day of a month."""
    first, last = local_date(zone, span.start_ms), local_date(zone, span.end_ms - 1)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    edges = [local_ms(zone, day) for day in days] + [span.end_ms]
    curves = _curves(tallies, opens)
    return [_between(curves, start, end) for start, end in pairwise(edges)]


def days_left(zone: ZoneInfo, start_ms: int, end_ms: int) -> int:
    """How many local days `[start_ms, end_ms)` touches."""
    return (local_date(zone, end_ms - 1) - local_date(zone, start_ms)).days + 1 if start_ms < end_ms else 0


def stretches(days: Sequence[Failed], length: int) -> list[Failed]:
    """Every run of `length` consecutive days, added up; none where the past is too short to tell anything."""
    if length < 1 or len(days) < max(LEAST_DAYS, SEPARATE * length):
        return []
    sums = list(accumulate(days, Failed.plus, initial=Failed()))
    return [later.minus(earlier) for earlier, later in zip(sums, sums[length:], strict=False)]


def percentile(ordered: Sequence[Fraction], share: Fraction) -> Fraction:
    """The value at the nearest rank: the least that at least `share` of them do not exceed. There must be one."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def weighted_platform(tallies: Iterable[Tally]) -> list[tuple[Sequence[Interval], int]]:
    """The platform's accountable time as a curve wants it: any one part down is down."""
    return [(union(tally.accountable for tally in tallies if tally.kind == "platform"), 1)]


def weighted_players(tallies: Iterable[Tally]) -> list[tuple[Sequence[Interval], int]]:
    """The counted players' accountable time as a curve wants it; those of equal time are one."""
    return list(Counter(tally.accountable for tally in tallies if tally.counted).items())


def _curves(tallies: Iterable[Tally], opens: Iterable[Tally]) -> tuple[Curve, ...]:
    down, up = list(tallies), list(opens)
    return tuple(make_curve(find(side)) for find in (weighted_platform, weighted_players) for side in (down, up))


def _between(curves: Iterable[Curve], start_ms: int, end_ms: int) -> Failed:
    return Failed(*(curve.between(start_ms, end_ms) for curve in curves))
