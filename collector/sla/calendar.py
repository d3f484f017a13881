"""PURE. Emission and support calendars (SPEC part 3): which hours of which days are open, in which zone.

The first that says something about a date decides its hours: `closed`, `open`, holidays (closed), then the first rule
that fits; nothing fits: closed. Hours belong to the date on which they open, even if the next day is closed. Times are
local and go through UTC: one that occurs twice is the first, one that is skipped takes the offset before the gap, so
hours that lie wholly inside a gap come out empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from holidays import HolidayBase, country_holidays

from collector.sla.instants import local_date, local_ms
from collector.sla.intervals import Interval, clip, normalise
from collector.sla.reading import Report, Value, read_zone, shown

Hours = tuple[tuple[int, int], ...]  # minutes after the midnight that begins the date; an end may pass 24:00
MonthDay = tuple[int, int]

_DAY_MINUTES: Final = 24 * 60
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EVERY_DAY: Final = frozenset(range(7))
_TIME: Final = r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00"
_HOURS: Final = re.compile(rf"(?P<start>{_TIME})-(?P<end>{_TIME})")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_REGION: Final = re.compile(r"(?P<country>[A-Z]{2})(-(?P<subdivision>.+))?")
_LEAP_YEAR: Final = 2000
# Hours may pass midnight, and a zone may skip or repeat a whole day: look that many days around.
_DAYS_BEFORE: Final = timedelta(days=3)
_DAYS_AFTER: Final = timedelta(days=2)
_REMEMBERED_SPANS: Final = 64


@dataclass(frozen=True, slots=True)
class Rule:
    """Hours of the days it fits: a weekday of `days` (0 = Monday), within `span` or on `dates` where it has them."""

    days: frozenset[int]
    hours: Hours
    span: tuple[MonthDay, MonthDay] | None = None
    dates: frozenset[MonthDay] | None = None

    def fits(self, day: date) -> bool:
        """Whether this rule says what the hours of `day` are."""
        if day.weekday() not in self.days:
            return False
        month_day = (day.month, day.day)
        if self.dates is not None:
            return month_day in self.dates
        if self.span is None:
            return True
        first, last = self.span
        if first <= last:
            return first <= month_day <= last
        return month_day >= first or month_day <= last  # wraps the year


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """Open hours of every date. It remembers the spans it was asked for lately; `holidays` learns years as asked."""

    timezone: ZoneInfo
    rules: tuple[Rule, ...] = ()
    closed: frozenset[date] = frozenset()
    open: Mapping[date, Hours] = field(default_factory=dict)
    holidays: HolidayBase | None = None  # an object without dates yet is falsy: ask `is None`
    _spans: dict[Interval, list[Interval]] = field(default_factory=dict, repr=False)

    def hours(self, day: date) -> Hours:
        """The hours that open on `day`; none: closed."""
        if day in self.closed:
            return ()
        if day in self.open:
            return self.open[day]
        if self.holidays is not None and day in self.holidays:
            return ()
        return next((rule.hours for rule in self.rules if rule.fits(day)), ())

    def day_intervals(self, day: date) -> list[Interval]:
        """The open intervals that belong to `day`, in milliseconds."""
        zone = self.timezone
        return [(local_ms(zone, day, start), local_ms(zone, day, end)) for start, end in self.hours(day)]

    def open_intervals(self, start_ms: int, end_ms: int) -> list[Interval]:
        """What is open within `[start_ms, end_ms)`: clipped, sorted, disjoint. Remembered: fleets ask the same."""
        if (start_ms, end_ms) not in self._spans:
            if len(self._spans) >= _REMEMBERED_SPANS:
                self._spans.clear()
            self._spans[start_ms, end_ms] = self.find_open(start_ms, end_ms)
        return list(self._spans[start_ms, end_ms])

    def find_open(self, start_ms: int, end_ms: int) -> list[Interval]:
        """The same, not remembered."""
        if start_ms >= end_ms:
            return []
        day = local_date(self.timezone, start_ms) - _DAYS_BEFORE
        last = local_date(self.timezone, end_ms) + _DAYS_AFTER
        intervals: list[Interval] = []
        while day <= last:
            intervals += self.day_intervals(day)
            day += timedelta(days=1)
        return clip(normalise(intervals), start_ms, end_ms)

    def never_opens_after(self, day: date) -> bool:
        """Whether it is plain that nothing opens after `day`: no rule has hours, and no date of `open` follows."""
        return not any(rule.hours for rule in self.rules) and not any(
            hours and later > day for later, hours in self.open.items()
        )


def parse_calendar(data: Mapping[str, object], file: str, key: str) -> Calendar:
    """Plain data → calendar; ContractError with every finding otherwise. `key` is where it stands in the file."""
    report = Report(file)
    calendar = read_calendar(Value(data, report, key, "calendar"))
    report.settle()
    return calendar


def read_calendar(value: Value) -> Calendar:
    """Read a calendar inside another file; what is wrong goes to the value's report, and stand-ins take its place."""
    table = value.table(required=["timezone"], optional=["holidays", "rules", "closed", "open"])
    rules = table.get("rules")
    closed = table.get("closed")
    opened = table.get("open")
    days = [_date(member, member.data) for member in closed.items()] if closed else []
    hours = [(_date(member, name), _hours(member)) for name, member in opened.entries()] if opened else []
    return Calendar(
        timezone=read_zone(table.get("timezone")),
        rules=tuple(_rule(member) for member in rules.items()) if rules else (),
        closed=frozenset(day for day in days if day is not None),
        open={day: hours for day, hours in hours if day is not None},
        holidays=read_holidays(table.maybe("holidays")),
    )


