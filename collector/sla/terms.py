"""PURE. The terms of a service agreement, as data. `contract.py` reads them from a contract file.

Shares and levels are exact fractions of 1: `committed = Fraction(99, 100)` is 99.00 %. Months are counted in months
since year 0 (`instants.parse_month`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, Literal
from zoneinfo import ZoneInfo

from collector.sla.service import Service

MonthLength = Literal["calendar", "fixed-31d"]
PlayerBase = Literal["total", "emission"]
Membership = Literal["at_calculation", "time_weighted"]
Unknown = Literal["excluded", "down"]
RoundingMode = Literal["floor", "half_up"]
Gap = Literal["milder", "harsher", "none"]
Below = Literal["last", "none"]

PLANNED: Final = "planned"


@dataclass(frozen=True, slots=True)
class AvailabilityRules:
    """What counts as down, on whose account, and over what (SPEC 2.1 to 2.8, 2.11)."""

    platform_weight: Fraction
    players_weight: Fraction
    month: MonthLength = "calendar"
    player_base: PlayerBase = "total"
    membership: Membership = "at_calculation"
    unknown: Unknown = "excluded"
    excluded_causes: frozenset[str] = frozenset()
    excluded_windows: frozenset[str] = frozenset()
    min_notice_ms: int = 0
    min_coverage: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Rounding:
    """How a percentage is rounded before it is compared with anything (SPEC 2.9)."""

    decimals: int = 2
    mode: RoundingMode = "floor"


@dataclass(frozen=True, slots=True)
class Guarantee:
    """The levels promised, and over how many months they must fall before a discount is due (SPEC 2.13)."""

    committed: Fraction | None = None
    objective: Fraction | None = None
    window_months: int | None = None


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Thresholds that must be exceeded, strictly, before a month is eligible (SPEC 2.10)."""

    player_downtime_over: Fraction
    players_affected_over: Fraction


@dataclass(frozen=True, slots=True)
class Discount:
    """One band of the table: figures in `[lowest, highest]`, ends included, earn `percent` % (SPEC 2.12)."""

    highest: Fraction
    lowest: Fraction
    percent: Fraction


@dataclass(frozen=True, slots=True)
class DiscountRules:
    """What a figure earns that no band of the table holds (SPEC 2.12)."""

    gap: Gap = "milder"
    below: Below = "last"


@dataclass(frozen=True, slots=True)
class Termination:
    """The level that no run of `window_months` months may fall under (SPEC 2.15)."""

    window_months: int
    below: Fraction


@dataclass(frozen=True, slots=True)
class Life:
    """First and last month of the contract, both included; None: open."""

    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """The terms of one service agreement. `discounts` are sorted, the mildest (highest) band first.

    Two contracts are equal when they judge alike: what the agreement says beside its figure
    (`service`) is not compared.
    """

    name: str
    timezone: ZoneInfo
    availability: AvailabilityRules
    rounding: Rounding = Rounding()
    guarantee: Guarantee = Guarantee()
    eligibility: Eligibility | None = None
    discounts: tuple[Discount, ...] = ()
    discount_rules: DiscountRules = DiscountRules()
    termination: Termination | None = None
    life: Life = Life()
    service: Service = field(default_factory=Service, compare=False)
