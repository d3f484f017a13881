"""`EmbeddedBroker`: amqtt behind our own gate, inside the collector's process.

For the demonstration and sites of some hundred players. amqtt looks at every subscription for every message, so the
cost of a message grows with the number of players; docs/broker.md says how to put mosquitto in its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import secrets
import ssl
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import structlog
from amqtt.adapters import StreamWriterAdapter
from amqtt.contexts import BrokerConfig, ListenerConfig, ListenerType
from amqtt.errors import AMQTTError, ProtocolHandlerError

from collector.broker import gate
from collector.broker.core import Core
from collector.broker.credentials import CredentialStore
from collector.broker.rules import TopicRules, is_device
from common import tasks

log = structlog.get_logger(__name__)

_LISTENER: Final = "gate"
_RELOAD_S: Final = 1.0
_TAKEOVER_S: Final = 5.0
_STOP_S: Final = 5.0
_UNREAD_MAX_BYTES: Final = 1024 * 1024  # written to a client and not read by it
_MAX_CONNECTIONS: Final = 10_000
_BACKLOG: Final = 1000  # clients that may knock at the same moment, after a power cut
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class BrokerError(Exception):
    """The broker cannot listen where it was told to; the message names the remedy."""


class _Undelivered(logging.Filter):
    """Counts what amqtt would log with a traceback: a subscriber went away before it acknowledged a message."""

    count = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Drop the record if it is about a lost subscriber, keep it otherwise."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, (TimeoutError, OSError, AMQTTError, ProtocolHandlerError)):
            self.count += 1
            return False
        return True


@dataclass(slots=True)
class _Connection:
    user: str
    number: int  # in the order in which clients arrived
    reader: gate.PacketReader
    over: asyncio.Event


class EmbeddedBroker:
    """An MQTT 3.1.1 broker on `listen` (`host:port`; port 0 takes a free one).

    Args:
        listen: address and port, e.g. `127.0.0.1:1883` or `[::1]:1883`.
        credentials: who may connect; its file is looked at every second, and who lost a password is disconnected.
        tls: a server's TLS context, or None for plain TCP.
        max_packet_bytes: larger packets close the connection.
        max_connections: further clients are told that the server is unavailable.
    """

    def __init__(
        self,
        listen: str,
        credentials: CredentialStore,
        *,
        tls: ssl.SSLContext | None = None,
        max_packet_bytes: int = gate.MAX_PACKET_BYTES,
        max_connections: int = _MAX_CONNECTIONS,
    ) -> None:
        self._host, self._wanted_port = split_listen(listen)
        self._credentials = credentials
        self._tls = tls
        self._max_packet_bytes = max_packet_bytes
        self._max_connections = max_connections
        self._token = secrets.token_urlsafe()
        self._numbers = itertools.count(1)
        self._connections: dict[str, _Connection] = {}
        self._serving: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}  # every client, judged already or not
        self._counts: Counter[str] = Counter()
        self._undelivered = _Undelivered()
        self._amqtt: Core | None = None
        self._server: asyncio.Server | None = None
        self._reloading: asyncio.Task[Any] | None = None

    @property
    def port(self) -> int:
        """The port it listens on; the one asked for before it has started."""
        if self._server is None or not self._server.sockets:
            return self._wanted_port
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Listen. BrokerError where the address is taken or not ours."""
        logging.getLogger("amqtt").setLevel(logging.WARNING)
        logging.getLogger("transitions").setLevel(logging.WARNING)
        logging.getLogger("amqtt.broker").addFilter(self._undelivered)
        self._amqtt = Core(_configuration(self._token))
        await self._amqtt.start()
        try:
            self._server = await asyncio.start_server(
                self._accept, self._host, self._wanted_port, ssl=self._tls, backlog=_BACKLOG
            )
        except OSError as error:
            await self._amqtt.shutdown()
            self._amqtt = None
            raise BrokerError(
                f"the embedded broker cannot listen on {self._host}:{self._wanted_port} ({error.strerror or error}): "
                "stop what holds that port, or give [broker] listen another one"
            ) from None
        self._reloading = tasks.spawn(self._reload(), "broker credentials")
        if self._host not in _LOOPBACK and self._tls is None:
            log.warning(
                "broker_without_tls", listen=self._host, remedy="passwords travel in the clear; see docs/broker.md"
            )
        log.info("broker_listens", host=self._host, port=self.port, users=len(self._credentials))

    async def stop(self) -> None:
        """Close every connection and the port."""
        await tasks.cancel(self._reloading)
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections.values()):
            connection.reader.end("closed")
        for writer in self._serving.values():
            writer.transport.abort()
        if self._serving:
            await asyncio.wait(list(self._serving), timeout=_STOP_S)
        await tasks.cancel(*self._serving)  # who still waits for its password to be hashed
        if self._server is not None:
            await self._server.wait_closed()
        if self._amqtt is not None:
            await self._amqtt.shutdown()
        logging.getLogger("amqtt.broker").removeFilter(self._undelivered)

    def stats(self) -> dict[str, int]:
        """Give gauges and counters since the start, by name.

        `connections` is the only gauge. `refused_*`: clients not let in. `ended_*`: connections by how they ended.
        """
        rules = self._amqtt.plugins_manager.get_plugin(TopicRules.__name__) if self._amqtt is not None else None
        return {
            "connections": len(self._connections),
            **{name: self._counts[name] for name in _COUNTERS},
            "topics_refused": rules.refused if isinstance(rules, TopicRules) else 0,
            "retained_refused": self._amqtt.retained_refused if self._amqtt is not None else 0,
            "undelivered": self._undelivered.count + (self._amqtt.undelivered if self._amqtt is not None else 0),
        }

    async def _accept(self, stream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._serving[task] = writer
            task.add_done_callback(self._serving.pop)
        try:
            await self._admit(stream, writer)
        except asyncio.CancelledError:  # by stop(): asyncio 3.11 would complain of a connection that was cancelled
            writer.transport.abort()

    async def _admit(self, stream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = next(self._numbers)
        connect = await gate.read_connect(stream)
        refusal = connect if isinstance(connect, gate.Refusal) else await self._judge(connect)
        if refusal is not None:
            self._counts[_refused(refusal)] += 1
            user = "" if isinstance(connect, gate.Refusal) else connect.username
            log.warning(
                "client_refused", user=user[:130], peer=str(writer.get_extra_info("peername")), why=refusal.reason
            )
            await gate.say_no(writer, refusal)
            return
        await self._serve(number, connect, stream, writer)

    async def _judge(self, connect: Any) -> gate.Refusal | None:  # noqa: ANN401 - amqtt ships no types
        if len(self._connections) >= self._max_connections:
            return gate.Refusal(gate.FULL, f"there are {self._max_connections} connections already")
        if not await self._credentials.verify(connect.username, connect.password):
            return gate.Refusal(gate.PASSWORD, "unknown user or wrong password")
        return gate.judge_will(connect)

    async def _serve(
        self,
        number: int,
        connect: Any,  # noqa: ANN401 - amqtt ships no types
        stream: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        user = connect.username
        key = user if is_device(user) else f"{user} {connect.client_id}"
        silence_s = gate.silence_s(connect)
        first = gate.rewrite(connect, f"{key} #{number}", self._token)
        reader = gate.PacketReader(stream, writer.transport, first, silence_s, self._max_packet_bytes)
        connection = _Connection(user, number, reader, asyncio.Event())
        try:
            await self._take_over(key, connection)
            if self._amqtt is not None and not reader.ended:
                self._counts["accepted"] += 1
                await self._amqtt.external_connected(reader, StreamWriterAdapter(writer), _LISTENER)
        finally:
            self._counts[f"ended_{reader.ended or 'closed'}"] += 1
            if self._connections.get(key) is connection:
                del self._connections[key]
            connection.over.set()
            await _hang_up(writer)

    async def _take_over(self, key: str, connection: _Connection) -> None:
        """One connection a device: the one that arrived last, whatever the order in which passwords were hashed.

        The older one's last will goes out before the newer is let in.
        """
        other = self._connections.get(key)
        if other is not None and other.number > connection.number:
            connection.reader.end("taken_over")
            return
        self._connections[key] = connection
        if other is not None:
            other.reader.end("taken_over")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TAKEOVER_S):
                    await other.over.wait()

    async def _reload(self) -> None:
        while True:
            await asyncio.sleep(_RELOAD_S)
            changed = self._credentials.refresh()
            for connection in list(self._connections.values()):
                if connection.reader.unread_bytes > _UNREAD_MAX_BYTES:
                    log.warning("client_dropped", user=connection.user, why="it reads nothing")
                    connection.reader.end("stuck")
                if connection.user in changed:
                    log.info("client_dropped", user=connection.user, why="its password changed or was removed")
                    connection.reader.end("closed")


_COUNTERS: Final = (
    "accepted",
    "refused_protocol",
    "refused_password",
    "refused_will",
    "refused_full",
    "ended_closed",
    "ended_silent",
    "ended_stuck",
    "ended_oversized",
    "ended_taken_over",
)


def _refused(refusal: gate.Refusal) -> str:
    return {
        gate.PASSWORD: "refused_password",
        gate.WILL: "refused_will",
        gate.FULL: "refused_full",
    }.get(refusal.code, "refused_protocol")


def split_listen(listen: str) -> tuple[str, int]:
    """`host:port` → its parts, IPv6 in brackets; BrokerError where it is not of that form."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:  # noqa: PLR2004 - the last port there is
        raise BrokerError(f"[broker] listen = {listen!r} is not host:port; write e.g. 127.0.0.1:1883")
    return host.strip("[]"), int(port)


def _configuration(token: str) -> BrokerConfig:
    rules = TopicRules.__module__
    return BrokerConfig(
        listeners={
            "default": ListenerConfig(type=ListenerType.EXTERNAL),
            _LISTENER: ListenerConfig(type=ListenerType.EXTERNAL),
        },
        plugins={f"{rules}.FromTheGate": {"token": token}, f"{rules}.TopicRules": {}},
    )


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        writer.close()
        await writer.wait_closed()
