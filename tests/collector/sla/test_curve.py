from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collector.sla.curve import make_curve

intervals = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 20)).map(lambda pair: (pair[0], sum(pair))), max_size=5
)
weighted = st.lists(st.tuples(intervals, st.integers(0, 3)), max_size=4)


def gained(parts: list[tuple[list[tuple[int, int]], int]], instant: int) -> int:
    """Millisecond by millisecond."""
    return sum(height for ms in range(instant) for part, height in parts for start, end in part if start <= ms < end)


@given(weighted, st.integers(-5, 100))
def test_a_curve_tells_what_was_gained_up_to_any_instant(
    parts: list[tuple[list[tuple[int, int]], int]], instant: int
) -> None:
    assert make_curve(parts).upto(instant) == gained(parts, max(0, instant))


@given(weighted, st.integers(0, 100), st.integers(0, 100))
def test_what_is_gained_between_two_instants_is_the_difference(
    parts: list[tuple[list[tuple[int, int]], int]], start: int, length: int
) -> None:
    end = start + length
    assert make_curve(parts).between(start, end) == gained(parts, end) - gained(parts, start)


@given(weighted, st.integers(0, 60))
def test_a_limit_is_passed_at_the_first_millisecond_that_takes_more(
    parts: list[tuple[list[tuple[int, int]], int]], limit: int
) -> None:
    naive = next((instant for instant in range(100) if gained(parts, instant) > limit), None)
    assert make_curve(parts).first_over(limit) == naive


def test_nothing_gains_nothing() -> None:
    curve = make_curve([])
    assert (curve.upto(5), curve.between(1, 9), curve.first_over(0)) == (0, 0, None)
