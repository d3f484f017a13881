"""One question to an NTP server (RFC 5905, section 14: SNTP), 48 bytes each way. Nothing here sets a clock."""

from __future__ import annotations

import asyncio
import random
import struct
from typing import Final, NamedTuple

from common.clock import Clock
from common.connectivity import parse_target

PORT: Final = 123
_CLIENT: Final = 0x23  # no warning, version 4, mode 3
_SERVER_MODE: Final = 4
_UNSYNCED_LEAP: Final = 3
_STRATUM_MAX: Final = 15
_BYTES: Final = 48
_LAYOUT: Final = struct.Struct(
    "!BBbbII4sQQQQ"
)  # … root delay, root dispersion, id, reference, origin, receive, transmit
_TO_1970_S: Final = 2_208_988_800
_ERA_S: Final = 2**32  # NTP's seconds begin anew in 2036
_FRACTION: Final = 2**32
_MS: Final = 1000
_random: Final = random.SystemRandom()
_GRAIN_MS: Final = 1.0  # of our own clock's readings


class NtpError(Exception):
    """What answers is no time server, or one that does not know the time itself; the text says which."""


class Answer(NamedTuple):
    """How far our clock is ahead of the server's, and how far from that it can be at most, in milliseconds."""

    ahead_ms: float
    error_ms: float


def parse_server(text: str) -> tuple[str, int]:
    """PURE. `time.example.com`, `192.0.2.1:123` → host and port; ValueError otherwise."""
    host, port = parse_target(text if ":" in text else f"{text}:{PORT}")
    return host, port


async def ask_server(server: str, clock: Clock) -> Answer:
    """Ask once. NtpError for an answer that tells no time, OSError from the network; its caller sets the deadline."""
    host, port = parse_server(server)
    loop = asyncio.get_running_loop()
    transport, ear = await loop.create_datagram_endpoint(_Ear, remote_addr=(host, port))
    try:
        cookie = _random.getrandbits(
            64
        )  # in place of the time: the server hands it back, and a stranger cannot guess it
        sent_ms, sent_mono_ms = clock.wall_ms(), clock.mono_ms()
        transport.sendto(_LAYOUT.pack(_CLIENT, 0, 0, 0, 0, 0, b"", 0, 0, 0, cookie))
        packet = await ear.heard
        took_ms = clock.mono_ms() - sent_mono_ms
    finally:
        transport.close()
    return read_answer(packet, cookie, sent_ms, took_ms)


def read_answer(packet: bytes, cookie: int, sent_ms: int, took_ms: int) -> Answer:
    """PURE. The server's packet → offset; NtpError where it tells no time. Half of the trip is what can be wrong."""
    if len(packet) < _BYTES:
        raise NtpError(f"an answer of {len(packet)} bytes is none of NTP")
    first, stratum, _, _, delay, dispersion, _, _, origin, received, transmitted = _LAYOUT.unpack(packet[:_BYTES])
    if first & 7 != _SERVER_MODE or origin != cookie:
        raise NtpError("the answer is to another question")
    if first >> 6 == _UNSYNCED_LEAP or not 1 <= stratum <= _STRATUM_MAX or not transmitted:
        raise NtpError(f"the server does not know the time itself (stratum {stratum})")
    server_ms = (_unix_ms(received, sent_ms) + _unix_ms(transmitted, sent_ms)) / 2
    own_ms = sent_ms + took_ms / 2
    error_ms = took_ms / 2 + _GRAIN_MS + (delay / 2 + dispersion) * _MS / 2**16
    return Answer(own_ms - server_ms, error_ms)


def _unix_ms(timestamp: int, near_ms: int) -> float:
    """NTP's 32 bits of seconds and 32 of fraction → milliseconds since 1970, of the era nearest to our own clock."""
    seconds, fraction = divmod(timestamp, _FRACTION)
    era = round((near_ms / _MS + _TO_1970_S - seconds) / _ERA_S)
    return (seconds + era * _ERA_S - _TO_1970_S) * _MS + fraction * _MS / _FRACTION


class _Ear(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002 - asyncio's signature
        if not self.heard.done():
            self.heard.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.heard.done():
            self.heard.set_exception(exc)
