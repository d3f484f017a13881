"""How much may still fail: at the stated time the level is exactly kept, and a millisecond more falls under it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.sla.bands import falls_under, find_band
from collector.sla.budget import Level, Pool, allowed_ms, budget_left, each_allowed_ms, kept_from, levels
from collector.sla.contract import Contract
from collector.sla.instants import DAY_MS, parse_month
from tests.collector.sla.outlooks import BANDS, terms

MARCH = parse_month("2026-03")
hundredths = st.integers(1, 10_000).map(lambda number: Fraction(number, 10_000))
shares = st.fractions(Fraction(1, 50), Fraction(49, 50), max_denominator=50)


def available(contract: Contract, held: Pool) -> Fraction:
    """The formula, once more."""
    rules = contract.availability
    lost = rules.platform_weight * Fraction(held.platform_ms, held.total_ms)
    return 1 - lost - rules.players_weight * Fraction(held.players_ms) / held.denominator_ms


@given(
    hundredths,
    shares,
    st.sampled_from(["floor", "half_up"]),
    st.integers(1, 40),
    st.integers(0, 30),
    st.integers(0, 99),
)
def test_at_the_time_allowed_the_level_is_kept_and_one_millisecond_more_falls(
    level: Fraction, weight: Fraction, mode: str, players: int, platform_hours: int, players_hours: int
) -> None:
    contract = terms(rounding={"mode": mode})
    rules = replace(contract.availability, platform_weight=weight, players_weight=1 - weight)
    contract = replace(contract, availability=rules)
    total = 31 * DAY_MS
    held = Pool(platform_hours * 3_600_000 + 1, total, players_hours * 3_600_000 + 7, Fraction(players * total))
    left = budget_left(contract, held, level)
    assert left is not None
    assert (left < 0) is falls_under(available(contract, held), level, contract.rounding)
    if left < 0:
        return
    platform, player = allowed_ms(left, held.platform_cost(contract)), allowed_ms(left, held.player_cost(contract))
    assert platform is not None
    assert player is not None
    for more, falls in ((0, False), (1, True)):
        dark = replace(held, platform_ms=held.platform_ms + platform + more)
        silent = replace(held, players_ms=held.players_ms + player + more)
        assert falls_under(available(contract, dark), level, contract.rounding) is falls
        assert falls_under(available(contract, silent), level, contract.rounding) is falls


def test_a_level_of_nothing_cannot_fall() -> None:
    held = Pool(DAY_MS, DAY_MS, DAY_MS, Fraction(DAY_MS))
    assert budget_left(terms(), held, Fraction(0)) is None


def test_with_half_up_half_a_hundredth_less_is_still_the_level() -> None:
    assert kept_from(Fraction(99, 100), terms(rounding={"mode": "half_up"}).rounding) == Fraction(98_995, 100_000)
    assert kept_from(Fraction(99, 100), terms().rounding) == Fraction(99, 100)


def test_a_part_without_weight_or_subjects_costs_nothing() -> None:
    alone = terms(rules={"weights": {"platform": 1}})
    held = Pool(0, DAY_MS, 0, Fraction(DAY_MS))
    assert (held.platform_cost(alone), held.player_cost(alone)) == (Fraction(1, DAY_MS), 0)
    nobody = Pool(0, 0, 0, Fraction(0))
    assert (nobody.platform_cost(terms()), nobody.player_cost(terms())) == (0, 0)
    assert allowed_ms(Fraction(1, 100), Fraction(0)) is None


remaining = st.lists(st.integers(0, 50), min_size=1, max_size=6)


@given(remaining, st.integers(0, 320))
def test_so_many_players_may_be_down_so_long_and_not_a_millisecond_longer(left: list[int], allowed: int) -> None:
    each = each_allowed_ms(left, allowed)
    if each is None:
        assert sum(left) <= allowed
    else:
        assert sum(min(each, own) for own in left) <= allowed < sum(min(each + 1, own) for own in left)


def test_every_edge_of_the_table_is_a_level_the_hole_and_the_end_included() -> None:
    contract = terms(guarantee={"committed": "99.00", "objective": "99.90"}, discounts=BANDS)
    assert [(each.kind, str(each.level * 100), each.discount) for each in levels(contract, MARCH)] == [
        ("objective", "999/10", None),
        ("committed", "99", 5),
        ("hole", "9851/100", 5),
        ("band", "4863/50", 40),
        ("end", "97", 40),
    ]


@given(st.integers(0, 10_000))
def test_just_under_a_level_the_table_gives_what_the_level_says(figure: int) -> None:
    contract = terms(discounts=BANDS)
    share = Fraction(figure, 10_000)
    under = [each for each in levels(contract, MARCH) if share < each.level]
    band = find_band(contract, share)
    assert (under[-1].discount if under else None) == (band.percent if band else None)


WINDOWS = {
    "guarantee": {"committed": "99.00", "window_months": 6},
    "termination": {"window_months": 3, "below": "97.00"},
}


def windows_of(**life: str) -> list[Level]:
    found = levels(terms(life=life, **WINDOWS), MARCH)
    return [each for each in found if each.kind in {"guarantee", "termination"}]


@pytest.mark.parametrize(
    ("life", "expected"),
    [
        ({}, [("guarantee", MARCH - 5), ("termination", MARCH - 2)]),
        ({"from": "2026-01"}, [("termination", MARCH - 2)]),
        ({"from": "2026-02"}, []),
        ({"from": "2026-02", "until": "2026-03"}, [("guarantee", MARCH - 1), ("termination", MARCH - 1)]),
        ({"from": "2026-02", "until": "2026-04"}, []),
        ({"until": "2026-02"}, []),
    ],
)
def test_a_window_has_a_level_in_the_month_that_ends_it(life: dict[str, str], expected: list[tuple[str, int]]) -> None:
    assert [(each.kind, each.first) for each in windows_of(**life)] == expected
    assert {each.last for each in windows_of(**life)} <= {MARCH}


def test_without_levels_there_is_nothing_to_fall_under() -> None:
    assert levels(terms(guarantee={}), MARCH) == []


def test_levels_of_windows_stand_beside_those_of_the_month_each_with_its_months_and_its_figure() -> None:
    guarantee = {"committed": "99.00", "objective": "99.90", "window_months": 6}
    contract = terms(**{**WINDOWS, "guarantee": guarantee}, discounts=[{"from": "98.99", "to": "0", "percent": 5}])
    assert levels(contract, MARCH) == [
        Level("objective", Fraction(999, 1000), MARCH, MARCH),
        Level("committed", Fraction(99, 100), MARCH, MARCH, Fraction(5)),
        Level("guarantee", Fraction(99, 100), MARCH - 5, MARCH),
        Level("termination", Fraction(97, 100), MARCH - 2, MARCH),
    ]
    (short,) = [each for each in windows_of(**{"from": "2026-02", "until": "2026-03"}) if each.kind == "guarantee"]
    assert short.level == Fraction(99, 100)


def test_time_that_players_share_is_told_in_whole_milliseconds() -> None:
    found = each_allowed_ms([5, 10, 10], 20)
    assert (found, type(found)) == (7, int)
