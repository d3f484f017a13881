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
        self._origin_ms = origin_ms
        self._length_ms = horizon_ms - origin_ms
        self._stride = self._length_ms + 1  # the sets' lines lie one behind the other
        edges: list[Integers] = []
        offsets: list[Integers] = []
        slopes = [0]  # before the first edge
        for number, members in enumerate(sets):
            starts, ends = np.array(members, _NUMBER).reshape(-1, 2).T - origin_ms
            before = np.cumsum(ends - starts) - (ends - starts)  # of the set, when each interval begins
            base = number * self._stride
            # From a start on, the line is `instant − start + before`; from an end on, `before + length`.
            edges.append(np.stack([starts, ends], axis=1).ravel() + base)
            offsets.append(np.stack([before - starts, before + ends - starts], axis=1).ravel())
            slopes += [1, 0] * len(members)
            edges.append(np.array([base + self._stride], _NUMBER))  # where the next set's line begins, at 0
            offsets.append(np.zeros(1, _NUMBER))
            slopes.append(0)
        self._edges = np.concatenate(edges) if edges else np.empty(0, _NUMBER)
        self._offsets = np.concatenate([np.zeros(1, _NUMBER), *offsets])
        self._rising = np.array(slopes, _NUMBER)

    def before(self, chosen: Integers, instants_ms: Integers) -> Integers:
        """Milliseconds of set `chosen[i]` that lie before `instants_ms[i]`."""
        within = np.clip(instants_ms - self._origin_ms, 0, self._length_ms)
        place = np.searchsorted(self._edges, within + chosen * self._stride, side="right")
        within *= self._rising[place]
        within += self._offsets[place]
        return within
