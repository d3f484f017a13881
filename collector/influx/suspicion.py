"""PURE. When lines that fail for ever are themselves the reason: a batch that crashes InfluxDB must not stop the rest.

An answer such as 500, or none at all, says nothing about the lines. So they are kept and tried again, and everything
behind them waits. But when the lines at the head have failed `FAILURES` times in a row and for `patience_ms`, then one
line that is known to land is written before each further try, as a control:

control    the lines that failed    then
---------  -----------------------  ----------------------------------------------------------------------------------
fails      any                      InfluxDB is at fault: they are kept, however long that takes
lands      more than one            the first half of them is tried alone, and so on
lands      one, fewer than          it is tried again
           `ALONE` times
lands      one, `ALONE` times       it is condemned: set aside with the refused lines, and the rest goes on

What lands in between lands; after two landings in a row twice as much is tried. The suspicion ends with the segment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FAILURES: Final = 5
ALONE: Final = 3


@dataclass(slots=True)
class Suspicion:
    """What is held against the lines at the head of the spool."""

    patience_ms: int
    _failures: int = 0
    _since_ms: int = 0
    _size: int | None = None  # so many lines at once; None: nothing is held against them
    _alone: int = 0
    _landings: int = 0

    def is_due(self, now_ms: int) -> bool:
        """Whether the next try needs a control."""
        if self._size is not None:
            return self._failures > 0
        return self._failures >= FAILURES and now_ms - self._since_ms >= self.patience_ms

    def size(self, batch_lines: int) -> int | None:
        """How many lines to try at once; None: no restriction."""
        return None if self._size is None else min(self._size, batch_lines)

    def failed(self, now_ms: int) -> None:
        """The lines at the head failed."""
        if not self._failures and self._size is None:
            self._since_ms = now_ms
        self._failures += 1
        self._landings = 0

    def control_landed(self, lines: int) -> bool:
        """The control landed although the lines failed, `lines` of them at once; whether the first is condemned."""
        self._failures = 0
        tried = min(self._size or lines, lines)
        if tried > 1:
            self._size, self._alone = tried // 2, 0
            return False
        self._size = 1
        self._alone += 1
        if self._alone < ALONE:
            return False
        self._alone = 0
        return True

    def landed(self) -> None:
        """The lines that were tried landed, or were decided otherwise."""
        self._failures = self._alone = 0
        self._landings += 1
        if self._size is not None and self._landings > 1:
            self._size *= 2

    def clear(self) -> None:
        """The segment is done."""
        self._failures = self._alone = self._landings = 0
        self._size = None
