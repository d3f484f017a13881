"""PURE. A report as JSON may hold it: first the keys of the cases' `expect` (SPEC part 5), then what they are made of.

Times are integer milliseconds, instants ISO 8601 in UTC, shares reduced `[numerator, denominator]`, percentages as in a
case. docs/report.md names every key.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import cast

import msgspec

from collector.report.incidents import Incident, Outage
from collector.report.model import Day, Edition, LeftOut, Report, SubjectMonth, WindowUse
from collector.report.stretches import Stretch
from collector.sla.instants import format_instant
from collector.sla.verdict import Result, judge_figures
from collector.vantage import read_proof


def as_json(report: Report) -> Result:
    """The whole report as plain data, keys in their order."""
    judged = judge_figures(report.contract, report.months)
    months = cast("list[Result]", judged["months"])
    own = next(month for month in months if month["month"] == report.figure.span.month)
    return {
        **own,
        "tenant": report.tenant,
        "tenant_name": report.tenant_name,
        "contract": report.contract_id,
        "contract_name": report.contract.name,
        "timezone": report.contract.timezone.key,
        "computed_at": format_instant(report.computed_at_ms),
        "status": report.status,
        "settles_at": format_instant(report.settles_ms),
        "revision": None if report.edition is None else edition_json(report.edition),
        "months_judged": months,
        "nothing_known_of": list(report.silent),
        **{name: value for name, value in judged.items() if name != "months"},
        "formula": _formula(report),
        "unknown_ms": dict(report.unknown_ms),
        "estimated_clock_ms": report.estimated_ms,
        **_off(report.furthest_off),
        "incidents": [_incident(each, number) for number, each in enumerate(report.incidents, 1)],
        "left_out": [_incident(each, number) for number, each in enumerate(report.left_out, 1)],
        "left_out_causes": [_left_out(each) for each in report.causes],
        "windows": [_window(each) for each in report.windows],
        "rulings": [_times(msgspec.to_builtins(each)) for each in report.rulings],
        "days": [_day(each) for each in report.days],
        "platform_subjects": [_subject(each) for each in report.platforms],
        "player_subjects": [_subject(each) for each in report.players],
    }


def edition_json(edition: Edition) -> Result:
    """Which revision it is."""
    return {
        "number": edition.number,
        "latest": edition.latest,
        "at": format_instant(edition.at_ms),
        "first_at": format_instant(edition.first_at_ms),
        "seal": edition.seal,
        "why": edition.why.en,
        "changes": [change.en for change in edition.changes],
        "waiting": None if edition.waiting is None else edition.waiting.en,
    }


def _formula(report: Report) -> Result:
    figure, rules = report.figure, report.contract.availability
    return {
        "platform_weight": _pair(rules.platform_weight),
        "platform_downtime_ms": figure.platform_downtime_ms,
        "total_ms": figure.span.total_ms,
        "players_weight": _pair(rules.players_weight),
        "players_downtime_ms": figure.players_downtime_ms,
        "players_denominator_ms": _pair(figure.players_denominator_ms),
        "platform_availability": _pair(figure.platform_availability),
        "players_availability": _pair(figure.players_availability),
    }


def _incident(incident: Incident, number: int) -> Result:
    first = incident.first
    return {
        "number": number,
        "kind": first.kind,
        "standing": first.standing,
        "cause": first.cause,
        "window": first.window,
        "states": list(incident.states),
        "start": format_instant(incident.start_ms),
        "end": format_instant(incident.end_ms),
        "downtime_ms": incident.sum_ms,
        "estimated_clock": incident.estimated,
        "rulings": list(incident.rulings),
        "outages": [
            {
                "subject": outage.subject,
                "start": format_instant(outage.start_ms),
                "end": format_instant(outage.end_ms),
                "downtime_ms": outage.length_ms,
                "detail": outage.detail,
                **_votes(outage),
            }
            for outage in incident.outages
        ],
    }


def _votes(outage: Outage) -> Result:
    """The votes that established it, only where there are any: months that were frozen without stay what they were."""
    tally = read_proof(outage.detail) if outage.kind == "platform" else None
    return {} if tally is None else {"votes": {"down": tally.down, "can_tell": tally.votes, "needed": tally.needed}}


def _left_out(each: LeftOut) -> Result:
    return {
        "cause": each.cause,
        "subjects": each.subjects,
        "platform_ms": each.platform_ms,
        "players_ms": each.players_ms,
    }


def _window(use: WindowUse) -> Result:
    return {
        **_times(msgspec.to_builtins(use.record)),
        "not_applied": use.not_applied,
        "platform_ms": use.platform_ms,
        "players_ms": use.players_ms,
    }


def _times(record: dict[str, object]) -> Result:
    """A record of the ledger with its instants readable: `start_ms` → `start`."""
    return {
        name.removesuffix("_ms"): format_instant(value) if name.endswith("_ms") and isinstance(value, int) else value
        for name, value in record.items()
    }


def _day(day: Day) -> Result:
    return {"date": day.date.isoformat(), "platform_ms": day.platform_ms, "players_ms": day.players_ms}


def _subject(each: SubjectMonth) -> Result:
    tally, subject = each.tally, each.member.subject
    return {
        "subject": subject.id,
        "name": each.member.name,
        "site": each.member.site,
        "counted": tally.counted if tally.kind == "player" else True,
        "active_from": None if subject.active_from_ms is None else format_instant(subject.active_from_ms),
        "active_until": None if subject.active_until_ms is None else format_instant(subject.active_until_ms),
        "active_ms": tally.active_ms,
        "counted_ms": tally.counted_ms,
        "known_ms": tally.known_ms,
        "downtime_ms": tally.down_ms,
        "left_out_ms": each.left_out_ms,
        "accountable_ms": tally.accountable_ms,
        "share": _pair(each.share),
        "affected": tally.affected,
        "estimated_clock_ms": each.estimated_ms,
        **_off(each if each.estimated_ms else None),
        "timeline": _timeline(each.stretches),
    }


def _off(each: SubjectMonth | None) -> Result:
    """Only where bounds are known: months that were closed without them stay what they were, byte for byte."""
    return {} if each is None or each.off_ms is None else {"estimated_clock_off_ms": each.off_ms}


def _timeline(stretches: Sequence[Stretch]) -> list[list[object]]:
    """`[start, end, standing, state, cause]` of each stretch of counted time."""
    return [
        [format_instant(each.start_ms), format_instant(each.end_ms), each.standing, each.state, each.cause]
        for each in stretches
    ]


def _pair(share: Fraction | None) -> list[int] | None:
    return None if share is None else [share.numerator, share.denominator]
