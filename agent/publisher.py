"""The agent on MQTT: connection, last will, what is sent when (SPEC part 4).

A session, in order: subscribe to our own `ack`, `hello`, `heartbeat`, and then three loops that run side by side: acks
come in; heartbeats go out every interval and at once when something changed; closed runs go out, a message at a time,
so that at most one message of backlog stands before the newest state. PUBACK means nothing but flow control.

The client's name is the device's, always the same: when a half-dead connection still stands at the broker, the new one
takes its place, and the old one's last will is published before our `hello` and not minutes after it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

import aiomqtt
import structlog

from agent.authorities import client_context
from agent.config import Mqtt, Settings
from agent.records import Kept
from common.backoff import attempts_after, back_off_s
from common.clock import Clock, monotonic_s
from common.config import ConfigError, Finding
from common.tasks import cancel, raise_if_cancelled
from wire.messages import Ack, BootClock, Gone, Heartbeat, Hello, Message, MessageError, Run, Runs, decode, encode
from wire.outbox import Name, Outbox
from wire.topics import Kind, topic

log = structlog.get_logger(__name__)

CONNECT_PATIENCE_S: Final = 15.0  # for the broker's answers to connect and subscribe
PUBLISH_PATIENCE_S: Final = 30.0  # a full message over a very slow line
FAREWELL_S: Final = 5.0


class Station(Protocol):
    """What the publisher asks of the agent."""

    def hello(self) -> Hello:
        """Who we are, now."""

    def heartbeats(self) -> list[Heartbeat]:
        """What is open now, one message a spool id."""

    def sendable(self) -> Iterator[Kept]:
        """Closed runs, oldest first."""

    def holds(self, name: Name) -> bool:
        """Whether that run still waits for its ack."""

    def acknowledged(self, ack: Ack) -> None:
        """The collector has these."""

    def clocks_of(self, runs: Sequence[Run]) -> list[BootClock]:
        """What is remembered of the clocks of their boots, where that is not this one."""


@dataclass
class Link:
    """The connection as it stands, for `/healthz` and logs."""

    online: bool = False
    attempts: int = 0  # in a row that failed, or did not last
    error: str | None = None
    connected_total: int = 0


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """The TLS settings as the connection wants them, None for none; ConfigError where a file cannot be used."""
    tls = settings.config.mqtt.tls
    if tls is None:
        return None
    try:
        context = client_context(settings.path(tls.ca_file) if tls.ca_file else None)
        if tls.cert_file:
            context.load_cert_chain(settings.path(tls.cert_file), settings.path(tls.key_file))
    except (OSError, ssl.SSLError) as error:
        finding = Finding("agent.tls", str(settings.file), "mqtt.tls", f"cannot be used: {error}", "check its files")
        raise ConfigError(finding) from None
    if tls.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def make_client(
    settings: Settings,
    password: str | None,
    tls: ssl.SSLContext | None,
    identifier: str,
    will: aiomqtt.Will | None = None,
) -> aiomqtt.Client:
    """A client for the configured broker, not yet connected."""
    mqtt = settings.config.mqtt
    return aiomqtt.Client(
        _host_for_socket(mqtt),
        settings.port,
        identifier=identifier,
        username=settings.username,
        password=password,
        will=will,
        clean_session=True,
        keepalive=mqtt.keepalive_s,
        timeout=CONNECT_PATIENCE_S,
        tls_context=tls,
        transport=mqtt.transport,
        websocket_path=mqtt.websocket_path if mqtt.transport == "websockets" else None,
        max_queued_incoming_messages=1000,
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],  # a PUBACK must not hold the next message up
    )


def _host_for_socket(mqtt: Mqtt) -> str:
    """An ASCII name as bytes, which the socket library takes as they are: for texts it loads IDNA's tables, 0.4 MB.

    paho passes on what it is given, but writes it into the request that opens a WebSocket.
    """
    if mqtt.transport == "websockets" or not mqtt.host.isascii():
        return mqtt.host
    return mqtt.host.encode("ascii")  # type: ignore[return-value]  # aiomqtt promises less than it can do


async def connect(client: aiomqtt.Client) -> aiomqtt.Client:
    """Log in; MqttError where the broker refuses or does not answer."""
    try:
        return await client.__aenter__()
    except (aiomqtt.MqttError, asyncio.CancelledError):
        client._client.disconnect()  # noqa: SLF001 - a connection that was never answered is otherwise left open
        raise


class Publisher:
    """Keeps the connection and says on it what the station has to say."""

    def __init__(self, settings: Settings, station: Station, clock: Clock) -> None:
        self._settings = settings
        self._station = station
        self._clock = clock
        self._tls = tls_context(settings)
        self._password = settings.password()
        self._outbox = Outbox()
        self._news = asyncio.Event()  # something changed: heartbeat at once
        self._more = asyncio.Event()  # there may be runs to send
        self._stop = asyncio.Event()
        self.link = Link()

    def poke(self) -> None:
        """Something changed: say it at once."""
        self._news.set()
        self._more.set()

    def stop(self) -> None:
        """Say farewell where there is a connection, and let `run` end."""
        self._stop.set()

    async def run(self) -> None:
        """Connect, and connect again, until `stop`."""
        mqtt = self._settings.config.mqtt
        while not self._stop.is_set():
            await self._connection()
            pause_s = back_off_s(self.link.attempts, mqtt.reconnect_min_s, mqtt.reconnect_max_s, _uniform)
            await _within(pause_s, self._stop)

    async def _connection(self) -> None:
        started_s = monotonic_s()
        try:
            client = await connect(self._client())
            async with _leaving(client):
                await self._session(client)
        except* (aiomqtt.MqttError, OSError, ValueError) as group:  # ValueError: what a host name cannot be
            error = _first(group)
            lasted_s = monotonic_s() - started_s if self.link.online else None
            self.link.attempts = attempts_after(self.link.attempts, lasted_s)
            if str(error) != self.link.error or self.link.online:
                log.warning("link_lost" if self.link.online else "link_refused", broker=self._broker, error=str(error))
            self.link.error = str(error)
        finally:
            self.link.online = False

    @property
    def _broker(self) -> str:
        return f"{self._settings.config.mqtt.host}:{self._settings.port}"

    def _client(self) -> aiomqtt.Client:
        address = self._settings.address
        will = aiomqtt.Will(topic(address, "gone"), encode(Gone(boot=self._clock.boot_id())), qos=1)
        name = f"signwatch:{address.tenant}:{address.device}"
        return make_client(self._settings, self._password, self._tls, name, will)

    async def _session(self, client: aiomqtt.Client) -> None:
        await client.subscribe(topic(self._settings.address, "ack"), qos=1)
        await self._say(client, "hello", self._station.hello())
        await self._beat(client)
        self.link.online, self.link.error = True, None
        self.link.connected_total += 1
        log.info("link_up", broker=self._broker)
        self._outbox.reconnected()
        async with asyncio.TaskGroup() as group:
            loops = [group.create_task(loop(client)) for loop in (self._hear, self._beats, self._send_runs)]
            await self._stop.wait()
            await cancel(*loops)
        async with asyncio.timeout(FAREWELL_S):
            await self._farewell(client)

    async def _hear(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            body = message.payload if isinstance(message.payload, bytes) else b""
            try:
                ack = decode("ack", body)
            except MessageError as error:
                log.warning("ack_refused", reason=error.reason, detail=error.detail)
                continue
            if isinstance(ack, Ack):
                self._station.acknowledged(ack)
                self._outbox.forget(self._station.holds)
                self._more.set()

    async def _beats(self, client: aiomqtt.Client) -> None:
        while True:
            await _within(self._settings.config.interval_s, self._news)
            await self._beat(client)

    async def _beat(self, client: aiomqtt.Client) -> None:
        self._news.clear()
        for heartbeat in self._station.heartbeats():
            await self._say(client, "heartbeat", heartbeat)

    async def _send_runs(self, client: aiomqtt.Client) -> None:
        while True:
            self._more.clear()
            if not await self._send_batch(client):
                await _within(self._outbox.wait_s(monotonic_s()), self._more)

    async def _send_batch(self, client: aiomqtt.Client) -> bool:
        batch = self._outbox.next(self._station.sendable(), monotonic_s())
        if batch is None:
            return False
        body = Runs(
            spool=batch.spool,
            runs=batch.runs,
            boot=self._clock.boot_id(),
            sent_ms=self._clock.wall_ms(),
            mono_ms=self._clock.mono_ms(),
            synced=self._clock.synced(),
            clocks=self._station.clocks_of(batch.runs),
        )
        await self._say(client, "runs", body)
        return True

    async def _farewell(self, client: aiomqtt.Client) -> None:
        """The newest state, what is still to send, and that we are gone: an orderly DISCONNECT discards the will."""
        await self._beat(client)
        while await self._send_batch(client):
            pass
        await self._say(client, "gone", Gone(boot=self._clock.boot_id()))

    async def _say(self, client: aiomqtt.Client, kind: Kind, message: Message) -> None:
        await client.publish(topic(self._settings.address, kind), encode(message), qos=1, timeout=PUBLISH_PATIENCE_S)
        raise_if_cancelled()


def _uniform(least: float, most: float) -> float:
    """As random.SystemRandom, which takes 0.2 MB: a fleet that starts together must not draw the same numbers."""
    return least + (most - least) * int.from_bytes(os.urandom(6)) / 2**48


async def _within(seconds: float | None, event: asyncio.Event) -> None:
    """Wait for the event, at most so long (None: for ever)."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


@asynccontextmanager
async def _leaving(client: aiomqtt.Client) -> AsyncIterator[None]:
    """Disconnect a connected client in the end; not where the agent breaks down, for then its will shall speak."""
    try:
        yield
    except asyncio.CancelledError:
        raise
    except BaseException:
        await client.__aexit__(None, None, None)
        raise
    else:
        await client.__aexit__(None, None, None)


def _first(group: BaseExceptionGroup[Exception]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
