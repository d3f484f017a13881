from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from collector.sla.intervals import Interval, clip, normalise, total
from collector.sla.measure import Measure

ORIGIN, HORIZON = 100, 200
sets = st.lists(
    st.lists(st.tuples(st.integers(ORIGIN, HORIZON), st.integers(ORIGIN, HORIZON)), max_size=5).map(normalise),
    min_size=1,
    max_size=4,
)


def before(measure: Measure, chosen: int, instant: int) -> int:
    return int(measure.before(np.array([chosen]), np.array([instant]))[0])


@given(sets)
def test_it_is_the_total_of_what_lies_before(given_sets: list[list[Interval]]) -> None:
    measure = Measure(given_sets, ORIGIN, HORIZON)
    for number, members in enumerate(given_sets):
        instants = np.arange(ORIGIN - 2, HORIZON + 3)
        expected = [total(clip(members, ORIGIN, int(instant))) for instant in instants]
        assert measure.before(np.full_like(instants, number), instants).tolist() == expected


def test_instants_of_several_sets_may_be_mixed_in_any_shape() -> None:
    measure = Measure([[(100, 110)], [], [(150, 200)]], ORIGIN, HORIZON)
    chosen, instants = np.array([[0, 1], [2, 2]]), np.array([[105, 200], [150, 200]])
    assert measure.before(chosen, instants).tolist() == [[5, 0], [0, 50]]
    assert instants.tolist() == [[105, 200], [150, 200]]


def test_far_instants_are_the_ends() -> None:
    measure = Measure([[(100, 110)], [(190, 200)]], ORIGIN, HORIZON)
    assert [before(measure, 0, at) for at in (-(2**60), 100, 109, 110, 2**60)] == [0, 0, 9, 10, 10]
    assert [before(measure, 1, at) for at in (-(2**60), 190, 199, 200, 2**60)] == [0, 0, 9, 10, 10]


def test_no_sets_and_no_instants_are_no_error() -> None:
    empty = np.empty(0, np.int64)
    assert Measure([], 0, 0).before(empty, empty).tolist() == []


def test_its_tables_are_64_bit_integers_and_never_floats() -> None:
    for sets in ([], [[]], [[(100, 110)], [(190, 200)]]):
        measure = Measure(sets, ORIGIN, HORIZON)
        tables = (measure._edges, measure._offsets, measure._rising, measure._shifts)
        assert {str(table.dtype) for table in tables} == {"int64"}


@given(sets, st.integers(ORIGIN - 5, HORIZON + 5), st.integers(0, 110))
def test_begins_and_ends_are_looked_up_together_as_one_by_one(
    given_sets: list[list[Interval]], start: int, length: int
) -> None:
    measure = Measure(given_sets, ORIGIN, HORIZON)
    chosen = np.arange(len(given_sets))
    starts, ends = np.full_like(chosen, start), np.full_like(chosen, start + length)
    begin, end = measure.before_both(chosen, starts, ends)
    assert begin.tolist() == measure.before(chosen, starts).tolist()
    assert end.tolist() == measure.before(chosen, ends).tolist()
