"""The points of a past interval, made anew from the ledger and written beside a running collector.

Time is gone through from the beginning, a day at a time: each day is one short read of the ledger (a long one would
keep its log from being folded in), so late evidence is seen and memory holds a month of runs, not the whole past.
Writing rests for as long as it worked, so the live feed keeps at least half of InfluxDB. Everything is idempotent: a
point has the instant of its run, of its alert, or a multiple of the step, so an interval may be gone over twice.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from heapq import merge
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from collector.backoff import backoff_ms
from collector.figures import Agreements, agree, current_month
from collector.influx.delivery import Refused, deliver
from collector.influx.feed import run_lines
from collector.influx.past import Chapter, History, alert_lines, burnt
from collector.influx.verdict import judge
from collector.ledger.alert_store import read_between
from collector.ledger.decisions_store import read_every_decision
from collector.ledger.evidence_store import EvidenceStore
from collector.ledger.month_store import Stay
from collector.ledger.registry_store import read_registry
from collector.ledger.run_queries import closed_runs_between
from collector.places import place_of
from collector.registry.model import Registry, Subject
from collector.sla.burn import LOOKBACK_MS
from collector.sla.columns import Columns
from collector.sla.tally import month_span
from collector.timelines import stays_between
from collector.track import SILENT_AFTER_INTERVALS
from common.clock import monotonic_s

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from collector.influx.config import InfluxConfig
    from collector.influx.transport import Transport
    from collector.influx.verdict import Answer
    from collector.ledger.ledger import Ledger
    from collector.sla.contract import Contract

_DAY_MS: Final = 86_400_000
_FIRST_WAIT_MS: Final = 1_000
_LONGEST_WAIT_MS: Final = 60_000
_LONGEST_REST_S: Final = 5.0  # InfluxDB was away: that was no work
_SHOWN: Final = 5

Tell = Callable[[int, int, int], None]  # up to which instant, how many snapshots are done, of how many


class Wish(NamedTuple):
    """What to write anew: `[start_ms, end_ms)`, with a snapshot at every multiple of `step_ms`. `tenant` "": all."""

    start_ms: int
    end_ms: int
    step_ms: int
    tenant: str = ""

    def instants(self, start_ms: int, end_ms: int) -> range:
        """The snapshots in `[start_ms, end_ms)`."""
        return range(-(-start_ms // self.step_ms) * self.step_ms, end_ms, self.step_ms)


@dataclass(slots=True)
class Rebuilt:
    """What was done. `up_to_ms`: everything before this instant has landed."""

    up_to_ms: int
    written: int = 0
    expired: int = 0
    refused: int = 0
    examples: list[Refused] = field(default_factory=list)


class GaveUpError(Exception):
    """InfluxDB does not take the points; `answer` says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(str(answer))
        self.answer = answer


class World(NamedTuple):
    """What does not change from day to day: registry, agreements, each device's interval, when anything was watched."""

    registry: Registry
    agreements: Agreements
    subjects: list[Subject]
    intervals_ms: Mapping[str, int]  # by tenant/device
    watched_from_ms: int | None


