"""The gate before amqtt: every connection is judged here before amqtt sees a byte of it.

Measured on amqtt 0.12.1, which on its own
- sends a last will to any topic, past its topic rules, and keeps it if the client says `retain`;
- deletes the session that a CONNECT names before it asks for the password, so a stranger can silence a player;
- never closes a connection whose keepalive has run out, so a dead link's last will is never sent;
- reads packets of up to 256 MiB, and waits for a CONNECT for ever;
- may take a DISCONNECT that arrives together with the end of the stream for a broken connection, and send the will.

So the gate reads the CONNECT, checks password and will, gives the session a name of its own, closes an older
connection of the same device (MQTT-3.1.4-2), and hands amqtt a reader that yields whole packets of a bounded size and
ends when the client has been silent for one and a half keepalives (MQTT-3.1.2-24). Deliberately absent: sessions that
outlive their connection (evidence waits in the agent's spool, not in the broker) and retained messages.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any, Final

from amqtt.adapters import ReaderAdapter
from amqtt.errors import AMQTTError, CodecError, MQTTError, NoDataError
from amqtt.mqtt.connack import (
    BAD_USERNAME_PASSWORD,
    NOT_AUTHORIZED,
    SERVER_UNAVAILABLE,
    UNACCEPTABLE_PROTOCOL_VERSION,
    ConnackPacket,
)
from amqtt.mqtt.connect import ConnectPacket

from collector.broker.rules import allowed

MAX_PACKET_BYTES: Final = (
    256 * 1024
)  # four times the wire's limit, so that the collector sees and keeps what it refuses
CONNECT_TIMEOUT_S: Final = 10.0
_MQTT_3_1_1: Final = 4
_CONNECT_BYTE: Final = 0x10
_MAX_LENGTH_BYTES: Final = 4

PROTOCOL: Final = UNACCEPTABLE_PROTOCOL_VERSION
PASSWORD: Final = BAD_USERNAME_PASSWORD
WILL: Final = NOT_AUTHORIZED
FULL: Final = SERVER_UNAVAILABLE


class PacketError(Exception):
    """The stream holds no MQTT packet of an acceptable size. The message is for the log."""


async def read_packet(stream: asyncio.StreamReader, max_bytes: int = MAX_PACKET_BYTES) -> bytes:
    """Read one whole MQTT packet; PacketError where it is too large, IncompleteReadError at the end of the stream."""
    head = bytearray(await stream.readexactly(1))
    length = 0
    for place in range(_MAX_LENGTH_BYTES):
        byte = (await stream.readexactly(1))[0]
        head.append(byte)
        length |= (byte & 0x7F) << (7 * place)
        if not byte & 0x80:
            break
    else:
        raise PacketError("the length of a packet has more than four bytes")
    if length > max_bytes:
        raise PacketError(f"a packet of {length} bytes is over the limit of {max_bytes}")
    return bytes(head) + await stream.readexactly(length)


class PacketReader(ReaderAdapter):  # type: ignore[misc]  # amqtt ships no types
    """What amqtt reads from: first the CONNECT as the gate rewrote it, then the client's packets, one at a time.

    `ended` says why it ended: "" while open, then `closed`, `silent`, `stuck`, `oversized` or `taken_over`.
    """

    def __init__(
        self,
        stream: asyncio.StreamReader,
        transport: asyncio.WriteTransport,
        first: bytes,
        silence_s: float | None,
        max_bytes: int,
    ) -> None:
        self._stream = stream
        self._transport = transport
        self._rest = memoryview(first)
        self._silence_s = silence_s
        self._max_bytes = max_bytes
        self.ended = ""

    async def read(self, n: int = -1) -> bytes:
        """Give `n` bytes of the present packet; NoDataError at the end of the stream or past the packet's end."""
        if not self._rest:
            await self._next()
        if n > len(self._rest):
            self.end("closed")
        if self.ended:
            raise NoDataError(self.ended)
        given, self._rest = self._rest[:n], self._rest[n:]
        return bytes(given)

    def feed_eof(self) -> None:
        """Let amqtt end the stream."""
        self.end("closed")

    @property
    def unread_bytes(self) -> int:
        """How much was written to the client that it has not read."""
        return self._transport.get_write_buffer_size()

    def end(self, why: str) -> None:
        """End the stream at once, for amqtt as if the client had gone: nothing waits for a peer that may be dead."""
        if not self.ended:
            self.ended = why
            self._transport.abort()

    async def _next(self) -> None:
        await asyncio.sleep(0)  # amqtt handles a packet in a task of its own: let it, before the stream may end
        if self.ended:
            return
        try:
            async with asyncio.timeout(self._silence_s):
                self._rest = memoryview(await read_packet(self._stream, self._max_bytes))
        except TimeoutError:
            self.end("silent")
        except PacketError:
            self.end("oversized")
        except (asyncio.IncompleteReadError, OSError):
            self.ended = self.ended or "closed"


