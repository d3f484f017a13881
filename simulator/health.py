"""`/healthz` of a simulator, in the thirty lines that HTTP/1.1 needs for one fixed answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Final

_REQUEST_TIMEOUT_S: Final = 10.0
_LINE_BYTES: Final = 8192


class HealthServer:
    """Answers `GET /healthz` with what `health` says: status 200 where `ok` is true, 503 otherwise."""

    def __init__(self, host: str, port: int, health: Callable[[], Mapping[str, object]]) -> None:
        self._host = host
        self._wanted_port = port
        self._health = health
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._server is None:
            return self._wanted_port
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Listen; OSError where the address is taken."""
        self._server = await asyncio.start_server(self._answer, self._host, self._wanted_port, limit=_LINE_BYTES)

    async def stop(self) -> None:
        """Free the port."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            async with asyncio.timeout(_REQUEST_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._reply(head.split(b"\r\n", 1)[0]))
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()
            await writer.wait_closed()

    def _reply(self, request: bytes) -> bytes:
        if request.split(b" ")[:2] != [b"GET", b"/healthz"]:
            return _response("404 Not Found", {"error": "there is only GET /healthz"})
        health = self._health()
        return _response("200 OK" if health.get("ok") else "503 Service Unavailable", health)


def _response(status: str, body: Mapping[str, object]) -> bytes:
    content = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + content
