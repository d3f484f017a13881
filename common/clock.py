"""The one file that knows the clock.

Everything else takes a `Clock`, so that a test (or the simulator) can hand in another one. Its readings:

- wall: milliseconds since 1970, may lie (a board without RTC boots in 1970) and may step;
- mono: CLOCK_BOOTTIME milliseconds, never goes back, counts suspend, meaningful only within one boot;
- synced: whether the kernel says the wall clock is disciplined (`adjtimex(2)`, STA_UNSYNC clear), which holds for
  chrony, ntpd, systemd-timesyncd and PTP alike;
- suspended: CLOCK_BOOTTIME − CLOCK_MONOTONIC, which stands still but for the time that the machine sleeps.
"""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Protocol

EARLIEST_MS = 1_577_836_800_000
"""2020-01-01: what a wall clock shows before this it cannot mean, there was no signwatch to write it down."""

_STA_UNSYNC = 0x0040
_STA_NANO = 0x2000
_TIME_ERROR = 5
_TIMEX_BYTES = 208  # sizeof(struct timex) on 64-bit Linux; 32-bit needs less
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_READINGS = 10
_CLOSE_NS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """What the rest of signwatch may know of time."""

    def wall_ms(self) -> int:
        """Wall-clock milliseconds since 1970 (may lie, may step)."""

    def mono_ms(self) -> int:
        """CLOCK_BOOTTIME milliseconds of this boot."""

    def synced(self) -> bool:
        """Whether the wall clock is disciplined by a time source."""

    def boot_id(self) -> str:
        """The kernel's id of this boot, 32 hex digits."""

    def suspended_ms(self) -> int:
        """Milliseconds of this boot for which the machine slept."""


class SystemClock:
    """The machine's own clock."""

    def __init__(self) -> None:
        self._boot_id = _read_boot_id()

    def wall_ms(self) -> int:
        """Wall-clock milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    def mono_ms(self) -> int:
        """CLOCK_BOOTTIME milliseconds of this boot."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def synced(self) -> bool:
        """Whether the kernel says that a time source disciplines the wall clock, and it can be right."""
        return self.wall_ms() >= EARLIEST_MS and _kernel_says_synced()

    def boot_id(self) -> str:
        """The kernel's id of this boot, 32 hex digits."""
        return self._boot_id

    def suspended_ms(self) -> int:
        """CLOCK_BOOTTIME − CLOCK_MONOTONIC in milliseconds (both count from the boot)."""
        readings = (_boottime_ahead_ns() for _ in range(_READINGS))
        spread_ns, ahead_ns = next(readings)
        for again in readings:  # two clocks cannot be read at once: keep the reading with the least in between
            if spread_ns < _CLOSE_NS:
                break
            spread_ns, ahead_ns = min((spread_ns, ahead_ns), again)
        return ahead_ns // 1_000_000


@dataclass
class ManualClock:
    """A clock that a test or the simulator turns by hand."""

    wall: int = 1_772_323_200_000  # 2026-03-01T00:00:00Z
    mono: int = 1_000_000
    is_synced: bool = True
    boot: str = "b" * 32
    suspended: int = 0

    def wall_ms(self) -> int:
        """The wall time it was set to."""
        return self.wall

    def mono_ms(self) -> int:
        """The boot time it was set to."""
        return self.mono

    def synced(self) -> bool:
        """Whether it pretends to be disciplined."""
        return self.is_synced

    def boot_id(self) -> str:
        """The boot it pretends to be in."""
        return self.boot

    def suspended_ms(self) -> int:
        """How long it pretends to have slept."""
        return self.suspended

    def suspend(self, milliseconds: int) -> None:
        """Let the machine sleep for so long."""
        self.advance(milliseconds)
        self.suspended += milliseconds

    def advance(self, milliseconds: int) -> None:
        """Let both clocks run on."""
        self.wall += milliseconds
        self.mono += milliseconds

    def reboot(self, boot: str, wall: int, mono: int = 5_000) -> None:
        """Start a new boot at the wall time given."""
        self.boot, self.wall, self.mono, self.suspended = boot, wall, mono, 0


def monotonic_s() -> float:
    """CLOCK_MONOTONIC seconds, for deadlines and rates inside one process only (never evidence)."""
    return time.monotonic()


def utc_now() -> datetime:
    """Give the aware present, for log lines and file names; evidence uses a `Clock`."""
    return datetime.now(UTC)


def to_datetime(instant_ms: int) -> datetime:
    """Milliseconds since 1970 → aware UTC datetime."""
    return datetime.fromtimestamp(instant_ms // 1000, UTC).replace(microsecond=instant_ms % 1000 * 1000)


def to_ms(moment: datetime) -> int:
    """Aware datetime → milliseconds since 1970, exactly; ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no UTC offset: write 2026-03-01T00:00:00Z")
    gone = moment.astimezone(UTC) - _EPOCH
    return (gone.days * 86_400 + gone.seconds) * 1000 + gone.microseconds // 1000


def iso(instant_ms: int) -> str:
    """Milliseconds since 1970 → `2026-03-01T00:00:00.000Z`."""
    return to_datetime(instant_ms).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant_ms % 1000:03d}Z"


def _read_boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip().replace("-", "")
    except OSError:
        # Not Linux (a developer's laptop): the boot's own second names it well enough.
        boot_s = time.time_ns() // 1_000_000_000 - int(time.monotonic())
        return f"{boot_s:032x}"


def _boottime_ahead_ns() -> tuple[int, int]:
    """How exact the reading is, and the reading."""
    before_ns, boottime_ns, after_ns = (
        time.monotonic_ns(),
        time.clock_gettime_ns(time.CLOCK_BOOTTIME),
        time.monotonic_ns(),
    )
    return after_ns - before_ns, boottime_ns - (before_ns + after_ns) // 2


class KernelClock(NamedTuple):
    """What `adjtimex(2)` says of the wall clock, in milliseconds; it means something only where `synced`.

    `ahead_ms`: how far it is ahead of the time source, as far as that is still to be slewed; `error_ms`: how far it may
    be from that (`maxerror`, which grows by half a millisecond a second until the source has spoken again).
    """

    synced: bool
    ahead_ms: float
    error_ms: float


def kernel_clock() -> KernelClock | None:
    """Ask the kernel; None where it has no such call (no Linux)."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        buffer = ctypes.create_string_buffer(_TIMEX_BYTES)  # modes = 0: read only
        state = libc.adjtimex(buffer)
    except (OSError, AttributeError):
        return None
    word = ctypes.sizeof(ctypes.c_long)
    # struct timex: int modes (padded), long offset, freq, maxerror, esterror, then int status
    offset, error_us = (ctypes.c_long.from_buffer(buffer, word * place).value for place in (1, 3))
    status = ctypes.c_int.from_buffer(buffer, word * 5).value
    offset_us = offset / 1000 if status & _STA_NANO else offset
    return KernelClock(0 <= state < _TIME_ERROR and not status & _STA_UNSYNC, -offset_us / 1000, error_us / 1000)


def _kernel_says_synced() -> bool:
    kernel = kernel_clock()
    return kernel is not None and kernel.synced
