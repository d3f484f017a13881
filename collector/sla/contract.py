"""PURE. The strict reading of a contract file (docs/contracts.md names each key) into its terms (`terms.py`)."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Collection, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final, cast, get_args

from collector.sla.cautions import cautions
from collector.sla.instants import parse_month
from collector.sla.reading import ContractError, Report, Table, Value, exact_decimal, read_zone
from collector.sla.service_reading import SERVICE_KEYS, read_service
from collector.sla.terms import (
    PLANNED,
    AvailabilityRules,
    Below,
    Contract,
    Discount,
    DiscountRules,
    Eligibility,
    Gap,
    Guarantee,
    Life,
    Membership,
    MonthLength,
    PlayerBase,
    Rounding,
    RoundingMode,
    Termination,
    Unknown,
)
from common.config import Finding
from wire.states import CAUSES

__all__ = [
    "Contract",
    "ContractError",
    "Finding",
    "check_contract_toml",
    "parse_contract",
    "parse_contract_toml",
    "read_contract",
]

_FIGURE_KEYS: Final = ("rounding", "guarantee", "eligibility", "discounts", "discount_rules", "termination", "life")
USUAL_WINDOWS: Final = frozenset({PLANNED, "emergency"})
MAX_DECIMALS: Final = 12
MAX_WINDOW_MONTHS: Final = 1200


def parse_contract_toml(text: str, file: str) -> Contract:
    """Contract file (TOML text) → contract; ContractError with every finding otherwise."""
    contract, findings = check_contract_toml(text, file)
    if contract is None:
        raise ContractError(*findings)
    return contract


def check_contract_toml(text: str, file: str) -> tuple[Contract | None, list[Finding]]:
    """Contract file (TOML text) → the contract, None where an error stands in the way, and every finding about it."""
    report = Report(file)
    try:
        data = tomllib.loads(text, parse_float=exact_decimal)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError is a ValueError
        problem = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        report.error("contract.toml.invalid", "", f"is not TOML: {problem}", "mend that place")
        return None, report.findings
    contract = read_contract(Value(data, report, "", "contract"))
    if report.failed:
        return None, report.findings
    return contract, [*report.findings, *cautions(contract, file)]


def parse_contract(data: Mapping[str, object], file: str) -> Contract:
    """Plain data → contract; ContractError with every finding otherwise. Decimals are `Decimal`, text or integers."""
    report = Report(file)
    contract = read_contract(Value(data, report, "", "contract"))
    report.settle()
    return contract


def read_contract(value: Value) -> Contract:
    """Read a contract inside another file; what is wrong goes to the value's report, and stand-ins take its place."""
    table = value.table(
        required=["name", "timezone", "availability"],
        optional=[*_FIGURE_KEYS, *SERVICE_KEYS],
    )
    name = title.text() if (title := table.get("name")) else None
    zone = read_zone(table.get("timezone"))
    rounding = _rounding(table.get("rounding"))
    contract = Contract(
        name=name or "",
        timezone=zone,
        availability=_availability(table.get("availability")),
        rounding=rounding,
        guarantee=_guarantee(table.get("guarantee"), rounding.decimals),
        eligibility=_eligibility(table.get("eligibility")),
        discounts=_discounts(table.get("discounts"), rounding.decimals),
        discount_rules=_discount_rules(table.get("discount_rules")),
        termination=_termination(table.get("termination"), rounding.decimals),
        life=_life(table.get("life")),
        service=read_service(table, zone),
    )
    if not contract.service.guaranteed and (contract.guarantee.committed or contract.discounts or contract.termination):
        message = "is false, yet the file holds a committed level, discounts or a right to terminate"
        where = table.get("guaranteed") or value
        where.refuse("guarantee.contradiction", message, "remove `guaranteed`, or those tables")
    return contract


def read_word(table: Table, name: str, kind: object, default: str) -> str:
    """One of the words of a Literal type, its default where it is absent."""
    value = table.get(name)
    return (value.choice(get_args(kind)) if value else None) or default


def _availability(value: Value | None) -> AvailabilityRules:
    if value is None:
        return AvailabilityRules(Fraction(0), Fraction(1))
    table = value.table(
        required=["weights"],
        optional=[
            *("month", "player_base", "membership", "unknown"),
            *("excluded_causes", "excluded_windows", "min_notice_ms", "min_coverage"),
        ],
    )
    platform_weight, players_weight = _weights(table.get("weights"))
    notice = table.get("min_notice_ms")
    coverage = table.get("min_coverage")
    return AvailabilityRules(
        platform_weight=platform_weight,
        players_weight=players_weight,
        month=cast("MonthLength", read_word(table, "month", MonthLength, "calendar")),
        player_base=cast("PlayerBase", read_word(table, "player_base", PlayerBase, "total")),
        membership=cast("Membership", read_word(table, "membership", Membership, "at_calculation")),
        unknown=cast("Unknown", read_word(table, "unknown", Unknown, "excluded")),
        excluded_causes=_words(table.get("excluded_causes"), CAUSES),
        excluded_windows=_window_kinds(table.get("excluded_windows")),
        min_notice_ms=(notice.integer(0) if notice else None) or 0,
        min_coverage=coverage.fraction(1, "a share such as 0.95") if coverage else None,
    )


