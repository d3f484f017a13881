"""SQL of the conflicts: which devices contradict themselves, since when and how often (collector/intake/conflicts.py).

Used on the ledger's writing thread only. Bounded: one row for each device and kind, and a few voices of a device that
was heard in several boots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from sqlalchemy import select

from collector.intake.conflicts import VOICES_MAX, ConflictKind, Life, Voice, two_machines
from collector.ledger import schema
from collector.ledger.upsert import upsert
from wire.messages import Run
from wire.topics import Address

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from collector.evidence import RunRow

    TrueTime = Callable[[str, int], int]

_DETAIL_MAX: Final = 1000


class ConflictRow(NamedTuple):
    """A device that contradicts itself. `times`: how often that was seen; `detail`: the newest proof."""

    address: Address
    kind: ConflictKind
    first_ms: int  # the collector's clock
    last_ms: int
    times: int
    detail: str


class Conflicts:
    """What is known of them, and what the present batch adds."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, ConflictKind], ConflictRow] = {}
        self._new: set[tuple[int, ConflictKind]] = set()
        self._voices: dict[int, list[Voice]] = {}

    def load(self, connection: Connection) -> None:
        """Read what the ledger knows; the voices begin anew."""
        self._known.clear()
        self._new.clear()
        self._voices.clear()
        for device_id, row in read_conflicts(connection):
            self._known[device_id, row.kind] = row

    def note(self, device_id: int, address: Address, kind: ConflictKind, now_ms: int, detail: str) -> None:
        """Count one more proof."""
        key = device_id, kind
        known = self._known.get(key)
        first_ms, times = (known.first_ms, known.times) if known is not None else (now_ms, 0)
        self._known[key] = ConflictRow(address, kind, first_ms, now_ms, times + 1, detail[:_DETAIL_MAX])
        self._new.add(key)

    def changed_voice(self, device_id: int, before: Voice, now: Voice, alive_at: TrueTime) -> str | None:
        """A device speaks from another boot, or for another spool, than it did before: the proof, if it is one.

        `alive_at` gives the true time of a boot's mono.
        """
        voices = self._voices.setdefault(device_id, [])
        back = next((voice for voice in voices if (voice.boot, voice.spool) == (now.boot, now.spool)), None)
        voices[:] = [voice for voice in voices if (voice.boot, voice.spool) != (before.boot, before.spool)]
        voices.append(before)
        del voices[:-VOICES_MAX]
        if back is None:
            return None
        lives = _life(now, alive_at), _life(before, alive_at)
        return two_machines(back, now, before, lives)

    def write(self, connection: Connection) -> list[ConflictRow]:
        """Put what the batch added into the ledger, and tell it."""
        rows = [(key[0], self._known[key]) for key in self._new]
        self._new.clear()
        values = [{"device_id": number, **_values(row)} for number, row in rows]
        upsert(connection, schema.conflicts, ("device_id", "kind"), values)
        return [row for _, row in rows]


def _life(voice: Voice, alive_at: TrueTime) -> Life:
    return Life(alive_at(voice.boot, 0), alive_at(voice.boot, voice.mono_ms))


def read_conflicts(connection: Connection) -> list[tuple[int, ConflictRow]]:
    """Every conflict with its device's number."""
    table, devices = schema.conflicts.c, schema.devices.c
    query = select(table.device_id, devices.tenant, devices.device, *(table[name] for name in ConflictRow._fields[1:]))
    found = connection.execute(query.join_from(schema.conflicts, schema.devices, table.device_id == devices.id))
    return [(row[0], ConflictRow(Address(row[1], row[2]), *row[3:])) for row in found]


def said(row: RunRow) -> bytes:
    """What was said of a run, in the wire's words, for the quarantine."""
    run = Run(
        seq=row.seq,
        output=row.output,
        state=row.state,  # type: ignore[arg-type]  # it came over the wire
        cause=row.cause,  # type: ignore[arg-type]  # likewise
        detail=row.detail,
        boot=row.boot,
        end_boot=row.end_boot if row.end_boot != row.boot else None,
        start_ms=row.said_start_ms,
        start_mono_ms=row.start_mono_ms,
        end_ms=row.said_end_ms if row.closed else None,
        end_mono_ms=row.end_mono_ms if row.closed else None,
    )
    return msgspec.json.encode({"spool": row.spool, "closed" if row.closed else "open": [run]})


def _values(row: ConflictRow) -> dict[str, object]:
    return {name: value for name, value in row._asdict().items() if name != "address"}
