from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from collector.web.gauges import gauge, position, scale, status
from tests.collector.web.fake_desk import make_figure, make_players

FIGURE = make_figure(make_players(10))


@pytest.mark.parametrize(
    ("percent", "expected"),
    [
        ("99.90", "objective"),
        ("99.89", "met"),
        ("99.00", "met"),
        ("98.99", "breach"),
        ("97.00", "breach"),
        ("96.99", "termination"),
        (None, "none"),
    ],
)
def test_the_status_compares_the_rounded_figure_with_the_levels(percent: str | None, expected: str) -> None:
    assert status(replace(FIGURE, percent=percent)) == expected


def test_a_contract_without_levels_has_neither_status_nor_marks() -> None:
    bare = replace(FIGURE, objective=None, committed=None, termination_below=None)
    assert status(bare) == "plain"
    drawn = scale(bare)
    assert drawn.marks == ()
    assert [(zone.id, zone.at, zone.width) for zone in drawn.zones] == [("plain", "0.000%", "100.000%")]


def test_the_scale_marks_each_level_and_the_needle_stands_between_them() -> None:
    drawn = scale(replace(FIGURE, percent="99.50"))
    assert [(mark.id, mark.label) for mark in drawn.marks] == [
        ("termination", "97.00"),
        ("committed", "99.00"),
        ("objective", "99.90"),
    ]
    assert [zone.id for zone in drawn.zones] == ["termination", "breach", "met", "objective"]
    # From 96.40 to 100.00: 99.50 lies at 3.10 of 3.60.
    assert drawn.needle == "86.111%"
    assert not drawn.off_scale


def test_a_figure_below_the_scale_stays_at_its_edge_and_says_so() -> None:
    drawn = scale(replace(FIGURE, percent="12.00"))
    assert drawn.needle == "0.000%"
    assert drawn.off_scale


def test_zones_fill_the_scale_without_gap_or_overlap() -> None:
    zones = scale(FIGURE).zones
    assert sum(Fraction(zone.width.rstrip("%")) for zone in zones) == pytest.approx(100, abs=0.01)


@pytest.mark.parametrize(("part", "over"), [(12, False), (13, True)])
def test_exactly_twenty_percent_is_not_over_the_limit(part: int, over: bool) -> None:
    assert gauge(part, 60, 0, Fraction(1, 5)).over is over


def test_the_limit_stands_at_two_fifths_of_the_bar_while_the_share_is_small() -> None:
    drawn = gauge(3, 60, 6, Fraction(1, 5))
    assert (drawn.width, drawn.unknown_width, drawn.limit_at, drawn.end) == ("10.000%", "20.000%", "40.000%", "50")
    assert (drawn.percent, drawn.part, drawn.whole) == ("5.0", 3, 60)


def test_a_share_beyond_the_bar_stretches_it() -> None:
    drawn = gauge(54, 60, 6, Fraction(1, 5))
    assert (drawn.width, drawn.unknown_width, drawn.limit_at, drawn.end) == ("90.000%", "10.000%", "20.000%", "100")


@pytest.mark.parametrize("limit", [Fraction(0), Fraction(1)])
def test_odd_limits_and_an_empty_fleet_draw_nothing_impossible(limit: Fraction) -> None:
    drawn = gauge(0, 0, 0, limit)
    assert drawn.width == "0.000%"
    assert drawn.over is False


def test_positions_are_held_within_the_drawing() -> None:
    assert position(Fraction(-1, 2)) == "0.000%"
    assert position(Fraction(3, 2)) == "100.000%"
