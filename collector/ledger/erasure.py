"""SQL of a tenant's erasure: every row that is the tenant's, in one transaction with the journal entry that says so.

Whose a row is follows from its columns (`_mine`); a table that nobody can tell of is refused, and a test holds that
there is none. The journal's entries about the tenant lose their content and keep their place in the chain (chain.py).
What is erased is overwritten: `secure_delete` zeroes it in its page, and the `VACUUM` that follows (`Ledger.compact`)
writes the file anew without what page splits may have left behind.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from sqlalchemy import delete, func, or_, select

from collector.erasure.model import ERASURE_FINISHED, Certificate, Erased, EraseRequest, Finished
from collector.ledger import journal, schema
from collector.ledger.chain import ERASED, stub
from signwatch import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, Table

KEPT: Final = frozenset({schema.journal.name, schema.journal_head.name})  # redacted, not erased
_LAST: Final = (schema.alerts, schema.devices)  # others are found through them
_ROWS_AT_ONCE: Final = 5000


class UnclassifiedTableError(Exception):
    """A table of which nobody can tell whose its rows are."""


class Past(NamedTuple):
    """An erasure as the journal tells it."""

    entry: journal.Entry
    finished: Finished | None


def count(connection: Connection, tenant: str) -> dict[str, int]:
    """How many rows of each table are the tenant's; tables without any are left out."""
    counts = {
        table.name: connection.execute(select(func.count()).select_from(table).where(mine)).scalar_one()
        for table, mine in _owned(tenant)
    }
    return {name: rows for name, rows in counts.items() if rows}


def erase(connection: Connection, request: EraseRequest, forced: Sequence[str], at_ms: int) -> int:
    """Erase everything of the tenant, in the caller's transaction; the number of the entry that says so."""
    tenant = request.tenant
    rows, digest = count(connection, tenant), _digest(connection, tenant)
    start_ms, end_ms = _evidence(connection, tenant)
    before = journal.head(connection)
    redacted = journal.about(connection, tenant, but={ERASED, ERASURE_FINISHED})
    for table, mine in _owned(tenant):
        connection.execute(delete(table).where(mine))
    erased = Erased(
        tenant=tenant,
        why=request.why,
        forced=list(forced),
        rows=rows,
        content_sha256=digest,
        evidence_from_ms=start_ms,
        evidence_until_ms=end_ms,
        redacted=[(link.id, stub(link)) for link in redacted],
        head_before=str(before),
    )
    decision = journal.Decision(ERASED, tenant, None, msgspec.to_builtins(erased))
    number = journal.append(connection, [decision], request.who, at_ms).entries
    journal.redact(connection, redacted, number)
    return number


def finish(connection: Connection, tenant: str, finished: Finished, who: str, at_ms: int) -> None:
    """Note that what was erased is overwritten too."""
    decision = journal.Decision(ERASURE_FINISHED, tenant, None, msgspec.to_builtins(finished))
    journal.append(connection, [decision], who, at_ms)


def latest(connection: Connection, tenant: str) -> Past | None:
    """The latest erasure of a tenant, None where there was none."""
    found: Past | None = None
    for entry in journal.entries(connection, key=tenant):
        if entry.key == tenant and entry.kind == ERASED:
            found = Past(entry, None)
        elif entry.key == tenant and entry.kind == ERASURE_FINISHED and found is not None:
            found = Past(found.entry, msgspec.convert(entry.after, Finished))
    return found


def certificate(connection: Connection, past: Past) -> Certificate:
    """The certificate of an erasure, as often as it is asked for."""
    erased = msgspec.convert(past.entry.after, Erased)
    return Certificate(
        tenant=erased.tenant,
        who=past.entry.who,
        why=erased.why,
        at_ms=past.entry.at_ms,
        entry=past.entry.id,
        erased=erased,
        finished=past.finished,
        journal_head=str(journal.head(connection)),
        signwatch=__version__,
    )


def _owned(tenant: str) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """Every table with the condition of the tenant's rows; those that others are found through come last."""
    tables = [table for table in schema.metadata.sorted_tables if table.name not in KEPT and table not in _LAST]
    for table in (*tables, *_LAST):
        yield table, _mine(table, tenant)


def _mine(table: Table, tenant: str) -> ColumnElement[bool]:
    columns = table.c
    if "device_id" in columns:
        devices = schema.devices.c
        return columns.device_id.in_(select(devices.id).where(devices.tenant == tenant))
    if "alert_id" in columns:
        return columns.alert_id.in_(select(schema.alerts.c.id).where(_mine(schema.alerts, tenant)))
    if "tenant" in columns:
        return or_(columns.tenant == tenant)
    if "agreement" in columns:
        return columns.agreement.startswith(f"{tenant}/", autoescape=True)
    if "topic" in columns:  # also of a topic that is none: whoever wrote the tenant into it meant the tenant
        return columns.topic.contains(f"/{tenant}/", autoescape=True)
    if table is schema.tenants:
        return or_(columns.id == tenant)
    raise UnclassifiedTableError(f"whose the rows of table {table.name} are cannot be told; nothing was erased")


def _digest(connection: Connection, tenant: str) -> str:
    """SHA-256 over every row, one line of compact JSON each: [table, column values …], by table and primary key."""
    total, encoder = hashlib.sha256(), msgspec.json.Encoder(order="deterministic")
    for table, mine in sorted(_owned(tenant), key=lambda owned: owned[0].name):
        query = select(table).where(mine).order_by(*table.primary_key)
        for portion in connection.execute(query).partitions(_ROWS_AT_ONCE):
            for row in portion:
                values = [value.hex() if isinstance(value, bytes) else value for value in row]
                total.update(encoder.encode([f"{table.name}", *values]) + b"\n")
    return total.hexdigest()


def _evidence(connection: Connection, tenant: str) -> tuple[int | None, int | None]:
    runs = schema.runs
    query = select(func.min(runs.c.start_ms), func.max(runs.c.end_ms)).where(_mine(runs, tenant))
    start_ms, end_ms = connection.execute(query).one()
    return start_ms, end_ms
