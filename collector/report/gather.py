"""One agreement and month out of the ledger: registry, runs, windows, rulings → a `Dossier`.

The months around it are judged by the fast road over columns, the month itself run by run, since its story is told.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from collector.decisions.model import to_ruling, to_window
from collector.figures import Agreement, agree
from collector.ledger.clock_bounds import bounds_of
from collector.ledger.decisions_store import read_rulings, read_windows
from collector.ledger.registry_store import read_registry
from collector.places import Place, place_of
from collector.report.dossier import Announced, Dossier, Member, Run
from collector.report.months import months_around, without_silence
from collector.report.progress import Tell, counted, quietly
from collector.sla.columns import Columns
from collector.sla.contract import Contract
from collector.sla.reading import nearest
from collector.sla.sweep import judge_fleet
from collector.sla.tally import MonthSpan, month_span
from collector.timelines import rows_between, runs_between
from common.config import ConfigError, Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from collector.decisions.model import RulingRecord
    from collector.registry.model import Registry, Subject
    from collector.sla.availability import MonthFigure

_APPLY = "`signwatch registry apply`"


class Question(NamedTuple):
    """What is asked for. `tenant` "": the only one that the contract judges. `months` None: those that it takes."""

    contract_id: str
    contract: Contract
    tenant: str
    month: str
    computed_at_ms: int
    months: Sequence[str] | None = None


def gather(connection: Connection, question: Question, tell: Tell = quietly) -> Dossier:
    """Read everything, as of one moment of the ledger; ConfigError where there is no such agreement or evidence."""
    registry = read_registry(connection)
    agreement = find_agreement(registry, question)
    span = month_span(question.contract, question.month, question.computed_at_ms)
    windows = [Announced(record, to_window(record, registry)) for record in read_windows(connection, agreement.tenant)]
    rulings = _by_subject(read_rulings(connection, agreement.tenant))
    runs = _runs(connection, registry, agreement, span, tell)
    outputs = Counter((subject.tenant, subject.device) for subject in registry.subjects.values())
    members = [
        Member(judged, *_names(registry, subject, outputs), runs=runs[number], rulings=rulings.get(subject.key, ()))
        for number, (subject, judged) in enumerate(agreement.subjects)
    ]
    others = _others(connection, registry, agreement, members, windows, question, tell)
    if not any(runs) and not any(each.players_coverage or each.platform_coverage for each in others):
        raise ConfigError(_no_evidence(question, agreement))
    kept, silent = without_silence(others, question.month) if question.months is None else (others, [])
    return Dossier(
        tenant=agreement.tenant,
        tenant_name=registry.tenants[agreement.tenant].name,
        contract_id=question.contract_id,
        contract=question.contract,
        month=question.month,
        computed_at_ms=question.computed_at_ms,
        members=members,
        windows=windows,
        others={each.span.month: each for each in kept if each.span.month != question.month},
        silent=silent,
    )


def find_agreement(registry: Registry, question: Question) -> Agreement:
    """The agreement that is meant; ConfigError naming option and remedy where it cannot be told."""
    name = question.contract_id
    found = agree(registry, {name: question.contract}).by_key
    tenants = sorted(each.tenant for each in found.values())
    if not registry.tenants:
        message = "the registry of this ledger is empty"
        raise ConfigError(Finding("report.registry_empty", "--ledger", "", message, f"register players with {_APPLY}"))
    if not tenants:
        message = f"no subject of the registry is judged by {name!r}"
        used = {subject.contract for subject in registry.subjects.values() if subject.contract}
        remedy = nearest(name, used) if used else f"name it there as `contract` with {_APPLY}"
        raise ConfigError(Finding("report.contract_unused", "--contract", "", message, remedy))
    tenant = question.tenant or (tenants[0] if len(tenants) == 1 else "")
    if tenant not in tenants:
        told = (
            f"{question.tenant!r} has no subject under {name!r}" if question.tenant else "is needed: there are several"
        )
        raise ConfigError(Finding("report.tenant", "--tenant", "", told, f"use one of: {', '.join(tenants)}"))
    return found[f"{tenant}/{name}"]


def _by_subject(records: Sequence[RulingRecord]) -> dict[str, list[RulingRecord]]:
    found: dict[str, list[RulingRecord]] = {}
    for record in records:
        found.setdefault(record.subject, []).append(record)
    return found


def _runs(
    connection: Connection, registry: Registry, agreement: Agreement, span: MonthSpan, tell: Tell
) -> list[list[Run]]:
    """The runs that touch the counted month, by subject, in painting order."""
    subjects = [subject for subject, _ in agreement.subjects]
    runs: list[list[Run]] = [[] for _ in subjects]
    found = runs_between(connection, registry, subjects, span.start_ms, span.counted_until_ms)
    for number, run in counted(found, tell, f"reading the runs of {span.month}"):
        runs[number].append(Run(*run))
    return [_with_bounds(connection, *each) for each in zip(map(place_of, subjects), runs, strict=True)]


def _with_bounds(connection: Connection, place: Place, runs: list[Run]) -> list[Run]:
    """The runs of one place; those of estimated clocks with what they may be off by."""
    if all(run.clock != "estimated" for run in runs):
        return runs
    off_ms = bounds_of(connection, place[0])
    return [replace(run, off_ms=off_ms.get((run.spool, run.seq))) for run in runs]


def _others(
    connection: Connection,
    registry: Registry,
    agreement: Agreement,
    members: Sequence[Member],
    windows: Sequence[Announced],
    question: Question,
    tell: Tell,
) -> list[MonthFigure]:
    """The figures of every month that is asked for or needed, in a row; none where that is the month alone."""
    contract, computed_at_ms = question.contract, question.computed_at_ms
    months = question.months or months_around(contract, question.month, computed_at_ms)
    if len(months) == 1:
        return []
    spans = [month_span(contract, month, computed_at_ms) for month in months]
    subjects = [subject for subject, _ in agreement.subjects]
    rows = rows_between(connection, registry, subjects, spans[0].start_ms, spans[-1].counted_until_ms)
    return judge_fleet(
        contract,
        months,
        computed_at_ms,
        [member.subject for member in members],
        Columns.from_rows(counted(rows, tell, f"reading the runs of {months[0]} to {months[-1]}")),
        [each.window for each in windows if not each.record.is_cancelled],
        {
            number: [to_ruling(ruling) for ruling in member.rulings]
            for number, member in enumerate(members)
            if member.rulings
        },
    )


def _names(registry: Registry, subject: Subject, outputs: Mapping[tuple[str, str], int]) -> tuple[str, str]:
    """How people call a subject, and its site: a player by its device, with the output where the device has several."""
    if not subject.device:
        return subject.name or subject.id, ""
    device = registry.devices.get(f"{subject.tenant}/{subject.device}")
    own = subject.name if subject.name != subject.id else ""
    called = (device.name if device else "") or subject.device
    alone = outputs[subject.tenant, subject.device] == 1
    name = own or (called if alone else f"{called} · {subject.id}")
    site = registry.sites.get(f"{subject.tenant}/{device.site}") if device and device.site else None
    return name, site.name if site else ""


def _no_evidence(question: Question, agreement: Agreement) -> Finding:
    message = f"the ledger holds no evidence of {agreement.tenant} in {question.month}, nor in the months around it"
    remedy = "check --month, and that the players report (`signwatch registry newcomers` shows those under other names)"
    return Finding("report.no_evidence", "--month", "", message, remedy)
