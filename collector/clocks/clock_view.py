"""PURE. What a person may want to know of a boot's clock: its offset, its steps, and how far its times can be wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from collector.clocks.offsets import HOUR_MS, STEP_MS, Curve, Mark, groups_of
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
    `synced_ms`: then, or within the hour after it, the clock last said that it was synced; None: it never did.
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
    synced_ms: int | None = None


class Statement(NamedTuple):
    """What a heartbeat said of its clocks, and when it was received."""

    boot: str
    sent_ms: int
    mono_ms: int
    synced: bool
    received_ms: int


@dataclass(frozen=True, slots=True)
class LastWord:
    """What a device's newest heartbeat said of its clock, received at `received_ms`.

    `ahead_ms`: by how much its wall clock was ahead of the true time; None: nothing tells the true time of that boot.
    """

    received_ms: int
    synced: bool
    ahead_ms: int | None


@dataclass(frozen=True, slots=True)
class DeviceClock:
    """A device's clock: every boot with evidence, in order of time, and its last word (None: not since the start)."""

    tenant: str
    device: str
    boots: tuple[ClockView, ...]
    word: LastWord | None = None

    @property
    def newest(self) -> ClockView | None:
        """Give the boot that it is in, as far as evidence tells."""
        return self.boots[-1] if self.boots else None

    @property
    def synced_ms(self) -> int | None:
        """Give when it last said that it was synced, to the hour; None: it never did."""
        return max((boot.synced_ms for boot in self.boots if boot.synced_ms is not None), default=None)


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
        synced_ms=_synced_ms(clock, curve),
    )


def _synced_ms(clock: BootClock, curve: Curve) -> int | None:
    """A mark knows its earliest statement to the millisecond, and its latest to the hour."""
    said = [max(mark.mono_ms, mark.last_hour * HOUR_MS) for mark in clock.marks() if mark.source in {"synced", "told"}]
    return max(said) + curve.at(max(said)) if said else None


def last_word(clock: DeviceClock, said: Statement) -> LastWord:
    """What a heartbeat says of this clock: whether it is synced, and how far its wall clock is off."""
    boot = next((one for one in clock.boots if one.boot == said.boot), None)
    ahead_ms = None
    if boot is not None and boot.offset_ms is not None:
        ahead_ms = said.sent_ms - said.mono_ms - boot.offset_ms
    return LastWord(said.received_ms, said.synced, ahead_ms)


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
