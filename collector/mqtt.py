"""The collector's only file that knows MQTT: hears every device, sends acks, reconnects.

aiomqtt's message iterator makes a task for every message. `Inbox` is a queue in its documented `queue_type` place that
hands each message straight to the sink instead (bench/ingest.py measures what that is worth). And paho asks the kernel
three times for each packet, and asyncio once more whether there is another; `Buffered` reads what there is at once.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

import aiomqtt
import structlog

from common.backoff import attempts_after, back_off_s
from common.clock import monotonic_s
from common.config import ConfigError
from common.tasks import cancel, raise_if_cancelled, spawn
from wire.messages import Ack, encode
from wire.topics import Address, subscriptions, topic

if TYPE_CHECKING:
    from collector.config import MqttConfig

log = structlog.get_logger(__name__)

BACKOFF_MIN_S: Final = 0.5
BACKOFF_MAX_S: Final = 30.0
ACKS_WAITING_MAX: Final = 100_000
ACKS_AT_ONCE: Final = 200
READ_AHEAD_BYTES: Final = 16 * 1024  # some 50 heartbeats: 3 ms of work before others get their turn
PUBLISH_TIMEOUT_S: Final = 10.0
REFUSED: Final = 0x80  # in a SUBACK (MQTT 3.1.1, section 3.9.3)


class Sink(Protocol):
    """Where messages go."""

    def __call__(self, topic: str, body: bytes, *, retained: bool) -> None:
        """Take one message; must not raise."""


class Inbox(asyncio.Queue[aiomqtt.Message]):
    """A queue that holds nothing: what is put in goes to the sink at once."""

    def __init__(self, maxsize: int = 0, *, sink: Sink) -> None:
        super().__init__(maxsize)
        self._sink = sink

    def put_nowait(self, item: aiomqtt.Message) -> None:
        """Hand the message on."""
        body = item.payload
        self._sink(item.topic.value, body if isinstance(body, bytes) else b"", retained=item.retain)


class Buffered:
    """A plain socket that reads ahead. `pending`, as an SSLSocket has it, tells aiomqtt to go on with what was read."""

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        self._ahead = memoryview(b"")

    def recv(self, size: int) -> bytes:
        """Give at most `size` bytes; BlockingIOError where there are none yet."""
        if not self._ahead:
            self._ahead = memoryview(self._inner.recv(READ_AHEAD_BYTES))
        given, self._ahead = self._ahead[:size], self._ahead[size:]
        return bytes(given)

    def pending(self) -> int:
        """Count the bytes that were read ahead."""
        return len(self._ahead)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a socket has
        """Be a socket in everything else."""
        return getattr(self._inner, name)


def read_ahead(client: aiomqtt.Client) -> None:
    """Let a client that is not connected yet read ahead."""
    paho = client._client  # noqa: SLF001 - there is no other way to its socket
    create = paho._create_socket  # noqa: SLF001 - likewise

    def create_buffered() -> Buffered:
        return Buffered(create())  # type: ignore[arg-type]

    paho._create_socket = create_buffered  # type: ignore[method-assign]  # noqa: SLF001


class MqttLink:
    """The collector's connection to the broker."""

    def __init__(self, config: MqttConfig, sink: Sink, on_link: Callable[[bool], None] | None = None) -> None:
        self._config = config
        self._sink = sink
        self._on_link = on_link or (lambda _up: None)
        self._acks: asyncio.Queue[tuple[Address, Ack]] = asyncio.Queue(ACKS_WAITING_MAX)
        self.connected = False
        self.reconnects_total = 0
        self.acks_dropped_total = 0

    def acknowledge(self, address: Address, ack: Ack) -> None:
        """Queue an ack; where it cannot be sent it is dropped, since the agent sends its runs again."""
        try:
            self._acks.put_nowait((address, ack))
        except asyncio.QueueFull:
            self.acks_dropped_total += 1

    async def run(self) -> None:
        """Stay connected until cancelled."""
        attempts = 0
        while True:
            begun_s = monotonic_s()
            try:
                async with self._client() as client:
                    await self._session(client)
            except (aiomqtt.MqttError, ConfigError, OSError) as error:  # the files are read anew, and may be bad now
                attempts = attempts_after(attempts, monotonic_s() - begun_s if self.connected else None)
                raise_if_cancelled()
                log.warning("broker_lost", host=self._config.host, port=self._config.port, error=str(error))
            finally:
                self._set_link(up=False)
            self.reconnects_total += 1
            await asyncio.sleep(back_off_s(attempts, BACKOFF_MIN_S, BACKOFF_MAX_S, random.uniform))

    async def _session(self, client: aiomqtt.Client) -> None:
        client.pending_calls_threshold = ACKS_AT_ONCE * 2  # beyond it aiomqtt warns
        for pattern in subscriptions():
            granted = await client.subscribe(pattern, qos=1)
            raise_if_cancelled()
            if REFUSED in granted:
                raise aiomqtt.MqttError(f"the broker does not let us read {pattern}; allow it in its access rules")
        self._set_link(up=True)
        log.info("broker_connected", host=self._config.host, port=self._config.port)
        sender = spawn(self._send_acks(client), "acks")
        try:
            async for _ in client.messages:  # nothing comes out of an Inbox: this waits for the disconnect
                pass
        finally:
            await cancel(sender)

    async def _send_acks(self, client: aiomqtt.Client) -> None:
        while True:
            waiting = [await self._acks.get()]
            while len(waiting) < ACKS_AT_ONCE and not self._acks.empty():
                waiting.append(self._acks.get_nowait())
            await asyncio.gather(*(self._send(client, address, ack) for address, ack in waiting))

    async def _send(self, client: aiomqtt.Client, address: Address, ack: Ack) -> None:
        try:
            await client.publish(topic(address, "ack"), encode(ack), qos=1, timeout=PUBLISH_TIMEOUT_S)
            raise_if_cancelled()
        except aiomqtt.MqttError as error:
            self.acks_dropped_total += 1
            log.debug("ack_not_sent", device=str(address), error=str(error))

    def _set_link(self, *, up: bool) -> None:
        if up != self.connected:
            self.connected = up
            self._on_link(up)

    def _client(self) -> aiomqtt.Client:
        config = self._config
        client = aiomqtt.Client(
            config.host or "127.0.0.1",
            config.port,
            username=config.username or None,
            password=config.read_password() or None,
            identifier=config.client_id or None,
            keepalive=config.keepalive_s,
            clean_session=True,  # heartbeats restate and runs are sent again: nothing needs the broker's memory
            queue_type=partial(Inbox, sink=self._sink),  # type: ignore[arg-type]  # any callable does
            tls_context=config.tls_context(),
            # No TCP_NODELAY: an ack may wait 40 ms, and a PUBACK of its own segment each costs a fifth of the intake.
        )
        if not config.tls:
            read_ahead(client)
        return client
