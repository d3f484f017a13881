"""PURE. Rounding a figure, and the band of the discount table that holds it (SPEC 2.9 and 2.12).

Shares are exact fractions of 1. A figure is rounded before it is compared with anything; the published ADmira table
leaves figures between its bands, so what they earn is a rule of its own (`discount_rules`).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from collector.sla.terms import Contract, Rounding

_HALF: Final = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Band:
    """What the table gives for a figure: `percent` % off; `literal`: the table names the figure itself."""

    percent: Fraction
    literal: bool


def round_share(share: Fraction, rounding: Rounding) -> Fraction:
    """Round a share of 1 at the contract's decimals of a percent."""
    scale = 100 * 10**rounding.decimals
    scaled = share * scale + (_HALF if rounding.mode == "half_up" else 0)
    return Fraction(scaled.numerator // scaled.denominator, scale)


def percent_text(share: Fraction, rounding: Rounding) -> str:
    """The rounded share as a percentage with exactly the contract's decimals: `99.00`."""
    digits = str(int(round_share(share, rounding) * 100 * 10**rounding.decimals))
    if rounding.decimals == 0:
        return digits
    digits = digits.zfill(rounding.decimals + 1)
    return f"{digits[: -rounding.decimals]}.{digits[-rounding.decimals :]}"


def falls_under(share: Fraction, level: Fraction, rounding: Rounding) -> bool:
    """Whether the share, once rounded, is under the level."""
    return round_share(share, rounding) < level


def find_band(contract: Contract, availability: Fraction | None) -> Band | None:
    """The band of a month; None where it keeps the committed level, or there is no figure, level or table."""
    committed = contract.guarantee.committed
    if availability is None or committed is None or not contract.discounts:
        return None
    figure = round_share(availability, contract.rounding)
    return _band_of(contract, figure) if figure < committed else None


def _band_of(contract: Contract, figure: Fraction) -> Band:
    """Bands are sorted, the mildest first; `above` and `below` are the nearest around the figure."""
    above = below = None
    for band in contract.discounts:
        if band.lowest <= figure <= band.highest:
            return Band(band.percent, literal=True)
        if band.lowest > figure:
            above = band
        elif below is None:
            below = band
    if below is None:
        chosen = above if contract.discount_rules.below == "last" else None
    else:
        chosen = {"milder": above, "harsher": below, "none": None}[contract.discount_rules.gap]
    return Band(chosen.percent if chosen else Fraction(0), literal=False)
