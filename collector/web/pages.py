"""The pages that people look at: ask the desk, arrange, draw."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from collector.web.api import find_platform
from collector.web.cards import alert_lines, card, layout, watched, worst_first
from collector.web.clocks import draw_clock
from collector.web.context import context, html, html_in_thread
from collector.web.format import Times, host_value, plain
from collector.web.marks import draw_marks
from collector.web.problems import bad_request, not_found
from collector.web.sse import stream
from collector.web.streams import PAGE
from collector.web.tiles import (
    density,
    evidence_by_agreement,
    known_state,
    newest_evidence,
    site_groups,
    state_counts,
    times_of,
    zones,
)
from collector.web.timeline import RANGES, Range, bounds, draw
from collector.web.votes import draw_votes
from wire.states import UP_STATES, default_cause

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp.web import Request, StreamResponse

    from collector.views import CertificateView, ConflictView, PlatformView, PlayerView
    from collector.web.texts import Texts

_HISTORY: Final = 200


async def wall(request: Request) -> StreamResponse:
    """The wall of the control room."""
    parts = context(request)
    desk, t = parts.desk, parts.renderer.texts
    players, figures, platforms, open_alerts = desk.players(), desk.figures(), desk.platforms(), desk.open_alerts()
    now_ms = desk.now_ms()

    def values() -> dict[str, object]:
        newest = evidence_by_agreement(players)
        return {
            "cards": [card(figure, platforms, open_alerts, newest.get(figure.key), t) for figure in figures],
            "watched": watched(figures, platforms, t),
            "layout": layout(len(figures)),
            "groups": site_groups(players, zones(figures), now_ms, t),
            "density": density(len(players)),
            "counts": state_counts(players),
            "player_count": len(players),
            "newest_ms": newest_evidence(players),
            "open_alerts": alert_lines(worst_first(open_alerts), figures, t),
            "alarm": any(alert.severity == "critical" for alert in open_alerts),
        }

    return await html_in_thread(request, "wall.html", values)


async def live(request: Request) -> StreamResponse:
    """The pages' own event stream."""
    return await stream(request, PAGE)


async def player(request: Request) -> StreamResponse:
    """One player's page."""
    subject = request.match_info["subject"]
    view = context(request).desk.player(subject)
    if view is None:
        raise not_found(f"No player {subject[:200]!r} is registered.", "The wall shows every registered player.")
    parts = context(request)
    times = times_of(view, zones(parts.desk.figures()))
    clock = draw_clock(await parts.desk.device_clock(view.tenant, view.device), times, parts.renderer.texts)
    host = [(plain(key, 60), host_value(key, value)) for key, value in sorted(view.host.items())]
    return await _subject_page(
        request,
        view,
        host=host,
        host_ms=view.host_ms,
        link=view.link,
        emitting=view.emitting,
        clock=view.clock,
        clocks=clock,
    )


async def platform(request: Request) -> StreamResponse:
    """One platform part's page."""
    view = find_platform(request, request.match_info["subject"])
    parts = context(request)
    times = times_of(view, zones(parts.desk.figures()))
    start_ms, end_ms = bounds(_range(request), parts.desk.now_ms(), times)
    outages = await parts.desk.outages(view.subject, start_ms, end_ms) if view.votes is not None else ()
    ballots = draw_votes(view, outages, times, parts.renderer.texts)
    return await _subject_page(
        request,
        view,
        url=view.url,
        latency_ms=view.latency_ms,
        ballots=ballots,
        certificate=_certificate(view.certificate, times, parts.renderer.texts),
    )


def _certificate(view: CertificateView | None, times: Times, t: Texts) -> str | None:
    if view is None:
        return None
    return t.certificate_ends.format(host=plain(view.host, 100), at=times.stamp(view.ends_ms))


async def _subject_page(request: Request, view: PlayerView | PlatformView, **extra: object) -> StreamResponse:
    parts = context(request)
    desk, t = parts.desk, parts.renderer.texts
    name = _range(request)
    figures = desk.figures()
    times = times_of(view, zones(figures))
    now_ms = desk.now_ms()
    start_ms, end_ms = bounds(name, now_ms, times)
    runs = await desk.timeline(view.subject, start_ms, end_ms) if start_ms < end_ms else ()
    marks = await desk.marks(view.subject, start_ms, end_ms) if start_ms < end_ms else ()
    # A month of a flapping player is much to paint: not on the loop that everybody shares.
    drawing = await asyncio.to_thread(draw, runs, name, now_ms, times, t)
    agreement = next((figure for figure in figures if figure.key == f"{view.tenant}/{view.contract}"), None)
    return html(
        request,
        "subject.html",
        view=view,
        conflicts=_conflicts((found for found in desk.conflicts() if _is_of(found, view)), times),
        name=plain(view.name or view.subject, 100),
        state=known_state(view.state),
        cause=_cause(view, t.default_cause),
        detail=plain(view.detail or "", 1000),
        since=times.stamp(view.since_ms),
        evidence=times.stamp(view.evidence_ms),
        agreement=agreement,
        zone=times.name,
        range=name,
        ranges=RANGES,
        drawing=drawing,
        marks=draw_marks(marks, start_ms, end_ms, times, t),
        only=extra,
    )


def _cause(view: PlayerView | PlatformView, template: str) -> str:
    if view.cause:
        return view.cause.replace("_", " ")
    if view.state in UP_STATES or view.state == "unknown":
        return "–"
    return template.format(cause=default_cause(view.state).replace("_", " "))


def _range(request: Request) -> Range:
    text = request.query.get("range", "24h")
    if text not in RANGES:
        raise bad_request("range", f"There is no range {text[:40]!r}.", f"Choose one of {', '.join(RANGES)}.")
    return text


async def alerts(request: Request) -> StreamResponse:
    """The history of alerts."""
    parts = context(request)
    found = await parts.desk.alerts(_HISTORY)
    return html(request, "alerts.html", lines=alert_lines(found, parts.desk.figures(), parts.renderer.texts))


async def newcomers(request: Request) -> StreamResponse:
    """Devices that are not in the registry, each with the lines to apply."""
    parts = context(request)
    times = Times(None)
    found = [
        {
            "address": f"{newcomer.tenant}/{newcomer.device}",
            "outputs": ", ".join(newcomer.outputs),
            "first": times.stamp(newcomer.first_seen_ms),
            "last_ms": newcomer.last_seen_ms,
            "last": times.stamp(newcomer.last_seen_ms),
            "toml": newcomer.registry_toml,
        }
        for newcomer in parts.desk.newcomers()
    ]
    conflicts = _conflicts(parts.desk.conflicts(), times)
    return html(request, "newcomers.html", newcomers=found, conflicts=conflicts, zone=times.name)


def _is_of(conflict: ConflictView, view: PlayerView | PlatformView) -> bool:
    return view.subject.startswith(f"{conflict.tenant}/{conflict.device}/")


def _conflicts(views: Iterable[ConflictView], times: Times) -> list[dict[str, object]]:
    return [
        {
            "address": f"{view.tenant}/{view.device}",
            "kind": view.kind,
            "times": view.times,
            "first": times.stamp(view.first_ms),
            "last": times.stamp(view.last_ms),
            "detail": plain(view.detail, 1000),
        }
        for view in views
    ]
