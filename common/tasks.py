"""Background tasks whose failure is never lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import Coroutine

log = structlog.get_logger(__name__)
_running: set[asyncio.Task[Any]] = set()  # the event loop itself keeps only weak references


def spawn(coroutine: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
    """Start `coroutine` beside the caller; an exception in it is logged with the task's name.

    For work that must end the process when it fails, use an `asyncio.TaskGroup` instead.
    """
    task = asyncio.create_task(coroutine, name=name)  # noqa: TID251 - this is the one place
    _running.add(task)
    task.add_done_callback(_finished)
    return task


def _finished(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("task_failed", task=task.get_name(), exc_info=error)


async def cancel(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel the tasks given and wait until each has ended."""
    living = [task for task in tasks if task is not None and not task.done()]
    for task in living:
        task.cancel()
    await asyncio.gather(*living, return_exceptions=True)


def raise_if_cancelled() -> None:
    """Raise the CancelledError that a library swallowed; without it the task would live for ever.

    Call it after every call of aiomqtt. It waits with `asyncio.wait_for`, which before Python 3.12 returns the result
    if that comes at the same moment; and at its end it waits for its DISCONNECT to go out, and in vain raises an error
    of its own.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
