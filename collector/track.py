"""PURE. One output's runs in memory, and which of them speaks of the present.

A run says what an output is *now* when it is open, of the boot that its device is in, and was restated within three
intervals of the device's own clock: an output of which its agent no longer speaks is nobody's evidence, though the
device answers. Among several such runs (two agents with one name) it is the one that began last, as painting shows it.

Only of open runs is the whole row kept; of the rest what figures and votes are made of (collector/kept_runs.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import nlargest
from typing import TYPE_CHECKING, Final

from collector.evidence import RunRow
from collector.kept_runs import KeptRun, KeptRuns

if TYPE_CHECKING:
    from collector.ledger.intake import DeviceRow
    from collector.sla.timeline import Evidence

SILENT_AFTER_INTERVALS: Final = 3


class Track:
    """One output's runs. `newest` reaches furthest; `shown` is what it was when somebody last looked.

    `detailed`: what each run saw is kept too, since it is a vote's reason.
    """

    __slots__ = ("_open", "_runs", "newest", "shown")

    def __init__(self, *, detailed: bool = False) -> None:
        self._runs = KeptRuns(detailed=detailed)
        self._open: dict[tuple[str, int], RunRow] = {}
        self.newest: RunRow | KeptRun | None = None
        self.shown: tuple[object, ...] = ()

    @property
    def size(self) -> int:
        """How many runs these are."""
        return len(self._runs)

    @property
    def evidence_ms(self) -> int | None:
        """True time up to which evidence reaches."""
        return self.newest.end_ms if self.newest else None

    @property
    def span_ms(self) -> tuple[int, int] | None:
        """From where the first run begins to where the last one ends, however little its clock is known."""
        begin, end = self._runs.begin_ms, self._runs.end_ms
        return None if begin is None or end is None else (begin, end)

    def add(self, row: RunRow) -> None:
        """Take in a row as the ledger now has it."""
        self._runs.put(row)
        name, before = row.name, self.newest
        if not row.closed:
            self._open[name] = row
        elif name in self._open:
            del self._open[name]
        if before is None or _reaches(row, before):
            self.newest = row
        elif before.name == name:  # its boot's clock became better known
            self.newest = max(self._runs, key=_reach)

    def remember(self, row: RunRow) -> None:
        """Take in a row as the ledger had it at some moment before now; what is known already is no older."""
        if row.name not in self._runs:
            self.add(row)

    def current(self, device: DeviceRow) -> RunRow | None:
        """The open run that says what is there now, as far as the device's own clock tells; None: nobody knows."""
        oldest_ms = device.mono_ms - SILENT_AFTER_INTERVALS * device.interval_ms
        living = [row for row in self._open.values() if row.boot == device.boot and row.end_mono_ms >= oldest_ms]
        return max(living, key=_order, default=None)

    def evidence(self, start_ms: int, end_ms: int) -> Iterator[Evidence]:
        """The runs that touch `[start_ms, end_ms)`, as painting takes them; empty ones paint nothing."""
        return self._runs.evidence(start_ms, end_ms)

    def painted(self) -> Iterator[KeptRun]:
        """Every run in painting order."""
        yield from sorted(self._runs, key=_order)  # not before somebody asks for the first

    def last(self, count: int) -> list[KeptRun]:
        """The last so many runs, in painting order."""
        return nlargest(count, self._runs, key=_order)[::-1]

    def prune(self, before_ms: int) -> None:
        """Forget runs that ended before an instant, but for the newest."""
        self._runs.prune(before_ms, self.newest.name if self.newest else None)
        self._open = {name: row for name, row in self._open.items() if name in self._runs}


def _order(run: RunRow | KeptRun) -> tuple[int, str, int]:
    return run.start_ms, run.spool, run.seq


def _reaches(run: RunRow, other: RunRow | KeptRun) -> bool:
    """Whether a run's evidence reaches as far as another's."""
    if run.clock == other.clock and run.end_ms != other.end_ms:  # by far the most
        return run.end_ms > other.end_ms
    return _reach(run) >= _reach(other)


def _reach(run: RunRow | KeptRun) -> tuple[bool, int, int, str, int]:
    """Order runs by how far their evidence reaches; a boot that nobody could place says nothing of the present."""
    return run.clock != "estimated", run.end_ms, run.start_ms, run.spool, run.seq
