"""SQL of a report: every run that touches an interval, of many subjects, in painting order (SPEC 2.2)."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import Integer, String, and_, column, select, tuple_, values

from collector.ledger.schema import devices, runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection

    from collector.sla.columns import Row
    from collector.views import ClockSource
    from wire.topics import Address

_PLACES_AT_ONCE: Final = 400  # in one query: two parameters each


class Stay(NamedTuple):
    """One run of a subject, as far as it says what the subject was. `closed` False: it may go on."""

    start_ms: int
    end_ms: int
    state: str
    cause: str | None
    closed: bool


class StoredRun(NamedTuple):
    """One run of a subject, as far as a report tells of it. `[start_ms, end_ms)` is true time."""

    start_ms: int
    end_ms: int
    state: str
    cause: str | None
    clock: ClockSource
    detail: str | None
    spool: str
    seq: int


def rows_between(
    connection: Connection, places: Sequence[tuple[Address, str]], start_ms: int, end_ms: int
) -> Iterator[Row]:
    """The runs of these outputs that touch `[start_ms, end_ms)`, as `Columns.from_rows` takes them."""
    for portion, found in _runs(connection, places, start_ms, end_ms, (runs.c.state, runs.c.cause)):
        for device_id, output, start, end, state, cause in found:
            yield (portion[device_id, output], start, end, state, cause)


def stays_between(
    connection: Connection, places: Sequence[tuple[Address, str]], start_ms: int, end_ms: int
) -> Iterator[tuple[int, Stay]]:
    """The same with whether each is closed: what a subject was at one instant."""
    columns = (runs.c.state, runs.c.cause, runs.c.closed)
    for portion, found in _runs(connection, places, start_ms, end_ms, columns):
        for device_id, output, *told in found:
            yield portion[device_id, output], Stay(*told)


def runs_between(
    connection: Connection, places: Sequence[tuple[Address, str]], start_ms: int, end_ms: int
) -> Iterator[tuple[int, StoredRun]]:
    """The same with all that a report tells of them."""
    columns = (runs.c.state, runs.c.cause, runs.c.clock, runs.c.detail, runs.c.spool, runs.c.seq)
    for portion, found in _runs(connection, places, start_ms, end_ms, columns):
        for device_id, output, *told in found:
            yield portion[device_id, output], StoredRun(*told)


def _runs(
    connection: Connection,
    places: Sequence[tuple[Address, str]],
    start_ms: int,
    end_ms: int,
    columns: Sequence[ColumnElement[Any]],
) -> Iterator[tuple[dict[tuple[int, str], int], Iterable[Any]]]:
    """Rows of some hundred places at a time, each place's in painting order, with the numbers of those places.

    The database sorts them, and they are taken as they come: half a year of 3,000 players is two million rows. A run of
    no length paints nothing and is left out.
    """
    waiting = iter(places_by_id(connection, places).items())
    while portion := dict(islice(waiting, _PLACES_AT_ONCE)):
        wanted = values(column("device_id", Integer), column("output", String), name="wanted").data(list(portion)).cte()
        query = (
            select(runs.c.device_id, runs.c.output, runs.c.start_ms, runs.c.end_ms, *columns)
            .join(wanted, and_(runs.c.device_id == wanted.c.device_id, runs.c.output == wanted.c.output))
            .where(runs.c.end_ms > start_ms, runs.c.start_ms < end_ms, runs.c.end_ms > runs.c.start_ms)
            .order_by(runs.c.device_id, runs.c.output, runs.c.start_ms, runs.c.spool, runs.c.seq)
        )
        yield portion, connection.execute(query)


def places_by_id(connection: Connection, places: Sequence[tuple[Address, str]]) -> dict[tuple[int, str], int]:
    """(the ledger's id of the device, output) → index of the place, for those that ever reported."""
    ids: dict[tuple[str, str], int] = {}
    names = sorted({(address.tenant, address.device) for address, _ in places})
    for first in range(0, len(names), _PLACES_AT_ONCE):
        some = names[first : first + _PLACES_AT_ONCE]
        query = select(devices.c.id, devices.c.tenant, devices.c.device)
        for row in connection.execute(query.where(tuple_(devices.c.tenant, devices.c.device).in_(some))):
            ids[row.tenant, row.device] = row.id
    found = (
        (ids.get((address.tenant, address.device)), output, number) for number, (address, output) in enumerate(places)
    )
    return {(device_id, output): number for device_id, output, number in found if device_id is not None}
