"""What the collector does for its ledger by itself: backups on a schedule, and letting go of what is old.

Both are looked at every hour and once at start, so that neither a restart nor a stepped clock loses a turn. A backup
that fails changes nothing for intake: it is told on `/healthz` and `/metrics`, and tried again after an hour.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy.exc import DatabaseError

from collector.ledger.backup import Copied, backup
from collector.ledger.ledger import Ledger, LedgerError
from collector.ledger.retention_store import let_go
from common.clock import to_datetime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.config import BackupConfig, RetentionConfig
    from common.clock import Clock

log = structlog.get_logger(__name__)

LOOK_EVERY_H: Final = 1
_HOUR_MS: Final = 3_600_000
_PREFIX: Final = "ledger-"
_SUFFIX: Final = ".db"
_MS: Final = 1000


class Housekeeping:
    """`problem`: what stands in the way of backups now, "" where nothing does. `let_go_total`: rows, by table."""

    def __init__(self, ledger: Ledger, clock: Clock, saving: BackupConfig, retention: RetentionConfig) -> None:
        self._ledger, self._clock = ledger, clock
        self._saving, self._retention = saving, retention
        self._turn = asyncio.Lock()
        self.problem = ""
        self.failures_total = 0
        self.let_go_total: Counter[str] = Counter()

    @property
    def last_backup_ms(self) -> int | None:
        """When the newest backup in the folder was made, by its file's time; None: there is none, or none is wanted."""
        newest = next(iter(self._backups()), None)
        return None if newest is None else int(newest.stat().st_mtime * _MS)

    async def look(self) -> None:
        """Do what is due."""
        async with self._turn:
            await self._forget()
            if self._saving.dir and self._is_due():
                await self._save()

    def health(self) -> str:
        """One word, or what is wrong."""
        if not self._saving.dir:
            return "off"
        return self.problem or "ok"

    def metrics(self) -> Iterator[tuple[str, int | float]]:
        """Counters and gauges by full name."""
        for table, rows in sorted(self.let_go_total.items()):
            yield f'signwatch_ledger_rows_let_go_total{{table="{table}"}}', rows
        if self._saving.dir:
            yield "signwatch_backup_failing", int(bool(self.problem))
            yield "signwatch_backup_failures_total", self.failures_total
            yield "signwatch_backup_last_success_timestamp_seconds", (self.last_backup_ms or 0) / _MS

    async def _forget(self) -> None:
        kept, now_ms = self._retention, self._clock.wall_ms()
        try:
            gone = await self._ledger.write(lambda found: let_go(found, now_ms, kept.deliveries_days, kept.alerts_days))
        except DatabaseError as error:  # a full disk: there is another hour
            log.warning("nothing_let_go", error=str(error.orig))
            return
        self.let_go_total.update(gone)
        if any(gone.values()):
            log.info("let_go", **gone)

    def _is_due(self) -> bool:
        last_ms, now_ms = self.last_backup_ms, self._clock.wall_ms()
        # A file from the future was made by a clock that has since been set: it says nothing of the last day.
        return last_ms is None or not 0 <= now_ms - last_ms < self._saving.every_h * _HOUR_MS

    async def _save(self) -> None:
        try:
            done = await asyncio.to_thread(self._save_now)
        except (LedgerError, OSError, DatabaseError) as error:
            self.problem = f"failed: {error}"
            self.failures_total += 1
            log.warning("backup_failed", error=str(error), retry_h=LOOK_EVERY_H)
            return
        self._tell(done)

    def _save_now(self) -> Copied:
        folder, at_ms = Path(self._saving.dir), self._clock.wall_ms()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = folder / f"{_PREFIX}{to_datetime(at_ms):%Y%m%dT%H%M%SZ}{_SUFFIX}"
        done = backup(self._ledger.path, target)
        os.utime(target, (at_ms / _MS, at_ms / _MS))  # the time of the clock by which the next one is due
        for old in self._backups()[self._saving.keep :]:
            old.unlink(missing_ok=True)
        return done

    def _tell(self, done: Copied) -> None:
        # The copy is there and sound; a journal that is not whole is the ledger's own trouble, and must be seen.
        self.problem = f"made, but the journal is not whole: {done.problems[0]}" if done.problems else ""
        log.info("backup_made", path=str(done.path), bytes=done.size_bytes, head=str(done.head), problems=done.problems)

    def _backups(self) -> list[Path]:
        """What the schedule has made, the newest first; files of other names are somebody else's."""
        if not self._saving.dir:
            return []
        return sorted(Path(self._saving.dir).glob(f"{_PREFIX}[0-9]*T[0-9]*Z{_SUFFIX}"), reverse=True)
