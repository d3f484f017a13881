"""Lines that InfluxDB refused, set aside for a person: one file a day, itself line protocol (reasons are comments)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from common.clock import iso

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from common.clock import Clock

DAY_BYTES_MAX: Final = 16 * 1024 * 1024
ALL_BYTES_MAX: Final = 64 * 1024 * 1024
_NAMES: Final = "refused-*.lp"


class RefusedLine(NamedTuple):
    """One line, when it was refused (ISO 8601), and why."""

    at: str
    reason: str
    line: str


class RefusedLines:
    """`refused-2026-03-01.lp` in the spool's folder. After mending the cause it can be posted as it is. Blocks."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    def add(self, refused: Sequence[tuple[bytes, str]]) -> int:
        """Keep lines with their reasons, within 16 MiB a day and 64 MiB in all, where the oldest day goes first.

        How many lines, new or old, were not kept. OSError as ever.
        """
        now = iso(self._clock.wall_ms())
        path = self._folder / f"refused-{now[:10]}.lp"
        if path.exists() and path.stat().st_size >= DAY_BYTES_MAX:
            return len(refused)
        with path.open("ab") as file:
            for line, reason in refused:
                file.write(f"# {now} {' '.join(reason.split())}\n".encode() + line + b"\n")
        return self._make_room()

    def _make_room(self) -> int:
        files = sorted(self._folder.glob(_NAMES))
        over = sum(file.stat().st_size for file in files) - ALL_BYTES_MAX
        gone = 0
        while over > 0 and len(files) > 1:
            oldest = files.pop(0)
            over -= oldest.stat().st_size
            gone += sum(1 for _ in _read(oldest))
            oldest.unlink()
        return gone


def read_refused(folder: Path) -> Iterator[RefusedLine]:
    """Every line that was set aside, oldest first. OSError where a file cannot be read."""
    for file in sorted(folder.glob(_NAMES)):
        yield from _read(file)


def _read(file: Path) -> Iterator[RefusedLine]:
    at, reason = "", ""
    with file.open(encoding="utf-8", errors="replace") as lines:
        for text in lines:
            line = text.rstrip("\n")
            if line.startswith("# "):
                at, _, reason = line[2:].partition(" ")
            elif line:
                yield RefusedLine(at, reason, line)
