"""Dossiers without a ledger: small ones by hand, and any case of the specification."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from collector.decisions.model import RulingRecord, WindowRecord, to_ruling
from collector.report.dossier import Announced, Dossier, Member, Run
from collector.report.judge import make_report
from collector.report.model import Report, counts
from collector.sla.availability import judge_month
from collector.sla.case import Case, parse_case
from collector.sla.contract import parse_contract_toml
from collector.sla.instants import parse_instant
from collector.sla.intervals import normalise, total
from collector.sla.tally import Subject, Window, month_span, tally_subject
from collector.sla.terms import Contract
from collector.sla.timeline import Evidence
from tests.fixtures.processes import ROOT

MONTH = "2026-03"
COMPUTED = parse_instant("2026-04-10T00:00:00Z")


def at(text: str) -> int:
    """`14T02:00` → that moment of March 2026, UTC."""
    return parse_instant(f"2026-03-{text}:00Z")


def admira() -> Contract:
    file = ROOT / "contracts" / "admira.toml"
    return parse_contract_toml(file.read_text(encoding="utf-8"), str(file))


def run(start: str, end: str, state: str, cause: str | None = None, **more: Any) -> Run:
    return Run(at(start), at(end), state, cause, **more)


def player(name: str, *runs: Run, rulings: Sequence[RulingRecord] = (), site: str = "") -> Member:
    """One that plays all month but for the runs."""
    base = Run(at("01T00:00") - 86_400_000, at("31T23:00"), "playing")
    return Member(Subject(f"acme/{name}/main", "player"), name, site, sorted([base, *runs], key=_start), rulings)


def _start(each: Run) -> int:
    return each.start_ms


def platform(name: str, *runs: Run) -> Member:
    base = Run(at("01T00:00") - 86_400_000, at("31T23:00"), "up")
    return Member(Subject(f"acme/{name}", "platform"), name, "", sorted([base, *runs], key=_start))


def window(number: int, start: str, end: str, **changes: Any) -> Announced:
    said: dict[str, Any] = {"kind": "planned", "subjects": ("*",), "announced_at_ms": at("01T00:00")}
    said |= {"announced_by": "ana", "why": "new firmware", **changes}
    record = WindowRecord(number, "acme", start_ms=at(start), end_ms=at(end), **said)
    chosen = frozenset(record.subjects)
    return Announced(record, Window(record.kind, chosen, record.start_ms, record.end_ms, record.announced_at_ms))


def ruling(number: int, subject: str, start: str, end: str, **said: Any) -> RulingRecord:
    words = {"state": None, "cause": None, "at_ms": at("20T00:00"), "who": "ana", "why": "as the site says", **said}
    return RulingRecord(number, "acme", subject, at(start), at(end), **words)


def dossier(*members: Member, windows: Sequence[Announced] = (), **changes: Any) -> Dossier:
    said: dict[str, Any] = {"contract": admira(), "computed_at_ms": COMPUTED, "tenant_name": "Acme Retail", **changes}
    return Dossier("acme", contract_id="admira", month=MONTH, members=members, windows=windows, **said)


def report(*members: Member, **changes: Any) -> Report:
    return make_report(dossier(*members, **changes))


def case_of(data: Mapping[str, object]) -> Case:
    case = parse_case(data, "case.json")
    assert isinstance(case, Case)
    return case


def dossier_of(case: Case, month: str) -> Dossier:
    """A case as if it came out of a ledger; windows and rulings are numbered in their order."""
    windows = [Announced(_window(number, each), each) for number, each in enumerate(case.windows, 1)]
    members = [
        Member(
            entry.subject,
            entry.subject.id,
            runs=sorted((Run(*each) for each in entry.evidence), key=lambda each: each.start_ms),
            rulings=sorted(
                (
                    RulingRecord(number, "t", entry.subject.id, *each[:4], each.at_ms, "ana", "why")
                    for number, each in enumerate(entry.rulings, 1)
                ),
                key=lambda each: each.at_ms,
            ),
        )
        for entry in case.subjects.values()
    ]
    others = {}
    for name in case.months:
        span = month_span(case.contract, name, case.computed_at_ms)
        tallies = [
            tally_subject(
                case.contract,
                span,
                each.subject,
                [Evidence(run.start_ms, run.end_ms, run.state, run.cause) for run in each.runs],
                case.windows,
                [to_ruling(ruling) for ruling in each.rulings],
            )
            for each in members
        ]
        others[name] = judge_month(case.contract, span, tallies)
    del others[month]
    return Dossier("t", "T", "c", case.contract, month, case.computed_at_ms, members, windows, others)


def _window(number: int, each: Window) -> WindowRecord:
    subjects = tuple(sorted(each.subjects))
    announced = each.start_ms if each.announced_at_ms is None else each.announced_at_ms
    return WindowRecord(number, "t", each.kind, subjects, each.start_ms, each.end_ms, announced, "ana", "why")


def complaints(told: Report) -> Iterator[str]:
    """What does not add up."""
    for each in (*told.platforms, *told.players):
        sums = dict.fromkeys(("up", "down", "cause", "window", "unknown"), 0)
        for stretch in each.stretches:
            sums[stretch.standing] += stretch.length_ms
        tally, name = each.tally, each.member.subject.id
        if any(before.end_ms > after.start_ms for before, after in pairwise(each.stretches)):
            yield f"{name}: stretches overlap"
        if sum(sums.values()) != tally.counted_ms:
            yield f"{name}: stretches do not fill the counted time"
        if (sums["down"], sums["cause"] + sums["window"]) != (tally.accountable_ms, each.left_out_ms):
            yield f"{name}: {sums} is not what the tally says"
    figure = told.figure
    players = [each for each in told.incidents if each.first.kind == "player"]
    parts = [
        (outage.start_ms, outage.end_ms)
        for each in told.incidents
        if each.first.kind == "platform"
        for outage in each.outages
    ]
    pairs = {
        "players' incidents": (sum(each.sum_ms for each in players), figure.players_downtime_ms),
        "platform's incidents": (total(normalise(parts)), figure.platform_downtime_ms),
        "players' days": (sum(day.players_ms for day in told.days), figure.players_downtime_ms),
        "platform's days": (sum(day.platform_ms for day in told.days), figure.platform_downtime_ms),
        "left out": (
            sum(each.players_ms for each in (*told.causes, *told.windows)),
            sum(each.left_out_ms for each in told.players if counts(each)),
        ),
    }
    yield from (f"{name}: {found} is not {wanted}" for name, (found, wanted) in pairs.items() if found != wanted)
