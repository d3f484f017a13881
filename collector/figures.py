"""PURE. From the fleet's live tracks to each agreement's figure, month to date, by the contract's own rules (SPEC 2).

An agreement is one contract as it judges one tenant's subjects. Every figure is computed anew from the runs in memory,
exactly as an invoice would be; nothing is counted up along the way, so nothing can drift.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final, Protocol

from collector.decisions.model import Decisions
from collector.registry.model import ALWAYS, Registry, Subject
from collector.sla import availability as sla
from collector.sla.burn import BurnFrame, BurnRate, before_month, burn_frame, burn_rates, lately
from collector.sla.calendar import Calendar, parse_calendar
from collector.sla.cautions import unwatched
from collector.sla.contract import Contract
from collector.sla.intervals import Interval
from collector.steps import to_the_end
from collector.views import FigureView
from common.clock import to_datetime
from wire.states import SubjectKind

if TYPE_CHECKING:
    from collector.fleet import Fleet
    from collector.track import Track

DEFAULT_DOWN_LIMIT: Final = Fraction(1, 5)


@dataclass(frozen=True, slots=True)
class Agreement:
    """One contract as it judges one tenant."""

    tenant: str
    contract_id: str
    contract: Contract
    subjects: tuple[tuple[Subject, sla.Subject], ...]
    decisions: Decisions = field(default_factory=Decisions)
    _frames: dict[str, BurnFrame | None] = field(default_factory=dict, compare=False)

    @property
    def key(self) -> str:
        """Give `tenant/contract`."""
        return f"{self.tenant}/{self.contract_id}"

    @property
    def unwatched(self) -> tuple[SubjectKind, ...]:
        """Name the kinds that have weight in the formula, and no subject here."""
        return tuple(unwatched(self.contract, {subject.kind for subject, _ in self.subjects}))

    def frame(self, month: str) -> BurnFrame | None:
        """What a month's budget can burn by; None: nothing can. Made once a month: it looks at every hour of it."""
        if month not in self._frames:
            self._frames.clear()
            self._frames[month] = burn_frame(self.contract, [judged for _, judged in self.subjects], month)
        return self._frames[month]


class Stated(Protocol):
    """What a subject is: its state, and the cause that its evidence names."""

    @property
    def state(self) -> str:
        """One of wire.states."""

    @property
    def cause(self) -> str | None:
        """None: the state's own."""


class Present(Protocol):
    """Whoever can say what a subject is at the moment that is asked about."""

    def current(self, subject: Subject) -> Stated | None:
        """None: nobody knows."""


@dataclass(slots=True)
class Census:
    """How the players of an agreement stand at one instant."""

    active: int = 0
    emitting: int = 0
    down: int = 0
    unknown: int = 0


@dataclass(slots=True)
class Agreements:
    """The agreements that a registry and the contract files make together."""

    by_key: dict[str, Agreement] = field(default_factory=dict)
    emissions: dict[str, Calendar | None] = field(default_factory=dict)  # by Subject.key
    missing: dict[str, set[str]] = field(
        default_factory=dict
    )  # contract named in the registry but not given → subjects


def agree(
    registry: Registry, contracts: Mapping[str, Contract], decisions: Mapping[str, Decisions] | None = None
) -> Agreements:
    """Bring subjects, contracts and each tenant's windows and rulings together."""
    found, decided = Agreements(), decisions or {}
    calendars = {
        key: parse_calendar(each.rules, "registry", f"calendars.{key}") for key, each in registry.calendars.items()
    }
    groups: dict[tuple[str, str], list[tuple[Subject, sla.Subject]]] = {}
    for subject in registry.subjects.values():
        emission = None if subject.emission == ALWAYS else calendars[f"{subject.tenant}/{subject.emission}"]
        found.emissions[subject.key] = emission
        if subject.contract is None:
            continue
        if subject.contract not in contracts:
            found.missing.setdefault(subject.contract, set()).add(subject.key)
            continue
        judged = sla.Subject(subject.key, subject.kind, subject.active_from_ms, subject.active_until_ms, emission)
        groups.setdefault((subject.tenant, subject.contract), []).append((subject, judged))
    for (tenant, name), members in sorted(groups.items()):
        agreement = Agreement(tenant, name, contracts[name], tuple(members), decided.get(tenant, Decisions()))
        found.by_key[agreement.key] = agreement
    return found


def is_active(subject: Subject, now_ms: int) -> bool:
    """Whether an instant lies in `[active_from, active_until)`."""
    starts, ends = subject.active_from_ms, subject.active_until_ms
    return (starts is None or starts <= now_ms) and (ends is None or now_ms < ends)


def is_emitting(subject: Subject, emission: Calendar | None, now_ms: int) -> bool:
    """Whether a subject is active and inside its emission hours."""
    return is_active(subject, now_ms) and (emission is None or bool(emission.open_intervals(now_ms, now_ms + 1)))


def state_now(fleet: Present, subject: Subject) -> tuple[str, str | None]:
    """State and cause of a subject at this moment; `unknown` unless its evidence reaches into it (collector/fleet)."""
    current = fleet.current(subject)
    return (current.state, current.cause) if current else ("unknown", None)


def down_limit(contract: Contract) -> Fraction:
    """The share of active players down above which the alarm rings, unless the configuration says otherwise."""
    return contract.eligibility.players_affected_over if contract.eligibility else DEFAULT_DOWN_LIMIT


