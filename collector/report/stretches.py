"""PURE. What became of each millisecond of a subject's counted time, and why.

| standing | is |
|---|---|
| `up` | playing, or up |
| `down` | down, on the provider's account |
| `cause` | down for a cause that the contract leaves out |
| `window` | down within a window that the contract leaves out (a cause is asked first) |
| `unknown` | nothing is known, and the contract does not count that as down |

The rules are asked of the contract core; here their answers are kept apart instead of being summed up.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Final, Literal

from collector.decisions.model import to_ruling
from collector.report.dossier import Announced, Member, Run
from collector.sla.intervals import Interval, intersect, subtract
from collector.sla.tally import MonthSpan, active_interval, applies, counted_time, is_down
from collector.sla.terms import Contract
from collector.sla.timeline import Evidence, Segment, paint, rule
from wire.states import UP_STATES, default_cause

Standing = Literal["up", "down", "cause", "window", "unknown"]
_START: Final = itemgetter(0)

Piece = tuple[int, int, str, str | None, Run | None]


@dataclass(frozen=True, slots=True)
class Stretch:
    """One stretch `[start_ms, end_ms)`. `cause` None: it is up. `window`: the id of the one that leaves it out.

    `estimated`: its run's clock never was the true time; `rulings`: ids of those that lie over it.
    """

    start_ms: int
    end_ms: int
    standing: Standing
    state: str
    cause: str | None
    window: int | None = None
    estimated: bool = False
    detail: str | None = None
    rulings: tuple[int, ...] = ()

    @property
    def length_ms(self) -> int:
        """Give its length in milliseconds."""
        return self.end_ms - self.start_ms


def find_stretches(
    contract: Contract, span: MonthSpan, member: Member, windows: Sequence[Announced]
) -> tuple[Stretch, ...]:
    """The member's counted time of the month, without gap or overlap, in order."""
    counted = counted_time(span, member.subject, *active_interval(span, member.subject))
    if not counted:
        return ()
    exempt = [each for each in windows if applies(contract, each.window, member.subject)]
    found = (
        stretch
        for start, end, state, cause, run in _pieces(member, span, counted)
        for stretch in _judge(contract, _stretch(member, (start, end), state, cause, run), exempt)
    )
    return tuple(_merged(found))


def _pieces(member: Member, span: MonthSpan, counted: Sequence[Interval]) -> Iterator[Piece]:
    """The timeline after the rulings, within counted time, each piece with the run that was painted there."""
    runs = member.runs
    numbered = (Evidence(run.start_ms, run.end_ms, str(number)) for number, run in enumerate(runs))
    painted = paint(numbered, counted[0][0], counted[-1][1])
    beneath = [(start, end, runs[int(name)] if name.isdigit() else None) for start, end, name, _ in painted]
    said: list[Segment] = [
        (start, end, run.state if run else "unknown", run.cause if run else None) for start, end, run in beneath
    ]
    if member.rulings:
        said = rule(said, map(to_ruling, member.rulings), span.computed_at_ms)
    runs_at = iter(beneath)
    begin, stop, run = next(runs_at)
    for start, end, state, cause in said:
        at = start
        while at < end:
            if stop <= at:
                begin, stop, run = next(runs_at)
            until = min(end, stop)
            yield from ((*part, state, cause, run) for part in _within(counted, max(at, begin), until))
            at = until


def _within(counted: Sequence[Interval], start: int, end: int) -> list[Interval]:
    """The parts of `[start, end)` that count; only those openings are looked at that it may touch."""
    if len(counted) == 1:  # the timeline was painted just there
        return [(start, end)]
    first = max(0, bisect_right(counted, start, key=_START) - 1)
    return intersect([(start, end)], counted[first : bisect_left(counted, end, key=_START)])


def _stretch(member: Member, times: Interval, state: str, cause: str | None, run: Run | None) -> Stretch:
    start, end = times
    return Stretch(
        start_ms=start,
        end_ms=end,
        standing="up",
        state=state,
        cause=None if state in UP_STATES else cause or default_cause(state),
        estimated=run is not None and run.clock == "estimated",
        detail=run.detail if run is not None and run.state == state else None,
        rulings=tuple(each.id for each in member.rulings if each.start_ms < end and start < each.end_ms),
    )


def _judge(contract: Contract, stretch: Stretch, exempt: Sequence[Announced]) -> Iterator[Stretch]:
    """The stretch with its standing; cut in pieces where windows take some of it out."""
    standing = is_down(contract, stretch.state, stretch.cause)
    if not standing.down:
        yield stretch if standing.known else replace(stretch, standing="unknown")
    elif not standing.accountable:
        yield replace(stretch, standing="cause")
    else:
        yield from _without_windows(replace(stretch, standing="down"), exempt)


def _without_windows(stretch: Stretch, exempt: Sequence[Announced]) -> Iterator[Stretch]:
    rest = [(stretch.start_ms, stretch.end_ms)]
    parts: list[Stretch] = []
    for each in exempt:  # what two windows cover is taken by the one that was announced first
        taken = intersect(rest, [(each.window.start_ms, each.window.end_ms)])
        parts += [replace(stretch, start_ms=s, end_ms=e, standing="window", window=each.record.id) for s, e in taken]
        rest = subtract(rest, taken)
    parts += [replace(stretch, start_ms=start, end_ms=end) for start, end in rest]
    yield from sorted(parts, key=lambda part: part.start_ms)


def _merged(stretches: Iterator[Stretch]) -> Iterator[Stretch]:
    """Neighbours that say the same are one; the first words about it stand."""
    last: Stretch | None = None
    for stretch in stretches:
        if last is not None and last.end_ms == stretch.start_ms and _says(last) == _says(stretch):
            last = replace(last, end_ms=stretch.end_ms, detail=last.detail or stretch.detail)
            continue
        if last is not None:
            yield last
        last = stretch
    if last is not None:
        yield last


def _says(stretch: Stretch) -> tuple[object, ...]:
    return (stretch.standing, stretch.state, stretch.cause, stretch.window, stretch.estimated, stretch.rulings)
