"""How many connections the page has, and how long one may say nothing: strangers must not use up the sockets.

aiohttp waits for ever for the first request of a connection, and takes as many as the system gives it. The broker's
link, the ledger and every player share that number with it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiohttp import web

from collector.web.problems import RequestError

if TYPE_CHECKING:
    from collector.web.guard import Handler

CONNECTIONS_MAX: Final = 2_000
FIRST_REQUEST_S: Final = 15.0
BODY_S: Final = 30.0
_BACKLOG: Final = 128


class Connections:
    """Who has asked for something at all."""

    def __init__(self) -> None:
        self._silent: set[object] = set()
        self.turned_away_total = 0
        self.cut_total = 0

    def opened(self, connection: web.RequestHandler) -> None:
        """Give a new connection its time to ask."""
        self._silent.add(connection)
        asyncio.get_running_loop().call_later(FIRST_REQUEST_S, self._look, connection)

    def asked(self, connection: object) -> None:
        """It has."""
        self._silent.discard(connection)

    def _look(self, connection: web.RequestHandler) -> None:
        if connection in self._silent:
            self._silent.discard(connection)
            if connection.transport is not None:
                self.cut_total += 1
                connection.transport.abort()


CONNECTIONS: Final = web.AppKey("CONNECTIONS", Connections)


class Listener(web.BaseSite):
    """A TCP site with a bound; whoever comes beyond it is hung up on."""

    def __init__(self, runner: web.AppRunner, host: str, port: int) -> None:
        super().__init__(runner)
        self._host, self._port, self._app = host, port, runner.app

    @property
    def name(self) -> str:
        """Give its address."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen; OSError where that cannot be."""
        await super().start()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, self._host, self._port, backlog=_BACKLOG)

    def _protocol(self) -> asyncio.Protocol:
        server, connections = self._runner.server, self._app[CONNECTIONS]
        if server is None or len(server.connections) >= CONNECTIONS_MAX:
            connections.turned_away_total += 1
            return _HangUp()
        handler = server()
        connections.opened(handler)
        return handler


class _HangUp(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say nothing, go."""
        if isinstance(transport, asyncio.Transport):
            transport.abort()


@web.middleware
async def patience(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Note that a connection asks, and do not wait for ever for what it posts."""
    request.app[CONNECTIONS].asked(request.protocol)
    if request.method == "GET":
        return await handler(request)
    try:
        async with asyncio.timeout(BODY_S):
            return await handler(request)
    except TimeoutError:
        raise RequestError(408, "too_slow", "the request did not arrive in time", "send it again") from None
