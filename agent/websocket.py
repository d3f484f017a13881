"""A small WebSocket client (RFC 6455) for probes: plain TCP, no extensions. The library for it takes 4.2 MB of memory.

Deliberately absent: proof that the server read our key (`Sec-WebSocket-Accept`, section 4.1). It guards browsers
against confused caches, needs SHA-1 and so libcrypto; what a stranger sends fails at its first frame. Time is not
bounded here: a probe's deadline comes from outside.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from base64 import b64encode
from typing import Final, NamedTuple

from agent.httpclient import HttpError, Origin, read_head

MESSAGE_BYTES: Final = 1024 * 1024
_LINE_BYTES: Final = 8 * 1024
_PORTION_BYTES: Final = 64 * 1024
_SWITCHING: Final = 101
_FIN: Final = 0x80
_RESERVED: Final = 0x70
_MASKED: Final = 0x80
_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_LENGTH_16, _LENGTH_64 = 126, 127
_CONTROL_BYTES: Final = 125


class WebSocketError(Exception):
    """Whoever answers does not speak WebSocket."""


class _Frame(NamedTuple):
    final: bool
    opcode: int
    size: int


class WebSocket:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, origin: Origin) -> WebSocket:
        """Connect; OSError from the network, WebSocketError where the answer is not that of a WebSocket.

        No `Origin` header is sent: we are no web page, and Chromium refuses foreign ones.
        """
        reader, writer = await asyncio.open_connection(origin.host, origin.port, limit=_LINE_BYTES)
        try:
            writer.write(_request(origin))
            status, headers = await read_head(reader)
        except (HttpError, ValueError, asyncio.IncompleteReadError) as error:
            writer.transport.abort()
            raise WebSocketError(str(error)) from None
        except BaseException:
            writer.transport.abort()
            raise
        if status != _SWITCHING or headers.get("upgrade", "").lower() != "websocket":
            writer.transport.abort()
            raise WebSocketError(f"HTTP {status} instead of a WebSocket")
        return cls(reader, writer)

    def send(self, text: str) -> None:
        """Send a text message."""
        self._send(_TEXT, text.encode())

    async def receive(self) -> bytes | None:
        """Wait for the next message; None: the connection has ended. A message over `MESSAGE_BYTES` is left out.

        OSError from the network, WebSocketError for what is no WebSocket's.
        """
        message, too_long = bytearray(), False
        while (frame := await self._head()) is not None:
            if frame.opcode >= _CLOSE:
                if frame.opcode == _CLOSE:
                    return None
                await self._control(frame)
                continue
            too_long = too_long or len(message) + frame.size > MESSAGE_BYTES
            await self._body(frame.size, None if too_long else message)
            if frame.final and not too_long:
                return bytes(message)
            if frame.final:
                message, too_long = bytearray(), False
        return None

    async def close(self) -> None:
        """Close the connection, at once."""
        with contextlib.suppress(OSError):
            self._send(_CLOSE, b"")
            self._writer.close()
            self._writer.transport.abort()  # a hung peer would not take what is still to be sent
            await self._writer.wait_closed()

    async def _head(self) -> _Frame | None:
        try:
            first, second = await self._reader.readexactly(2)
            size = second & ~_MASKED
            if size >= _LENGTH_16:
                size = int.from_bytes(await self._reader.readexactly(2 if size == _LENGTH_16 else 8))
        except asyncio.IncompleteReadError:
            return None
        opcode = first & 0x0F
        if first & _RESERVED or second & _MASKED or opcode not in {_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG}:
            raise WebSocketError("a frame that no WebSocket server sends")
        if opcode >= _CLOSE and size > _CONTROL_BYTES:
            raise WebSocketError("a control frame that is too long")
        return _Frame(bool(first & _FIN), opcode, size)

    async def _control(self, frame: _Frame) -> None:
        payload = bytearray()
        await self._body(frame.size, payload)
        if frame.opcode == _PING:
            self._send(_PONG, bytes(payload))

    async def _body(self, left: int, message: bytearray | None) -> None:
        while left:
            portion = await self._reader.read(min(left, _PORTION_BYTES))
            if not portion:
                raise WebSocketError("the connection breaks off in the middle of a message")
            left -= len(portion)
            if message is not None:
                message += portion

    def _send(self, opcode: int, payload: bytes) -> None:
        mask, size = os.urandom(4), len(payload)
        if size < _LENGTH_16:
            length = bytes([_MASKED | size])
        elif size < 2**16:
            length = bytes([_MASKED | _LENGTH_16]) + size.to_bytes(2)
        else:
            length = bytes([_MASKED | _LENGTH_64]) + size.to_bytes(8)
        stream = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(payload) ^ int.from_bytes(stream)).to_bytes(size)
        self._writer.write(bytes([_FIN | opcode]) + length + mask + masked)


def _request(origin: Origin) -> bytes:
    lines = (
        f"GET {origin.target} HTTP/1.1",
        f"Host: {origin.authority}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")
