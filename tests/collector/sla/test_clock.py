from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.sla.calendar import Calendar, parse_calendar
from collector.sla.clock import judge_clock, parse_target
from collector.sla.instants import HOUR_MS, format_instant, parse_instant

OFFICE = {"timezone": "Europe/Madrid", "rules": [{"days": "mon-fri", "hours": ["09:00-18:00"]}]}


def office(**keys: Any) -> Calendar:
    return parse_calendar(OFFICE | keys, "x", "x")


def read(
    target: str,
    opened: str = "2026-03-13T16:30:00Z",
    calendar: Calendar | None = None,
    pauses: Sequence[tuple[str, str | None]] = (),
    at: str = "2026-03-13T16:30:00Z",
) -> tuple[str | None, int, bool]:
    stops = [(parse_instant(start), None if end is None else parse_instant(end)) for start, end in pauses]
    made = parse_target(target, has_calendar=calendar is not None)
    figure = judge_clock(calendar, parse_instant(opened), made, stops, parse_instant(at))
    due = None if figure.due_at_ms is None else format_instant(figure.due_at_ms)
    return due, figure.elapsed_ms, figure.breached


def test_a_deadline_reached_at_closing_time_is_closing_time_and_not_the_next_opening() -> None:
    assert read("30 minutes", calendar=office())[0] == "2026-03-13T17:00:00.000Z"


def test_exactly_at_the_deadline_is_in_time_and_a_millisecond_later_is_not() -> None:
    assert read("3 days", at="2026-03-16T16:30:00Z")[2] is False
    assert read("3 days", at="2026-03-16T16:30:00.001Z")[2] is True


def test_days_are_of_24_hours_even_when_the_clocks_change() -> None:
    assert read("3 days", opened="2026-03-28T00:00:00Z")[0] == "2026-03-31T00:00:00.000Z"


def test_overlapping_and_unordered_pauses_count_once() -> None:
    pauses = [
        ("2026-03-13T18:00:00Z", "2026-03-13T20:00:00Z"),
        ("2026-03-13T17:00:00Z", "2026-03-13T19:00:00Z"),
    ]
    assert read("1 hour", pauses=pauses, at="2026-03-13T21:00:00Z") == (
        "2026-03-13T20:30:00.000Z",
        int(1.5 * HOUR_MS),
        True,
    )


def test_a_pause_without_end_stops_the_clock_for_good_unless_it_had_run_out_before() -> None:
    still = [("2026-03-13T17:30:00Z", None)]
    assert read("61 minutes", pauses=still)[0] is None
    assert read("1 hour", pauses=still)[0] == "2026-03-13T17:30:00.000Z"


def test_a_pause_that_began_before_the_incident_counts_from_its_opening() -> None:
    assert read("1 hour", pauses=[("2026-03-01T00:00:00Z", "2026-03-13T17:00:00Z")])[0] == "2026-03-13T18:00:00.000Z"
    assert read("1 hour", pauses=[("2026-03-01T00:00:00Z", None)]) == (None, 0, False)


def test_a_calendar_that_never_opens_again_gives_no_deadline() -> None:
    assert read("1 hour", calendar=office(rules=[])) == (None, 0, False)
    assert read("1 hour", calendar=office(rules=[], open={"2026-03-12": ["09:00-18:00"]}))[0] is None
    assert read("1 business days", calendar=office(rules=[], open={"2026-03-13": ["09:00-18:00"]}))[0] is None


def test_a_rule_that_another_always_hides_gives_no_deadline() -> None:
    hidden = office(rules=[{"hours": []}, {"hours": ["09:00-18:00"]}])
    assert read("1 hour", calendar=hidden)[0] is None
    assert read("1 business day", calendar=hidden)[0] is None


def test_a_rare_opening_is_found_years_later() -> None:
    leap = office(rules=[{"dates": ["02-29"], "days": "sun", "hours": ["09:00-18:00"]}])
    assert read("1 hour", calendar=leap)[0] == "2032-02-29T09:00:00.000Z"


def test_the_hours_of_last_nights_opening_still_count_after_midnight() -> None:
    bar = office(rules=[{"days": "fri", "hours": ["18:00-03:00"]}])
    assert read("1 hour", opened="2026-03-14T00:00:00Z", calendar=bar)[0] == "2026-03-14T01:00:00.000Z"
    once = office(rules=[], open={"2026-03-13": ["18:00-03:00"]})
    assert read("1 hour", opened="2026-03-14T00:00:00Z", calendar=once)[0] == "2026-03-14T01:00:00.000Z"


def test_business_days_count_open_dates_after_the_local_date_pauses_notwithstanding() -> None:
    late = "2026-03-12T23:30:00Z"  # already Friday the 13th in Madrid
    assert read("1 business day", opened=late, calendar=office())[0] == "2026-03-16T23:00:00.000Z"
    assert (
        read("1 business day", opened=late, calendar=office(), pauses=[(late, None)])[0] == "2026-03-16T23:00:00.000Z"
    )


def test_a_clock_read_before_it_was_opened_has_not_run() -> None:
    assert read("1 hour", at="2026-03-01T00:00:00Z") == ("2026-03-13T17:30:00.000Z", 0, False)


@pytest.mark.parametrize(
    ("text", "has_calendar", "problem"),
    [
        ("3 days", True, "cannot be judged with a calendar"),
        ("7 business days", False, "needs a calendar"),
        ("0 hours", False, "is no target"),
        ("1.5 hours", False, "is no target"),
        ("-1 hours", False, "is no target"),
        ("soon", False, "is no target"),
        ("90  minutes", False, "is no target"),
        ("900000000 hours", False, "is over a century"),
    ],
)
def test_a_target_that_cannot_be_judged_is_refused(text: str, has_calendar: bool, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_target(text, has_calendar=has_calendar)


@given(st.integers(1, 60), st.integers(0, 400))
def test_the_clock_has_run_for_its_target_exactly_at_its_deadline(hours: int, opened_h: int) -> None:
    calendar = office(holidays="ES-Barcelona")
    opened = parse_instant("2026-12-01T00:00:00Z") + opened_h * HOUR_MS
    pauses = [(opened + 5 * HOUR_MS, opened + 60 * HOUR_MS)]
    target = parse_target(f"{hours} hours", has_calendar=True)
    due = judge_clock(calendar, opened, target, pauses, opened).due_at_ms
    assert judge_clock(calendar, opened, target, pauses, due).elapsed_ms == hours * HOUR_MS
    assert judge_clock(calendar, opened, target, pauses, due - 1).elapsed_ms == hours * HOUR_MS - 1


def test_a_target_may_be_a_century_and_no_more() -> None:
    assert parse_target("36525 days", has_calendar=False).amount == 36_525
    with pytest.raises(ValueError, match="over a century"):
        parse_target("36526 days", has_calendar=False)
