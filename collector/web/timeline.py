"""PURE. A subject's timeline: runs → painted segments → bars, lanes and ticks, placed in percent of the width.

Runs are painted in order of start, later over earlier (SPEC 2.2); what nothing painted is `none`: no evidence. A run
too short to draw is still drawn, one column wide and with the worse state on top, so that a stop never vanishes; the
number of bars is bounded by columns times states, however much a player flaps.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Final, Literal

from collector.web.format import DAY_MS, HOUR_MS, MINUTE_MS, Times, duration, plain, rounded_percent
from collector.web.tiles import known_state
from common.clock import to_ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from collector.views import RunView
    from collector.web.texts import Texts

Range = Literal["1h", "24h", "7d", "month"]
RANGES: Final[tuple[Range, ...]] = ("1h", "24h", "7d", "month")
NO_EVIDENCE: Final = "none"
COLUMNS: Final = 1200
TABLE_ROWS: Final = 500

# From the best to the worst; lanes stand in this order, and a later one is drawn over an earlier one.
_ORDER: Final = (
    "playing", "up", "idle", NO_EVIDENCE, "unknown", "off", "frozen", "black", "stopped", "error", "down",
)  # fmt: skip
_TICK_HOURS: Final = range(0, 24, 3)
_TICK_MINUTES: Final = 10  # where the range is an hour
_MOST_LABELS: Final = 8
_LABEL_WIDTHS: Final = 24  # so many labels would fill the axis: one that begins in the last width would be cut off


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch of the painted timeline, half-open; `run` is None where there is no evidence."""

    start_ms: int
    end_ms: int
    state: str
    run: RunView | None

    @property
    def length_ms(self) -> int:
        """Give the length in milliseconds."""
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle; `x` and `width` in percent of the drawing."""

    x: str
    width: str
    state: str
    growing: bool
    title: str


@dataclass(frozen=True, slots=True)
class Lane:
    """All bars of one state, with the time spent in it."""

    state: str
    label: str
    total: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """One mark on the time axis; an empty label is a bare line."""

    at: str
    label: str


@dataclass(frozen=True, slots=True)
class Row:
    """One run in the table."""

    start: str
    end: str | None  # None: still growing
    length: str
    state: str
    state_label: str
    cause: str
    detail: str
    clock: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything the page shows of a range."""

    bars: tuple[Bar, ...]
    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    rows: tuple[Row, ...]
    count: int
    start: str
    end: str


def bounds(name: Range, now_ms: int, times: Times) -> tuple[int, int]:
    """Give the half-open range a switch means: it ends now; `month` begins at the local midnight of the first."""
    if name == "1h":
        return now_ms - HOUR_MS, now_ms
    if name == "24h":
        return now_ms - DAY_MS, now_ms
    if name == "7d":
        return now_ms - 7 * DAY_MS, now_ms
    local = times.local(now_ms)
    return to_ms(datetime(local.year, local.month, 1, tzinfo=times.zone)), now_ms


def paint(runs: Iterable[RunView], start_ms: int, end_ms: int) -> list[Segment]:
    """Runs → segments that cover `[start_ms, end_ms)` without overlap; ties go to the later (spool, seq)."""
    ordered = sorted(runs, key=lambda run: (run.start_ms, run.spool, run.seq))
    clipped = [(max(run.start_ms, start_ms), min(run.end_ms, end_ms), run) for run in ordered]
    edges = sorted({start_ms, end_ms, *(edge for first, last, _ in clipped if first < last for edge in (first, last))})
    segments: list[Segment] = []
    active: list[tuple[int, int, RunView]] = []  # the latest painted on top: (−order, end, run)
    following = 0
    for left, right in itertools.pairwise(edges):
        while following < len(clipped) and clipped[following][0] <= left:
            heapq.heappush(active, (-following, clipped[following][1], clipped[following][2]))
            following += 1
        while active and active[0][1] <= left:
            heapq.heappop(active)
        _append(segments, left, right, active[0][2] if active else None)
    return segments


def _append(segments: list[Segment], start_ms: int, end_ms: int, run: RunView | None) -> None:
    if segments and segments[-1].run is run:
        segments[-1] = Segment(segments[-1].start_ms, end_ms, segments[-1].state, run)
    else:
        segments.append(Segment(start_ms, end_ms, NO_EVIDENCE if run is None else known_state(run.state), run))


