"""SQL of the boots' clocks, and those at hand that the join needs. Used on the ledger's writing thread only.

In memory stay the clocks of the boots that devices are in now; those of earlier boots are read when a run or a hello
speaks of them, and let go after the batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import Connection, and_, bindparam, delete, select

from collector.clocks.offsets import Mark, changed_from
from collector.clocks.truetime import UNKNOWN, BootClock, boot_clock
from collector.ledger import schema
from collector.ledger.upsert import upsert

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_KEY: Final = ("device_id", "boot", "source", "cell", "first_hour")
_MARK: Final = [schema.clock_marks.c[name] for name in Mark._fields]

Boot = tuple[int, str]
"""(device id, boot)."""


class Moved(NamedTuple):
    """A boot whose offset changed from this mono on. `first`: nothing was known of it before."""

    device_id: int
    boot: str
    from_ms: int
    first: bool


class ClockStore:
    """The clocks of a batch of messages: `of` and `put`, then `write` and `end`."""

    def __init__(self) -> None:
        self._clocks: dict[Boot, BootClock] = {}
        self._living: dict[int, str] = {}
        self._new: set[int] = set()
        self._before: dict[Boot, BootClock] = {}  # what the ledger has of those that the batch changed
        self._borrowed: set[Boot] = set()

    def add_device(self, device_id: int) -> None:
        """A device that the ledger does not have yet: there is nothing to be read of it."""
        self._new.add(device_id)

    def of(self, connection: Connection, device_id: int, boot: str) -> BootClock:
        """What is known of a boot's clock."""
        key = device_id, boot
        clock = self._clocks.get(key)
        if clock is None:
            clock = UNKNOWN if device_id in self._new else read_clock(connection, device_id, boot)
            self._clocks[key] = clock
            self._borrowed.add(key)
        return clock

    def put(self, device_id: int, boot: str, clock: BootClock) -> None:
        """What is known of it now."""
        key = device_id, boot
        self._before.setdefault(key, self._clocks[key])
        self._clocks[key] = clock

    def moved(self) -> Iterator[Moved]:
        """The boots whose offset the batch changed."""
        for (device_id, boot), before in self._before.items():
            from_ms = changed_from(before.curve, self._clocks[device_id, boot].curve)
            if from_ms is not None:
                yield Moved(device_id, boot, from_ms, first=before.curve is None)

    def bounded(self) -> Iterator[int]:
        """The devices of boots of which the batch told anew by when they had ended."""
        for key, before in self._before.items():
            if before.ended_by_ms != self._clocks[key].ended_by_ms:
                yield key[0]

    def write(self, connection: Connection) -> None:
        """Put what changed into the ledger."""
        gone: list[dict[str, object]] = []
        new: list[dict[str, object]] = []
        for (device_id, boot), before in self._before.items():
            old, now = set(before.marks()), set(self._clocks[device_id, boot].marks())
            kept = {mark[:3] for mark in now}
            gone += [_values(device_id, boot, mark) for mark in old - now if mark[:3] not in kept]
            new += [_values(device_id, boot, mark) for mark in now - old]
        if gone:
            connection.execute(_GONE, [{f"of_{name}": row[name] for name in _KEY} for row in gone])
        upsert(connection, schema.clock_marks, _KEY, new)

    def end(self, living: Iterable[tuple[int, str | None]]) -> None:
        """End the batch; `living`: the boots that its devices are in now."""
        for device_id, boot in living:
            before = self._living.get(device_id)
            if boot is not None and before != boot:
                if before is not None:
                    self._borrowed.add((device_id, before))
                self._living[device_id] = boot
        for key in self._borrowed:
            if self._living.get(key[0]) != key[1]:
                self._clocks.pop(key, None)
        self._borrowed.clear()
        self._before.clear()
        self._new.clear()


def read_clock(connection: Connection, device_id: int, boot: str) -> BootClock:
    """What the ledger knows of a boot's clock."""
    found = connection.execute(_READ, {"device_id": device_id, "boot": boot}).all()
    return boot_clock(Mark(*row) for row in found) if found else UNKNOWN


_READ: Final = select(*_MARK).where(
    schema.clock_marks.c.device_id == bindparam("device_id"), schema.clock_marks.c.boot == bindparam("boot")
)
_GONE: Final = delete(schema.clock_marks).where(
    and_(*(schema.clock_marks.c[name] == bindparam(f"of_{name}") for name in _KEY))
)


def _values(device_id: int, boot: str, mark: Mark) -> dict[str, object]:
    return {"device_id": device_id, "boot": boot, **mark._asdict()}
