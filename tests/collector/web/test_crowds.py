"""Strangers and slow readers at the page's real socket: bounded, dropped, and nobody else waits for them."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import pytest

from collector.views import Event
from collector.web import listener, sse
from collector.web.app import Server, serve
from collector.web.context import CONTEXT
from collector.web.hub import _QUEUE_BYTES, Hub
from collector.web.listener import CONNECTIONS, Connections
from common.clock import ManualClock
from tests.collector.web.fake_desk import FakeDesk
from tests.collector.web.waiting import until
from tests.fixtures.waiting import PATIENCE_S


@pytest.fixture
async def page(desk: FakeDesk, clock: ManualClock) -> AsyncIterator[Server]:
    server = await serve(desk, "127.0.0.1:0", clock=clock)
    yield server
    await server.close()


def hub_of(page: Server) -> Hub:
    return page._runner.app[CONTEXT].hub


def connections_of(page: Server) -> Connections:
    return page._runner.app[CONNECTIONS]


async def knock(page: Server, stack: AsyncExitStack, buffer_bytes: int = 4096) -> socket.socket:
    """A connection that has said nothing yet."""
    link = stack.enter_context(socket.socket())
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    link.setblocking(False)
    await asyncio.get_running_loop().sock_connect(link, ("127.0.0.1", page.port))
    return link


async def status_of(page: Server, path: str = "/healthz") -> int:
    async with aiohttp.ClientSession() as session, session.get(page.url + path) as answer:
        return answer.status


async def test_a_reader_that_never_reads_is_dropped_and_others_are_told_everything(
    page: Server, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "_WRITE_TIMEOUT_S", 2)
    hub, loop = hub_of(page), asyncio.get_running_loop()
    async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE_S):
        stuck = await knock(page, stack)
        await loop.sock_sendall(stuck, b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await until(lambda: hub.subscribers == 1)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        reader = await stack.enter_async_context(session.get(f"{page.url}/api/v1/events"))
        await until(lambda: hub.subscribers == 2)
        view = desk.players()[0]
        heard = 0
        while hub.subscribers == 2:
            hub.take(Event("player", desk.set_state(view.subject, "frozen", detail="x" * 60_000)))
            hub.flush()
            assert all(subscription._bytes <= _QUEUE_BYTES for subscription in hub._subscribers)
            heard += (await reader.content.readuntil(b"\n\n")).count(b"frozen")
            await asyncio.sleep(0)
        assert heard > 0
        assert hub.subscribers == 1


async def test_connections_that_never_ask_are_cut_and_the_page_answers_again(
    page: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "CONNECTIONS_MAX", 50)
    monkeypatch.setattr(listener, "FIRST_REQUEST_S", 3)  # in which all of them come, on a slow machine too
    connections = connections_of(page)
    async with AsyncExitStack() as stack:
        crowd = [await knock(page, stack) for _ in range(80)]
        await until(lambda: connections.turned_away_total >= 30)
        await until(lambda: connections.cut_total == 50)
        assert await status_of(page) == 200
        assert len(crowd) == 80


async def test_half_a_request_is_no_request(page: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "FIRST_REQUEST_S", 0.3)
    async with AsyncExitStack() as stack:
        slow = await knock(page, stack)
        await asyncio.get_running_loop().sock_sendall(slow, b"GET / HTTP/1.1\r\nHost: local")
        await until(lambda: connections_of(page).cut_total == 1)


async def test_a_body_that_never_ends_is_given_up(desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "BODY_S", 0.3)
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE_S):
        page = await serve(desk, "127.0.0.1:0", "secret")
        stack.push_async_callback(page.close)
        slow = await knock(page, stack)
        head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60\r\n"
        await loop.sock_sendall(slow, head + b"Content-Type: application/x-www-form-urlencoded\r\n\r\npass")
        assert b" 408 " in await loop.sock_recv(slow, 100)


async def test_one_who_asks_stays_connected(page: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "FIRST_REQUEST_S", 1.5)
    hub = hub_of(page)
    async with aiohttp.ClientSession() as session, session.get(f"{page.url}/api/v1/events") as reader:
        await until(lambda: hub.subscribers == 1)
        await asyncio.sleep(1.7)
        hub.pulse()
        assert await reader.content.readuntil(b"\n\n")
    assert connections_of(page).cut_total == 0
