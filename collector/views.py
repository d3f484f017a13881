"""PURE. What the collector shows: plain, immutable views, and the `Desk` through which the page and the API ask.

The web package knows this file and nothing behind it; arithmetic is done before a view is made.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, Protocol

from collector.clocks.clock_view import DeviceClock
from collector.month_views import MonthView, Paper, PaperRequest
from collector.sla.burn import BurnRate
from collector.vantage import Rule, Tally
from collector.vantage_story import Outage
from wire.states import SubjectKind

Link = Literal["online", "silent", "gone", "never"]
ClockSource = Literal["synced", "received", "estimated"]
HostFigures = Mapping[str, int | float | str | bool | None]


@dataclass(frozen=True, slots=True)
class PlayerView:
    """One playback output as it stands now.

    `state` is `unknown` while the device is silent or gone; `since_ms` is when that state began, `evidence_ms` the true
    time up to which evidence reaches (None: there is none yet). `emitting`: inside its emission hours and active.
    `host` are the figures that the device stated last, at `host_ms`: it states them every few minutes.
    """

    subject: str  # tenant/device/output
    tenant: str
    site: str | None
    device: str
    output: str
    name: str
    contract: str | None
    state: str
    cause: str | None
    detail: str | None
    since_ms: int | None
    evidence_ms: int | None
    link: Link
    emitting: bool
    clock: ClockSource | None
    host: HostFigures = field(default_factory=dict)
    host_ms: int | None = None
    site_name: str | None = None


@dataclass(frozen=True, slots=True)
class VoteView:
    """What one vantage point says of a platform part at this moment, and since when; `state` None: nothing.

    `counts`: it is a vote, `up` or `down`. `evidence_ms` is the true time up to which its evidence reaches,
    `last_state` what it said then; `latency_ms` how long its last check took that got an answer.
    """

    point: str  # a device, or `_collector`
    name: str
    site: str | None
    state: str | None
    detail: str | None
    since_ms: int | None
    evidence_ms: int | None
    counts: bool
    latency_ms: int | None
    link: Link
    last_state: str | None


@dataclass(frozen=True, slots=True)
class VotesView:
    """Who votes on a platform part (`points` as the registry names them), by what rule, and what came of it now."""

    points: tuple[str, ...]
    rule: Rule
    tally: Tally
    votes: tuple[VoteView, ...]

    @property
    def silent(self) -> int:
        """Give how many say nothing at this moment."""
        return sum(vote.state is None for vote in self.votes)


@dataclass(frozen=True, slots=True)
class CertificateView:
    """The certificate that a check of a platform part met; of several the one that ends first."""

    host: str
    ends_ms: int


@dataclass(frozen=True, slots=True)
class PlatformView:
    """One part of the platform as the collector's own check sees it, or as its vantage points vote."""

    subject: str  # tenant/platform
    tenant: str
    platform: str
    name: str
    contract: str | None
    state: str
    cause: str | None
    detail: str | None
    since_ms: int | None
    evidence_ms: int | None
    url: str | None
    latency_ms: int | None = None
    votes: VotesView | None = None  # None: the collector alone tells
    certificate: CertificateView | None = None


@dataclass(frozen=True, slots=True)
class FigureView:
    """The live figure of one contract of one tenant, month to date (SPEC part 2).

    Shares and levels are exact fractions of 1 (`Fraction(99, 100)` is 99 %); `percent` is the contract's own rounding.
    """

    tenant: str
    contract: str
    title: str
    month: str
    timezone: str
    provisional: bool
    computed_ms: int
    total_ms: int
    decimals: int
    percent: str | None
    availability: Fraction | None
    platform_availability: Fraction | None
    players_availability: Fraction | None
    platform_weight: Fraction
    players_weight: Fraction
    objective: Fraction | None
    committed: Fraction | None
    termination_below: Fraction | None
    met: bool | None
    coverage_players: Fraction | None
    coverage_platform: Fraction | None
    players: int  # N of the month
    platform_downtime_ms: int
    players_downtime_ms: int
    affected_players: int | None
    affected_limit: Fraction | None  # the share of N above which the month is eligible, e.g. 1/5
    active_now: int  # players active at this moment
    emitting_now: int  # of those, inside their emission hours
    down_now: int  # of those, down (as the contract counts it)
    unknown_now: int  # of those, unknown
    down_limit: Fraction  # share of active players above which the alarm rings
    burn: tuple[BurnRate, ...] = ()  # how fast the error budget burns; empty: there is none to burn
    unwatched: tuple[SubjectKind, ...] = ()  # kinds with weight of which no subject is registered

    @property
    def key(self) -> str:
        """Name the agreement: `tenant/contract`."""
        return f"{self.tenant}/{self.contract}"

    @property
    def down_share(self) -> Fraction:
        """Share of the active players that are down now; 0 where nobody is active."""
        return Fraction(self.down_now, self.active_now) if self.active_now else Fraction(0)

    @property
    def unknown_share(self) -> Fraction:
        """Share of the active players that are unknown now; 0 where nobody is active."""
        return Fraction(self.unknown_now, self.active_now) if self.active_now else Fraction(0)

    @property
    def affected_share(self) -> Fraction | None:
        """Share of the month's players that count as affected so far."""
        if self.affected_players is None:
            return None
        return Fraction(self.affected_players, self.players) if self.players else Fraction(0)


