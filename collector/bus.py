"""Events inside the collector: many subscribers, none of whom can hold up the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from collector.views import Event

WAITING_MAX: Final = 10_000
_RESYNC: Final = Event("resync", None)


class Bus:
    """Hands every event to every subscriber; one that does not keep up is told once to ask for everything again."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Event]] = set()

    def publish(self, event: Event) -> None:
        """Hand an event on; never waits."""
        for queue in self._queues:
            if not queue.full():
                queue.put_nowait(event)
                continue
            while not queue.empty():
                queue.get_nowait()
            queue.put_nowait(_RESYNC)

    async def subscribe(self) -> AsyncIterator[Event]:
        """Events from the first `anext` on."""
        queue: asyncio.Queue[Event] = asyncio.Queue(WAITING_MAX)
        self._queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._queues.discard(queue)
