"""PURE. What a person may want to know of a boot's clock: its offset, its steps, and how far its times can be wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from collector.clocks.offsets import STEP_MS, Mark, groups_of
from collector.clocks.truetime import GRAIN_MS, BootClock

if TYPE_CHECKING:
    from collector.clocks.placing import Guess

_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Step:
    """The wall clock was set while it said that it was synced: when (true time), and by how much."""

    at_ms: int
    by_ms: int


@dataclass(frozen=True, slots=True)
class ClockView:
    """One boot's clock. `[since_ms, until_ms)` is what its evidence covers, in true time.

    What really happened lies at most `early_ms` before and `late_ms` behind the times given; None: nobody can say.
    """

    boot: str
    source: str  # synced | told | received | estimated
    since_ms: int
    until_ms: int
    offset_ms: int | None  # wall − mono, as it was last; None: nothing tells it
    early_ms: int | None
    late_ms: int | None
    drift_ppm: Fraction  # of the board's oscillator, over the boot; positive: it is fast
    steps: tuple[Step, ...]


def view_of(boot: str, clock: BootClock, since_ms: int, until_ms: int, guess: Guess | None = None) -> ClockView:
    """Show a boot's clock; what neither marks nor neighbours place is quoted as the device said it."""
    curve = guess.clock().curve if guess is not None else clock.curve
    if curve is None:
        return ClockView(boot, "estimated", since_ms, until_ms, None, None, None, Fraction(0), ())
    first, last = curve.knots[0], curve.knots[-1]
    early_ms, late_ms = _bounds(curve.source, clock, guess)
    rise = Fraction(first.offset_ms - last.offset_ms, last.mono_ms - first.mono_ms) if last != first else Fraction(0)
    return ClockView(
        boot=boot,
        source=curve.source,
        since_ms=since_ms,
        until_ms=until_ms,
        offset_ms=last.offset_ms,
        early_ms=early_ms,
        late_ms=late_ms,
        drift_ppm=rise * _MILLION,
        steps=tuple(Step(mono_ms + curve.at(mono_ms), by_ms) for mono_ms, by_ms in steps_of(clock.marks())),
    )


def steps_of(marks: Iterable[Mark]) -> list[tuple[int, int]]:
    """(mono, by how much) of every step that no oscillator explains, in milliseconds."""
    groups = groups_of(mark for mark in marks if mark.source != "received" and mark.mono_ms > 0)
    said = sorted((point, number) for number, group in enumerate(groups) for point in group.points)
    return [
        (after.mono_ms, after.offset_ms - before.offset_ms)
        for (before, one), (after, other) in pairwise(said)
        if one != other
    ]


def _bounds(source: str, clock: BootClock, guess: Guess | None) -> tuple[int | None, int | None]:
    if guess is not None:
        early_ms = None if guess.least_ms is None else max(0, guess.offset_ms - guess.least_ms)
        return early_ms, None if guess.most_ms is None else max(0, guess.most_ms - guess.offset_ms)
    if source == "received":  # not sent after it was received; how long it was under way nobody knows
        return None, STEP_MS + GRAIN_MS
    delays = [mark.delay_ms for mark in clock.marks() if mark.delay_ms is not None]
    apart_ms = min(delays, key=abs, default=0)
    return STEP_MS + max(0, -apart_ms), STEP_MS + max(0, apart_ms)


def with_neighbours(views: Sequence[ClockView]) -> list[ClockView]:
    """In order of time; a boot known by receipt cannot have begun before the one before it was last seen."""
    ordered = sorted(views, key=lambda view: view.since_ms)
    bounded = ordered[:1]
    for before, view in pairwise(ordered):
        known = view.source != "received"
        bounded.append(view if known else replace(view, early_ms=max(0, view.since_ms - before.until_ms)))
    return bounded
