"""PURE. The times that an agreement promises for a failure class, read at one incident, as far as that can be done.

Evidence tells when players stopped and when they played again. It does not tell when the provider was notified, when
somebody answered, or when a third party was waited for. A clock that begins with a notice cannot begin before the
incident, and pauses only move its end later; so `due_ms` is the earliest it can be: what ended by then was in time.
"""

from __future__ import annotations

from typing import NamedTuple

from collector.claims.model import ClassReading, ClockReading, ClockVerdict, RightReading
from collector.sla.clock import Target, judge_clock
from collector.sla.service import Right, Service, Severity, SupportHours, TargetTerm


class Seen(NamedTuple):
    """An incident as its clocks see it: evidence reaches to `until_ms`, and it had ended then unless it `lasts`."""

    start_ms: int
    until_ms: int
    lasts: bool


def read_class(service: Service, severity: Severity, seen: Seen) -> ClassReading:
    """Every time that is promised for the class, and the rights that it gives."""
    return ClassReading(
        severity=severity,
        clocks=tuple(_read_target(service, term, seen) for term in severity.targets),
        rights=tuple(
            _read_right(service, index, right, seen)
            for index, right in enumerate(service.rights)
            if right.severity == severity.id
        ),
    )


def is_exact(service: Service) -> bool:
    """Whether evidence alone tells when a clock begins and that it never stands still."""
    return service.incidents.clock_starts == "incident" and not service.incidents.pauses


def _read_target(service: Service, term: TargetTerm, seen: Seen) -> ClockReading:
    if term.within is None:
        return ClockReading(term, None, "no_number")
    hours = service.target_hours(term)
    if hours is None:
        return ClockReading(term, None, "not_served")
    due_ms = _due(hours, term.within, seen)
    verdict: ClockVerdict = "no_evidence" if term.kind == "response" else _verdict(service, due_ms, seen)
    return ClockReading(term, due_ms, verdict, stand_in=bool(hours.zone_of or hours.holidays_of))


def _read_right(service: Service, index: int, right: Right, seen: Seen) -> RightReading:
    due_ms = _due(right.hours, right.after, seen)
    return RightReading(index, due_ms, _verdict(service, due_ms, seen))


def _due(hours: SupportHours | None, within: Target, seen: Seen) -> int | None:
    calendar = None if hours is None else hours.calendar
    return judge_clock(calendar, seen.start_ms, within, (), seen.until_ms).due_at_ms


def _verdict(service: Service, due_ms: int | None, seen: Seen) -> ClockVerdict:
    """Whether it was mended in time; exactly at the deadline is (SPEC part 3)."""
    if due_ms is None:
        return "never_due"
    if seen.until_ms > due_ms:
        return "late" if is_exact(service) else "depends"
    return "running" if seen.lasts else "in_time"
