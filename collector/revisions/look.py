"""The ledger → what a month would be judged from now.

A month that was closed keeps the contract's text and the holidays of calendars whose rules are the same: neither an
edited file nor a newer library makes a new invoice. A person who closes it again takes them as they are.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from collector.ledger.registry_store import read_registry
from collector.ledger.revision_store import has_every_number, is_contradicted, list_revisions, read_revision
from collector.places import place_of
from collector.registry.model import ALWAYS
from collector.report.gather import Question, find_agreement, gather
from collector.report.judge import make_report
from collector.report.months import months_around
from collector.revisions.closing import Reason, may_close
from collector.revisions.inputs import (
    CalendarEntry,
    FrozenRun,
    FrozenWindow,
    Inputs,
    KnownMonth,
    SubjectEntry,
)
from collector.revisions.papers import from_papers
from collector.sla.contract import Contract, parse_contract_toml
from collector.sla.instants import local_date
from collector.sla.tally import MonthSpan, month_span
from common.config import read_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from collector.registry.model import Calendar as CalendarRecord
    from collector.registry.model import Registry
    from collector.report.dossier import Announced, Dossier, Member, Run
    from collector.revisions.seal import Frozen, Listed
    from collector.sla.availability import MonthFigure
    from collector.sla.calendar import Calendar

# Hours may pass midnight, and a zone may skip a day: the calendar looks that far around (collector/sla/calendar.py).
_AROUND: Final = timedelta(days=3)


class ContractFile(NamedTuple):
    """A contract with the very text that it was read from. `id`: its name in the registry."""

    id: str
    text: str
    contract: Contract


def read_source(name: str, file: str) -> ContractFile:
    """A contract file with its text; ConfigError where it is wrong."""
    text = read_text(Path(file))
    return ContractFile(name, text, parse_contract_toml(text, file))


class Sight(NamedTuple):
    """What the ledger says of a month now.

    `last`: its latest revision. `reason`: why it may be closed by itself, for a month that was not closed yet.
    `figure`: of a month whose time for late evidence is not over.
    """

    inputs: Inputs
    span: MonthSpan
    last: Frozen | None
    reason: Reason | None
    settles_ms: int
    figure: MonthFigure | None = None


def see(
    connection: Connection, file: ContractFile, tenant: str, month: str, now_ms: int, *, anew: bool = False
) -> Sight:
    """Look at one month; ConfigError where there is no such agreement or no evidence.

    `anew`: with the contract and the holidays of today, though the month was closed.
    """
    last = read_revision(connection, tenant, file.id, month)
    if last is not None:  # the clock may have been set back: what stood in it would be left out
        now_ms = max(now_ms, last.manifest.at_ms)
    base = None if last is None or anew else from_papers(last.papers)
    if base is not None:
        file = ContractFile(file.id, base.contract_text, parse_contract_toml(base.contract_text, f"{file.id}.toml"))
    dossier = gather(connection, Question(file.id, file.contract, tenant, month, now_ms, [month]))
    registry = read_registry(connection)
    span = month_span(file.contract, month, now_ms)
    inputs = _inputs(dossier, registry, file, span, base, known_months(connection, file, tenant, month, now_ms))
    settles_ms = span.end_ms + file.contract.service.finalise_after_ms
    reason, figure = _reason(connection, registry, dossier, settles_ms) if last is None else (None, None)
    if reason is not None and is_contradicted(connection, span.end_ms):
        reason = None
    return Sight(inputs, span, last, reason, settles_ms, figure)


def _reason(
    connection: Connection, registry: Registry, dossier: Dossier, settles_ms: int
) -> tuple[Reason | None, MonthFigure | None]:
    """Why the month may be closed by itself. Past its time it may; before, its whole story must be told to know."""
    if dossier.computed_at_ms >= settles_ms:
        return "settled", None

    def complete(subject: str, spool: str, first: int, last: int) -> bool:
        address, _ = place_of(registry.subjects[subject])
        return has_every_number(connection, address, spool, first, last)

    report = make_report(dossier)
    if any(registry.subjects[member.subject.id].votes is not None for member in dossier.members):
        return None, report.figure  # a vantage point that was away may still outvote the others
    return may_close(report, dossier.computed_at_ms, complete), report.figure


def find_tenant(connection: Connection, file: ContractFile, tenant: str, month: str) -> str:
    """The tenant that is meant, "" being the only one; ConfigError where it cannot be told."""
    question = Question(file.id, file.contract, tenant, month, 0)
    return find_agreement(read_registry(connection), question).tenant


def known_months(
    connection: Connection, file: ContractFile, tenant: str, month: str, now_ms: int
) -> tuple[KnownMonth, ...]:
    """The closed months that are judged with this one, each by its latest revision.

    A month that is not closed is not known, though it may be over: its figure may still change by itself.
    """
    around = set(months_around(file.contract, month, now_ms)) - {month}
    if not around:
        return ()
    latest = {listed.manifest.month: listed for listed in list_revisions(connection, tenant, file.id)}
    return tuple(to_known(latest[name]) for name in sorted(around & latest.keys()))


def to_known(listed: Listed) -> KnownMonth:
    """A closed month as other months freeze it."""
    manifest = listed.manifest
    return KnownMonth(manifest.month, manifest.number, listed.seal, manifest.numbers)


def _inputs(
    dossier: Dossier,
    registry: Registry,
    file: ContractFile,
    span: MonthSpan,
    base: Inputs | None,
    months: tuple[KnownMonth, ...],
) -> Inputs:
    members = [member for member in dossier.members if _is_active(member, span)]
    entries = tuple(_entry(member, registry) for member in members)
    known = {entry.subject for entry in entries}
    used = {entry.emission: member for entry, member in zip(entries, members, strict=True) if entry.emission != ALWAYS}
    calendars = {
        name: _calendar(registry.calendars[f"{dossier.tenant}/{name}"], member, span, base)
        for name, member in sorted(used.items())
    }
    return Inputs(
        tenant=dossier.tenant,
        tenant_name=dossier.tenant_name,
        contract_id=file.id,
        contract_text=file.text,
        month=dossier.month,
        closed_at_ms=dossier.computed_at_ms,
        subjects=entries,
        calendars=calendars,
        evidence={member.subject.id: _clip(member.runs, span) for member in members if member.runs},
        windows=tuple(_window(each) for each in dossier.windows if _concerns(each, span, entries)),
        rulings=tuple(
            ruling
            for member in members
            for ruling in member.rulings
            if ruling.subject in known and ruling.start_ms < span.end_ms and ruling.end_ms > span.start_ms
        ),
        months=months,
    )


def _is_active(member: Member, span: MonthSpan) -> bool:
    start, end = member.subject.active_from_ms, member.subject.active_until_ms
    return (start is None or start < span.end_ms) and (end is None or end > span.start_ms)


def _entry(member: Member, registry: Registry) -> SubjectEntry:
    subject = member.subject
    emission = registry.subjects[subject.id].emission if subject.kind == "player" else ALWAYS
    return SubjectEntry(
        subject.id, subject.kind, member.name, member.site, emission, subject.active_from_ms, subject.active_until_ms
    )


def _clip(runs: Sequence[Run], span: MonthSpan) -> tuple[FrozenRun, ...]:
    """The part of each run that lies in the month; a run of the same instant paints nothing and is left out."""
    return tuple(
        FrozenRun(
            run.spool,
            run.seq,
            max(run.start_ms, span.start_ms),
            min(run.end_ms, span.end_ms),
            run.state,
            run.cause,
            run.clock,
            run.detail or None,
            run.off_ms,
        )
        for run in runs
        if run.start_ms < span.end_ms and run.end_ms > span.start_ms
    )


def _window(each: Announced) -> FrozenWindow:
    return FrozenWindow(each.record, tuple(sorted(each.window.subjects)))


def _concerns(each: Announced, span: MonthSpan, entries: Sequence[SubjectEntry]) -> bool:
    """Whether a window touches the month and means one of these subjects."""
    window = each.window
    if window.start_ms >= span.end_ms or window.end_ms <= span.start_ms:
        return False
    kinds = {f"kind:{entry.kind}" for entry in entries}
    return not window.subjects.isdisjoint({"*", *kinds, *(entry.subject for entry in entries)})


def _calendar(record: CalendarRecord, member: Member, span: MonthSpan, base: Inputs | None) -> CalendarEntry:
    """The calendar's rules, and its holidays in the month: those of `base` where the rules are the same."""
    before = base.calendars.get(record.id) if base is not None else None
    if before is not None and before.rules == record.rules:
        return before
    emission = member.subject.emission
    return CalendarEntry(dict(record.rules), {} if emission is None else _holidays(emission, span))


def _holidays(calendar: Calendar, span: MonthSpan) -> dict[str, str]:
    known = calendar.holidays
    if known is None:
        return {}
    day = local_date(calendar.timezone, span.start_ms) - _AROUND
    last = local_date(calendar.timezone, span.end_ms) + _AROUND
    found: dict[str, str] = {}
    while day <= last:
        if day in known:
            found[day.isoformat()] = str(known.get(day) or "")
        day += timedelta(days=1)
    return found
