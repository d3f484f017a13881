"""Backups are made when they are due and thinned out; what is old goes, and nothing that is evidence or a decision."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import Connection, select, update

from collector.config import BackupConfig, RetentionConfig
from collector.housekeeping import Housekeeping
from collector.ledger import alert_store, schema
from collector.ledger.ledger import Ledger
from collector.ledger.retention_store import let_go
from collector.views import AlertView
from common.clock import ManualClock, SystemClock

DAY: Final = 86_400_000
NOW: Final = SystemClock().wall_ms()  # files have the machine's times


def keeper(ledger: Ledger, folder: Path, clock: ManualClock) -> Housekeeping:
    return Housekeeping(ledger, clock, BackupConfig(dir=str(folder), keep=2), RetentionConfig())


async def test_a_backup_is_made_when_it_is_due_and_the_oldest_go(ledger: Ledger, tmp_path: Path) -> None:
    clock, folder = ManualClock(NOW), tmp_path / "backups"
    keeping = keeper(ledger, folder, clock)
    await keeping.look()
    await keeping.look()
    (first,) = folder.iterdir()
    (folder / "mine.db").touch()
    for _ in range(3):
        clock.advance(DAY + 3_600_000)
        await keeping.look()
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) == 3
    assert "mine.db" in names
    assert first.name not in names
    assert (keeping.health(), keeping.failures_total) == ("ok", 0)
    copy = Ledger.open_read_only(folder / names[0])
    copy.close()


async def test_another_start_makes_none_before_its_time(ledger: Ledger, tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    await keeper(ledger, tmp_path / "backups", clock).look()
    clock.advance(DAY // 2)
    await keeper(ledger, tmp_path / "backups", clock).look()
    assert len(list((tmp_path / "backups").iterdir())) == 1


async def test_a_backup_that_fails_is_told_and_tried_again(ledger: Ledger, tmp_path: Path) -> None:
    in_the_way = tmp_path / "backups"
    in_the_way.write_text("no folder", encoding="utf-8")
    keeping = keeper(ledger, in_the_way, ManualClock(NOW))
    await keeping.look()
    assert keeping.health().startswith("failed: ")
    told = dict(keeping.metrics())
    assert (told["signwatch_backup_failing"], told["signwatch_backup_failures_total"]) == (1, 1)
    in_the_way.unlink()
    await keeping.look()
    assert keeping.health() == "ok"
    assert dict(keeping.metrics())["signwatch_backup_failing"] == 0


async def test_a_journal_that_is_not_whole_is_told_and_copied(ledger: Ledger, tmp_path: Path) -> None:
    ledger.write_now(lambda found: found.execute(schema.tenants.insert(), {"id": "acme", "name": "slipped in"}))
    keeping = keeper(ledger, tmp_path / "backups", ManualClock(NOW))
    await keeping.look()
    assert keeping.health().startswith("made, but the journal is not whole: registry.tenant acme is in its table")
    assert len(list((tmp_path / "backups").iterdir())) == 1


async def test_without_a_folder_there_is_nothing_to_tell(ledger: Ledger) -> None:
    keeping = Housekeeping(ledger, ManualClock(NOW), BackupConfig(), RetentionConfig())
    await keeping.look()
    assert (keeping.health(), keeping.last_backup_ms) == ("off", None)


def alert(connection: Connection, opened_ms: int, closed_ms: int | None, *, kind: str = "down") -> int:
    view = AlertView(0, "acme/admira", kind, "critical", opened_ms, None, "s", "r")
    number = alert_store.open_alert(connection, view, {}, ["noc"]).id
    if closed_ms is not None:
        alert_store.close_alert(connection, number, "over", closed_ms, [])
    return number


def test_old_deliveries_and_old_closed_alerts_go_and_what_is_still_needed_stays(ledger: Ledger) -> None:
    def fill(connection: Connection) -> list[int]:
        old = alert(connection, NOW - 1000 * DAY, NOW - 999 * DAY)
        waiting = alert(connection, NOW - 998 * DAY, NOW - 997 * DAY)
        latest = alert(connection, NOW - 990 * DAY, NOW - 989 * DAY)
        last_of_its_kind = alert(connection, NOW - 1000 * DAY, NOW - 999 * DAY, kind="burn_rate")
        still_open = alert(connection, NOW - 980 * DAY, None)
        sent = update(schema.deliveries).where(schema.deliveries.c.alert_id != waiting)
        connection.execute(sent.values(delivered_ms=NOW - 91 * DAY))
        fresh = update(schema.deliveries).where(schema.deliveries.c.alert_id == still_open)
        connection.execute(fresh.values(delivered_ms=NOW - 89 * DAY))
        return [old, waiting, latest, last_of_its_kind, still_open]

    numbers = ledger.write_now(fill)
    gone = ledger.write_now(lambda found: let_go(found, NOW, 90, 800))
    assert gone == {"deliveries": 3, "alerts": 1}
    left = ledger.read_now(lambda found: list(found.scalars(select(schema.alerts.c.id))))
    assert sorted(left) == numbers[1:]
    assert ledger.write_now(lambda found: let_go(found, NOW, 90, 800)) == {"deliveries": 0, "alerts": 0}


async def test_what_goes_is_counted(ledger: Ledger) -> None:
    def fill(connection: Connection) -> None:
        for days in (1000, 900):
            alert(connection, NOW - days * DAY, NOW - days * DAY + 1)
        connection.execute(update(schema.deliveries).values(failed_ms=NOW - 100 * DAY))

    ledger.write_now(fill)
    keeping = Housekeeping(ledger, ManualClock(NOW), BackupConfig(), RetentionConfig())
    await keeping.look()
    assert dict(keeping.metrics()) == {
        'signwatch_ledger_rows_let_go_total{table="alerts"}': 1,
        'signwatch_ledger_rows_let_go_total{table="deliveries"}': 2,
    }


@pytest.mark.parametrize("age_days", [-1, 2])
async def test_a_file_from_the_future_or_of_long_ago_is_no_backup_of_today(
    ledger: Ledger, tmp_path: Path, age_days: int
) -> None:
    clock = ManualClock(NOW)
    await keeper(ledger, tmp_path, clock).look()
    before = backups(tmp_path)
    clock.advance(age_days * DAY)
    await keeper(ledger, tmp_path, clock).look()
    assert backups(tmp_path) == before + 1


def backups(folder: Path) -> int:
    return len(list(folder.glob("ledger-*")))