def _weights(value: Value | None) -> tuple[Fraction, Fraction]:
    if value is None:
        return Fraction(0), Fraction(1)
    table = value.table(required=[], optional=["platform", "players"])
    weights = [
        member.fraction(1, "a share such as 0.2") if (member := table.get(name)) else Fraction(0)
        for name in ("platform", "players")
    ]
    platform, players = (Fraction(0) if weight is None else weight for weight in weights)
    if None not in weights and platform + players != 1:
        total = _decimal(platform + players)
        value.refuse("weights.sum", f"platform and players sum to {total}, not to 1", "share out exactly 1")
    return platform, players


def _words(value: Value | None, known: Collection[str]) -> frozenset[str]:
    words = [member.choice(known, "cause.unknown", "cause") for member in value.items()] if value else []
    return frozenset(word for word in words if word is not None)


def _window_kinds(value: Value | None) -> frozenset[str]:
    kinds = set()
    for member in value.items() if value else ():
        kind = member.text()
        if kind is None:
            continue
        kinds.add(kind)
        if kind not in USUAL_WINDOWS:
            usual = ", ".join(sorted(USUAL_WINDOWS))
            message = f"{kind!r} is no usual kind of window"
            member.report.warning("contract.window_kind.unusual", member.key, message, f"check it: usual are {usual}")
    return frozenset(kinds)


def _rounding(value: Value | None) -> Rounding:
    if value is None:
        return Rounding()
    table = value.table(required=[], optional=["decimals", "mode"])
    member = table.get("decimals")
    decimals = member.integer(0, MAX_DECIMALS) if member else None
    mode = cast("RoundingMode", read_word(table, "mode", RoundingMode, "floor"))
    return Rounding(2 if decimals is None else decimals, mode)


def _guarantee(value: Value | None, decimals: int) -> Guarantee:
    if value is None:
        return Guarantee()
    table = value.table(required=[], optional=["committed", "objective", "window_months"])
    return Guarantee(
        committed=_level(table.get("committed"), decimals),
        objective=_level(table.get("objective"), decimals),
        window_months=_window_months(table.get("window_months")),
    )


def _eligibility(value: Value | None) -> Eligibility | None:
    if value is None:
        return None
    names = ["player_downtime_over", "players_affected_over"]
    table = value.table(required=names)
    shares = [member.fraction(1, "a share such as 0.20") if (member := table.get(name)) else None for name in names]
    return Eligibility(shares[0] or Fraction(0), shares[1] or Fraction(0))


def _discounts(value: Value | None, decimals: int) -> tuple[Discount, ...]:
    bands: list[tuple[Discount, Value]] = []
    for member in value.items() if value else ():
        table = member.table(required=["from", "to", "percent"])
        highest, lowest = _level(table.get("from"), decimals), _level(table.get("to"), decimals)
        percent = number.fraction(100, "a percentage such as 5") if (number := table.get("percent")) else None
        if highest is None or lowest is None or percent is None:
            continue
        if lowest > highest:
            member.refuse("bands.inverted", "`to` lies above `from`", "write the higher figure as `from`")
        bands.append((Discount(highest, lowest, percent), member))
    bands.sort(key=lambda band: band[0].highest, reverse=True)
    for (milder, above), (harsher, below) in itertools.pairwise(bands):
        if harsher.highest >= milder.lowest:
            below.refuse("bands.overlap", f"shares figures with {above.key}", "let each figure be in one band only")
    return tuple(band for band, _ in bands)


def _discount_rules(value: Value | None) -> DiscountRules:
    if value is None:
        return DiscountRules()
    table = value.table(required=[], optional=["gap", "below"])
    return DiscountRules(
        cast("Gap", read_word(table, "gap", Gap, "milder")), cast("Below", read_word(table, "below", Below, "last"))
    )


def _termination(value: Value | None, decimals: int) -> Termination | None:
    if value is None:
        return None
    table = value.table(required=["window_months", "below"])
    months = _window_months(table.get("window_months"))
    below = _level(table.get("below"), decimals)
    return None if months is None or below is None else Termination(months, below)


def _life(value: Value | None) -> Life:
    if value is None:
        return Life()
    table = value.table(required=[], optional=["from", "until"])
    first, last = read_month(table.get("from")), read_month(table.get("until"))
    if first is not None and last is not None and last < first:
        value.refuse("life.inverted", "`until` lies before `from`", "swap them, or correct one")
    return Life(first, last)


def read_month(value: Value | None) -> int | None:
    """A month, `YYYY-MM`, counted since year 0; None where it is absent or wrong."""
    text = value.text() if value else None
    try:
        return None if text is None else parse_month(text)
    except ValueError as error:
        cast("Value", value).refuse("month.invalid", str(error), "write it as YYYY-MM, such as '2026-03'")
        return None


def _window_months(value: Value | None) -> int | None:
    return value.integer(1, MAX_WINDOW_MONTHS) if value else None


def _level(value: Value | None, decimals: int) -> Fraction | None:
    """A percentage that the rounded figure can be compared with, as a share of 1."""
    percent = value.fraction(100, "a percentage such as 99.00") if value else None
    if percent is None:
        return None
    if (percent * 10**decimals).denominator != 1:
        message = f"{_decimal(percent)} is finer than the {decimals} decimals of a figure"
        cast("Value", value).refuse("level.too_fine", message, f"write {decimals} decimals, or raise rounding.decimals")
    return percent / 100


def _decimal(number: Fraction) -> str:
    return format(Decimal(number.numerator) / Decimal(number.denominator), "f")
