from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from collector.sla.intervals import Interval, clip, intersect, normalise, subtract, total, union

messy = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8)


def points(intervals: list[Interval]) -> set[int]:
    return {at for start, end in intervals for at in range(start, end)}


def as_set(bits: int) -> list[Interval]:
    """The points whose bits are set, as intervals."""
    return normalise((at, at + 1) for at in range(bits.bit_length()) if bits >> at & 1)


def test_the_algebra_of_every_two_small_sets_is_that_of_their_points() -> None:
    sets = [as_set(bits) for bits in range(2**7)]
    for left, one in enumerate(sets):
        for right, other in enumerate(sets):
            assert intersect(one, other) == sets[left & right]
            assert subtract(one, other) == sets[left & ~right]
            assert union([one, other]) == sets[left | right]


def test_every_small_set_is_clipped_to_every_span() -> None:
    for bits in range(2**7):
        for start in range(8):
            for end in range(9):
                inside = ((1 << end) - 1) & ~((1 << start) - 1)
                assert clip(as_set(bits), start, end) == as_set(bits & inside)


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
