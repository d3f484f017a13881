"""PURE. What discount a month is due, and the reason in one word (SPEC 2.14). The first line that fits decides."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from collector.sla.availability import MonthFigure
from collector.sla.terms import Contract

Reason = Literal[
    "provisional", "coverage", "no_level", "met", "no_table", "no_band", "players", "window", "window_open", "due"
]


@dataclass(frozen=True, slots=True)
class DiscountDue:
    """`percent` % off, None: cannot be said yet."""

    percent: Fraction | None
    reason: Reason


def discount_due(contract: Contract, figure: MonthFigure, *, guarantee_window: bool | None) -> DiscountDue:
    """Decide the discount of a month whose guarantee window is breached (True), kept, or still open (None)."""
    percent = Fraction(0) if figure.band is None else figure.band.percent
    nothing = Fraction(0)
    lines: tuple[tuple[bool, Fraction | None, Reason], ...] = (
        (figure.span.provisional, None, "provisional"),
        (not figure.assessable, None, "coverage"),
        (contract.guarantee.committed is None, nothing, "no_level"),
        (figure.met is True, nothing, "met"),
        (figure.band is None, nothing, "no_table"),
        (percent == 0, nothing, "no_band"),
        (not figure.eligible, nothing, "players"),
        (guarantee_window is False, nothing, "window"),
        (guarantee_window is None, None, "window_open"),
        (True, percent, "due"),
    )
    return next(DiscountDue(due, reason) for fits, due, reason in lines if fits)
