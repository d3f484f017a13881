"""PURE. The strict reading of a case file (SPEC part 5; docs/contracts.md): evidence and terms, ready to be judged."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast, get_args

from collector.sla.calendar import Calendar, read_calendar
from collector.sla.clock import Pause, Target, parse_target
from collector.sla.contract import read_contract, read_month
from collector.sla.instants import FIRST_YEAR, LAST_YEAR, format_month, parse_instant
from collector.sla.intervals import Interval
from collector.sla.reading import Report, Table, Value
from collector.sla.tally import Subject, Window
from collector.sla.terms import Contract
from collector.sla.timeline import Evidence, Ruling
from wire.states import CAUSES, SubjectKind, states_of

KINDS: Final[tuple[SubjectKind, ...]] = get_args(SubjectKind)
_SELECTORS: Final = frozenset({"*", *(f"kind:{kind}" for kind in KINDS)})
_ALWAYS: Final = "always"
_EARLIEST_MS: Final = parse_instant(f"{FIRST_YEAR}-01-02T00:00:00Z")
_LATEST_MS: Final = parse_instant(f"{LAST_YEAR}-12-30T00:00:00Z")


@dataclass(slots=True)
class SubjectFile:
    """A subject with what is said of it, in the order of the file."""

    subject: Subject
    evidence: list[Evidence] = field(default_factory=list)
    rulings: list[Ruling] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Case:
    """A contract, the months to judge by it, and the evidence."""

    contract: Contract
    months: Sequence[str]
    computed_at_ms: int
    subjects: Mapping[str, SubjectFile]
    windows: Sequence[Window]


@dataclass(frozen=True, slots=True)
class ClockCase:
    """An incident's clock, to be read at `at_ms`."""

    calendar: Calendar | None
    opened_at_ms: int
    target: Target
    pauses: Sequence[Pause]
    at_ms: int


def parse_case(data: object, file: str) -> Case | ClockCase:
    """Decoded JSON → case (one with a `target` is a clock's); ContractError with every finding otherwise."""
    report = Report(file)
    value = Value(data, report, "", "case")
    is_clock = isinstance(data, Mapping) and "target" in data
    case = _read_clock_case(value) if is_clock else _read_case(value)
    report.settle()
    return case


def _read_case(value: Value) -> Case:
    table = value.table(
        required=["contract", "months", "computed_at", "subjects", "runs"],
        optional=["case", "calendars", "windows", "rulings", "expect"],
    )
    calendars = table.get("calendars")
    named = (
        {name: read_calendar(_scoped(member, "calendar")) for name, member in calendars.entries()} if calendars else {}
    )
    subjects = _subjects(table.get("subjects"), named)
    _read_runs(table.get("runs"), subjects)
    _read_rulings(table.get("rulings"), subjects)
    contract = table.get("contract") or Value({}, Report(value.report.file), "contract", "contract")
    return Case(
        contract=read_contract(_scoped(contract, "contract")),
        months=_months(table.get("months")),
        computed_at_ms=_instant(table, "computed_at"),
        subjects=subjects,
        windows=_windows(table.get("windows"), subjects),
    )


def _read_clock_case(value: Value) -> ClockCase:
    table = value.table(required=["opened_at", "target", "at"], optional=["case", "calendar", "pauses", "expect"])
    calendar = table.maybe("calendar")
    pauses = table.get("pauses")
    return ClockCase(
        calendar=read_calendar(_scoped(calendar, "calendar")) if calendar else None,
        opened_at_ms=_clock_instant(table, "opened_at"),
        target=_target(table.get("target"), has_calendar=calendar is not None),
        pauses=[_pause(member) for member in pauses.items()] if pauses else [],
        at_ms=_clock_instant(table, "at"),
    )


def _scoped(value: Value, scope: str) -> Value:
    return Value(value.data, value.report, value.key, scope)


def _subjects(value: Value | None, calendars: Mapping[str, Calendar]) -> dict[str, SubjectFile]:
    subjects: dict[str, SubjectFile] = {}
    for member in value.items() if value else ():
        table = member.table(required=["id", "kind"], optional=["active_from", "active_until", "emission"])
        identity = name.text() if (name := table.get("id")) else None
        kind = word.choice(KINDS, "kind.unknown", "kind of subject") if (word := table.get("kind")) else None
        active_from, active_until = _maybe_instant(table, "active_from"), _maybe_instant(table, "active_until")
        if active_from is not None and active_until is not None and active_until < active_from:
            member.refuse("active.inverted", "`active_until` lies before `active_from`", "swap them, or correct one")
        emission = _emission(table.maybe("emission"), calendars)
        if identity is None or kind is None:
            continue
        if identity in subjects:
            member.refuse("subject.duplicate", f"{identity!r} is in the list already", "give each subject its own id")
        subject = Subject(identity, cast("SubjectKind", kind), active_from, active_until, emission)
        subjects[identity] = SubjectFile(subject)
    return subjects


def _emission(value: Value | None, calendars: Mapping[str, Calendar]) -> Calendar | None:
    name = value.choice([_ALWAYS, *calendars], "calendar.unknown", "calendar of this file") if value else None
    return None if name is None or name == _ALWAYS else calendars[name]


