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

from wire.states import UP_STATES, default_cause

Segment = tuple[int, int, str, str]  # start_ms, end_ms, state, cause

_UNKNOWN: Final = "unknown"


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
    covered: list[Evidence] = []  # runs that have begun, the topmost last
    at = start_ms
    for run in sorted(evidence, key=itemgetter(0)):
        if run[0] >= end_ms:
            break
        if run[0] > at:
            _reveal(segments, covered, at, run[0])
            at = run[0]
        if run[1] > at:
            covered.append(run)
    _reveal(segments, covered, at, end_ms)
    return segments


def _reveal(segments: list[Segment], covered: list[Evidence], at: int, until: int) -> None:
    """Append what is on top in `[at, until)`; runs that have ended are taken off."""
    while at < until:
        while covered and covered[-1][1] <= at:
            covered.pop()
        if not covered:
            segments.append((at, until, _UNKNOWN, _UNKNOWN))
            return
        _, end, state, cause = covered[-1]
        stop = min(end, until)
        segments.append((at, stop, state, cause or default_cause(state)))
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
    first = bisect_right(segments, ruling.start_ms, key=itemgetter(1))  # the first that ends after the ruling starts
    last = bisect_left(segments, ruling.end_ms, key=itemgetter(0))  # the first that starts when it ends, or later
    if first >= last:
        return
    touched = segments[first:last]
    start = max(ruling.start_ms, touched[0][0])
    end = min(ruling.end_ms, touched[-1][1])
    before = [(touched[0][0], start, *touched[0][2:])] if touched[0][0] < start else []
    after = [(end, touched[-1][1], *touched[-1][2:])] if end < touched[-1][1] else []
    within = [(max(s, start), min(e, end), state, cause) for s, e, state, cause in touched]
    if ruling.state is not None:
        within = [(start, end, ruling.state, default_cause(ruling.state))]
    if ruling.cause is not None:
        within = [(s, e, state, cause if state in UP_STATES else ruling.cause) for s, e, state, cause in within]
    segments[first:last] = before + within + after
