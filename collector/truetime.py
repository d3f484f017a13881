"""PURE. True time: `mono + offset(boot)` (SPEC part 4). Which offset a boot has is decided here and nowhere else.

Every rule is a join (least wins), so that lost, repeated and reordered messages change nothing:

    statement                                             kept
    ----------------------------------------------------  --------------------------------------------------------
    sent − mono, made while synced and believable         the earliest of the boot (least mono, then least offset)
    wall − mono that a later boot's hello remembers       the least
    received − mono                                       the least: the message that was under way most shortly

    offset(boot) = the first of these that there is, in this order; where there is none, times are `estimated`.

The earliest synced statement wins, and not the newest, because runs already judged must not wander by the millisecond
with every heartbeat; CLOCK_BOOTTIME is slewed together with the wall clock: within one boot they differ by steps only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from collector.views import ClockSource

# A message cannot be sent after it was received: beyond this much the device's "synced" is not believed.
MAX_AHEAD_MS: Final = 10 * 60_000
# What a wall clock showed before this (2020-01-01) it cannot have meant: there was no signwatch to write it down.
EARLIEST_MS: Final = 1_577_836_800_000
# It may be late (a full queue at a broker), but not by days: agents state the time anew with every sending.
MAX_BEHIND_MS: Final = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class BootClock:
    """What is known of one boot's clock; all in milliseconds."""

    synced_mono_ms: int | None = None
    synced_offset_ms: int | None = None
    told_offset_ms: int | None = None
    received_offset_ms: int | None = None

    def offset(self) -> tuple[int, ClockSource] | None:
        """Give what to add to the boot's mono, and how well it is known."""
        if self.synced_offset_ms is not None:
            return self.synced_offset_ms, "synced"
        if self.told_offset_ms is not None:
            return self.told_offset_ms, "synced"
        if self.received_offset_ms is not None:
            return self.received_offset_ms, "received"
        return None


UNKNOWN: Final = BootClock()


def believable(sent_ms: int, received_ms: int) -> bool:
    """Whether a clock that says it is synced can be right, by the collector's own."""
    return -MAX_BEHIND_MS <= sent_ms - received_ms <= MAX_AHEAD_MS


def note_message(clock: BootClock, *, sent_ms: int, mono_ms: int, synced: bool, received_ms: int) -> BootClock:
    """Take in what one message says of the clock of the boot it was sent in."""
    received = received_ms - mono_ms
    if clock.received_offset_ms is None or received < clock.received_offset_ms:
        clock = replace(clock, received_offset_ms=received)
    if not synced or not believable(sent_ms, received_ms):
        return clock
    statement = (mono_ms, sent_ms - mono_ms)
    if clock.synced_mono_ms is not None and clock.synced_offset_ms is not None:
        statement = min(statement, (clock.synced_mono_ms, clock.synced_offset_ms))
    if statement != (clock.synced_mono_ms, clock.synced_offset_ms):
        clock = replace(clock, synced_mono_ms=statement[0], synced_offset_ms=statement[1])
    return clock


def note_told(clock: BootClock, *, offset_ms: int, received_ms: int) -> BootClock:
    """Take in what a later boot remembers of this one; an offset that no boot can have had is no memory."""
    if not EARLIEST_MS <= offset_ms <= received_ms + MAX_AHEAD_MS:
        return clock
    if clock.told_offset_ms is None or offset_ms < clock.told_offset_ms:
        return replace(clock, told_offset_ms=offset_ms)
    return clock


def merge(one: BootClock, other: BootClock) -> BootClock:
    """The join of two partial knowledges of the same boot."""
    merged = one
    if other.synced_mono_ms is not None and other.synced_offset_ms is not None:
        statement = (other.synced_mono_ms, other.synced_offset_ms)
        if one.synced_mono_ms is None or one.synced_offset_ms is None:
            best = statement
        else:
            best = min(statement, (one.synced_mono_ms, one.synced_offset_ms))
        merged = replace(merged, synced_mono_ms=best[0], synced_offset_ms=best[1])
    return replace(
        merged,
        told_offset_ms=_least(one.told_offset_ms, other.told_offset_ms),
        received_offset_ms=_least(one.received_offset_ms, other.received_offset_ms),
    )


def _least(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
