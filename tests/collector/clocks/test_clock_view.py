"""What a person is told of a clock: when it last said that it was synced, and what its newest heartbeat says of it."""

from __future__ import annotations

from collector.clocks.clock_view import DeviceClock, LastWord, Statement, last_word, view_of
from collector.clocks.offsets import HOUR_MS
from collector.clocks.truetime import UNKNOWN, BootClock, note_message

NOW = 1_772_323_200_000
BOOT = "5f0c"


def said(clock: BootClock, mono_ms: int, *, synced: bool = True) -> BootClock:
    sent_ms = NOW + mono_ms
    return note_message(clock, sent_ms=sent_ms, mono_ms=mono_ms, synced=synced, received_ms=sent_ms + 40)


def heartbeat(sent_ms: int, mono_ms: int, boot: str = BOOT) -> Statement:
    return Statement(boot, sent_ms, mono_ms, synced=True, received_ms=NOW)


def test_when_a_clock_last_said_that_it_was_synced_is_known_to_the_hour() -> None:
    clock = UNKNOWN
    for hour in range(6):
        clock = said(clock, 90_000 + hour * HOUR_MS)
    assert view_of(BOOT, said(UNKNOWN, 90_000), NOW, NOW + 1).synced_ms == NOW + 90_000
    assert view_of(BOOT, clock, NOW, NOW + 1).synced_ms == NOW + 5 * HOUR_MS
    later = said(clock, 7 * HOUR_MS, synced=False)
    assert view_of(BOOT, later, NOW, NOW + 1).synced_ms == NOW + 5 * HOUR_MS
    assert view_of(BOOT, said(UNKNOWN, 90_000, synced=False), NOW, NOW + 1).synced_ms is None


def test_the_last_word_tells_how_far_the_wall_clock_is_off() -> None:
    clock = DeviceClock("acme", "p1", (view_of(BOOT, said(UNKNOWN, 90_000), NOW, NOW + 1),))
    good = heartbeat(NOW + HOUR_MS, HOUR_MS)
    assert last_word(clock, good) == LastWord(NOW, synced=True, ahead_ms=0)
    assert last_word(clock, heartbeat(NOW + HOUR_MS - 1500, HOUR_MS)).ahead_ms == -1500
    assert last_word(clock, heartbeat(NOW, HOUR_MS, boot="other")).ahead_ms is None
