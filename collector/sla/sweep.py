"""PURE. The fast road: the months of a whole fleet at once, in exact 64-bit integers over columns of runs.

It computes what `tally.tally_subject` computes, subject by subject and month by month, and nothing else. No rule of the
contract is written here: what is down (`tally.is_down`), which hours count (`tally.counted_time`), which windows apply
(`tally.exempt_time`), who belongs to N (`tally.belongs_to_n`) and who is affected (`eligibility.is_affected`) are asked
of the modules that own them, once for each kind of run and each kind of subject.

Subjects that share calendar and windows share their counted time, whose measure (`measure.py`) turns each run into two
look-ups. Players whose runs are nested in others, players that were ruled on, and platforms take the slow road.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from collector.sla.availability import MonthFigure, MonthSums, judge_sums
from collector.sla.columns import CAUSES, STATES, Columns
from collector.sla.eligibility import is_affected
from collector.sla.intervals import Interval, total, union
from collector.sla.measure import Integers, Measure
from collector.sla.roster import Roster
from collector.sla.tally import MonthSpan, Standing, Subject, Tally, Window, is_down, month_span, tally_subject
from collector.sla.terms import Contract
from collector.sla.timeline import Ruling

Flags = NDArray[np.bool_]

_ROWS_AT_ONCE: Final = 1 << 17  # their intermediate columns fit into the processor's cache
_SUBJECTS_AT_ONCE: Final = 1 << 14


@dataclass(frozen=True, slots=True, eq=False)
class FleetMonths:
    """What `Tally` holds, as arrays `[subject, month]`, and the platform's accountable time of each month."""

    spans: Sequence[MonthSpan]
    is_player: Flags  # [subject]
    counted: Flags
    active_ms: Integers
    counted_ms: Integers
    known_ms: Integers
    down_ms: Integers
    accountable_ms: Integers
    affected: Flags
    platform_down: Sequence[Sequence[Interval]]  # [month], the union over its parts

    def sums(self, month: int) -> MonthSums:
        """What the subjects of a month (its index) sum to."""
        players = self.counted[:, month]
        platform = ~self.is_player
        return MonthSums(
            players=int(np.count_nonzero(players)),
            affected_players=int(np.count_nonzero(self.affected[players, month])),
            players_active_ms=int(self.active_ms[players, month].sum()),
            players_counted_ms=int(self.counted_ms[players, month].sum()),
            players_known_ms=int(self.known_ms[players, month].sum()),
            players_downtime_ms=int(self.accountable_ms[players, month].sum()),
            platform_counted_ms=int(self.counted_ms[platform, month].sum()),
            platform_known_ms=int(self.known_ms[platform, month].sum()),
            platform_downtime_ms=total(self.platform_down[month]),
        )


def judge_fleet(
    contract: Contract,
    months: Sequence[str],
    computed_at_ms: int,
    subjects: Sequence[Subject],
    runs: Columns,
    windows: Collection[Window] = (),
    rulings: Mapping[int, Sequence[Ruling]] | None = None,
) -> list[MonthFigure]:
    """The figure of each month; `rulings` by the subject's index. The same as `judge_month` over `tally_subject`."""
    spans = [month_span(contract, month, computed_at_ms) for month in months]
    fleet = tally_fleet(contract, spans, subjects, runs, windows, rulings)
    return [judge_sums(contract, span, fleet.sums(month)) for month, span in enumerate(spans)]


def tally_fleet(
    contract: Contract,
    spans: Sequence[MonthSpan],
    subjects: Sequence[Subject],
    runs: Columns,
    windows: Collection[Window] = (),
    rulings: Mapping[int, Sequence[Ruling]] | None = None,
) -> FleetMonths:
    """Judge every subject in every month. `spans`: different months; `runs` and `rulings` by the subject's index.

    ValueError: a run or a ruling has an index that is no subject's.
    """
    ordered = runs.in_painting_order()
    _refuse_strangers(len(subjects), ordered, rulings or {})
    roster = Roster(contract, spans, subjects, windows)
    first_row = np.searchsorted(ordered.subject, np.arange(len(subjects) + 1))
    sweep = _Sweep(contract, roster)
    slow = [np.flatnonzero(~roster.is_player), np.array(sorted(rulings or ()), np.intp)]
    for first, last in _parts(first_row):
        nested = sweep.take(first, last, ordered.part(int(first_row[first]), int(first_row[last])))
        slow.append(nested + first)
    platform: list[list[Sequence[Interval]]] = [[] for _ in spans]
    for number in np.unique(np.concatenate(slow)).tolist():
        own = ordered.part(int(first_row[number]), int(first_row[number + 1])).evidence()
        for month, span in enumerate(spans):
            tally = tally_subject(contract, span, subjects[number], own, windows, (rulings or {}).get(number, ()))
            sweep.put(number, month, tally)
            if tally.kind == "platform":
                platform[month].append(tally.accountable)
    return sweep.result(contract, spans, [union(parts) for parts in platform])


