"""PURE. Evidence as the ledger keeps it: the row of a run, and the join that makes the ledger a set.

A run is named for ever by (device, spool, seq). Statements about it are joined: the closed one ends it for good; among
open ones the one that reaches furthest counts. The join is commutative, associative and idempotent, so the ledger does
not care in which order, how often, or how late messages arrive.
"""

from __future__ import annotations

from typing import NamedTuple

from collector.clocks.offsets import Curve
from collector.clocks.truetime import BootClock
from collector.views import ClockSource, RunView
from common.clock import EARLIEST_MS
from wire.messages import Run


class RunRow(NamedTuple):
    """One run, in the order of the ledger's columns. `start_ms`, `end_ms` are true time; `said_*` are what was said."""

    device_id: int
    spool: str
    seq: int
    output: str
    state: str
    cause: str | None
    detail: str | None
    closed: bool
    boot: str
    end_boot: str
    start_mono_ms: int
    end_mono_ms: int
    said_start_ms: int
    said_end_ms: int
    start_ms: int
    end_ms: int
    clock: ClockSource

    @property
    def name(self) -> tuple[str, int]:
        """Name the run within its device."""
        return self.spool, self.seq

    def view(self) -> RunView:
        """Show it."""
        return RunView(
            self.start_ms,
            self.end_ms,
            self.state,
            self.cause,
            self.detail,
            self.clock,
            self.closed,
            self.spool,
            self.seq,
        )


def join(one: RunRow, other: RunRow) -> RunRow:
    """Join two statements about the same run; where both are closed the first that came stands.

    A statement that gives the run to another output, or lets it begin in another boot, is not about this run.
    """
    if one.closed or one.output != other.output or one.boot != other.boot:
        return one
    if other.closed or other.end_mono_ms > one.end_mono_ms:
        return other
    return one


def closed_row(device_id: int, spool: str, run: Run) -> RunRow:
    """Row of a closed run as said, true time still to be filled in."""
    boot = run.boot or ""
    return _row(device_id, spool, run, boot, run.end_boot or boot, run.end_mono_ms or 0, run.end_ms or 0, closed=True)


def open_row(device_id: int, spool: str, run: Run, boot: str, mono_ms: int, sent_ms: int) -> RunRow:
    """Row of an open run, which a heartbeat sent at (`mono_ms`, `sent_ms`) states up to that moment."""
    return _row(device_id, spool, run, boot, boot, mono_ms, sent_ms, closed=False)


def in_true_time(row: RunRow, start_clock: BootClock, end_clock: BootClock) -> RunRow:
    """Fill in `start_ms`, `end_ms` and `clock` from the clocks of the boots in which the run starts and ends.

    Without any means both are what the device's own clock said, marked `estimated`; with one of the two, the run is as
    long as the device said, where that can be. A run never ends before it starts: where two boots' clocks disagree so
    far, it is empty.
    """
    start, end = start_clock.curve, end_clock.curve
    start_ms = row.said_start_ms if start is None else row.start_mono_ms + start.at(row.start_mono_ms)
    end_ms = row.said_end_ms if end is None else row.end_mono_ms + end.at(row.end_mono_ms)
    if start is None and end is not None:
        start_ms = end_ms - _said_length_ms(row)
    elif start is not None and end is None:
        end_ms = start_ms + _said_length_ms(row)
    return row._replace(start_ms=start_ms, end_ms=max(start_ms, end_ms), clock=_worse(start, end))


def _said_length_ms(row: RunRow) -> int:
    """How long a run over a restart was by the wall clocks of its two boots; 0 where one had not been set.

    A board that woke up in 1970 and was off when its clock was right at last must not have been off for 56 years.
    """
    if min(row.said_start_ms, row.said_end_ms) < EARLIEST_MS:
        return 0
    return max(0, row.said_end_ms - row.said_start_ms)


_RANK: dict[ClockSource, int] = {"synced": 0, "received": 1, "estimated": 2}
# What an agent remembers it noted while its clock was synced.
_CLOCKS: dict[str, ClockSource] = {
    "synced": "synced",
    "told": "synced",
    "received": "received",
    "estimated": "estimated",
}


def _worse(start: Curve | None, end: Curve | None) -> ClockSource:
    if start is end and start is not None:
        return _CLOCKS[start.source]
    sources: list[ClockSource] = [_CLOCKS[known.source] if known else "estimated" for known in (start, end)]
    return max(sources, key=_RANK.__getitem__)


def _row(
    device_id: int, spool: str, run: Run, boot: str, end_boot: str, end_mono_ms: int, end_ms: int, *, closed: bool
) -> RunRow:
    return RunRow(
        device_id=device_id,
        spool=spool,
        seq=run.seq,
        output=run.output,
        state=run.state,
        cause=run.cause,
        detail=run.detail,
        closed=closed,
        boot=boot,
        end_boot=end_boot,
        start_mono_ms=run.start_mono_ms,
        end_mono_ms=end_mono_ms,
        said_start_ms=run.start_ms,
        said_end_ms=end_ms,
        start_ms=run.start_ms,
        end_ms=end_ms,
        clock="estimated",
    )
