"""`/api/v1/…` of what stands behind a state: how the outages of a voted part were decided, what a clock did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.clocks.clock_text import device_json
from collector.web import votejson
from collector.web.api import answer, find_platform, only, range_of
from collector.web.context import context
from collector.web.encoding import instant
from collector.web.problems import bad_request, not_found

if TYPE_CHECKING:
    from aiohttp.web import Request, StreamResponse


async def outages(request: Request) -> StreamResponse:
    """The outages of one voted platform part that touch `[from, to)`, each with the votes that decided it."""
    only(request, "subject", "from", "to")
    subject = request.query.get("subject", "")
    if not subject:
        raise bad_request("subject", "subject is missing", "add subject=tenant/platform")
    view = find_platform(request, subject)
    start_ms, end_ms = range_of(request)
    found = await context(request).desk.outages(subject, start_ms, end_ms) if view.votes is not None else None
    return answer(
        {
            "subject": subject,
            **instant("from", start_ms),
            **instant("to", end_ms),
            "outages": None if found is None else [votejson.outage(each) for each in found],
        }
    )


async def clock(request: Request) -> StreamResponse:
    """What a device's clock did, boot by boot."""
    only(request)
    tenant, device = request.match_info["tenant"], request.match_info["device"]
    found = await context(request).desk.device_clock(tenant, device)
    if found is None:
        raise not_found(f"no device {tenant[:80]}/{device[:80]} ever reported", "GET /api/v1/players lists the players")
    return answer(device_json(found))
