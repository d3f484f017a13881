"""Subjects' timelines out of the ledger: a player's as its device told it, a voted platform part's as it is judged.

Everything that reads the past for a figure reads it here, so that a report, a closed month, a forecast, the page and
InfluxDB judge a platform part by the same votes as the live figure does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from collector.ledger import month_store
from collector.ledger.month_store import Stay, StoredRun
from collector.ledger.run_queries import runs_of
from collector.places import judged_runs, patience_ms, place_of, points_of, rule_of, votes_of
from collector.sla.instants import DAY_MS
from collector.vantage_story import outages_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from collector.evidence import RunRow
    from collector.registry.model import Registry, Subject, VoteRule
    from collector.sla.columns import Row
    from collector.vantage_story import Outage

REACH_MS: Final = 62 * DAY_MS  # beyond a range: how far the edge of an outage is looked for
_FIRST_REACH_MS: Final = DAY_MS


class _Parted(NamedTuple):
    """Numbers of the subjects that have evidence of their own, and of those that are voted on."""

    own: list[int]
    voted: list[int]


def rows_between(
    connection: Connection, registry: Registry, subjects: Sequence[Subject], start_ms: int, end_ms: int
) -> Iterator[Row]:
    """The runs of these subjects that touch `[start_ms, end_ms)`, as `Columns.from_rows` takes them."""
    own, voted = _part(subjects)
    places = [place_of(subjects[number]) for number in own]
    for number, start, end, state, cause in month_store.rows_between(connection, places, start_ms, end_ms):
        yield own[number], start, end, state, cause
    for number in voted:
        for row in _judged(connection, registry, subjects[number], start_ms, end_ms):
            yield number, row.start_ms, row.end_ms, row.state, row.cause


def stays_between(
    connection: Connection, registry: Registry, subjects: Sequence[Subject], start_ms: int, end_ms: int
) -> Iterator[tuple[int, Stay]]:
    """The same with whether each is closed: what a subject was at one instant."""
    own, voted = _part(subjects)
    places = [place_of(subjects[number]) for number in own]
    for number, stay in month_store.stays_between(connection, places, start_ms, end_ms):
        yield own[number], stay
    for number in voted:
        for row in _judged(connection, registry, subjects[number], start_ms, end_ms):
            yield number, Stay(row.start_ms, row.end_ms, row.state, row.cause, row.closed)


def runs_between(
    connection: Connection, registry: Registry, subjects: Sequence[Subject], start_ms: int, end_ms: int
) -> Iterator[tuple[int, StoredRun]]:
    """The same with all that a report tells of them."""
    own, voted = _part(subjects)
    places = [place_of(subjects[number]) for number in own]
    for number, run in month_store.runs_between(connection, places, start_ms, end_ms):
        yield own[number], run
    for number in voted:
        for row in _judged(connection, registry, subjects[number], start_ms, end_ms):
            yield number, _stored(row)


def timeline(
    connection: Connection, registry: Registry, subject: Subject, start_ms: int, end_ms: int
) -> Sequence[RunRow]:
    """One subject's runs that touch `[start_ms, end_ms)`, in painting order."""
    if subject.votes is not None:
        return _judged(connection, registry, subject, start_ms, end_ms)
    address, output = place_of(subject)
    return runs_of(connection, address, output, start_ms, end_ms)


def _part(subjects: Sequence[Subject]) -> _Parted:
    parted = _Parted([], [])
    for number, subject in enumerate(subjects):
        (parted.own if subject.votes is None else parted.voted).append(number)
    return parted


def outages_between(
    connection: Connection, registry: Registry, subject: Subject, start_ms: int, end_ms: int, now_ms: int
) -> list[Outage]:
    """The outages of a voted platform part that touch `[start_ms, end_ms)`, oldest first, with the votes of each.

    Each from its beginning to its end, also where that lies outside, by up to `REACH_MS` on either side; none later
    than `now_ms`. Empty where nobody votes on the subject.
    """
    votes = subject.votes
    if votes is None:
        return []
    begin_ms, until_ms, more_ms = start_ms, min(end_ms, now_ms), _FIRST_REACH_MS
    while begin_ms < until_ms:
        said = votes_of(_said(connection, registry, subject, votes, begin_ms, until_ms))
        found = outages_of(said, rule_of(votes), begin_ms, until_ms)
        before = bool(found) and found[0].start_ms == begin_ms and begin_ms > start_ms - REACH_MS
        after = bool(found) and found[-1].end_ms == until_ms and until_ms < min(now_ms, end_ms + REACH_MS)
        if not before and not after:
            return [one for one in found if one.start_ms < end_ms and start_ms < one.end_ms]
        begin_ms -= more_ms if before else 0
        until_ms = min(now_ms, until_ms + more_ms) if after else until_ms
        more_ms *= 4
    return []


def _judged(
    connection: Connection, registry: Registry, subject: Subject, start_ms: int, end_ms: int
) -> Sequence[RunRow]:
    votes = subject.votes
    if votes is None:
        return []
    return judged_runs(subject, votes, _said(connection, registry, subject, votes, start_ms, end_ms), start_ms, end_ms)


def _said(
    connection: Connection, registry: Registry, subject: Subject, votes: VoteRule, start_ms: int, end_ms: int
) -> dict[str, list[StoredRun]]:
    """The runs of each vantage point that a verdict within `[start_ms, end_ms)` may hang on, in painting order."""
    points = points_of(registry, subject)
    names, said = list(points), {name: list[StoredRun]() for name in points}
    begun_ms = start_ms - patience_ms(votes)  # who fell silent shortly before is still waited for
    for number, run in month_store.runs_between(connection, list(points.values()), begun_ms, end_ms):
        said[names[number]].append(run)
    return said


def _stored(row: RunRow) -> StoredRun:
    return StoredRun(row.start_ms, row.end_ms, row.state, row.cause, row.clock, row.detail, row.spool, row.seq)
