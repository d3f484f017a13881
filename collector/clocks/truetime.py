"""PURE. True time: `mono + offset(boot)` (SPEC part 4). What is kept of the statements about a boot's clock.

Every rule is a join, so that lost, repeated and reordered messages change nothing; `collector/clocks/offsets.py` makes
the boot's offset of what is kept, and docs/clocks.md tells it to a person.

    statement                                             kept of it
    ----------------------------------------------------  --------------------------------------------------------
    sent − mono, made while synced and believable         for each 2 s of offset and each unbroken row of hours of the
                                                          boot in which it was said: the earliest, and the least delay
    wall − mono that a later hello remembers              the same
    received − mono of every other message                in each four hours of the boot: the least to a tenth of a
                                                          second, of equals the earliest
    received − mono of a message of another boot that     the least, while nothing else is known of the earlier boot:
    tells of runs of this one                             by then it had ended

A clock that is right says the same offset for as long as a boot lasts: one mark, whose last hour moves on. One that is
500 ppm off leaves a mark every 67 minutes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Final

from collector.clocks.offsets import CELL_MS, HOUR_MS, MAX_APART_MS, Curve, Mark, MarkSource, Source, curve_of
from common.clock import EARLIEST_MS

# A message cannot be sent after it was received: beyond this much the device's "synced" is not believed.
MAX_AHEAD_MS: Final = MAX_APART_MS
# It may be late (a queue at a bridging broker), but not by days: agents state the time anew with every sending.
MAX_BEHIND_MS: Final = 24 * HOUR_MS

PART_HOURS: Final = 4  # of a boot: 500 ppm are 7 s in it, half a heartbeat interval
GRAIN_MS: Final = 100  # receipts that differ by less are alike, so that times do not move with every message
MAX_MARKS: Final = 8192  # of a boot: a year of 500 ppm; beyond it the latest are not kept

_Key = tuple[MarkSource, int]
_HEARD: Final[_Key] = ("heard", 0)


@dataclass(frozen=True)
class BootClock:
    """What is known of one boot's clock. `guess` places a boot of which nothing is known."""

    kept: Mapping[_Key, tuple[Mark, ...]] = field(default_factory=dict)
    size: int = 0  # marks in `kept`
    guess: Curve | None = None

    @cached_property
    def curve(self) -> Curve | None:
        """What to add to the boot's mono, and how well it is known."""
        return curve_of(self.marks()) or self.guess

    @property
    def ended_by_ms(self) -> int | None:
        """By when the boot had ended, since another one told of it; None: nothing says so."""
        return self.kept[_HEARD][0].offset_ms if _HEARD in self.kept else None

    def marks(self) -> Iterable[Mark]:
        """Everything that is kept."""
        return chain.from_iterable(self.kept.values())


UNKNOWN: Final = BootClock()


def boot_clock(marks: Iterable[Mark]) -> BootClock:
    """The clock that was kept as these marks."""
    kept: dict[_Key, tuple[Mark, ...]] = {}
    for mark in sorted(marks):
        key = mark.source, mark.cell
        kept[key] = (*kept.get(key, ()), mark)
    return BootClock(kept, sum(map(len, kept.values())))


def believable(sent_ms: int, received_ms: int) -> bool:
    """Whether a clock that says it is synced can be right, by the collector's own."""
    return -MAX_BEHIND_MS <= sent_ms - received_ms <= MAX_AHEAD_MS


