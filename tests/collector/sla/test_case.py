"""One bad case file per mistake, each with its exact message."""

# ruff: noqa: E501  # a message stands on one line

from __future__ import annotations

import copy
from typing import Any

import pytest

from collector.sla.calendar import parse_calendar
from collector.sla.case import parse_case
from collector.sla.reading import ContractError

CASE = {
    "contract": {"name": "n", "timezone": "UTC", "availability": {"weights": {"players": "0.5", "platform": "0.5"}}},
    "months": ["2026-03"],
    "computed_at": "2026-04-05T00:00:00Z",
    "calendars": {"shop": {"timezone": "UTC", "rules": [{"hours": ["09:00-18:00"]}]}},
    "subjects": [{"id": "portal", "kind": "platform"}, {"id": "p1", "kind": "player", "emission": "shop"}],
    "runs": [
        {"subject": "p1", "start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z", "state": "frozen"},
    ],
    "windows": [
        {
            "id": "w",
            "kind": "planned",
            "subjects": ["*"],
            "start": "2026-03-01T00:00:00Z",
            "end": "2026-03-02T00:00:00Z",
        }
    ],
    "rulings": [
        {
            "subject": "p1",
            "start": "2026-03-01T00:00:00Z",
            "end": "2026-03-02T00:00:00Z",
            "at": "2026-03-03T00:00:00Z",
            "cause": "customer",
        }
    ],
}
CLOCK = {
    "calendar": {"timezone": "UTC", "rules": [{"hours": ["09:00-18:00"]}]},
    "opened_at": "2026-03-01T00:00:00Z",
    "target": "4 hours",
    "at": "2026-03-02T00:00:00Z",
    "pauses": [],
}
GONE = object()


def changed(base: dict[str, Any], path: str, value: object) -> Any:
    data = copy.deepcopy(base)
    *front, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place = data
    for part in front:
        place = place[part]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return data