class Source:
    """The ledger as a rebuild reads it: the world once, then a day at a time."""

    def __init__(self, ledger: Ledger, contracts: Mapping[str, Contract], wish: Wish) -> None:
        self._ledger = ledger
        self._wish = wish
        self.world = ledger.read_now(lambda connection: _read_world(connection, contracts, wish.tenant))

    def days(self) -> Iterator[tuple[int, int]]:
        """The wish's interval in pieces of at most a day, in each of which every figure knows the same rulings."""
        start_ms, end_ms, _, _ = self._wish
        midnights = range((start_ms // _DAY_MS + 1) * _DAY_MS, end_ms, _DAY_MS)
        rulings = (
            ruling.at_ms
            for agreement in self.world.agreements.by_key.values()
            for made in agreement.decisions.rulings.values()
            for ruling in made
            if start_ms < ruling.at_ms < end_ms
        )
        yield from pairwise(sorted({start_ms, *midnights, *rulings, end_ms}))

    def instants(self, start_ms: int, end_ms: int) -> range:
        """The snapshots of a piece: none before anything was watched."""
        watched_ms = self.world.watched_from_ms
        return range(0) if watched_ms is None else self._wish.instants(max(start_ms, watched_ms), end_ms)

    async def read(
        self, start_ms: int, end_ms: int, down_over: Callable[[str], Fraction | None]
    ) -> tuple[Chapter, list[tuple[int, str]]]:
        """What snapshots of `[start_ms, end_ms)` need, and the events in it by instant."""
        return await self._ledger.read(lambda found: self._read(found, start_ms, end_ms, down_over))

    def _read(
        self, connection: Connection, start_ms: int, end_ms: int, down_over: Callable[[str], Fraction | None]
    ) -> tuple[Chapter, list[tuple[int, str]]]:
        world, tenant = self.world, self._wish.tenant
        stays = _read_stays(connection, world, start_ms, end_ms)
        numbers = {subject.key: number for number, subject in enumerate(world.subjects)}
        alerts = [
            alert
            for alert in read_between(connection, start_ms, end_ms)
            if not tenant or alert.agreement.startswith(f"{tenant}/")
        ]
        chapter = Chapter(
            registry=world.registry,
            agreements=world.agreements,
            subjects=world.subjects,
            histories={
                subject.key: History(stays[number], world.intervals_ms.get(str(place_of(subject)[0]), 0))
                for number, subject in enumerate(world.subjects)
            },
            columns={
                key: _columns(stays[numbers[subject.key]] for subject, _ in agreement.subjects)
                for key, agreement in world.agreements.by_key.items()
            },
            burnt={
                key: burnt(
                    agreement, [stays[numbers[subject.key]] for subject, _ in agreement.subjects], start_ms, end_ms
                )
                for key, agreement in world.agreements.by_key.items()
            },
            alerts=alerts,
            down_over=down_over,
        )
        rows = closed_runs_between(connection, start_ms, end_ms, tenant)
        runs = [(pair[1].start_ms, line) for pair in rows for line in run_lines([pair], world.registry)]
        told = alert_lines(alerts, start_ms, end_ms)
        return chapter, list(merge(runs, sorted(told, key=_instant), key=_instant))


async def rebuild(
    source: Source,
    down_over: Callable[[str], Fraction | None],
    transport: Transport,
    config: InfluxConfig,
    done: Rebuilt,
    tell: Tell,
) -> None:
    """Write everything anew, noting in `done` how far it is; GaveUpError where InfluxDB does not take it."""
    sender = _Sender(transport, config, done)
    days = list(source.days())
    snapshots, of = 0, sum(len(source.instants(*day)) for day in days)
    for start_ms, end_ms in days:
        tell(start_ms, snapshots, of)
        chapter, events = await source.read(start_ms, end_ms, down_over)
        given = 0
        for at_ms in source.instants(start_ms, end_ms):
            # An event of this very instant follows its snapshot, as it does live: it is what the snapshot led to.
            before = bisect_left(events, at_ms, lo=given, key=_instant)
            await sender.put(chain(_lines(events[given:before]), chapter.lines(at_ms)), at_ms)
            given, snapshots = before, snapshots + 1
            tell(at_ms, snapshots, of)
        await sender.put(_lines(events[given:]), end_ms)
    await sender.flush()


class _Sender:
    """Collects lines into batches and writes them, resting as long as it worked."""

    def __init__(self, transport: Transport, config: InfluxConfig, done: Rebuilt) -> None:
        self._transport = transport
        self._config = config
        self._done = done
        self._lines: list[bytes] = []
        self._reached_ms = done.up_to_ms
        self._rested_s = monotonic_s()

    async def put(self, lines: Iterator[str], up_to_ms: int) -> None:
        """Take lines; with them everything before `up_to_ms` has been given."""
        self._lines += (line.encode(errors="replace") for line in lines)
        self._reached_ms = up_to_ms
        if len(self._lines) >= self._config.batch_lines:
            await self.flush()

    async def flush(self) -> None:
        """Write what was collected."""
        await self._write(self._lines)
        self._lines = []
        self._done.up_to_ms = self._reached_ms
        await asyncio.sleep(min(_LONGEST_REST_S, monotonic_s() - self._rested_s))
        self._rested_s = monotonic_s()

    async def _write(self, lines: list[bytes]) -> None:
        failures, since_s = 0, monotonic_s()
        while lines:
            result = await deliver(self._transport, lines, self._config.batch_lines)
            self._note(result.landed, result.expired, result.refused)
            if len(result.left) < len(lines):
                failures, since_s = 0, monotonic_s()
            lines, answer = result.left, result.failure
            if answer is None:
                return
            if judge(answer, 1) == "misconfigured" or monotonic_s() - since_s >= self._config.patience_s:
                raise GaveUpError(answer)
            failures += 1
            wait_ms = backoff_ms(failures, _FIRST_WAIT_MS, _LONGEST_WAIT_MS)
            await asyncio.sleep(max(wait_ms, answer.retry_after_ms or 0) / 1000)

    def _note(self, landed: int, expired: int, refused: list[Refused]) -> None:
        self._done.written += landed
        self._done.expired += expired
        self._done.refused += len(refused)
        self._done.examples += refused[: _SHOWN - len(self._done.examples)]


def _read_world(connection: Connection, contracts: Mapping[str, Contract], tenant: str) -> World:
    registry = read_registry(connection)
    agreements = agree(registry, contracts, read_every_decision(connection, registry))
    if tenant:
        agreements.by_key = {key: each for key, each in agreements.by_key.items() if each.tenant == tenant}
    devices = EvidenceStore().load(connection).values()
    return World(
        registry=registry,
        agreements=agreements,
        subjects=[subject for subject in registry.subjects.values() if tenant in {"", subject.tenant}],
        intervals_ms={str(row.address): SILENT_AFTER_INTERVALS * row.interval_ms for row in devices},
        watched_from_ms=min((row.first_seen_ms for row in devices), default=None),
    )


def _read_stays(connection: Connection, world: World, start_ms: int, end_ms: int) -> list[list[Stay]]:
    """The runs of each subject that figures look at: from the beginning of every contract's own month on."""
    months = [
        month_span(each.contract, current_month(each.contract, start_ms), end_ms).start_ms
        for each in world.agreements.by_key.values()
    ]
    earliest_ms = min([start_ms - LOOKBACK_MS, *months])
    stays: list[list[Stay]] = [[] for _ in world.subjects]
    for number, stay in stays_between(connection, world.registry, world.subjects, earliest_ms, end_ms):
        stays[number].append(stay)
    return stays


def _columns(stays: Iterator[list[Stay]]) -> Columns:
    return Columns.from_rows(
        (number, stay.start_ms, stay.end_ms, stay.state, stay.cause) for number, own in enumerate(stays) for stay in own
    )


def _lines(events: Iterable[tuple[int, str]]) -> Iterator[str]:
    return (line for _, line in events)


def _instant(event: tuple[int, str]) -> int:
    return event[0]
