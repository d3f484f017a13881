"""PURE. Windows and rulings over a subject's timeline: views → lanes above the states, and rows of a table."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from collector.web.format import Times, plain
from collector.web.timeline import COLUMNS, TABLE_ROWS, place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from collector.views import MarkView
    from collector.web.texts import Texts


@dataclass(frozen=True, slots=True)
class MarkBar:
    """A window or a ruling on the drawing. `style`: `left` (left out of the figure), `counts` or `ruling`."""

    x: str
    width: str
    style: str
    title: str


@dataclass(frozen=True, slots=True)
class MarkLane:
    """All windows, or all rulings."""

    label: str
    bars: tuple[MarkBar, ...]


@dataclass(frozen=True, slots=True)
class MarkRow:
    """One window or ruling in the table."""

    start: str
    end: str
    what: str
    effect: str
    why: str
    decided: str
    style: str


@dataclass(frozen=True, slots=True)
class Marks:
    """Everything the page shows of the decisions in a range; the newest stands first in the table."""

    lanes: tuple[MarkLane, ...]
    rows: tuple[MarkRow, ...]


def draw_marks(marks: Sequence[MarkView], start_ms: int, end_ms: int, times: Times, t: Texts) -> Marks:
    """Marks (by start) → what is drawn of them within `[start_ms, end_ms)`."""
    lanes = tuple(_lanes(marks, start_ms, end_ms, times, t))
    return Marks(lanes, tuple(_row(mark, times, t) for mark in reversed(marks[-TABLE_ROWS:])))


def _lanes(marks: Sequence[MarkView], start_ms: int, end_ms: int, times: Times, t: Texts) -> Iterator[MarkLane]:
    """A lane of windows and one of rulings, where there are any; what is too short to draw is a column wide."""
    span = end_ms - start_ms
    for kind in ("window", "ruling"):
        bars = []
        for mark in marks:
            begin, end = max(mark.start_ms, start_ms), min(mark.end_ms, end_ms)
            if mark.kind == kind and begin < end:
                row = _row(mark, times, t)
                width = max(Fraction(end - begin, span), Fraction(1, COLUMNS))
                words = f"{row.what}: {row.start} – {row.end}; {row.effect}; {row.why}; {row.decided}"
                bars.append(MarkBar(place(Fraction(begin - start_ms, span)), place(width), row.style, words))
        if bars:
            yield MarkLane(t.named("marks", kind), tuple(bars))


def _row(mark: MarkView, times: Times, t: Texts) -> MarkRow:
    if mark.kind == "window":
        what = f"{t.named('window', mark.window_kind or '')} {mark.id}"
        effect, style = t.named("mark", mark.reason or "left_out"), "counts" if mark.reason else "left"
    else:
        what, style = t.named("mark", "ruling").format(id=mark.id), "ruling"
        said = [t.named("state", mark.state)] if mark.state else []
        said += [t.named("cause", mark.cause)] if mark.cause else []
        effect = t.named("mark", "ruled").format(what=", ".join(said))
    return MarkRow(
        start=times.stamp(mark.start_ms),
        end=times.stamp(mark.end_ms),
        what=plain(what, 80),
        effect=effect,
        why=plain(mark.why, 300),
        decided=t.named("mark", "decided").format(when=times.stamp(mark.at_ms), who=plain(mark.who, 80)),
        style=style,
    )
