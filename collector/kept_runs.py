"""PURE. The runs of one output, as many as a month brings, in columns of integers: what memory keeps of them.

A run takes 26 bytes: its seq, its true times and a code for state, cause and clock. As a row of the ledger it takes
900 and more, most of them for the strings that name its spool and boots and that say what was seen. What was seen is
asked of the ledger by whoever wants to read it; only where it is a vote's reason (collector/places.py) is it kept too.

Runs lie by spool and seq, so that a statement about a known run is written over it in place. Painting sorts by start
and leaves equal starts as they are given, so this order is painting order wherever it matters (SPEC 2.2).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from itertools import product
from typing import Final, NamedTuple, get_args

from collector.evidence import RunRow
from collector.sla.timeline import Evidence
from collector.views import ClockSource
from wire.states import Cause, State

_Kind = tuple[str, str | None, ClockSource]  # state, cause, clock

_KINDS: Final[tuple[_Kind, ...]] = tuple(product(get_args(State), (None, *get_args(Cause)), get_args(ClockSource)))
_CODES: Final = {kind: code for code, kind in enumerate(_KINDS)}


class KeptRun(NamedTuple):
    """One run in true time, half-open. `detail`: None also where details are not kept."""

    spool: str
    seq: int
    start_ms: int
    end_ms: int
    state: str
    cause: str | None
    clock: ClockSource
    detail: str | None = None

    @property
    def name(self) -> tuple[str, int]:
        """Name the run within its device."""
        return self.spool, self.seq


class _SpoolRuns:
    """The runs that one spool numbered, by seq."""

    __slots__ = ("details", "ends_ms", "kinds", "seqs", "starts_ms")

    def __init__(self, *, detailed: bool) -> None:
        self.seqs, self.starts_ms, self.ends_ms, self.kinds = array("q"), array("q"), array("q"), array("H")
        self.details: list[str | None] | None = [] if detailed else None

    def place(self, seq: int) -> tuple[int, bool]:
        """Where a run lies or would lie, and whether it is there."""
        place = bisect_left(self.seqs, seq)
        return place, place < len(self.seqs) and self.seqs[place] == seq

    def put(self, row: RunRow) -> None:
        """Write a run over what was known of it, or between its neighbours."""
        place, known = self.place(row.seq)
        kind = _CODES[row.state, row.cause, row.clock]
        if known:
            self.starts_ms[place], self.ends_ms[place], self.kinds[place] = row.start_ms, row.end_ms, kind
        else:
            self.seqs.insert(place, row.seq)
            self.starts_ms.insert(place, row.start_ms)
            self.ends_ms.insert(place, row.end_ms)
            self.kinds.insert(place, kind)
        if self.details is not None:
            self.details[place : place + known] = [row.detail]

    def keep(self, places: list[int]) -> None:
        """Forget all but these."""
        for name in ("seqs", "starts_ms", "ends_ms", "kinds"):
            column = getattr(self, name)
            setattr(self, name, array(column.typecode, [column[place] for place in places]))
        if self.details is not None:
            self.details = [self.details[place] for place in places]


class KeptRuns:
    """Every run of one output that memory holds. `detailed`: what each saw is kept too."""

    __slots__ = ("_detailed", "_spools")

    def __init__(self, *, detailed: bool = False) -> None:
        self._detailed = detailed
        self._spools: dict[str, _SpoolRuns] = {}

    def __len__(self) -> int:
        return sum(len(runs.seqs) for runs in self._spools.values())

    def __contains__(self, name: tuple[str, int]) -> bool:
        runs = self._spools.get(name[0])
        return runs is not None and runs.place(name[1])[1]

    def __iter__(self) -> Iterator[KeptRun]:
        """By spool and seq."""
        for spool, runs in sorted(self._spools.items()):
            details = runs.details or [None] * len(runs.seqs)
            for seq, start, end, kind, detail in zip(
                runs.seqs, runs.starts_ms, runs.ends_ms, runs.kinds, details, strict=True
            ):
                yield KeptRun(spool, seq, start, end, *_KINDS[kind], detail)

    @property
    def begin_ms(self) -> int | None:
        """Where the first of them begins."""
        return min((min(runs.starts_ms) for runs in self._spools.values()), default=None)

    @property
    def end_ms(self) -> int | None:
        """Where the last of them ends, however little its clock is known."""
        return max((max(runs.ends_ms) for runs in self._spools.values()), default=None)

    def put(self, row: RunRow) -> None:
        """Take in a run, or what is said of it now. KeyError: a state, cause or clock that SPEC 1 does not know."""
        runs = self._spools.get(row.spool)
        if runs is None:
            runs = self._spools[row.spool] = _SpoolRuns(detailed=self._detailed)
        runs.put(row)

    def evidence(self, start_ms: int, end_ms: int) -> Iterator[Evidence]:
        """The runs that touch `[start_ms, end_ms)`, for painting; empty ones paint nothing."""
        for _, runs in sorted(self._spools.items()):
            for start, end, kind in zip(runs.starts_ms, runs.ends_ms, runs.kinds, strict=True):
                if start < end and end > start_ms and start < end_ms:
                    state, cause, _ = _KINDS[kind]
                    yield Evidence(start, end, state, cause)

    def prune(self, before_ms: int, spared: tuple[str, int] | None) -> None:
        """Forget the runs that ended by an instant, but for one."""
        for spool, runs in list(self._spools.items()):
            kept = [
                place
                for place, (seq, end_ms) in enumerate(zip(runs.seqs, runs.ends_ms, strict=True))
                if end_ms > before_ms or (spool, seq) == spared
            ]
            if not kept:
                del self._spools[spool]
            elif len(kept) < len(runs.seqs):
                runs.keep(kept)
