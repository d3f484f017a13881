"""SQL of how far the times of estimated evidence may be off, for whoever tells of it."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from collector.ledger.clock_history import reporters
from collector.ledger.clock_store import read_clock
from collector.ledger.placing_store import estimated_runs, guesses

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from collector.clocks.placing import Guess
    from wire.topics import Address


def bounds_of(connection: Connection, address: Address) -> dict[tuple[str, int], int | None]:
    """(spool, seq) of each estimated run of a device → by how many milliseconds it may be off; None: nobody knows."""
    found: dict[tuple[str, int], int | None] = {}
    for device in reporters(connection, address.device, address.tenant):
        clock = cache(partial(read_clock, connection, device.id))
        rows = estimated_runs(connection, device.id)
        placed = guesses(connection, rows, clock)
        for row in rows:
            adrift = [boot for boot in {row.boot, row.end_boot} if clock(boot).curve is None]
            found[row.name] = _worst([_off_ms(placed.get(boot)) for boot in adrift])
    return found


def _off_ms(guess: Guess | None) -> int | None:
    """How far a boot lies from the further one of its bounds."""
    if guess is None or guess.least_ms is None or guess.most_ms is None:
        return None
    return max(0, guess.offset_ms - guess.least_ms, guess.most_ms - guess.offset_ms)


def _worst(lengths_ms: list[int | None]) -> int | None:
    known = [length_ms for length_ms in lengths_ms if length_ms is not None]
    return max(known) if known and len(known) == len(lengths_ms) else None
