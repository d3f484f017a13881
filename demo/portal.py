"""The demonstration's portal: a page that answers, until it is told to fail; and the ear for the alarm's webhook.

It also cuts the line by which this machine's own agent reaches it (demo/line.py), as the visitor wishes.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web

from common import tasks
from demo.children import DemoError
from demo.line import Line

UP_TEXT: Final = "everything is up"


class Portal:
    """An HTTP server on loopback. `tell` is given a sentence when it fails, recovers, or an alarm arrives."""

    def __init__(self, port: int, line: Line, tell: Callable[[str], None]) -> None:
        self._port = port
        self._line = line
        self._tell = tell
        self._down = False
        self._recovering: asyncio.Task[None] | None = None
        application = web.Application()
        application.router.add_get("/", self._page)
        application.router.add_post("/fail", self._told_to_fail)
        application.router.add_post("/cut", self._told_to_cut)
        application.router.add_post("/alarm", self._alarm)
        self._runner = web.AppRunner(application, access_log=None)

    async def start(self) -> None:
        """Listen; DemoError where the port was taken meanwhile."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        except OSError as error:
            raise DemoError(
                f"the demo portal cannot listen on port {self._port} ({error.strerror}): try again"
            ) from None
        await self._line.lay(self._runner)

    async def stop(self) -> None:
        """Close it."""
        await tasks.cancel(self._recovering)
        await self._line.stop()
        await self._runner.cleanup()

    async def fail(self, seconds: float) -> None:
        """Answer 503 for a while; the time starts anew where it fails already."""
        if not self._down:
            self._tell(
                f"the portal fails for {seconds:g} s: it is down once more than half of those who can tell have seen it"
            )
        self._down = True
        await tasks.cancel(self._recovering)
        self._recovering = tasks.spawn(self._recover(seconds), "portal recovers")

    async def _recover(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._down = False
        self._tell("the portal answers again")

    async def _page(self, _: web.Request) -> web.Response:
        if self._down:
            return web.Response(text="Demo portal: out of order\n", status=HTTPStatus.SERVICE_UNAVAILABLE)
        return web.Response(text=f"Demo portal: {UP_TEXT}\n")

    async def _told_to_fail(self, request: web.Request) -> web.Response:
        seconds = _seconds(request)
        if seconds is None:
            return web.Response(text="write /fail?seconds=30\n", status=HTTPStatus.BAD_REQUEST)
        await self.fail(seconds)
        return web.Response(text="failing\n")

    async def _told_to_cut(self, request: web.Request) -> web.Response:
        seconds = _seconds(request)
        if seconds is None:
            return web.Response(text="write /cut?seconds=30\n", status=HTTPStatus.BAD_REQUEST)
        await self._line.cut(self._runner, seconds)
        return web.Response(text="cut\n")

    async def _alarm(self, request: web.Request) -> web.Response:
        body = await request.json()
        alert = body.get("alert", {})
        if body.get("event") == "opened":
            self._tell(f"ALARM: {alert.get('summary')} – {alert.get('reason')}")
        else:
            self._tell(f"alarm over: {alert.get('summary')} – {alert.get('close_reason')}")
        return web.Response(text="heard\n")


def _seconds(request: web.Request) -> float | None:
    """For how long, within reason; None where that is no number."""
    try:
        seconds = float(request.query.get("seconds", "30"))
    except ValueError:
        return None
    return min(max(seconds, 1.0), 3600.0) if math.isfinite(seconds) else None
