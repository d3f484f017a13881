"""PURE. One output's runs in memory, as the ledger has them, and which of them speaks of the present.

A run says what an output is *now* when it is open, of the boot that its device is in, and was restated within three
intervals of the device's own clock: an output of which its agent no longer speaks is nobody's evidence, though the
device answers. Among several such runs (two agents with one name) it is the one that began last, as painting shows it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from collector.evidence import RunRow

if TYPE_CHECKING:
    from collector.ledger.intake import DeviceRow

SILENT_AFTER_INTERVALS: Final = 3


@dataclass(slots=True)
class Track:
    """One output's runs. `newest` reaches furthest; `shown` is what it was when somebody last looked."""

    runs: dict[tuple[str, int], RunRow] = field(default_factory=dict)
    newest: RunRow | None = None
    shown: tuple[object, ...] = ()
    _open: dict[tuple[str, int], RunRow] = field(default_factory=dict)
    _sorted: list[RunRow] | None = None

    @property
    def evidence_ms(self) -> int | None:
        """True time up to which evidence reaches."""
        return self.newest.end_ms if self.newest else None

    def add(self, row: RunRow) -> None:
        """Take in a row as the ledger now has it."""
        self._put(self.runs.get(row.name), row)

    def remember(self, row: RunRow) -> None:
        """Take in a row as the ledger had it at some moment before now; what is known already is no older."""
        if row.name not in self.runs:
            self._put(None, row)

    def current(self, device: DeviceRow) -> RunRow | None:
        """The open run that says what is there now, as far as the device's own clock tells; None: nobody knows."""
        oldest_ms = device.mono_ms - SILENT_AFTER_INTERVALS * device.interval_ms
        living = [row for row in self._open.values() if row.boot == device.boot and row.end_mono_ms >= oldest_ms]
        return max(living, key=_order, default=None)

    def runs_sorted(self) -> list[RunRow]:
        """Every run in painting order."""
        if self._sorted is None:
            self._sorted = sorted(self.runs.values(), key=_order)
        return self._sorted

    def prune(self, before_ms: int) -> None:
        """Forget runs that ended before an instant, but for the newest."""
        kept = {name: row for name, row in self.runs.items() if row.end_ms > before_ms or row is self.newest}
        if len(kept) < len(self.runs):
            self.runs, self._sorted = kept, None
            self._open = {name: row for name, row in self._open.items() if name in kept}

    def _put(self, known: RunRow | None, row: RunRow) -> None:
        self.runs[row.name] = row
        if row.closed:
            self._open.pop(row.name, None)
        else:
            self._open[row.name] = row
        if self._sorted and known is self._sorted[-1] and known.start_ms == row.start_ms:
            self._sorted[-1] = row  # the usual case: the open run was extended
        else:
            self._sorted = None
        if self.newest is None or _reach(row) >= _reach(self.newest):
            self.newest = row
        elif known is self.newest:  # its boot's clock became better known
            self.newest = max(self.runs.values(), key=_reach)


def _order(row: RunRow) -> tuple[int, str, int]:
    return row.start_ms, row.spool, row.seq


def _reach(row: RunRow) -> tuple[bool, int, int, str, int]:
    """Order runs by how far their evidence reaches; a boot that nobody could place says nothing of the present."""
    return row.clock != "estimated", row.end_ms, row.start_ms, row.spool, row.seq
