"""One subject's month, and what the sums of a month come to: the edges that money hangs on."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any, Final

import pytest

from collector.sla.availability import MonthFigure, MonthSums, judge_sums
from collector.sla.calendar import parse_calendar
from collector.sla.contract import Contract, parse_contract
from collector.sla.instants import DAY_MS, HOUR_MS
from collector.sla.tally import MonthSpan, Subject, Tally, month_span, tally_subject
from collector.sla.timeline import Evidence

LATER: Final = 2**42
SHOP: Final = parse_calendar({"timezone": "UTC", "rules": [{"hours": ["10:00-12:00"]}]}, "x", "x")


def contract(**rules: Any) -> Contract:
    weights = {"weights": {"platform": "0.5", "players": "0.5"}}
    return parse_contract({"name": "n", "timezone": "UTC", "availability": weights | rules}, "c.toml")


def march(terms: Contract, at: int = LATER) -> MonthSpan:
    return month_span(terms, "2026-03", at)


def sums(**keys: int) -> MonthSums:
    nothing = MonthSums(
        players=1,
        affected_players=0,
        players_active_ms=0,
        players_counted_ms=0,
        players_known_ms=0,
        players_downtime_ms=0,
        platform_counted_ms=0,
        platform_known_ms=0,
        platform_downtime_ms=0,
    )
    return replace(nothing, **keys)


def figure(terms: Contract, span: MonthSpan | None = None, **keys: int) -> MonthFigure:
    return judge_sums(terms, span or march(terms), sums(**keys))


def test_a_tally_tells_whose_it_is_and_every_time_of_it() -> None:
    terms = contract(excluded_causes=["power"])
    start = march(terms).start_ms
    shop = Subject("p1", "player", start + DAY_MS, start + 3 * DAY_MS, SHOP)
    at = start + DAY_MS + 9 * HOUR_MS
    runs = [Evidence(at, at + 2 * HOUR_MS, "frozen"), Evidence(at + 2 * HOUR_MS, at + 9 * HOUR_MS, "off", "power")]
    assert tally_subject(terms, march(terms), shop, runs) == Tally(
        subject_id="p1",
        kind="player",
        counted=False,
        active_ms=2 * DAY_MS,
        counted_ms=4 * HOUR_MS,
        known_ms=2 * HOUR_MS,
        down_ms=2 * HOUR_MS,
        accountable_ms=HOUR_MS,
        accountable=((at + HOUR_MS, at + 2 * HOUR_MS),),
        affected=False,
    )


def test_a_platform_is_meant_to_be_up_at_all_hours() -> None:
    terms = contract()
    assert (
        tally_subject(terms, march(terms), Subject("portal", "platform", emission=SHOP), []).counted_ms == 31 * DAY_MS
    )


@pytest.mark.parametrize(
    ("after_ms", "provisional", "counted_ms"), [(-1, True, 31 * DAY_MS - 1), (0, False, 31 * DAY_MS)]
)
def test_a_month_is_final_from_the_instant_in_which_it_ends(after_ms: int, provisional: bool, counted_ms: int) -> None:
    terms = contract()
    span = march(terms, march(terms).end_ms + after_ms)
    assert (span.provisional, span.counted_ms, span.total_ms) == (provisional, counted_ms, counted_ms)


def test_a_month_of_one_millisecond_has_a_figure_and_one_of_none_has_not() -> None:
    terms = contract()
    start = march(terms).start_ms
    assert figure(terms, march(terms, start + 1)).availability == 1
    begun = figure(terms, march(terms, start))
    assert (begun.availability, begun.platform_availability, begun.players_availability) == (None, None, None)


def test_each_part_is_one_less_its_share_and_both_are_weighed() -> None:
    terms = contract()
    total = march(terms).total_ms
    judged = figure(terms, platform_downtime_ms=total // 4, players_downtime_ms=total // 2)
    assert judged.platform_availability == Fraction(3, 4)
    assert judged.players_availability == Fraction(1, 2)
    assert judged.availability == Fraction(5, 8)


@pytest.mark.parametrize(
    ("base", "membership", "expected"),
    [
        ("emission", "at_calculation", Fraction(300)),
        ("emission", "time_weighted", Fraction(300)),
        ("total", "at_calculation", Fraction(2 * 31 * DAY_MS)),
        ("total", "time_weighted", Fraction(500 * 31, 31)),
    ],
)
def test_what_the_players_down_time_is_divided_by(base: str, membership: str, expected: Fraction) -> None:
    terms = contract(player_base=base, membership=membership)
    judged = figure(terms, players=2, players_active_ms=500, players_counted_ms=300)
    assert judged.players_denominator_ms == expected


def test_active_time_is_stretched_to_a_fixed_month() -> None:
    terms = contract(month="fixed-31d", membership="time_weighted")
    february = month_span(terms, "2026-02", LATER)
    assert figure(terms, february, players_active_ms=28 * DAY_MS).players_denominator_ms == 31 * DAY_MS
    assert figure(terms, march(terms, 0), players_active_ms=0).players_denominator_ms == 0


@pytest.mark.parametrize(
    ("weights", "players_known", "platform_known", "assessable"),
    [
        (("0.5", "0.5"), 90, 90, True),  # exactly enough
        (("0.5", "0.5"), 89, 100, False),
        (("0.5", "0.5"), 100, 89, False),
        (("0", "1"), 100, 0, True),  # without weight it does not matter
        (("1", "0"), 0, 100, True),
        (("0", "1"), 89, 100, False),
        (("1", "0"), 100, 89, False),
        (("0.5", "0.5"), None, None, True),  # none to know is not less
        (("0.5", "0.5"), None, 89, False),
    ],
)
def test_a_month_is_assessable_where_enough_is_known_of_each_kind_with_weight(
    weights: tuple[str, str], players_known: int | None, platform_known: int | None, assessable: bool
) -> None:
    terms = contract(weights={"platform": weights[0], "players": weights[1]}, min_coverage="0.9")
    known = {"players": players_known, "platform": platform_known}
    keys = {f"{kind}_known_ms": known[kind] or 0 for kind in known}
    keys |= {f"{kind}_counted_ms": 0 if known[kind] is None else 100 for kind in known}
    judged = figure(terms, **keys)
    assert judged.assessable is assessable
    shares = [None if share is None else Fraction(share, 100) for share in (players_known, platform_known)]
    assert [judged.players_coverage, judged.platform_coverage] == shares
