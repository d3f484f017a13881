"""PURE. By when an incident must be told, and a discount be claimed."""

from __future__ import annotations

from collector.sla.clock import judge_clock
from collector.sla.intervals import Interval
from collector.sla.service import Deadline


def claim_due_ms(deadline: Deadline, incident: Interval, month_end_ms: int) -> int:
    """Last instant (ms since 1970) that is in time, for an incident `[start, end)` in a month that ends then.

    The clock is an unpaused one of 24-hour days: agreements say "within 30 days of the incident", and nothing of hours.
    """
    start_ms, end_ms = incident
    opened_ms = {"incident_start": start_ms, "incident_end": end_ms, "month_end": month_end_ms}[deadline.after]
    due_ms = judge_clock(None, opened_ms, deadline.within, (), opened_ms).due_at_ms
    if due_ms is None:  # an unpaused clock without a calendar always comes due
        raise ValueError(f"{deadline.within} has no end")
    return due_ms
