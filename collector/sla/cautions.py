"""PURE. What a contract file may say, and what someone will be invoiced by: warnings, each with its figures.

None of these stops a contract from loading; `signwatch contract check` prints them. Reading errors are `contract.py`'s.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection
from decimal import Decimal
from fractions import Fraction
from typing import Final

from collector.sla.bands import percent_text
from collector.sla.reading import Report
from collector.sla.table import Row, discount_rows, step
from collector.sla.terms import Contract
from collector.sla.thresholds import FIXED_MONTH_DAYS
from common.config import Finding
from wire.states import SubjectKind

_FEBRUARY_DAYS: Final = 28
_AGREE: Final = "agree on one reading in writing"
_WEIGHT_KEYS: Final[dict[SubjectKind, str]] = {"platform": "platform", "player": "players"}


def cautions(contract: Contract, file: str) -> list[Finding]:
    """Every warning about a contract that could be read, in the order of the file's tables."""
    report = Report(file)
    _about_the_month(contract, report)
    _about_the_players(contract, report)
    _about_rounding(contract, report)
    _about_the_bands(contract, report)
    rows = discount_rows(contract)
    _about_holes(contract, rows, report)
    _about_the_end(contract, rows, report)
    return report.findings


def weights_without_subject(contract: Contract, kinds: Collection[str], file: str) -> list[Finding]:
    """Errors: a kind that weighs something, while none of its subjects is judged. `kinds`: those that are."""
    report = Report(file)
    for kind, weight in unwatched(contract, kinds).items():
        key = f"availability.weights.{_WEIGHT_KEYS[kind]}"
        message = f"weighs {plain(weight)}, and no {kind} is judged by this contract"
        report.error("contract.weights.no_subject", key, message, f"register a {kind}, or take its weight away")
    return report.findings


def unwatched(contract: Contract, kinds: Collection[str]) -> dict[SubjectKind, Fraction]:
    """The weight of each kind that none of the judged subjects is of: its part counts as if it had never failed."""
    rules = contract.availability
    weights: dict[SubjectKind, Fraction] = {"platform": rules.platform_weight, "player": rules.players_weight}
    return {kind: weight for kind, weight in weights.items() if weight > 0 and kind not in kinds}


def _about_the_month(contract: Contract, report: Report) -> None:
    rules = contract.availability
    own_hours = rules.player_base == "emission"
    if rules.month != "fixed-31d" or (own_hours and rules.platform_weight == 0):
        return
    down = Fraction(_FEBRUARY_DAYS, FIXED_MONTH_DAYS)
    left = 1 - rules.platform_weight * down - rules.players_weight * (1 if own_hours else down)
    message = (
        f"a February of {_FEBRUARY_DAYS} days is judged against {FIXED_MONTH_DAYS}: "
        f"down from beginning to end, it still reads {percent_text(left, contract.rounding)}%"
    )
    remedy = 'keep it only if the agreement says so; "calendar" takes each month at its length'
    report.warning("contract.month.fixed", "availability.month", message, remedy)


def _about_the_players(contract: Contract, report: Report) -> None:
    rules = contract.availability
    if rules.players_weight == 0:
        return
    if rules.player_base == "total":
        message = (
            "a screen is measured against the whole month: one that plays 12 h a day "
            "and is dark all month counts as down for no more than half of it"
        )
        remedy = 'keep it only if the agreement says so; "emission" measures it against its own hours'
        report.warning("contract.player_base.total", "availability.player_base", message, remedy)
    if rules.membership == "at_calculation":
        message = "a player that is removed a minute before the end of the month takes its down time along"
        remedy = 'keep it only if the agreement says so; "time_weighted" counts each for as long as it was active'
        report.warning("contract.membership.at_calculation", "availability.membership", message, remedy)


def _about_rounding(contract: Contract, report: Report) -> None:
    if contract.rounding.mode != "half_up":
        return
    half = step(contract.rounding) / 2
    levels = (
        ("committed", contract.guarantee.committed),
        ("termination", contract.termination.below if contract.termination else None),
    )
    for name, level in levels:
        if level is not None and level > 0:
            rounded = percent_text(level, contract.rounding)
            message = f"{plain((level - half) * 100)}% is rounded up to {rounded}% and keeps the {name} level"
            remedy = 'keep it only if the agreement says so; "floor" never lifts a figure to a level'
            report.warning("contract.rounding.half_up", "rounding.mode", message, remedy)


def _about_the_bands(contract: Contract, report: Report) -> None:
    committed = contract.guarantee.committed
    if committed is None:
        if contract.discounts:
            message = "is missing, so no discount is ever due, whatever the table says"
            report.warning("contract.level.missing", "guarantee.committed", message, "add the level that is owed")
        return
    level = percent_text(committed, contract.rounding)
    if not contract.discounts:
        message = f"no discount is written: a month under {level}% earns nothing"
        report.warning("contract.bands.none", "discounts", message, "add the agreement's table, if it has one")
    for band in contract.discounts:
        if band.highest >= committed:
            message = f"the band {_span(contract, band.highest, band.lowest)} reaches up to the committed {level}%"
            remedy = "end it below: from the committed level on nothing is due"
            report.warning("contract.bands.over_level", "discounts", message, remedy)
    for milder, harsher in itertools.pairwise(contract.discounts):
        if harsher.percent < milder.percent:
            message = (
                f"{_span(contract, harsher.highest, harsher.lowest)} earns {plain(harsher.percent)}%, "
                f"less than the {plain(milder.percent)}% of the better figures above it"
            )
            report.warning("contract.bands.order", "discounts", message, "check the percentages")


def _about_holes(contract: Contract, rows: Collection[Row], report: Report) -> None:
    for row in rows:
        if row.kind != "hole":
            continue
        span = _span(contract, row.highest, row.lowest)
        report.warning(
            "contract.bands.hole", "discounts", f"no band holds {span}", "keep the hole only if the agreement has it"
        )
        _about_a_reading(row, span, "gap", contract.discount_rules.gap, report)


def _about_the_end(contract: Contract, rows: Collection[Row], report: Report) -> None:
    for row in rows:
        if row.kind != "end":
            continue
        span = f"{percent_text(row.highest, contract.rounding)}% or less"
        message = f"the table ends: nothing is written for {span}"
        report.warning("contract.bands.end", "discounts", message, "end it there only if the agreement does")
        _about_a_reading(row, span, "below", contract.discount_rules.below, report)


def _about_a_reading(row: Row, span: str, key: str, chosen: str, report: Report) -> None:
    """A row whose readings differ: every amount, and whom the chosen one favours."""
    if len(set(row.readings.values())) == 1:
        return
    side = favoured(row)
    others = ", ".join(f'{plain(percent)}% under "{word}"' for word, percent in row.readings.items() if word != chosen)
    message = f'{span} earns {plain(row.percent)}% under "{chosen}" ({others}), which favours the {side}'
    report.warning("contract.discount.one_sided", f"discount_rules.{key}", message, _AGREE)


def favoured(row: Row) -> str:
    """Whom the chosen reading of a row favours: `provider` where another one would earn the customer more."""
    return "provider" if row.percent < max(row.readings.values()) else "customer"


def _span(contract: Contract, highest: Fraction, lowest: Fraction) -> str:
    first, last = (percent_text(figure, contract.rounding) for figure in (highest, lowest))
    return f"{first}%" if first == last else f"{first} to {last}%"


def plain(number: Fraction) -> str:
    """A decimal without needless zeros: `5`, `2.5`."""
    return format((Decimal(number.numerator) / Decimal(number.denominator)).normalize(), "f")
