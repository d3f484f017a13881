"""PURE. The agreements on the wall, and alerts in words: views → cards and lines, ready to be drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from collector.alerts.wording import span_text, times_text
from collector.web.format import Times, duration, percent, plain, short_percent
from collector.web.gauges import Gauge, Scale, gauge, scale, status
from collector.web.tiles import known_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from fractions import Fraction

    from collector.sla.burn import BurnRate
    from collector.views import AlertView, FigureView, PlatformView
    from collector.web.texts import Texts
    from wire.states import SubjectKind

WATCHED: Final = "*"  # in the place of an agreement's key: the card of what no agreement judges
_ONE_COLUMN_UP_TO: Final = 2  # agreements beside the fleet; more of them stand above it


@dataclass(frozen=True, slots=True)
class PlatformChip:
    """One platform part on its agreement's card."""

    subject: str
    href: str
    state: str
    name: str
    text: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """The platform's or the players' share in the figure."""

    label: str
    weight: str
    percent: str | None
    downtime: str
    coverage: str | None


@dataclass(frozen=True, slots=True)
class Burn:
    """How fast the error budget burns in a pair of windows; `title` has both rates."""

    windows: str
    rate: str
    limit: str
    over: bool
    title: str


@dataclass(frozen=True, slots=True)
class Card:
    """One agreement, ready to be drawn."""

    key: str
    months_href: str
    tenant: str
    title: str
    period: str
    zone: str
    percent: str | None
    status: str
    scale: Scale
    platform: Part
    players: Part
    platforms: tuple[PlatformChip, ...]
    down: Gauge
    affected: Gauge | None
    burns: tuple[Burn, ...]
    cautions: tuple[str, ...]
    unknown: int
    emitting: int
    computed: str
    evidence_ms: int | None
    alarm: bool


@dataclass(frozen=True, slots=True)
class AlertLine:
    """One alert in words; `opened` and `closed` in the agreement's zone, which `zone` names."""

    id: int
    agreement: str
    title: str
    kind: str
    severity: str
    summary: str
    reason: str
    opened_ms: int
    opened: str
    closed: str | None
    lasted: str | None
    zone: str


def platform_href(subject: str) -> str:
    """Give the address of a platform part's page."""
    return f"/platform/{quote(subject)}"


def months_href(agreement: str) -> str:
    """Give the address of an agreement's months."""
    return f"/agreements/{quote(agreement)}/months"


def layout(cards: int) -> str:
    """Where the agreements stand: `beside` the fleet, or `above` it."""
    return "beside" if cards <= _ONE_COLUMN_UP_TO else "above"


def card(
    figure: FigureView,
    platforms: Iterable[PlatformView],
    alerts: Iterable[AlertView],
    evidence_ms: int | None,
    t: Texts,
) -> Card:
    """One agreement's card."""
    own = [part for part in platforms if f"{part.tenant}/{part.contract}" == figure.key]
    times = Times(figure.timezone)
    period = t.month_to_date if figure.provisional else t.month_final
    affected = None
    if figure.affected_players is not None and figure.affected_limit is not None:
        affected = gauge(figure.affected_players, figure.players, 0, figure.affected_limit)
    return Card(
        key=figure.key,
        months_href=months_href(figure.key),
        tenant=figure.tenant,
        title=plain(figure.title, 80),
        period=period.format(month=t.month(figure.month)),
        zone=times.name,
        percent=figure.percent,
        status=status(figure),
        scale=scale(figure),
        platform=_part(
            t.platform,
            figure.platform_weight,
            figure.platform_availability,
            figure.platform_downtime_ms,
            figure.coverage_platform,
            figure.decimals,
        ),
        players=_part(
            t.players,
            figure.players_weight,
            figure.players_availability,
            figure.players_downtime_ms,
            figure.coverage_players,
            figure.decimals,
        ),
        platforms=tuple(_chip(part, t) for part in own),
        down=gauge(figure.down_now, figure.active_now, figure.unknown_now, figure.down_limit),
        affected=affected,
        burns=tuple(_burn(rate, t) for rate in figure.burn),
        cautions=tuple(_caution(figure, kind, t) for kind in figure.unwatched),
        unknown=figure.unknown_now,
        emitting=figure.emitting_now,
        computed=times.clock(figure.computed_ms),
        evidence_ms=evidence_ms,
        alarm=any(alert.agreement == figure.key and alert.severity == "critical" for alert in alerts),
    )


