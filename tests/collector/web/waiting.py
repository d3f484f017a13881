"""Waiting for conditions, never for durations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp.test_utils import TestClient

from collector.web.context import CONTEXT
from collector.web.hub import Hub
from tests.fixtures.waiting import PATIENCE_S


async def until(condition: Callable[[], object]) -> None:
    """Wait until `condition` holds; TimeoutError when it never does."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110  # conditions of foreign objects have no event to wait for
            await asyncio.sleep(0.01)


def hub_of(client: TestClient) -> Hub:
    """The hub of the application that a test serves."""
    app = client.server.app  # type: ignore[attr-defined]
    return app[CONTEXT].hub  # type: ignore[no-any-return]


async def subscribed(client: TestClient) -> None:
    """Wait until a stream is open and the hub itself listens to the desk."""
    hub = hub_of(client)
    await until(lambda: hub.subscribers and hub._desk.listeners)  # type: ignore[attr-defined]
