"""The spool's file: append, replace, lock, set aside. It knows bytes and `agent.records`, nothing of runs.

What must be durable is written with `fsync(2)`; a replacement is written beside the file, synced, renamed over it, and
the directory synced, so that a power cut leaves the old file or the new one. Every OSError is the caller's to survive.

A damaged file is set aside by the replacement itself, after what could be read of it is durable in the new file. Where
the file system has no hard links (vfat) it is renamed first; a power cut right then leaves only the new file beside,
and `read` finds it there.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from agent.records import MAX_LINE_BYTES, Contents, read
from common.clock import utc_now

NAME: Final = "spool.journal"
ASIDE_KEPT: Final = 8  # damaged files that are kept for a person to look at, the newest
ASIDE_BYTES: Final = 16 * 1024 * 1024  # and what they may take together; a longer one is cut
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
        self.damaged = False
        """Whether the next replacement shall set the file aside."""
        self.aside: Path | None = None
        """Where it has last put one."""
        self._beside = self.path.with_suffix(".new")
        self._only_beside = False  # a cut-off replacement is all there is
        self._identity: tuple[int, int] | None = None  # of the directory that was locked last
        self._directory: int | None = None  # its lock is the spool's lock, and it works on a read-only disk too
        self._file: int | None = None

    @property
    def locked(self) -> bool:
        """Whether this process holds the directory."""
        return self._directory is not None

    def lock(self) -> None:
        """Make the directory where it is missing, and hold it; SpoolBusyError where another process does.

        Where the disk died and another one is mounted in its place, what lies there is set aside, not written over.
        """
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
        self._recognise(_identity(os.fstat(directory)))

    def read(self, limit_bytes: int) -> Contents:
        """Everything in the file that checks, and what does not; a missing file is empty. OSError if it cannot open."""
        try:
            return _read(self.path, limit_bytes)
        except FileNotFoundError:
            return self._read_beside(limit_bytes)

    def asides(self) -> list[Path]:
        """Damaged files that were set aside, the oldest first."""
        return sorted(self.directory.glob("spool.damaged-*.journal"))

    def replace(self, data: bytes) -> None:
        """Put a new file in the place of the old one, durably, and go on appending to it."""
        self._close_file()
        with self._lets_go():
            self.lock()
            self._file, self.size = self._write_beside(data), len(data)
            if self.damaged:
                self._set_aside()
            self._beside.rename(self.path)
            if self._directory is not None:
                os.fsync(self._directory)
            if self.damaged:
                self.damaged = False
                self._bound_asides()

    def append(self, data: bytes) -> None:
        """Write at the end; durable when it returns. An OSError closes the file: its end is not to be trusted."""
        if self._file is None:
            raise OSError(errno.EBADF, "the journal is not open")
        with self._lets_go():
            if self._identity != _identity(self.directory.stat()):  # another disk was mounted over it
                raise OSError(errno.ESTALE, "another file system is mounted there")
            _write(self._file, data)
            os.fsync(self._file)
        self.size += len(data)

    def close(self) -> None:
        """Let go of the file and of the lock."""
        self._close_file()
        if self._directory is not None:
            os.close(self._directory)
            self._directory = None

    @contextlib.contextmanager
    def _lets_go(self) -> Iterator[None]:
        """After an error nothing stays open: it would keep a person from unmounting, mending and mounting the disk.

        The lock is given back with it, but for a disk that is only full.
        """
        try:
            yield
        except OSError as error:
            self._close_file()
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                self.close()
            raise

    def _recognise(self, identity: tuple[int, int]) -> None:
        if self._identity not in {None, identity}:
            self.damaged = True
        self._identity = identity

    def _read_beside(self, limit_bytes: int) -> Contents:
        """Take over what a cut-off replacement left, if that is whole."""
        try:
            contents = _read(self._beside, limit_bytes)
        except FileNotFoundError:
            return Contents([], [])
        if contents.damage:
            return Contents([], [])  # it was never finished, so nothing ever relied on it
        self._only_beside = True
        return contents

    def _write_beside(self, data: bytes) -> int:
        with contextlib.suppress(FileNotFoundError):
            if self._only_beside:
                self._beside.rename(self.path)
            else:
                self._beside.unlink()  # of an attempt that failed: it would only stand in its own way
        self._only_beside = False
        _make_sure_of_room(self.directory, len(data))
        file = os.open(self._beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
        try:
            _write(file, data)
            os.fsync(file)
        except BaseException:
            os.close(file)
            raise
        return file

    def _set_aside(self) -> None:
        """Keep the file under a dated name for a person to look at."""
        stamp = utc_now().strftime("%Y%m%dT%H%M%S.%fZ")
        aside = self.directory / f"spool.damaged-{stamp}.journal"
        try:
            os.link(self.path, aside)
        except FileNotFoundError:  # somebody took it away
            return
        except OSError:  # vfat has no hard links, a directory gets none, another user's file may not
            self.path.rename(aside)
        self.aside = aside

    def _bound_asides(self) -> None:
        left_bytes = ASIDE_BYTES
        for place, aside in enumerate(file for file in reversed(self.asides()) if file.is_file()):
            size = aside.stat().st_size
            if place == 0 and size > ASIDE_BYTES:
                os.truncate(aside, ASIDE_BYTES)
            elif place >= ASIDE_KEPT or size > left_bytes:
                aside.unlink()
                continue
            left_bytes -= min(size, ASIDE_BYTES)

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _read(path: Path, limit_bytes: int) -> Contents:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO must not hold us up
    with open(descriptor, "rb") as file:  # noqa: PTH123 - of a descriptor
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "is not a regular file")
        trouble: list[str] = []
        contents = read(_lines(file, limit_bytes, trouble))
    contents.damage.extend(trouble)
    return contents


def _make_sure_of_room(directory: Path, size_bytes: int) -> None:
    """OSError where that cannot fit: to find out by writing would wear the card out, every few seconds anew."""
    room = os.statvfs(directory)
    blocks = room.f_bfree if os.geteuid() == 0 else room.f_bavail
    if room.f_blocks and blocks * room.f_frsize < size_bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


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
