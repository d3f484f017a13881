"""Instants are exact integer milliseconds, whatever the offset and the century."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.clock import ManualClock, SystemClock, iso, to_datetime, to_ms

YEAR_9999_MS = 253_402_300_799_999
ALL_INSTANTS = st.integers(min_value=0, max_value=YEAR_9999_MS)


@given(ALL_INSTANTS)
def test_milliseconds_survive_the_way_through_datetime_exactly(instant_ms: int) -> None:
    assert to_ms(to_datetime(instant_ms)) == instant_ms


@given(ALL_INSTANTS)
def test_milliseconds_survive_the_way_through_text_exactly(instant_ms: int) -> None:
    assert to_ms(datetime.fromisoformat(iso(instant_ms))) == instant_ms


@given(
    st.datetimes(
        min_value=datetime(1970, 1, 2),
        max_value=datetime(9999, 12, 30),
        timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    )
)
def test_any_offset_names_the_same_instant(moment: datetime) -> None:
    back = to_datetime(to_ms(moment))
    assert timedelta(0) <= moment - back < timedelta(milliseconds=1)
    assert back.utcoffset() == timedelta(0)


def test_instants_are_written_in_utc_with_milliseconds() -> None:
    assert iso(0) == "1970-01-01T00:00:00.000Z"
    assert iso(1_772_323_200_007) == "2026-03-01T00:00:00.007Z"
    assert to_datetime(1_772_323_200_999) == datetime(2026, 3, 1, 0, 0, 0, 999_000, tzinfo=UTC)


def test_naive_datetimes_are_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match=r"^2026-03-01T00:00:00 has no UTC offset: write 2026-03-01T00:00:00Z$"):
        to_ms(datetime(2026, 3, 1))


def test_an_instant_before_1970_is_negative_not_wrong() -> None:
    assert to_ms(datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)) == -1
    assert to_datetime(-1) == datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)


def test_the_machines_own_clock_names_its_boot_and_never_goes_back() -> None:
    clock = SystemClock()
    readings = [clock.mono_ms() for _ in range(1000)]
    assert readings == sorted(readings)
    assert len(clock.boot_id()) == 32
    assert int(clock.boot_id(), 16) > 0
    assert clock.boot_id() == SystemClock().boot_id()
    assert clock.wall_ms() > to_ms(datetime(2025, 1, 1, tzinfo=UTC))
    assert clock.synced() in {True, False}


def test_a_clock_turned_by_hand_runs_steps_and_reboots() -> None:
    clock = ManualClock()
    wall, mono = clock.wall_ms(), clock.mono_ms()
    clock.advance(1500)
    assert (clock.wall_ms(), clock.mono_ms()) == (wall + 1500, mono + 1500)
    clock.wall -= 3_600_000  # a step of the wall clock leaves the other alone
    assert clock.mono_ms() == mono + 1500
    clock.reboot("c" * 32, wall=0)
    assert (clock.boot_id(), clock.wall_ms(), clock.mono_ms()) == ("c" * 32, 0, 5_000)
