"""The agent's HTTP on this machine: `GET /healthz`, and where the player's software reports what it plays.

Small on purpose: HTTP/1.1, one request a connection, bounded in size and time. Reports must be `application/json`,
which a foreign web page in the player's browser cannot send across origins without asking first, and we never consent.
"""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, NamedTuple

import msgspec
import structlog

log = structlog.get_logger(__name__)

HEAD_BYTES: Final = 8 * 1024
BODY_BYTES: Final = 16 * 1024
PATIENCE_S: Final = 5.0
SOCKET_MODE: Final = 0o666  # the player's software is another user; like the port on loopback, the token guards it


class Request(NamedTuple):
    """What was asked. Header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """Status and JSON body."""

    status: HTTPStatus
    body: dict[str, object]


Handler = Callable[[Request], Answer]
Routes = dict[tuple[str, str], Handler]
"""(method, path) → handler."""


class RequestError(Exception):
    """A request that is refused, with the answer."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.answer = Answer(status, {"error": message})


class LocalServer:
    """Answers `routes`; with a `token`, only to those who send it as `Authorization: Bearer …`."""

    def __init__(self, routes: Routes, token: str = "") -> None:
        self._routes = routes
        self._token = token
        self._servers: list[asyncio.Server] = []

    async def listen(self, host: str, port: int) -> None:
        """Listen on TCP; OSError where that cannot be done."""
        self._servers.append(await asyncio.start_server(self._serve, host, port, limit=HEAD_BYTES))

    async def listen_unix(self, path: str) -> None:
        """Listen on a Unix socket, removing what a dead agent left there; OSError where that cannot be done."""
        self._servers.append(await asyncio.start_unix_server(self._serve, path, limit=HEAD_BYTES))
        os.chmod(path, SOCKET_MODE)  # noqa: PTH101 - an instant, like the bind before it

    async def close(self) -> None:
        """Stop listening."""
        for server in self._servers:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                writer.write(_render(await self._answer(reader)))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):  # TimeoutError is an OSError
            log.debug("local_request_broken_off")
        except Exception:
            log.exception("local_request_failed")  # one request's failure; the agent goes on
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> Answer:
        try:
            request = await _read(reader)
            self._authorize(request)
            return self._handler(request)(request)
        except RequestError as error:
            return error.answer

    def _authorize(self, request: Request) -> None:
        if not self._token:
            return
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
            raise RequestError(HTTPStatus.UNAUTHORIZED, "send the header: Authorization: Bearer <token>")

    def _handler(self, request: Request) -> Handler:
        handler = self._routes.get((request.method, request.path))
        if handler is not None:
            return handler
        methods = sorted(method for method, path in self._routes if path == request.path)
        if methods:
            raise RequestError(HTTPStatus.METHOD_NOT_ALLOWED, f"use {' or '.join(methods)}")
        known = ", ".join(sorted({path for _, path in self._routes}))
        raise RequestError(HTTPStatus.NOT_FOUND, f"no {request.path[:100]}; there is: {known}")


async def _read(reader: asyncio.StreamReader) -> Request:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.LimitOverrunError:
        raise RequestError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"over {HEAD_BYTES} bytes of headers") from None
    first, *lines = head.rstrip("\r\n").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004 - method, target, version
        raise RequestError(HTTPStatus.BAD_REQUEST, "not HTTP/1.1")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Request(words[0], words[1].partition("?")[0], headers, await _body(reader, headers))


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "transfer-encoding" in headers:
        raise RequestError(HTTPStatus.LENGTH_REQUIRED, "send Content-Length instead of Transfer-Encoding")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise RequestError(HTTPStatus.BAD_REQUEST, "Content-Length is no number")
    if len(length) > len(str(BODY_BYTES)) or int(length) > BODY_BYTES:
        raise RequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"over {BODY_BYTES} bytes of body")
    return await reader.readexactly(int(length))


def _render(answer: Answer) -> bytes:
    body = msgspec.json.encode(answer.body) + b"\n"
    head = (
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode("latin-1") + body
