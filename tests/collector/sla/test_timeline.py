from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.sla.timeline import Evidence, Ruling, Segment, paint, rule

STATES = ["playing", "frozen", "idle", "unknown"]
runs = st.lists(
    st.builds(
        lambda start, length, state: Evidence(start, start + length, state),
        st.integers(-5, 30),
        st.integers(1, 20),
        st.sampled_from(STATES),
    ),
    max_size=10,
)


def at_each_point(segments: list[Segment]) -> dict[int, tuple[str, str | None]]:
    return {at: (state, cause) for start, end, state, cause in segments for at in range(start, end)}


def states(segments: list[Segment]) -> dict[int, str]:
    return {at: state for at, (state, _) in at_each_point(segments).items()}


@given(runs)
def test_the_segments_fill_the_span_without_gap_or_overlap(evidence: list[Evidence]) -> None:
    segments = paint(evidence, 0, 30)
    assert segments[0][0] == 0
    assert segments[-1][1] == 30
    assert all(left[1] == right[0] for left, right in pairwise(segments))
    assert all(start < end for start, end, _, _ in segments)


@given(runs)
def test_the_latest_start_wins_and_among_equal_starts_the_later_in_the_list(evidence: list[Evidence]) -> None:
    expected = {}
    for at in range(30):
        over = [(run.start_ms, order) for order, run in enumerate(evidence) if run.start_ms <= at < run.end_ms]
        expected[at] = evidence[max(over)[1]].state if over else "unknown"
    assert states(paint(evidence, 0, 30)) == expected


@given(runs, st.data())
def test_cutting_a_run_in_two_changes_nothing_where_nothing_starts_within_it(
    evidence: list[Evidence], data: st.DataObject
) -> None:
    evidence = [Evidence(40 * n, 40 * n + run.end_ms - run.start_ms + 1, run.state) for n, run in enumerate(evidence)]
    if not evidence:
        return
    which = data.draw(st.integers(0, len(evidence) - 1))
    run = evidence[which]
    cut = data.draw(st.integers(run.start_ms + 1, run.end_ms - 1))
    halves = [run._replace(end_ms=cut), run._replace(start_ms=cut)]
    split = evidence[:which] + halves + evidence[which + 1 :]
    assert states(paint(split, 0, 500)) == states(paint(evidence, 0, 500))


def test_what_nothing_painted_is_unknown() -> None:
    assert paint([], 0, 9) == [(0, 9, "unknown", None)]


def test_a_short_run_uncovers_the_long_one_beneath_it() -> None:
    segments = paint([Evidence(0, 9, "playing"), Evidence(2, 4, "frozen", "hardware")], 0, 9)
    assert segments == [(0, 2, "playing", None), (2, 4, "frozen", "hardware"), (4, 9, "playing", None)]


@pytest.mark.timeout(300)  # of quadratic work it would take hours
def test_hundreds_of_thousands_of_nested_runs_are_painted_in_seconds() -> None:
    deep = [Evidence(n, 10**6 - n, "frozen") for n in range(200_000)]
    assert len(paint(deep, 0, 10**6)) == 399_999


def test_a_ruling_on_the_state_brings_that_states_default_cause() -> None:
    segments = [(0, 10, "off", "customer")]
    assert rule(segments, [Ruling(2, 5, "frozen", None, 1)], 1) == [
        (0, 2, "off", "customer"),
        (2, 5, "frozen", None),
        (5, 10, "off", "customer"),
    ]


def test_a_ruling_on_the_cause_touches_only_what_is_not_up_and_silence_is_not_up() -> None:
    segments = [(0, 4, "playing", None), (4, 6, "frozen", None), (6, 9, "unknown", None)]
    assert rule(segments, [Ruling(0, 9, None, "customer", 1)], 1) == [
        (0, 4, "playing", None),
        (4, 6, "frozen", "customer"),
        (6, 9, "unknown", "customer"),
    ]


def test_a_ruling_that_names_both_sets_the_state_before_the_cause() -> None:
    assert rule([(0, 9, "playing", None)], [Ruling(0, 9, "black", "display", 1)], 1) == [(0, 9, "black", "display")]
    assert rule([(0, 9, "black", None)], [Ruling(0, 9, "playing", "display", 1)], 1) == [(0, 9, "playing", None)]


def test_rulings_are_taken_in_the_order_in_which_they_were_made_and_ties_in_the_given_order() -> None:
    made = [Ruling(0, 9, None, "customer", 7), Ruling(0, 9, None, "power", 5), Ruling(0, 9, None, "dns", 7)]
    assert rule([(0, 9, "off", None)], made, 7) == [(0, 9, "off", "dns")]
    assert rule([(0, 9, "off", None)], made, 6) == [(0, 9, "off", "power")]


def test_a_ruling_made_later_or_elsewhere_changes_nothing() -> None:
    segments = [(0, 9, "off", None)]
    assert rule(segments, [Ruling(0, 9, "playing", None, 8)], 7) == segments
    assert rule(segments, [Ruling(9, 20, "playing", None, 1)], 7) == segments
