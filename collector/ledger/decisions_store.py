"""SQL of what people decide: windows and rulings. Each comes with its journal entry, and none is ever edited.

A cancelled window keeps its row; a ruling that was wrong is answered by a later one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec.structs import replace
from sqlalchemy import insert, select, update

from collector.decisions.model import Decisions, RulingRecord, WindowRecord, to_decisions
from collector.decisions.orders import DecisionAnswer, DecisionRequest
from collector.decisions.plan import Plan, make_plan
from collector.ledger import journal
from collector.ledger.registry_store import read_registry
from collector.ledger.schema import rulings, windows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Table

    from collector.registry.model import Registry, Subject


class Decided(NamedTuple):
    """What an order came to, and every tenant's decisions after it."""

    answer: DecisionAnswer
    decisions: Mapping[str, Decisions]


def read_windows(connection: Connection, tenant: str | None = None) -> list[WindowRecord]:
    """Every window, cancelled ones too, in the order of their announcement; of one tenant, or (None) of all."""
    query = select(windows).order_by(windows.c.id)
    found = connection.execute(query if tenant is None else query.where(windows.c.tenant == tenant))
    return [WindowRecord(**{**row, "subjects": tuple(row["subjects"])}) for row in found.mappings()]


def read_rulings(connection: Connection, tenant: str | None = None) -> list[RulingRecord]:
    """Every ruling in the order of their making; of one tenant, or (None) of all."""
    query = select(rulings).order_by(rulings.c.at_ms, rulings.c.id)
    found = connection.execute(query if tenant is None else query.where(rulings.c.tenant == tenant))
    return [RulingRecord(**row) for row in found.mappings()]


def decisions_over(
    connection: Connection, subject: Subject, start_ms: int, end_ms: int
) -> tuple[list[WindowRecord], list[RulingRecord]]:
    """A tenant's windows, and one subject's rulings, that touch `[start_ms, end_ms)`, each in the order made."""
    made = read_windows(connection, subject.tenant)
    query = select(rulings).where(
        rulings.c.subject == subject.key, rulings.c.start_ms < end_ms, rulings.c.end_ms > start_ms
    )
    found = connection.execute(query.order_by(rulings.c.at_ms, rulings.c.id))
    touching = [window for window in made if window.start_ms < end_ms and window.end_ms > start_ms]
    return touching, [RulingRecord(**row) for row in found.mappings()]


def read_decisions(connection: Connection, tenant: str) -> Decisions:
    """What the contract core needs of one tenant: windows that stand, and each subject's rulings in their order."""
    return to_decisions(read_windows(connection, tenant), read_rulings(connection, tenant), read_registry(connection))


def read_every_decision(connection: Connection, registry: Registry | None = None) -> dict[str, Decisions]:
    """The same of every tenant of the registry (None: it is read too), by tenant."""
    registry = read_registry(connection) if registry is None else registry
    announced: dict[str, list[WindowRecord]] = {}
    made: dict[str, list[RulingRecord]] = {}
    for window in read_windows(connection):
        announced.setdefault(window.tenant, []).append(window)
    for ruling in read_rulings(connection):
        made.setdefault(ruling.tenant, []).append(ruling)
    return {
        tenant: to_decisions(announced.get(tenant, ()), made.get(tenant, ()), registry) for tenant in registry.tenants
    }


def decide(connection: Connection, request: DecisionRequest, now_ms: int) -> Decided:
    """Plan an order and, unless it is a dry run, write it, in the caller's transaction. `now_ms` dates it.

    ConfigError where the order cannot be carried out; nothing is written then.
    """
    registry = read_registry(connection)
    plan = make_plan(request, registry, read_windows(connection), now_ms)
    head = journal.head(connection) if request.dry_run else _write(connection, plan, request.who, now_ms)
    answer = DecisionAnswer(
        plan.announced, plan.cancelled, plan.ruled, plan.unchanged, not request.dry_run, str(head), plan.warnings
    )
    return Decided(answer, read_every_decision(connection, registry))


def _write(connection: Connection, plan: Plan, who: str, now_ms: int) -> journal.Head:
    before = {window.id: window for window in read_windows(connection)} if plan.cancelled else {}
    entries = [_window_entry(before[window.id], window) for window in plan.cancelled]
    for window in plan.cancelled:
        cancelled = {"cancelled_at_ms", "cancelled_by", "cancelled_why"}
        values = {name: value for name, value in _values(window).items() if name in cancelled}
        connection.execute(update(windows).where(windows.c.id == window.id).values(**values))
    plan.announced = [replace(window, id=_insert(connection, windows, window)) for window in plan.announced]
    plan.ruled = [replace(ruling, id=_insert(connection, rulings, ruling)) for ruling in plan.ruled]
    entries += [_window_entry(None, window) for window in plan.announced]
    entries += [
        journal.Decision("ruling", f"{ruling.subject}/ruling-{ruling.id}", None, msgspec.to_builtins(ruling))
        for ruling in plan.ruled
    ]
    return journal.append(connection, entries, who, now_ms)


def _window_entry(before: WindowRecord | None, after: WindowRecord) -> journal.Decision:
    was = None if before is None else msgspec.to_builtins(before)
    return journal.Decision(
        f"window.{after.kind}", f"{after.tenant}/window-{after.id}", was, msgspec.to_builtins(after)
    )


def _insert(connection: Connection, table: Table, record: WindowRecord | RulingRecord) -> int:
    """Store a new record; the id that it was given."""
    number: int = connection.execute(insert(table).values(**_values(record)).returning(table.c.id)).scalar_one()
    return number


def _values(record: WindowRecord | RulingRecord) -> dict[str, Any]:
    return {name: value for name, value in msgspec.to_builtins(record).items() if name != "id"}
