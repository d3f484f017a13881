"""PURE. Which months must be judged to say what one month costs: all that share a window with it (SPEC 2.13, 2.15)."""

from __future__ import annotations

from collections.abc import Sequence

from collector.sla.availability import MonthFigure
from collector.sla.instants import format_month, parse_month
from collector.sla.tally import month_span
from collector.sla.terms import Contract


def months_around(contract: Contract, month: str, computed_at_ms: int) -> list[str]:
    """The months, in a row, that lie in a guarantee or termination window with this one, and the month itself.

    Months that are not over are left out, since a window is only known when none of its months is provisional.
    """
    number = parse_month(month)
    lengths = [contract.guarantee.window_months or 1, contract.termination.window_months if contract.termination else 1]
    reach = max(lengths) - 1
    life = contract.life
    first = number - reach if life.first is None else max(number - reach, life.first)
    last = number + reach if life.last is None else min(number + reach, life.last)
    around = range(min(first, number), max(last, number) + 1)
    return [
        name
        for name in map(format_month, around)
        if name == month or not month_span(contract, name, computed_at_ms).provisional
    ]


def without_silence(figures: Sequence[MonthFigure], month: str) -> tuple[list[MonthFigure], list[str]]:
    """The months that can be judged, and the names of those of which nothing is known; `month` itself is always judged.

    Nobody watched then. To judge such a month as if nothing had failed, or as if everything had, would be an invention;
    so it is not given, and periods that hold it stay open. A month in which there was nothing to watch (no subject was
    active) is no such month, unless the watching had not begun yet. A contract that begins later says so in its `life`.
    """
    kept: list[MonthFigure] = []
    silent: list[str] = []
    for figure in figures:
        shares = [share for share in (figure.players_coverage, figure.platform_coverage) if share is not None]
        watched = any(shares) or (not shares and bool(kept))
        if watched or figure.span.month == month:
            kept.append(figure)
        else:
            silent.append(figure.span.month)
    return kept, silent
