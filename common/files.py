"""A file that is whole or not there: written beside its place, synced, and renamed over it."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path


def put_in_place(path: Path, data: bytes, mode: int | None = None) -> None:
    """Replace the file in one step, which a kill, a full disk and a power cut leave done or not begun.

    `mode`: its permissions; None: those of the file that stood there, or of any new one. Written by root it keeps its
    owner and group, since a daemon must go on reading it. OSError where it cannot be written; what stood there stays
    then. A device or a FIFO is never replaced: whoever names /dev/null means no file. A link stays, and what it leads
    to is replaced.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        raise OSError(errno.EEXIST, "is no ordinary file, and would be replaced by one", str(path))
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    before = path.stat() if path.exists() else None
    try:
        _write(beside, data, mode if mode is not None or before is None else before.st_mode & 0o777)
        if before is not None and os.geteuid() == 0:
            os.chown(beside, before.st_uid, before.st_gid)
        beside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):  # what went wrong is being told
            beside.unlink(missing_ok=True)
        raise
    sync(path.parent)


def _write(path: Path, data: bytes, mode: int | None) -> None:
    path.unlink(missing_ok=True)  # of a process that was killed and had our number
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else mode)
    with os.fdopen(handle, "wb") as file:
        if mode is not None:
            os.fchmod(handle, mode)  # whatever the umask says
        file.write(data)
        file.flush()
        os.fsync(handle)


def sync(path: Path) -> None:
    """Bring a file or a folder, with the names in it, to disk (fsync(2))."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