class BytesReader(ReaderAdapter):  # type: ignore[misc]  # amqtt ships no types
    """One packet in memory, for amqtt's decoder."""

    def __init__(self, packet: bytes) -> None:
        self._rest = packet

    async def read(self, n: int = -1) -> bytes:
        """Give the next `n` bytes; NoDataError where there are fewer."""
        if n > len(self._rest):
            raise NoDataError("the packet is shorter than it says")
        given, self._rest = self._rest[:n], self._rest[n:]
        return given

    def feed_eof(self) -> None:
        """There is nothing to end."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a client was not let in; `code` is the CONNACK's (None: the stream held no CONNECT at all)."""

    code: int | None
    reason: str


async def read_connect(stream: asyncio.StreamReader) -> Any | Refusal:  # noqa: ANN401 - amqtt ships no types
    """Read the CONNECT packet that opens a connection, or say why it is none."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            packet = await read_packet(stream)
        if packet[0] != _CONNECT_BYTE:
            return Refusal(None, "the first packet is no CONNECT")
        connect = await ConnectPacket.from_stream(BytesReader(packet))
    except TimeoutError:
        return Refusal(None, f"no CONNECT within {CONNECT_TIMEOUT_S} s")
    except (PacketError, asyncio.IncompleteReadError, OSError, AMQTTError, MQTTError, NoDataError, CodecError) as error:
        return Refusal(None, f"no CONNECT: {error}")
    if connect.proto_name != "MQTT" or connect.proto_level != _MQTT_3_1_1:
        return Refusal(PROTOCOL, f"speaks {connect.proto_name[:20]!r} level {connect.proto_level}, not MQTT 3.1.1")
    if not connect.username or connect.password is None:
        return Refusal(PASSWORD, "gave no user name and password")
    return connect


def judge_will(connect: Any) -> Refusal | None:  # noqa: ANN401 - amqtt ships no types
    """Refuse a last will on a topic on which the user may not publish."""
    if not connect.will_flag:
        return None
    if connect.will_topic is None or connect.will_message is None:
        return Refusal(None, "announced a last will and sent none")
    if not allowed(connect.username, "publish", connect.will_topic):
        return Refusal(WILL, f"its last will is for the topic {connect.will_topic[:200]!r}")
    return None


def rewrite(connect: Any, client_id: str, token: str) -> bytes:  # noqa: ANN401 - amqtt ships no types
    """Give the CONNECT that amqtt shall see: our name, our token, nothing kept, no keepalive (the reader has it)."""
    connect.client_id = client_id
    connect.password = token
    connect.clean_session_flag = True
    connect.will_retain_flag = False
    connect.keep_alive = 0
    return bytes(connect.to_bytes())


def silence_s(connect: Any) -> float | None:  # noqa: ANN401 - amqtt ships no types
    """Give how long a client may be silent: one and a half keepalives (MQTT-3.1.2-24), None for keepalive 0."""
    return connect.keep_alive * 1.5 if connect.keep_alive > 0 else None


async def say_no(writer: asyncio.StreamWriter, refusal: Refusal) -> None:
    """Answer with the CONNACK that tells why, if there is one, and close."""
    with contextlib.suppress(OSError):
        if refusal.code is not None:
            writer.write(ConnackPacket.build(0, refusal.code).to_bytes())
            await writer.drain()
        writer.close()
        await writer.wait_closed()
