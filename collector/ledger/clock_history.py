"""SQL of what is read of devices and their clocks, for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, func, select

from collector.clocks.clock_view import ClockView, DeviceClock, view_of, with_neighbours
from collector.ledger.clock_store import read_clock
from collector.ledger.placing_store import estimated_runs, guesses
from collector.ledger.schema import devices, runs
from wire.topics import Address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class OwnWord(NamedTuple):
    """What a machine said of its own clock in its last hello: how far it was ahead of true time, and who told it."""

    ahead_ms: float
    error_ms: float | None
    source: str


class Reporter(NamedTuple):
    """A device that ever reported. `own_word`: None where it never said any."""

    id: int
    address: Address
    boot: str | None
    first_seen_ms: int
    last_received_ms: int
    own_word: OwnWord | None


def reporters(connection: Connection, device: str | None = None, tenant: str | None = None) -> Sequence[Reporter]:
    """Every device that ever reported; only those of this name and tenant, where they are given."""
    columns = devices.c
    query = select(
        *(columns.id, columns.tenant, columns.device, columns.boot, columns.first_seen_ms, columns.last_received_ms),
        columns.hello,
    )
    if device is not None:
        query = query.where(columns.device == device)
    if tenant is not None:
        query = query.where(columns.tenant == tenant)
    found = connection.execute(query.order_by(columns.tenant, columns.device))
    return [Reporter(row[0], Address(row[1], row[2]), *row[3:6], _own_word(row.hello)) for row in found]


def _own_word(hello: Mapping[str, Any] | None) -> OwnWord | None:
    host = (hello or {}).get("host") or {}
    ahead_ms, error_ms = host.get("clock_offset_ms"), host.get("clock_error_ms")
    if not isinstance(ahead_ms, int | float):  # an older agent, or one that nobody tells the time
        return None
    return OwnWord(ahead_ms, error_ms if isinstance(error_ms, int | float) else None, str(host.get("clock_source")))


def clocks_of(connection: Connection, device_id: int) -> list[ClockView]:
    """The clock of every boot of which there is evidence, in order of time."""
    spans = _spans(connection, device_id)
    guessed = guesses(
        connection, estimated_runs(connection, device_id), lambda boot: read_clock(connection, device_id, boot)
    )
    return with_neighbours(
        [
            view_of(boot, read_clock(connection, device_id, boot), since_ms, until_ms, guessed.get(boot))
            for boot, (since_ms, until_ms) in spans.items()
        ]
    )


def device_clock(connection: Connection, tenant: str, device: str) -> DeviceClock | None:
    """A device's clock without its last word, which no ledger has; None where it never reported."""
    found = reporters(connection, device, tenant)
    return DeviceClock(tenant, device, tuple(clocks_of(connection, found[0].id))) if found else None


def _spans(connection: Connection, device_id: int) -> dict[str, tuple[int, int]]:
    """What each boot's evidence covers, in true time."""
    first, last = func.min(runs.c.start_ms), func.max(runs.c.end_ms)
    query = select(runs.c.boot, first, last).where(runs.c.device_id == device_id, runs.c.end_boot == runs.c.boot)
    return {boot: (start, end) for boot, start, end in connection.execute(query.group_by(runs.c.boot))}
