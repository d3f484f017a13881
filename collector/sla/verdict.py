"""PURE. A case judged: the plain result that `signwatch sla evaluate` prints (SPEC part 5), keys in their order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from collector.sla.availability import MonthFigure, judge_month
from collector.sla.case import Case, ClockCase
from collector.sla.clock import judge_clock
from collector.sla.discounts import discount_due
from collector.sla.instants import format_instant, parse_month
from collector.sla.tally import month_span, tally_subject
from collector.sla.terms import Contract
from collector.sla.windows import WindowFigure, guarantee_breached, guarantee_windows, termination_windows

Result = dict[str, object]


def judge(case: Case | ClockCase) -> Result:
    """The result of a case, as JSON may hold it."""
    if isinstance(case, ClockCase):
        return _judge_clock_case(case)
    return judge_figures(case.contract, judge_months(case))


def judge_months(case: Case) -> list[MonthFigure]:
    """The figure of each month of the case."""
    figures = []
    for month in case.months:
        span = month_span(case.contract, month, case.computed_at_ms)
        tallies = [
            tally_subject(case.contract, span, entry.subject, entry.evidence, case.windows, entry.rulings)
            for entry in case.subjects.values()
        ]
        figures.append(judge_month(case.contract, span, tallies))
    return figures


def judge_figures(contract: Contract, figures: Sequence[MonthFigure]) -> Result:
    """What the figures of months in a row come to: bands, windows, discounts due, the right to leave."""
    guarantee = guarantee_windows(contract, figures)
    termination = termination_windows(contract, figures)
    months = []
    for figure in figures:
        breached = guarantee_breached(contract, parse_month(figure.span.month), guarantee)
        months.append(_month(contract, figure, guarantee_window=breached))
    return {
        "months": months,
        "guarantee_windows": _windows(guarantee.values()),
        "termination_windows": _windows(termination.values()),
        "termination_right": any(window.breached for window in termination.values()),
    }


def _month(contract: Contract, figure: MonthFigure, *, guarantee_window: bool | None) -> Result:
    discount = discount_due(contract, figure, guarantee_window=guarantee_window)
    band = figure.band
    return {
        "month": figure.span.month,
        "start": format_instant(figure.span.start_ms),
        "end": format_instant(figure.span.end_ms),
        "provisional": figure.span.provisional,
        "total_ms": figure.span.total_ms,
        "players": figure.players,
        "platform_downtime_ms": figure.platform_downtime_ms,
        "players_downtime_ms": figure.players_downtime_ms,
        "affected_players": figure.affected_players,
        "coverage": {"players": _pair(figure.players_coverage), "platform": _pair(figure.platform_coverage)},
        "assessable": figure.assessable,
        "availability": _pair(figure.availability),
        "percent": figure.percent,
        "met": figure.met,
        "band": None if band is None else {"percent": _number(band.percent), "literal": band.literal},
        "eligible": {"players": figure.eligible, "guarantee_window": guarantee_window},
        "discount_percent": None if discount.percent is None else _number(discount.percent),
        "discount_reason": discount.reason,
    }


def _windows(windows: Iterable[WindowFigure]) -> Sequence[Result]:
    return [
        {
            "from": window.first,
            "to": window.last,
            "availability": _pair(window.availability),
            "breached": window.breached,
        }
        for window in windows
    ]


def _judge_clock_case(case: ClockCase) -> Result:
    figure = judge_clock(case.calendar, case.opened_at_ms, case.target, case.pauses, case.at_ms)
    return {
        "due_at": None if figure.due_at_ms is None else format_instant(figure.due_at_ms),
        "elapsed_ms": figure.elapsed_ms,
        "breached": figure.breached,
    }


def _pair(share: Fraction | None) -> list[int] | None:
    return None if share is None else [share.numerator, share.denominator]


def _number(percent: Fraction) -> int | str:
    """A whole percentage as a number, another one as its exact decimals."""
    if percent.denominator == 1:
        return percent.numerator
    digits = 0
    while (percent * 10**digits).denominator != 1:
        digits += 1
    whole, rest = divmod(int(percent * 10**digits), 10**digits)
    return f"{whole}.{rest:0{digits}d}"