def note_message(clock: BootClock, *, sent_ms: int, mono_ms: int, synced: bool, received_ms: int) -> BootClock:
    """Take in what one message says of the clock of the boot it was sent in."""
    delay_ms = received_ms - sent_ms
    if synced and believable(sent_ms, received_ms):
        clock = _note_offset(clock, "synced", mono_ms, sent_ms - mono_ms, delay_ms // GRAIN_MS * GRAIN_MS)
        if delay_ms <= MAX_APART_MS:
            return clock
    return _note_receipt(clock, mono_ms, received_ms - mono_ms)


def note_told(clock: BootClock, *, offset_ms: int, received_ms: int, mono_ms: int | None = None) -> BootClock:
    """Take in what a later hello remembers of this boot; an offset that no boot can have had is no memory.

    `mono_ms`: when in that boot it was noted; older agents do not say.
    """
    mono_ms = mono_ms or 0
    if offset_ms < EARLIEST_MS or offset_ms + mono_ms > received_ms + MAX_AHEAD_MS:
        return clock
    return _note_offset(clock, "told", mono_ms, offset_ms, None)


def note_heard(clock: BootClock, *, mono_ms: int, received_ms: int) -> BootClock:
    """Take in that another boot, `mono_ms` after its beginning, told of this one; only where nothing places it."""
    ended_by_ms, known_ms = received_ms - mono_ms, clock.ended_by_ms
    if clock.curve is not None or (known_ms is not None and known_ms <= ended_by_ms):
        return clock
    return _put(clock, _HEARD, (Mark("heard", 0, 0, 0, 0, ended_by_ms),))


def _note_offset(clock: BootClock, source: Source, mono_ms: int, offset_ms: int, delay_ms: int | None) -> BootClock:
    hour, cell = mono_ms // HOUR_MS, offset_ms // CELL_MS
    known = clock.kept.get((source, cell), ())
    for mark in reversed(known):
        if not mark.first_hour <= hour <= mark.last_hour:
            continue
        earlier = mark.mono_ms < mono_ms or (mark.mono_ms == mono_ms and mark.offset_ms <= offset_ms)
        if earlier and (delay_ms is None or (mark.delay_ms is not None and mark.delay_ms <= delay_ms)):
            return clock  # the usual case: nothing new
    return _with(clock, known, Mark(source, cell, hour, hour, mono_ms, offset_ms, delay_ms))


def _note_receipt(clock: BootClock, mono_ms: int, offset_ms: int) -> BootClock:
    part = mono_ms // (PART_HOURS * HOUR_MS)
    first_hour = part * PART_HOURS
    new = Mark("received", part, first_hour, first_hour + PART_HOURS - 1, mono_ms, offset_ms)
    known = clock.kept.get(("received", part), ())
    if known and _lateness(known[0]) <= _lateness(new):
        return clock
    return _put(clock, ("received", part), (new,))


def _lateness(mark: Mark) -> tuple[int, int, int]:
    return mark.offset_ms // GRAIN_MS, mark.mono_ms, mark.offset_ms


def _with(clock: BootClock, known: tuple[Mark, ...], new: Mark) -> BootClock:
    """Put a mark among those of its cell; marks whose hours touch are one."""
    apart: list[Mark] = []
    for mark in known:
        if mark.last_hour + 1 < new.first_hour or new.last_hour + 1 < mark.first_hour:
            apart.append(mark)
        else:
            new = _united(mark, new)
    return _put(clock, (new.source, new.cell), tuple(sorted([*apart, new])))


def _united(one: Mark, other: Mark) -> Mark:
    first = min(one, other, key=lambda mark: (mark.mono_ms, mark.offset_ms))
    return first._replace(
        first_hour=min(one.first_hour, other.first_hour),
        last_hour=max(one.last_hour, other.last_hour),
        delay_ms=_least(one.delay_ms, other.delay_ms),
    )


def _put(clock: BootClock, key: _Key, marks: tuple[Mark, ...]) -> BootClock:
    before = clock.kept.get(key, ())
    if before == marks:
        return clock
    kept = {**clock.kept, key: marks}
    size = clock.size + len(marks) - len(before)
    if size > MAX_MARKS:
        latest = max(kept, key=lambda one: kept[one][-1][2:])
        size -= 1
        if rest := kept.pop(latest)[:-1]:
            kept[latest] = rest
    return BootClock(kept, size)


def _least(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
