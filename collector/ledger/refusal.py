"""What SQLite could not do with the ledger, told with what helps: a restored backup helps no disk."""

from __future__ import annotations

import sqlite3
from typing import Final

from common.config import Finding

_PRIMARY: Final = 0xFF  # of an extended result code (https://sqlite.org/rescode.html)
_OF_THE_DISK: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY})


def explain(ledger: str, error: Exception | None) -> Finding:
    """The finding for an operator. `error` is sqlite3's own, `orig` in SQLAlchemy."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY
    if code in _OF_THE_DISK:
        remedy = "make room or mend the disk; then see what is there before you run the command again"
        return Finding("ledger.disk", ledger, "", f"its disk refuses ({error})", remedy)
    remedy = "start the collector once, which brings it up to date, or restore it from a backup"
    return Finding("ledger.unreadable", ledger, "", f"cannot be read ({error})", remedy)