def draw(runs: Sequence[RunView], name: Range, now_ms: int, times: Times, t: Texts) -> Drawing:
    """Runs → the whole drawing of one range."""
    start_ms, end_ms = bounds(name, now_ms, times)
    segments = paint(runs, start_ms, end_ms) if start_ms < end_ms else []
    lanes = []
    for state in _ORDER:
        own = [segment for segment in segments if segment.state == state]
        if own:
            total = duration(sum(segment.length_ms for segment in own))
            lanes.append(Lane(state, t.named("state", state), total, _bars(own, start_ms, end_ms, times, t)))
    newest = sorted(runs, key=lambda run: (run.start_ms, run.spool, run.seq), reverse=True)
    return Drawing(
        bars=_bars(segments, start_ms, end_ms, times, t),
        lanes=tuple(lanes),
        ticks=_ticks(name, start_ms, end_ms, times),
        rows=tuple(_row(run, times, t) for run in newest[:TABLE_ROWS]),
        count=len(runs),
        start=times.stamp(start_ms),
        end=times.stamp(end_ms),
    )


def _bars(segments: Sequence[Segment], start_ms: int, end_ms: int, times: Times, t: Texts) -> tuple[Bar, ...]:
    span = end_ms - start_ms
    wide = [segment for segment in segments if segment.length_ms * COLUMNS >= span]
    slivers: dict[tuple[int, int], list[Segment]] = {}
    for segment in segments:
        if segment.length_ms * COLUMNS < span:
            column = (segment.start_ms - start_ms) * COLUMNS // span
            slivers.setdefault((_ORDER.index(segment.state), column), []).append(segment)
    bars = [
        Bar(
            _place(segment.start_ms - start_ms, span),
            _place(segment.length_ms, span),
            segment.state,
            segment.run is not None and not segment.run.closed,
            _title([segment], times, t),
        )
        for segment in wide
    ]
    bars.extend(
        Bar(
            _place(column, COLUMNS),
            _place(1, COLUMNS),
            own[0].state,
            any(segment.run is not None and not segment.run.closed for segment in own),
            _title(own, times, t),
        )
        for (_, column), own in sorted(slivers.items(), key=lambda item: item[0])
    )
    return tuple(bars)


def place(share: Fraction) -> str:
    """A share of the drawing's width, as SVG takes it."""
    return (rounded_percent(share, 4) or "0") + "%"


def _place(part: int, whole: int) -> str:
    return place(Fraction(part, whole))


def _title(segments: list[Segment], times: Times, t: Texts) -> str:
    first, last = segments[0], segments[-1]
    length = duration(sum(segment.length_ms for segment in segments))
    words = f"{t.named('state', first.state)}: {times.stamp(first.start_ms)} – {times.stamp(last.end_ms)} ({length})"
    if len(segments) > 1:
        return f"{len(segments)} × {words}"
    run = first.run
    if run is None:
        return words
    extra = [t.named("cause", run.cause)] if run.cause else []
    extra += [plain(run.detail, 160)] if run.detail else []
    extra += [] if run.closed else [t.growing]
    return "; ".join([words, *extra])


def _ticks(name: Range, start_ms: int, end_ms: int, times: Times) -> tuple[Tick, ...]:
    moments = _minutes(start_ms, end_ms, times) if name == "1h" else _hours(name, start_ms, end_ms, times)
    shown = [moment for moment in moments if start_ms <= to_ms(moment) < end_ms]
    step = -(-len(shown) // _MOST_LABELS) or 1
    return tuple(_tick(moment, start_ms, end_ms, bare=index % step > 0) for index, moment in enumerate(shown))


def _minutes(start_ms: int, end_ms: int, times: Times) -> list[datetime]:
    begins = times.local(start_ms).replace(second=0, microsecond=0)
    first_ms = to_ms(begins) - begins.minute % _TICK_MINUTES * MINUTE_MS
    return [times.local(at_ms) for at_ms in range(first_ms, end_ms, _TICK_MINUTES * MINUTE_MS)]


def _hours(name: Range, start_ms: int, end_ms: int, times: Times) -> list[datetime]:
    hours: Sequence[int] = _TICK_HOURS if name == "24h" else (0,)
    day = times.local(start_ms).date()
    moments = []
    while day <= times.local(end_ms).date():
        moments += [datetime(day.year, day.month, day.day, hour, tzinfo=times.zone) for hour in hours]
        day += timedelta(days=1)
    return moments


def _tick(moment: datetime, start_ms: int, end_ms: int, *, bare: bool) -> Tick:
    at_ms, span = to_ms(moment) - start_ms, end_ms - start_ms
    no_room = (span - at_ms) * _LABEL_WIDTHS < span
    label = "" if bare or no_room else moment.strftime("%H:%M" if moment.hour or moment.minute else "%m-%d")
    return Tick(_place(at_ms, span), label)


def _row(run: RunView, times: Times, t: Texts) -> Row:
    return Row(
        start=times.stamp(run.start_ms),
        end=times.stamp(run.end_ms) if run.closed else None,
        length=duration(run.end_ms - run.start_ms),
        state=known_state(run.state),
        state_label=t.named("state", run.state),
        cause=t.named("cause", run.cause) if run.cause else "–",
        detail=plain(run.detail or "", 1000),
        clock=t.named("clock", run.clock),
    )
