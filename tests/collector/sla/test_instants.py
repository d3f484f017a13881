from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from collector.sla.instants import (
    first_day,
    format_instant,
    format_month,
    local_date,
    local_ms,
    parse_instant,
    parse_month,
    parse_zone,
)

MADRID = ZoneInfo("Europe/Madrid")


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:00.001+01:00", 1),
        ("1970-01-01 00:00:00.1230Z", 123),
        ("1969-12-31T23:59:59.999Z", -1),
        ("0001-01-01T00:00:00+14:00", -62135647200000),
    ],
)
def test_an_instant_is_read_exactly(text: str, instant: int) -> None:
    assert parse_instant(text) == instant
    assert isinstance(parse_instant(text), int)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("2026-03-01T00:00:00", "has no offset from UTC"),
        ("2026-03-01", "is no ISO 8601 instant"),
        ("2026-02-29T00:00:00Z", "is no ISO 8601 instant"),
        ("2026-W10-1T00:00:00Z", "is no ISO 8601 instant"),
        ("2026-03-01T00:00:60Z", "is no ISO 8601 instant"),
        ("2026-03-01T00:00:00.0005Z", "is finer than a millisecond"),
        ("2026-03-01T00:00:00.0000001Z", "is finer than a millisecond"),
        ("", "is no ISO 8601 instant"),
    ],
)
def test_what_is_no_instant_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}$"):
        parse_instant(text)


def test_an_instant_is_written_with_milliseconds() -> None:
    assert format_instant(1) == "1970-01-01T00:00:00.001Z"


def test_a_local_time_that_occurs_twice_is_the_first() -> None:
    assert format_instant(local_ms(MADRID, date(2026, 10, 25), 150)) == "2026-10-25T00:30:00.000Z"


def test_a_local_time_that_is_skipped_takes_the_offset_before_the_gap() -> None:
    assert format_instant(local_ms(MADRID, date(2026, 3, 29), 150)) == "2026-03-29T01:30:00.000Z"


def test_a_midnight_that_is_skipped_is_the_moment_of_the_change() -> None:
    assert format_instant(local_ms(ZoneInfo("Africa/Cairo"), date(2026, 4, 24))) == "2026-04-23T22:00:00.000Z"


def test_the_local_date_is_the_zones_own() -> None:
    assert local_date(MADRID, parse_instant("2026-03-31T22:30:00Z")) == date(2026, 4, 1)


@pytest.mark.parametrize("name", ["", "Europe/Madri", "Europe", "../etc/passwd", "localtime", "posix/UTC", "a\0b"])
def test_what_is_no_zone_of_its_own_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        parse_zone(name)


@pytest.mark.parametrize("text", ["2026-13", "2026-3", "26-03", "1899-12", "3000-01", "2026-00"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no month"):
        parse_month(text)


def test_months_count_through_the_year() -> None:
    assert format_month(parse_month("2026-12") + 1) == "2027-01"


def test_months_are_known_from_1900_to_2999() -> None:
    assert [format_month(parse_month(month)) for month in ("1900-01", "2999-12")] == ["1900-01", "2999-12"]
    for month in ("1899-12", "3000-01"):
        with pytest.raises(ValueError, match="is no month"):
            parse_month(month)


def test_the_first_day_of_a_month_is_its_first() -> None:
    assert first_day(parse_month("2026-12")) == date(2026, 12, 1)
    assert first_day(parse_month("2027-01")) == date(2027, 1, 1)
