"""What a forecast needs of the ledger: one agreement's subjects, evidence, windows and rulings, as a case."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from collector.figures import current_month
from collector.ledger.decisions_store import read_every_decision
from collector.ledger.registry_store import read_registry
from collector.report.gather import Question, find_agreement
from collector.sla.case import Case, SubjectFile
from collector.sla.instants import format_month, local_date, parse_month
from collector.sla.tally import month_span
from collector.sla.timeline import Evidence
from collector.timelines import rows_between

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from collector.figures import Agreement
    from collector.registry.model import Registry
    from collector.sla.contract import Contract


class Wish(NamedTuple):
    """What is asked for. No `tenant`: the only one that the contract judges; no `month`: the one in progress."""

    contract_id: str
    contract: Contract
    tenant: str
    month: str
    past_months: int
    now_ms: int


class Source(NamedTuple):
    """The case of one tenant; its last month is the one asked for, and its past begins with the first evidence."""

    tenant: str
    case: Case


def read_source(connection: Connection, wish: Wish) -> Source:
    """Read one agreement, as of one moment of the ledger; ConfigError where the registry has none of that name."""
    contract = wish.contract
    registry = read_registry(connection)
    month = wish.month or current_month(contract, wish.now_ms)
    question = Question(wish.contract_id, contract, wish.tenant, month, wish.now_ms)
    agreement = find_agreement(registry, question)
    earliest = parse_month(month) - wish.past_months
    start_ms = month_span(contract, format_month(earliest), wish.now_ms).start_ms
    decisions = read_every_decision(connection, registry)[agreement.tenant]
    files = [
        SubjectFile(judged, runs, list(decisions.rulings.get(subject.key, ())))
        for (subject, judged), runs in zip(
            agreement.subjects, _evidence(connection, registry, agreement, start_ms, wish.now_ms), strict=True
        )
    ]
    case = Case(
        contract=contract,
        months=_months(contract, files, earliest, month),
        computed_at_ms=wish.now_ms,
        subjects={file.subject.id: file for file in files},
        windows=decisions.windows,
    )
    return Source(agreement.tenant, case)


def _evidence(
    connection: Connection, registry: Registry, agreement: Agreement, start_ms: int, end_ms: int
) -> list[list[Evidence]]:
    """The runs of each subject that touch the interval, in painting order."""
    subjects = [subject for subject, _ in agreement.subjects]
    found: list[list[Evidence]] = [[] for _ in subjects]
    for number, start, end, state, cause in rows_between(connection, registry, subjects, start_ms, end_ms):
        found[number].append(Evidence(start, end, state, cause))
    return found


def _months(contract: Contract, files: Collection[SubjectFile], earliest: int, month: str) -> list[str]:
    """The month asked for and those before it, from the first evidence on: what came before was never watched."""
    last = parse_month(month)
    first_ms = min((file.evidence[0].start_ms for file in files if file.evidence), default=None)
    if first_ms is None:
        return [month]
    day = local_date(contract.timezone, first_ms)
    begun = max(earliest, min(last, day.year * 12 + day.month - 1))
    return [format_month(number) for number in range(begun, last + 1)]
