"""SQL that writes runs: the join of a batch into the ledger, and moves in true time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, and_, bindparam, or_, select, tuple_, update

from collector.evidence import RunRow
from collector.ledger import schema
from collector.ledger.upsert import upsert

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_RUN_KEY: Final = ("device_id", "spool", "seq")
_KEYS_AT_ONCE: Final = 200
_MOVE: Final = (
    update(schema.runs)
    .where(and_(*(schema.runs.c[name] == bindparam(f"of_{name}") for name in _RUN_KEY)))
    .values(start_ms=bindparam("to_start_ms"), end_ms=bindparam("to_end_ms"), clock=bindparam("to_clock"))
)


def join_into(connection: Connection, rows: list[RunRow]) -> list[RunRow]:
    """Put rows into the ledger by the rule of `collector.evidence.join`; those that it changed."""
    known = schema.runs.c
    changed = upsert(
        connection,
        schema.runs,
        _RUN_KEY,
        [row._asdict() for row in rows],
        # a closed run stands; an open statement counts where it reaches further; a name keeps its output and boot
        where=lambda new: and_(
            ~known.closed,
            new.output == known.output,
            new.boot == known.boot,
            or_(new.closed, new.end_mono_ms > known.end_mono_ms),
        ),
        returning=True,
    )
    return [RunRow._make(row) for row in changed]


def stored(connection: Connection, keys: Sequence[tuple[int, str, int]]) -> Iterator[RunRow]:
    """The runs of these names (device id, spool, seq), as far as the ledger has them."""
    key = tuple_(*(schema.runs.c[name] for name in _RUN_KEY))
    for first in range(0, len(keys), _KEYS_AT_ONCE):
        for found in connection.execute(select(schema.runs).where(key.in_(keys[first : first + _KEYS_AT_ONCE]))):
            yield RunRow._make(found)


def put_there(connection: Connection, rows: list[RunRow]) -> None:
    """Give stored runs the true time that these rows have."""
    if rows:
        connection.execute(_MOVE, [_renamed(row) for row in rows])


def _renamed(row: RunRow) -> dict[str, object]:
    return {
        "of_device_id": row.device_id,
        "of_spool": row.spool,
        "of_seq": row.seq,
        "to_start_ms": row.start_ms,
        "to_end_ms": row.end_ms,
        "to_clock": row.clock,
    }
