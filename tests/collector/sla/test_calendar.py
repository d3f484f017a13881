from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.sla.calendar import Calendar, parse_calendar
from collector.sla.instants import HOUR_MS, parse_instant
from collector.sla.intervals import Interval, total
from collector.sla.reading import ContractError


def calendar(**keys: Any) -> Calendar:
    return parse_calendar({"timezone": "Europe/Madrid", **keys}, "case.json", "calendars.x")


def opened(made: Calendar, start: str, end: str) -> list[Interval]:
    return made.open_intervals(parse_instant(start), parse_instant(end))


def instants(*pairs: tuple[str, str]) -> list[Interval]:
    return [(parse_instant(start), parse_instant(end)) for start, end in pairs]


def always(*hours: str) -> Calendar:
    return calendar(rules=[{"hours": list(hours)}])


def test_hours_are_clipped_to_the_span_asked_for() -> None:
    assert opened(always("09:00-18:00"), "2026-03-02T10:00:00Z", "2026-03-02T12:00:00Z") == instants(
        ("2026-03-02T10:00:00Z", "2026-03-02T12:00:00Z")
    )


def test_an_empty_span_holds_nothing() -> None:
    assert always("00:00-24:00").open_intervals(5, 5) == []


def test_hours_that_pass_midnight_belong_to_the_date_on_which_they_open_even_if_the_next_is_closed() -> None:
    made = calendar(rules=[{"days": "sat", "hours": ["18:00-03:00"]}], closed=["2026-03-08"])
    assert opened(made, "2026-03-07T00:00:00Z", "2026-03-09T00:00:00Z") == instants(
        ("2026-03-07T17:00:00Z", "2026-03-08T02:00:00Z")
    )


def test_an_end_equal_to_the_start_is_the_next_day() -> None:
    assert total(opened(always("10:00-10:00"), "2026-03-02T00:00:00Z", "2026-03-05T00:00:00Z")) == 72 * HOUR_MS


def test_overlapping_hours_are_united() -> None:
    assert opened(always("08:00-12:00", "10:00-14:00"), "2026-03-02T00:00:00Z", "2026-03-02T22:00:00Z") == instants(
        ("2026-03-02T07:00:00Z", "2026-03-02T13:00:00Z")
    )


def test_a_whole_day_has_23_hours_in_spring_and_25_in_autumn() -> None:
    whole = always("00:00-24:00")
    assert total(whole.day_intervals(date(2026, 3, 29))) == 23 * HOUR_MS
    assert total(whole.day_intervals(date(2026, 10, 25))) == 25 * HOUR_MS


def test_hours_wholly_inside_the_gap_are_empty_and_not_inverted() -> None:
    assert opened(always("02:30-03:00"), "2026-03-29T00:00:00Z", "2026-03-29T12:00:00Z") == []


def test_hours_that_end_in_the_gap_end_by_the_offset_before_it() -> None:
    assert opened(always("01:00-02:30"), "2026-03-28T23:00:00Z", "2026-03-29T12:00:00Z") == instants(
        ("2026-03-29T00:00:00Z", "2026-03-29T01:30:00Z")
    )


def test_hours_that_begin_in_the_repeated_hour_begin_the_first_time() -> None:
    assert opened(always("02:00-03:00"), "2026-10-25T00:00:00Z", "2026-10-25T12:00:00Z") == instants(
        ("2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z")
    )


def test_closed_overrules_open_which_overrules_holidays_which_overrule_rules() -> None:
    made = calendar(
        holidays="ES-Barcelona",
        closed=["2026-09-23", "2026-09-22"],
        open={"2026-09-24": ["11:00-12:00"], "2026-09-23": ["11:00-12:00"], "2026-09-25": []},
        rules=[{"hours": ["09:00-10:00"]}],
    )
    assert made.hours(date(2026, 9, 22)) == ()
    assert made.hours(date(2026, 9, 23)) == ()
    assert made.hours(date(2026, 9, 24)) == ((660, 720),)  # la Mercè
    assert made.hours(date(2026, 9, 25)) == ()
    assert made.hours(date(2026, 9, 28)) == ((540, 600),)
    assert made.hours(date(2026, 10, 12)) == ()


def test_a_country_alone_does_not_close_on_its_cities_holidays() -> None:
    rules = [{"hours": ["09:00-10:00"]}]
    assert calendar(holidays="ES", rules=rules).hours(date(2026, 9, 24)) == ((540, 600),)
    assert calendar(holidays="ES", rules=rules).hours(date(2026, 10, 12)) == ()


def test_no_holidays_is_the_same_as_none_named() -> None:
    assert calendar(holidays=None, rules=[{"hours": ["09:00-10:00"]}]).hours(date(2026, 1, 1)) == ((540, 600),)


def test_the_first_rule_that_fits_decides_even_with_no_hours() -> None:
    made = calendar(rules=[{"days": "wed", "hours": []}, {"hours": ["09:00-10:00"]}])
    assert made.hours(date(2026, 3, 4)) == ()
    assert made.hours(date(2026, 3, 5)) == ((540, 600),)


def test_without_a_rule_that_fits_it_is_closed() -> None:
    assert calendar().hours(date(2026, 3, 4)) == ()


def test_a_range_may_wrap_the_year_and_both_ends_are_included() -> None:
    made = calendar(rules=[{"from": "11-15", "to": "02-28", "hours": ["09:00-10:00"]}])
    open_days = [day for n in range(365) if made.hours(day := date(2026, 1, 1) + timedelta(days=n))]
    assert open_days[0] == date(2026, 1, 1)
    assert date(2026, 2, 28) in open_days
    assert date(2026, 3, 1) not in open_days
    assert date(2026, 11, 14) not in open_days
    assert date(2026, 11, 15) in open_days
    assert len(open_days) == 59 + 47


