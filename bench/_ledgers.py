"""A fleet's runs in a real ledger, for `bench/judge.py`: what it costs to read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from _fleets import Fleet
from sqlalchemy import Connection, String, select

from collector.ledger import schema
from collector.ledger.ledger import Ledger
from collector.sla.columns import Columns, Row
from collector.sla.tally import month_span

ROWS_AT_ONCE = 20_000
SPOOL = "5" * 32
BOOT = "a" * 32


def write(fleet: Fleet, path: Path) -> None:
    """Make a ledger that holds the fleet's runs; device ids count from 1 in the order of the subjects."""
    ledger = Ledger.open(path)
    rows = list(_rows(fleet.runs))
    for first in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[first : first + ROWS_AT_ONCE]
        ledger.write_now(lambda connection, part=part: connection.execute(schema.runs.insert(), part))
    ledger.close()


def _rows(runs: Columns) -> Iterator[dict[str, object]]:
    """As ingest would have left them; columns that do not matter here get a plain value."""
    plain = {
        column.name: "" if isinstance(column.type, String) else 0
        for column in schema.runs.columns
        if not column.nullable
    }
    plain |= {"spool": SPOOL, "boot": BOOT, "end_boot": BOOT, "output": "main", "closed": True, "clock": "synced"}
    for seq, (device, run) in enumerate(zip(runs.subject.tolist(), runs.evidence(), strict=True)):
        yield plain | {
            "device_id": device + 1,
            "seq": seq,
            "state": run.state,
            "cause": run.cause,
            "start_ms": run.start_ms,
            "end_ms": run.end_ms,
            "start_mono_ms": run.start_ms,
            "end_mono_ms": run.end_ms,
            "said_start_ms": run.start_ms,
            "said_end_ms": run.end_ms,
        }


def read(fleet: Fleet, ledger: Ledger) -> Columns:
    """The runs of the fleet's months as columns, in the order of (device, spool, seq)."""
    spans = [month_span(fleet.contract, month, 2**52) for month in fleet.months]
    runs = schema.runs.columns
    query = select(runs.device_id, runs.start_ms, runs.end_ms, runs.state, runs.cause).where(
        runs.end_ms > spans[0].start_ms, runs.start_ms < spans[-1].end_ms
    )

    def work(connection: Connection) -> Columns:
        return Columns.from_rows(_known(connection, query))

    return ledger.read_now(work)


def _known(connection: Connection, query: object) -> Iterator[Row]:
    text = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
    for device, start, end, state, cause in connection.exec_driver_sql(text).cursor:
        yield device - 1, start, end, state, cause
