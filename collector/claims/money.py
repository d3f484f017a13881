"""PURE. A fee, and what a percentage of it comes to: exact first, then rounded to the currency's smallest unit.

No agreement that ships says how a credit is rounded, so it is rounded half up, as invoices usually are, and every
rendering says so. The number of decimals is ISO 4217's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

_USUAL_DECIMALS: Final = 2
_DECIMALS: Final = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND"), 0),
    **dict.fromkeys(("VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
_AMOUNT: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?", re.ASCII)
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Fee:
    """What the percentage is taken of; `currency` by its ISO 4217 code."""

    amount: Decimal
    currency: str

    @property
    def decimals(self) -> int:
        """Give the decimals of the currency's smallest unit."""
        return _DECIMALS.get(self.currency, _USUAL_DECIMALS)


@dataclass(frozen=True, slots=True)
class Credit:
    """`percent` % of a fee: `exact`, and as money can be paid."""

    fee: Fee
    percent: Fraction
    exact: Fraction
    rounded: Decimal

    @property
    def was_rounded(self) -> bool:
        """Tell whether the smallest unit could not hold it."""
        return Fraction(self.rounded) != self.exact


def parse_fee(amount: str, currency: str) -> Fee:
    """`12345.67`, `EUR` → fee; ValueError with the remedy after a semicolon."""
    if not _CURRENCY.fullmatch(currency):
        raise ValueError(f"{currency!r} is no currency; write its ISO 4217 code, such as EUR")
    if not _AMOUNT.fullmatch(amount):
        raise ValueError(f"{amount!r} is no amount; write it without separators, such as 12345.67")
    fee = Fee(Decimal(amount), currency)
    if len(amount.partition(".")[2]) > fee.decimals:
        raise ValueError(f"{amount!r} is finer than {currency} can be paid; write at most {fee.decimals} decimals")
    return fee


def credit(fee: Fee, percent: Fraction) -> Credit:
    """`percent` % of a fee, rounded half up to the smallest unit of its currency."""
    exact = Fraction(fee.amount) * percent / 100
    units = (exact * 10**fee.decimals * 2 + 1) // 2
    return Credit(fee, percent, exact, Decimal(units).scaleb(-fee.decimals))
