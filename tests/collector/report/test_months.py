from __future__ import annotations

from dataclasses import replace

import pytest

from collector.report.judge import make_report
from collector.report.months import months_around, without_silence
from collector.sla.availability import MonthFigure
from collector.sla.instants import parse_instant, parse_month
from collector.sla.terms import Contract, Guarantee, Life
from tests.collector.report.samples import admira, dossier, player

MONTHS = ("2026-01", "2026-02", "2026-03", "2026-04", "2026-05")
LONG_AFTER = parse_instant("2027-06-01T00:00:00Z")


def contract(window: int | None, life: tuple[str, str] | None = None) -> Contract:
    first, last = (parse_month(month) if month else None for month in life or ("", ""))
    return replace(admira(), termination=None, guarantee=Guarantee(window_months=window), life=Life(first, last))


@pytest.mark.parametrize(
    ("window", "life", "first", "last"),
    [
        (None, None, "2026-03", "2026-03"),
        (1, None, "2026-03", "2026-03"),
        (2, None, "2026-02", "2026-04"),
        (6, None, "2025-10", "2026-08"),
        (6, ("2026-01", ""), "2026-01", "2026-08"),
        (6, ("2026-01", "2026-05"), "2026-01", "2026-05"),
        (6, ("2026-03", "2026-03"), "2026-03", "2026-03"),
    ],
)
def test_a_month_is_judged_with_all_that_share_a_window_with_it(
    window: int | None, life: tuple[str, str] | None, first: str, last: str
) -> None:
    found = months_around(contract(window, life), "2026-03", LONG_AFTER)
    assert (found[0], found[-1]) == (first, last)
    assert [parse_month(month) for month in found] == list(range(parse_month(first), parse_month(last) + 1))


def test_the_longer_of_both_windows_counts() -> None:
    assert len(months_around(admira(), "2026-03", LONG_AFTER)) == 11


def test_months_that_are_not_over_are_left_out_but_for_the_one_asked_for() -> None:
    now = parse_instant("2026-03-31T21:59:59.999Z")
    assert months_around(contract(2), "2026-03", now) == ["2026-02", "2026-03"]
    assert months_around(contract(2), "2026-02", now) == ["2026-01", "2026-02"]
    assert months_around(contract(2), "2026-02", now + 1) == ["2026-01", "2026-02", "2026-03"]


def figures(*coverage: str) -> list[MonthFigure]:
    """Months in a row: `k` something is known, `s` silent, `n` nothing to watch."""
    whole = make_report(dossier(player("p1"))).figure
    shares = {"k": whole.players_coverage, "s": 0, "n": None}
    return [
        replace(whole, span=replace(whole.span, month=month), players_coverage=shares[each], platform_coverage=None)
        for month, each in zip(MONTHS, coverage, strict=True)
    ]


@pytest.mark.parametrize(
    ("coverage", "silent"),
    [
        ("kkkkk", []),
        ("sskkk", ["2026-01", "2026-02"]),
        ("nskkk", ["2026-01", "2026-02"]),
        ("knkkk", []),
        ("kskks", ["2026-02", "2026-05"]),
        ("kksss", ["2026-04", "2026-05"]),
    ],
)
def test_months_of_which_nothing_is_known_are_not_judged_but_for_the_one_asked_for(
    coverage: str, silent: list[str]
) -> None:
    kept, found = without_silence(figures(*coverage), "2026-03")
    assert found == silent
    assert [figure.span.month for figure in kept] == [month for month in MONTHS if month not in silent]
