"""The MQTT connection of one virtual player: its own socket, its own last will, reconnection with full jitter.

Deliberately absent: a link that goes dead without the socket noticing (a lost link here is a socket that is shut down,
so the broker publishes the last will at once instead of after one and a half keepalives).
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import aiomqtt
import structlog

from common import tasks
from common.backoff import attempts_after, back_off_s
from common.clock import monotonic_s
from wire.messages import Ack, Message, MessageError, decode, encode
from wire.topics import Address, Kind, topic

log = structlog.get_logger(__name__)

_FIRST_BACKOFF_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Server:
    """Where and how to connect. `max_backoff_s` bounds the wait between two attempts."""

    host: str
    port: int
    keepalive_s: int = 30
    timeout_s: float = 20.0
    max_backoff_s: float = 30.0
    tls: aiomqtt.TLSParameters | None = None


@dataclass(frozen=True, slots=True)
class Voice:
    """What the player says of itself: `will` and `hello` on every connect, `report` for as long as it is connected."""

    will: Callable[[], Message]
    hello: Callable[[], Message]
    report: Callable[[], Awaitable[None]]
    acknowledged: Callable[[Ack], None]


class PlayerLink:
    """Keeps one player connected for as long as it may be. `password` None connects without a user name."""

    def __init__(
        self, address: Address, server: Server, password: str | None, voice: Voice, jitter: random.Random
    ) -> None:
        self.connected = False
        self.counts: Counter[str] = Counter()
        self._address = address
        self._server = server
        self._password = password
        self._voice = voice
        self._jitter = jitter
        self._allowed = asyncio.Event()
        self._client: aiomqtt.Client | None = None

    def allow(self) -> None:
        """Let it connect, now and after every loss."""
        self._allowed.set()

    def cut(self) -> None:
        """End the connection without goodbye, and keep it from coming back."""
        self._allowed.clear()
        self.connected = False
        if self._client is not None:
            _shut_down(self._client)

    async def run(self) -> None:
        """Connect, and connect again, until cancelled; then say goodbye (a DISCONNECT, so that no will goes out)."""
        attempts = 0
        while True:
            await self._allowed.wait()
            connected_s: float | None = None
            client = self._new_client()
            try:
                async with client:
                    connected_s = monotonic_s()
                    await self._be_connected(client)
            except aiomqtt.MqttError as error:
                tasks.raise_if_cancelled()
                attempts = attempts_after(attempts, None if connected_s is None else monotonic_s() - connected_s)
                self.counts["disconnections"] += 1
                log.debug("disconnected", player=str(self._address), error=str(error))
            finally:
                _shut_down(client)  # aiomqtt leaves an attempt that took too long open: it would come in later
            if self._allowed.is_set():
                most_s = self._server.max_backoff_s
                await asyncio.sleep(back_off_s(attempts, _FIRST_BACKOFF_S, most_s, self._jitter.uniform))

    async def send(self, kind: Kind, message: Message) -> bool:
        """Publish with QoS 1 and wait for the PUBACK; False where that came to nothing (the spool has it still)."""
        client = self._client
        if client is None:
            return False
        try:
            await client.publish(topic(self._address, kind), encode(message), qos=1)
            tasks.raise_if_cancelled()
        except aiomqtt.MqttError as error:
            self.counts["unsent"] += 1
            log.debug("unsent", player=str(self._address), kind=kind, error=str(error))
            return False
        self.counts[f"sent_{kind}"] += 1
        return True

    def _new_client(self) -> aiomqtt.Client:
        return aiomqtt.Client(
            self._server.host,
            self._server.port,
            username=None if self._password is None else str(self._address),
            password=self._password,
            identifier=f"signwatch-{self._address.tenant}-{self._address.device}",
            will=aiomqtt.Will(topic(self._address, "gone"), encode(self._voice.will()), qos=1),
            keepalive=self._server.keepalive_s,
            timeout=self._server.timeout_s,
            tls_params=self._server.tls,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],  # a PUBACK must not hold the next message up
        )

    async def _be_connected(self, client: aiomqtt.Client) -> None:
        tasks.raise_if_cancelled()
        self._client = client
        if not self._allowed.is_set():  # the fault came while it was connecting
            _shut_down(client)
        # Side by side, and the first to end ends both. When the connection is lost aiomqtt wakes only the reader of the
        # messages (a PUBACK that will never come is waited for to the end of the timeout), and where that happens
        # between CONNACK and SUBSCRIBE not even that one.
        listening = tasks.spawn(self._listen(client), f"{self._address} listens")
        talking = tasks.spawn(self._talk(client), f"{self._address} talks")
        try:
            await asyncio.wait({listening, talking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._client, self.connected = None, False
            await tasks.cancel(talking, listening)
        raise aiomqtt.MqttError("the connection has ended")

    async def _listen(self, client: aiomqtt.Client) -> None:
        try:
            async for message in client.messages:
                self._take_ack(message)
        except aiomqtt.MqttError as error:
            log.debug("connection_lost", player=str(self._address), error=str(error))

    async def _talk(self, client: aiomqtt.Client) -> None:
        try:
            await client.subscribe(topic(self._address, "ack"), qos=1)
            tasks.raise_if_cancelled()
            await client.publish(topic(self._address, "hello"), encode(self._voice.hello()), qos=1)
            tasks.raise_if_cancelled()
        except aiomqtt.MqttError as error:
            log.debug("not_greeted", player=str(self._address), error=str(error))
            _shut_down(client)
            return
        self.connected = True
        self.counts["connections"] += 1
        while True:
            await self._voice.report()
            tasks.raise_if_cancelled()

    def _take_ack(self, message: aiomqtt.Message) -> None:
        try:
            ack = decode("ack", message.payload if isinstance(message.payload, bytes) else b"")
        except MessageError as error:
            log.warning("ack_refused", player=str(self._address), error=str(error))
            return
        if isinstance(ack, Ack):
            self._voice.acknowledged(ack)


def _shut_down(client: aiomqtt.Client) -> None:
    """End the connection as a lost link does: the broker sees no DISCONNECT and publishes the last will."""
    connection = client._client.socket()  # noqa: SLF001 - aiomqtt offers no way to leave without goodbye
    if isinstance(connection, socket.socket):
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError as error:
            log.debug("already_disconnected", error=str(error))
