"""SQL of what is read from the evidence: timelines, and what the live view starts from."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Integer, String, and_, column, select, values

from collector.evidence import RunRow
from collector.ledger import schema
from collector.ledger.month_store import places_by_id
from wire.topics import Address

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PLACES_AT_ONCE: Final = 400  # in one query: two parameters each


def runs_of(connection: Connection, address: Address, output: str, start_ms: int, end_ms: int) -> list[RunRow]:
    """The runs of one output that touch `[start_ms, end_ms)`, in painting order."""
    runs, devices = schema.runs, schema.devices
    found = connection.execute(
        select(runs)
        .join(devices, devices.c.id == runs.c.device_id)
        .where(
            devices.c.tenant == address.tenant,
            devices.c.device == address.device,
            runs.c.output == output,
            runs.c.end_ms > start_ms,
            runs.c.start_ms < end_ms,
        )
        .order_by(runs.c.start_ms, runs.c.spool, runs.c.seq)
    )
    return [RunRow(*row) for row in found]


def closed_runs_between(
    connection: Connection, start_ms: int, end_ms: int, tenant: str = ""
) -> list[tuple[Address, RunRow]]:
    """The closed runs that start in `[start_ms, end_ms)`, by start; of one tenant where one is named."""
    runs, devices = schema.runs, schema.devices
    query = (
        select(devices.c.tenant, devices.c.device, runs)
        .join(devices, devices.c.id == runs.c.device_id)
        .where(runs.c.start_ms >= start_ms, runs.c.start_ms < end_ms, runs.c.closed)
        .order_by(runs.c.start_ms, runs.c.device_id, runs.c.spool, runs.c.seq)
    )
    if tenant:
        query = query.where(devices.c.tenant == tenant)
    return [(Address(of, device), RunRow(*row)) for of, device, *row in connection.execute(query)]


def runs_since(
    connection: Connection, places: Iterable[tuple[Address, str]], start_ms: int
) -> list[tuple[Address, RunRow]]:
    """The runs of these outputs that reach beyond `start_ms`; where there are none, the one that reaches furthest."""
    runs, found = schema.runs, []
    asked = list(places)
    known = {place: asked[number][0] for place, number in places_by_id(connection, asked).items()}
    for portion in _portions(known):
        wanted = values(column("device_id", Integer), column("output", String), name="wanted").data(list(portion)).cte()
        query = select(runs).join(
            wanted, and_(runs.c.device_id == wanted.c.device_id, runs.c.output == wanted.c.output)
        )
        rows = [RunRow(*row) for row in connection.execute(query.where(runs.c.end_ms > start_ms))]
        silent = portion.keys() - {(row.device_id, row.output) for row in rows}
        rows += [row for place in silent for row in _furthest(connection, *place)]
        found += [(portion[row.device_id, row.output], row) for row in rows]
    return found


def _portions(places: dict[tuple[int, str], Address]) -> Iterator[dict[tuple[int, str], Address]]:
    waiting = iter(places.items())
    while portion := dict(islice(waiting, _PLACES_AT_ONCE)):
        yield portion


def _furthest(connection: Connection, device_id: int, output: str) -> list[RunRow]:
    runs = schema.runs.c
    query = select(schema.runs).where(runs.device_id == device_id, runs.output == output)
    return [RunRow(*row) for row in connection.execute(query.order_by(runs.end_ms.desc()).limit(1))]
