"""The ledger file: the only holder of its connections.

SQLite before 3.51.3 can corrupt a WAL database when two connections write or checkpoint at once. So there is
exactly one writing connection per file: it lives in one thread of one process, and an exclusive lock beside the file
keeps every other process out. Readers are opened read-only and can neither write nor checkpoint. `synchronous=FULL`:
what is committed survives a power cut; only then is it acknowledged.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import StaticPool

from collector.ledger import migrate

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection
    from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

T = TypeVar("T")

_WRITER_PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "busy_timeout=5000",
    "cache_size=-65536",  # KiB
    "temp_store=MEMORY",
    "secure_delete=ON",  # what is deleted is overwritten
)
_CHECKPOINT_TRIES: Final = 10  # each waits for readers as long as busy_timeout says
_READER_PRAGMAS: Final = ("busy_timeout=5000", "query_only=ON", "cache_size=-32768")


class LedgerError(Exception):
    """The ledger cannot be used; the message names the file and the remedy."""


class LedgerBusyError(LedgerError):
    """Another process holds the writing connection."""

    def __init__(self, path: Path, pid: str) -> None:
        super().__init__(
            f"{path}: process {pid or '?'} has this ledger open for writing; stop it, or ask the running collector"
        )
        self.pid = pid


class Ledger:
    """One open ledger. `write` and `read` run a function on a connection, each inside one transaction."""

    def __init__(self, path: Path, writer: Engine | None, reader: Engine, lock: int | None) -> None:
        self.path = path
        self._writer = writer
        self._reader = reader
        self._lock = lock
        # One thread each: the connections are never used from two.
        self._writing = ThreadPoolExecutor(1, "ledger-write")
        self._reading = ThreadPoolExecutor(1, "ledger-read")

    @classmethod
    def open(cls, path: Path) -> Ledger:
        """Open for writing, making the file and bringing its schema up to date.

        LedgerBusyError where another process writes to it; LedgerError where it is no ledger or cannot be written.
        """
        lock = take_lock(path)
        writer = _engine(_address(path, "rwc"), _WRITER_PRAGMAS, begin="BEGIN IMMEDIATE")
        try:
            with writer.begin() as connection:
                migrate.upgrade(connection)
        except (DatabaseError, migrate.UnknownRevisionError) as error:
            writer.dispose()
            os.close(lock)
            raise LedgerError(f"{path}: is not a usable ledger ({_reason(error)}); {_remedy(error)}") from error
        return cls(path, writer, _reading_engine(path), lock)

    @classmethod
    def open_read_only(cls, path: Path) -> Ledger:
        """Open for reading beside a running collector; LedgerError where there is none."""
        if not path.exists():
            raise LedgerError(f"{path}: no such ledger; check the path, or start the collector once")
        reader = _reading_engine(path)
        try:
            with reader.begin() as connection:
                migrate.check_known(connection)
        except (DatabaseError, migrate.UnknownRevisionError) as error:
            reader.dispose()
            raise LedgerError(f"{path}: is not a readable ledger ({_reason(error)}); {_remedy(error)}") from error
        return cls(path, None, reader, None)

    def write_now(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction on the writing connection and wait for it (for command lines)."""
        return self._writing.submit(self._transact, work).result()

    def read_now(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on the reading connection and wait for it (for command lines)."""
        return self._reading.submit(self._look, work).result()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction on the writing connection; it is committed when this returns."""
        return await asyncio.get_running_loop().run_in_executor(self._writing, self._transact, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on the reading connection, which sees what was committed before."""
        return await asyncio.get_running_loop().run_in_executor(self._reading, self._look, work)

    async def compact(self) -> tuple[int, int]:
        """Write the whole file anew, so that nothing deleted is left in it; its bytes before and after.

        Nothing else is written meanwhile. sqlalchemy.exc.DatabaseError where there is no room (twice the file's size).
        """
        return await asyncio.get_running_loop().run_in_executor(self._writing, self._compact)

    def close(self) -> None:
        """Finish what was begun, checkpoint, and let go of the file."""
        self._reading.shutdown()
        self._writing.shutdown()
        self._reader.dispose()
        if self._writer is not None:
            self._writer.dispose()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _transact(self, work: Callable[[Connection], T]) -> T:
        if self._writer is None:
            raise LedgerError(f"{self.path}: was opened read-only")
        with self._writer.begin() as connection:
            return work(connection)

    def _compact(self) -> tuple[int, int]:
        if self._writer is None:
            raise LedgerError(f"{self.path}: was opened read-only")
        before = self.path.stat().st_size
        # Not through SQLAlchemy's own connection: VACUUM stands in no transaction, and that would begin one.
        raw = self._writer.raw_connection()
        try:
            _execute(raw, "PRAGMA temp_store=FILE")  # the copy that VACUUM makes may not fit into memory
            _execute(raw, "VACUUM")
            _execute(raw, "PRAGMA temp_store=MEMORY")
            _empty_log(raw)
        finally:
            raw.close()
        return before, self.path.stat().st_size

    def _look(self, work: Callable[[Connection], T]) -> T:
        with self._reader.connect() as connection:  # ends by ROLLBACK, which a damaged file does not refuse
            return work(connection)


def _empty_log(raw: PoolProxiedConnection) -> None:
    """Cut the write-ahead log to nothing: it held the pages of before. A reader may stand in it for a moment."""
    for _ in range(_CHECKPOINT_TRIES):
        if _execute(raw, "PRAGMA wal_checkpoint(TRUNCATE)")[0][0] == 0:
            return
    busy = sqlite3.OperationalError("a reader holds the write-ahead log")
    raise OperationalError("PRAGMA wal_checkpoint(TRUNCATE)", None, busy)


def _execute(raw: PoolProxiedConnection, statement: str) -> list[Any]:
    cursor = raw.cursor()
    try:
        cursor.execute(statement)
        return list(cursor.fetchall())
    except sqlite3.DatabaseError as error:
        raise DatabaseError(statement, None, error) from error
    finally:
        cursor.close()


def _address(path: Path, mode: str) -> URL:
    # As a URI with everything quoted, since a path may hold what means something in one: % ? #
    query = {"mode": mode, "uri": "true"}
    return URL.create("sqlite", database=f"file:{quote(str(path.resolve()))}", query=query)


def _engine(url: URL, pragmas: tuple[str, ...], begin: str) -> Engine:
    engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})

    def prepare(connection: object, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]  # sqlite3: we say BEGIN ourselves
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", start)
    return engine


def _reading_engine(path: Path) -> Engine:
    return _engine(_address(path, "ro"), _READER_PRAGMAS, begin="BEGIN")


def take_lock(path: Path) -> int:
    """Keep every other writer away from a ledger until the file descriptor is closed; LedgerBusyError, LedgerError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise LedgerError(
            f"{path}: cannot be opened ({error.strerror}); check the folder and its permissions"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(lock, 20, 0).decode(errors="replace").strip()
        os.close(lock)
        raise LedgerBusyError(path, pid) from None
    with contextlib.suppress(OSError):  # a full disk: whom others find in their way is a courtesy, the lock holds
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def _remedy(error: Exception) -> str:
    """What an operator can do: SQLite calls it operational where the file is sound and its place is not."""
    if isinstance(error, migrate.UnknownRevisionError):
        return "or go back to a backup of this version"
    if isinstance(error, OperationalError):
        return "check the permissions of file and folder, and that the disk has room"
    return "restore it from a backup"


def _reason(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error)
