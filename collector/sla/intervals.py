"""PURE. Algebra of half-open intervals `[start, end)` in integer milliseconds.

A *set* here is a list of `(start, end)` that is sorted, disjoint and without empty members. Every function takes and
returns such sets (`union` and `normalise` take any intervals), and is one linear sweep after at most one sort.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Interval = tuple[int, int]


def normalise(intervals: Iterable[Interval]) -> list[Interval]:
    """Sort, unite what overlaps or touches, drop what is empty or inverted."""
    united: list[Interval] = []
    for start, end in sorted(intervals):
        if start >= end:
            continue
        if united and start <= united[-1][1]:
            if end > united[-1][1]:
                united[-1] = (united[-1][0], end)
        else:
            united.append((start, end))
    return united


def union(sets: Iterable[Sequence[Interval]]) -> list[Interval]:
    """Everything that is in any of the sets."""
    return normalise(interval for one in sets for interval in one)


def intersect(left: Sequence[Interval], right: Sequence[Interval]) -> list[Interval]:
    """Everything that is in both."""
    both: list[Interval] = []
    i = j = 0
    while i < len(left) and j < len(right):
        left_start, left_end = left[i]
        right_start, right_end = right[j]
        start = max(left_start, right_start)
        end = min(left_end, right_end)
        if start < end:
            both.append((start, end))
        if left_end <= right_end:
            i += 1
        else:
            j += 1
    return both


def subtract(left: Sequence[Interval], right: Sequence[Interval]) -> list[Interval]:
    """Everything that is in `left` and not in `right`."""
    rest: list[Interval] = []
    j = 0
    for begin, end in left:
        start = begin
        while j < len(right) and right[j][1] <= start:
            j += 1
        k = j
        while k < len(right) and right[k][0] < end:
            if start < right[k][0]:
                rest.append((start, right[k][0]))
            start = right[k][1]
            k += 1
        j = max(j, k - 1)
        if start < end:
            rest.append((start, end))
    return rest


def clip(intervals: Sequence[Interval], start: int, end: int) -> list[Interval]:
    """Everything of the set that lies in `[start, end)`."""
    return intersect(intervals, [(start, end)]) if start < end else []


def total(intervals: Iterable[Interval]) -> int:
    """Milliseconds covered by the set."""
    return sum(end - start for start, end in intervals)
