"""A server that does what no web framework lets one do: say nothing, trickle, babble, hang up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from tests.fixtures.waiting import LOOPBACK

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
FOREVER_S = 600


class Scripted:
    """`connections` counts who came; `script` is asked for each."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.connections = 0
        self.url = ""

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await self.script(reader, writer)
        writer.close()


@contextlib.asynccontextmanager
async def serving(script: Script) -> AsyncIterator[Scripted]:
    scripted = Scripted(script)
    server = await asyncio.start_server(scripted.take, LOOPBACK, 0)
    scripted.url = f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}"
    try:
        yield scripted
    finally:
        server.close()


async def say_nothing(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(FOREVER_S)


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.transport.abort()


async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(b"HTTP/1.1 500 Oops\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(b"220 smtp.example ESMTP\r\n\r\n")
    await writer.drain()


async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An error page without an end."""
    await reader.read(100)
    writer.write(b"HTTP/1.1 503 Busy\r\nConnection: close\r\n\r\n")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()
