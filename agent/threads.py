"""Blocking calls in threads that can be left behind.

`asyncio.to_thread` shares one pool, and the interpreter waits for that pool at its end: one read that hangs in the
kernel (a dying SD card, /proc of a process stuck in the kernel) would in time block every other caller, and then the
exit. A thread of ours is a daemon, and a `Lane` starts no second call while its first one hangs.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


class LaneBusyError(RuntimeError):
    """The lane's previous call still hangs."""


class Lane:
    """Runs blocking calls, one at a time, each in a daemon thread."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._busy = False

    @property
    def busy(self) -> bool:
        """Whether a call is on its way, or hangs."""
        return self._busy

    async def call(self, function: Callable[[], _T]) -> _T:
        """Give what `function()` gives; LaneBusyError while an earlier, abandoned call has not come back."""
        if self._busy:
            raise LaneBusyError(f"{self._name}: the previous call has not come back yet")
        self._busy = True
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_T] = loop.create_future()

        def settle(result: _T | None, error: BaseException | None) -> None:
            self._busy = False
            if future.done():  # the caller gave up
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type]  # a _T where there is no error

        def work() -> None:
            result: _T | None = None
            failure: BaseException | None = None
            try:
                result = function()
            except Exception as error:  # noqa: BLE001 - handed to the caller
                failure = error
            except BaseException as error:  # noqa: BLE001 - in the caller's task it would end the event loop
                failure = RuntimeError(repr(error))
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
                loop.call_soon_threadsafe(settle, result, failure)

        threading.Thread(target=work, name=self._name, daemon=True).start()
        return await future
