"""amqtt, with two of its ways mended. This file alone touches amqtt's private parts: the version is pinned for it.

Measured on amqtt 0.12.1: it walks over every subscription for every message and asks its topic plugins on the way; when
a client subscribes meanwhile, the walk ends in a RuntimeError, and the subscribers behind that point never get the
message, which its sender has seen acknowledged. Here a message goes to its receivers at once, found by its topic, so
its cost does not grow with the fleet. And it keeps every delivery, with its message, until the oldest one is done, so
that one client which reads nothing makes the broker grow without bound; here each delivery has a time of its own, and
each client only so many at once: what is over is counted, and said again by its sender.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import Any, Final

from amqtt.broker import Broker
from amqtt.errors import AMQTTError, ProtocolHandlerError

from collector.broker.rules import allowed, is_device
from common.tasks import cancel, spawn

DELIVER_WITHIN_S: Final = 10
DEVICE_WAITING_MAX: Final = 1_000  # messages on their way to one client
SERVICE_WAITING_MAX: Final = 20_000


class Core(Broker):  # type: ignore[misc]  # amqtt ships no types
    """amqtt's broker without retained messages: what a device said last is the ledger's to know."""

    def __init__(self, config: object) -> None:
        super().__init__(config)
        self.retained_refused = 0
        self.undelivered = 0
        self._on_their_way: Counter[str] = Counter()  # by client id
        self._deliveries: set[asyncio.Task[Any]] = set()
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

    async def _run_broadcast(self, _running_tasks: deque[asyncio.Task[Any]]) -> None:
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
            most = DEVICE_WAITING_MAX if is_device(session.username) else SERVICE_WAITING_MAX
            if self._on_their_way[session.client_id] >= most:
                self.undelivered += 1
                continue
            self._on_their_way[session.client_id] += 1
            delivery = self._deliver(handler, session.client_id, where, message["data"], qos)
            task = spawn(delivery, "broker delivery")
            self._deliveries.add(task)
            task.add_done_callback(self._deliveries.discard)

    async def shutdown(self) -> None:
        """End what is on its way, then do as amqtt does."""
        await cancel(*self._deliveries)
        await super().shutdown()

    async def _deliver(self, handler: Any, client_id: str, where: str, data: bytes, qos: int) -> None:  # noqa: ANN401
        try:
            await handler.mqtt_publish(where, data, qos, retain=False, ack_timeout=DELIVER_WITHIN_S)
        except (TimeoutError, OSError, AMQTTError, ProtocolHandlerError):  # it went away, or does not acknowledge
            self.undelivered += 1
        finally:
            self._on_their_way[client_id] -= 1
            if not self._on_their_way[client_id]:
                del self._on_their_way[client_id]
