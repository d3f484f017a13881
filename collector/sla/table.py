"""PURE. What every figure under the committed level earns: the bands, the holes between them, and the end of the table.

The published ADmira table has a hole and an end, and someone will be invoiced by either: each row therefore knows what
the other readings of it would give.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Final, Literal

from collector.sla.bands import find_band
from collector.sla.terms import Below, Contract, DiscountRules, Gap, Rounding

RowKind = Literal["band", "hole", "end"]

_GAPS: Final[tuple[Gap, ...]] = ("milder", "harsher", "none")
_BELOWS: Final[tuple[Below, ...]] = ("last", "none")


@dataclass(frozen=True, slots=True)
class Row:
    """Rounded figures `[lowest, highest]` (shares of 1, both included) and the `percent` % that they earn.

    `readings`: what each word of `discount_rules` (`gap` for a hole, `below` for the end) would give; a band has none.
    """

    kind: RowKind
    highest: Fraction
    lowest: Fraction
    percent: Fraction
    readings: Mapping[str, Fraction] = field(default_factory=dict)


def step(rounding: Rounding) -> Fraction:
    """The distance between two neighbouring figures, as a share of 1."""
    return Fraction(1, 100 * 10**rounding.decimals)


def discount_rows(contract: Contract) -> list[Row]:
    """Rows from just under the committed level down to 0, without a gap; none without a level or a table."""
    committed = contract.guarantee.committed
    if committed is None or not contract.discounts:
        return []
    unit = step(contract.rounding)
    rows: list[Row] = []
    highest = committed - unit
    for band in contract.discounts:
        if band.lowest > highest:  # at or over the committed level: never used
            continue
        top = min(band.highest, highest)
        if top < highest:
            rows.append(_row(contract, "hole", highest, top + unit))
        rows.append(_row(contract, "band", top, band.lowest))
        highest = band.lowest - unit
    if highest >= 0:
        rows.append(_row(contract, "end", highest, Fraction(0)))
    return rows


def _row(contract: Contract, kind: RowKind, highest: Fraction, lowest: Fraction) -> Row:
    rules = contract.discount_rules
    others: dict[str, DiscountRules] = {}
    if kind == "hole":
        others = {gap: replace(rules, gap=gap) for gap in _GAPS}
    elif kind == "end":
        others = {below: replace(rules, below=below) for below in _BELOWS}
    readings = {word: _earned(replace(contract, discount_rules=other), highest) for word, other in others.items()}
    return Row(kind, highest, lowest, _earned(contract, highest), readings)


def _earned(contract: Contract, figure: Fraction) -> Fraction:
    """What the judging core gives for a figure."""
    band = find_band(contract, figure)
    return band.percent if band else Fraction(0)
