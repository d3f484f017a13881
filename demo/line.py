"""The line of this machine's shop: by it its real agent reaches the portal and the rest of the world, until it is cut.

Nothing of the portal is behind it: while the line is cut everybody else reaches the portal as before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from aiohttp import web

from common import tasks
from demo.children import DemoError

_HOST = "127.0.0.1"


class Line:
    """Ports on loopback: by `port` the portal answers, by those `beyond` the rest of the world accepts connections."""

    def __init__(self, port: int, beyond: Sequence[int], tell: Callable[[str], None]) -> None:
        self._port, self._beyond = port, beyond
        self._tell = tell
        self._portal: web.TCPSite | None = None
        self._world: list[asyncio.Server] = []
        self._mending: asyncio.Task[None] | None = None

    async def lay(self, portal: web.AppRunner) -> None:
        """Connect both ends; DemoError where a port was taken meanwhile."""
        try:
            self._portal = web.TCPSite(portal, _HOST, self._port)
            await self._portal.start()
            for port in self._beyond:
                self._world.append(await asyncio.start_server(_hang_up, _HOST, port))
        except OSError as error:
            raise DemoError(f"the demo's line cannot listen on a port ({error.strerror}): try again") from None

    async def cut(self, portal: web.AppRunner, seconds: float) -> None:
        """Nothing passes for a while; the time starts anew where it is cut already."""
        if self._mending is None or self._mending.done():
            self._tell(
                f"the network of this machine is cut for {seconds:g} s: its agent reaches neither the portal nor "
                "anything else, so that its check is no vote, and the portal stays up"
            )
        await tasks.cancel(self._mending)
        await self._close()
        self._mending = tasks.spawn(self._mend(portal, seconds), "line is mended")

    async def stop(self) -> None:
        """Take it away."""
        await tasks.cancel(self._mending)
        await self._close()

    async def _mend(self, portal: web.AppRunner, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.lay(portal)
        self._tell("the network of this machine is mended: its check is a vote again")

    async def _close(self) -> None:
        if self._portal is not None:
            await self._portal.stop()
            self._portal = None
        while self._world:
            server = self._world.pop()
            server.close()
            await server.wait_closed()


async def _hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()
