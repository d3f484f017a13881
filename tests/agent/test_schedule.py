"""The player's own hours are the collector's, without holidays; outside them darkness is no alarm."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import parse
from agent.probes.base import Reading
from agent.schedule import DARK, Schedule, ScheduleTable, schedule_of
from collector.sla.calendar import parse_calendar
from common.config import ConfigError, convert, parse_toml
from wire.states import PLAYER_STATES

SHOP = """
timezone = "Europe/Madrid"
closed = [2026-03-16]
open = { "2026-03-29" = ["11:00-19:00"] }
rules = [
    { from = "07-01", to = "08-31", days = "mon-sat", hours = ["09:30-14:00"] },
    { days = "mon-sat", hours = ["09:30-14:00", "17:00-21:30"] },
]
"""
AGENT = """
tenant = "acme"
device = "p1"
[mqtt]
host = "broker"
[[outputs]]
id = "main"
probe = "push"
[schedule]
"""


def schedule(text: str = SHOP) -> Schedule:
    return schedule_of(convert(parse_toml(text, "agent.toml"), ScheduleTable, "agent.toml"))


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("instant", "is_open"),
    [
        ("2026-03-13T09:30+01:00", True),  # a Friday, exactly at the opening
        ("2026-03-13T14:00+01:00", False),  # half-open
        ("2026-03-13T21:29:59.999+01:00", True),
        ("2026-03-14T03:00+01:00", False),
        ("2026-03-15T12:00+01:00", False),  # a Sunday
        ("2026-03-16T12:00+01:00", False),  # closed that day
        ("2026-03-29T12:00+02:00", True),  # a Sunday with hours of its own
        ("2026-07-03T18:00+02:00", False),  # summer hours
    ],
)
def test_the_first_that_says_something_about_a_date_decides(instant: str, is_open: bool) -> None:
    assert schedule().is_open(ms(instant)) is is_open


@pytest.mark.parametrize("state", sorted(PLAYER_STATES))
def test_darkness_outside_the_hours_is_off_by_schedule_and_nothing_else_is_excused(state: str) -> None:
    reading = Reading(state, None, "as seen")  # type: ignore[arg-type]  # a state of a player
    night, day = ms("2026-03-14T03:00+01:00"), ms("2026-03-13T12:00+01:00")
    judged = schedule().judge(reading, night, synced=True)
    if state in DARK:
        assert judged == Reading("off", "schedule", "outside its hours (as seen)")
    else:
        assert judged == reading
    assert schedule().judge(reading, day, synced=True) == reading


def test_a_clock_that_is_not_synchronised_excuses_nothing() -> None:
    stopped = Reading("stopped")
    assert schedule().judge(stopped, ms("2026-03-14T03:00+01:00"), synced=False) == stopped


hours = st.lists(
    st.tuples(st.integers(0, 23), st.sampled_from([0, 15, 30]), st.integers(0, 24), st.sampled_from([0, 45])),
    max_size=2,
).map(lambda parts: [f"{a:02}:{b:02}-{c:02}:{0 if c == 24 else d:02}" for a, b, c, d in parts])
days = st.sampled_from(["all", "mon-fri", "sat,sun", "fri-mon", "sun", "tue,thu-sat"])
spans = st.sampled_from([{}, {"from": "11-15", "to": "02-10"}, {"from": "03-01", "to": "10-26"}])
rules = st.lists(st.builds(lambda h, d, s: {"hours": h, "days": d, **s}, hours, days, spans), max_size=3)
zones = st.sampled_from(["Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu"])
near = st.sampled_from([date(2026, 3, 29), date(2026, 10, 25), date(2026, 3, 8), date(2026, 4, 5), date(2011, 12, 30)])
dates = st.builds(lambda day, off: day + timedelta(days=off), near, st.integers(-3, 3))
calendars = st.builds(
    lambda zone, rules, closed, opened: {"timezone": zone, "rules": rules, "closed": closed, "open": opened},
    zones,
    rules,
    st.lists(dates, max_size=2),
    st.dictionaries(dates.map(date.isoformat), hours, max_size=2),
)


@given(calendars, dates, st.lists(st.integers(-(24 * 60), 48 * 60), min_size=1, max_size=20))
def test_its_hours_are_those_of_the_collector_for_the_same_calendar(
    table: dict[str, object], day: date, minutes: list[int]
) -> None:
    ours = schedule_of(convert(table, ScheduleTable, "agent.toml"))
    theirs = parse_calendar(table, "calendar", "calendar")
    midnight = round(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
    for minute in minutes:
        at_ms = midnight + minute * 60_000
        assert ours.is_open(at_ms) is bool(theirs.find_open(at_ms, at_ms + 1)), at_ms


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ('timezone = "Europe/Nowhere"', "schedule.timezone: 'Europe/Nowhere' is not known on this machine"),
        (
            'timezone = "Europe/Madrid"\nrules = [{ hours = ["9-17"] }]',
            "schedule.rules[0].hours[0]: expected `str` matching regex",
        ),
        (
            'timezone = "Europe/Madrid"\nrules = [{ hours = [], days = "monday" }]',
            "schedule.rules[0].days: expected `str` matching regex",
        ),
        (
            'timezone = "Europe/Madrid"\nrules = [{ hours = [], from = "01-01" }]',
            "schedule.rules[0]: has only one of from and to; give both, or neither [agent.schedule_half]",
        ),
        ('timezone = "Europe/Madrid"\nholidays = "ES"', "schedule.holidays: unknown key"),
    ],
)
def test_a_wrong_schedule_is_refused_with_its_key_and_a_remedy(table: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(AGENT + table, Path("agent.toml"))
    assert complaint in str(error.value)
