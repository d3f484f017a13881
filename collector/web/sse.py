"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): one coroutine a listener."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiohttp import web

from collector.web.context import context
from collector.web.problems import RequestError

if TYPE_CHECKING:
    from collector.web.hub import Subscription

_WRITE_TIMEOUT_S: Final = 30.0
_RETRY: Final = b"retry: 2000\n\n"


async def stream(request: web.Request, name: str) -> web.StreamResponse:
    """Tell what happens until the listener or the collector goes; 503 where there are too many listeners."""
    hub = context(request).hub
    if hub.full:
        raise RequestError(
            503, "too_many_streams", "too many event streams are open", "try later", {"Retry-After": "5"}
        )
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
    subscription = hub.subscribe(name, request.headers.get("Last-Event-ID") or request.query.get("after"))
    try:
        await response.prepare(request)
        await _pump(response, subscription)
    except (ConnectionError, TimeoutError):
        # The listener went away, or has read nothing for so long that it might as well have; it will come back.
        pass
    finally:
        hub.unsubscribe(subscription)
    return response


async def _pump(response: web.StreamResponse, subscription: Subscription) -> None:
    await response.write(_RETRY)
    while (message := await subscription.next()) is not None:
        async with asyncio.timeout(_WRITE_TIMEOUT_S):
            await response.write(message)
    await response.write_eof()
