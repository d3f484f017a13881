"""Which runs of months there are, which are known, and which fell (SPEC 2.13 and 2.15)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from collector.sla.availability import MonthFigure, MonthSums, judge_sums, month_span
from collector.sla.contract import Contract, parse_contract
from collector.sla.instants import format_month, parse_month
from collector.sla.windows import (
    WindowFigure,
    _windows_around,
    guarantee_breached,
    guarantee_windows,
    termination_windows,
)

LATER = 2**42


def contract(months: int | None = 2, level: str | None = "99.00", **keys: Any) -> Contract:
    guarantee = {"committed": level, "window_months": months}
    base = {
        "name": "n",
        "timezone": "UTC",
        "availability": {"weights": {"players": "1"}, **keys.pop("rules", {})},
        "guarantee": {name: value for name, value in guarantee.items() if value is not None},
    }
    return parse_contract(base | keys, "c.toml")


def month(terms: Contract, name: str, percent_down: int, at: int = LATER, known: int = 100) -> MonthFigure:
    span = month_span(terms, name, at)
    total = span.total_ms
    down = total * percent_down // 100
    return judge_sums(terms, span, MonthSums(1, 1, total, total, total * known // 100, down, 0, 0, 0))


def around(first: str | None, last: str | None, name: str, length: int) -> list[str]:
    life = {key: value for key, value in (("from", first), ("until", last)) if value}
    found = _windows_around(contract(life=life).life, parse_month(name), length)
    return [f"{format_month(begin)}..{format_month(end)}" for begin, end in found]


@pytest.mark.parametrize(
    ("first", "last", "name", "length", "expected"),
    [
        (None, None, "2026-03", 1, ["2026-03..2026-03"]),
        (None, None, "2026-03", 3, ["2026-01..2026-03", "2026-02..2026-04", "2026-03..2026-05"]),
        (None, None, "2026-01", 2, ["2025-12..2026-01", "2026-01..2026-02"]),
        ("2026-02", None, "2026-03", 3, ["2026-02..2026-04", "2026-03..2026-05"]),
        ("2026-03", None, "2026-03", 3, ["2026-03..2026-05"]),
        ("2025-01", None, "2026-03", 2, ["2026-02..2026-03", "2026-03..2026-04"]),
        (None, "2026-04", "2026-03", 3, ["2026-01..2026-03", "2026-02..2026-04"]),
        (None, "2026-03", "2026-03", 3, ["2026-01..2026-03"]),
        (None, "2027-01", "2026-03", 2, ["2026-02..2026-03", "2026-03..2026-04"]),
        ("2026-02", "2026-05", "2026-03", 3, ["2026-02..2026-04", "2026-03..2026-05"]),
        ("2026-02", "2026-04", "2026-03", 3, ["2026-02..2026-04"]),  # exactly as long as the window
        ("2026-02", "2026-03", "2026-03", 3, ["2026-02..2026-03"]),  # shorter: one window
        ("2026-02", "2026-03", "2026-02", 3, ["2026-02..2026-03"]),
        ("2026-02", "2026-03", "2026-01", 3, []),
        ("2026-02", "2026-03", "2026-04", 3, []),
        ("2026-02", None, "2026-01", 1, []),
        (None, "2026-02", "2026-03", 1, []),
    ],
)
def test_the_windows_that_hold_a_month_lie_within_the_life(
    first: str | None, last: str | None, name: str, length: int, expected: list[str]
) -> None:
    assert around(first, last, name, length) == expected


def test_a_window_pools_the_time_of_its_months_and_is_listed_in_order() -> None:
    terms = contract(termination={"window_months": 3, "below": "97.00"})
    figures = [month(terms, "2026-03", 0), month(terms, "2026-01", 2), month(terms, "2026-02", 0)]
    pooled = 1 - Fraction(figures[1].players_downtime_ms, (31 + 28) * 86_400_000)
    assert list(guarantee_windows(terms, figures).values()) == [
        WindowFigure("2026-01", "2026-02", pooled, breached=True),  # 98.94 %
        WindowFigure("2026-02", "2026-03", Fraction(1), breached=False),
    ]
    [window] = termination_windows(terms, figures).values()
    assert (window.first, window.last, window.breached) == ("2026-01", "2026-03", False)


def test_without_window_or_level_there_is_nothing_to_list_and_nothing_to_wait_for() -> None:
    for terms in (contract(None), contract(2, None)):
        assert guarantee_windows(terms, [month(terms, "2026-03", 50)]) == {}
        assert guarantee_breached(terms, parse_month("2026-03"), {}) is True
        assert termination_windows(terms, [month(terms, "2026-03", 50)]) == {}


def test_one_that_fell_decides_all_that_are_kept_decide_and_otherwise_it_is_open() -> None:
    terms = contract()
    january, february, march = (parse_month(f"2026-0{number}") for number in (1, 2, 3))
    figures = [month(terms, "2026-01", 5), month(terms, "2026-02", 0), month(terms, "2026-03", 0)]
    known = guarantee_windows(terms, figures)
    assert [guarantee_breached(terms, at, known) for at in (january, february, march)] == [True, True, None]
    closed = contract(life={"from": "2026-02", "until": "2026-03"})
    assert guarantee_breached(closed, march, guarantee_windows(closed, figures)) is False


def test_a_provisional_month_leaves_its_windows_open() -> None:
    terms = contract()
    figures = [month(terms, "2026-01", 5), month(terms, "2026-02", 5, at=month_span(terms, "2026-02", 0).end_ms - 1)]
    assert guarantee_windows(terms, figures) == {}


@pytest.mark.parametrize(("percent_down", "known"), [(0, {}), (5, {"2026-01..2026-02": True})])
def test_a_window_with_a_month_not_assessable_is_known_only_if_it_falls(
    percent_down: int, known: dict[str, bool]
) -> None:
    terms = contract(rules={"min_coverage": "0.9"})
    figures = [month(terms, "2026-01", percent_down), month(terms, "2026-02", percent_down, known=50)]
    found = guarantee_windows(terms, figures).values()
    assert {f"{window.first}..{window.last}": window.breached for window in found} == known