def current_month(contract: Contract, now_ms: int) -> str:
    """The month that is in progress in the contract's time zone."""
    return to_datetime(now_ms).astimezone(contract.timezone).strftime("%Y-%m")


def compute(
    fleet: Fleet,
    agreement: Agreement,
    emissions: Mapping[str, Calendar | None],
    now_ms: int,
    down_limit: Fraction,
    month: str | None = None,
) -> FigureView:
    """The figure of one agreement as of `now_ms`, of a month that memory holds (None: the one in progress)."""
    return to_the_end(computing(fleet, agreement, emissions, now_ms, down_limit, month))


def computing(
    fleet: Fleet,
    agreement: Agreement,
    emissions: Mapping[str, Calendar | None],
    now_ms: int,
    down_limit: Fraction,
    month: str | None = None,
) -> Generator[None, None, FigureView]:
    """Do what `compute` does in steps: thousands of players take longer than others may be kept waiting."""
    contract = agreement.contract
    span = sla.month_span(contract, month or current_month(contract, now_ms), now_ms)
    earlier = before_month(span)  # burn windows reach back by three days
    tallies: list[sla.Tally] = []
    burnt: list[list[Interval]] = []
    census = Census()
    for subject, judged in agreement.subjects:
        track = yield from fleet.judging(subject)
        tally = _tally(agreement, span, (subject, judged), track)
        before = _tally(agreement, earlier, (subject, judged), track).accountable if earlier else ()
        burnt.append([*before, *lately(tally.accountable, now_ms)])
        tallies.append(tally if tally.kind == "platform" else replace(tally, accountable=()))  # added up, not united
        _count_in(census, fleet, agreement, (subject, judged), emissions[subject.key], now_ms)
        yield
    frame = agreement.frame(span.month)
    burn = burn_rates(frame, burnt, now_ms) if frame else ()
    return figure_view(agreement, span, sla.judge_month(contract, span, tallies), census, now_ms, down_limit, burn)


def _tally(agreement: Agreement, span: sla.MonthSpan, pair: tuple[Subject, sla.Subject], track: Track) -> sla.Tally:
    subject, judged = pair
    runs = track.evidence(span.start_ms, span.counted_until_ms)
    windows, rulings = agreement.decisions.windows, agreement.decisions.rulings.get(subject.key, ())
    return sla.tally_subject(agreement.contract, span, judged, runs, windows, rulings)


def figure_view(
    agreement: Agreement,
    span: sla.MonthSpan,
    figure: sla.MonthFigure,
    census: Census,
    now_ms: int,
    down_limit: Fraction,
    burn: tuple[BurnRate, ...] = (),
) -> FigureView:
    """A judged month and how the players stand at `now_ms`, as it is shown."""
    contract = agreement.contract
    return FigureView(
        tenant=agreement.tenant,
        contract=agreement.contract_id,
        title=contract.name,
        month=span.month,
        timezone=contract.timezone.key,
        provisional=span.provisional,
        computed_ms=now_ms,
        total_ms=span.total_ms,
        decimals=contract.rounding.decimals,
        percent=figure.percent,
        availability=figure.availability,
        platform_availability=figure.platform_availability,
        players_availability=figure.players_availability,
        platform_weight=contract.availability.platform_weight,
        players_weight=contract.availability.players_weight,
        objective=contract.guarantee.objective,
        committed=contract.guarantee.committed,
        termination_below=contract.termination.below if contract.termination else None,
        met=figure.met,
        coverage_players=figure.players_coverage,
        coverage_platform=figure.platform_coverage,
        players=figure.players,
        platform_downtime_ms=figure.platform_downtime_ms,
        players_downtime_ms=figure.players_downtime_ms,
        affected_players=figure.affected_players,
        affected_limit=contract.eligibility.players_affected_over if contract.eligibility else None,
        active_now=census.active,
        emitting_now=census.emitting,
        down_now=census.down,
        unknown_now=census.unknown,
        down_limit=down_limit,
        burn=burn,
        unwatched=agreement.unwatched,
    )


def count(fleet: Present, agreement: Agreement, emissions: Mapping[str, Calendar | None], now_ms: int) -> Census:
    """How the agreement's players stand now.

    A player outside its emission hours, or in a window that the contract leaves out, is neither down nor unknown:
    announced maintenance rings no alarm.
    """
    census = Census()
    for pair in agreement.subjects:
        _count_in(census, fleet, agreement, pair, emissions[pair[0].key], now_ms)
    return census


def _count_in(
    census: Census,
    fleet: Present,
    agreement: Agreement,
    pair: tuple[Subject, sla.Subject],
    emission: Calendar | None,
    now_ms: int,
) -> None:
    subject, judged = pair
    if subject.kind != "player" or not is_active(subject, now_ms):
        return
    census.active += 1
    if not is_emitting(subject, emission, now_ms):
        return
    census.emitting += 1
    if any(
        window.start_ms <= now_ms < window.end_ms and sla.applies(agreement.contract, window, judged)
        for window in agreement.decisions.windows
    ):
        return
    standing = sla.is_down(agreement.contract, *state_now(fleet, subject))
    census.down += standing.down
    census.unknown += not standing.known