def test_dates_repeat_every_year_and_a_leap_day_only_in_leap_years() -> None:
    made = calendar(rules=[{"dates": ["02-29", "12-24"], "hours": ["09:00-10:00"]}])
    assert made.hours(date(2028, 2, 29))
    assert made.hours(date(2026, 12, 24))
    assert not made.hours(date(2026, 2, 28))


@pytest.mark.parametrize(
    ("days", "numbers"),
    [
        ("mon-fri", {0, 1, 2, 3, 4}),
        ("sat,sun", {5, 6}),
        ("all", set(range(7))),
        ("fri-mon", {4, 5, 6, 0}),
        ("wed", {2}),
        ("mon-tue, sat", {0, 1, 5}),
    ],
)
def test_days_are_read(days: str, numbers: set[int]) -> None:
    made = calendar(rules=[{"days": days, "hours": ["09:00-10:00"]}])
    assert {n for n in range(7) if made.hours(date(2026, 3, 2) + timedelta(days=n))} == numbers


def test_a_date_without_quotes_as_toml_writes_it_is_a_date() -> None:
    assert calendar(closed=[date(2026, 3, 2)], rules=[{"hours": ["09:00-10:00"]}]).hours(date(2026, 3, 2)) == ()


def test_a_zone_that_skips_a_whole_day_is_survived() -> None:
    made = parse_calendar({"timezone": "Pacific/Apia", "rules": [{"hours": ["00:00-24:00"]}]}, "x", "x")
    start, end = parse_instant("2011-12-29T10:00:00Z"), parse_instant("2012-01-02T10:00:00Z")
    assert made.open_intervals(start, end) == [(start, end)]


@given(st.integers(0, 500), st.integers(1, 80), st.integers(1, 80))
def test_neighbouring_spans_together_hold_what_one_span_holds(start_h: int, first_h: int, second_h: int) -> None:
    made = always("22:00-02:30", "09:00-12:00")
    start = parse_instant("2026-03-20T00:00:00Z") + start_h * HOUR_MS
    middle, end = start + first_h * HOUR_MS, start + (first_h + second_h) * HOUR_MS
    parts = total(made.open_intervals(start, middle)) + total(made.open_intervals(middle, end))
    assert parts == total(made.open_intervals(start, end))


def test_the_callers_list_is_its_own() -> None:
    made = always("09:00-10:00")
    span = parse_instant("2026-03-02T00:00:00Z"), parse_instant("2026-03-03T00:00:00Z")
    made.open_intervals(*span).clear()
    assert len(made.open_intervals(*span)) == 1


def test_only_the_latest_spans_are_remembered() -> None:
    made = always("09:00-10:00")
    for hour in range(200):
        made.open_intervals(hour * HOUR_MS, (hour + 1) * HOUR_MS)
    assert len(made._spans) <= 64


def test_it_is_plain_that_nothing_opens_only_without_hours_in_rules_and_dates_to_come() -> None:
    day = date(2026, 3, 2)
    assert calendar().never_opens_after(day)
    assert calendar(rules=[{"hours": []}]).never_opens_after(day)
    assert not calendar(rules=[{"hours": []}, {"hours": ["09:00-10:00"]}]).never_opens_after(day)
    assert not calendar(open={"2026-03-03": ["09:00-10:00"]}).never_opens_after(day)
    assert calendar(open={"2026-03-02": ["09:00-10:00"]}).never_opens_after(day)
    assert calendar(open={"2026-03-03": []}).never_opens_after(day)


@pytest.mark.parametrize(
    ("first", "last", "inside", "outside"),
    [
        ("06-15", "09-15", ["06-15", "06-16", "09-14", "09-15"], ["06-14", "09-16", "01-01", "12-31"]),
        ("12-20", "01-06", ["12-20", "12-31", "01-01", "01-06"], ["12-19", "01-07", "07-01"]),
        ("08-15", "08-15", ["08-15"], ["08-14", "08-16"]),
        ("01-01", "12-31", ["01-01", "07-01", "12-31"], []),
    ],
)
def test_the_first_and_the_last_day_of_a_season_belong_to_it(
    first: str, last: str, inside: list[str], outside: list[str]
) -> None:
    made = calendar(rules=[{"from": first, "to": last, "hours": ["09:00-10:00"]}])
    fits = {day: made.hours(date.fromisoformat(f"2026-{day}")) != () for day in inside + outside}
    assert fits == dict.fromkeys(inside, True) | dict.fromkeys(outside, False)


NO_DATE = "'W01-1' is no day of the year; write it as MM-DD, such as '12-24' [calendar.date.invalid]"


@pytest.mark.parametrize(
    ("rule", "lines"),
    [
        (
            {"days": "mo,sat,so"},
            [
                "rules[0].days: 'mo' names no days; write 'mon-fri', 'sat,sun' or 'all' [calendar.days.unknown]",
                "rules[0].days: 'so' names no days; write 'mon-fri', 'sat,sun' or 'all' [calendar.days.unknown]",
            ],
        ),
        (
            {"dates": ["W01-1"]},
            [f"rules[0].dates[0]: {NO_DATE}"],
        ),
    ],
)
def test_every_word_that_is_none_is_told(rule: dict[str, Any], lines: list[str]) -> None:
    with pytest.raises(ContractError) as refused:
        parse_calendar({"timezone": "UTC", "rules": [{"hours": ["09:00-10:00"]} | rule]}, "x.toml", "")
    assert str(refused.value).split("\n") == [f"x.toml: {line}" for line in lines]
