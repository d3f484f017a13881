"""Subjects' timelines out of the ledger: a player's as its device told it, a voted platform part's as it is judged.

Everything that reads the past for a figure reads it here, so that a report, a closed month, a forecast, the page and
InfluxDB judge a platform part by the same votes as the live figure does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from collector.ledger import month_store
from collector.ledger.month_store import Stay, StoredRun
from collector.ledger.run_queries import runs_of
from collector.places import judged_runs, patience_ms, place_of, points_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from collector.evidence import RunRow
    from collector.registry.model import Registry, Subject
    from collector.sla.columns import Row


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


def _judged(
    connection: Connection, registry: Registry, subject: Subject, start_ms: int, end_ms: int
) -> Sequence[RunRow]:
    votes = subject.votes
    if votes is None:
        return []
    points = points_of(registry, subject)
    names, said = list(points), {name: list[StoredRun]() for name in points}
    begun_ms = start_ms - patience_ms(votes)  # who fell silent shortly before is still waited for
    for number, run in month_store.runs_between(connection, list(points.values()), begun_ms, end_ms):
        said[names[number]].append(run)
    return judged_runs(subject, votes, said, start_ms, end_ms)


def _stored(row: RunRow) -> StoredRun:
    return StoredRun(row.start_ms, row.end_ms, row.state, row.cause, row.clock, row.detail, row.spool, row.seq)
