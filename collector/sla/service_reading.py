"""PURE. The strict reading of what a contract file says beside its figure (`service.py`; docs/contracts.md)."""

from __future__ import annotations

import re
from typing import Final, cast
from zoneinfo import ZoneInfo

from collector.sla.clock import Target
from collector.sla.declared import (
    Declared,
    declare,
    members,
    read_hours,
    read_identity,
    read_phrase,
    read_phrases,
    read_target,
    text_of,
    warn_of_unused,
    word,
    words,
)
from collector.sla.reading import Table, Value
from collector.sla.service import (
    ALWAYS,
    DEFAULT_FINALISE_AFTER_MS,
    PROJECT,
    Binding,
    ClaimItem,
    Claims,
    ClockStart,
    Credit,
    CreditFrom,
    CreditOf,
    Deadline,
    DeadlineStart,
    Desk,
    Equipment,
    Incidents,
    Owner,
    PauseReason,
    Period,
    PeriodKind,
    Right,
    Service,
    Severity,
    Side,
    SupportHours,
    TargetKind,
    TargetTerm,
)

SERVICE_KEYS: Final = (
    *("guaranteed", "finalise_after", "provider", "customer", "calendars", "tiers", "default_tier", "desks"),
    *("incidents", "severities", "rights", "periods", "claims", "credit", "equipment"),
    *("conditions", "readings", "unsaid"),
)
_BRACE: Final = re.compile(r"[{}]")


def read_service(table: Table, zone: ZoneInfo) -> Service:
    """Read the service tables out of a contract's table; `zone` stands in for a place that nobody named."""
    names = declare(table, zone)
    guaranteed, default_tier = table.get("guaranteed"), table.get("default_tier")
    desks = _desks(table.get("desks"), names)
    severities = _severities(table.get("severities"), names)
    service = Service(
        guaranteed=guaranteed.boolean() is not False if guaranteed else True,
        finalise_after_ms=_finalise_after(table.get("finalise_after")),
        provider=names.parties["provider"],
        customer=names.parties["customer"],
        calendars=names.calendars,
        tiers=names.tiers,
        default_tier=default_tier.choice(names.tiers, "tier.unknown", "tier of this file") if default_tier else None,
        desks=desks,
        incidents=_incidents(table.get("incidents")),
        severities=severities,
        rights=tuple(_right(member, names) for member in members(table.get("rights"))),
        periods=_periods(table.get("periods"), names),
        claims=_claims(table.get("claims")),
        credit=_credit(table.get("credit")),
        equipment=tuple(_equipment(member) for member in members(table.get("equipment"))),
        conditions=read_phrases(table.get("conditions")),
        readings=read_phrases(table.get("readings")),
        unsaid=read_phrases(table.get("unsaid")),
    )
    warn_of_unused(table.get("calendars"), names)
    return service


def _finalise_after(value: Value | None) -> int:
    target = read_target(value, [])
    return DEFAULT_FINALISE_AFTER_MS if target is None else target.run_ms


def _desks(value: Value | None, names: Declared) -> tuple[Desk, ...]:
    for member in members(value):
        table = member.table(required=["id", "name"], optional=["hours", "by_tier"])
        identity = read_identity(member, table, names.desks)
        hours, tiers = table.get("hours"), table.get("by_tier")
        if (hours is None) == (tiers is None):
            remedy = "give `hours` for everyone, or `by_tier`"
            member.refuse("desk.hours", "needs exactly one of `hours` and `by_tier`", remedy)
        by_tier = {}
        for tier, each in tiers.entries() if tiers else ():
            if tier not in names.tiers:
                each.refuse("tier.unknown", f"{tier!r} is no tier of this file", "name it in `tiers`")
            by_tier[tier] = read_hours(each, names) or ALWAYS
        names.desks[identity] = Desk(identity, read_phrase(table.get("name")), read_hours(hours, names), by_tier)
    return tuple(names.desks.values())


def _incidents(value: Value | None) -> Incidents:
    if value is None:
        return Incidents()
    table = value.table(required=[], optional=["clock_starts", "classified_by", "pauses"])
    return Incidents(
        clock_starts=cast("ClockStart | None", word(table, "clock_starts", ClockStart)),
        classified_by=cast("Side | None", word(table, "classified_by", Side)),
        pauses=cast("tuple[PauseReason, ...]", words(table.get("pauses"), PauseReason)),
    )


def _severities(value: Value | None, names: Declared) -> tuple[Severity, ...]:
    return tuple(_severity(member, names) for member in members(value))


