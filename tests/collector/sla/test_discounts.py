"""Each line of the table of SPEC 2.14, and that the first one that fits decides."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any, Final

import pytest

from collector.sla.availability import MonthFigure, MonthSums, judge_sums, month_span
from collector.sla.bands import Band
from collector.sla.contract import Contract, parse_contract
from collector.sla.discounts import DiscountDue, discount_due
from collector.sla.terms import Guarantee

TERMS: Final = {
    "name": "n",
    "timezone": "Europe/Madrid",
    "availability": {"weights": {"players": "1"}},
    "guarantee": {"committed": "99.00"},
    "eligibility": {"player_downtime_over": "0.01", "players_affected_over": "0.20"},
    "discounts": [{"from": "98.99", "to": "98.71", "percent": 5}],
}
CONTRACT: Final = parse_contract(TERMS, "c.toml")
UNBOUND: Final = replace(CONTRACT, guarantee=Guarantee())
SPAN: Final = month_span(CONTRACT, "2026-03", 2**42)


def fallen(**keys: Any) -> MonthFigure:
    """A month that earns the band's 5 %, unless told otherwise."""
    down = SPAN.total_ms * 11 // 1000  # 98.90 %
    sums = MonthSums(1, 1, SPAN.total_ms, SPAN.total_ms, SPAN.total_ms, down, 0, 0, 0)
    return replace(judge_sums(CONTRACT, SPAN, sums), **keys)


PROVISIONAL: Final = {"span": replace(SPAN, provisional=True)}
BLIND: Final = {"assessable": False, "met": None}
MET: Final = {"met": True, "band": None}
TABLELESS: Final = {"band": None}
NOTHING: Final = {"band": Band(Fraction(0), literal=True)}
FEW: Final = {"eligible": False}


@pytest.mark.parametrize(
    ("contract", "keys", "window", "percent", "reason"),
    [
        (UNBOUND, PROVISIONAL | BLIND | MET | FEW, False, None, "provisional"),
        (UNBOUND, BLIND | TABLELESS | FEW, False, None, "coverage"),
        (UNBOUND, TABLELESS | FEW | {"met": None}, False, 0, "no_level"),
        (CONTRACT, MET | FEW, False, 0, "met"),
        (CONTRACT, TABLELESS | FEW, False, 0, "no_table"),
        (CONTRACT, NOTHING | FEW, False, 0, "no_band"),
        (CONTRACT, FEW, False, 0, "players"),
        (CONTRACT, FEW, None, 0, "players"),
        (CONTRACT, {}, False, 0, "window"),
        (CONTRACT, {}, None, None, "window_open"),
        (CONTRACT, {}, True, 5, "due"),
        (CONTRACT, {"band": Band(Fraction(1), literal=False)}, True, 1, "due"),
    ],
)
def test_the_first_line_that_fits_decides(
    contract: Contract, keys: dict[str, Any], window: bool | None, percent: int | None, reason: str
) -> None:
    assert discount_due(contract, fallen(**keys), guarantee_window=window) == DiscountDue(percent, reason)


def test_the_month_above_earns_what_the_table_says() -> None:
    figure = fallen()
    assert (figure.percent, figure.met, figure.band, figure.eligible) == (
        "98.90",
        False,
        Band(Fraction(5), literal=True),
        True,
    )
