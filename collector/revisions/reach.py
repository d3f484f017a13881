"""PURE. Which closed months a committed run may have changed, told without reading the ledger.

A player that plays for weeks says so in one run, which every heartbeat extends. A run that reached to the end of a
closed month when it was frozen changes nothing in it by growing on, nor does one that was told of since (a vote of a
vantage point is never frozen itself); everything else that touches the month may.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from collector.evidence import RunRow
from collector.revisions.inputs import Inputs
from collector.sla.tally import MonthSpan

Name = tuple[str, int, int]  # spool, seq, where it begins within the month


class ClosedMonth(NamedTuple):
    """A closed month, and the runs that reached to its end."""

    end_ms: int
    start_ms: int
    agreement: str
    month: str
    names: frozenset[Name]


@dataclass
class Reach:
    """The closed months by tenant, the latest first."""

    _by_tenant: dict[str, list[ClosedMonth]] = field(default_factory=dict)
    _grown: set[tuple[str, str, Name]] = field(default_factory=set)  # told of already, though not frozen itself

    def remember(self, inputs: Inputs, span: MonthSpan) -> None:
        """Take in what a month was last seen with."""
        names = frozenset(
            (run.spool, run.seq, run.start_ms)
            for runs in inputs.evidence.values()
            for run in runs
            if run.end_ms == span.end_ms
        )
        closed = ClosedMonth(span.end_ms, span.start_ms, inputs.agreement, inputs.month, names)
        others = self._by_tenant.get(inputs.tenant, [])
        kept = [each for each in others if (each.agreement, each.month) != (closed.agreement, closed.month)]
        self._by_tenant[inputs.tenant] = sorted([*kept, closed], reverse=True, key=lambda each: each.end_ms)

    def touched(self, tenant: str, row: RunRow) -> Iterator[tuple[str, str]]:
        """Agreement and month of each closed month that this run may have changed."""
        for closed in self._by_tenant.get(tenant, ()):
            if closed.end_ms <= row.start_ms:
                return
            grows = row.end_ms >= closed.end_ms
            name = (row.spool, row.seq, max(row.start_ms, closed.start_ms))
            if row.end_ms <= closed.start_ms or (grows and name in closed.names):
                continue
            if grows:
                told = (closed.agreement, closed.month, name)
                if told in self._grown:
                    continue
                self._grown.add(told)
            yield closed.agreement, closed.month
