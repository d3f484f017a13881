"""PURE. How much of a set of intervals lies before an instant, for many sets and millions of instants at once.

The measure of a set is a broken line: flat outside its intervals, rising by one millisecond a millisecond inside. What
of the set lies in `[a, b)` is then `before(b) − before(a)`, exactly, in 64-bit integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from collector.sla.intervals import Interval

Integers = NDArray[np.int64]

_NUMBER: Final = np.int64


class Measure:
    """The broken lines of several sets within `[origin_ms, horizon_ms]`, in one table."""

    def __init__(self, sets: Sequence[Sequence[Interval]], origin_ms: int, horizon_ms: int) -> None:
        """`sets` are sorted, disjoint, and lie within the two instants."""
        self._origin_ms, self._length_ms = origin_ms, horizon_ms - origin_ms
        stride = self._length_ms + 1  # the sets' lines lie one behind the other
        self._shifts = np.arange(len(sets), dtype=_NUMBER) * stride - origin_ms
        edges, offsets, rising = [np.empty(0, _NUMBER)], [np.zeros(1, _NUMBER)], [0]
        for number, members in enumerate(sets):
            starts, ends = np.array(members, _NUMBER).reshape(-1, 2).T + self._shifts[number]
            before = np.cumsum(ends - starts) - (ends - starts)  # of the set, when each interval begins
            # Once a start is passed, the height is `place − start + before`; once an end is, `before + length`.
            edges += [np.stack([starts, ends], axis=1).ravel(), np.array([(number + 1) * stride], _NUMBER)]
            offsets += [np.stack([before - starts, before + ends - starts], axis=1).ravel(), np.zeros(1, _NUMBER)]
            rising += [1, 0] * len(members) + [0]  # and the next line begins at 0 again
        self._edges, self._offsets = np.concatenate(edges), np.concatenate(offsets)
        self._rising = np.array(rising, _NUMBER)

    def before(self, chosen: Integers, instants_ms: Integers) -> Integers:
        """Milliseconds of set `chosen[i]` that lie before `instants_ms[i]`."""
        at = self._places(chosen, instants_ms)
        return self._heights(at, np.searchsorted(self._edges, at, side="right"))

    def before_both(self, chosen: Integers, starts_ms: Integers, ends_ms: Integers) -> tuple[Integers, Integers]:
        """`before` of starts and of the ends that follow them: most ends lie before the next edge of the line."""
        starts, ends = self._places(chosen, starts_ms), self._places(chosen, ends_ms)
        passed = np.searchsorted(self._edges, starts, side="right")
        begin = self._heights(starts, passed)
        beyond = np.flatnonzero(ends >= self._edges[passed])  # the last edge is beyond every instant
        passed[beyond] = np.searchsorted(self._edges, ends[beyond], side="right")
        return begin, self._heights(ends, passed)

    def _places(self, chosen: Integers, instants_ms: Integers) -> Integers:
        """Where instants lie on the one line behind the other."""
        at = np.clip(instants_ms, self._origin_ms, self._origin_ms + self._length_ms)
        at += self._shifts[chosen]
        return at

    def _heights(self, at: Integers, passed: NDArray[np.intp]) -> Integers:
        """How high the line is at each place, so many edges having been passed."""
        height = self._rising[passed]
        height *= at
        height += self._offsets[passed]
        return height
