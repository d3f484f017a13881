"""PURE. What an agreement says beside its figure: desks, failure classes, claims, rights, periods, credit.

None of it decides an availability; it says when a clock is due (`clock.py`), by when a claim must be made (`claims.py`)
and what a customer is told. `None` always means that the agreement does not say: no number is ever filled in for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, Literal
from zoneinfo import ZoneInfo

from collector.sla.calendar import Calendar
from collector.sla.clock import Target
from collector.sla.instants import HOUR_MS

Language = Literal["en", "es"]
Side = Literal["provider", "customer"]
Owner = Literal["provider", "customer", "third_party"]
ClockStart = Literal["notice", "ticket", "incident"]
PauseReason = Literal["third_party", "running_task", "missing_access", "outside_control"]
TargetKind = Literal["response", "resolution"]
Binding = Literal["guaranteed", "best_effort"]
PeriodKind = Literal["deadline", "notice"]
DeadlineStart = Literal["incident_start", "incident_end", "month_end"]
PROJECT: Final = "{project}"  # in a subject line: its name, which whoever claims gives
ClaimItem = Literal["dates", "times", "players", "sites", "services", "project"]
CreditOf = Literal["monthly_fee", "affected_sites_fee", "affected_players_fee"]
CreditFrom = Literal["next_invoice", "future_fees"]

DEFAULT_FINALISE_AFTER_MS: Final = 72 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text of the contract file in both languages."""

    en: str
    es: str

    def said_in(self, language: Language) -> str:
        """Give the text in one language."""
        return self.es if language == "es" else self.en


@dataclass(frozen=True, slots=True)
class Party:
    """One side of the agreement; `timezone` and `holidays` are where its clocks tick, `tier` what a customer bought."""

    name: str | None = None
    timezone: ZoneInfo | None = None
    holidays: str | None = None
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class SupportHours:
    """When a clock runs. `calendar` None: around the clock. `name` is its name in the file, "" for an inline one.

    `zone_of` and `holidays_of`: it goes by the place of that side, which the file does not name. A stand-in is used.
    """

    name: str
    calendar: Calendar | None
    zone_of: Side | None = None
    holidays_of: Side | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """A line of support: its hours for everyone, or by tier; a tier that is not there is not served."""

    id: str
    name: Phrase
    everyone: SupportHours | None = None
    by_tier: Mapping[str, SupportHours] = field(default_factory=dict)

    def hours(self, tier: str | None) -> SupportHours | None:
        """Hours for a tier; None where the desk does not serve it."""
        return self.everyone or (None if tier is None else self.by_tier.get(tier))


@dataclass(frozen=True, slots=True)
class TargetTerm:
    """A time promised for one failure class. `within` None: the agreement gives no number.

    It runs in the hours of a `desk`, or in `hours` of its own; neither: around the clock.
    """

    kind: TargetKind
    within: Target | None = None
    binding: Binding | None = None
    desk: str | None = None
    hours: SupportHours | None = None


@dataclass(frozen=True, slots=True)
class Severity:
    """A failure class: players strictly `over`, or at least `from`, a share of the players (of 1), and its targets."""

    id: str
    name: Phrase
    means: Phrase | None = None
    players_over: Fraction | None = None
    players_from: Fraction | None = None
    targets: tuple[TargetTerm, ...] = ()


@dataclass(frozen=True, slots=True)
class Incidents:
    """What starts an incident's clock, what stops it for a while, and whose word its class is."""

    clock_starts: ClockStart | None = None
    classified_by: Side | None = None
    pauses: tuple[PauseReason, ...] = ()


@dataclass(frozen=True, slots=True)
class Right:
    """What the customer may do when a failure of `severity` is not mended `after` so long.

    `fee_percent` is of one month's fee.
    """

    severity: str
    after: Target
    hours: SupportHours | None
    terminate: bool
    fee_percent: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """Another time the agreement speaks of: a `deadline` after something, or a `notice` ahead of it."""

    id: str
    kind: PeriodKind
    what: Phrase
    within: Target | None = None
    hours: SupportHours | None = None


@dataclass(frozen=True, slots=True)
class Deadline:
    """By when: so long after an incident's start or end, or after the month's end, by an unpaused clock."""

    within: Target
    after: DeadlineStart


@dataclass(frozen=True, slots=True)
class Claims:
    """How a discount is asked for. `names` None: what a claim must name is not said."""

    to: str | None = None
    subject: str | None = None
    names: tuple[ClaimItem, ...] | None = None
    report: Deadline | None = None
    claim: Deadline | None = None
    decided_by: Side | None = None


@dataclass(frozen=True, slots=True)
class Credit:
    """What the percentage is taken of, from which bill it comes off, and whether nothing else may be asked for."""

    of: CreditOf | None = None
    deducted_from: CreditFrom | None = None
    sole_remedy: bool = False


@dataclass(frozen=True, slots=True)
class Equipment:
    """A kind of equipment, whose it is, and whether its failure counts."""

    what: Phrase
    owner: Owner
    counted: bool


@dataclass(frozen=True, slots=True)
class Service:
    """Everything that an agreement says beside its figure. `guaranteed` False: it grants no guarantee, expressly."""

    guaranteed: bool = True
    finalise_after_ms: int = DEFAULT_FINALISE_AFTER_MS
    provider: Party = Party()
    customer: Party = Party()
    calendars: Mapping[str, SupportHours] = field(default_factory=dict)
    tiers: tuple[str, ...] = ()
    default_tier: str | None = None
    desks: tuple[Desk, ...] = ()
    incidents: Incidents = Incidents()
    severities: tuple[Severity, ...] = ()
    rights: tuple[Right, ...] = ()
    periods: tuple[Period, ...] = ()
    claims: Claims | None = None
    credit: Credit | None = None
    equipment: tuple[Equipment, ...] = ()
    conditions: tuple[Phrase, ...] = ()
    readings: tuple[Phrase, ...] = ()
    unsaid: tuple[Phrase, ...] = ()

    @property
    def tier(self) -> str | None:
        """The customer's tier, or the one that holds when nobody named one."""
        return self.customer.tier or self.default_tier

    def desk(self, identity: str) -> Desk:
        """The desk of that id; KeyError where there is none."""
        return {desk.id: desk for desk in self.desks}[identity]

    def severity(self, identity: str) -> Severity:
        """The failure class of that id; KeyError where there is none."""
        return {severity.id: severity for severity in self.severities}[identity]

    def target_hours(self, target: TargetTerm, tier: str | None = None) -> SupportHours | None:
        """Hours in which a target's clock runs for a tier (None: the customer's); None: its desk does not serve it."""
        if target.desk is not None:
            return self.desk(target.desk).hours(tier or self.tier)
        return target.hours or ALWAYS


ALWAYS: Final = SupportHours("always", None)