def _part(
    label: str, weight: Fraction, share: Fraction | None, downtime_ms: int, coverage: Fraction | None, decimals: int
) -> Part:
    return Part(label, short_percent(weight), percent(share, decimals), duration(downtime_ms), coverage_text(coverage))


def _burn(rate: BurnRate, t: Texts) -> Burn:
    long, short = span_text(rate.long_ms), span_text(rate.short_ms)
    rates = {"long_rate": times_text(rate.long_rate), "short_rate": times_text(rate.short_rate)}
    return Burn(
        windows=f"{long} / {short}",
        rate=times_text(rate.rate),
        limit=times_text(rate.limit),
        over=rate.over,
        title=t.burn_title.format(long=long, short=short, **rates),
    )


def _caution(figure: FigureView, kind: SubjectKind, t: Texts) -> str:
    weight = figure.platform_weight if kind == "platform" else figure.players_weight
    return t.named("unwatched", kind).format(weight=short_percent(weight))


def coverage_text(share: Fraction | None) -> str | None:
    """All of it is `100`; a share that lacks anything is never written as 100."""
    return "100" if share == 1 else percent(share, 1)


def _chip(part: PlatformView, t: Texts) -> PlatformChip:
    state = known_state(part.state)
    latency = f" · {part.latency_ms} ms" if part.latency_ms is not None and state == "up" else ""
    text = f"{t.named('state', part.state)}{latency}"
    name, detail = plain(part.name or part.platform, 60), plain(part.detail or "", 300)
    return PlatformChip(part.subject, platform_href(part.subject), state, name, text, detail)


def watched(figures: Iterable[FigureView], platforms: Iterable[PlatformView], t: Texts) -> list[PlatformChip]:
    """The platform parts that stand on no agreement's card, those that are down first, then those that are unknown."""
    judged = {figure.key for figure in figures}
    free = [part for part in platforms if f"{part.tenant}/{part.contract}" not in judged]
    ranks = {"down": 0, "unknown": 1}
    return [_chip(part, t) for part in sorted(free, key=lambda part: (ranks.get(part.state, 2), part.name))]


def alert_line(alert: AlertView, figures: Mapping[str, FigureView], t: Texts) -> AlertLine:
    """One alert in words and in its agreement's zone."""
    figure = figures.get(alert.agreement)
    times = Times(figure.timezone if figure else None)
    lasted = None if alert.closed_ms is None else duration(alert.closed_ms - alert.opened_ms)
    return AlertLine(
        id=alert.id,
        agreement=alert.agreement,
        title=plain(alert.subject or (figure.title if figure else alert.agreement), 80),
        kind=t.named("alert", alert.kind),
        severity=alert.severity,
        summary=plain(alert.summary, 300),
        reason=plain(alert.reason, 1000),
        opened_ms=alert.opened_ms,
        opened=times.stamp(alert.opened_ms),
        closed=None if alert.closed_ms is None else times.stamp(alert.closed_ms),
        lasted=lasted,
        zone=times.name,
    )


def alert_lines(alerts: Iterable[AlertView], figures: Iterable[FigureView], t: Texts) -> list[AlertLine]:
    """Alerts in words, in the order given."""
    known = {figure.key: figure for figure in figures}
    return [alert_line(alert, known, t) for alert in alerts]


def worst_first(alerts: Iterable[AlertView]) -> list[AlertView]:
    """Critical alerts before warnings, otherwise in the order given."""
    return sorted(alerts, key=lambda alert: alert.severity != "critical")
