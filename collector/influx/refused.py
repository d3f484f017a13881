"""Lines that InfluxDB refused, set aside for a person: one file a day, itself line protocol (reasons are comments)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from common.clock import iso

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from common.clock import Clock

_MAX_BYTES: Final = 16 * 1024 * 1024


class RefusedLines:
    """`refused-2026-03-01.lp` in the spool's folder. After mending the cause it can be posted as it is. Blocks."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    def add(self, refused: Sequence[tuple[bytes, str]]) -> None:
        """Keep lines with their reasons; beyond 16 MiB a day they are only counted by the caller. OSError as ever."""
        now = iso(self._clock.wall_ms())
        path = self._folder / f"refused-{now[:10]}.lp"
        if path.exists() and path.stat().st_size >= _MAX_BYTES:
            return
        with path.open("ab") as file:
            for line, reason in refused:
                file.write(f"# {now} {' '.join(reason.split())}\n".encode() + line + b"\n")
