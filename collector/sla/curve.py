"""PURE. How much has been lost up to an instant: the integral of a step function, in whole numbers.

Burning at so much a millisecond while an interval lasts; many intervals overlap and add up. Built by one sort, asked by
bisection. Heights are integers, so that nothing is rounded: whoever has rational heights scales them first.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from collector.sla.intervals import Interval


@dataclass(frozen=True, slots=True)
class Curve:
    """Piecewise linear and never falling: from `times[i]` on it has gained `sums[i]` and gains `heights[i]` a ms."""

    times: Sequence[int]
    sums: Sequence[int]
    heights: Sequence[int]

    def upto(self, instant_ms: int) -> int:
        """What was gained before an instant."""
        at = bisect_right(self.times, instant_ms) - 1
        return self.sums[at] + self.heights[at] * (instant_ms - self.times[at]) if at >= 0 else 0

    def between(self, start_ms: int, end_ms: int) -> int:
        """What is gained within `[start_ms, end_ms)`."""
        return self.upto(end_ms) - self.upto(start_ms)

    def first_over(self, limit: int) -> int | None:
        """The first instant (ms) before which strictly more than `limit` (not negative) was gained; None: never."""
        after = bisect_right(self.sums, limit)
        if after == len(self.sums):
            return None
        at = after - 1  # the gain passes the limit between two breakpoints, so there it grows
        return self.times[at] + (limit - self.sums[at]) // self.heights[at] + 1


def make_curve(weighted: Iterable[tuple[Iterable[Interval], int]]) -> Curve:
    """The curve of intervals, each set of them with the height (not negative) that it adds while it lasts."""
    changes: dict[int, int] = {}
    for intervals, height in weighted:
        if height == 0:
            continue
        for start, end in intervals:
            changes[start] = changes.get(start, 0) + height
            changes[end] = changes.get(end, 0) - height
    times = sorted(changes)
    heights: list[int] = []
    height = 0
    for time in times:
        height += changes[time]
        heights.append(height)
    sums = [0] if times else []
    for (time, following), held in zip(pairwise(times), heights, strict=False):
        sums.append(sums[-1] + held * (following - time))
    return Curve(times, sums, heights)
