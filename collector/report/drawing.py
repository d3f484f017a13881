"""PURE. Timelines and day columns as SVG paths, in whole units of the drawing; a template puts them into their frames.

A path per standing keeps a row small, however often a player flaps: what falls into one unit is drawn once. Down time
is drawn at least `SHORTEST` units wide, so that it never vanishes; the bad lies over the good.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from collector.report.model import Day
from collector.report.stretches import Stretch
from collector.sla.instants import DAY_MS
from collector.sla.intervals import Interval, normalise

WIDTH: Final = 2000
HEIGHT: Final = 20
SHORTEST: Final = 5
_CLASSES: Final = {"up": "up", "unknown": "unknown", "cause": "left", "window": "left", "down": "down"}
_ORDER: Final = ("up", "unknown", "left", "down")  # the later lie over the earlier
_THIN: Final = frozenset({"up", "unknown"})


@dataclass(frozen=True, slots=True)
class Layer:
    """All rectangles of one class, as the `d` of a path."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A local midnight: where, and its day of the month."""

    x: int
    label: str


@dataclass(frozen=True, slots=True)
class Column:
    """One day's columns, in units from the bottom."""

    x: int
    width: int
    platform: int
    players: int


def layers(stretches: Iterable[Stretch], start_ms: int, end_ms: int) -> list[Layer]:
    """A subject's month; what is drawn nowhere is not counted."""
    found: dict[str, list[Interval]] = {name: [] for name in _ORDER}
    length = end_ms - start_ms
    for each in stretches:
        name = _CLASSES[each.standing]
        first = (each.start_ms - start_ms) * WIDTH // length
        last = -((start_ms - each.end_ms) * WIDTH // length)  # rounded up
        if name not in _THIN and last - first < SHORTEST:
            first = max(0, min(first, WIDTH - SHORTEST))
            last = first + SHORTEST
        found[name].append((first, last))
    return [Layer(name, _path(normalise(parts))) for name, parts in found.items() if parts]


def _path(parts: Sequence[Interval]) -> str:
    return "".join(f"M{first} 0h{last - first}v{HEIGHT}h{first - last}z" for first, last in parts)


def ticks(days: Sequence[Day], every: int = 1) -> list[Tick]:
    """A tick at every so many local midnights of the month, from the first day on."""
    start, length = days[0].start_ms, days[-1].end_ms - days[0].start_ms
    return [Tick((day.start_ms - start) * WIDTH // length, str(day.date.day)) for day in days[::every]]


def columns(days: Sequence[Day], height: int) -> tuple[list[Column], int]:
    """The days' columns, and what the full height stands for, in milliseconds (0: nothing was down)."""
    highest = max((max(day.platform_ms, day.players_ms) for day in days), default=0)
    if not highest:
        return [], 0
    step = WIDTH // len(days)
    return [
        Column(number * step, step, _height(day.platform_ms, highest, height), _height(day.players_ms, highest, height))
        for number, day in enumerate(days)
    ], highest


def _height(part_ms: int, highest_ms: int, height: int) -> int:
    """Rounded up: a column that is not nought is seen."""
    return -(-part_ms * height // highest_ms)


def shortest_ms(length_ms: int) -> int:
    """What the least width stands for in a month of that length; never more than a day."""
    return min(DAY_MS, length_ms * SHORTEST // WIDTH)