def _severity(value: Value, names: Declared) -> Severity:
    table = value.table(required=["id", "name"], optional=["means", "players_over", "players_from", "targets"])
    identity = read_identity(value, table, names.severities)
    names.severities.add(identity)
    over, least, means = table.get("players_over"), table.get("players_from"), table.get("means")
    if over and least:
        value.refuse("severity.twice", "has both `players_over` and `players_from`", "keep one: more than, or at least")
    return Severity(
        id=identity,
        name=read_phrase(table.get("name")),
        means=read_phrase(means) if means else None,
        players_over=over.fraction(1, "a share such as 0.20") if over else None,
        players_from=least.fraction(1, "a share such as 0.20") if least else None,
        targets=tuple(_target_term(member, names) for member in members(table.get("targets"))),
    )


def _target_term(value: Value, names: Declared) -> TargetTerm:
    table = value.table(required=["kind"], optional=["within", "binding", "desk", "hours"])
    desk_value, hours = table.get("desk"), read_hours(table.get("hours"), names)
    desk = desk_value.choice(names.desks, "desk.unknown", "desk of this file") if desk_value else None
    if desk_value and hours:
        value.refuse("target.twice", "has both `desk` and `hours`", "keep the one whose hours its clock runs in")
    clocks: list[SupportHours | None] = [hours]
    if desk is not None:
        clocks = [names.desks[desk].everyone, *names.desks[desk].by_tier.values()]
        clocks = [clock for clock in clocks if clock is not None]
    return TargetTerm(
        kind=cast("TargetKind", word(table, "kind", TargetKind) or "resolution"),
        within=read_target(table.get("within"), clocks),
        binding=cast("Binding | None", word(table, "binding", Binding)),
        desk=desk,
        hours=hours,
    )


def _right(value: Value, names: Declared) -> Right:
    table = value.table(required=["severity", "after"], optional=["hours", "terminate", "fee_percent"])
    severity, terminate, fee = table.get("severity"), table.get("terminate"), table.get("fee_percent")
    hours = read_hours(table.get("hours"), names)
    right = Right(
        severity=(severity.choice(names.severities, "severity.unknown", "severity of this file") if severity else None)
        or "",
        after=read_target(table.get("after"), [hours]) or Target(1, "hours"),
        hours=hours,
        terminate=bool(terminate.boolean()) if terminate else False,
        fee_percent=fee.fraction(100, "a percentage such as 100") if fee else None,
    )
    if not fee and (terminate is None or terminate.data is False):
        value.refuse("right.empty", "grants nothing", "add terminate = true, fee_percent, or both")
    return right


def _periods(value: Value | None, names: Declared) -> tuple[Period, ...]:
    periods: dict[str, Period] = {}
    for member in members(value):
        table = member.table(required=["id", "kind", "what"], optional=["within", "hours"])
        identity = read_identity(member, table, periods)
        hours = read_hours(table.get("hours"), names)
        periods[identity] = Period(
            id=identity,
            kind=cast("PeriodKind", word(table, "kind", PeriodKind) or "deadline"),
            what=read_phrase(table.get("what")),
            within=read_target(table.get("within"), [hours]),
            hours=hours,
        )
    return tuple(periods.values())


def _claims(value: Value | None) -> Claims | None:
    if value is None:
        return None
    table = value.table(required=[], optional=["to", "subject", "names", "report", "claim", "decided_by"])
    names, line, subject = table.get("names"), table.get("subject"), text_of(table, "subject")
    if line is not None and _BRACE.search((subject or "").replace(PROJECT, "")):
        remedy = f"write {PROJECT} where the project's name belongs, and no other braces"
        line.refuse("claims.subject", "holds something in braces that nobody fills in", remedy)
    return Claims(
        to=text_of(table, "to"),
        subject=subject,
        names=cast("tuple[ClaimItem, ...]", words(names, ClaimItem)) if names else None,
        report=_deadline(table.get("report")),
        claim=_deadline(table.get("claim")),
        decided_by=cast("Side | None", word(table, "decided_by", Side)),
    )


def _deadline(value: Value | None) -> Deadline | None:
    if value is None:
        return None
    table = value.table(required=["within", "after"])
    within, after = read_target(table.get("within"), []), word(table, "after", DeadlineStart)
    return Deadline(within, cast("DeadlineStart", after)) if within and after else None


def _credit(value: Value | None) -> Credit | None:
    if value is None:
        return None
    table = value.table(required=[], optional=["of", "deducted_from", "sole_remedy"])
    sole = table.get("sole_remedy")
    return Credit(
        of=cast("CreditOf | None", word(table, "of", CreditOf)),
        deducted_from=cast("CreditFrom | None", word(table, "deducted_from", CreditFrom)),
        sole_remedy=bool(sole.boolean()) if sole else False,
    )


def _equipment(value: Value) -> Equipment:
    table = value.table(required=["what", "owner", "counted"])
    counted = table.get("counted")
    return Equipment(
        what=read_phrase(table.get("what")),
        owner=cast("Owner", word(table, "owner", Owner) or "provider"),
        counted=bool(counted.boolean()) if counted else False,
    )
