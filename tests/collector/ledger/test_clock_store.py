"""The clocks of boots in the ledger: kept small, read back, and taken over from older ledgers."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from alembic import command
from sqlalchemy import Connection, create_engine, select

from collector.clocks.offsets import HOUR_MS
from collector.clocks.truetime import BootClock, note_message
from collector.ledger import migrate, schema
from collector.ledger.clock_store import ClockStore, read_clock
from collector.ledger.ledger import Ledger

NOW = 1_772_323_200_000
BOOT = "a" * 32


def note(clock: BootClock, mono_ms: int, offset_ms: int = NOW, *, synced: bool = True) -> BootClock:
    return note_message(
        clock, sent_ms=offset_ms + mono_ms, mono_ms=mono_ms, synced=synced, received_ms=NOW + mono_ms + 40
    )


def count(connection: Connection) -> int:
    return len(connection.execute(select(schema.clock_marks)).all())


def test_a_clock_is_read_back_as_it_was_written(ledger: Ledger) -> None:
    def work(connection: Connection) -> None:
        store = ClockStore()
        for mono_ms in (5000, 3 * HOUR_MS, 2 * HOUR_MS, HOUR_MS):  # the second is apart, until the others bridge it
            clock = note(store.of(connection, 1, BOOT), mono_ms)
            store.put(1, BOOT, note(clock, mono_ms + 1, synced=False))
            store.write(connection)
            store.end([(1, BOOT)])
            assert dict(read_clock(connection, 1, BOOT).kept) == dict(store.of(connection, 1, BOOT).kept)
        assert count(connection) == 2  # one row of hours, and one receipt

    ledger.write_now(work)


def test_only_the_clock_of_the_boot_that_a_device_is_in_stays_in_memory(ledger: Ledger) -> None:
    def work(connection: Connection) -> None:
        store = ClockStore()
        for boot in ("a", "b", "c"):
            store.put(1, boot, note(store.of(connection, 1, boot), 1000))
            store.write(connection)
            store.end([(1, boot)])
        assert list(store._clocks) == [(1, "c")]
        assert store.of(connection, 1, "a") == store.of(connection, 1, "c")

    ledger.write_now(work)


def test_a_year_of_heartbeats_with_a_good_clock_takes_one_row() -> None:
    clock = BootClock()
    for hour in range(365 * 24):
        for second in (0, 1800):
            clock = note(clock, hour * HOUR_MS + second * 1000 + 1, NOW + hour % 3)
    assert len(list(clock.marks())) == 1


def test_a_ledger_of_the_first_revision_keeps_its_clocks(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        command.upgrade(migrate.configuration(connection), "0001")
    engine.dispose()
    raw = sqlite3.connect(path)
    raw.executemany(
        "INSERT INTO boots (device_id, boot, synced_mono_ms, synced_offset_ms, told_offset_ms, received_offset_ms)"
        " VALUES (1, ?, ?, ?, ?, ?)",
        [
            ("synced", 5000, NOW, NOW + 60_000, NOW + 40),
            ("told", None, None, NOW + 1, NOW + 40),
            ("received", None, None, None, NOW + 40),
            ("unknown", None, None, None, None),
        ],
    )
    raw.commit()
    raw.close()
    ledger = Ledger.open(path)

    def placed(connection: Connection) -> dict[str, tuple[int, str] | None]:
        found = {boot: read_clock(connection, 1, boot).curve for boot in ("synced", "told", "received", "unknown")}
        return {boot: curve and (curve.at(10**9), curve.source) for boot, curve in found.items()}

    assert ledger.read_now(placed) == {
        "synced": (NOW, "synced"),
        "told": (NOW + 1, "told"),
        "received": (NOW + 40, "received"),
        "unknown": None,
    }
    ledger.close()
