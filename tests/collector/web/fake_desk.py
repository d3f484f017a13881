"""A collector's desk in memory: a realistic fleet whose state a test (or the preview) changes by hand."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from collector.clocks.clock_view import ClockView, DeviceClock, LastWord, Step
from collector.month_views import MonthView, Paper, PaperRequest
from collector.sla.burn import BurnRate, Severity
from collector.vantage import Rule, Tally
from collector.vantage_story import Cast, Change, Outage
from collector.views import (
    AlertView,
    CertificateView,
    ConflictView,
    Event,
    FigureView,
    MarkView,
    Newcomer,
    PlatformView,
    PlayerView,
    RunView,
    VotesView,
    VoteView,
)
from common.clock import Clock, ManualClock
from common.config import ConfigError, Finding

NOW_MS = 1_795_354_200_000  # 2026-11-22T13:30:00Z, a Sunday
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
ALL_PLAYERS = 10_000

_STREETS = (
    "Gràcia", "Sants", "Poblenou", "Les Corts", "Sarrià", "Horta", "Sant Andreu", "Raval", "Born", "Clot", "Badalona",
    "Sitges", "Girona", "Reus", "Vic", "Manresa", "Lleida", "Mataró", "Terrassa", "Sabadell",
)  # fmt: skip
_PLACES = ("Window", "Till", "Door", "Bar", "Hall", "Menu", "Stairs", "Lift")
_DETAILS = {
    "stopped": "mpv is not running",
    "frozen": "time-pos stood at 12.4 s",
    "black": "mean luma 0.6 of 255 for 30 s",
    "error": "mpv: loading failed: /media/spot-31.mp4",
    "off": "no sign of life between boots",
    "idle": "the playlist is empty",
}
_CAUSES = {"idle": "content", "off": None}
_HOST: dict[str, int | float | str | bool | None] = {
    "cpu_percent": 23.5,
    "memory_used_bytes": 812_400_640,
    "disk_free_bytes": 11_274_289_152,
    "temperature_c": 51.2,
    "uptime_s": 912_345,
    "load_1m": 0.42,
    "model": "Raspberry Pi 4 Model B",
    "throttled": False,
}


def make_players(
    count: int, *, tenant: str = "acme", contract: str = "admira", now_ms: int = NOW_MS
) -> list[PlayerView]:
    """Players that all play, about eight to a site."""
    players = []
    for number in range(count):
        site = number // 8
        street = _STREETS[site % len(_STREETS)]
        name = f"{street} {site // len(_STREETS) + 1}" if site >= len(_STREETS) else street
        device = f"player-{number + 1:04d}"
        players.append(
            PlayerView(
                subject=f"{tenant}/{device}/main",
                tenant=tenant,
                site=f"Shop {name}",
                device=device,
                output="main",
                name=f"{_PLACES[number % len(_PLACES)]} {number + 1:04d}",
                contract=contract,
                state="playing",
                cause=None,
                detail=None,
                since_ms=now_ms - 3 * DAY - number * MINUTE,
                evidence_ms=now_ms - 2000 - number % 10 * 1000,
                link="online",
                emitting=True,
                clock="synced",
                host=_HOST,
                host_ms=now_ms - 61_000,
            )
        )
    return players


def make_platform(*, tenant: str = "acme", contract: str = "admira", now_ms: int = NOW_MS) -> PlatformView:
    """A portal that is up."""
    return PlatformView(
        subject=f"{tenant}/portal",
        tenant=tenant,
        platform="portal",
        name="Portal",
        contract=contract,
        state="up",
        cause=None,
        detail="HTTP 200 in 84 ms",
        since_ms=now_ms - 6 * DAY,
        evidence_ms=now_ms - 11_000,
        url="https://portal.example.com/health",
        latency_ms=84,
        certificate=CertificateView("portal.example.com", now_ms + 9 * DAY),
    )


def make_vote(point: str, state: str | None, **changes: object) -> VoteView:
    """What one vantage point says, since four minutes ago, told three seconds ago."""
    vote = VoteView(
        point=point,
        name=f"Window of {point}",
        site=point.title(),
        state=state,
        detail={"up": "status 200 in 12 ms", "down": "status 503, expected 200"}.get(state or ""),
        since_ms=None if state is None else NOW_MS - 4 * MINUTE,
        evidence_ms=NOW_MS - 3000,
        counts=state in {"up", "down"},
        latency_ms=12,
        link="online",
        last_state=state,
    )
    return replace(vote, **changes)  # type: ignore[arg-type]


def make_votes(*votes: VoteView, **changes: object) -> VotesView:
    """These votes, by the usual rule."""
    down, up = (sum(vote.state == state for vote in votes) for state in ("down", "up"))
    none = sum(vote.state is not None and not vote.counts for vote in votes)
    tally = Tally(up, down, none, needed=(up + down) // 2 + 1)
    return replace(VotesView(("*",), Rule(), tally, votes), **changes)  # type: ignore[arg-type]


def make_outage(now_ms: int = NOW_MS) -> Outage:
    """Two hours ago the portal was down for a minute: shop-1 and shop-2 said so, shop-3 could not tell."""
    start_ms, end_ms = now_ms - 2 * HOUR, now_ms - 2 * HOUR + MINUTE
    first = (
        Cast("shop-1", "down", "status 503, expected 200"),
        Cast("shop-2", "down", None),
        Cast("shop-3", "none", "no"),
    )
    return Outage(
        start_ms,
        end_ms,
        lasts=False,
        changes=(
            Change(start_ms, "down", Tally(0, 2, 1, needed=2), first),
            Change(end_ms, "up", Tally(1, 1, 1, needed=2), (Cast("shop-1", "up", "status 200 in 9 ms"),)),
        ),
    )


def make_clock(boots: int = 2, now_ms: int = NOW_MS) -> DeviceClock:
    """A clock that was 1970 until a time source was found, in a boot that nobody could place; and a good one since."""
    good = ClockView(
        boot="5f0c9a",
        source="synced",
        since_ms=now_ms - DAY,
        until_ms=now_ms - 3000,
        offset_ms=now_ms - DAY - MINUTE,
        early_ms=3000,
        late_ms=3040,
        drift_ppm=Fraction(123, 10),
        steps=(Step(now_ms - DAY + HOUR, -HOUR),),
        synced_ms=now_ms - HOUR,
    )
    lost = replace(
        good, boot="1970", source="estimated", since_ms=now_ms - 3 * DAY, until_ms=now_ms - 2 * DAY, offset_ms=None,
        early_ms=None, late_ms=HOUR, steps=(), synced_ms=None,
    )  # fmt: skip
    return DeviceClock("acme", "player-0001", (*[lost] * (boots - 1), good), LastWord(now_ms - 3000, True, -1240))


def make_figure(
    players: Sequence[PlayerView], *, tenant: str = "acme", contract: str = "admira", now_ms: int = NOW_MS
) -> FigureView:
    """A healthy month to date; the counts of now are those of `players`."""
    count = len(players)
    return FigureView(
        tenant=tenant,
        contract=contract,
        title="ADmira availability guarantee",
        month="2026-11",
        timezone="Europe/Madrid",
        provisional=True,
        computed_ms=now_ms,
        total_ms=1_866_600_000,
        decimals=2,
        percent="99.93",
        availability=Fraction(99934213, 100000000),
        platform_availability=Fraction(99991, 100000),
        players_availability=Fraction(99920, 100000),
        platform_weight=Fraction(1, 5),
        players_weight=Fraction(4, 5),
        objective=Fraction(999, 1000),
        committed=Fraction(99, 100),
        termination_below=Fraction(97, 100),
        met=True,
        coverage_players=Fraction(9981, 10000),
        coverage_platform=Fraction(1),
        players=count,
        platform_downtime_ms=168_000,
        players_downtime_ms=count * 1_493_000,
        affected_players=count // 30,
        affected_limit=Fraction(1, 5),
        active_now=count,
        emitting_now=count,
        down_now=sum(player.state not in {"playing", "unknown"} for player in players),
        unknown_now=sum(player.state == "unknown" for player in players),
        down_limit=Fraction(1, 5),
        burn=(
            _burn("critical", (HOUR, 5 * MINUTE), ("0.31", "0"), "14.4"),
            _burn("critical", (6 * HOUR, 30 * MINUTE), ("0.62", "0"), "6"),
            _burn("warning", (72 * HOUR, 6 * HOUR), ("2.1", "1.25"), "1"),
        ),
    )


def _burn(severity: Severity, lengths_ms: tuple[int, int], rates: tuple[str, str], limit: str) -> BurnRate:
    long, short = map(Fraction, rates)
    return BurnRate(severity, *lengths_ms, long, short, Fraction(limit), capped=False, budget=Fraction(1, 100))


def make_alert(now_ms: int = NOW_MS, **changes: object) -> AlertView:
    """An open alarm of the 20 % rule."""
    alert = AlertView(
        id=7,
        agreement="acme/admira",
        kind="players_down",
        severity="critical",
        opened_ms=now_ms - 4 * MINUTE,
        closed_ms=None,
        summary="15 of 60 players are down: 25.0 % is over 20 %",
        reason="more than 20 % of the active players were down for longer than 60 s",
    )
    return replace(alert, **changes)  # type: ignore[arg-type]


def make_marks(now_ms: int = NOW_MS) -> list[MarkView]:
    """A window that counts, one that is left out, and a ruling, all within the last day."""
    window = MarkView(
        kind="window",
        id=3,
        start_ms=now_ms - 20 * HOUR,
        end_ms=now_ms - 18 * HOUR,
        reason="late",
        window_kind="planned",
        state=None,
        cause=None,
        why="new firmware",
        who="ana",
        at_ms=now_ms - 19 * HOUR,
    )
    left_out = {"id": 4, "reason": None, "window_kind": "emergency", "start_ms": now_ms - 10 * HOUR}
    ruled = {"kind": "ruling", "id": 9, "reason": None, "window_kind": None, "cause": "customer", "why": "unplugged"}
    return [
        window,
        replace(window, **left_out, end_ms=now_ms - 7 * HOUR, why="disk full"),  # type: ignore[arg-type]
        replace(window, **ruled, start_ms=now_ms - 4 * HOUR, end_ms=now_ms - 3 * HOUR),  # type: ignore[arg-type]
    ]


def make_conflict(device: str = "player-0001", detail: str = "boots a and b both lived for 61 s") -> ConflictView:
    """A device whose name two machines have."""
    return ConflictView("acme", device, "two_machines", NOW_MS - HOUR, NOW_MS, 3, detail)


def make_newcomer(now_ms: int = NOW_MS, device: str = "pi-window-3") -> Newcomer:
    """A device that reports but is not registered."""
    toml = (
        f'[[device]]\ntenant = "acme"\nid = "{device}"\nname = "{device}"\n\n'
        '[[device.output]]\nid = "main"\ncontract = "admira"\n'
    )
    return Newcomer("acme", device, ("main",), now_ms - 40 * MINUTE, now_ms - 3000, toml)


@dataclass
class FakeDesk:
    """Implements `collector.views.Desk`. Change it through its methods, and the pages hear of it."""

    clock: Clock = field(default_factory=lambda: ManualClock(wall=NOW_MS))
    healthy: bool = True
    metric_values: dict[str, int | float] = field(default_factory=lambda: {"signwatch_messages_total": 41_200})
    runs: dict[str, list[RunView]] = field(default_factory=dict)
    revision_views: list[Mapping[str, object]] = field(default_factory=list)
    month_views: dict[str, list[MonthView]] = field(default_factory=dict)
    mark_views: dict[str, list[MarkView]] = field(default_factory=dict)
    clock_views: dict[str, DeviceClock] = field(default_factory=dict)
    outage_views: dict[str, list[Outage]] = field(default_factory=dict)
    figure_views: list[FigureView] = field(default_factory=list)
    platform_views: list[PlatformView] = field(default_factory=list)
    alert_views: list[AlertView] = field(default_factory=list)
    newcomer_views: list[Newcomer] = field(default_factory=list)
    conflict_views: list[ConflictView] = field(default_factory=list)
    _players: dict[str, PlayerView] = field(default_factory=dict)
    _listeners: list[asyncio.Queue[Event | None]] = field(default_factory=list)

    @classmethod
    def with_fleet(cls, count: int, clock: Clock | None = None) -> FakeDesk:
        """A fleet of one agreement in which all is well."""
        desk = cls(clock=clock or ManualClock(wall=NOW_MS))
        now_ms = desk.now_ms()
        players = make_players(count, now_ms=now_ms)
        desk._players = {player.subject: player for player in players}
        desk.figure_views = [make_figure(players, now_ms=now_ms)]
        desk.platform_views = [make_platform(now_ms=now_ms)]
        return desk

    # --- the Desk ---

    def now_ms(self) -> int:
        return self.clock.wall_ms()

    def players(self) -> Sequence[PlayerView]:
        return list(self._players.values())

    def player(self, subject: str) -> PlayerView | None:
        return self._players.get(subject)

    def platforms(self) -> Sequence[PlatformView]:
        return self.platform_views

    def figures(self) -> Sequence[FigureView]:
        return self.figure_views

    def open_alerts(self) -> Sequence[AlertView]:
        return [alert for alert in self.alert_views if alert.closed_ms is None]

    def newcomers(self) -> Sequence[Newcomer]:
        return self.newcomer_views

    def conflicts(self) -> Sequence[ConflictView]:
        return self.conflict_views

    async def alerts(self, limit: int) -> Sequence[AlertView]:
        return self.alert_views[:limit]

    async def timeline(self, subject: str, start_ms: int, end_ms: int) -> Sequence[RunView]:
        runs = sorted(self.runs.get(subject, []), key=lambda run: run.start_ms)
        return [run for run in runs if run.start_ms < end_ms and run.end_ms > start_ms]

    async def marks(self, subject: str, start_ms: int, end_ms: int) -> Sequence[MarkView]:
        return [mark for mark in self.mark_views.get(subject, []) if mark.start_ms < end_ms and mark.end_ms > start_ms]

    async def device_clock(self, tenant: str, device: str) -> DeviceClock | None:
        return self.clock_views.get(f"{tenant}/{device}")

    async def outages(self, subject: str, start_ms: int, end_ms: int) -> Sequence[Outage]:
        found = self.outage_views.get(subject, [])
        return [each for each in found if each.start_ms < end_ms and each.end_ms > start_ms]

    async def revisions(self, agreement: str | None) -> Sequence[Mapping[str, object]]:
        named = [(f"{each['tenant']}/{each['contract']}", each) for each in self.revision_views]
        return [each for key, each in named if agreement in {None, key}]

    async def months(self, agreement: str) -> Sequence[MonthView] | None:
        return self.month_views.get(agreement)

    async def paper(self, wanted: PaperRequest) -> Paper:
        message = f"{wanted.month} of {wanted.contract!r} is not closed: there is no revision of it"
        raise ConfigError(Finding("revision.none", "--month", "", message, "close it"))

    async def events(self) -> AsyncIterator[Event]:
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._listeners.append(queue)
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            self._listeners.remove(queue)

    def health(self) -> Mapping[str, object]:
        return {"ok": self.healthy, "ledger": "ok" if self.healthy else "disk full", "broker": "connected"}

    def metrics(self) -> Mapping[str, int | float]:
        return self.metric_values

    # --- what a test does to it ---

    @property
    def listeners(self) -> int:
        """How many read the events now."""
        return len(self._listeners)

    def emit(self, event: Event) -> None:
        """Tell every listener."""
        for queue in self._listeners:
            queue.put_nowait(event)

    def end_events(self) -> None:
        """Let every listener's stream end, as a collector that fails would."""
        for queue in self._listeners:
            queue.put_nowait(None)

    def add_player(self, player: PlayerView) -> None:
        """Register a player without a word."""
        self._players[player.subject] = player

    def set_state(self, subject: str, state: str, **changes: object) -> PlayerView:
        """Put a player into a state, with the detail and cause such a state has, and tell it."""
        values: dict[str, object] = {
            "state": state,
            "detail": _DETAILS.get(state),
            "cause": _CAUSES.get(state, "player_software" if state in _DETAILS else None),
            "since_ms": self.now_ms() - 90_000,
            "link": "silent" if state == "unknown" else "online",
            **changes,
        }
        player = replace(self._players[subject], **values)  # type: ignore[arg-type]
        self._players[subject] = player
        self.emit(Event("player", player))
        return player

    def set_figure(self, index: int = 0, **changes: object) -> FigureView:
        """Change an agreement's figure and tell it; the counts of now follow the players."""
        old = self.figure_views[index]
        own = [player for player in self._players.values() if f"{player.tenant}/{player.contract}" == old.key]
        counts = make_figure(own, now_ms=self.now_ms())
        figure = replace(
            old,
            **{"down_now": counts.down_now, "unknown_now": counts.unknown_now, "computed_ms": self.now_ms(), **changes},  # type: ignore[arg-type]
        )
        self.figure_views[index] = figure
        self.emit(Event("figure", figure))
        return figure

    def raise_alert(self, alert: AlertView) -> None:
        """Open (or close) an alert and tell it."""
        self.alert_views = [alert, *(old for old in self.alert_views if old.id != alert.id)]
        self.emit(Event("alert", alert))

    def give_history(self, subject: str, *, seed: int = 7, days: int = 25) -> None:
        """Invent a plausible past that ends in an open run a few seconds ago."""
        chance = random.Random(seed)
        now_ms, runs, seq = self.now_ms(), [], 0
        at = now_ms - days * DAY
        while at < now_ms - 3 * HOUR:
            for state, length in _episode(chance):
                end = min(at + length, now_ms - 2 * HOUR)
                if state != "gap" and end > at:
                    seq += 1
                    runs.append(_run(seq, at, end, state))
                at = end
        runs.append(replace(_run(seq + 1, at, now_ms - 4000, self._players[subject].state), closed=False))
        self.runs[subject] = runs


def _episode(chance: random.Random) -> list[tuple[str, int]]:
    bad = chance.choice(["stopped", "frozen", "off", "black", "error", "unknown", "gap", "idle"])
    return [
        ("playing", chance.randrange(2 * HOUR, 16 * HOUR)),
        (bad, chance.choice([25_000, 4 * MINUTE, 35 * MINUTE, 2 * HOUR])),
    ]


def _run(seq: int, start_ms: int, end_ms: int, state: str) -> RunView:
    return RunView(
        start_ms=start_ms,
        end_ms=end_ms,
        state=state,
        cause="power" if state == "off" else None,
        detail=_DETAILS.get(state),
        clock="synced",
        closed=True,
        spool="9f2c41d07a",
        seq=seq,
    )
