from __future__ import annotations

from fractions import Fraction

import pytest

from collector.web.format import (
    HostValue,
    Times,
    decimal,
    duration,
    host_value,
    percent,
    plain,
    rounded_percent,
    short_percent,
)


@pytest.mark.parametrize(
    ("share", "decimals", "expected"),
    [
        (Fraction(1), 2, "100.00"),
        (Fraction(999_999, 1_000_000), 2, "99.99"),
        (Fraction(2, 3), 3, "66.666"),
        (Fraction(0), 0, "0"),
        (None, 2, None),
    ],
)
def test_availability_is_rounded_down_so_that_a_hundred_means_all(
    share: Fraction | None, decimals: int, expected: str | None
) -> None:
    assert percent(share, decimals) == expected


def test_shares_of_players_are_rounded_half_up() -> None:
    assert rounded_percent(Fraction(1, 8)) == "12.5"
    assert rounded_percent(Fraction(1, 3000)) == "0.0"
    assert rounded_percent(Fraction(3, 2000)) == "0.2"
    assert rounded_percent(None) is None


def test_levels_are_written_without_needless_zeros() -> None:
    assert [short_percent(Fraction(n, 1000)) for n in (200, 999, 990, 1000)] == ["20", "99.9", "99", "100"]


def test_decimals_of_the_api_are_exact_beyond_a_float() -> None:
    assert decimal(Fraction(10**20 - 1, 10**20)) == "0.999999999"
    assert decimal(Fraction(-1, 3)) == "-0.333333334"  # rounded down, as said


@pytest.mark.parametrize(
    ("length_ms", "expected"),
    [
        (-5, "0 s"),
        (59_999, "59 s"),
        (60_000, "1 min 00 s"),
        (3_600_000 + 5 * 60_000, "1 h 05 min"),
        (86_400_000 * 2 + 3_600_000 * 4, "2 d 04 h"),
    ],
)
def test_durations_read_well(length_ms: int, expected: str | None) -> None:
    assert duration(length_ms) == expected


def test_times_are_those_of_the_zone_and_name_it() -> None:
    madrid = Times("Europe/Madrid")
    assert madrid.name == "Europe/Madrid"
    assert madrid.stamp(1_795_354_200_000) == "2026-11-22 14:30:00"
    assert madrid.stamp(None) == "–"
    assert madrid.brief(1_795_354_200_000, 1_795_354_200_000 + 3_600_000) == "14:30"
    assert madrid.brief(1_795_354_200_000, 1_795_354_200_000 + 86_400_000) == "11-22 14:30"


@pytest.mark.parametrize("zone", [None, "", "Not/AZone", "../etc/passwd"])
def test_without_a_usable_zone_utc_is_shown_and_named(zone: str | None) -> None:
    assert Times(zone).name == "UTC"
    assert Times(zone).clock(1_795_354_200_000) == "13:30:00"


def test_text_from_the_wire_cannot_turn_the_direction_of_what_stands_beside_it() -> None:
    assert plain("a\u202eb\x00c\nd") == "a�b�c�d"
    assert plain("x" * 20, 5) == "xxxxx…"
    assert plain("Café ❄ 東京") == "Café ❄ 東京"


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("disk_free_bytes", 11_274_289_152, "10.5 GiB"),
        ("disk_free_bytes", 512, "512 B"),
        ("huge_bytes", 5 * 2**40, "5.0 TiB"),
        ("cpu_percent", 23.456, "23.5 %"),
        ("disk_used_ratio", 0.5, "50.0 %"),
        ("temperature_c", 51.2, "51.2 °C"),
        ("uptime_s", 90_061, "1 d 01 h"),
        ("load_1m", 0.42, "0.42"),
        ("cores", 4, "4"),
        ("throttled", False, "no"),
        ("model", "Pi\u202e4", "Pi�4"),
        ("gone", None, "–"),
    ],
)
def test_host_figures_carry_the_unit_that_their_name_ends_in(key: str, value: HostValue, expected: str | None) -> None:
    assert host_value(key, value) == expected


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("key", ["uptime_s", "disk_free_bytes", "cpu_percent", "load_1m"])
def test_a_host_figure_that_is_no_number_is_a_dash(key: str, value: HostValue) -> None:
    assert host_value(key, value) == "–"
