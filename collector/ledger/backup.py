"""A backup of the ledger, online: a consistent copy of one instant, checked before it gets its name.

The copy is read through a read-only connection that stands in one read transaction: SQLite's backup API then never has
to begin again, however much a collector writes meanwhile, and no second writing connection exists (ledger.py says why
that matters). What it costs: the write-ahead log cannot be reset while the copy is being made, so that it grows by what
comes in during that time.

The copy is one file without a write-ahead log; it is written under another name, checked (SQLite's integrity check, the
rows of every table, the journal), brought to disk and then renamed. A crash leaves a `.part` file and no bad backup.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote

from sqlalchemy.exc import DatabaseError

from collector.ledger import audit, migrate
from collector.ledger.ledger import Ledger, LedgerError, take_lock
from common.files import sync

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from collector.ledger.chain import Head

PAGES_AT_ONCE: Final = 512  # 2 MiB; progress is told after each
_MODE: Final = 0o600  # it holds everything that the ledger holds
_BESIDE: Final = ("-wal", "-shm", "-journal", ".lock", ".sock")

Tell = Callable[[str, int, int], None]  # step, done, of how many


class Copied(NamedTuple):
    """A finished backup. `problems`: what the journal's check says of the ledger itself, which is copied as it is."""

    path: Path
    size_bytes: int
    rows: int
    head: Head
    problems: list[str]


def backup(source: Path, target: Path, *, force: bool = False, tell: Tell = lambda *_: None) -> Copied:
    """Copy the ledger `source` to `target`, beside a running collector or without one.

    LedgerError where the ledger cannot be read, `target` exists (without `force`) or cannot be written, or the copy is
    not sound; nothing is left behind then, and what `target` was before stays.
    """
    _check_target(source, target, force=force)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with _writing(target):
            os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE))
            counts = _copy(source, part, tell)
            verdict = inspect(part, tell, counts)
            sync(part)
            part.replace(target)
            sync(target.parent)
    finally:
        with suppress(OSError):  # where nothing could be written, nothing is left
            part.unlink(missing_ok=True)
            part.with_name(f"{part.name}-journal").unlink(missing_ok=True)
    return Copied(target, target.stat().st_size, sum(counts.values()), verdict.head, verdict.problems)


def restore(copy: Path, ledger: Path, stamp: str, tell: Tell = lambda *_: None) -> Path | None:
    """Put a checked copy in the ledger's place; where the ledger that stood there is now (None: there was none).

    `stamp` is part of that name. LedgerBusyError while a collector runs; LedgerError where the copy is no sound ledger
    of this or an older signwatch: nothing is changed then.
    """
    if not copy.is_file():
        raise LedgerError(f"{copy}: no such backup; check the path")
    lock = take_lock(ledger)
    part = ledger.with_name(f".{ledger.name}.{os.getpid()}.part")
    try:
        with _writing(ledger):
            os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE))
            counts = _copy(copy, part, tell)
            inspect(part, tell, counts)
            sync(part)
            if os.geteuid() == 0:  # root must not leave a ledger that the collector's own user cannot open
                folder = ledger.parent.stat()
                os.chown(part, folder.st_uid, folder.st_gid)
            aside = _set_aside(ledger, stamp)
            part.replace(ledger)
            sync(ledger.parent)
    finally:
        part.unlink(missing_ok=True)
        os.close(lock)
    return aside


def inspect(path: Path, tell: Tell = lambda *_: None, expected: dict[str, int] | None = None) -> audit.Verdict:
    """Check a copy: sound pages, the rows that were copied, a schema that is known, the journal.

    LedgerError where one of the first three is not so; the verdict on the journal is the caller's to judge.
    """
    tell("checking the copy", 0, 2)
    with _opened(path, "ro") as raw:
        problems = [row[0] for row in raw.execute("PRAGMA integrity_check(10)")]
        if problems != ["ok"]:
            raise LedgerError(f"{path}: is damaged ({problems[0]}); take another backup")
        if expected is not None and _counts(raw) != expected:
            raise LedgerError(f"{path}: the copy does not have the rows of the ledger; check the disk")
    tell("checking the copy", 1, 2)
    ledger = Ledger.open_read_only(path)
    try:
        verdict = ledger.read_now(_verify)
    except (DatabaseError, migrate.UnknownRevisionError) as error:
        raise LedgerError(f"{path}: is no ledger ({error}); take another backup") from error
    finally:
        ledger.close()
    tell("checking the copy", 2, 2)
    return verdict


def _verify(connection: Connection) -> audit.Verdict:
    migrate.check_known(connection)
    if migrate.revision(connection) is None:
        raise migrate.UnknownRevisionError("it has no schema")
    # An older ledger's journal lacks columns: it is checked when a collector has brought it up to date.
    return audit.verify(connection) if migrate.is_current(connection) else audit.UNKNOWN


def _check_target(source: Path, target: Path, *, force: bool) -> None:
    if not source.exists():
        raise LedgerError(f"{source}: no such ledger; check the path, or start the collector once")
    own = os.path.realpath(source)  # which takes a loop of links, and `resolve` does not
    if os.path.realpath(target) in {own, *(f"{own}{suffix}" for suffix in _BESIDE)}:
        raise LedgerError(f"{target}: is the ledger itself, or belongs to it; name another file")
    if target.is_dir():
        raise LedgerError(f"{target}: is a folder; name a file in it")
    if target.exists() and not target.is_file():
        raise LedgerError(f"{target}: is no ordinary file, and would be replaced by one; name another")
    if target.exists() and not force:
        raise LedgerError(f"{target}: exists already; name another file, or overwrite it with --force")


def _copy(source: Path, part: Path, tell: Tell) -> dict[str, int]:
    """Copy one snapshot, page by page; the rows of its tables."""
    name = f"copying {source.name}"
    with _opened(source, "ro") as origin, _opened(part, "rw") as copy:
        origin.execute("BEGIN")
        counts = _counts(origin)  # the first read pins the snapshot
        copy.execute("PRAGMA synchronous=OFF")  # it is brought to disk as a whole, before it is renamed
        origin.backup(copy, pages=PAGES_AT_ONCE, progress=lambda _, left, of: tell(name, of - left, of))
        origin.execute("ROLLBACK")
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, that can be read from a read-only medium
    return counts


def _counts(raw: sqlite3.Connection) -> dict[str, int]:
    names = [row[0] for row in raw.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    return {name: raw.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}  # noqa: S608


def _set_aside(ledger: Path, stamp: str) -> Path | None:
    """Move a ledger away with its log, the log first: a log must never stand beside a ledger that is not its own."""
    if not ledger.exists():
        return None
    aside = ledger.with_name(f"{ledger.name}.replaced-{stamp}")
    try:
        with _opened(ledger, "rw") as raw:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.DatabaseError:
        pass  # it is damaged, which may be why a backup is wanted: it is kept with its log as it is
    for suffix in ("-wal", "-journal", ""):
        part = Path(f"{ledger}{suffix}")
        if part.exists():
            part.replace(f"{aside}{suffix}")
    Path(f"{ledger}-shm").unlink(missing_ok=True)
    return aside


@contextmanager
def _opened(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    uri = f"file:{quote(str(path.resolve()))}?mode={mode}"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as raw:
        raw.execute("PRAGMA busy_timeout=5000")
        yield raw


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise LedgerError(f"{target}: cannot be written ({reason}); check the folder and its space") from error
    except sqlite3.DatabaseError as error:
        raise LedgerError(
            f"{target}: the copy failed ({error}); check the ledger, and the space for the copy"
        ) from error
