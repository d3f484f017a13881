"""PURE. By when an incident must be told, and a discount be claimed."""

from __future__ import annotations

from collector.sla.intervals import Interval
from collector.sla.service import Deadline


def claim_due_ms(deadline: Deadline, incident: Interval, month_end_ms: int) -> int:
    """Last instant (ms since 1970) that is in time, for an incident `[start, end)` in a month that ends then.

    It is counted in whole hours and days of 24 hours, without a pause: agreements say "within 30 days of the incident",
    and nothing of opening hours.
    """
    start_ms, end_ms = incident
    counted_from_ms = {"incident_start": start_ms, "incident_end": end_ms, "month_end": month_end_ms}[deadline.after]
    return counted_from_ms + deadline.within.run_ms
