"""The WebSocket client, against a library's server and against strangers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import WSMsgType, web

from agent.httpclient import parse_url
from agent.websocket import MESSAGE_BYTES, WebSocket, WebSocketError
from tests.fixtures.scripted import Script, babble, flood, hang_up, serving
from tests.fixtures.waiting import LOOPBACK, free_port

SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


@pytest.fixture
async def echo() -> AsyncIterator[str]:
    """A server of aiohttp's that says everything back, and pings first."""

    async def take(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        await socket.ping(b"are you there")
        async for message in socket:
            assert message.type is WSMsgType.TEXT
            if message.data == "bye":
                break
            await socket.send_str(message.data)
        return socket

    app = web.Application()
    app.router.add_get("/echo", take)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, LOOPBACK, port).start()
    yield f"http://{LOOPBACK}:{port}/echo"
    await runner.cleanup()


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, MESSAGE_BYTES])
async def test_messages_of_every_length_come_back(echo: str, size: int) -> None:
    socket = await WebSocket.connect(parse_url(echo))
    socket.send("é" * (size // 2) + "x" * (size % 2))
    assert await socket.receive() == ("é" * (size // 2) + "x" * (size % 2)).encode()
    await socket.close()


async def test_a_message_that_is_too_long_is_left_out_and_the_next_one_heard(echo: str) -> None:
    socket = await WebSocket.connect(parse_url(echo))
    socket.send("x" * (MESSAGE_BYTES + 1))
    socket.send("after")
    assert await socket.receive() == b"after"
    await socket.close()


async def test_an_orderly_end_is_no_error(echo: str) -> None:
    socket = await WebSocket.connect(parse_url(echo))
    socket.send("bye")
    assert await socket.receive() is None
    await socket.close()


def saying(frames: bytes) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(SWITCHED + frames)
        await writer.drain()

    return script


async def test_a_message_in_pieces_is_put_together_around_a_ping() -> None:
    async with serving(saying(b"\x01\x02ab\x89\x01!\x80\x01c\x81\x01d")) as server:
        socket = await WebSocket.connect(parse_url(server.url))
        assert [await socket.receive(), await socket.receive(), await socket.receive()] == [b"abc", b"d", None]
        await socket.close()


@pytest.mark.parametrize(
    "frames", [b"\xc1\x00", b"\x83\x00", b"\x81\x81abcda", b"\x89\x7e\x01\x00", b"\x81\x05ab", b"\x89\x05ab"], ids=repr
)
async def test_what_no_websocket_sends_is_refused(frames: bytes) -> None:
    async with serving(saying(frames)) as server:
        socket = await WebSocket.connect(parse_url(server.url))
        with pytest.raises(WebSocketError):
            await socket.receive()
        await socket.close()


@pytest.mark.parametrize("script", [babble, flood, hang_up], ids=lambda script: script.__name__)
async def test_a_stranger_is_not_taken_for_a_websocket(script: Script) -> None:
    async with serving(script) as server:
        with pytest.raises((WebSocketError, ConnectionError)):
            await WebSocket.connect(parse_url(server.url))


async def test_nobody_there_is_an_error_of_the_network() -> None:
    with pytest.raises(ConnectionRefusedError):
        await WebSocket.connect(parse_url(f"http://{LOOPBACK}:{free_port()}"))
