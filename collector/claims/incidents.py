"""PURE. The incidents that count, each with its deadlines, its failure class and that class's clocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from collector.claims.classes import find_classes
from collector.claims.clocks import Seen, read_class
from collector.claims.model import ClaimIncident, DeadlineKind, DueBy
from collector.report.dossier import Member
from collector.report.incidents import Incident
from collector.report.model import Report, SubjectMonth, counts
from collector.sla.claims import claim_due_ms
from collector.sla.service import Deadline
from wire.states import UP_STATES


def claim_incidents(report: Report, asked_ms: int) -> list[ClaimIncident]:
    """Every incident that lowers the figure, numbered as in the report; those of a kind without weight do not."""
    rules = report.contract.availability
    weights = {"platform": rules.platform_weight, "player": rules.players_weight}
    members = {each.member.subject.id: each.member for each in (*report.platforms, *report.players)}
    fleet = [each for each in report.players if counts(each)]
    return [
        _claim_incident(report, asked_ms, (number, incident), members, fleet)
        for number, incident in enumerate(report.incidents, 1)
        if weights[incident.first.kind]
    ]


def month_deadline(report: Report, asked_ms: int) -> DueBy | None:
    """By when the whole month must be claimed; None where the agreement counts from the incident, or not at all."""
    claims, end_ms = report.contract.service.claims, report.figure.span.end_ms
    if claims is None or claims.claim is None or claims.claim.after != "month_end":
        return None
    due_ms = claim_due_ms(claims.claim, (end_ms, end_ms), end_ms)
    return DueBy("claim", due_ms, asked_ms > due_ms)


def _claim_incident(
    report: Report,
    asked_ms: int,
    numbered: tuple[int, Incident],
    members: Mapping[str, Member],
    fleet: Sequence[SubjectMonth],
) -> ClaimIncident:
    number, incident = numbered
    service, span = report.contract.service, report.figure.span
    start_ms = min([incident.start_ms, *_earlier_starts(report, incident, members)])
    lasts = incident.end_ms == span.counted_until_ms
    kind = incident.first.kind
    affected = len({outage.subject for outage in incident.outages}) if kind == "player" else 0
    players = sum(_is_active(each.member, incident.start_ms) for each in fleet)
    seen = Seen(start_ms, incident.end_ms, lasts)
    classes = find_classes(service.severities, kind, affected, players)
    claims = service.claims
    return ClaimIncident(
        number=number,
        incident=incident,
        start_ms=start_ms,
        began_before=start_ms < span.start_ms or incident.start_ms == span.start_ms,
        lasts=lasts,
        affected=affected,
        players=players,
        classes=tuple(read_class(service, severity, seen) for severity in classes),
        report_by=_due_by(report, asked_ms, "report", claims.report if claims else None, seen),
        claim_by=_due_by(report, asked_ms, "claim", claims.claim if claims else None, seen),
    )


def _earlier_starts(report: Report, incident: Incident, members: Mapping[str, Member]) -> Iterator[int]:
    """When runs began that reach into the month and went down before it: a deadline must not be told too late."""
    start_ms = report.figure.span.start_ms
    for outage in incident.outages:
        if outage.start_ms != start_ms:
            continue
        over = [run for run in members[outage.subject].runs if run.start_ms <= start_ms < run.end_ms]
        if over and over[-1].state not in UP_STATES:  # runs come in painting order: the last one is on top
            yield over[-1].start_ms


def _is_active(member: Member, instant_ms: int) -> bool:
    begins, ends = member.subject.active_from_ms, member.subject.active_until_ms
    return (begins is None or begins <= instant_ms) and (ends is None or instant_ms < ends)


def _due_by(report: Report, asked_ms: int, kind: DeadlineKind, deadline: Deadline | None, seen: Seen) -> DueBy | None:
    if deadline is None or (kind == "claim" and deadline.after == "month_end"):
        return None  # the month's own is told once
    if deadline.after == "incident_end" and seen.lasts:
        return DueBy(kind, None, past=False)
    due_ms = claim_due_ms(deadline, (seen.start_ms, seen.until_ms), report.figure.span.end_ms)
    return DueBy(kind, due_ms, asked_ms > due_ms)
