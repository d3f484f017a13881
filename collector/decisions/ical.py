"""PURE. iCalendar text (RFC 5545) → the occurrences of its events: recurrences, exceptions, time zones.

`icalendar` reads, `recurring-ical-events` unfolds RRULE, RDATE, EXDATE and RECURRENCE-ID. What would have to be
guessed is refused: a time without a zone (unless the caller names one), a zone that is neither known nor described in
the file. Events are left out with a warning where they are tentative, or as long as nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final

import recurring_ical_events
from icalendar import Calendar, Component

from collector.decisions.orders import Occurrence
from collector.sla.instants import format_instant
from common.clock import to_datetime, to_ms
from common.config import ConfigError, Finding

_AROUND: Final = timedelta(days=2)  # times without zone are compared as if they were UTC
_TOO_OFTEN: Final = frozenset({"SECONDLY", "MINUTELY"})
_TIMES: Final = ("DTSTART", "DTEND", "RECURRENCE-ID")
_SHOWN: Final = 80


@dataclass(slots=True)
class Reading:
    """What a file says: occurrences by start, and what was left out (warnings)."""

    occurrences: list[Occurrence] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)


def read_ical(text: str, file: str, from_ms: int, until_ms: int, zone: tzinfo | None = None) -> Reading:
    """The occurrences that begin within `[from_ms, until_ms)`; ConfigError where the file cannot be trusted.

    `zone` is where whole days and times without a zone are; None: they are refused.
    """
    calendars = _parse(text, file)
    events = [event for calendar in calendars for event in calendar.walk("VEVENT")]
    findings = [finding for event in events for finding in _findings(event, file, zone)]
    if not events:
        findings.append(Finding("ical.empty", file, "", "holds no event", "export the calendar with its events"))
    if findings:
        raise ConfigError(*findings)
    reading = Reading()
    for event in _unfold(calendars, file, from_ms, until_ms):
        _read_event(event, reading, file, (from_ms, until_ms), zone)
    reading.occurrences.sort(key=lambda found: (found.start_ms, found.uid))
    return reading


def _parse(text: str, file: str) -> list[Calendar]:
    try:
        return Calendar.from_ical(text, multiple=True)
    except ValueError as error:
        message = f"is no iCalendar file: {_shown(error)}"
        raise ConfigError(Finding("ical.invalid", file, "", message, "export it anew as .ics (RFC 5545)")) from None


def _unfold(calendars: list[Calendar], file: str, from_ms: int, until_ms: int) -> Iterator[Any]:
    first, last = to_datetime(from_ms) - _AROUND, to_datetime(until_ms) + _AROUND
    for calendar in calendars:
        try:
            yield from recurring_ical_events.of(calendar).between(first, last)
        except (ValueError, LookupError, TypeError, ArithmeticError) as error:
            message = f"holds a recurrence that cannot be followed: {_shown(error)}"
            raise ConfigError(Finding("ical.recurrence", file, "", message, "mend that event")) from None


def _findings(event: Component, file: str, zone: tzinfo | None) -> Iterator[Finding]:
    """What makes an event unusable."""
    where = f"event {_text(event, 'UID') or _text(event, 'SUMMARY') or '?'}"
    for name, problem in event.errors:
        yield Finding("ical.value", file, f"{where}: {name}", _shown(problem), "mend it")
    if event.errors:
        return
    if not _text(event, "UID"):
        yield Finding("ical.uid", file, where, "has no UID", "give it one: by that a later import knows it again")
    if "DTSTART" not in event:
        yield Finding("ical.start", file, where, "has no DTSTART", "give it a start")
        return
    for rule in _rules(event):
        if _TOO_OFTEN & {str(each).upper() for each in rule.get("FREQ", ())}:
            yield Finding(
                "ical.often", file, f"{where}: RRULE", "recurs every minute or oftener", "let it last instead"
            )
    for name in _TIMES:
        yield from _zone_findings(event, name, file, where, zone)


def _zone_findings(event: Component, name: str, file: str, where: str, zone: tzinfo | None) -> Iterator[Finding]:
    value: Any = event.get(name)
    if value is None:
        return
    moment, named = value.dt, value.params.get("TZID")
    if not isinstance(moment, date):
        yield Finding("ical.value", file, f"{where}: {name}", "is no instant", "write a date, or a date and a time")
    elif isinstance(moment, datetime) and moment.tzinfo is None and named:
        message = f"is in the zone {named!r}, which is neither known nor described in the file"
        yield Finding("ical.zone.unknown", file, f"{where}: {name}", message, "use an IANA name, or add its VTIMEZONE")
    elif zone is None and (not isinstance(moment, datetime) or moment.tzinfo is None):
        what = "is a time without a zone" if isinstance(moment, datetime) else "is a whole day without a zone"
        remedy = "say where that is: --timezone Europe/Madrid"
        yield Finding("ical.zone.missing", file, f"{where}: {name}", what, remedy)


def _rules(event: Component) -> list[Any]:
    rules: Any = event.get("RRULE", [])
    return rules if isinstance(rules, list) else [rules]


def _read_event(event: Component, reading: Reading, file: str, span: tuple[int, int], zone: tzinfo | None) -> None:
    start_ms, end_ms = _instant(_moment(event, "DTSTART"), zone), _instant(_moment(event, "DTEND"), zone)
    if not span[0] <= start_ms < span[1]:
        return
    uid, status, which = _text(event, "UID"), _text(event, "STATUS").upper(), _moment(event, "RECURRENCE-ID")
    if status != "CANCELLED" and (status == "TENTATIVE" or end_ms == start_ms):
        tentative = status == "TENTATIVE"
        message = f"{'is tentative' if tentative else 'has no length'}, so it is left out"
        remedy = "confirm it first" if tentative else "give it a DTEND or a DURATION"
        place = f"event {uid} at {format_instant(start_ms)}"
        reading.warnings.append(Finding("ical.left_out", file, place, message, remedy, "warning"))
        return
    name = format_instant(_instant(which, zone)) if isinstance(which, datetime) else which.isoformat()
    why = " ".join(_text(event, "SUMMARY").split()) or f"event {uid}"
    reading.occurrences.append(Occurrence(uid, name, start_ms, end_ms, why, cancelled=status == "CANCELLED"))


def _moment(event: Component, name: str) -> date:
    """A date or a datetime; unfolded occurrences have all three."""
    value: Any = event[name]
    moment: date = value.dt
    return moment


def _instant(moment: date, zone: tzinfo | None) -> int:
    """Milliseconds since 1970; a local time that occurs twice is the first, a skipped one has the offset before."""
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=zone)
    elif moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return to_ms(moment)


def _text(event: Component, name: str) -> str:
    return str(event.get(name, "")).strip()


def _shown(problem: object) -> str:
    text = " ".join(str(problem).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
