"""PURE. A fleet's subjects, grouped by what they share: the hours that count, the windows, the days they belong to it.

Ten thousand players have a handful of calendars, windows and active intervals among them; each rule is asked once for
each of those, not once for each player.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from collector.sla.intervals import Interval, intersect, union
from collector.sla.measure import Integers, Measure
from collector.sla.tally import MonthSpan, Subject, Window, active_interval, belongs_to_n, counted_time, exempt_time
from collector.sla.terms import Contract


class Roster:
    """What is known of the subjects before any evidence is looked at.

    `from_ms` and `until_ms` `[subject, month]`: the active interval in the counted month, never inverted. `counted`: it
    belongs to N. `line`: the number of the subject's set in `emission` (what of its time counts) and in `exempt`
    (what of that its windows take out).
    """

    def __init__(
        self, contract: Contract, spans: Sequence[MonthSpan], subjects: Sequence[Subject], windows: Collection[Window]
    ) -> None:
        self.is_player = np.array([subject.kind == "player" for subject in subjects], np.bool_)
        self.origin_ms = min((span.start_ms for span in spans), default=0)
        self.horizon_ms = max((span.counted_until_ms for span in spans), default=0)
        self.from_ms, self.until_ms, self.counted = _membership(contract, spans, subjects)
        emission, exempt, self.line = _sets(contract, spans, subjects, windows)
        self.emission = Measure(emission, self.origin_ms, self.horizon_ms)
        self.exempt = Measure(exempt, self.origin_ms, self.horizon_ms)


def _membership(
    contract: Contract, spans: Sequence[MonthSpan], subjects: Sequence[Subject]
) -> tuple[Integers, Integers, NDArray[np.bool_]]:
    """When each subject is active in each month, and whether it belongs to N."""
    numbers: dict[object, int] = {}
    rows: list[list[tuple[int, int, bool]]] = []
    chosen = np.empty(len(subjects), np.intp)
    for place, subject in enumerate(subjects):
        key = (subject.kind, subject.active_from_ms, subject.active_until_ms)
        number = numbers.setdefault(key, len(rows))
        if number == len(rows):
            rows.append([_in_month(contract, span, subject) for span in spans])
        chosen[place] = number
    table = np.array(rows, np.int64).reshape(len(rows), len(spans), 3)[chosen]
    return table[:, :, 0], table[:, :, 1], table[:, :, 2].astype(np.bool_)


def _in_month(contract: Contract, span: MonthSpan, subject: Subject) -> tuple[int, int, bool]:
    start, end = active_interval(span, subject)
    end = max(start, end)
    return start, end, belongs_to_n(contract, span, subject, end - start)


def _sets(
    contract: Contract, spans: Sequence[MonthSpan], subjects: Sequence[Subject], windows: Collection[Window]
) -> tuple[list[list[Interval]], list[list[Interval]], Integers]:
    """Counted time over all months (at any active interval), what windows take out of it, and whose is which."""
    naming = _windows_by_name(windows)
    numbers: dict[object, int] = {}
    emission: list[list[Interval]] = []
    exempt: list[list[Interval]] = []
    line = np.empty(len(subjects), np.int64)
    for place, subject in enumerate(subjects):
        key = (subject.kind, id(subject.emission), naming.get(subject.id, ()))
        number = numbers.setdefault(key, len(emission))
        if number == len(emission):
            counted = union(counted_time(span, subject, span.start_ms, span.counted_until_ms) for span in spans)
            emission.append(counted)
            exempt.append(intersect(counted, exempt_time(contract, windows, subject)))
        line[place] = number
    return emission, exempt, line


def _windows_by_name(windows: Collection[Window]) -> Mapping[str, tuple[int, ...]]:
    """Which windows have a name in their list: subjects of one kind that are named alike are treated alike."""
    naming: dict[str, tuple[int, ...]] = {}
    for number, window in enumerate(windows):
        for name in window.subjects:
            naming[name] = (*naming.get(name, ()), number)
    return naming
