from __future__ import annotations

import asyncio
import threading

import pytest

from agent.threads import Lane, LaneBusyError
from tests.fixtures.waiting import until


async def test_a_call_gives_what_it_gives_and_raises_what_it_raises() -> None:
    lane = Lane("test")
    assert await lane.call(lambda: 42) == 42
    with pytest.raises(ZeroDivisionError):
        await lane.call(lambda: 1 // 0)
    assert await lane.call(lambda: threading.current_thread().daemon)


async def test_an_abandoned_call_keeps_its_lane_until_it_comes_back() -> None:
    lane, go_on = Lane("test"), threading.Event()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(lane.call(go_on.wait), 0.05)
    with pytest.raises(LaneBusyError, match="test: the previous call has not come back yet"):
        await lane.call(lambda: 1)
    go_on.set()
    await until(lambda: not lane.busy, "it comes back")
    assert await lane.call(lambda: 1) == 1


def test_a_call_that_outlives_its_loop_harms_nobody() -> None:
    go_on, done = threading.Event(), threading.Event()

    def late() -> None:
        go_on.wait()
        done.set()

    async def abandon() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(Lane("test").call(late), 0.05)

    asyncio.run(abandon())
    go_on.set()
    assert done.wait(100)
