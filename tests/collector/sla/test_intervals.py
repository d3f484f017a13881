from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from collector.sla.intervals import Interval, clip, intersect, normalise, subtract, total, union

messy = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8)


def points(intervals: list[Interval]) -> set[int]:
    return {at for start, end in intervals for at in range(start, end)}


@given(messy)
def test_a_normalised_set_is_sorted_disjoint_and_without_empty_members(intervals: list[Interval]) -> None:
    made = normalise(intervals)
    assert points(made) == points(intervals)
    assert all(start < end for start, end in made)
    assert all(left[1] < right[0] for left, right in pairwise(made))


@given(messy, messy)
def test_the_algebra_is_that_of_the_points(left: list[Interval], right: list[Interval]) -> None:
    left, right = normalise(left), normalise(right)
    assert points(union([left, right])) == points(left) | points(right)
    assert points(intersect(left, right)) == points(left) & points(right)
    assert points(subtract(left, right)) == points(left) - points(right)
    assert total(left) == len(points(left))


@given(messy, st.integers(0, 40), st.integers(0, 40))
def test_clipping_keeps_what_lies_inside(intervals: list[Interval], start: int, end: int) -> None:
    made = normalise(intervals)
    assert points(clip(made, start, end)) == points(made) & set(range(start, end))


def test_touching_intervals_become_one() -> None:
    assert normalise([(5, 9), (0, 5)]) == [(0, 9)]
