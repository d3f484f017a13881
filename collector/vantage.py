"""PURE. What the vantage points say of a platform part → what it was: the rule that a platform's down time hangs on.

A vantage point votes by its runs: `up`, `down`, or no vote. It casts none where it says `unknown` (it could reach
nothing else either, so it knows only of its own network), where its machine was off, and where it says nothing.

At each instant, with U points that say up and D that say down:

    fewer than `min_votes` of both                                unknown: nobody can tell
    D is over `share` of U + D (or: D is at least `count`)        down
    anybody says up, and it is not down                           up; half against half is not proven down
    else                                                          unknown

A point whose last word ended less than `patience_ms` ago is waited for: the verdict is `unknown` unless it is the same
whatever that point will say. So the newest seconds, which one point has told of and another not yet, judge nobody, and
a point that stays away is waited for no longer than that. Evidence that comes late is evidence like any other: the
verdict is computed from the runs as they are, in whatever order they came.

A run's detail is its proof in one line, frozen with it: the votes of its first instant, how many had to say down, and
everybody who voted while it lasted.
"""

from __future__ import annotations

import heapq
import itertools
import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from operator import itemgetter
from typing import Final, Literal, NamedTuple

from collector.sla.timeline import Evidence, paint
from collector.steps import to_the_end

Ballot = Literal["up", "down", "none", "waiting"]
Verdict = Literal["up", "down", "unknown"]
Clock = Literal["synced", "received", "estimated"]

NAMED_MAX: Final = 8  # vantage points that a detail names of each side
_SAID_MAX: Final = 80  # characters of what one of them said
_PROOF: Final = re.compile(r"(\d{1,6}) of (\d{1,6}) say down, (\d{1,6}) needed(?:;|$)")
_EDGES_A_STEP: Final = 200
_AT: Final = itemgetter(0)
_CLOCKS: Final[tuple[Clock, ...]] = ("synced", "received", "estimated")  # the better first


@dataclass(frozen=True, slots=True)
class Rule:
    """When it is down. `share`: of the votes, strictly more than this; `count`: at least so many, in place of it."""

    share: Fraction = Fraction(1, 2)
    count: int | None = None
    min_votes: int = 1
    patience_ms: int = 60_000


class Vote(NamedTuple):
    """One run of a vantage point's check, over `[start_ms, end_ms)` of true time."""

    start_ms: int
    end_ms: int
    state: str
    detail: str | None = None
    clock: Clock = "synced"


class Tally(NamedTuple):
    """The votes of one instant: points that say up, that say down, that cannot tell, and that are waited for.

    `needed`: how many of those that can tell must say down before it is down.
    """

    up: int = 0
    down: int = 0
    none: int = 0
    waiting: int = 0
    needed: int = 1

    @property
    def votes(self) -> int:
        """Give how many can tell."""
        return self.up + self.down

    def __str__(self) -> str:
        """Give it as it begins a detail."""
        return f"{self.down} of {self.votes} say down, {self.needed} needed"


class Judged(NamedTuple):
    """What the part was over `[start_ms, end_ms)`, and who said so."""

    start_ms: int
    end_ms: int
    state: Verdict
    detail: str
    clock: Clock


class Edge(NamedTuple):
    """From `at_ms` on a point's ballot is this. `number`: of its vote, where it has one."""

    at_ms: int
    point: str
    ballot: Ballot | None  # None: it has said nothing, and is not waited for
    number: int | None


def ballot_of(state: str) -> Literal["up", "down", "none"]:
    """What a run's state is as a vote: whoever could not tell casts none."""
    return "up" if state == "up" else "down" if state == "down" else "none"


def verdict(rule: Rule, up: int, down: int, waiting: int = 0) -> Verdict:
    """What so many votes mean; `unknown` too where those that are waited for could turn it."""
    if up + down < max(1, rule.min_votes):
        return "unknown"
    if _is_down(rule, up + waiting, down):
        return "down"
    return "up" if up and not _is_down(rule, up, down + waiting) else "unknown"


def needed(rule: Rule, votes: int) -> int:
    """How many of so many votes must say down before it is down; never fewer than `min_votes` are asked for."""
    if rule.count is not None:
        return rule.count
    return int(rule.share * max(votes, rule.min_votes, 1)) + 1


