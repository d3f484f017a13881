"""PURE. Views → the JSON of the API (docs/web.md).

Fractions are `{"fraction": [numerator, denominator], "decimal": "0.994213450"}`: exact, and readable. Instants are two
keys, `since_ms` (integer milliseconds since 1970) and `since` (the same in ISO 8601, UTC).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from collector.web.encoding import fraction, instant
from collector.web.votejson import votes

if TYPE_CHECKING:
    from collector.month_views import MonthView, ProvisionalView, RevisionView
    from collector.sla.burn import BurnRate
    from collector.views import (
        AlertView,
        ConflictView,
        FigureView,
        MarkView,
        Newcomer,
        PlatformView,
        PlayerView,
        RunView,
    )
    from collector.web.encoding import Json
    from collector.web.format import HostValue


def player(view: PlayerView) -> Json:
    """One playback output."""
    return {
        "subject": view.subject,
        "tenant": view.tenant,
        "site": view.site,
        "site_name": view.site_name,
        "device": view.device,
        "output": view.output,
        "name": view.name,
        "contract": view.contract,
        "state": view.state,
        "cause": view.cause,
        "detail": view.detail,
        **instant("since", view.since_ms),
        **instant("evidence", view.evidence_ms),
        "link": view.link,
        "emitting": view.emitting,
        "clock": view.clock,
        "host": {key: _finite(value) for key, value in view.host.items()},
        **instant("host_at", view.host_ms),
    }


def platform(view: PlatformView) -> Json:
    """One platform part."""
    return {
        "subject": view.subject,
        "tenant": view.tenant,
        "platform": view.platform,
        "name": view.name,
        "contract": view.contract,
        "state": view.state,
        "cause": view.cause,
        "detail": view.detail,
        **instant("since", view.since_ms),
        **instant("evidence", view.evidence_ms),
        "url": view.url,
        "latency_ms": view.latency_ms,
        "certificate": None
        if view.certificate is None
        else {"host": view.certificate.host, **instant("ends", view.certificate.ends_ms)},
        **votes(view.votes),
    }


def figure(view: FigureView) -> Json:
    """The live figure of one agreement."""
    return {
        "agreement": view.key,
        "tenant": view.tenant,
        "contract": view.contract,
        "title": view.title,
        "month": view.month,
        "timezone": view.timezone,
        "provisional": view.provisional,
        **instant("computed", view.computed_ms),
        "total_ms": view.total_ms,
        "percent": view.percent,
        "decimals": view.decimals,
        "met": view.met,
        "availability": fraction(view.availability),
        "levels": {
            "objective": fraction(view.objective),
            "committed": fraction(view.committed),
            "termination_below": fraction(view.termination_below),
        },
        "platform": {
            "weight": fraction(view.platform_weight),
            "availability": fraction(view.platform_availability),
            "coverage": fraction(view.coverage_platform),
            "downtime_ms": view.platform_downtime_ms,
        },
        "players": {
            "count": view.players,
            "weight": fraction(view.players_weight),
            "availability": fraction(view.players_availability),
            "coverage": fraction(view.coverage_players),
            "downtime_ms": view.players_downtime_ms,
        },
        "affected": {
            "players": view.affected_players,
            "share": fraction(view.affected_share),
            "limit": fraction(view.affected_limit),
        },
        "now": _now(view),
        "burn": [_burn(rate) for rate in view.burn],
        "unwatched": list(view.unwatched),
    }


def _burn(rate: BurnRate) -> Json:
    return {
        "severity": rate.severity,
        "long_ms": rate.long_ms,
        "short_ms": rate.short_ms,
        "long_rate": fraction(rate.long_rate),
        "short_rate": fraction(rate.short_rate),
        "limit": fraction(rate.limit),
        "over_limit": rate.over,
    }


def _now(view: FigureView) -> Json:
    return {
        "active": view.active_now,
        "emitting": view.emitting_now,
        "down": view.down_now,
        "unknown": view.unknown_now,
        "down_share": fraction(view.down_share),
        "unknown_share": fraction(view.unknown_share),
        "limit": fraction(view.down_limit),
        "over_limit": view.down_share > view.down_limit,
    }


def alert(view: AlertView) -> Json:
    """One alert; `closed_ms` null: still open."""
    return {
        "id": view.id,
        "agreement": view.agreement,
        "kind": view.kind,
        "subject": view.subject or None,
        "severity": view.severity,
        **instant("opened", view.opened_ms),
        **instant("closed", view.closed_ms),
        "summary": view.summary,
        "reason": view.reason,
    }


def run(view: RunView) -> Json:
    """One run of a timeline, half-open; `closed` false: still growing."""
    return {
        "spool": view.spool,
        "seq": view.seq,
        **instant("start", view.start_ms),
        **instant("end", view.end_ms),
        "closed": view.closed,
        "state": view.state,
        "cause": view.cause,
        "detail": view.detail,
        "clock": view.clock,
    }


def mark(view: MarkView) -> Json:
    """One window or ruling over a timeline, half-open."""
    return {
        "kind": view.kind,
        "id": view.id,
        **instant("start", view.start_ms),
        **instant("end", view.end_ms),
        "left_out": view.kind == "window" and view.reason is None,
        "reason": view.reason,
        "window_kind": view.window_kind,
        "state": view.state,
        "cause": view.cause,
        "why": view.why,
        "who": view.who,
        **instant("at", view.at_ms),
    }


def month(view: MonthView) -> Json:
    """One month of an agreement; of its revisions what names them (`/api/v1/revisions` has all of it)."""
    figure, waiting = view.figure, view.waiting
    return {
        "month": view.month,
        "status": view.status,
        **instant("settles", view.settles_ms),
        "figure": None if figure is None else _provisional(figure),
        "waiting": None
        if waiting is None
        else {"en": waiting.told.en, "es": waiting.told.es, **instant("latest", waiting.latest_ms)},
        "revisions": [_revision(each) for each in view.revisions],
    }


def _provisional(view: ProvisionalView) -> Json:
    return {
        "percent": view.percent,
        "coverage_players": fraction(view.coverage_players),
        "coverage_platform": fraction(view.coverage_platform),
        **instant("computed", view.computed_ms),
    }


def _revision(view: RevisionView) -> Json:
    return {"revision": view.number, **instant("at", view.at_ms), "seal": view.seal, "percent": view.percent}


def newcomer(view: Newcomer) -> Json:
    """One device that is not in the registry."""
    return {
        "tenant": view.tenant,
        "device": view.device,
        "outputs": list(view.outputs),
        **instant("first_seen", view.first_seen_ms),
        **instant("last_seen", view.last_seen_ms),
        "registry_toml": view.registry_toml,
    }


def conflict(view: ConflictView) -> Json:
    """One device that contradicts itself."""
    return {
        "tenant": view.tenant,
        "device": view.device,
        "kind": view.kind,
        **instant("first", view.first_ms),
        **instant("last", view.last_ms),
        "times": view.times,
        "detail": view.detail,
    }


def _finite(value: HostValue) -> HostValue:
    """JSON has no NaN and no infinity; a probe that measured one has measured nothing."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
