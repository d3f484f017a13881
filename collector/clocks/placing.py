"""PURE. Where a boot belongs of whose clock nothing is known: between its neighbours (docs/clocks.md).

Seqs tell in which order a spool's boots came. A boot began after the last sign of life in the one before it, and had
ended when the next one began: these are its bounds. Where the spool names no next one, it had ended when the boot began
that told of it. Within them the device's own wall clock is quoted where it can have meant what it showed, else the boot
is put as early as it can have been. Wherever it lies between them, what was played and what was dark add up alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from collector.clocks.offsets import Curve, Point
from collector.clocks.truetime import BootClock
from collector.evidence import RunRow
from common.clock import EARLIEST_MS


class Guess(NamedTuple):
    """The offset that a boot is given, and between what it lies; None: nobody knows."""

    offset_ms: int
    least_ms: int | None
    most_ms: int | None

    def clock(self) -> BootClock:
        """The guess as a boot's clock."""
        return BootClock(guess=Curve((Point(0, self.offset_ms),), "estimated"))


@dataclass
class _Boot:
    """A boot as its runs tell of it: how far its mono went, and what its wall clock said it was."""

    last_mono_ms: int = 0
    said_ms: int | None = None
    least_ms: int | None = None
    most_ms: int | None = None
    ended_by_ms: int | None = None  # when the boot began that told of it
    followed: bool = False  # whether `most_ms` comes of a boot whose clock is known


def place(
    rows: Iterable[RunRow], curves: Mapping[str, Curve | None], ended_by_ms: Mapping[str, int] | None = None
) -> dict[str, Guess]:
    """Guess the boots that have no curve. `rows`: one device's runs in them, and those next to them by seq.

    `ended_by_ms`: by when a boot had ended, since another one told of it.
    """
    chains = [list(of_spool) for _, of_spool in groupby(sorted(rows, key=_by_name), key=lambda row: row.spool)]
    boots: dict[str, _Boot] = {}
    for chain in chains:
        for row in chain:
            _extend(boots.setdefault(row.boot, _Boot()), row.start_mono_ms, row.said_start_ms)
            _extend(boots.setdefault(row.end_boot, _Boot()), row.end_mono_ms, row.said_end_ms)
    for name, by_ms in (ended_by_ms or {}).items():
        boots[name].ended_by_ms = by_ms
    orders = [_order(chain) for chain in chains]
    for order in orders:
        _bound_below(order, boots, curves)
        _bound_above(order, boots, curves)
    guesses: dict[str, Guess] = {}
    for order in orders:
        _guess(order, boots, curves, guesses)
    return guesses


def _by_name(row: RunRow) -> tuple[str, int]:
    return row.spool, row.seq


def _order(rows: Sequence[RunRow]) -> list[str]:
    """The boots of one spool, each once, as they came."""
    return list(dict.fromkeys(boot for row in rows for boot in (row.boot, row.end_boot)))


def _extend(boot: _Boot, mono_ms: int, said_ms: int) -> None:
    if mono_ms >= boot.last_mono_ms:
        boot.last_mono_ms = mono_ms
        boot.said_ms = said_ms - mono_ms if said_ms >= EARLIEST_MS else None


def _bound_below(order: Sequence[str], boots: Mapping[str, _Boot], curves: Mapping[str, Curve | None]) -> None:
    least_ms: int | None = None
    for name in order:
        boot, curve = boots[name], curves.get(name)
        if curve is not None:
            least_ms = boot.last_mono_ms + curve.at(boot.last_mono_ms)
        elif least_ms is not None:
            boot.least_ms = max(least_ms, least_ms if boot.least_ms is None else boot.least_ms)
            least_ms = boot.least_ms + boot.last_mono_ms


def _bound_above(order: Sequence[str], boots: Mapping[str, _Boot], curves: Mapping[str, Curve | None]) -> None:
    most_ms: int | None = None
    followed = False
    for name in reversed(order):
        boot, curve = boots[name], curves.get(name)
        if curve is not None:
            most_ms, followed = curve.at(0), True
            continue
        most_ms = boot.ended_by_ms if most_ms is None else most_ms
        if most_ms is not None:
            most_ms -= boot.last_mono_ms
            boot.most_ms = most_ms = min(most_ms, most_ms if boot.most_ms is None else boot.most_ms)
            boot.followed = boot.followed or followed


def _guess(
    order: Sequence[str], boots: Mapping[str, _Boot], curves: Mapping[str, Curve | None], guesses: dict[str, Guess]
) -> None:
    ended_ms: int | None = None  # where the boot before was put
    for name in order:
        boot = boots[name]
        if curves.get(name) is not None:
            ended_ms = None
            continue
        if name not in guesses:
            floor_ms = boot.least_ms if ended_ms is None else max(ended_ms, boot.least_ms or ended_ms)
            offset_ms = _first(boot.said_ms, floor_ms, boot.most_ms if boot.followed else None)
            if offset_ms is None:
                continue
            if boot.most_ms is not None:
                offset_ms = min(offset_ms, boot.most_ms)
            if floor_ms is not None:  # where bounds cross, two clocks disagree: the earlier evidence stays in order
                offset_ms = max(offset_ms, floor_ms)
            guesses[name] = Guess(offset_ms, boot.least_ms, boot.most_ms)
        ended_ms = guesses[name].offset_ms + boot.last_mono_ms


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)
