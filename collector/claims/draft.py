"""PURE. A month's report → the draft of a claim about it."""

from __future__ import annotations

from fractions import Fraction

from collector.claims.gaps import find_gaps
from collector.claims.incidents import claim_incidents, month_deadline
from collector.claims.model import Draft, Outcome
from collector.claims.money import Credit, Fee, credit
from collector.report.model import Report
from collector.sla.service import Side


def draft_claim(
    report: Report,
    side: Side = "customer",
    fee: Fee | None = None,
    project: str = "",
    asked_ms: int | None = None,
) -> Draft:
    """Draft the claim as `side` would write it at `asked_ms` (None: when the report was computed)."""
    outcome = find_outcome(report)
    now_ms = report.computed_at_ms if asked_ms is None else asked_ms
    incidents, month_claim_by = claim_incidents(report, now_ms), month_deadline(report, now_ms)
    return Draft(
        report=report,
        asked_ms=now_ms,
        side=side,
        project=project,
        fee=fee,
        outcome=outcome,
        incidents=incidents,
        month_claim_by=month_claim_by,
        credit=_credit(report, outcome, fee),
        gaps=find_gaps(report, incidents, month_claim_by, outcome, fee, project),
    )


def find_outcome(report: Report) -> Outcome:
    """Whether there is anything to claim. A level missed without a table of discounts is a claim without an amount."""
    percent, reason = report.discount.percent, report.discount.reason
    if reason == "no_table":
        return "open"
    if percent is None:
        return "open" if report.contract.guarantee.committed is not None else "nothing"
    return "due" if percent else "nothing"


def claimed_percent(report: Report) -> Fraction | None:
    """The percentage that is due, or that would be where only other months are still open; None: none to tell."""
    if report.discount.reason == "window_open" and report.figure.band is not None:
        return report.figure.band.percent
    return report.discount.percent or None


def _credit(report: Report, outcome: Outcome, fee: Fee | None) -> Credit | None:
    percent = claimed_percent(report)
    return None if fee is None or percent is None or outcome == "nothing" else credit(fee, percent)