def _read_runs(value: Value | None, subjects: Mapping[str, SubjectFile]) -> None:
    for member in value.items() if value else ():
        table = member.table(required=["subject", "start", "end", "state"], optional=["cause", "detail"])
        start, end = _interval(member, table)
        where = _subject(table, subjects)
        state = _state(table.get("state"), where)
        cause = _cause(table)
        if where is not None and state is not None:
            where.evidence.append(Evidence(start, end, state, cause))


def _read_rulings(value: Value | None, subjects: Mapping[str, SubjectFile]) -> None:
    for member in value.items() if value else ():
        table = member.table(
            required=["subject", "start", "end", "at"], optional=["id", "state", "cause", "who", "why"]
        )
        start, end = _interval(member, table)
        where = _subject(table, subjects)
        state = _state(table.maybe("state"), where)
        ruling = Ruling(start, end, state, _cause(table), _instant(table, "at"))
        if where is not None:
            where.rulings.append(ruling)


def _windows(value: Value | None, subjects: Mapping[str, SubjectFile]) -> list[Window]:
    selectors = _SELECTORS | subjects.keys()
    return [_window(member, selectors) for member in value.items()] if value else []


def _window(value: Value, selectors: Collection[str]) -> Window:
    table = value.table(required=["kind", "subjects", "start", "end"], optional=["id", "announced_at"])
    start, end = _interval(value, table)
    kind = table.get("kind")
    chosen = table.get("subjects")
    words = [member.choice(selectors, "subject.unknown", "subject") for member in chosen.items()] if chosen else []
    return Window(
        kind=(kind.text() if kind else None) or "",
        subjects=frozenset(word for word in words if word is not None),
        start_ms=start,
        end_ms=end,
        announced_at_ms=_maybe_instant(table, "announced_at"),
    )


def _subject(table: Table, subjects: Mapping[str, SubjectFile]) -> SubjectFile | None:
    value = table.get("subject")
    name = value.choice(subjects.keys(), "subject.unknown", "subject") if value else None
    return None if name is None else subjects[name]


def _state(value: Value | None, where: SubjectFile | None) -> str | None:
    if value is None or where is None:
        return None
    kind = where.subject.kind
    return value.choice(states_of(kind), "state.unknown", f"state of a {kind}")


def _cause(table: Table) -> str | None:
    value = table.maybe("cause")
    return value.choice(CAUSES, "cause.unknown", "cause") if value else None


def _interval(value: Value, table: Table) -> Interval:
    """`start` and `end` of a member; one that is empty or inverted is refused."""
    start, end = _maybe_instant(table, "start", nullable=False), _maybe_instant(table, "end", nullable=False)
    if start is None or end is None:
        return (0, 0)
    if end <= start:
        value.refuse("interval.empty", "ends at or before its start", "let it end after it starts")
    return (start, end)


def _months(value: Value | None) -> list[str]:
    if value is None:
        return []
    members = list(value.items())
    months = [read_month(member) for member in members]
    if value.data == []:
        value.refuse("months.empty", "names no month", "name at least one, such as '2026-03'")
    for number, (month, following) in enumerate(itertools.pairwise(months), 1):
        if month is not None and following is not None and following != month + 1:
            message = f"{format_month(following)} does not follow {format_month(month)}"
            members[number].refuse("months.gap", message, "name months in a row")
    return [format_month(month) for month in months if month is not None]


def _target(value: Value | None, *, has_calendar: bool) -> Target:
    text = value.text() if value else None
    try:
        return parse_target(text or "1 hour", has_calendar=has_calendar)
    except ValueError as error:
        remedy = "write '90 minutes', '48 hours', '7 business days' (with a calendar) or '3 days' (without one)"
        cast("Value", value).refuse("target.invalid", str(error), remedy)
        return Target(1, "hours")


def _pause(value: Value) -> Pause:
    try:
        first, last = value.items()
    except ValueError:
        value.refuse("pause.shape", "is no pair of instants", "write [from, to], or [from, null] while it lasts")
        return (0, None)
    start, end = read_instant(first), None if last.data is None else read_instant(last)
    if start is None:
        return (0, end)
    if end is not None and end <= start:
        value.refuse("interval.empty", "ends at or before its start", "let it end after it starts")
    return (start, end)


def read_instant(value: Value) -> int | None:
    """An ISO 8601 instant in milliseconds since 1970; None, and a finding, where it is none."""
    text = value.text()
    try:
        return None if text is None else parse_instant(text)
    except ValueError as error:
        remedy = "write it like '2026-03-01T00:00:00.000Z'"
        value.refuse("instant.invalid", f"{text!r} {error}", remedy)
        return None


def _instant(table: Table, name: str) -> int:
    return _maybe_instant(table, name, nullable=False) or 0


def _maybe_instant(table: Table, name: str, *, nullable: bool = True) -> int | None:
    value = table.maybe(name) if nullable else table.get(name)
    return None if value is None else read_instant(value)


def _clock_instant(table: Table, name: str) -> int:
    instant = _instant(table, name)
    value = table.get(name)
    if value and not _EARLIEST_MS <= instant <= _LATEST_MS:
        value.refuse("instant.range", "lies too far from our times", f"choose a year from {FIRST_YEAR} to {LAST_YEAR}")
    return instant
