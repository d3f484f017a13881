"""Insert-or-update in one statement, in the dialect of the connection (SQLite and PostgreSQL speak the same form)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import ColumnElement, Connection, Row, Table


def upsert(
    connection: Connection,
    table: Table,
    key: tuple[str, ...],
    rows: Sequence[dict[str, Any]],
    where: Callable[[Any], ColumnElement[bool]] | None = None,
    *,
    returning: bool = False,
) -> Sequence[Row[Any]]:
    """Insert `rows` (all with the same keys); where `key` exists already, update it if `where(new row)` holds.

    With `returning`: the rows of the table that were inserted or updated, in any order.
    """
    if not rows:
        return []
    insert: Any = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
    new = insert.excluded
    values = {name: new[name] for name in rows[0] if name not in key}
    statement = insert.on_conflict_do_update(
        index_elements=list(key), set_=values, where=None if where is None else where(new)
    )
    if returning:
        return connection.execute(statement.returning(*table.c), list(rows)).all()
    connection.execute(statement, list(rows))
    return []
