"""PURE. From what is known of one boot's clock to its offset at any moment of it (docs/clocks.md).

`wall − mono` of a disciplined clock stands still, so that one number serves a whole boot. It does not where the board's
oscillator is off and the wall clock is stepped instead of slewed, and a clock may say "synced" and lie. The rules:

1. Marks of `synced` and `told` are put into groups: two belong together where they differ by at most `STEP_MS`, or by
   no more than an oscillator can have drifted meanwhile (`DRIFT_PPM`). A larger step begins another group.
2. One group is believed: the one whose messages came with the least delay by the collector's clock, in whole seconds;
   among equals the one that begins first (of groups that agents only remember, the last). The others were lies, or
   the time before a correction.
3. A group that is more than `MAX_APART_MS` from the collector's clock is not believed either, once messages an hour
   and more apart show that the link is prompt: no network delays by the same ten minutes all day.
4. Where nothing synced is near, the times of receipt fill in, held to what an oscillator can do.
5. The offset changes only where it departs by more than `DEADBAND_MS`, between the last moment at which it was still
   the old one and the first at which it was the new one: what was settled earlier does not move.

The offset's slope is always far from −1, so that true times keep the order of mono: runs neither overlap nor part.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

Source = Literal["synced", "told", "received"]
MarkSource = Literal["synced", "told", "received", "heard"]

HOUR_MS: Final = 3_600_000
CELL_MS: Final = 2000  # statements whose offsets are in one cell make one mark
DEADBAND_MS: Final = 1000
STEP_MS: Final = CELL_MS + DEADBAND_MS
DRIFT_PPM: Final = 1000  # twice what a bad oscillator does
MAX_APART_MS: Final = 10 * 60_000
PROMPT_MS: Final = 60_000  # by which a prompt link's delay may vary
GROUPS_AT_ONCE: Final = 8  # that a mark is compared with: the latest
_MILLION: Final = 1_000_000
_SECOND_MS: Final = 1000
_STEEPEST: Final = 2  # a slope of 1/2


class Mark(NamedTuple):
    """What is known of a boot's clock over some hours of it: its earliest statement, and how prompt the link was.

    `cell` is the offset's class (`synced`, `told`) or the part of the boot (`received`). `delay_ms` is the least
    `received − sent`, rounded down; None where nobody knows. `heard` is no offset: by then the boot had ended.
    """

    source: MarkSource
    cell: int
    first_hour: int
    last_hour: int
    mono_ms: int
    offset_ms: int
    delay_ms: int | None = None


class Point(NamedTuple):
    """An offset at a moment of the boot."""

    mono_ms: int
    offset_ms: int


class Group(NamedTuple):
    """Marks that one clock can have made without being set."""

    points: list[Point]
    marks: list[Mark]

    @property
    def delay_ms(self) -> int | None:
        """The least delay of its messages; negative: its clock is ahead of the collector's."""
        return min((mark.delay_ms for mark in self.marks if mark.delay_ms is not None), default=None)


@dataclass(frozen=True, slots=True)
class Curve:
    """A boot's offset: straight between its knots, level before the first and behind the last."""

    knots: tuple[Point, ...]
    source: Literal["synced", "told", "received", "estimated"]

    def at(self, mono_ms: int) -> int:
        """What to add to a mono; milliseconds."""
        knots = self.knots
        if len(knots) == 1:
            return knots[0].offset_ms
        after = bisect_right(knots, mono_ms, key=_mono_of)
        if after in {0, len(knots)}:
            return knots[max(0, after - 1)].offset_ms
        one, other = knots[after - 1], knots[after]
        rise = (other.offset_ms - one.offset_ms) * (mono_ms - one.mono_ms)
        return one.offset_ms + rise // (other.mono_ms - one.mono_ms)


def curve_of(marks: Iterable[Mark]) -> Curve | None:
    """The offset that these marks give; None where there are none."""
    known = [mark for mark in marks if mark.source != "heard"]
    said = [mark for mark in known if mark.source != "received"]
    # An older agent does not say when in the boot it noted what it tells; that stands at 0.
    said = [mark for mark in said if mark.source == "synced" or mark.mono_ms > 0] or said
    as_received = sorted(Point(mark.mono_ms, mark.offset_ms) for mark in known if mark.source == "received")
    base = believed(groups_of(said), as_received)
    received = without_delays(as_received)
    if base is None:
        return Curve(_knots(received), "received") if received else None
    source: Source = "synced" if any(mark.source == "synced" for mark in base.marks) else "told"
    return Curve(_knots(sorted([*base.points, *_fill(base, received)])), source)


def changed_from(before: Curve | None, after: Curve | None) -> int | None:
    """The mono from which two curves of a boot differ; None: they say the same."""
    if before == after:
        return None
    if before is None or after is None or before.source != after.source:
        return 0
    same = 0
    while same < min(len(before.knots), len(after.knots)) and before.knots[same] == after.knots[same]:
        same += 1
    return before.knots[same - 1].mono_ms if same else 0


def groups_of(marks: Iterable[Mark]) -> list[Group]:
    """Rule 1; in order of their first moments."""
    groups: list[Group] = []
    for point, mark in sorted(_points(marks)):
        near = [group for group in groups[-GROUPS_AT_ONCE:] if may_follow(group.points[-1], point)]
        if near:
            group = min(near, key=lambda one: abs(one.points[-1].offset_ms - point.offset_ms))
        else:
            groups.append(group := Group([], []))
        group.points.append(point)
        group.marks.append(mark)
    return groups


