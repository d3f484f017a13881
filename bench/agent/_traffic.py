"""Counts what goes over a wire: through a relay for TCP, as it arrives for UDP."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from asyncio.trsock import TransportSocket
from dataclasses import dataclass, field
from typing import NamedTuple

_IP_TCP_BYTES = 20 + 20
_TIMESTAMPS_BYTES = 12  # RFC 7323, with its padding
_IP_UDP_BYTES = 20 + 8
_TCP_INFO_BYTES = 144
_OPTIONS, _SEGMENTS = 5, 136  # offsets in struct tcp_info (linux/tcp.h): tcpi_options; tcpi_segs_out, tcpi_segs_in
_HAS_TIMESTAMPS = 1


class Count(NamedTuple):
    """Bytes both ways. `payload`: what the programs said to each other; `ip`: with the headers of IPv4 and TCP or UDP.

    Of TCP's segments the pure acknowledgements count too, and what is sent again.
    """

    payload: int
    ip: int

    def __sub__(self, other: Count) -> Count:
        return Count(self.payload - other.payload, self.ip - other.ip)


@dataclass
class Relay:
    """Carries connections to `target`, and counts what goes through."""

    target: int
    port: int = 0
    _payload_bytes: int = 0
    _closed_header_bytes: int = 0
    _open: set[TransportSocket] = field(default_factory=set)

    async def start(self) -> None:
        """Listen on a free port."""
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]

    def count(self) -> Count:
        """So far."""
        headers = self._closed_header_bytes + sum(map(_header_bytes, self._open))
        return Count(self._payload_bytes, self._payload_bytes + headers)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        near: TransportSocket = writer.get_extra_info("socket")
        self._open.add(near)
        with contextlib.suppress(OSError, asyncio.CancelledError):  # cancelled: the bench is over
            await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
        self._closed_header_bytes += _header_bytes(near)
        self._open.discard(near)
        for one in (back, writer):
            one.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            self._payload_bytes += len(data)
            writer.write(data)
            await writer.drain()
        writer.write_eof()


class Datagrams(asyncio.DatagramProtocol):
    """Counts datagrams."""

    def __init__(self) -> None:
        self._count = Count(0, 0)

    def count(self) -> Count:
        """So far."""
        return self._count

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - asyncio's signature
        """Count it."""
        payload, ip = self._count
        self._count = Count(payload + len(data), ip + len(data) + _IP_UDP_BYTES)


def _header_bytes(connection: TransportSocket) -> int:
    """Of every segment that went either way; the little more that those have which open a connection is left out."""
    if connection.fileno() < 0:  # reset: what it had is lost to the count
        return 0
    told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    timestamps = told[_OPTIONS] & _HAS_TIMESTAMPS
    out, into = struct.unpack_from("=II", told, _SEGMENTS)
    return (out + into) * (_IP_TCP_BYTES + _TIMESTAMPS_BYTES * timestamps)
