"""SQL of the boots of whose clock nothing is known: found, and put as collector/clocks/placing.py says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from collector.clocks.placing import Guess, place
from collector.evidence import RunRow
from collector.ledger.schema import runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from collector.clocks.truetime import BootClock


class Unplaced:
    """The devices with evidence that is only estimated, and which of their open runs have been looked at."""

    def __init__(self) -> None:
        self._devices: dict[int, set[tuple[str, int]]] = {}

    def load(self, connection: Connection) -> None:
        """Find them."""
        found = connection.scalars(select(runs.c.device_id).where(runs.c.clock == "estimated").distinct())
        self._devices = {device_id: set() for device_id in found}

    def __contains__(self, device_id: int) -> bool:
        """Whether the device has such evidence."""
        return device_id in self._devices

    def touched(self, rows: Iterable[RunRow], moved: Iterable[int]) -> set[int]:
        """Which of them must be placed anew after a batch that changed these runs, and these devices' clocks."""
        touched = self._devices.keys() & set(moved) if self._devices else set()
        for row in rows:
            if row.clock == "estimated":
                self._devices.setdefault(row.device_id, set())
            seen = self._devices.get(row.device_id)
            if seen is None or (not row.closed and row.clock != "estimated" and row.name in seen):
                continue  # an open run that goes on says nothing new of other boots
            if row.closed:  # for good: it is not told of as open again
                seen.discard(row.name)
            else:
                seen.add(row.name)
            touched.add(row.device_id)
        return touched

    def rows(self, connection: Connection, device_id: int) -> list[RunRow]:
        """The estimated runs of a device; where there are none, it is not one of these any more."""
        found = estimated_runs(connection, device_id)
        if not found:
            self._devices.pop(device_id, None)
        return found


def estimated_runs(connection: Connection, device_id: int) -> list[RunRow]:
    """The runs of a device whose times are estimated."""
    query = select(runs).where(runs.c.device_id == device_id, runs.c.clock == "estimated")
    return [RunRow(*row) for row in connection.execute(query)]


def guesses(connection: Connection, estimated: Iterable[RunRow], clock: Callable[[str], BootClock]) -> dict[str, Guess]:
    """Where the boots of these runs of one device belong, of whose clock nothing is known."""
    rows = list(estimated)
    rows = list({row.name: row for row in (*rows, *_neighbours(connection, rows))}.values())
    clocks = {boot: clock(boot) for row in rows for boot in (row.boot, row.end_boot)}
    ended_by_ms = {boot: one.ended_by_ms for boot, one in clocks.items() if one.ended_by_ms is not None}
    return place(rows, {boot: one.curve for boot, one in clocks.items()}, ended_by_ms)


def _neighbours(connection: Connection, rows: list[RunRow]) -> Iterator[RunRow]:
    """The runs before and after those of each boot, by seq."""
    spans: dict[tuple[int, str, str], tuple[int, int]] = {}
    for row in rows:
        for boot in {row.boot, row.end_boot}:
            key = row.device_id, row.spool, boot
            first, last = spans.get(key, (row.seq, row.seq))
            spans[key] = min(first, row.seq), max(last, row.seq)
    for (device_id, spool, _), (first, last) in spans.items():
        there = select(runs).where(runs.c.device_id == device_id, runs.c.spool == spool)
        before = there.where(runs.c.seq < first).order_by(runs.c.seq.desc()).limit(1)
        after = there.where(runs.c.seq > last).order_by(runs.c.seq).limit(1)
        yield from (RunRow(*row) for query in (before, after) for row in connection.execute(query))
