"""Fees and what is credited of them: to the last digit."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.claims.money import Fee, credit, parse_fee


@pytest.mark.parametrize(
    ("fee", "currency", "percent", "amount"),
    [
        ("12345.67", "EUR", "15", "1851.85"),
        ("0.10", "EUR", "5", "0.01"),  # 0.005: the half goes up
        ("0.09", "EUR", "5", "0.00"),
        ("1001", "JPY", "15", "150"),
        ("1010", "JPY", "5", "51"),  # 50.5
        ("1.234", "KWD", "12.5", "0.154"),
        ("0", "EUR", "40", "0.00"),
    ],
)
def test_a_credit_is_rounded_half_up_to_what_can_be_paid(fee: str, currency: str, percent: str, amount: str) -> None:
    found = credit(parse_fee(fee, currency), Fraction(percent))
    assert format(found.rounded, "f") == amount
    assert found.was_rounded is (Fraction(amount) != Fraction(fee) * Fraction(percent) / 100)


@given(st.decimals(0, 10**9, places=2), st.fractions(0, 100))
def test_no_credit_is_further_from_the_exact_one_than_half_a_unit(amount: Decimal, percent: Fraction) -> None:
    found = credit(Fee(amount, "EUR"), percent)
    assert found.exact == Fraction(amount) * percent / 100
    assert Fraction(-1, 200) < Fraction(found.rounded) - found.exact <= Fraction(1, 200)


@pytest.mark.parametrize(
    ("amount", "currency", "complaint"),
    [
        ("12,50", "EUR", "'12,50' is no amount; write it without separators, such as 12345.67"),
        ("-1", "EUR", "'-1' is no amount"),
        ("1e3", "EUR", "'1e3' is no amount"),
        ("١٢", "EUR", "is no amount"),
        ("1.234", "EUR", "'1.234' is finer than EUR can be paid; write at most 2 decimals"),
        ("1.5", "CLP", "'1.5' is finer than CLP can be paid; write at most 0 decimals"),
        ("1", "euro", "'euro' is no currency; write its ISO 4217 code, such as EUR"),
    ],
)
def test_what_is_no_fee_is_refused_with_a_remedy(amount: str, currency: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_fee(amount, currency)
