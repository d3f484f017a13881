"""What virtual vantage points see of a portal that is a real one: asked as agents ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from common.tasks import cancel, spawn
from simulator.portal import Portal, ask
from tests.fixtures.waiting import free_port, until


class Served:
    """A portal that answers what it is told to."""

    def __init__(self) -> None:
        self.status = 200
        app = web.Application()
        app.router.add_get("/", self._answer)
        self.server = TestServer(app)

    @property
    def url(self) -> str:
        return str(self.server.make_url("/"))

    async def _answer(self, _: web.Request) -> web.Response:
        return web.Response(status=self.status)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    served = Served()
    await served.server.start_server()
    yield served
    await served.server.close()


async def test_an_answer_is_up_with_its_latency_and_everything_else_is_down_with_its_reason(served: Served) -> None:
    seen = await asyncio.to_thread(ask, served.url)
    assert (seen.state, seen.detail) == ("up", f"status 200 in {seen.latency_ms} ms")
    for status in (204, 404, 503):
        served.status = status
        seen = await asyncio.to_thread(ask, served.url)
        assert (seen.state, seen.detail) == ("down", f"status {status}, expected 200")
    seen = await asyncio.to_thread(ask, f"http://127.0.0.1:{free_port()}/")
    assert (seen.state, seen.detail) == ("down", "[Errno 111] Connection refused")


async def test_a_real_portal_is_nobodys_vote_before_it_was_asked_and_then_told_at_every_change(served: Served) -> None:
    portal = Portal("portal", served.url, interval_s=0.05)
    told: list[str] = []
    portal.watch(lambda: told.append(portal.seen.state))
    assert portal.seen.state == "unknown"
    asking = spawn(portal.run(), "portal")
    try:
        await until(lambda: told == ["up"], "it was asked")
        served.status = 503
        await until(lambda: told == ["up", "down"], "it is down")
        served.status = 200
        await until(lambda: told == ["up", "down", "up"], "it is up again")
    finally:
        await cancel(asking)


def test_an_imagined_portal_is_up_and_its_check_has_its_name() -> None:
    portal = Portal("portal")
    assert (portal.output, portal.seen.state) == ("check.portal", "up")
