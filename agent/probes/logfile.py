"""Watches a log or proof-of-play file that must keep growing. docs/probes/logfile.md has the fields and results.

For players that say what they do nowhere else. How long ago the file grew is measured by the agent's own looks, on a
clock that nobody sets; only at the first look the file's own time is believed, and only to say that it is too long ago.
The file is held open, so that the last lines before a rotation are read, too.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from glob import glob
from typing import Annotated, BinaryIO, Final, NamedTuple

import msgspec

from agent.probes.base import Around, Complaint, Reading, tidy
from agent.threads import Lane, LaneBusyError
from common.clock import Clock
from common.config import Section

READ_BYTES: Final = 1024 * 1024  # at one look; a file that grew by more is looked at from its end
_LINE_BYTES: Final = 64 * 1024
_GLOB: Final = re.compile(r"[*?\[]")


class LogfileOptions(Section, frozen=True):
    """The table `[outputs.logfile]`."""

    path: Annotated[str, msgspec.Meta(min_length=1)]
    silent_after_s: Annotated[float, msgspec.Meta(gt=0, le=86_400 * 7)] = 120.0
    pattern: str = ""
    error_pattern: str = ""
    error_hold_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 60.0


def logfile_complaints(options: LogfileOptions) -> Iterator[Complaint]:
    """PURE. What is wrong with the table."""
    for key in ("pattern", "error_pattern"):
        try:
            re.compile(getattr(options, key))
        except re.error as error:
            yield Complaint("agent.logfile_pattern", key, f"is no regular expression: {error}", "see Python's `re`")


class Growth(NamedTuple):
    """What was new at a look. `error` is the last line that should not be there."""

    grew: bool
    error: str | None


class Seen(NamedTuple):
    """What is known. `grew_ms`: when it was last seen to grow (None: never); `error_ms`: when the bad line was read."""

    since_ms: int
    grew_ms: int | None = None
    error_ms: int | None = None
    error: str = ""

    def after(self, growth: Growth, now_ms: int) -> Seen:
        """Take in a look."""
        seen = self._replace(grew_ms=now_ms) if growth.grew else self
        return seen if growth.error is None else seen._replace(error_ms=now_ms, error=growth.error)


def judge(seen: Seen, options: LogfileOptions, now_ms: int) -> Reading:
    """PURE. What the looks mean. The first line that fits decides."""
    if seen.error_ms is not None and now_ms - seen.error_ms <= options.error_hold_s * 1000:
        return Reading("error", None, tidy(f"the log says: {seen.error}"))
    what = "such line" if options.pattern else "line"
    silent_ms = now_ms - (seen.since_ms if seen.grew_ms is None else seen.grew_ms)
    if silent_ms > options.silent_after_s * 1000:
        return Reading("frozen", None, f"no {what} was written for {silent_ms // 1000} s")
    if seen.grew_ms is None:
        return Reading("unknown", None, f"no {what} has been seen to be written yet")
    return Reading("playing")


class LogfileProbe:
    """The probe named `logfile`."""

    silence = Reading("unknown", None, "the file system does not answer")

    def __init__(self, options: LogfileOptions, around: Around) -> None:
        self._options = options
        self._clock = around.clock
        self._lane = Lane(f"logfile-{around.output}")
        self._file = Follower(options)
        self._seen: Seen | None = None

    async def read(self) -> Reading:
        """Look once, in a thread: a dying disk can hang."""
        try:
            return await self._lane.call(self._look)
        except LaneBusyError as error:
            return Reading("unknown", None, str(error))
        except FileNotFoundError:
            return Reading("unknown", None, tidy(f"there is no file {self._options.path}"))
        except OSError as error:
            return Reading("unknown", None, tidy(f"{self._options.path} cannot be read: {error.strerror or error}"))

    async def close(self) -> None:
        """Close the file, unless a look at it hangs."""
        if not self._lane.busy:
            self._file.close()

    def _look(self) -> Reading:
        growth = self._file.look()
        now_ms = self._clock.mono_ms()
        if self._seen is None:
            self._seen = Seen(now_ms - self._file.age_ms(self._clock, round(self._options.silent_after_s * 1000)))
        self._seen = self._seen.after(growth, now_ms)
        return judge(self._seen, self._options, now_ms)


class Follower:
    """Follows a file by name through rotation and truncation. Everything blocks; OSError where it cannot be read."""

    def __init__(self, options: LogfileOptions) -> None:
        self._path = options.path
        self._good = re.compile(options.pattern.encode()) if options.pattern else None
        self._bad = re.compile(options.error_pattern.encode()) if options.error_pattern else None
        self._file: BinaryIO | None = None
        self._identity = (0, 0)
        self._at = 0  # read up to here
        self._begun = b""  # a line without its end yet
        self._changed_ns = 0

    def look(self) -> Growth:
        """What was written since the last look; the first look only finds the end."""
        path = self._newest()
        status = os.stat(path)  # noqa: PTH116 - a name that glob found is text
        if self._file is None:
            self._open(path, at_end=True)
            return Growth(grew=False, error=None)
        found = self._read(self._file)
        if (status.st_dev, status.st_ino) != self._identity:  # rotated: the old file was just read to its end
            further = self._read(self._open(path, at_end=False))
            found = Growth(found.grew or further.grew, further.error or found.error)
        return found

    def age_ms(self, clock: Clock, limit_ms: int) -> int:
        """How long the file has not been written to by its own time, if that is believable; at most over the limit."""
        age_ms = clock.wall_ms() - self._changed_ns // 1_000_000
        return min(max(0, age_ms), limit_ms + 1) if clock.synced() else 0

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _newest(self) -> str:
        if not _GLOB.search(self._path):
            return self._path
        dated = []
        for name in glob(self._path):  # noqa: PTH207 - the pattern is absolute or not, as the operator wrote it
            with contextlib.suppress(FileNotFoundError):  # deleted between the two
                dated.append((os.stat(name).st_mtime_ns, name))  # noqa: PTH116
        if not dated:
            raise FileNotFoundError(self._path)
        return max(dated)[1]

    def _open(self, path: str, *, at_end: bool) -> BinaryIO:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO must not be waited for
        file = os.fdopen(handle, "rb", buffering=0)
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            file.close()
            raise OSError("it is no regular file")
        self.close()
        self._file, self._identity = file, (status.st_dev, status.st_ino)
        self._at = status.st_size if at_end else 0
        self._changed_ns = status.st_mtime_ns if at_end else 0
        self._begun = b""
        return file

    def _read(self, file: BinaryIO) -> Growth:
        status = os.fstat(file.fileno())
        touched, self._changed_ns = status.st_mtime_ns != self._changed_ns, status.st_mtime_ns
        if status.st_size < self._at:  # truncated, or written anew
            self._at, self._begun = 0, b""
        skipped = max(0, status.st_size - self._at - READ_BYTES)
        file.seek(self._at + skipped)
        text = file.read(READ_BYTES)
        self._at += skipped + len(text)
        if self._good is None and self._bad is None:
            return Growth(touched and status.st_size > 0, None)
        return self._sift(text, touched=touched and status.st_size > 0)

    def _sift(self, text: bytes, *, touched: bool) -> Growth:
        *lines, begun = (self._begun + text).split(b"\n")
        self._begun = begun[-_LINE_BYTES:]
        good, bad = self._good, self._bad
        errors = [line for line in lines if bad is not None and bad.search(line)]
        grew = touched if good is None else any(good.search(line) for line in lines)
        return Growth(grew, errors[-1].decode(errors="replace") if errors else None)