def read_proof(detail: str | None) -> Tally | None:
    """The votes by which a run was established, out of its detail; None: no votes stand there."""
    found = _PROOF.match(detail or "")
    if found is None:
        return None
    down, votes, least = map(int, found.groups())
    return Tally(up=votes - down, down=down, needed=least) if down <= votes else None


def is_old_proof(detail: str) -> bool:
    """Whether a run was judged by votes when details did not begin with their numbers; months frozen then keep it."""
    return detail.startswith("down: ")


def judge(votes: Mapping[str, Sequence[Vote]], rule: Rule, start_ms: int, end_ms: int) -> list[Judged]:
    """The timeline of the part within `[start_ms, end_ms)`, oldest first, where any point has evidence.

    `votes`: by point, each point's in painting order. A run is as long as its verdict; its detail names everybody who
    voted in it, with what they said first. To be exact from `start_ms` on, `votes` must hold what ended
    `rule.patience_ms` before it.
    """
    return to_the_end(judging(votes, rule, start_ms, end_ms))


def judging(
    votes: Mapping[str, Sequence[Vote]], rule: Rule, start_ms: int, end_ms: int
) -> Generator[None, None, list[Judged]]:
    """Do what `judge` does in steps of a few milliseconds: thousands of points take seconds."""
    edges = yield from _in_order(votes, rule, end_ms)
    found: list[_Stretch] = []
    hall, edge = Hall(rule), next(edges, None)
    for number in itertools.count(1):
        if edge is None:
            break
        hall.take(edge)
        following = next(edges, None)
        until_ms = end_ms if following is None else following.at_ms
        begun_ms = max(edge.at_ms, start_ms)
        if begun_ms < until_ms and hall.speaks:
            _extend(found, hall, begun_ms, until_ms, votes)
        edge = following
        if not number % _EDGES_A_STEP:
            yield
    judged: list[Judged] = []
    for stretch in found:
        judged.append(stretch.judged(votes))
        yield
    return judged


def _in_order(votes: Mapping[str, Sequence[Vote]], rule: Rule, end_ms: int) -> Generator[None, None, Iterator[Edge]]:
    """Every point's edges by time; those of one instant by the order of the points, as one stable sort has it."""
    sorted_parts: list[list[Edge]] = []
    waiting: list[Edge] = []
    for point, cast in votes.items():
        waiting += edges_of(point, cast, rule, end_ms)
        if len(waiting) >= _EDGES_A_STEP:
            sorted_parts.append(sorted(waiting, key=_AT))
            waiting = []
        yield
    return heapq.merge(*sorted_parts, sorted(waiting, key=_AT), key=_AT)


def ballots(votes: Mapping[str, Sequence[Vote]], at_ms: int) -> dict[str, Vote]:
    """What each point said of one instant; a point that said nothing of it is absent."""
    found: dict[str, Vote] = {}
    for point, cast in votes.items():
        for begun, until, _, number in _painted(cast, at_ms, at_ms + 1):
            if begun <= at_ms < until and number is not None:
                found[point] = cast[int(number)]
    return found


def _is_down(rule: Rule, up: int, down: int) -> bool:
    if rule.count is not None:
        return down >= rule.count
    return down > rule.share * (up + down)


def _painted(cast: Sequence[Vote], start_ms: int, end_ms: int) -> list[tuple[int, int, str, str | None]]:
    # The painter hands the fourth field through: here it names the vote.
    runs = (Evidence(vote.start_ms, vote.end_ms, vote.state, str(number)) for number, vote in enumerate(cast))
    return paint(runs, start_ms, end_ms)


def edges_of(point: str, cast: Sequence[Vote], rule: Rule, end_ms: int) -> Iterator[Edge]:
    """A point's ballot from instant to instant; the last edge says that it is waited for no longer."""
    lived = [vote for vote in cast if vote.start_ms < vote.end_ms]
    if not lived:
        return
    spoken_ms: int | None = None
    for begun, until, state, number in _painted(cast, min(vote.start_ms for vote in lived), end_ms):
        if number is not None:
            spoken_ms = until
            yield Edge(begun, point, ballot_of(state), int(number))
            continue
        if spoken_ms is None:
            continue
        given_up_ms = spoken_ms + rule.patience_ms
        if begun < given_up_ms:
            yield Edge(begun, point, "waiting", None)
        if given_up_ms < until:
            yield Edge(max(begun, given_up_ms), point, None, None)


