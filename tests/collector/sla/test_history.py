"""What the past teaches, against adding up by hand."""

from __future__ import annotations

import math
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.sla.availability import judge_month
from collector.sla.history import Failed, daily, days_left, failed, percentile, stretches
from collector.sla.instants import DAY_MS, HOUR_MS
from collector.sla.survey import open_all, survey
from tests.collector.sla.outlooks import case_of, ms, terms, watched

MADRID = ZoneInfo("Europe/Madrid")
some = st.integers(0, 9)
days = st.lists(st.builds(Failed, some, some, some, some), max_size=70)


@given(days, st.integers(0, 20))
def test_every_run_of_days_is_added_up_if_four_of_them_fit_side_by_side_into_a_month_or_more(
    past: list[Failed], length: int
) -> None:
    enough = length > 0 and len(past) >= 28 and len(past) >= 4 * length
    naive = [
        Failed(*(sum(day[part] for day in past[first : first + length]) for part in range(4)))
        for first in range(len(past) - length + 1)
    ]
    assert stretches(past, length) == (naive if enough else [])


@pytest.mark.parametrize(("count", "length", "found"), [(27, 1, 0), (28, 1, 28), (28, 7, 22), (28, 8, 0), (32, 8, 25)])
def test_the_past_must_hold_four_stretches_and_four_weeks(count: int, length: int, found: int) -> None:
    assert len(stretches([Failed(1, 2, 3, 4)] * count, length)) == found


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.integers(1, 10))
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(values: list[int], tenths: int) -> None:
    ordered = sorted(map(Fraction, values))
    share = Fraction(tenths, 10)
    found = percentile(ordered, share)
    needed = math.ceil(share * len(ordered))
    assert sum(value <= found for value in ordered) >= needed
    assert sum(value < found for value in ordered) < needed


def test_the_least_percentile_is_the_least_value() -> None:
    assert percentile([Fraction(1), Fraction(2)], Fraction(0)) == 1


def test_rates_are_shares_of_the_time_that_could_fail() -> None:
    assert (Failed(1, 4, 2, 6).platform_rate, Failed(1, 4, 2, 6).players_rate) == (Fraction(1, 4), Fraction(1, 3))
    assert (Failed().platform_rate, Failed().players_rate) == (None, None)


@pytest.mark.parametrize(
    ("start", "end", "touched"),
    [
        ("2026-03-10T00:00", "2026-03-31T22:00", 22),
        ("2026-03-09T23:00", "2026-03-31T22:00", 22),
        ("2026-03-09T22:59", "2026-03-31T22:00", 23),
        ("2026-03-31T21:59", "2026-03-31T22:00", 1),
        ("2026-03-31T22:00", "2026-03-31T22:00", 0),
        ("2026-03-31T22:01", "2026-03-31T22:00", 0),
    ],
)
def test_days_are_local_and_the_one_that_is_begun_counts(start: str, end: str, touched: int) -> None:
    assert days_left(MADRID, ms(start), ms(end)) == touched


@pytest.mark.parametrize(("month", "number", "length"), [("2026-03", 28, 23), ("2026-10", 24, 25), ("2026-02", 3, 24)])
def test_each_local_day_of_a_month_has_its_own_length_and_failures(month: str, number: int, length: int) -> None:
    down = [(f"{month}-03T22:00", f"{month}-04T02:00")]  # UTC: midnight in Madrid is at 23:00, or at 22:00
    case = case_of(terms(), [month], "2027-01-01T00:00", [watched("p1", down=down), watched("p2"), watched("platform")])
    found = survey(case, month)
    opens = open_all(case, found.span, found.span.start_ms)
    each = daily(MADRID, found.span, found.tallies, opens)
    assert len(each) == days_left(MADRID, found.span.start_ms, found.span.end_ms)
    assert each[number].platform_open_ms == length * HOUR_MS
    assert each[number].players_open_ms == 2 * length * HOUR_MS
    assert sum(day.players_ms for day in each) == 4 * HOUR_MS
    assert (each[2].players_ms, each[3].players_ms) == (
        (0, 4 * HOUR_MS) if month == "2026-10" else (HOUR_MS, 3 * HOUR_MS)
    )
    total = failed(found.tallies, opens, found.span.start_ms, found.span.end_ms)
    assert total.players_ms == judge_month(case.contract, found.span, found.tallies).players_downtime_ms
    assert total.platform_open_ms == found.span.end_ms - found.span.start_ms
    assert total.players_open_ms == 2 * total.platform_open_ms
    assert failed(found.tallies, opens, ms(f"{month}-03T23:30"), ms(f"{month}-04T00:00")).players_ms == HOUR_MS // 2


def test_a_day_is_a_day() -> None:
    assert daily_lengths("2026-02") == [DAY_MS] * 28


def daily_lengths(month: str) -> list[int]:
    case = case_of(terms(), [month], "2027-01-01T00:00", [watched("platform")])
    found = survey(case, month)
    opens = open_all(case, found.span, found.span.start_ms)
    return [day.platform_open_ms for day in daily(MADRID, found.span, found.tallies, opens)]