def _refuse_strangers(subjects: int, ordered: Columns, rulings: Mapping[int, Sequence[Ruling]]) -> None:
    ends = ordered.subject[[0, -1]].tolist() if len(ordered) else []
    for what, numbers in (("run of", ends), ("ruling on", rulings)):
        for number in numbers:
            if not 0 <= number < subjects:
                raise ValueError(f"a {what} subject {number}, and there are {subjects} subjects")


def _parts(first_row: NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    """Ranges of subjects that are worked on together: few enough rows, yet at least one subject."""
    first, subjects = 0, len(first_row) - 1
    while first < subjects:
        fitting = int(np.searchsorted(first_row, first_row[first] + _ROWS_AT_ONCE, side="right")) - 1
        last = min(max(fitting, first + 1), first + _SUBJECTS_AT_ONCE)
        yield first, last
        first = last


class _Sweep:
    """The arrays of a fleet's months while they are being filled."""

    def __init__(self, contract: Contract, roster: Roster) -> None:
        self._roster = roster
        self._silence = is_down(contract, "unknown")
        standings = [is_down(contract, state, cause) for state in STATES for cause in CAUSES]
        self._standing = {name: np.array([getattr(one, name) for one in standings]) for name in Standing._fields}
        shape = roster.from_ms.shape
        self._counted_ms, self._known_ms = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        self._down_ms, self._accountable_ms = np.zeros(shape, np.int64), np.zeros(shape, np.int64)

    def take(self, first: int, last: int, runs: Columns) -> NDArray[np.intp]:
        """Fill in subjects `[first, last)`; which of these (from 0) have runs inside others, and are not right yet."""
        edges, here = _Edges(self._roster, first, last), slice(first, last)
        emission, exempt = self._roster.emission, self._roster.exempt
        painted, nested = _paint(runs, first)
        code = runs.state * np.uint8(len(CAUSES)) + runs.cause
        told = edges.meet(painted.joined(), emission)
        silent = edges.meet(painted.where(~self._standing["known"][code]), emission)
        down_rows = self._standing["down"][code]
        down = edges.meet(painted.where(down_rows), emission)
        accountable = down.where(self._standing["accountable"][code[down_rows]])
        self._counted_ms[here] = edges.whole(emission)
        self._known_ms[here] = edges.time_of(told) - edges.time_of(silent)
        self._down_ms[here] = edges.time_of(down)
        self._accountable_ms[here] = edges.time_of(accountable) - edges.time_of(edges.meet(accountable.blocks, exempt))
        untold_ms = edges.whole(emission) - edges.time_of(told)  # what nothing painted is unknown
        if self._silence.down:
            self._down_ms[here] += untold_ms
        if self._silence.accountable:
            exempt_told_ms = edges.time_of(edges.meet(told.blocks, exempt))
            self._accountable_ms[here] += untold_ms - edges.whole(exempt) + exempt_told_ms
        return nested

    def put(self, subject: int, month: int, tally: Tally) -> None:
        """Take over what the slow road found."""
        place = (subject, month)
        self._counted_ms[place], self._known_ms[place] = tally.counted_ms, tally.known_ms
        self._down_ms[place], self._accountable_ms[place] = tally.down_ms, tally.accountable_ms

    def result(
        self, contract: Contract, spans: Sequence[MonthSpan], platform_down: Sequence[Sequence[Interval]]
    ) -> FleetMonths:
        """The months as they stand."""
        return FleetMonths(
            spans=spans,
            is_player=self._roster.is_player,
            counted=self._roster.counted,
            active_ms=self._roster.until_ms - self._roster.from_ms,
            counted_ms=self._counted_ms,
            known_ms=self._known_ms,
            down_ms=self._down_ms,
            accountable_ms=self._accountable_ms,
            affected=self._affected(contract),
            platform_down=platform_down,
        )

    def _affected(self, contract: Contract) -> Flags:
        shape, terms = self._counted_ms.shape, contract.eligibility
        if terms is None:
            return np.zeros(shape, np.bool_)
        pairs = zip(self._accountable_ms.ravel().tolist(), self._counted_ms.ravel().tolist(), strict=True)
        return np.array([is_affected(terms, *pair) for pair in pairs], np.bool_).reshape(shape)


@dataclass(frozen=True, slots=True, eq=False)
class _Blocks:
    """Disjoint intervals by subject (from 0) and start."""

    subject: Integers
    start_ms: Integers
    end_ms: Integers

    def where(self, chosen: Flags) -> _Blocks:
        """The chosen ones."""
        kept = np.flatnonzero(chosen)
        return _Blocks(self.subject[kept], self.start_ms[kept], self.end_ms[kept])

    def joined(self) -> _Blocks:
        """The same time in fewer ones: those that touch become one."""
        parted = (self.subject[1:] != self.subject[:-1]) | (self.start_ms[1:] != self.end_ms[:-1])
        begins, ends = (
            np.flatnonzero(np.append(*pair)[: len(self.subject)]) for pair in ((True, parted), (parted, True))
        )
        return _Blocks(self.subject[begins], self.start_ms[begins], self.end_ms[ends])


@dataclass(frozen=True, slots=True, eq=False)
class _Met:
    """Blocks, and how much of a set lies before each begins and before each ends."""

    blocks: _Blocks
    measure: Measure
    begin: Integers
    end: Integers

    def where(self, chosen: Flags) -> _Met:
        """The chosen ones."""
        kept = np.flatnonzero(chosen)
        return _Met(self.blocks.where(chosen), self.measure, self.begin[kept], self.end[kept])


def _paint(runs: Columns, first: int) -> tuple[_Blocks, NDArray[np.intp]]:
    """Runs in painting order, each cut where the next begins; and whose runs lie inside others: theirs are wrong."""
    subject, start, end = runs.subject.astype(np.int64) - first, runs.start_ms, runs.end_ms
    covered = (end[:-1] > start[1:]) & (subject[1:] == subject[:-1])
    if not covered.any():
        return _Blocks(subject, start, end), np.empty(0, np.intp)
    nested = covered & (end[:-1] > end[1:])  # the earlier run shows again after the later one
    end = np.append(np.where(covered, start[1:], end[:-1]), end[-1:])
    return _Blocks(subject, start, end), np.unique(subject[1:][nested])


class _Edges:
    """Where the months of some subjects begin and end: what lies between is told for a whole layer at once."""

    def __init__(self, roster: Roster, first: int, last: int) -> None:
        self._origin_ms, self._length_ms = roster.origin_ms, roster.horizon_ms - roster.origin_ms
        self._line = roster.line[first:last]
        self._at_ms = np.stack([roster.from_ms[first:last], roster.until_ms[first:last]])
        self._subject = np.broadcast_to(np.arange(last - first)[:, None], self._at_ms.shape)

    def whole(self, measure: Measure) -> Integers:
        """What of the sets lies in each month, `[subject, month]`."""
        return _between(self._before(measure))

    def meet(self, blocks: _Blocks, measure: Measure) -> _Met:
        """Look the blocks up in the sets of their subjects."""
        return _Met(blocks, measure, *measure.before_both(self._line[blocks.subject], blocks.start_ms, blocks.end_ms))

    def time_of(self, met: _Met) -> Integers:
        """How much of the sets the blocks cover in each month, `[subject, month]`."""
        blocks = met.blocks
        if not len(blocks.subject):
            return np.zeros(self._at_ms.shape[1:], np.int64)
        covered = np.append(0, np.cumsum(met.end - met.begin))
        begun = np.searchsorted(self._keys(blocks.subject, blocks.start_ms), self._keys(self._subject, self._at_ms))
        newest = np.maximum(begun - 1, 0)
        own = (begun > 0) & (blocks.subject[newest] == self._subject)
        lasting = np.maximum(met.end[newest] - self._before(met.measure), 0)  # of the newest block, beyond the edge
        return _between(covered[begun] - np.where(own, lasting, 0))

    def _before(self, measure: Measure) -> Integers:
        return measure.before(self._line[self._subject], self._at_ms)

    def _keys(self, subject: Integers, instants_ms: Integers) -> Integers:
        """Numbers in the order of subject and instant."""
        return subject * (self._length_ms + 1) + np.clip(instants_ms - self._origin_ms, 0, self._length_ms)


def _between(at: Integers) -> Integers:
    """From what lies before the begins and before the ends, `[2, …]`, what lies between them."""
    between: Integers = at[1] - at[0]
    return between
