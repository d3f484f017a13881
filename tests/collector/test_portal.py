import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from collector.ledger.intake import Received
from collector.portal import Answer, Epoch, PortalChecks, Watch, ask
from collector.registry.model import PortalCheck, Subject
from common.clock import ManualClock
from tests.fixtures.waiting import PATIENCE_S
from wire.messages import Heartbeat, Hello, Runs


class Portal:
    """A real HTTP server whose mood can be changed."""

    def __init__(self) -> None:
        self.status = 200
        self.text = "Welcome to the portal"
        self.delay_s = 0.0
        self.asked = asyncio.Event()

    async def answer(self, _request: web.Request) -> web.Response:
        self.asked.set()
        await asyncio.sleep(self.delay_s)
        return web.Response(status=self.status, text=self.text)


@pytest.fixture
async def portal() -> AsyncIterator[tuple[Portal, str]]:
    mood = Portal()
    app = web.Application()
    app.router.add_get("/", mood.answer)
    server = TestServer(app)
    await server.start_server()
    yield mood, str(server.make_url("/"))
    mood.delay_s = 0
    await server.close()


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


async def test_the_expected_status_and_text_are_up(portal: tuple[Portal, str], session: ClientSession) -> None:
    _, url = portal
    answer = await ask(session, PortalCheck(url, expect_text="Welcome"))
    assert (answer.state, answer.detail) == ("up", "status 200")


async def test_another_status_is_down(portal: tuple[Portal, str], session: ClientSession) -> None:
    mood, url = portal
    mood.status = 503
    answer = await ask(session, PortalCheck(url))
    assert (answer.state, answer.detail) == ("down", "status 503, expected 200")


async def test_an_answer_without_the_text_is_down(portal: tuple[Portal, str], session: ClientSession) -> None:
    mood, url = portal
    mood.text = "database error"
    answer = await ask(session, PortalCheck(url, expect_text="Welcome"))
    assert (answer.state, answer.detail) == ("down", "the answer lacks 'Welcome'")


async def test_a_text_that_comes_late_in_a_slow_answer_is_found(session: ClientSession) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for portion in (b"<html>", b"Wel", b"come"):
            await response.write(portion)
            await asyncio.sleep(0.05)
        return response

    app = web.Application()
    app.router.add_get("/", answer)
    async with TestServer(app) as server:
        found = await ask(session, PortalCheck(str(server.make_url("/")), expect_text="Welcome"))
    assert (found.state, found.detail) == ("up", "status 200")


async def test_silence_beyond_the_timeout_is_down(portal: tuple[Portal, str], session: ClientSession) -> None:
    mood, url = portal
    mood.delay_s = 30
    answer = await ask(session, PortalCheck(url, timeout_s=0.05))
    assert (answer.state, answer.detail) == ("down", "no answer within 0.05 s")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://no-such-host.invalid/", "gopher://x/", "http://["])
async def test_whatever_goes_wrong_is_an_answer(session: ClientSession, url: str) -> None:
    answer = await ask(session, PortalCheck(url, timeout_s=5))
    assert answer.state == "down"
    assert answer.detail


class Watched:
    """A watch with its clock, and what it stated: `[seq, state, start, end or None]`, instants in seconds."""

    def __init__(self, failures: int = 2) -> None:
        self.clock = ManualClock()
        self.zero = self.clock.mono
        self.said: list[tuple[int, str, float, float | None]] = []
        self.messages: list[Heartbeat | Runs] = []
        check = PortalCheck("http://portal/", interval_s=30, failures=failures)
        self.watch = Watch(Subject("acme", "", "portal", "platform", "", None), check, Epoch(self.clock), self.hear)

    def hear(self, received: Received) -> None:
        message = received.message
        assert isinstance(message, (Heartbeat, Runs))
        self.messages.append(message)
        for run in message.open if isinstance(message, Heartbeat) else message.runs:
            end = (run.end_mono_ms - self.zero) / 1000 if run.end_mono_ms is not None else None
            self.said.append((run.seq, run.state, (run.start_mono_ms - self.zero) / 1000, end))

    def sees(self, *states: str) -> None:
        for state in states:
            self.watch.take(Answer(state, "", 10))  # type: ignore[arg-type]
            self.clock.advance(30_000)

    @property
    def closed(self) -> list[tuple[int, str, float, float | None]]:
        return [run for run in self.said if run[3] is not None]


