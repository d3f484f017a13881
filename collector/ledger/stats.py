"""How large the ledger is, what of it grows, and how fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import func, literal, select, text

from collector.ledger.schema import metadata, runs

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

MONTH_MS: Final = 30 * 86_400_000
_FROM: Final = ("start_ms", "at_ms", "opened_ms", "received_ms", "first_seen_ms", "announced_at_ms")
_UNTIL: Final = ("end_ms", "at_ms", "opened_ms", "received_ms", "last_received_ms", "announced_at_ms")


class TableSize(NamedTuple):
    """One table with its indexes. `bytes` None: this SQLite cannot tell. Instants of its rows, None: they have none."""

    name: str
    rows: int
    bytes: int | None
    oldest_ms: int | None
    newest_ms: int | None


class Stats(NamedTuple):
    """The whole ledger. `free_bytes`: pages that the next rows will fill. A player-month: 30 days of one output."""

    tables: list[TableSize]
    file_bytes: int
    free_bytes: int
    player_months: float
    run_bytes_per_player_month: float | None
    runs_per_player_month: float | None


def measure(connection: Connection) -> Stats:
    """Count everything; reads the whole file once."""
    sizes = _sizes(connection)
    tables = [_size(connection, table, sizes) for table in metadata.sorted_tables]
    page_bytes, pages, free = (_pragma(connection, name) for name in ("page_size", "page_count", "freelist_count"))
    months = _player_months(connection)
    of_runs = next(table for table in tables if table.name == runs.name)
    return Stats(
        tables=sorted(tables, key=lambda table: (-(table.bytes or 0), table.name)),
        file_bytes=page_bytes * pages,
        free_bytes=page_bytes * free,
        player_months=months,
        run_bytes_per_player_month=of_runs.bytes / months if months and of_runs.bytes else None,
        runs_per_player_month=of_runs.rows / months if months else None,
    )


def _size(connection: Connection, table: Table, sizes: dict[str, int]) -> TableSize:
    begins, ends = (next((table.c[name] for name in names if name in table.c), None) for names in (_FROM, _UNTIL))
    edges = [literal(None) if begins is None else func.min(begins), literal(None) if ends is None else func.max(ends)]
    rows, oldest, newest = connection.execute(select(func.count(), *edges).select_from(table)).one()
    return TableSize(table.name, rows, sizes.get(table.name), oldest, newest)


def _sizes(connection: Connection) -> dict[str, int]:
    """Bytes of each table with its indexes; empty where SQLite was built without its `dbstat`."""
    options = {row[0] for row in connection.exec_driver_sql("PRAGMA compile_options")}
    if "ENABLE_DBSTAT_VTAB" not in options:
        return {}
    query = text(
        "SELECT s.tbl_name, sum(d.pgsize) FROM dbstat d JOIN sqlite_schema s ON s.name = d.name"
        " WHERE d.aggregate = 1 GROUP BY s.tbl_name"
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _player_months(connection: Connection) -> float:
    spans = select(func.max(runs.c.end_ms) - func.min(runs.c.start_ms)).group_by(runs.c.device_id, runs.c.output)
    total_ms: int = sum(connection.scalars(spans))
    return total_ms / MONTH_MS


def _pragma(connection: Connection, name: str) -> int:
    number: int = connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
    return number