@dataclass(slots=True)
class Hall:
    """Everybody's ballot at one instant."""

    rule: Rule
    ballots: dict[str, tuple[Ballot, int | None]] = field(default_factory=dict)
    counts: dict[Ballot, int] = field(default_factory=lambda: {"up": 0, "down": 0, "none": 0, "waiting": 0})
    changed: set[str] = field(default_factory=set)  # points, since somebody last looked

    def take(self, edge: Edge) -> None:
        """Go on with this point's ballot."""
        self.changed.add(edge.point)
        before = self.ballots.pop(edge.point, None)
        if before is not None:
            self.counts[before[0]] -= 1
        if edge.ballot is not None:
            self.counts[edge.ballot] += 1
            self.ballots[edge.point] = edge.ballot, edge.number

    @property
    def speaks(self) -> bool:
        """Whether anybody has evidence of this instant, be it that it cannot tell."""
        return self.counts["up"] + self.counts["down"] + self.counts["none"] > 0

    @property
    def verdict(self) -> Verdict:
        """Give what it is at this instant."""
        return verdict(self.rule, self.counts["up"], self.counts["down"], self.counts["waiting"])

    @property
    def tally(self) -> Tally:
        """Give the votes of this instant."""
        up, down = self.counts["up"], self.counts["down"]
        return Tally(up, down, self.counts["none"], self.counts["waiting"], needed(self.rule, up + down))


@dataclass(slots=True)
class _Stretch:
    """One verdict, the votes of its first instant, and the first vote of each side's points in it."""

    start_ms: int
    end_ms: int
    state: Verdict
    tally: Tally
    sides: dict[Ballot, dict[str, int | None]]
    clock: int = 0  # place in _CLOCKS: the worst of them all

    def join(self, hall: Hall, points: Iterable[str], votes: Mapping[str, Sequence[Vote]]) -> None:
        for point in points:
            if point not in hall.ballots:
                continue
            ballot, number = hall.ballots[point]
            self.sides.setdefault(ballot, {}).setdefault(point, number)
            if number is not None:
                self.clock = max(self.clock, _CLOCKS.index(votes[point][number].clock))

    def judged(self, votes: Mapping[str, Sequence[Vote]]) -> Judged:
        detail = explain(
            {
                ballot: {
                    point: None if number is None else votes[point][number].detail for point, number in side.items()
                }
                for ballot, side in self.sides.items()
            },
            self.tally,
        )
        return Judged(self.start_ms, self.end_ms, self.state, detail, _CLOCKS[self.clock])


def _extend(found: list[_Stretch], hall: Hall, start_ms: int, end_ms: int, votes: Mapping[str, Sequence[Vote]]) -> None:
    state = hall.verdict
    if not found or found[-1].state != state or found[-1].end_ms != start_ms:
        found.append(_Stretch(start_ms, end_ms, state, hall.tally, {}))
        hall.changed.update(hall.ballots)
    found[-1].end_ms = end_ms
    found[-1].join(hall, hall.changed, votes)
    hall.changed.clear()


def explain(sides: Mapping[Ballot, Mapping[str, str | None]], tally: Tally) -> str:
    """The proof in one line: `2 of 3 say down, 2 needed; down: p1 (status 503), p2; up: p3; no vote: p4 (no line)`."""
    words: tuple[tuple[Ballot, str], ...] = (
        ("down", "down"),
        ("up", "up"),
        ("none", "no vote"),
        ("waiting", "awaited"),
    )
    parts = [str(tally)]
    for ballot, word in words:
        side = sides.get(ballot, {})
        if side:
            first = [(point, side[point]) for point in heapq.nsmallest(NAMED_MAX, side)]
            named = [f"{point} ({said[:_SAID_MAX]})" if said and ballot != "up" else point for point, said in first]
            more = f" and {len(side) - NAMED_MAX} more" if len(side) > NAMED_MAX else ""
            parts.append(f"{word}: {', '.join(named)}{more}")
    return "; ".join(parts)
