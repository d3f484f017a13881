"""PURE. Frozen inputs judged: the very way by which a closing computes, and by which a customer computes again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from collector.decisions.model import RulingRecord
from collector.report.as_json import as_json
from collector.report.dossier import Announced, Dossier, Member, Run
from collector.report.judge import make_report
from collector.report.model import Report
from collector.revisions.inputs import CalendarEntry, FrozenWindow, Inputs, MonthNumbers, Pair, SubjectEntry
from collector.sla.availability import MonthFigure, pooled_availability
from collector.sla.bands import falls_under, find_band, percent_text
from collector.sla.calendar import Calendar, frozen_holidays, parse_calendar
from collector.sla.contract import parse_contract_toml
from collector.sla.eligibility import is_eligible
from collector.sla.intervals import Interval
from collector.sla.tally import MonthSpan, Subject, Window, month_span
from collector.sla.terms import Contract
from collector.sla.verdict import Result

CONTRACT_FILE = "contract.toml"
REGISTRY_FILE = "registry.json"


@dataclass(frozen=True, slots=True)
class Judged:
    """A report, its plain result, and what depends on this machine's rules of time zones."""

    report: Report
    result: Result
    opening: Mapping[str, tuple[Interval, ...]]  # by calendar

    @property
    def span(self) -> MonthSpan:
        """Give the month as counted."""
        return self.report.figure.span


def recompute(inputs: Inputs) -> Judged:
    """Judge anew; ContractError where contract or calendars cannot be read."""
    contract = parse_contract_toml(inputs.contract_text, CONTRACT_FILE)
    span = month_span(contract, inputs.month, inputs.closed_at_ms)
    calendars = {name: _calendar(name, entry) for name, entry in inputs.calendars.items()}
    report = make_report(_dossier(inputs, contract, calendars))
    opening = {name: tuple(calendar.open_intervals(span.start_ms, span.end_ms)) for name, calendar in calendars.items()}
    result = {name: value for name, value in as_json(report).items() if name != "revision"}
    return Judged(report, result, opening)


def _dossier(inputs: Inputs, contract: Contract, calendars: Mapping[str, Calendar]) -> Dossier:
    rulings: dict[str, list[RulingRecord]] = {}
    for ruling in inputs.rulings:
        rulings.setdefault(ruling.subject, []).append(ruling)
    return Dossier(
        tenant=inputs.tenant,
        tenant_name=inputs.tenant_name,
        contract_id=inputs.contract_id,
        contract=contract,
        month=inputs.month,
        computed_at_ms=inputs.closed_at_ms,
        members=[_member(inputs, entry, calendars, rulings.get(entry.subject, [])) for entry in inputs.subjects],
        windows=[_announced(window) for window in inputs.windows],
        others={
            known.month: to_figure(contract, known.month, known.numbers, inputs.closed_at_ms) for known in inputs.months
        },
        closed=True,
    )


def _member(
    inputs: Inputs, entry: SubjectEntry, calendars: Mapping[str, Calendar], rulings: list[RulingRecord]
) -> Member:
    emission = calendars.get(entry.emission)
    subject = Subject(entry.subject, entry.kind, entry.active_from_ms, entry.active_until_ms, emission)
    runs = [
        Run(run.start_ms, run.end_ms, run.state, run.cause, run.clock, run.detail, run.spool, run.seq, run.off_ms)
        for run in inputs.evidence.get(entry.subject, ())
    ]
    return Member(subject, entry.name, entry.site, runs, rulings)


def _announced(frozen: FrozenWindow) -> Announced:
    record = frozen.window
    chosen = frozenset(frozen.applies_to)
    return Announced(record, Window(record.kind, chosen, record.start_ms, record.end_ms, record.announced_at_ms))


def _calendar(name: str, entry: CalendarEntry) -> Calendar:
    """The calendar with the holidays that it had then, whatever the library says today."""
    rules = {key: value for key, value in entry.rules.items() if key != "holidays"}
    calendar = parse_calendar(rules, REGISTRY_FILE, f"calendars.{name}")
    days = {date.fromisoformat(day): name for day, name in entry.holidays.items()}
    return replace(calendar, holidays=frozen_holidays(days))


def to_numbers(figure: MonthFigure) -> MonthNumbers:
    """A month's figure as its revision tells it to other months."""
    denominator = figure.players_denominator_ms
    return MonthNumbers(
        total_ms=figure.span.total_ms,
        players=figure.players,
        platform_downtime_ms=figure.platform_downtime_ms,
        players_downtime_ms=figure.players_downtime_ms,
        players_denominator_ms=(denominator.numerator, denominator.denominator),
        affected_players=figure.affected_players,
        players_coverage=_pair(figure.players_coverage),
        platform_coverage=_pair(figure.platform_coverage),
        assessable=figure.assessable,
    )


def to_figure(contract: Contract, month: str, numbers: MonthNumbers, closed_at_ms: int) -> MonthFigure:
    """The same as the contract core takes it; the month's length is the one that was frozen."""
    span = replace(month_span(contract, month, closed_at_ms), total_ms=numbers.total_ms, provisional=False)
    denominator = _fraction(numbers.players_denominator_ms) or Fraction(0)
    bare = MonthFigure(
        span=span,
        players=numbers.players,
        platform_downtime_ms=numbers.platform_downtime_ms,
        players_downtime_ms=numbers.players_downtime_ms,
        players_denominator_ms=denominator,
        affected_players=numbers.affected_players,
        players_coverage=_fraction(numbers.players_coverage),
        platform_coverage=_fraction(numbers.platform_coverage),
        assessable=numbers.assessable,
        availability=None,
        platform_availability=_part(numbers.platform_downtime_ms, Fraction(numbers.total_ms)),
        players_availability=_part(numbers.players_downtime_ms, denominator),
        percent=None,
        met=None,
        band=None,
        eligible=is_eligible(contract.eligibility, numbers.affected_players or 0, numbers.players),
    )
    availability, committed = pooled_availability(contract, [bare]), contract.guarantee.committed
    reached = committed is not None and not falls_under(availability, committed, contract.rounding)
    return replace(
        bare,
        availability=availability,
        percent=percent_text(availability, contract.rounding),
        met=reached if committed is not None and numbers.assessable else None,
        band=find_band(contract, availability),
    )


def _part(down_ms: int, whole_ms: Fraction) -> Fraction:
    return max(Fraction(0), 1 - down_ms / whole_ms) if whole_ms else Fraction(1)


def _pair(share: Fraction | None) -> Pair | None:
    return None if share is None else (share.numerator, share.denominator)


def _fraction(pair: Pair | None) -> Fraction | None:
    return None if pair is None else Fraction(*pair)
