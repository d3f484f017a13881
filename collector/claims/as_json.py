"""PURE. A draft as JSON may hold it: times in milliseconds or ISO 8601, shares and money exact (docs/claims.md)."""

from __future__ import annotations

from fractions import Fraction

from collector.claims.draft import claimed_percent
from collector.claims.letter import letter, subject_line
from collector.claims.model import ClaimIncident, ClassReading, Draft, DueBy, Gap
from collector.claims.money import Credit
from collector.claims.voice import Voice
from collector.sla.instants import format_instant
from collector.sla.service import Deadline, Language, TargetTerm
from collector.sla.verdict import Result


def as_json(draft: Draft, language: Language) -> Result:
    """The whole draft as plain data, keys in their order; only `letter` and `letter_subject` are in a language."""
    report, voice = draft.report, Voice.of(draft, language)
    claims, figure = report.contract.service.claims, report.figure
    return {
        "tenant": report.tenant,
        "tenant_name": report.tenant_name,
        "contract": report.contract_id,
        "contract_name": report.contract.name,
        "month": figure.span.month,
        "timezone": report.contract.timezone.key,
        "asked_at": format_instant(draft.asked_ms),
        "revision": None if report.edition is None else report.edition.number,
        "status": report.status,
        "settles_at": format_instant(report.settles_ms),
        "side": draft.side,
        "outcome": draft.outcome,
        "availability": _pair(figure.availability),
        "percent": figure.percent,
        "met": figure.met,
        "coverage": {"players": _pair(figure.players_coverage), "platform": _pair(figure.platform_coverage)},
        "discount_percent": _pair(report.discount.percent),
        "discount_reason": report.discount.reason,
        "claimed_percent": _pair(claimed_percent(report)),
        "credit_of": report.contract.service.credit.of if report.contract.service.credit else None,
        "credit": None if draft.credit is None else _credit(draft.credit),
        "rules": None
        if claims is None
        else {
            "to": claims.to,
            "subject": claims.subject,
            "names": None if claims.names is None else list(claims.names),
            "report": _rule(claims.report),
            "claim": _rule(claims.claim),
            "decided_by": claims.decided_by,
        },
        "month_claim_by": _due_by(draft.month_claim_by),
        "incidents": [_incident(each) for each in draft.incidents],
        "estimated_clock_ms": report.estimated_ms,
        "unknown_ms": dict(report.unknown_ms),
        "missing": [_gap(each) for each in draft.gaps],
        "letter_subject": subject_line(draft, voice),
        "letter": letter(draft, voice),
    }


def _credit(credit: Credit) -> Result:
    return {
        "fee": str(credit.fee.amount),
        "currency": credit.fee.currency,
        "exact": _pair(credit.exact),
        "amount": format(credit.rounded, "f"),
        "rounding": "half_up",
        "decimals": credit.fee.decimals,
    }


def _rule(deadline: Deadline | None) -> Result | None:
    if deadline is None:
        return None
    return {"within": f"{deadline.within.amount} {deadline.within.unit}", "after": deadline.after}


def _due_by(due: DueBy | None) -> Result | None:
    return None if due is None else {"due_at": _instant(due.due_ms), "past": due.past}


def _incident(each: ClaimIncident) -> Result:
    incident = each.incident
    return {
        "number": each.number,
        "kind": incident.first.kind,
        "start": format_instant(each.start_ms),
        "end": format_instant(incident.end_ms),
        "began_before": each.began_before,
        "lasts": each.lasts,
        "downtime_ms": incident.sum_ms,
        "cause": incident.first.cause,
        "states": list(incident.states),
        "estimated_clock": incident.estimated,
        "subjects": list(dict.fromkeys(outage.subject for outage in incident.outages)),
        "affected": each.affected,
        "players": each.players,
        "report_by": _due_by(each.report_by),
        "claim_by": _due_by(each.claim_by),
        "classes": [_class(found) for found in each.classes],
    }


def _class(found: ClassReading) -> Result:
    return {
        "severity": found.severity.id,
        "clocks": [
            {**_term(clock.term), "earliest_due_at": _instant(clock.due_ms), "verdict": clock.verdict}
            for clock in found.clocks
        ],
        "rights": [
            {"right": right.index, "earliest_due_at": _instant(right.due_ms), "verdict": right.verdict}
            for right in found.rights
        ],
    }


def _term(term: TargetTerm) -> Result:
    within = None if term.within is None else f"{term.within.amount} {term.within.unit}"
    return {"kind": term.kind, "within": within, "binding": term.binding}


def _gap(gap: Gap) -> Result:
    return {"id": gap.id, "incidents": list(gap.numbers), **gap.values}


def _instant(instant_ms: int | None) -> str | None:
    return None if instant_ms is None else format_instant(instant_ms)


def _pair(share: Fraction | None) -> list[int] | None:
    return None if share is None else [share.numerator, share.denominator]
