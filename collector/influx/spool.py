"""Lines that wait on disk for an InfluxDB that is away: segment files of line protocol, oldest first.

Nothing is fsynced: after a power cut the lines of the last half minute or so may be missing or torn, and a torn last
line is dropped and counted. That is enough for points, which can be made again from the ledger. Beyond `max_bytes` or
`SEGMENTS_MAX` files the oldest segment is dropped and its lines are counted. Everything blocks: call it in a thread.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SUFFIX: Final = ".lp"
_SEGMENT_BYTES: Final = 1024 * 1024
SEGMENTS_MAX: Final = 4096  # a process that starts again and again begins a file each time
_SHARE_OF_ALL: Final = 8  # so that dropping one segment never drops most of a small spool


class Segment(NamedTuple):
    """The lines of one file. `torn`: whether its last line was cut off (and is not among them)."""

    number: int
    lines: list[bytes]
    torn: bool


class LineSpool:
    """One folder of segments. OSError where the disk does not do its part."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._segment_bytes = min(_SEGMENT_BYTES, max(1, max_bytes // _SHARE_OF_ALL))
        self._sizes: dict[int, int] = {}  # number → bytes, oldest first
        self._growing: int | None = None
        self._lock = threading.Lock()  # a cancelled task's thread may still be writing

    def open(self) -> None:
        """Make the folder if need be, and find what an earlier process left."""
        with self._lock:
            self._folder.mkdir(parents=True, exist_ok=True)
            names = (file for file in self._folder.glob(f"*{_SUFFIX}") if file.stem.isascii() and file.stem.isdigit())
            self._sizes = {int(file.stem): file.stat().st_size for file in sorted(names, key=lambda f: int(f.stem))}
            self._growing = None

    @property
    def size_bytes(self) -> int:
        """Bytes on disk."""
        return sum(self._sizes.values())

    @property
    def segments(self) -> int:
        """Files on disk."""
        return len(self._sizes)

    def append(self, lines: Sequence[bytes]) -> int:
        """Put lines behind all others; how many old lines were dropped to make room."""
        with self._lock:
            number = self._growing
            if number is None:
                number = max(self._sizes, default=0) + 1
            body = b"".join(line + b"\n" for line in lines)
            self._grow(self._path(number), self._sizes.get(number, 0), body)
            self._sizes[number] = self._sizes.get(number, 0) + len(body)
            self._growing = number if self._sizes[number] < self._segment_bytes else None
            return self._make_room()

    def oldest(self) -> Segment | None:
        """The lines that have waited longest; None where nothing waits. New lines go to another file from now on."""
        with self._lock:
            if not self._sizes:
                return None
            number = next(iter(self._sizes))
            if number == self._growing:
                self._growing = None
            try:
                *lines, rest = self._path(number).read_bytes().split(b"\n")
            except OSError:
                del self._sizes[number]  # it stays where it is, and is tried again after a restart
                raise
            return Segment(number, [line for line in lines if line], torn=bool(rest))

    def replace(self, number: int, lines: Sequence[bytes]) -> None:
        """Keep only these lines of a segment: none of them removes it."""
        with self._lock:
            path = self._path(number)
            if lines:
                body = b"".join(line + b"\n" for line in lines)
                path.with_suffix(".new").write_bytes(body)
                path.with_suffix(".new").replace(path)
                self._sizes[number] = len(body)
            else:
                path.unlink(missing_ok=True)
                self._sizes.pop(number, None)

    def _grow(self, path: Path, size: int, body: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("ab") as file:
                file.write(body)
        except OSError:
            self._growing = None
            with contextlib.suppress(OSError):  # a disk that is full or broken: no half line before the next ones
                os.truncate(path, size)
            raise

    def _make_room(self) -> int:
        dropped = 0
        while (self.size_bytes > self._max_bytes and len(self._sizes) > 1) or len(self._sizes) > SEGMENTS_MAX:
            number = next(iter(self._sizes))
            path = self._path(number)
            dropped += path.read_bytes().count(b"\n")
            path.unlink()
            del self._sizes[number]
        return dropped

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:012d}{_SUFFIX}"