def may_follow(one: Point, other: Point) -> bool:
    """Whether one clock that nobody set can have had both offsets."""
    apart_ms = abs(other.offset_ms - one.offset_ms)
    return apart_ms <= STEP_MS or apart_ms <= drift_ms(other.mono_ms - one.mono_ms)


def drift_ms(span_ms: int) -> int:
    """How far an oscillator may drift in so long a time."""
    return abs(span_ms) * DRIFT_PPM // _MILLION


def believed(groups: Sequence[Group], received: Sequence[Point]) -> Group | None:
    """Rules 2 and 3."""
    if not groups:
        return None
    group = min(groups, key=_doubt)
    apart_ms = abs(group.delay_ms or 0)
    return None if apart_ms > MAX_APART_MS and is_prompt(received) else group


def _doubt(group: Group) -> tuple[bool, int, int, Point]:
    delay_ms, first = group.delay_ms, group.points[0]
    remembered = all(mark.source == "told" for mark in group.marks)
    return delay_ms is None, abs(delay_ms or 0) // _SECOND_MS, -first.mono_ms if remembered else 0, first


def is_prompt(received: Sequence[Point]) -> bool:
    """Whether messages an hour and more apart were under way for the same time (a burst from a queue was not)."""
    for step in (1, 2):
        for one, other in zip(received, received[step:], strict=False):
            span_ms = other.mono_ms - one.mono_ms
            if span_ms >= HOUR_MS and abs(other.offset_ms - one.offset_ms) <= PROMPT_MS + drift_ms(span_ms):
                return True
    return False


def without_delays(received: Sequence[Point]) -> list[Point]:
    """Times of receipt without the delays that their neighbours show to be delays."""
    there = _held(received)
    return [Point(mono_ms, offset_ms) for mono_ms, offset_ms in reversed(_held(there[::-1]))]


def _held(points: Sequence[Point]) -> list[Point]:
    held: list[Point] = []
    for point in points:
        most_ms = held[-1].offset_ms + drift_ms(point.mono_ms - held[-1].mono_ms) if held else point.offset_ms
        held.append(Point(point.mono_ms, min(point.offset_ms, most_ms)))
    return held


def _points(marks: Iterable[Mark]) -> Iterable[tuple[Point, Mark]]:
    """Each mark's first statement, and the beginning of the last hour in which it still held."""
    for mark in marks:
        yield Point(mark.mono_ms, mark.offset_ms), mark
        until_ms = mark.last_hour * HOUR_MS
        if until_ms > mark.mono_ms:
            yield Point(until_ms, mark.offset_ms), mark


def _fill(base: Group, received: Sequence[Point]) -> list[Point]:
    """Rule 4: receipts in hours of which the group says nothing, within what can be drift from it."""
    spans = _united((mark.first_hour, mark.last_hour) for mark in base.marks)
    filled: list[Point] = []
    for point in received:
        hour = point.mono_ms // HOUR_MS
        behind = bisect_right(spans, hour, key=_first_of)
        if behind and spans[behind - 1][1] >= hour:
            continue
        held = _within_drift(base.points, point)
        if any(abs(near.offset_ms - held.offset_ms) > DEADBAND_MS for near in _near(base.points, point)):
            filled.append(held)  # else it says the same as the group, less exactly
    return filled


def _near(points: Sequence[Point], point: Point) -> Sequence[Point]:
    after = bisect_left(points, point)
    return points[max(0, after - 1) : after + 1]


def _united(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    united: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if united and first <= united[-1][1] + 1:
            united[-1] = united[-1][0], max(last, united[-1][1])
        else:
            united.append((first, last))
    return united


def _within_drift(points: Sequence[Point], point: Point) -> Point:
    offset_ms = point.offset_ms
    for near in _near(points, point):
        most_ms = drift_ms(point.mono_ms - near.mono_ms)
        offset_ms = min(max(offset_ms, near.offset_ms - most_ms), near.offset_ms + most_ms)
    return Point(point.mono_ms, offset_ms)


def _knots(points: Sequence[Point]) -> tuple[Point, ...]:
    """Rule 5."""
    knots = [points[0]]
    held_ms = points[0].mono_ms  # up to which the last knot's offset was seen to hold
    for point in points[1:]:
        last = knots[-1]
        if abs(point.offset_ms - last.offset_ms) <= DEADBAND_MS:
            held_ms = point.mono_ms
            continue
        start = _start(last, Point(held_ms, last.offset_ms), point)
        if start is None:
            continue  # a small step: the same offset will be said again, further away
        if start.mono_ms > last.mono_ms:
            knots.append(start)
        knots.append(point)
        held_ms = point.mono_ms
    return tuple(knots)


def _start(last: Point, held: Point, point: Point) -> Point | None:
    """Where the change to `point` began: as late as can be, without the slope of a step where drift explains it."""
    apart_ms = abs(point.offset_ms - last.offset_ms)
    for start in (held, last):
        if apart_ms <= drift_ms(point.mono_ms - start.mono_ms):
            return start
    return held if apart_ms * _STEEPEST <= point.mono_ms - held.mono_ms else None


def _mono_of(point: Point) -> int:
    return point.mono_ms


def _first_of(span: tuple[int, int]) -> int:
    return span[0]
