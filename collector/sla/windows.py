"""PURE. Runs of months judged together: the guarantee window and the termination window (SPEC 2.13 and 2.15).

A window is a run of so many months within the contract's life; a life that is shorter is one window. A window is
*known* when all its months are given and none is provisional; one that holds a month which is not assessable is known
only if it falls all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from collector.sla.availability import MonthFigure, pooled_availability
from collector.sla.bands import falls_under
from collector.sla.instants import format_month, parse_month
from collector.sla.terms import Contract, Life

Months = tuple[int, int]  # first and last month, both included, in months since year 0


@dataclass(frozen=True, slots=True)
class WindowFigure:
    """A known window: its first and last month (`YYYY-MM`), its pooled availability, and whether it fell."""

    first: str
    last: str
    availability: Fraction
    breached: bool


def guarantee_windows(contract: Contract, figures: Sequence[MonthFigure]) -> dict[Months, WindowFigure]:
    """The known guarantee windows, in order. `figures` are months in a row."""
    terms = contract.guarantee
    if terms.window_months is None or terms.committed is None:
        return {}
    return _known_windows(contract, figures, terms.window_months, terms.committed)


def termination_windows(contract: Contract, figures: Sequence[MonthFigure]) -> dict[Months, WindowFigure]:
    """The known termination windows, in order. A right to terminate exists as soon as one is breached."""
    terms = contract.termination
    return {} if terms is None else _known_windows(contract, figures, terms.window_months, terms.below)


def guarantee_breached(contract: Contract, month: int, known: Mapping[Months, WindowFigure]) -> bool | None:
    """Whether a guarantee window that holds the month fell; None: that is still open. No window agreed: True."""
    terms = contract.guarantee
    if terms.window_months is None or terms.committed is None:
        return True
    around = _windows_around(contract.life, month, terms.window_months)
    if any(known[months].breached for months in around if months in known):
        return True
    return False if all(months in known for months in around) else None


def _known_windows(
    contract: Contract, figures: Sequence[MonthFigure], length: int, level: Fraction
) -> dict[Months, WindowFigure]:
    given = {parse_month(figure.span.month): figure for figure in figures}
    candidates = {months for month in given for months in _windows_around(contract.life, month, length)}
    known = {}
    for first, last in sorted(candidates):
        held = [given[month] for month in range(first, last + 1) if month in given]
        if len(held) <= last - first or any(figure.span.provisional for figure in held):
            continue
        availability = pooled_availability(contract, held)
        breached = falls_under(availability, level, contract.rounding)
        if breached or all(figure.assessable for figure in held):
            known[first, last] = WindowFigure(format_month(first), format_month(last), availability, breached)
    return known


def _windows_around(life: Life, month: int, length: int) -> list[Months]:
    """Every window of `length` months within the life that holds the month, in order."""
    if life.first is not None and life.last is not None and life.last - life.first + 1 < length:
        return [(life.first, life.last)] if life.first <= month <= life.last else []
    earliest = month - length + 1 if life.first is None else max(month - length + 1, life.first)
    latest = month if life.last is None else min(month, life.last - length + 1)
    return [(first, first + length - 1) for first in range(earliest, latest + 1)]
