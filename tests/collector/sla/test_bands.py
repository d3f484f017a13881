from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.sla.bands import Band, falls_under, find_band, percent_text, round_share
from collector.sla.contract import parse_contract
from collector.sla.eligibility import is_affected, is_eligible
from collector.sla.terms import Eligibility, Rounding
from collector.sla.verdict import _number

shares = st.fractions(min_value=0, max_value=1)
roundings = st.builds(Rounding, st.integers(0, 5), st.sampled_from(["floor", "half_up"]))
TABLE = [{"from": "98.99", "to": "98.71", "percent": 5}, {"from": "97.25", "to": "97.00", "percent": 20}]


def band(figure: str | None, gap: str = "milder", below: str = "last", **keys: Any) -> Band | None:
    rules = {"availability": {"weights": {"players": 1}}, "discount_rules": {"gap": gap, "below": below}}
    terms = {"name": "n", "timezone": "UTC", "guarantee": {"committed": "99.50"}, "discounts": TABLE}
    contract = parse_contract(terms | rules | keys, "c.toml")
    return find_band(contract, None if figure is None else Fraction(figure) / 100)


@pytest.mark.parametrize(
    ("share", "decimals", "mode", "text"),
    [
        (Fraction(98995, 100000), 2, "floor", "98.99"),
        (Fraction(98995, 100000), 2, "half_up", "99.00"),
        (Fraction(989949999, 10**9), 2, "half_up", "98.99"),
        (Fraction(2, 3), 0, "floor", "66"),
        (Fraction(2, 3), 0, "half_up", "67"),
        (Fraction(1, 10**5), 3, "floor", "0.001"),
        (Fraction(0), 2, "floor", "0.00"),
        (Fraction(1), 2, "half_up", "100.00"),
    ],
)
def test_a_percentage_is_rounded_at_its_decimals(share: Fraction, decimals: int, mode: str, text: str) -> None:
    assert percent_text(share, Rounding(decimals, mode)) == text


@given(shares, roundings)
def test_the_text_is_the_rounded_share(share: Fraction, rounding: Rounding) -> None:
    assert Fraction(percent_text(share, rounding)) == round_share(share, rounding) * 100


@given(shares, shares, roundings)
def test_rounding_never_turns_the_order_round(one: Fraction, other: Fraction, rounding: Rounding) -> None:
    low, high = sorted([one, other])
    assert round_share(low, rounding) <= round_share(high, rounding)


def test_a_figure_is_compared_after_rounding() -> None:
    assert falls_under(Fraction(98999, 100000), Fraction(99, 100), Rounding(2, "floor"))
    assert not falls_under(Fraction(98999, 100000), Fraction(99, 100), Rounding(2, "half_up"))


@pytest.mark.parametrize(
    ("figure", "gap", "below", "percent", "literal"),
    [
        ("98.99", "none", "none", 5, True),
        ("98.71", "none", "none", 5, True),
        ("98.709", "milder", "last", 5, False),
        ("98.70", "milder", "last", 5, False),
        ("98.70", "harsher", "last", 20, False),
        ("98.70", "none", "last", 0, False),
        ("97.25", "none", "none", 20, True),
        ("96.99", "none", "last", 20, False),
        ("96.99", "milder", "none", 0, False),
        ("99.20", "milder", "last", 0, False),
        ("99.20", "harsher", "last", 5, False),
        ("99.20", "none", "last", 0, False),
    ],
)
def test_the_band_of_a_figure(figure: str | None, gap: str, below: str, percent: int, literal: bool) -> None:
    assert band(figure, gap, below) == Band(Fraction(percent), literal)


def test_there_is_no_band_where_the_level_is_kept_or_figure_level_or_table_is_missing() -> None:
    assert band("99.50") is None
    assert band(None) is None
    assert band("90", guarantee={}) is None
    assert band("90", discounts=[]) is None


def test_exactly_one_percent_of_the_time_is_not_affected_and_a_millisecond_more_is() -> None:
    terms = Eligibility(Fraction(1, 100), Fraction(1, 5))
    assert not is_affected(terms, 10, 1000)
    assert is_affected(terms, 11, 1000)
    assert not is_affected(terms, 0, 0)


def test_exactly_twenty_percent_of_the_players_is_not_eligible_and_one_more_is() -> None:
    terms = Eligibility(Fraction(1, 100), Fraction(1, 5))
    assert not is_eligible(terms, 2, 10)
    assert is_eligible(terms, 3, 10)
    assert not is_eligible(terms, 0, 0)
    assert is_eligible(None, 0, 0)


def test_a_percentage_that_is_not_whole_is_written_exactly() -> None:
    assert _number(Fraction(5)) == 5
    assert _number(Fraction(5, 2)) == "2.5"
    assert _number(Fraction(1, 20)) == "0.05"
    assert _number(Fraction(1234, 100)) == "12.34"
    assert _number(Fraction(1001, 1000)) == "1.001"
