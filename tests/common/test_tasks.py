"""A background task that fails is heard of, and one that is cancelled has really ended."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from common.tasks import cancel, spawn
from tests.fixtures.waiting import until


async def test_a_failure_is_logged_with_the_tasks_name() -> None:
    async def fails() -> None:
        raise ValueError("no disk")

    with capture_logs() as said:
        task = spawn(fails(), "writer")
        await until(lambda: said, "the failure is logged")
    assert task.done()
    (event,) = said
    assert (event["event"], event["task"], event["log_level"]) == ("task_failed", "writer", "error")
    assert str(event["exc_info"]) == "no disk"


async def test_a_task_lives_though_nobody_holds_it() -> None:
    import gc

    done = asyncio.Event()

    async def works() -> None:
        for _ in range(3):
            gc.collect()
            await asyncio.sleep(0)
        done.set()

    spawn(works(), "worker")
    await asyncio.wait_for(done.wait(), 100)


async def test_cancelling_waits_until_each_has_tidied_up() -> None:
    tidied: list[str] = []

    async def works(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            tidied.append(name)

    tasks = [spawn(works(name), name) for name in "ab"]
    await asyncio.sleep(0)
    await cancel(*tasks, None)
    assert sorted(tidied) == ["a", "b"]
    assert all(task.cancelled() for task in tasks)
    await cancel(*tasks)  # again: nothing is left to do


async def test_cancelling_is_silent_and_a_failure_while_tidying_is_not() -> None:
    async def clumsy() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("cannot close")

    with capture_logs() as said:
        task = spawn(clumsy(), "clumsy")
        await asyncio.sleep(0)
        await cancel(task)
        await until(lambda: said, "the failure is logged")
    assert [event["event"] for event in said] == ["task_failed"]


async def test_being_cancelled_while_cancelling_is_passed_on() -> None:
    async def stubborn() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await asyncio.sleep(0.05)
                raise

    async def outer() -> None:
        await cancel(inner)

    inner = spawn(stubborn(), "stubborn")
    await asyncio.sleep(0)
    waiting = asyncio.ensure_future(outer())  # noqa: TID251 - the test looks at the task itself
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await until(inner.done, "the inner task has ended too")
