"""The spool's file: append, replace, lock, set aside. It knows bytes and `agent.records`, nothing of runs.

What must be durable is written with `fsync(2)`; a replacement is written beside the file, synced, renamed over it, and
the directory synced, so that a power cut leaves the old file or the new one. Every OSError is the caller's to survive.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from agent.records import MAX_LINE_BYTES, Contents, read
from common.clock import utc_now

NAME: Final = "spool.journal"
ASIDE_KEPT: Final = 8  # damaged files that are kept for a person to look at, the newest
_MODE: Final = 0o600
_DIRECTORY_MODE: Final = 0o700


class SpoolBusyError(Exception):
    """Another process holds the spool."""


class Journal:
    """One directory's journal. Blocking: call it from a thread that may hang."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / NAME
        self.size = 0
        self._directory: int | None = None  # its lock is the spool's lock, and it works on a read-only disk too
        self._file: int | None = None

    @property
    def locked(self) -> bool:
        """Whether this process holds the directory."""
        return self._directory is not None

    def lock(self) -> None:
        """Make the directory where it is missing, and hold it; SpoolBusyError where another process does."""
        if self._directory is not None:
            return
        self.directory.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
        directory = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(directory)
            if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
                raise SpoolBusyError(f"another process holds {self.directory}") from None
            raise
        self._directory = directory

    def read(self, limit_bytes: int) -> Contents:
        """Everything in the file that checks, and what does not; a missing file is empty. OSError if it cannot open."""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return Contents([], [])
        trouble: list[str] = []
        with file:
            contents = read(_lines(file, limit_bytes, trouble))
        contents.damage.extend(trouble)
        return contents

    def set_aside(self) -> Path:
        """Keep the file under a dated name for a person to look at, before it is replaced; gives that path."""
        stamp = utc_now().strftime("%Y%m%dT%H%M%S.%fZ")
        aside = self.directory / f"spool.damaged-{stamp}.journal"
        try:
            os.link(self.path, aside)
        except OSError:  # vfat has no hard links, and another user's file may not get one
            try:
                shutil.copyfile(self.path, aside)
            except OSError:  # no room, or not readable: a new name needs neither
                self.path.rename(aside)
        for old in sorted(self.directory.glob("spool.damaged-*.journal"))[:-ASIDE_KEPT]:
            old.unlink(missing_ok=True)
        return aside

    def replace(self, data: bytes) -> None:
        """Put a new file in the place of the old one, durably, and go on appending to it."""
        self.lock()
        beside = self.path.with_suffix(".new")
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _MODE)
        try:
            _write(file, data)
            os.fsync(file)
            beside.rename(self.path)
            if self._directory is not None:
                os.fsync(self._directory)
        except BaseException:
            os.close(file)
            raise
        self._close_file()
        self._file, self.size = file, len(data)

    def append(self, data: bytes, *, sync: bool) -> None:
        """Write at the end; durable when it returns if `sync`. After an OSError the file's end is not to be trusted."""
        if self._file is None:
            raise OSError(errno.EBADF, "the journal is not open")
        _write(self._file, data)
        self.size += len(data)
        if sync:
            os.fsync(self._file)

    def close(self) -> None:
        """Let go of the file and of the lock."""
        self._close_file()
        if self._directory is not None:
            os.close(self._directory)
            self._directory = None

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _write(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def _lines(file: BinaryIO, limit_bytes: int, trouble: list[str]) -> Iterator[bytes]:
    gone = 0
    try:
        while text := file.readline(MAX_LINE_BYTES):
            gone += len(text)
            if gone > limit_bytes:
                trouble.append(f"more than {limit_bytes} bytes: the rest was not read")
                return
            yield text
    except OSError as error:
        trouble.append(f"cannot be read behind byte {gone}: {error.strerror}")
