"""A served page for each test: over the fake desk, on a free loopback port."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from aiohttp.test_utils import TestClient, TestServer

from collector.web.app import build_app
from common.clock import ManualClock
from tests.collector.web.fake_desk import NOW_MS, FakeDesk

Serve = Callable[..., Awaitable[TestClient]]


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk.with_fleet(24)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=NOW_MS)


@pytest.fixture
async def served(clock: ManualClock) -> AsyncIterator[Serve]:
    async with AsyncExitStack() as stack:

        async def start(desk: FakeDesk, password: str = "") -> TestClient:
            app = build_app(desk, password=password, clock=clock)
            return await stack.enter_async_context(TestClient(TestServer(app)))

        yield start


@pytest.fixture
async def client(desk: FakeDesk, served: Serve) -> TestClient:
    return await served(desk)