BAD_CASES = [
    ("contract", None, ["contract: null is no table; write it as { … } [contract.value.type]"]),
    ("contract", GONE, ["contract: is missing; add contract [case.key.missing]"]),
    (
        "contract.timezone",
        "Nowhere",
        [
            "contract.timezone: 'Nowhere' is no IANA time zone; use an IANA name such as 'Europe/Madrid' [contract.timezone.unknown]"
        ],
    ),
    (
        "note",
        1,
        [
            "note: unknown key; use one of: calendars, case, computed_at, contract, expect, months, rulings, runs, subjects, windows [case.key.unknown]"
        ],
    ),
    ("months", [], ["months: names no month; name at least one, such as '2026-03' [case.months.empty]"]),
    ("months", "2026-03", ["months: '2026-03' is no list; write it as [ … ] [case.value.type]"]),
    (
        "months",
        ["2026-03", "2026-05"],
        ["months[1]: 2026-05 does not follow 2026-03; name months in a row [case.months.gap]"],
    ),
    (
        "months",
        ["2026-03", "2026-03"],
        ["months[1]: 2026-03 does not follow 2026-03; name months in a row [case.months.gap]"],
    ),
    (
        "months",
        ["March"],
        ["months[0]: 'March' is no month; write it as YYYY-MM, such as '2026-03' [case.month.invalid]"],
    ),
    (
        "computed_at",
        "2026-04-05T00:00:00",
        [
            "computed_at: '2026-04-05T00:00:00' has no offset from UTC; write it like '2026-03-01T00:00:00.000Z' [case.instant.invalid]"
        ],
    ),
    ("computed_at", None, ['computed_at: null is no text; write it as "…" [case.value.type]']),
    ("computed_at", 1775347200000, ['computed_at: 1775347200000 is no text; write it as "…" [case.value.type]']),
    (
        "computed_at",
        "yesterday",
        [
            "computed_at: 'yesterday' is no ISO 8601 instant; write it like '2026-03-01T00:00:00.000Z' [case.instant.invalid]"
        ],
    ),
    (
        "subjects",
        None,
        [
            "subjects: null is no list; write it as [ … ] [case.value.type]",
            "runs[0].subject: 'p1' is no subject; declare it first [case.subject.unknown]",
            "rulings[0].subject: 'p1' is no subject; declare it first [case.subject.unknown]",
        ],
    ),
    (
        "subjects",
        [None],
        [
            "subjects[0]: null is no table; write it as { … } [case.value.type]",
            "runs[0].subject: 'p1' is no subject; declare it first [case.subject.unknown]",
            "rulings[0].subject: 'p1' is no subject; declare it first [case.subject.unknown]",
        ],
    ),
    (
        "subjects.1.id",
        "portal",
        [
            "subjects[1]: 'portal' is in the list already; give each subject its own id [case.subject.duplicate]",
            "runs[0].subject: 'p1' is no subject; use one of: portal [case.subject.unknown]",
            "rulings[0].subject: 'p1' is no subject; use one of: portal [case.subject.unknown]",
        ],
    ),
    (
        "subjects.1.kind",
        "screen",
        [
            "subjects[1].kind: 'screen' is no kind of subject; use one of: platform, player [case.kind.unknown]",
            "runs[0].subject: 'p1' is no subject; use one of: portal [case.subject.unknown]",
            "rulings[0].subject: 'p1' is no subject; use one of: portal [case.subject.unknown]",
        ],
    ),
    (
        "subjects.1.id",
        "",
        [
            "subjects[1].id: '' is no text; write it as \"…\" [case.value.type]",
            "runs[0].subject: 'p1' is no subject; use one of: portal [case.subject.unknown]",
            "rulings[0].subject: 'p1' is no subject; use one of: portal [case.subject.unknown]",
        ],
    ),
    (
        "subjects.1.emission",
        "bar",
        ["subjects[1].emission: 'bar' is no calendar of this file; use one of: always, shop [case.calendar.unknown]"],
    ),
    (
        "subjects.1",
        {"id": "p1", "kind": "player", "active_from": "2026-03-05T00:00:00Z", "active_until": "2026-03-04T00:00:00Z"},
        ["subjects[1]: `active_until` lies before `active_from`; swap them, or correct one [case.active.inverted]"],
    ),
    (
        "subjects.1.actve_from",
        "2026-03-01T00:00:00Z",
        ["subjects[1].actve_from: unknown key; did you mean 'active_from'? [case.key.unknown]"],
    ),
    (
        "subjects.0.active_from",
        "2026-03-01T00:00:00.0001Z",
        [
            "subjects[0].active_from: '2026-03-01T00:00:00.0001Z' is finer than a millisecond; write it like '2026-03-01T00:00:00.000Z' [case.instant.invalid]"
        ],
    ),
    ("runs", GONE, ["runs: is missing; add runs [case.key.missing]"]),
    ("runs", {}, ["runs: {} is no list; write it as [ … ] [case.value.type]"]),
    ("runs.0.subject", "p2", ["runs[0].subject: 'p2' is no subject; use one of: p1, portal [case.subject.unknown]"]),
    (
        "runs.0.state",
        "up",
        [
            "runs[0].state: 'up' is no state of a player; use one of: black, error, frozen, idle, off, playing, stopped, unknown [case.state.unknown]"
        ],
    ),
    (
        "runs.0.state",
        "playin",
        ["runs[0].state: 'playin' is no state of a player; did you mean 'playing'? [case.state.unknown]"],
    ),
    (
        "runs.0.cause",
        "hardwear",
        ["runs[0].cause: 'hardwear' is no cause; did you mean 'hardware'? [case.cause.unknown]"],
    ),
    (
        "runs.0.end",
        "2026-03-01T00:00:00Z",
        ["runs[0]: ends at or before its start; let it end after it starts [case.interval.empty]"],
    ),
    (
        "runs.0.end",
        "2026-02-01T00:00:00Z",
        ["runs[0]: ends at or before its start; let it end after it starts [case.interval.empty]"],
    ),
    ("runs.0.end", None, ['runs[0].end: null is no text; write it as "…" [case.value.type]']),
    ("runs.0.start", GONE, ["runs[0].start: is missing; add start [case.key.missing]"]),
    ("windows.0.kind", GONE, ["windows[0].kind: is missing; add kind [case.key.missing]"]),
    (
        "windows.0.subjects",
        ["kind:server"],
        ["windows[0].subjects[0]: 'kind:server' is no subject; did you mean 'kind:player'? [case.subject.unknown]"],
    ),
    (
        "windows.0.subjects",
        ["p2"],
        [
            "windows[0].subjects[0]: 'p2' is no subject; use one of: *, kind:platform, kind:player, p1, portal [case.subject.unknown]"
        ],
    ),
    ("windows.0.subjects", "*", ["windows[0].subjects: '*' is no list; write it as [ … ] [case.value.type]"]),
    (
        "windows.0.end",
        "2026-03-01T00:00:00Z",
        ["windows[0]: ends at or before its start; let it end after it starts [case.interval.empty]"],
    ),
    (
        "windows.0.announced_at",
        "x",
        [
            "windows[0].announced_at: 'x' is no ISO 8601 instant; write it like '2026-03-01T00:00:00.000Z' [case.instant.invalid]"
        ],
    ),
    (
        "rulings.0.subject",
        "p2",
        ["rulings[0].subject: 'p2' is no subject; use one of: p1, portal [case.subject.unknown]"],
    ),
    (
        "rulings.0.state",
        "down",
        [
            "rulings[0].state: 'down' is no state of a player; use one of: black, error, frozen, idle, off, playing, stopped, unknown [case.state.unknown]"
        ],
    ),
    ("rulings.0.at", GONE, ["rulings[0].at: is missing; add at [case.key.missing]"]),
    (
        "rulings.0.end",
        "2026-03-01T00:00:00Z",
        ["rulings[0]: ends at or before its start; let it end after it starts [case.interval.empty]"],
    ),
    (
        "calendars",
        None,
        [
            "calendars: null is no table; write it as { … } [case.value.type]",
            "subjects[1].emission: 'shop' is no calendar of this file; use one of: always [case.calendar.unknown]",
        ],
    ),
    ("calendars.shop", None, ["calendars.shop: null is no table; write it as { … } [calendar.value.type]"]),
    (
        "calendars.shop.timezone",
        "Here",
        [
            "calendars.shop.timezone: 'Here' is no IANA time zone; use an IANA name such as 'Europe/Madrid' [calendar.timezone.unknown]"
        ],
    ),
    ("calendars.shop.timezone", GONE, ["calendars.shop.timezone: is missing; add timezone [calendar.key.missing]"]),
    (
        "calendars.shop.holidays",
        "ES-Atlantis",
        [
            "calendars.shop.holidays: 'ES-Atlantis' is no region of the holidays package; write country and subdivision, such as 'ES-Barcelona', or 'ES' [calendar.holidays.unknown]"
        ],
    ),
    (
        "calendars.shop.holidays",
        "Spain",
        [
            "calendars.shop.holidays: 'Spain' is no region of the holidays package; write country and subdivision, such as 'ES-Barcelona', or 'ES' [calendar.holidays.unknown]"
        ],
    ),
    ("calendars.shop.holidays", 3, ['calendars.shop.holidays: 3 is no text; write it as "…" [calendar.value.type]']),
    (
        "calendars.shop.closed",
        ["16/03/2026"],
        [
            "calendars.shop.closed[0]: '16/03/2026' is no date; write it as YYYY-MM-DD, such as '2026-03-16' [calendar.date.invalid]"
        ],
    ),
    (
        "calendars.shop.closed",
        [5],
        [
            "calendars.shop.closed[0]: 5 is no date; write it as YYYY-MM-DD, such as '2026-03-16' [calendar.date.invalid]"
        ],
    ),
    (
        "calendars.shop.open",
        {"2026-02-30": []},
        [
            "calendars.shop.open.2026-02-30: '2026-02-30' is no date; write it as YYYY-MM-DD, such as '2026-03-16' [calendar.date.invalid]"
        ],
    ),
    (
        "calendars.shop.open",
        {"2026-03-01": "09:00-18:00"},
        ["calendars.shop.open.2026-03-01: '09:00-18:00' is no list; write it as [ … ] [calendar.value.type]"],
    ),
    ("calendars.shop.open", [], ["calendars.shop.open: [] is no table; write it as { … } [calendar.value.type]"]),
    ("calendars.shop.rules", [{}], ["calendars.shop.rules[0].hours: is missing; add hours [calendar.key.missing]"]),
    (
        "calendars.shop.rules.0.days",
        "mon-fry",
        [
            "calendars.shop.rules[0].days: 'mon-fry' names no days; write 'mon-fri', 'sat,sun' or 'all' [calendar.days.unknown]"
        ],
    ),
    (
        "calendars.shop.rules.0.days",
        "mon-",
        [
            "calendars.shop.rules[0].days: 'mon-' names no days; write 'mon-fri', 'sat,sun' or 'all' [calendar.days.unknown]"
        ],
    ),
    (
        "calendars.shop.rules.0.days",
        5,
        ['calendars.shop.rules[0].days: 5 is no text; write it as "…" [calendar.value.type]'],
    ),
    (
        "calendars.shop.rules.0.hours",
        ["9-18"],
        [
            "calendars.shop.rules[0].hours[0]: '9-18' are no hours; write 'HH:MM-HH:MM', such as '09:00-18:00' [calendar.hours.invalid]"
        ],
    ),
    (
        "calendars.shop.rules.0.hours",
        ["09:00-25:00"],
        [
            "calendars.shop.rules[0].hours[0]: '09:00-25:00' are no hours; write 'HH:MM-HH:MM', such as '09:00-18:00' [calendar.hours.invalid]"
        ],
    ),
    (
        "calendars.shop.rules.0.hours",
        [None],
        ['calendars.shop.rules[0].hours[0]: null is no text; write it as "…" [calendar.value.type]'],
    ),
    (
        "calendars.shop.rules.0.hours",
        ["24:30-01:00"],
        [
            "calendars.shop.rules[0].hours[0]: '24:30-01:00' are no hours; write 'HH:MM-HH:MM', such as '09:00-18:00' [calendar.hours.invalid]"
        ],
    ),
    (
        "calendars.shop.rules.0.from",
        "07-01",
        ["calendars.shop.rules[0]: has only one of `from` and `to`; give both [calendar.rule.half]"],
    ),
    (
        "calendars.shop.rules.0.dates",
        ["02-30"],
        [
            "calendars.shop.rules[0].dates[0]: '02-30' is no day of the year; write it as MM-DD, such as '12-24' [calendar.date.invalid]"
        ],
    ),
    (
        "calendars.shop.rules.0.dates",
        [None],
        ['calendars.shop.rules[0].dates[0]: null is no text; write it as "…" [calendar.value.type]'],
    ),
    (
        "calendars.shop.rules.0",
        {"from": "07-01", "to": "08-31", "dates": ["12-24"], "hours": []},
        ["calendars.shop.rules[0]: has both `from`/`to` and `dates`; make two rules of it [calendar.rule.twice]"],
    ),
    (
        "calendars.shop.rules.0.hour",
        1,
        ["calendars.shop.rules[0].hour: unknown key; did you mean 'hours'? [calendar.key.unknown]"],
    ),
]
BAD_CLOCKS = [
    (
        "target",
        "3 days",
        [
            "target: '3 days' cannot be judged with a calendar: a day of 24 h has no meaning in opening hours; write '90 minutes', '48 hours', '7 business days' (with a calendar) or '3 days' (without one) [case.target.invalid]"
        ],
    ),
    (
        "target",
        "soon",
        [
            "target: 'soon' is no target; write '90 minutes', '48 hours', '7 business days' (with a calendar) or '3 days' (without one) [case.target.invalid]"
        ],
    ),
    ("target", 4, ['target: 4 is no text; write it as "…" [case.value.type]']),
    ("calendar", "shop", ["calendar: 'shop' is no table; write it as { … } [calendar.value.type]"]),
    ("opened_at", GONE, ["opened_at: is missing; add opened_at [case.key.missing]"]),
    (
        "opened_at",
        "9999-12-31T00:00:00Z",
        ["opened_at: lies too far from our times; choose a year from 1900 to 2999 [case.instant.range]"],
    ),
    (
        "at",
        "1800-01-01T00:00:00Z",
        ["at: lies too far from our times; choose a year from 1900 to 2999 [case.instant.range]"],
    ),
    ("pauses", None, ["pauses: null is no list; write it as [ … ] [case.value.type]"]),
    (
        "pauses",
        ["2026-03-01T00:00:00Z"],
        [
            "pauses[0]: '2026-03-01T00:00:00Z' is no list; write it as [ … ] [case.value.type]",
            "pauses[0]: is no pair of instants; write [from, to], or [from, null] while it lasts [case.pause.shape]",
        ],
    ),
    (
        "pauses",
        [["2026-03-01T00:00:00Z"]],
        ["pauses[0]: is no pair of instants; write [from, to], or [from, null] while it lasts [case.pause.shape]"],
    ),
    (
        "pauses",
        [["2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z"]],
        ["pauses[0]: ends at or before its start; let it end after it starts [case.interval.empty]"],
    ),
    (
        "pauses",
        [["x", None]],
        ["pauses[0][0]: 'x' is no ISO 8601 instant; write it like '2026-03-01T00:00:00.000Z' [case.instant.invalid]"],
    ),
    ("pauses", [[None, "2026-03-01T00:00:00Z"]], ['pauses[0][0]: null is no text; write it as "…" [case.value.type]']),
    ("calender", None, ["calender: unknown key; did you mean 'calendar'? [case.key.unknown]"]),
]


