"""How far this machine's clock is from true time, as far as the machine can tell, and who says so.

Asked in this order; the first that knows decides:

    ntp HOST     a server of `[clock] ntp_server`: a question of our own, which trusts nobody on this machine
    chrony       `chronyc tracking`: how far the system clock is from NTP time at this moment
    timesyncd    its last exchange with its server (`NTPMessage` on D-Bus): as it was then, before it was corrected
    kernel       adjtimex(2): what of the last correction is still to come

Figures: `clock_offset_ms` (positive: this clock is ahead of true time), `clock_error_ms` (how far from that the truth
can be, at most), `clock_source`. Nobody knows: no figures. Whether a source disciplines the clock at all is another
matter, and goes with every message (`synced`).
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, NamedTuple

import msgspec

from agent.command import ask_program
from agent.host import Figures
from common.clock import Clock, kernel_clock

PATIENCE_S: Final = 5.0  # for each of them
_TRACKING: Final = ("chronyc", "-n", "-c", "tracking")
_TIMESYNC: Final = ("busctl", "--system", "--json=short", "get-property", "org.freedesktop.timesync1")
_NTP_MESSAGE: Final = ("/org/freedesktop/timesync1", "org.freedesktop.timesync1.Manager", "NTPMessage")
_TRACKING_FIELDS: Final = 14
_MS: Final = 1000


class Offset(NamedTuple):
    """How far the clock is ahead of true time, how far from that it can be at most, both in ms, and who says so."""

    ahead_ms: float
    error_ms: float
    source: str

    def figures(self) -> Figures:
        """As host figures."""
        return {
            "clock_offset_ms": round(self.ahead_ms, 3),
            "clock_error_ms": round(self.error_ms, 3),
            "clock_source": self.source,
        }


def read_tracking(line: str) -> Offset | None:
    """PURE. `chronyc -c tracking` (chrony 4) → offset; None where chronyd follows nobody.

    The fifth field is what is to be added to the system clock, in seconds; the bound is chrony's own:
    root dispersion + half of the root delay (chronyc(1), "tracking").
    """
    fields = line.strip().split(",")
    if len(fields) < _TRACKING_FIELDS or fields[13] == "Not synchronised":
        return None
    try:
        correction_s, delay_s, dispersion_s = (float(fields[place]) for place in (4, 10, 11))
    except ValueError:
        return None
    return Offset(-correction_s * _MS, (dispersion_s + delay_s / 2) * _MS, "chrony")


class _NtpMessage(msgspec.Struct, array_like=True):
    """`NTPMessage` of org.freedesktop.timesync1, signature (uuuuittayttttbtt); times in microseconds."""

    leap: int
    version: int
    mode: int
    stratum: int
    precision: int
    root_delay_us: int
    root_dispersion_us: int
    reference: Any
    origin_us: int
    received_us: int
    transmitted_us: int
    destination_us: int
    ignored: bool
    packets: int


class _Property(msgspec.Struct, frozen=True):
    data: _NtpMessage


def read_timesync(answer: str) -> Offset | None:
    """PURE. What `busctl --json=short get-property … NTPMessage` says → offset; None where no server answered yet."""
    try:
        said = msgspec.json.decode(answer, type=_Property).data
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
    if not said.packets or not said.destination_us:
        return None
    ahead_us = (said.origin_us - said.received_us + said.destination_us - said.transmitted_us) / 2
    trip_us = said.destination_us - said.origin_us - (said.transmitted_us - said.received_us)
    error_us = said.root_dispersion_us + (said.root_delay_us + max(0, trip_us)) / 2
    return Offset(ahead_us / _MS, error_us / _MS, "timesyncd")


async def find_offset(clock: Clock, ntp_server: str = "") -> Offset | None:
    """Ask until somebody knows; None where nobody does."""
    if ntp_server and (own := await _of_server(ntp_server, clock)) is not None:
        return own
    if (tracked := read_tracking(await _said(*_TRACKING))) is not None:
        return tracked
    if (synced := read_timesync(await _said(*_TIMESYNC, *_NTP_MESSAGE))) is not None:
        return synced
    kernel = kernel_clock()
    return Offset(kernel.ahead_ms, kernel.error_ms, "kernel") if kernel is not None and kernel.synced else None


async def _of_server(server: str, clock: Clock) -> Offset | None:
    from agent.ntp import NtpError, ask_server  # only where the owner names a server

    try:
        async with asyncio.timeout(PATIENCE_S):
            answer = await ask_server(server, clock)
    except (OSError, TimeoutError, NtpError):
        return None
    return Offset(answer.ahead_ms, answer.error_ms, f"ntp {server}")


async def _said(*argv: str) -> str:
    try:
        async with asyncio.timeout(PATIENCE_S):
            said = await ask_program(*argv)
    except (OSError, TimeoutError):  # not installed, or hung: another may know
        return ""
    return "" if said.status else said.out
