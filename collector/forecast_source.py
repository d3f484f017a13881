"""What a forecast needs of the ledger: one agreement's subjects, evidence, windows and rulings, as a case."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from collector.figures import agree, current_month
from collector.fleet import place_of
from collector.ledger.decisions_store import read_every_decision
from collector.ledger.registry_store import read_registry
from collector.ledger.run_queries import runs_since
from collector.sla.case import Case, SubjectFile
from collector.sla.contract import Contract
from collector.sla.instants import format_month, local_date, parse_month
from collector.sla.tally import month_span
from collector.sla.timeline import Evidence
from common.config import ConfigError, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from collector.evidence import RunRow
    from collector.figures import Agreement
    from collector.registry.model import Registry
    from wire.topics import Address


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
    """Read one agreement; ConfigError where the registry has none of that name."""
    registry = read_registry(connection)
    agreement = _agreement(registry, wish)
    month = wish.month or current_month(wish.contract, wish.now_ms)
    earliest = parse_month(month) - wish.past_months
    start_ms = month_span(wish.contract, format_month(earliest), wish.now_ms).start_ms
    places = [place_of(subject) for subject, _ in agreement.subjects]
    evidence = _by_place(runs_since(connection, places, start_ms))
    decisions = read_every_decision(connection, registry)[agreement.tenant]
    files = {
        judged.id: SubjectFile(
            judged, evidence.get(place_of(subject), []), list(decisions.rulings.get(subject.key, ()))
        )
        for subject, judged in agreement.subjects
    }
    return Source(
        agreement.tenant,
        Case(
            contract=wish.contract,
            months=_months(wish.contract, files.values(), earliest, month),
            computed_at_ms=wish.now_ms,
            subjects=files,
            windows=decisions.windows,
        ),
    )


def _agreement(registry: Registry, wish: Wish) -> Agreement:
    """The agreement that is meant; ConfigError naming the option and the remedy where it cannot be told."""
    found = agree(registry, {wish.contract_id: wish.contract}).by_key
    tenants = sorted(agreement.tenant for agreement in found.values())
    if not tenants:
        message = f"no subject of the registry is judged by {wish.contract_id!r}"
        remedy = 'name it there as `contract = "…"` with `signwatch registry apply`'
        raise ConfigError(Finding("forecast.contract_unused", "--contract", "", message, remedy))
    tenant = wish.tenant or (tenants[0] if len(tenants) == 1 else "")
    if tenant not in tenants:
        problem = f"{wish.tenant!r} has no subject under {wish.contract_id!r}" if wish.tenant else "is needed"
        raise ConfigError(Finding("forecast.tenant", "--tenant", "", problem, f"use one of: {', '.join(tenants)}"))
    return found[f"{tenant}/{wish.contract_id}"]


def _by_place(rows: Iterable[tuple[Address, RunRow]]) -> dict[tuple[Address, str], list[Evidence]]:
    """Runs in painting order; empty ones paint nothing."""
    found: dict[tuple[Address, str], list[Evidence]] = {}
    for address, row in sorted(rows, key=lambda pair: (pair[1].start_ms, pair[1].spool, pair[1].seq)):
        if row.start_ms < row.end_ms:
            evidence = Evidence(row.start_ms, row.end_ms, row.state, row.cause)
            found.setdefault((address, row.output), []).append(evidence)
    return found


def _months(contract: Contract, files: Iterable[SubjectFile], earliest: int, month: str) -> list[str]:
    """The month asked for and those before it, from the first evidence on: what came before was never watched."""
    last = parse_month(month)
    first_ms = min((file.evidence[0].start_ms for file in files if file.evidence), default=None)
    if first_ms is None:
        return [month]
    day = local_date(contract.timezone, first_ms)
    begun = max(earliest, min(last, day.year * 12 + day.month - 1))
    return [format_month(number) for number in range(begun, last + 1)]
