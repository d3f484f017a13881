"""amqtt, with two of its ways mended. This file alone touches amqtt's private parts: the version is pinned for it.

Measured on amqtt 0.12.1: it walks over every subscription for every message and asks its topic plugins on the way; when
a client subscribes meanwhile, the walk ends in a RuntimeError, and the subscribers behind that point never get the
message, which its sender has seen acknowledged. Here a message goes to its receivers at once, found by its topic, so
its cost does not grow with the fleet.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from amqtt.broker import Broker

from collector.broker.rules import allowed


class Core(Broker):  # type: ignore[misc]  # amqtt ships no types
    """amqtt's broker without retained messages: what a device said last is the ledger's to know."""

    def __init__(self, config: object) -> None:
        super().__init__(config)
        self.retained_refused = 0
        self._wild: list[str] = []  # filters with a wildcard: a service's, so there are few

    async def retain_message(self, *_: object, **__: object) -> None:
        """Retain nothing."""
        self.retained_refused += 1

    async def add_subscription(self, subscription: tuple[str, int], session: Any) -> int:  # noqa: ANN401 - as above
        """Subscribe as amqtt does, and remember filters that have to be matched."""
        code: int = await super().add_subscription(subscription, session)
        wanted = subscription[0]
        if wanted in self._subscriptions and ("+" in wanted or "#" in wanted) and wanted not in self._wild:
            self._wild.append(wanted)
        return code

    async def _run_broadcast(self, running_tasks: deque[asyncio.Task[Any]]) -> None:
        """Hand the next message to everybody who wants it and is there (nothing is kept for who is not)."""
        message = await self._broadcast_queue.get()
        where: str = message["topic"]
        filters = [where, *(wild for wild in self._wild if self._matches(where, wild))]
        for session, qos in [pair for wanted in filters for pair in self._subscriptions.get(wanted, ())]:
            handler = self._get_handler(session)
            if handler is None or session.transitions.state != "connected":
                continue
            if not allowed(session.username, "receive", where):
                continue
            delivery = handler.mqtt_publish(where, message["data"], qos, retain=False)
            running_tasks.append(asyncio.ensure_future(delivery))  # noqa: TID251 - amqtt's own loop looks after it
