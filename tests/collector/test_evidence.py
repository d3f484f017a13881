from itertools import permutations

import pytest

from collector.clocks.offsets import Mark, Source
from collector.clocks.truetime import UNKNOWN, BootClock, boot_clock
from collector.evidence import RunRow, closed_row, in_true_time, join, open_row
from wire.messages import Run

BOOT = "a" * 32
NEXT = "c" * 32


def run(**changes: object) -> Run:
    fields: dict[str, object] = {
        "seq": 7,
        "output": "main",
        "state": "frozen",
        "start_ms": 100_000,
        "start_mono_ms": 1_000,
        "boot": BOOT,
    }
    return Run(**{**fields, **changes})  # type: ignore[arg-type]


def known(offset_ms: int, source: Source = "synced") -> BootClock:
    return boot_clock([Mark(source, 0, 0, 0, 1, offset_ms)])


def opened(mono_ms: int) -> RunRow:
    return open_row(1, "spool", run(), BOOT, mono_ms, 99_000 + mono_ms)


def closed(mono_ms: int) -> RunRow:
    return closed_row(1, "spool", run(end_mono_ms=mono_ms, end_ms=99_000 + mono_ms))


@pytest.mark.parametrize("order", list(permutations([opened(2_000), opened(9_000), closed(5_000), closed(5_000)])))
def test_the_closed_statement_wins_in_whatever_order_statements_come(order: tuple[RunRow, ...]) -> None:
    result = order[0]
    for row in order[1:]:
        result = join(result, row)
    assert result == closed(5_000)


@pytest.mark.parametrize("order", list(permutations([opened(2_000), opened(9_000), opened(5_000)])))
def test_among_open_statements_the_one_that_reaches_furthest_wins(order: tuple[RunRow, ...]) -> None:
    result = order[0]
    for row in order[1:]:
        result = join(result, row)
    assert result == opened(9_000)


def test_true_time_is_mono_plus_the_offset_of_the_boot() -> None:
    row = in_true_time(closed(5_000), known(70_000), known(70_000))
    assert (row.start_ms, row.end_ms, row.clock) == (71_000, 75_000, "synced")


def test_a_run_over_a_restart_ends_by_the_clock_of_the_next_boot() -> None:
    over = closed_row(1, "spool", run(state="off", end_boot=NEXT, end_mono_ms=0, end_ms=300_000))
    row = in_true_time(over, known(70_000), known(250_000, "received"))
    assert (row.start_ms, row.end_ms, row.clock) == (71_000, 250_000, "received")


def test_without_any_means_the_device_is_quoted_and_marked_estimated() -> None:
    row = in_true_time(closed(5_000), UNKNOWN, UNKNOWN)
    assert (row.start_ms, row.end_ms, row.clock) == (100_000, 104_000, "estimated")


def test_a_run_never_ends_before_it_starts() -> None:
    over = closed_row(1, "spool", run(state="off", end_boot=NEXT, end_mono_ms=0, end_ms=300_000))
    row = in_true_time(over, known(70_000), known(1_000))
    assert (row.start_ms, row.end_ms) == (71_000, 71_000)


def off_over_a_restart(start_ms: int, end_ms: int) -> RunRow:
    return closed_row(1, "spool", run(state="off", start_ms=start_ms, end_boot=NEXT, end_mono_ms=0, end_ms=end_ms))


NOON = 1_772_366_400_000  # 2026-03-01T12:00:00Z
HOUR = 3_600_000


def test_where_one_boot_has_no_clock_a_run_is_as_long_as_the_device_said() -> None:
    slow = off_over_a_restart(NOON - 4 * HOUR, NOON - 3 * HOUR)  # its wall clock is three hours slow
    row = in_true_time(slow, UNKNOWN, known(NOON))
    assert (row.start_ms, row.end_ms, row.clock) == (NOON - HOUR, NOON, "estimated")
    row = in_true_time(slow, known(NOON), UNKNOWN)
    assert (row.start_ms, row.end_ms, row.clock) == (NOON + 1_000, NOON + 1_000 + HOUR, "estimated")


@pytest.mark.parametrize(
    ("start_ms", "end_ms"),
    [(100_000, NOON), (100_000, 5_000), (NOON, 5_000), (100_000, 200_000), (NOON, NOON - 1)],
)
def test_a_board_that_woke_in_1970_was_not_off_for_56_years(start_ms: int, end_ms: int) -> None:
    row = in_true_time(off_over_a_restart(start_ms, end_ms), UNKNOWN, known(NOON))
    assert (row.start_ms, row.end_ms, row.clock) == (NOON, NOON, "estimated")
