"""PURE. An incident's clock (SPEC part 3): how long it has run, and when it must be answered.

It runs in a calendar (none: always) and stands in its pauses, `[from, to)`, united; a pause without end lasts still.
`due_at` is the first instant at which it has run for its target; exactly at `due_at` is in time. Business days are
counted in open dates, pauses notwithstanding. A deadline that two centuries do not bring is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from collector.sla.calendar import Calendar
from collector.sla.instants import DAY_MS, HOUR_MS, MINUTE_MS, local_date, local_ms
from collector.sla.intervals import Interval, clip, normalise, subtract, total

Unit = Literal["minutes", "hours", "days", "business days"]
Pause = tuple[int, int | None]

_TARGET: Final = re.compile(r"(?P<amount>[1-9][0-9]{0,8}) (?P<unit>minute|hour|day|business day)s?")
_UNIT_MS: Final = {"minutes": MINUTE_MS, "hours": HOUR_MS, "days": DAY_MS, "business days": DAY_MS}
_CENTURY_MS: Final = 36_525 * DAY_MS
_HORIZON_MS: Final = 2 * _CENTURY_MS
_FIRST_LOOK_MS: Final = 32 * DAY_MS


@dataclass(frozen=True, slots=True)
class Target:
    """What was promised: so many minutes, hours, days of 24 h, or business days."""

    amount: int
    unit: Unit

    @property
    def run_ms(self) -> int:
        """Milliseconds that the clock may run (business days: of 24 h, for the limit only)."""
        return self.amount * _UNIT_MS[self.unit]


@dataclass(frozen=True, slots=True)
class ClockFigure:
    """`due_at_ms` None: no deadline as things stand. `elapsed_ms`: run so far. `breached`: it is after the deadline."""

    due_at_ms: int | None
    elapsed_ms: int
    breached: bool


def parse_target(text: str, *, has_calendar: bool) -> Target:
    """`90 minutes`, `48 hours`, `3 days`, `7 business days` → target; ValueError where it cannot be judged."""
    match = _TARGET.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no target")
    unit: Unit = f"{match['unit']}s"  # type: ignore[assignment]  # the pattern allows these only
    target = Target(int(match["amount"]), unit)
    if target.run_ms > _CENTURY_MS:
        raise ValueError(f"{text!r} is over a century")
    if unit == "business days" and not has_calendar:
        raise ValueError(f"{text!r} needs a calendar")
    if unit == "days" and has_calendar:
        raise ValueError(f"{text!r} cannot be judged with a calendar: a day of 24 h has no meaning in opening hours")
    return target


def judge_clock(
    calendar: Calendar | None, opened_at_ms: int, target: Target, pauses: Iterable[Pause], at_ms: int
) -> ClockFigure:
    """The clock of an incident, read at `at_ms`."""
    stops = list(pauses)
    if target.unit == "business days":
        due = None if calendar is None else _business_due(calendar, opened_at_ms, target.amount)
    else:
        due = _running_due(calendar, opened_at_ms, target.run_ms, stops)
    elapsed = total(_running(calendar, opened_at_ms, at_ms, stops))
    return ClockFigure(due, elapsed, breached=due is not None and at_ms > due)


def _running(calendar: Calendar | None, start_ms: int, end_ms: int, pauses: Sequence[Pause]) -> list[Interval]:
    """When the clock runs within `[start_ms, end_ms)`."""
    if start_ms >= end_ms:
        return []
    everything = [(start_ms, end_ms)] if calendar is None else calendar.find_open(start_ms, end_ms)
    stops = normalise((start, end_ms if end is None else end) for start, end in pauses)
    return subtract(everything, clip(stops, start_ms, end_ms))


def _running_due(calendar: Calendar | None, opened_at_ms: int, run_ms: int, pauses: Sequence[Pause]) -> int | None:
    """The first instant at which the clock has run for `run_ms`; looks ahead in growing steps."""
    left = run_ms
    for start, end in _steps(calendar, opened_at_ms, pauses):
        for begin, stop in _running(calendar, start, end, pauses):
            if stop - begin >= left:
                return begin + left
            left -= stop - begin
    return None


def _steps(calendar: Calendar | None, opened_at_ms: int, pauses: Sequence[Pause]) -> Iterator[Interval]:
    """Stretches to look for the deadline in: up to where the clock stands for good."""
    forever = [start for start, end in pauses if end is None]
    limit = min([opened_at_ms + _HORIZON_MS, *forever])
    if calendar is None:
        yield opened_at_ms, limit
        return
    start, step = opened_at_ms, _FIRST_LOOK_MS
    while start < limit and not calendar.never_opens_after(local_date(calendar.timezone, start) - timedelta(days=3)):
        end = min(limit, start + step)
        yield start, end
        start, step = end, step * 2


def _business_due(calendar: Calendar, opened_at_ms: int, amount: int) -> int | None:
    """The local midnight that ends the `amount`-th open date after the local date of `opened_at_ms`."""
    opened = local_date(calendar.timezone, opened_at_ms)
    day, left = opened, amount
    while day - opened < timedelta(milliseconds=_HORIZON_MS) and not calendar.never_opens_after(day):
        day = _next(day)
        left -= bool(calendar.hours(day))
        if left == 0:
            return local_ms(calendar.timezone, _next(day))
    return None


def _next(day: date) -> date:
    return day + timedelta(days=1)