def refusal(data: object) -> list[str]:
    with pytest.raises(ContractError) as refused:
        parse_case(data, "x.json")
    return str(refused.value).split("\n")


def test_the_case_that_is_spoilt_below_is_good() -> None:
    parse_case(CASE, "x.json")
    parse_case(CLOCK, "x.json")


@pytest.mark.parametrize(("path", "value", "lines"), BAD_CASES)
def test_a_bad_case_is_refused_with_key_and_remedy(path: str, value: object, lines: list[str]) -> None:
    assert refusal(changed(CASE, path, value)) == [f"x.json: {line}" for line in lines]


@pytest.mark.parametrize(("path", "value", "lines"), BAD_CLOCKS)
def test_a_bad_clock_case_is_refused_with_key_and_remedy(path: str, value: object, lines: list[str]) -> None:
    assert refusal(changed(CLOCK, path, value)) == [f"x.json: {line}" for line in lines]


@pytest.mark.parametrize("data", [None, [], 3, "case"])
def test_what_is_no_object_is_no_case(data: object) -> None:
    assert refusal(data)[0].startswith("x.json: ")


def test_business_days_need_a_calendar() -> None:
    [line] = refusal(CLOCK | {"calendar": None, "target": "7 business days"})
    assert line.startswith("x.json: target: '7 business days' needs a calendar; ")


