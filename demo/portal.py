"""The demonstration's portal: a page that answers, until it is told to fail; and the ear for the alarm's webhook."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web

from common import tasks
from demo.children import DemoError

UP_TEXT: Final = "everything is up"


class Portal:
    """An HTTP server on loopback. `tell` is given a sentence when it fails, recovers, or an alarm arrives."""

    def __init__(self, port: int, tell: Callable[[str], None]) -> None:
        self._port = port
        self._tell = tell
        self._down = False
        self._recovering: asyncio.Task[None] | None = None
        application = web.Application()
        application.router.add_get("/", self._page)
        application.router.add_post("/fail", self._told_to_fail)
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

    async def stop(self) -> None:
        """Close it."""
        await tasks.cancel(self._recovering)
        await self._runner.cleanup()

    async def fail(self, seconds: float) -> None:
        """Answer 503 for a while; the time starts anew where it fails already."""
        if not self._down:
            self._tell(f"the portal fails for {seconds:g} s: two checks in a row must fail before it counts as down")
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
        try:
            seconds = float(request.query.get("seconds", "30"))
        except ValueError:
            return web.Response(text="write /fail?seconds=30\n", status=HTTPStatus.BAD_REQUEST)
        await self.fail(min(max(seconds, 1.0), 3600.0))
        return web.Response(text="failing\n")

    async def _alarm(self, request: web.Request) -> web.Response:
        body = await request.json()
        alert = body.get("alert", {})
        if body.get("event") == "opened":
            self._tell(f"ALARM: {alert.get('summary')} – {alert.get('reason')}")
        else:
            self._tell(f"alarm over: {alert.get('summary')} – {alert.get('close_reason')}")
        return web.Response(text="heard\n")
