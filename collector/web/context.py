"""What every handler needs, reached through the application under one key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web

if TYPE_CHECKING:
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
    parts = context(request)
    text = parts.renderer.render(
        template,
        title=parts.title,
        path=request.path,
        now_ms=parts.desk.now_ms(),
        event_id=parts.hub.last_id,
        newcomer_count=len(parts.desk.newcomers()),
        locked=parts.gate.locked,
        **values,
    )
    response = web.Response(
        body=text.encode("utf-8", "replace"), status=status, content_type="text/html", charset="utf-8"
    )
    response.enable_compression()
    return response
