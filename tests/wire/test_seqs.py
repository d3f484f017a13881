from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from wire.seqs import covers, to_ranges

seqs = st.sets(st.integers(0, 60))


def test_neighbours_become_one_inclusive_range() -> None:
    assert to_ranges([20, 18, 19, 30, 18]) == [(18, 20), (30, 30)]


def test_nothing_is_no_range() -> None:
    assert to_ranges([]) == []
    assert not covers([], 0)


@given(seqs)
def test_ranges_cover_exactly_what_they_were_made_of(numbers: set[int]) -> None:
    ranges = to_ranges(numbers)
    assert {seq for seq in range(-1, 62) if covers(ranges, seq)} == numbers


@given(seqs)
def test_ranges_are_sorted_and_as_few_as_can_be(numbers: set[int]) -> None:
    ranges = to_ranges(numbers)
    assert all(first <= last for first, last in ranges)
    assert all(earlier[1] + 1 < later[0] for earlier, later in pairwise(ranges))
