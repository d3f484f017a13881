"""PURE. What a claim still lacks: what the agreement leaves open, what no evidence tells, what is past or not final.

Each gap has a stable id; the order is that of importance to whoever is about to send the claim.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from collector.claims.clocks import is_exact
from collector.claims.model import ClaimIncident, DueBy, Gap, Outcome
from collector.claims.money import Fee
from collector.report.model import Report
from collector.sla.service import PROJECT


def find_gaps(
    report: Report,
    incidents: Sequence[ClaimIncident],
    month_claim_by: DueBy | None,
    outcome: Outcome,
    fee: Fee | None,
    project: str,
) -> list[Gap]:
    """Everything that is missing, the gravest first."""
    wanted = outcome != "nothing"
    return [
        *_about_the_agreement(report),
        *_about_the_month(report),
        *(_about_deadlines(report, incidents, month_claim_by) if wanted else ()),
        *(_about_the_letter(report, incidents, project) if wanted else ()),
        *(_about_money(report, fee) if wanted else ()),
        *_about_clocks(report, incidents),
        *_about_incidents(incidents),
        *_about_evidence(report),
    ]


def _about_the_agreement(report: Report) -> Iterator[Gap]:
    contract = report.contract
    if not contract.service.guaranteed:
        yield Gap("no_guarantee")
    elif contract.guarantee.committed is None:
        yield Gap("no_level")
    elif not contract.discounts:
        yield Gap("no_table")


def _about_the_month(report: Report) -> Iterator[Gap]:
    if report.status == "in_progress":
        yield Gap("in_progress", values={"until_ms": report.figure.span.end_ms})
    if report.status == "settling":
        yield Gap("settling", values={"until_ms": report.settles_ms})
    if not report.figure.assessable:
        yield Gap("coverage")
    if report.discount.reason == "window_open":
        yield Gap("window_open")
    if report.silent:
        yield Gap("silent")


def _about_deadlines(report: Report, incidents: Sequence[ClaimIncident], month: DueBy | None) -> Iterator[Gap]:
    claims = report.contract.service.claims
    if claims is None:
        return
    if claims.claim is None:
        yield Gap("no_claim_deadline")
    if month is not None and month.past:
        yield Gap("claim_month_past", values={"due_ms": month.due_ms or 0})
    if past := _numbers(each for each in incidents if each.claim_by is not None and each.claim_by.past):
        yield Gap("claim_past", past)
    dues = [each.due_ms for each in (month, *(found.claim_by for found in incidents)) if each is not None]
    first = min((due for due in dues if due is not None), default=None)
    if report.status != "complete" and first is not None and first < report.settles_ms:
        yield Gap("settles_later", values={"due_ms": first, "settles_ms": report.settles_ms})
    if claims.report is not None and incidents:
        yield Gap("report_unproven", _numbers(incidents))
    if past := _numbers(each for each in incidents if each.report_by is not None and each.report_by.past):
        yield Gap("report_past", past)


def _about_the_letter(report: Report, incidents: Sequence[ClaimIncident], project: str) -> Iterator[Gap]:
    claims = report.contract.service.claims
    if claims is None:
        yield Gap("no_claims")
        return
    if claims.to is None:
        yield Gap("no_address")
    if claims.names is None:
        yield Gap("no_names")
    names = claims.names or ()
    if not project and ("project" in names or PROJECT in (claims.subject or "")):
        yield Gap("project")
    if "services" in names:
        yield Gap("services")
    sites = {each.member.subject.id: each.member.site for each in report.players}
    if "sites" in names:
        siteless = (each for each in incidents if any(not sites.get(one.subject) for one in each.incident.outages))
        if numbers := _numbers(siteless):
            yield Gap("sites", numbers)


def _about_money(report: Report, fee: Fee | None) -> Iterator[Gap]:
    if not report.contract.discounts:
        return
    credit = report.contract.service.credit
    if credit is None or credit.of is None:
        yield Gap("credit_of")
    if fee is None:
        yield Gap("fee")


def _about_clocks(report: Report, incidents: Sequence[ClaimIncident]) -> Iterator[Gap]:
    service = report.contract.service
    clocks = [(each, clock) for each in incidents for found in each.classes for clock in found.clocks]
    dues = [clock.due_ms for _, clock in clocks]
    dues += [right.due_ms for each in incidents for found in each.classes for right in found.rights]
    if any(due is not None for due in dues) and not is_exact(service):
        if service.incidents.clock_starts != "incident":
            yield Gap("clock_start")
        if service.incidents.pauses:
            yield Gap("pauses")
    if numbers := _numbers(each for each in incidents if len(each.classes) > 1):
        yield Gap("class_open", numbers)
    if numbers := _numbers(each for each in incidents if len(each.classes) == 1 and each.affected):
        yield Gap("class_words", numbers)
    for verdict in ("no_number", "not_served"):
        if any(clock.verdict == verdict for _, clock in clocks):
            yield Gap("no_numbers" if verdict == "no_number" else "not_served")
    if any(clock.stand_in for _, clock in clocks):
        yield Gap("stand_in")


def _about_incidents(incidents: Sequence[ClaimIncident]) -> Iterator[Gap]:
    if numbers := _numbers(each for each in incidents if each.began_before):
        yield Gap("began_before", numbers)
    if numbers := _numbers(each for each in incidents if each.lasts):
        yield Gap("lasts", numbers)


def _about_evidence(report: Report) -> Iterator[Gap]:
    if any(report.unknown_ms.values()):
        yield Gap("unknown_time", values=dict(report.unknown_ms))
    if report.estimated_ms:
        yield Gap("estimated", values={"length_ms": report.estimated_ms})
    if report.figure.band is not None and not report.figure.band.literal:
        yield Gap("reading")


def _numbers(incidents: Iterable[ClaimIncident]) -> tuple[int, ...]:
    return tuple(each.number for each in incidents)
