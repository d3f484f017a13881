"""PURE. Views and messages → line protocol with millisecond timestamps (docs/influx.md has every name).

Tags are ids from the registry and closed lists, so that the number of series is bounded by the fleet; a place that is
not known is `-`, which no id can be. A field's type never changes: `_ratio`, `_rate` and host figures are floats,
`_count`, `_ms`, `_code` and flags (0 or 1) are integers, the rest are texts. Exact fractions become floats only here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

from influxdb_client.client.write.point import Point
from influxdb_client.domain.write_precision import WritePrecision

from collector.alerts.wording import span_text
from collector.views import AlertView, FigureView, HostFigures, PlatformView, PlayerView, RunView
from wire.messages import Heartbeat
from wire.states import PLAYER_STATES, UP_STATES
from wire.votes import is_check

NOWHERE: Final = "-"
STATE_CODES: Final[dict[str, int]] = {
    "playing": 0,
    "idle": 1,
    "stopped": 2,
    "frozen": 3,
    "black": 4,
    "error": 5,
    "off": 6,
    "unknown": 7,
    "up": 0,
    "down": 2,
}
_HOST_KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,62}|(check|drive|fs)\.[a-z0-9][a-z0-9._-]{0,120}")
_MAX_HOST_FIGURES: Final = 200
_MAX_TEXT: Final = 500
_SPOOL_CHARACTERS: Final = 8
_CONTROL: Final = dict.fromkeys((*range(32), 127), " ")

Fields = Mapping[str, int | float | str | None]
Tags = Mapping[str, str | None]


def heartbeat_points(tenant: str, site: str | None, device: str, heartbeat: Heartbeat, at_ms: int) -> list[str]:
    """One `heartbeat` line for each open run of what plays, and one `host` line; `at_ms` is its true time."""
    place = {"tenant": tenant, "site": site, "device": device}
    lines = [
        _line(
            "heartbeat",
            {**place, "output": run.output},
            {
                "state": run.state,
                "state_code": STATE_CODES[run.state],
                "playing": int(run.state in UP_STATES),
                "run_age_ms": max(0, heartbeat.mono_ms - run.start_mono_ms),
            },
            at_ms,
        )
        for run in heartbeat.open
        if not is_check(run.output)
    ]
    figures = _host_fields(heartbeat.host)
    return [*lines, _line("host", place, figures, at_ms)] if figures else lines


def run_point(tenant: str, site: str | None, device: str, output: str, run: RunView) -> str:
    """One closed run, at its start.

    Two runs of an output never share a point: `spool` is a tag (a device has one spool at a time, so it adds no series
    to speak of), and within a spool an output's runs are disjoint. `seq` is a field.
    """
    return _line(
        "run",
        {
            "tenant": tenant,
            "site": site,
            "device": device,
            "output": output,
            "state": run.state,
            "cause": run.cause,
            "spool": run.spool[:_SPOOL_CHARACTERS],
        },
        {
            "duration_ms": run.end_ms - run.start_ms,
            "end_ms": run.end_ms,
            "seq": run.seq,
            "clock": run.clock,
            "detail": run.detail,
        },
        run.start_ms,
    )


def player_point(player: PlayerView, now_ms: int, *, past: bool = False) -> str:
    """One playback output as it stands at `now_ms`; `past`: as it stood, when nobody kept how its link was."""
    return _line(
        "player",
        {"tenant": player.tenant, "site": player.site, "device": player.device, "output": player.output},
        {
            "state": player.state,
            "state_code": STATE_CODES[player.state],
            "playing": int(player.state in UP_STATES),
            "unknown": int(player.state == "unknown"),
            "emitting": int(player.emitting),
            "cause": player.cause,
            "link": None if past else player.link,
            "contract": player.contract,
            "name": player.name,
            "state_age_ms": _age(player.since_ms, now_ms),
            "evidence_age_ms": _age(player.evidence_ms, now_ms),
        },
        now_ms,
    )


def platform_point(platform: PlatformView, now_ms: int) -> str:
    """One part of the platform as it stands at `now_ms`."""
    return _line(
        "platform",
        {"tenant": platform.tenant, "platform": platform.platform},
        {
            "state": platform.state,
            "state_code": STATE_CODES[platform.state],
            "up": int(platform.state in UP_STATES),
            "latency_ms": platform.latency_ms,
            "state_age_ms": _age(platform.since_ms, now_ms),
        },
        now_ms,
    )


def fleet_points(players: Iterable[PlayerView], now_ms: int) -> list[str]:
    """How many players of each site and contract are in each state; a state that nobody is in is 0."""
    groups: dict[tuple[str, str, str], Counter[str]] = {}
    for player in players:
        key = (player.tenant, player.site or NOWHERE, player.contract or NOWHERE)
        count = groups.setdefault(key, Counter())
        count[player.state] += 1
        count["emitting"] += player.emitting
        count["players"] += 1
    names = sorted(PLAYER_STATES | {"emitting", "players"})
    return [
        _line(
            "fleet",
            {"tenant": tenant, "site": site, "contract": contract},
            {f"{name}_count": count[name] for name in names},
            now_ms,
        )
        for (tenant, site, contract), count in sorted(groups.items())
    ]


def figure_point(figure: FigureView) -> str:
    """The live figure of one agreement, month to date, at the instant it was computed."""
    return _line(
        "figure",
        {"tenant": figure.tenant, "contract": figure.contract},
        {
            "month": figure.month,
            "provisional": int(figure.provisional),
            "availability_ratio": _ratio(figure.availability),
            "availability_percent": None if figure.percent is None else float(figure.percent),
            "platform_availability_ratio": _ratio(figure.platform_availability),
            "players_availability_ratio": _ratio(figure.players_availability),
            "platform_weight_ratio": _ratio(figure.platform_weight),
            "players_weight_ratio": _ratio(figure.players_weight),
            "objective_ratio": _ratio(figure.objective),
            "committed_ratio": _ratio(figure.committed),
            "termination_ratio": _ratio(figure.termination_below),
            "met": None if figure.met is None else int(figure.met),
            "coverage_players_ratio": _ratio(figure.coverage_players),
            "coverage_platform_ratio": _ratio(figure.coverage_platform),
            "total_ms": figure.total_ms,
            "platform_downtime_ms": figure.platform_downtime_ms,
            "players_downtime_ms": figure.players_downtime_ms,
            "players_count": figure.players,
            "players_active_count": figure.active_now,
            "players_emitting_count": figure.emitting_now,
            "players_down_now_count": figure.down_now,
            "players_down_now_ratio": _ratio(figure.down_share),
            "players_down_limit_ratio": _ratio(figure.down_limit),
            "players_unknown_now_count": figure.unknown_now,
            "players_unknown_now_ratio": _ratio(figure.unknown_share),
            "players_affected_count": figure.affected_players,
            "players_affected_ratio": _ratio(figure.affected_share),
            "players_affected_limit_ratio": _ratio(figure.affected_limit),
        },
        figure.computed_ms,
    )


def threshold_points(figure: FigureView) -> list[str]:
    """Each share that a contract or an alarm watches, beside its limit: `kind` is what it is a share of."""
    shares = {
        "players_down": (figure.down_share, figure.down_limit),
        "players_unknown": (figure.unknown_share, figure.down_limit),
        "players_affected": (figure.affected_share, figure.affected_limit),
    }
    return [
        _line(
            "threshold",
            {"tenant": figure.tenant, "contract": figure.contract, "kind": kind},
            {"share_ratio": _ratio(share), "limit_ratio": _ratio(limit), "over": int(share > limit)},
            figure.computed_ms,
        )
        for kind, (share, limit) in shares.items()
        if share is not None and limit is not None
    ]


def burn_points(figure: FigureView) -> list[str]:
    """How fast the error budget burns, a line a pair of windows; `window` is the long one: `1h`, `6h`, `3d`."""
    return [
        _line(
            "burn",
            {"tenant": figure.tenant, "contract": figure.contract, "window": span_text(rate.long_ms).replace(" ", "")},
            {
                "long_rate": _ratio(rate.long_rate),
                "short_rate": _ratio(rate.short_rate),
                "rate": _ratio(rate.rate),
                "limit_rate": _ratio(rate.limit),
                "short_ms": rate.short_ms,
                "severity": rate.severity,
                "over": int(rate.over),
            },
            figure.computed_ms,
        )
        for rate in figure.burn
    ]


def alert_point(alert: AlertView, now_ms: int | None = None) -> str:
    """One alert: at its closing; while it is open at `now_ms` (say it with each snapshot), or at its opening."""
    tenant, _, contract = alert.agreement.partition("/")
    until_ms = alert.closed_ms if alert.closed_ms is not None else now_ms
    at_ms = alert.opened_ms if until_ms is None else until_ms
    return _line(
        "alert",
        {
            "tenant": tenant,
            "contract": contract,
            "kind": alert.kind,
            "severity": alert.severity,
            **({"subject": alert.subject} if alert.subject else {}),
        },
        {
            "open": int(alert.closed_ms is None),
            "id": alert.id,
            "opened_ms": alert.opened_ms,
            "duration_ms": at_ms - alert.opened_ms,
            "summary": alert.summary,
            "reason": alert.reason,
            "close_reason": alert.close_reason,
        },
        at_ms,
    )


def open_alert_points(figures: Iterable[FigureView], open_alerts: Iterable[AlertView], now_ms: int) -> list[str]:
    """How many alerts of each agreement are open; 0 is said, too, so that "none" differs from "nobody says"."""
    counts = Counter((alert.agreement, alert.severity) for alert in open_alerts)
    return [
        _line(
            "alerts_open",
            {"tenant": figure.tenant, "contract": figure.contract},
            {
                "critical_count": counts[figure.key, "critical"],
                "warning_count": counts[figure.key, "warning"],
            },
            now_ms,
        )
        for figure in figures
    ]


def snapshot_points(
    players: Sequence[PlayerView],
    platforms: Sequence[PlatformView],
    figures: Sequence[FigureView],
    open_alerts: Sequence[AlertView],
    now_ms: int,
    *,
    past: bool = False,
) -> list[str]:
    """Everything that is true at `now_ms`: what the collector writes every time its figures are computed."""
    return [
        *(player_point(player, now_ms, past=past) for player in players),
        *fleet_points(players, now_ms),
        *(platform_point(platform, now_ms) for platform in platforms),
        *(figure_point(figure) for figure in figures),
        *(line for figure in figures for line in threshold_points(figure)),
        *(line for figure in figures for line in burn_points(figure)),
        *open_alert_points(figures, open_alerts, now_ms),
        *(alert_point(alert, now_ms) for alert in open_alerts),
    ]


def _line(measurement: str, tags: Tags, fields: Fields, at_ms: int) -> str:
    point: Any = Point(measurement)  # type: ignore[no-untyped-call]  # the library has no types
    point.time(at_ms, WritePrecision.MS)
    for name, tag in tags.items():
        point.tag(name, _text(tag or NOWHERE) or NOWHERE)
    for name, value in fields.items():
        if value is not None:
            point.field(name, _text(value) if isinstance(value, str) else value)
    line: str = point.to_line_protocol()
    return line


def _text(text: str) -> str:
    """One line, not too long: what a device says is its own affair, but it must not break a line of the protocol."""
    return text.translate(_CONTROL).strip()[:_MAX_TEXT]


def _ratio(share: Fraction | None) -> float | None:
    return None if share is None else float(share)


def _age(since_ms: int | None, now_ms: int) -> int | None:
    return None if since_ms is None else max(0, now_ms - since_ms)


def _host_fields(host: HostFigures) -> dict[str, float | str]:
    """Host figures by the agent's own names. Numbers are floats and texts end in `_text`, whoever sends them."""
    fields: dict[str, float | str] = {}
    for key, value in list(host.items())[:_MAX_HOST_FIGURES]:
        if not _HOST_KEY.fullmatch(key) or value is None:
            continue
        if isinstance(value, str):
            fields[f"{key}_text"] = value
        else:
            fields[key] = float(value)
    return fields