def test_one_failure_is_no_outage() -> None:
    watched = Watched()
    watched.sees("up", "down", "up", "up")
    assert watched.closed == []
    assert {run[1] for run in watched.said} == {"up"}


def test_two_failures_in_a_row_are_down_from_the_first_of_them() -> None:
    watched = Watched()
    watched.sees("up", "down", "down", "up")
    assert watched.closed == [(1, "up", 0, 30), (2, "down", 30, 90)]
    assert watched.said[-1] == (3, "up", 90, None)


def test_three_failures_can_be_asked_for() -> None:
    watched = Watched(failures=3)
    watched.sees("up", "down", "down", "up", "down", "down", "down")
    assert [run[:3] for run in watched.closed] == [(1, "up", 0)]
    assert watched.said[-1] == (2, "down", 120, None)


def test_a_portal_that_is_down_at_the_start_is_down_from_the_first_check_on() -> None:
    watched = Watched()
    watched.sees("down", "down")
    assert watched.said == [(1, "down", 0, None)]


def test_a_collector_that_slept_leaves_a_gap_that_is_nobodys_evidence() -> None:
    watched = Watched()
    watched.sees("up", "up")
    watched.clock.advance(3_600_000)
    watched.sees("up")
    assert watched.closed == [(1, "up", 0, 30)]
    assert watched.said[-1] == (2, "up", 3660, None)


def test_where_the_clock_is_set_a_run_ends_and_a_new_boot_begins() -> None:
    watched = Watched()
    watched.sees("up", "up")
    watched.clock.wall += 3_600_000
    watched.sees("up")
    assert watched.closed == [(1, "up", 0, 30)]
    assert watched.said[-1] == (2, "up", 60, None)
    first, last = watched.messages[0], watched.messages[-1]
    assert isinstance(first, Heartbeat)
    assert isinstance(last, Heartbeat)
    assert last.boot != first.boot
    assert last.sent_ms - last.mono_ms == first.sent_ms - first.mono_ms + 3_600_000


def test_the_clock_that_drifts_begins_no_boot() -> None:
    watched = Watched()
    for _ in range(10):
        watched.clock.wall += 900
        watched.sees("up")
    assert len({message.boot for message in watched.messages}) == 1


async def test_the_collector_says_how_often_it_checks(portal: tuple[Portal, str]) -> None:
    _, url = portal
    said: list[Received] = []
    checks = PortalChecks(ManualClock(), said.append)
    often = Subject("acme", "", "portal", "platform", "", None, check=PortalCheck(url, interval_s=15))
    seldom = Subject("acme", "", "api", "platform", "", None, check=PortalCheck(url, interval_s=300, timeout_s=5))
    try:
        await checks.follow([often, seldom])
    finally:
        await checks.close()
    hello = said[0].message
    assert isinstance(hello, Hello)
    assert hello.interval_s == 305


async def test_checks_follow_the_registry(portal: tuple[Portal, str]) -> None:
    mood, url = portal
    said: list[Received] = []
    checks = PortalChecks(ManualClock(), said.append)
    subject = Subject("acme", "", "portal", "platform", "", None, check=PortalCheck(url, interval_s=0.02))
    try:
        await checks.follow([subject])
        async with asyncio.timeout(PATIENCE_S):
            await mood.asked.wait()
            while len(said) < 2:  # noqa: ASYNC110 - nothing to wait for but the answer's way back
                await asyncio.sleep(0.01)
        assert checks.latency_ms("acme/portal") is not None
        await checks.follow([])
        assert checks.latency_ms("acme/portal") is None
    finally:
        await checks.close()
    assert said[0].address == ("acme", "_collector")
