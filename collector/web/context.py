"""What every handler needs, reached through the application under one key."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from collector.views import Desk
    from collector.web.auth import Gate
    from collector.web.hub import Hub
    from collector.web.render import Renderer


@dataclass(frozen=True, slots=True)
class Context:
    """The parts of one web application."""

    desk: Desk
    hub: Hub
    gate: Gate
    renderer: Renderer
    title: str


CONTEXT: Final = web.AppKey("CONTEXT", Context)


def context(request: web.Request) -> Context:
    """Give the application's parts."""
    return request.app[CONTEXT]


def html(request: web.Request, template: str, status: int = 200, **values: object) -> web.Response:
    """Draw a whole page; text that no encoding can hold is replaced, never a reason to fail."""
    return _page(context(request).renderer.render(template, **_frame(request), **values), status)


async def html_in_thread(request: web.Request, template: str, make: Callable[[], Mapping[str, object]]) -> web.Response:
    """Draw a page that takes long, with the values that `make` gives, beside the loop that everybody shares.

    What `make` draws from must have been read by now: the page goes on from the event that stands at this moment.
    """
    frame, renderer = _frame(request), context(request).renderer
    return _page(await asyncio.to_thread(lambda: renderer.render(template, **frame, **make())))


def _frame(request: web.Request) -> dict[str, object]:
    parts = context(request)
    return {
        "title": parts.title,
        "path": request.path,
        "now_ms": parts.desk.now_ms(),
        "event_id": parts.hub.last_id,
        "newcomer_count": len(parts.desk.newcomers()),
        "locked": parts.gate.locked,
    }


def _page(text: str, status: int = 200) -> web.Response:
    body = text.encode("utf-8", "replace")
    response = web.Response(body=body, status=status, content_type="text/html", charset="utf-8")
    response.enable_compression()
    return response
