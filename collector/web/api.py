"""`/api/v1/…`, `/healthz`, `/metrics`: parse, call, answer. docs/web.md is the reference."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web

from collector.web import jsonviews
from collector.web.context import context
from collector.web.encoding import encode, instant
from collector.web.format import DAY_MS
from collector.web.listener import CONNECTIONS
from collector.web.metrics import CONTENT_TYPE, expose
from collector.web.problems import bad_request, not_found
from collector.web.sse import stream
from collector.web.streams import API
from common.clock import to_ms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp.web import Request, Response, StreamResponse

    from collector.views import PlatformView

log = structlog.get_logger(__name__)

LONGEST_TIMELINE_MS: Final = 62 * DAY_MS
MOST_ALERTS: Final = 1000
_LATEST_MS: Final = 253_402_300_799_999  # the end of the year 9999
_DEFAULT_ALERTS: Final = 100
_MILLISECONDS: Final = re.compile(r"[0-9]{1,15}")
_AGREEMENT: Final = re.compile(r"[^/]+/[^/]+")
_INSTANT_REMEDY: Final = "write 2026-03-01T00:00:00Z or milliseconds since 1970"


def answer(data: object, status: int = 200) -> Response:
    """JSON, compressed where the caller can read that."""
    response = web.Response(body=encode(data), status=status, content_type="application/json")
    response.enable_compression()
    return response


async def players(request: Request) -> StreamResponse:
    """Every registered playback output."""
    only(request)
    views = context(request).desk.players()
    # Thousands of players are much to write: not on the loop that everybody shares.
    return await asyncio.to_thread(lambda: answer({"players": [jsonviews.player(view) for view in views]}))


async def player(request: Request) -> StreamResponse:
    """One playback output."""
    only(request)
    subject = request.match_info["subject"]
    view = context(request).desk.player(subject)
    if view is None:
        raise not_found(f"no player {subject[:200]!r} is registered", "GET /api/v1/players lists them")
    return answer(jsonviews.player(view))


async def platforms(request: Request) -> StreamResponse:
    """Every registered platform part."""
    only(request)
    return answer({"platforms": [jsonviews.platform(view) for view in context(request).desk.platforms()]})


async def platform(request: Request) -> StreamResponse:
    """One platform part."""
    only(request)
    return answer(jsonviews.platform(find_platform(request, request.match_info["subject"])))


def find_platform(request: Request, subject: str) -> PlatformView:
    """Give the platform part of that name; 404 without one."""
    for view in context(request).desk.platforms():
        if view.subject == subject:
            return view
    raise not_found(f"no platform part {subject[:200]!r} is registered", "GET /api/v1/platforms lists them")


async def figures(request: Request) -> StreamResponse:
    """The live figure of every agreement."""
    only(request)
    return answer({"figures": [jsonviews.figure(view) for view in context(request).desk.figures()]})


async def alerts(request: Request) -> StreamResponse:
    """The latest alerts, newest first."""
    only(request, "limit")
    text = request.query.get("limit", str(_DEFAULT_ALERTS))
    limit = int(text) if _MILLISECONDS.fullmatch(text) else 0
    if not 1 <= limit <= MOST_ALERTS:
        raise bad_request("limit", f"limit is {text[:40]!r}", f"write a whole number from 1 to {MOST_ALERTS}")
    found = await context(request).desk.alerts(limit)
    return answer({"alerts": [jsonviews.alert(view) for view in found]})


async def newcomers(request: Request) -> StreamResponse:
    """Devices that report but are not in the registry."""
    only(request)
    return answer({"newcomers": [jsonviews.newcomer(view) for view in context(request).desk.newcomers()]})


async def conflicts(request: Request) -> StreamResponse:
    """Devices that contradict themselves."""
    only(request)
    return answer({"conflicts": [jsonviews.conflict(view) for view in context(request).desk.conflicts()]})


async def timeline(request: Request) -> StreamResponse:
    """The runs of one subject that touch `[from, to)`."""
    only(request, "subject", "from", "to")
    desk = context(request).desk
    subject = request.query.get("subject", "")
    known = desk.player(subject) is not None or any(view.subject == subject for view in desk.platforms())
    if not subject:
        raise bad_request("subject", "subject is missing", "add subject=tenant/device/output or tenant/platform")
    if not known:
        raise not_found(f"no subject {subject[:200]!r} is registered", "GET /api/v1/players and /platforms list them")
    start_ms, end_ms = range_of(request)
    runs = await desk.timeline(subject, start_ms, end_ms)
    marks = await desk.marks(subject, start_ms, end_ms)
    return answer(
        {
            "subject": subject,
            **instant("from", start_ms),
            **instant("to", end_ms),
            "runs": [jsonviews.run(run) for run in runs],
            "marks": [jsonviews.mark(mark) for mark in marks],
        }
    )


def range_of(request: Request) -> tuple[int, int]:
    """`from` and `to` of a query, the last 24 hours by default; 400 where they are no range."""
    end_ms = _instant(request, "to", context(request).desk.now_ms())
    start_ms = _instant(request, "from", end_ms - DAY_MS)
    if not 0 < end_ms - start_ms <= LONGEST_TIMELINE_MS:
        raise bad_request(
            "range", "from must lie before to, by at most 62 days", "ask for less, or swap the two instants"
        )
    return start_ms, end_ms


async def revisions(request: Request) -> StreamResponse:
    """The revisions of closed months, of one agreement or of all."""
    only(request, "agreement")
    agreement = request.query.get("agreement")
    desk = context(request).desk
    if agreement is not None and not _AGREEMENT.fullmatch(agreement):
        message = f"agreement is {agreement[:200]!r}"
        raise bad_request("agreement", message, "write tenant/contract, as GET /api/v1/figures has it")
    found = await desk.revisions(agreement)
    if agreement is not None and not found and all(view.key != agreement for view in desk.figures()):
        raise not_found(f"no agreement {agreement[:200]!r} is known", "GET /api/v1/figures lists them")
    return answer({"revisions": found})


async def months(request: Request) -> StreamResponse:
    """Every month of one agreement as it stands."""
    only(request, "agreement")
    agreement = request.query.get("agreement", "")
    if not _AGREEMENT.fullmatch(agreement):
        message = f"agreement is {agreement[:200]!r}"
        raise bad_request("agreement", message, "write tenant/contract, as GET /api/v1/figures has it")
    found = await context(request).desk.months(agreement)
    if found is None:
        raise not_found(f"no agreement {agreement[:200]!r} is known", "GET /api/v1/figures lists them")
    return answer({"months": [jsonviews.month(view) for view in found]})


def _instant(request: Request, name: str, default_ms: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default_ms
    if _MILLISECONDS.fullmatch(text) and int(text) <= _LATEST_MS:
        return int(text)
    try:
        # A `+` in a query is a space: 2026-03-01T00:00:00+01:00 arrives as "… 01:00".
        instant_ms = to_ms(datetime.fromisoformat(text.replace(" ", "+")))
    except (ValueError, OverflowError):
        raise bad_request("instant", f"{name} is {text[:40]!r}, no instant with an offset", _INSTANT_REMEDY) from None
    if instant_ms < 0:
        raise bad_request("instant", f"{name} lies before 1970", _INSTANT_REMEDY)
    return instant_ms


async def events(request: Request) -> StreamResponse:
    """Changes as they happen."""
    only(request, "after")
    return await stream(request, API)


async def healthz(request: Request) -> StreamResponse:
    """200 while all is well, 503 otherwise; the body says which part is not."""
    health = context(request).desk.health()
    body = json.dumps(health, default=str).encode()
    return web.Response(body=body, status=200 if health.get("ok") else 503, content_type="application/json")


async def metrics(request: Request) -> StreamResponse:
    """Prometheus."""
    parts = context(request)
    connections = request.app[CONNECTIONS]
    own = {
        "signwatch_web_streams": parts.hub.subscribers,
        "signwatch_web_resyncs_total": parts.hub.resyncs,
        "signwatch_web_connections_turned_away_total": connections.turned_away_total,
        "signwatch_web_connections_cut_total": connections.cut_total,
    }
    shown = expose({**parts.desk.metrics(), **own})
    if shown.refused:
        log.error("metrics_refused", names=shown.refused, remedy="rename them as the text format asks")
    return web.Response(body=shown.text.encode(), headers={"Content-Type": CONTENT_TYPE})


def only(request: Request, *allowed: str) -> None:
    """Refuse a misspelt parameter, which would otherwise be silently ignored."""
    unknown = sorted(set(request.query) - set(allowed))
    if unknown:
        known: Iterable[str] = allowed or ("none",)
        raise bad_request("parameter", f"unknown parameter {unknown[0][:60]!r}", f"known here: {', '.join(known)}")
