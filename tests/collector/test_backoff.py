from __future__ import annotations

import pytest

from collector.backoff import backoff_ms, retry_after_ms

NOW_MS = 1_772_359_331_000  # Sun, 01 Mar 2026 10:02:11 GMT


@pytest.mark.parametrize(
    ("attempt", "longest"), [(0, 1_000), (1, 1_000), (2, 2_000), (5, 16_000), (9, 60_000), (10_000, 60_000)]
)
def test_the_wait_doubles_up_to_its_ceiling_and_is_never_nothing(attempt: int, longest: int) -> None:
    assert backoff_ms(attempt, 1_000, 60_000, lambda: 1.0) == longest
    assert backoff_ms(attempt, 1_000, 60_000, lambda: 0.0) == longest // 10
    assert longest // 10 <= backoff_ms(attempt, 1_000, 60_000) <= longest


@pytest.mark.parametrize(
    ("header", "wait_ms"),
    [
        ("7", 7_000),
        (" 0 ", 0),
        ("999999999999", 3_600_000),
        ("Sun, 01 Mar 2026 10:02:41 GMT", 30_000),
        ("Sun, 01 Mar 2026 10:00:00 GMT", 0),
        ("Mon, 01 Mar 2027 10:00:00 GMT", 3_600_000),
        ("soon", None),
        ("-5", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, wait_ms: int | None) -> None:
    assert retry_after_ms(header, NOW_MS) == wait_ms