def _rule(value: Value) -> Rule:
    table = value.table(required=["hours"], optional=["days", "from", "to", "dates"])
    first, last, dates, days = table.get("from"), table.get("to"), table.get("dates"), table.get("days")
    span = None
    if (first is None) != (last is None):
        value.refuse("rule.half", "has only one of `from` and `to`", "give both")
    elif first and last:
        span = (_month_day(first), _month_day(last))
        if dates:
            value.refuse("rule.twice", "has both `from`/`to` and `dates`", "make two rules of it")
    hours = table.get("hours")
    return Rule(
        days=_days(days) if days else _EVERY_DAY,
        hours=_hours(hours) if hours else (),
        span=span,
        dates=frozenset(_month_day(member) for member in dates.items()) if dates else None,
    )


def _days(value: Value) -> frozenset[int]:
    """`mon-fri`, `sat,sun`, `fri-mon` (over the weekend), `all`."""
    text = value.text()
    if text is None or text == "all":
        return _EVERY_DAY
    days: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if first not in _DAYS or (last or first) not in _DAYS or part.strip().endswith("-"):
            value.refuse("days.unknown", f"{part.strip()!r} names no days", "write 'mon-fri', 'sat,sun' or 'all'")
            continue
        begin = _DAYS.index(first)
        length = (_DAYS.index(last or first) - begin) % 7 + 1
        days.update((begin + offset) % 7 for offset in range(length))
    return frozenset(days)


def _hours(value: Value) -> Hours:
    found: list[tuple[int, int]] = []
    for member in value.items():
        text = member.text()
        match = _HOURS.fullmatch(text) if text else None
        if match:
            start, end = _minutes(match["start"]), _minutes(match["end"])
            found.append((start, end if end > start else end + _DAY_MINUTES))
        elif text:
            member.refuse("hours.invalid", f"{text!r} are no hours", "write 'HH:MM-HH:MM', such as '09:00-18:00'")
    return tuple(found)


def _minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _month_day(value: Value) -> MonthDay:
    text = value.text() or "01-01"
    try:
        day = date.fromisoformat(f"{_LEAP_YEAR}-{text}" if _DATE.fullmatch(f"{_LEAP_YEAR}-{text}") else "")
    except ValueError:
        value.refuse("date.invalid", f"{text!r} is no day of the year", "write it as MM-DD, such as '12-24'")
        return (1, 1)
    return (day.month, day.day)


def _date(value: Value, data: object) -> date | None:
    """`YYYY-MM-DD`, or the date that TOML writes without quotes."""
    if isinstance(data, date) and not isinstance(data, datetime):
        return data
    try:
        return date.fromisoformat(data if isinstance(data, str) and _DATE.fullmatch(data) else "")
    except ValueError:
        value.refuse("date.invalid", f"{shown(data)} is no date", "write it as YYYY-MM-DD, such as '2026-03-16'")
        return None


def read_holidays(value: Value | None) -> HolidayBase | None:
    """Public holidays of a region such as `ES-Barcelona`; None, and a finding, where there is no such region."""
    region = value.text() if value else None
    match = _REGION.fullmatch(region) if region else None
    if match:
        try:
            return country_holidays(match["country"], subdiv=match["subdivision"])
        except NotImplementedError:
            pass
    if value is not None and region is not None:
        message = f"{region!r} is no region of the holidays package"
        value.refuse("holidays.unknown", message, "write country and subdivision, such as 'ES-Barcelona', or 'ES'")
    return None


def frozen_holidays(days: dict[date, str]) -> HolidayBase:
    """Holidays that are these dates for ever, whatever the library will say of any region."""
    frozen = HolidayBase(expand=False)
    for day, name in days.items():
        frozen[day] = name
    return frozen
