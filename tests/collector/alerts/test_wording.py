from __future__ import annotations

from fractions import Fraction

import pytest

from collector.alerts.wording import clock_text, length_text, percent_text, span_text, times_text


@pytest.mark.parametrize(
    ("share", "short", "fixed"),
    [
        (Fraction(1, 5), "20", "20.00"),
        (Fraction(999, 1000), "99.9", "99.90"),
        (Fraction(13, 40), "32.5", "32.50"),
        (Fraction(1, 3), "33.33", "33.33"),
        (Fraction(2, 3), "66.67", "66.67"),
        (Fraction(0), "0", "0.00"),
        (Fraction(1), "100", "100.00"),
        (Fraction(5, 100_000), "0.01", "0.01"),
    ],
)
def test_a_share_is_told_in_percent_half_up_to_two_decimals(share: Fraction, short: str, fixed: str) -> None:
    assert percent_text(share) == short
    assert percent_text(share, fixed=True) == fixed


@pytest.mark.parametrize(
    ("length_ms", "text"),
    [
        (0, "0 s"),
        (999, "0 s"),
        (59_999, "59 s"),
        (60_000, "1 min 0 s"),
        (492_001, "8 min 12 s"),
        (3_600_000, "1 h 0 min"),
        (90_061_000, "1 d 1 h"),
        (-5, "0 s"),
    ],
)
def test_a_length_is_told_in_its_two_largest_units(length_ms: int, text: str) -> None:
    assert length_text(length_ms) == text


def test_an_instant_is_told_in_utc() -> None:
    assert clock_text(1_772_359_331_999) == "10:02:11Z"


@pytest.mark.parametrize(
    ("rate", "text"), [(Fraction(1488, 100), "14.88"), (Fraction(6), "6"), (Fraction(1, 3), "0.33")]
)
def test_a_rate_is_written_as_how_many_times(rate: Fraction, text: str) -> None:
    assert times_text(rate) == text


@pytest.mark.parametrize(
    ("length_ms", "text"),
    [(259_200_000, "3 d"), (86_400_000, "1 d"), (3_600_000, "1 h"), (5_400_000, "90 min"), (61_000, "61 s")],
)
def test_a_window_is_written_in_its_largest_whole_unit(length_ms: int, text: str) -> None:
    assert span_text(length_ms) == text