def test_in_a_large_fleet_the_remedy_does_not_list_everybody() -> None:
    subjects = [{"id": f"p{number}", "kind": "player"} for number in range(100)]
    [line] = refusal(CASE | {"subjects": subjects, "runs": [CASE["runs"][0] | {"subject": "nobody"}]})
    assert line == (
        "x.json: runs[0].subject: 'nobody' is no subject; use one that the file declares [case.subject.unknown]"
    )


def test_null_stands_for_absent_where_a_subject_run_window_or_ruling_may_lack_something() -> None:
    case = copy.deepcopy(CASE)
    case["subjects"][0] |= {"active_from": None, "active_until": None, "emission": None}
    case["runs"][0]["cause"] = None
    case["windows"][0]["announced_at"] = None
    case["rulings"][0] |= {"state": None, "cause": None}
    judged = parse_case(case, "x.json")
    assert judged.subjects["p1"].evidence[0].cause is None
    assert judged.windows[0].announced_at_ms is None


def test_a_subject_that_is_active_for_no_time_is_no_mistake() -> None:
    subject = {"id": "p1", "kind": "player", "active_from": "2026-03-05T00:00:00Z"}
    subject["active_until"] = subject["active_from"]
    parse_case(CASE | {"subjects": [subject]}, "x.json")


def test_a_bad_calendar_names_the_place_where_it_stands() -> None:
    with pytest.raises(ContractError) as refused:
        parse_calendar({"timezone": "UTC", "holiday": "ES"}, "registry.toml", "calendars.shop")
    assert str(refused.value) == (
        "registry.toml: calendars.shop.holiday: unknown key; did you mean 'holidays'? [calendar.key.unknown]"
    )
