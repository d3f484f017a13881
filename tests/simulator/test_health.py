from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest

from simulator.health import HealthServer


@pytest.fixture
async def health() -> AsyncIterator[tuple[HealthServer, dict[str, object]]]:
    figures: dict[str, object] = {"ok": True, "players": 3}
    server = HealthServer("127.0.0.1", 0, lambda: figures)
    await server.start()
    yield server, figures
    await server.stop()


async def ask(port: int, request: bytes) -> tuple[str, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 100)
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.decode().split("\r\n")[0], body


async def test_healthz_answers_with_the_fleets_figures(health: tuple[HealthServer, dict[str, object]]) -> None:
    server, figures = health
    status, body = await ask(server.port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (status, json.loads(body)) == ("HTTP/1.1 200 OK", figures)
    figures["ok"] = False
    status, _ = await ask(server.port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert status == "HTTP/1.1 503 Service Unavailable"


@pytest.mark.parametrize(
    "request_", [b"GET / HTTP/1.1\r\n\r\n", b"POST /healthz HTTP/1.1\r\n\r\n", b"nonsense\r\n\r\n"]
)
async def test_there_is_nothing_else(health: tuple[HealthServer, dict[str, object]], request_: bytes) -> None:
    status, body = await ask(health[0].port, request_)
    assert status == "HTTP/1.1 404 Not Found"
    assert json.loads(body) == {"error": "there is only GET /healthz"}


@pytest.mark.parametrize("request_", [b"", b"GET /healthz", b"x" * 10_000 + b"\r\n\r\n"])
async def test_an_unfinished_or_endless_request_is_hung_up_on(
    health: tuple[HealthServer, dict[str, object]], request_: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", health[0].port)
    writer.write(request_)
    writer.write_eof()
    heard = b"something"
    with contextlib.suppress(ConnectionResetError):  # what is left unread of an endless request resets the connection
        heard = await asyncio.wait_for(reader.read(), 100)
    assert heard == b"" or reader.exception() is not None
    writer.close()