@dataclass(frozen=True, slots=True)
class AlertView:
    """One alert, open (`closed_ms` None) or closed."""

    id: int
    agreement: str  # tenant/contract
    kind: str  # "players_down" | "breach" | "burn_rate" | …
    severity: Literal["critical", "warning"]
    opened_ms: int
    closed_ms: int | None
    summary: str
    reason: str  # why it opened, a sentence with the numbers
    close_reason: str | None = None  # why it closed, likewise
    subject: str = ""  # what it is about, tenant/part; "": the agreement as a whole


@dataclass(frozen=True, slots=True)
class RunView:
    """One run of a subject's timeline in true time, half-open; `closed` False: still growing."""

    start_ms: int
    end_ms: int
    state: str
    cause: str | None
    detail: str | None
    clock: ClockSource
    closed: bool
    spool: str
    seq: int


@dataclass(frozen=True, slots=True)
class MarkView:
    """A window or a ruling over a subject's timeline, half-open, with who decided it, when (`at_ms`) and why.

    A window has its `window_kind` and, in `reason`, why it is not left out of the figure (None: it is); a ruling has
    the `state`, the `cause` or both that were decided.
    """

    kind: Literal["window", "ruling"]
    id: int
    start_ms: int
    end_ms: int
    reason: Literal["cancelled", "kind", "late", "notice", "no_contract"] | None
    window_kind: str | None
    state: str | None
    cause: str | None
    why: str
    who: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A device that reports but is not in the registry; its evidence is kept."""

    tenant: str
    device: str
    outputs: tuple[str, ...]
    first_seen_ms: int
    last_seen_ms: int
    registry_toml: str  # a ready text for `signwatch registry apply`


@dataclass(frozen=True, slots=True)
class ConflictView:
    """A device that contradicts itself (docs/poison.md): `two_machines` have its name, or two of its runs have one.

    `times`: how often that was seen from `first_ms` to `last_ms`, the collector's clock; `detail`: the newest proof.
    """

    tenant: str
    device: str
    kind: Literal["two_machines", "contradiction"]
    first_ms: int
    last_ms: int
    times: int
    detail: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something changed. `resync` tells a subscriber that was too slow to ask for everything again."""

    kind: Literal["player", "platform", "figure", "alert", "resync"]
    payload: PlayerView | PlatformView | FigureView | AlertView | None


class Desk(Protocol):
    """Everything the page and the API may ask of a running collector. Lists are in a stable, sensible order."""

    def now_ms(self) -> int:
        """Give the collector's wall clock."""

    def players(self) -> Sequence[PlayerView]:
        """Every registered playback output, by tenant, site, device, output."""

    def player(self, subject: str) -> PlayerView | None:
        """One playback output, None where the registry has none of that name."""

    def platforms(self) -> Sequence[PlatformView]:
        """Every registered platform part."""

    def figures(self) -> Sequence[FigureView]:
        """The latest live figure of every agreement."""

    def open_alerts(self) -> Sequence[AlertView]:
        """Alerts that are open now, newest first."""

    def newcomers(self) -> Sequence[Newcomer]:
        """Devices that report but are not in the registry."""

    def conflicts(self) -> Sequence[ConflictView]:
        """Devices that contradict themselves, the latest first."""

    async def alerts(self, limit: int) -> Sequence[AlertView]:
        """The latest alerts, open and closed, newest first."""

    async def timeline(self, subject: str, start_ms: int, end_ms: int) -> Sequence[RunView]:
        """The runs of a subject that touch `[start_ms, end_ms)`, by start."""

    async def marks(self, subject: str, start_ms: int, end_ms: int) -> Sequence[MarkView]:
        """The windows and rulings over a subject that touch `[start_ms, end_ms)`, by start."""

    async def outages(self, subject: str, start_ms: int, end_ms: int) -> Sequence[Outage]:
        """The outages of a voted platform part that touch `[start_ms, end_ms)`, oldest first, each with its votes.

        Each from its beginning to its end. Empty where nobody votes on it.
        """

    async def revisions(self, agreement: str | None) -> Sequence[Mapping[str, object]]:
        """Every revision of every closed month as plain data, by agreement, month and number; None: of all."""

    async def months(self, agreement: str) -> Sequence[MonthView] | None:
        """Every month of `tenant/contract`, the newest first; None where there is no such agreement, nor ever was."""

    async def paper(self, wanted: PaperRequest) -> Paper:
        """Draw one file about a closed month.

        ConfigError where there is none or it cannot be shown; PressBusyError where too many are being drawn.
        """

    async def device_clock(self, tenant: str, device: str) -> DeviceClock | None:
        """What a device's clock did, boot by boot; None where it never reported."""

    def events(self) -> AsyncIterator[Event]:
        """Changes from now on; a slow reader gets one `resync` in place of what it missed."""

    def health(self) -> Mapping[str, object]:
        """Answer `/healthz`: `{"ok": bool, …}` with a key for each part."""

    def metrics(self) -> Mapping[str, int | float]:
        """Counters and gauges for `/metrics`, by full Prometheus name."""
