"""PURE. What state a subject was in, and why: evidence is painted, then people rule on it (SPEC 2.2).

Runs are painted in order of start, later over earlier; among equal starts the order in which they were given decides
(SPEC: spool and seq). What nothing painted is `unknown`. Then the rulings, in order of `at_ms`: first the state over
the whole interval, with that state's default cause; then the cause wherever the subject is now not up.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from operator import attrgetter, itemgetter
from typing import Final, NamedTuple

from wire.states import UP_STATES

Segment = tuple[int, int, str, str | None]  # start_ms, end_ms, state, cause (None: the state's default)

_UNKNOWN: Final = "unknown"
_START: Final = itemgetter(0)
_END: Final = itemgetter(1)


class Evidence(NamedTuple):
    """One run of a subject: in `state` over `[start_ms, end_ms)`; no cause: the state's default."""

    start_ms: int
    end_ms: int
    state: str
    cause: str | None = None


class Ruling(NamedTuple):
    """A person's decision of `at_ms` on one subject's `[start_ms, end_ms)`: its state, its cause, or both."""

    start_ms: int
    end_ms: int
    state: str | None
    cause: str | None
    at_ms: int


def paint(evidence: Iterable[Evidence], start_ms: int, end_ms: int) -> list[Segment]:
    """Segments that fill `[start_ms, end_ms)` without gap or overlap. One sort and one sweep."""
    segments: list[Segment] = []
    begun: list[Evidence] = []  # the topmost last; one that has ended may still lie there
    at = start_ms
    for run in sorted(evidence, key=_START):
        start = run[0]
        if start > at:
            if start >= end_ms:
                break
            if begun and begun[-1][1] >= start:  # by far the most: the topmost lasts until here
                top = begun[-1]
                segments.append((at, start, top[2], top[3]))
            else:
                _reveal(segments, begun, at, start)
            at = start
        if run[1] > at:
            begun.append(run)
    _reveal(segments, begun, at, end_ms)
    return segments


def _reveal(segments: list[Segment], begun: list[Evidence], at: int, until: int) -> None:
    """Append what is on top in `[at, until)`; runs that have ended are taken off."""
    while at < until:
        while begun and begun[-1][1] <= at:
            begun.pop()
        if not begun:
            segments.append((at, until, _UNKNOWN, None))
            return
        _, end, state, cause = begun[-1]
        stop = min(end, until)
        segments.append((at, stop, state, cause))
        at = stop


def rule(segments: list[Segment], rulings: Iterable[Ruling], computed_at_ms: int) -> list[Segment]:
    """The segments as the rulings made up to `computed_at_ms` leave them."""
    made = sorted((ruling for ruling in rulings if ruling.at_ms <= computed_at_ms), key=attrgetter("at_ms"))
    ruled = list(segments)
    for ruling in made:
        _apply(ruled, ruling)
    return ruled


def _apply(segments: list[Segment], ruling: Ruling) -> None:
    """Replace the segments that the ruling touches; those beside it stay as they are."""
    first = bisect_right(segments, ruling.start_ms, key=_END)  # the first that ends after the ruling starts
    last = bisect_left(segments, ruling.end_ms, key=_START)  # the first that starts when it ends, or later
    if first >= last:
        return
    touched = segments[first:last]
    start = max(ruling.start_ms, touched[0][0])
    end = min(ruling.end_ms, touched[-1][1])
    before = [(touched[0][0], start, *touched[0][2:])] if touched[0][0] < start else []
    after = [(end, touched[-1][1], *touched[-1][2:])] if end < touched[-1][1] else []
    within = [(max(s, start), min(e, end), state, cause) for s, e, state, cause in touched]
    if ruling.state is not None:
        within = [(start, end, ruling.state, None)]
    if ruling.cause is not None:
        within = [(s, e, state, cause if state in UP_STATES else ruling.cause) for s, e, state, cause in within]
    segments[first:last] = before + within + after
