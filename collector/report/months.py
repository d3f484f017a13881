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


def without_silence(figures: Sequence[MonthFigure], month: str) -> list[MonthFigure]:
    """The figures without the months at their beginning of which nothing at all is known; `month` itself stays.

    Nobody watched then. To judge such a month as if nothing had failed, or as if everything had, would be an invention;
    so it is not given, and windows that reach into it stay open. (A contract that begins later says so in its `life`.)
    """
    begun = 0
    while begun < len(figures) and figures[begun].span.month != month and _is_silent(figures[begun]):
        begun += 1
    return list(figures[begun:])


def _is_silent(figure: MonthFigure) -> bool:
    return not figure.players_coverage and not figure.platform_coverage
