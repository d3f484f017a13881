"""PURE. How an outage of a voted platform part was decided: each vote that changed, from its first instant to its last.

The votes are the runs in the ledger, the verdicts are those of `collector/vantage.py`; nothing is stored for this. The
first change of an outage gives every point's ballot at its beginning, each later one only what changed then; the last
one is of the instant that ended it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final, Literal, NamedTuple

from collector.vantage import Edge, Hall, Judged, Rule, Tally, Verdict, Vote, edges_of, judge

_AT: Final = attrgetter("at_ms")
_ORDER: Final = attrgetter("at_ms", "point")

Standing = Literal["up", "down", "none", "waiting", "silent"]


class Cast(NamedTuple):
    """A vantage point's ballot from an instant on. `silent`: it is not waited for any more; `detail`: its own words."""

    point: str
    ballot: Standing
    detail: str | None


class Change(NamedTuple):
    """From `at_ms` on the votes were these; `cast`: those that changed, by point."""

    at_ms: int
    verdict: Verdict
    tally: Tally
    cast: tuple[Cast, ...]


class Outage(NamedTuple):
    """A time `[start_ms, end_ms)` in which it was down; `lasts`: there is no later word that it was not."""

    start_ms: int
    end_ms: int
    lasts: bool
    changes: tuple[Change, ...]


def outages_of(votes: Mapping[str, Sequence[Vote]], rule: Rule, start_ms: int, end_ms: int) -> list[Outage]:
    """The outages that touch `[start_ms, end_ms)`, oldest first, each with its votes.

    `votes`: by point, in painting order, as `judge` takes them. An outage is as long as its run in the timeline is: to
    be exact at its edges, ask for more than it.
    """
    judged = judge(votes, rule, start_ms, end_ms)
    known_ms = max((one.end_ms for one in judged if one.state != "unknown"), default=start_ms)
    down = [one for one in judged if one.state == "down"]
    steps, found = deque(_steps(votes, rule, end_ms) if down else ()), list[Outage]()
    standing: dict[str, Cast] = {}
    for one in down:
        first = _taken(steps, one.start_ms, standing)[-1:]
        begin = [step._replace(at_ms=one.start_ms, cast=_everybody(standing)) for step in first]
        found.append(_outage(one, [*begin, *_taken(steps, one.end_ms, standing)], lasts=one.end_ms == known_ms))
    return found


def _taken(steps: deque[Change], until_ms: int, standing: dict[str, Cast]) -> list[Change]:
    """Take the steps up to an instant, and note in `standing` who stands where after them."""
    taken: list[Change] = []
    while steps and steps[0].at_ms <= until_ms:
        taken.append(steps.popleft())
        standing.update((cast.point, cast) for cast in taken[-1].cast)
    return taken


def _everybody(standing: Mapping[str, Cast]) -> tuple[Cast, ...]:
    """Everybody's ballot; who had said nothing for long is left out."""
    return tuple(standing[point] for point in sorted(standing) if standing[point].ballot != "silent")


def _outage(judged: Judged, changes: list[Change], *, lasts: bool) -> Outage:
    while lasts and len(changes) > 1 and all(cast.ballot == "waiting" for cast in changes[-1].cast):
        changes.pop()  # nobody changed a vote: the newest seconds are still on their way
    return Outage(judged.start_ms, judged.end_ms, lasts, tuple(changes))


def _steps(votes: Mapping[str, Sequence[Vote]], rule: Rule, end_ms: int) -> Iterator[Change]:
    """Every instant at which a ballot changed; one that was only cast again is no change."""
    edges = sorted((edge for point, cast in votes.items() for edge in edges_of(point, cast, rule, end_ms)), key=_ORDER)
    hall, known = Hall(rule), dict[str, Standing]()
    for at_ms, together in groupby(edges, key=_AT):
        changed: dict[str, Cast] = {}
        for edge in together:
            hall.take(edge)
            changed[edge.point] = _cast(edge, votes)
        cast = tuple(one for _, one in sorted(changed.items()) if known.get(one.point) != one.ballot)
        known.update((one.point, one.ballot) for one in cast)
        if cast:
            yield Change(at_ms, hall.verdict, hall.tally, cast)


def _cast(edge: Edge, votes: Mapping[str, Sequence[Vote]]) -> Cast:
    detail = None if edge.number is None else votes[edge.point][edge.number].detail
    return Cast(edge.point, edge.ballot or "silent", detail)
