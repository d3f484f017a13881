from __future__ import annotations

import random
from fractions import Fraction

import pytest

from collector.views import RunView
from collector.web.format import Times
from collector.web.texts import ENGLISH
from collector.web.timeline import COLUMNS, NO_EVIDENCE, TABLE_ROWS, bounds, draw, paint
from common.clock import to_ms
from tests.collector.web.fake_desk import DAY, HOUR, NOW_MS

MADRID = Times("Europe/Madrid")
EVERY_TEN = ["13:30", "13:40", "13:50", "14:00", "14:10", "14:20"]
IN_KATHMANDU = ["18:20", "18:30", "18:40", "18:50", "19:00", "19:10"]


def run(
    start: int, end: int, state: str = "playing", *, seq: int = 1, closed: bool = True, cause: str | None = None
) -> RunView:
    return RunView(start, end, state, cause, None, "synced", closed, "spool", seq)


def painted(*runs: RunView) -> list[tuple[int, int, str]]:
    return [(segment.start_ms, segment.end_ms, segment.state) for segment in paint(runs, 0, 100)]


def test_what_nothing_painted_is_no_evidence() -> None:
    assert painted() == [(0, 100, NO_EVIDENCE)]
    assert painted(run(20, 50)) == [(0, 20, NO_EVIDENCE), (20, 50, "playing"), (50, 100, NO_EVIDENCE)]


def test_a_later_start_paints_over_an_earlier_one_which_shows_again_after_it() -> None:
    assert painted(run(0, 100), run(40, 60, "stopped", seq=2)) == [
        (0, 40, "playing"),
        (40, 60, "stopped"),
        (60, 100, "playing"),
    ]


def test_of_two_runs_with_one_start_the_higher_spool_and_seq_wins_whatever_their_order() -> None:
    old, new = run(10, 90, "stopped", seq=1), run(10, 90, "frozen", seq=2)
    assert painted(old, new) == painted(new, old)
    assert painted(new, old)[1] == (10, 90, "frozen")


def test_runs_are_cut_at_the_range() -> None:
    assert painted(run(-50, 30), run(80, 500, "off")) == [
        (0, 30, "playing"),
        (30, 80, NO_EVIDENCE),
        (80, 100, "off"),
    ]
    assert painted(run(-50, -10), run(200, 300)) == [(0, 100, NO_EVIDENCE)]


def test_painting_agrees_with_a_naive_painter_on_random_runs() -> None:
    chance = random.Random(5)
    for _ in range(200):
        runs = [
            run(start, start + chance.randrange(0, 30), chance.choice(["playing", "stopped", "off"]), seq=seq)
            for seq, start in enumerate(chance.randrange(-10, 60) for _ in range(chance.randrange(1, 9)))
        ]
        canvas = [NO_EVIDENCE] * 50
        for one in sorted(runs, key=lambda one: (one.start_ms, one.seq)):
            for at in range(max(0, one.start_ms), min(50, one.end_ms)):
                canvas[at] = one.state
        segments = paint(runs, 0, 50)
        assert [segment.state for segment in segments for _ in range(segment.length_ms)] == canvas


def test_the_month_begins_at_local_midnight_of_the_first() -> None:
    start, end = bounds("month", NOW_MS, MADRID)
    assert MADRID.stamp(start) == "2026-11-01 00:00:00"
    assert end == NOW_MS
    assert to_ms(MADRID.local(start)) == start


def test_a_short_stop_never_vanishes_from_a_month() -> None:
    start, _ = bounds("month", NOW_MS, MADRID)
    drawing = draw(
        [run(start, NOW_MS), run(start + DAY, start + DAY + 1000, "stopped", seq=2)], "month", NOW_MS, MADRID, ENGLISH
    )
    stops = [bar for bar in drawing.bars if bar.state == "stopped"]
    assert len(stops) == 1
    assert Fraction(stops[0].width.rstrip("%")) == pytest.approx(100 / COLUMNS, abs=0.001)
    assert drawing.bars[-1] is stops[0], "the worse state lies on top"


def test_a_player_that_flaps_every_second_draws_a_bounded_number_of_bars_and_rows() -> None:
    start = NOW_MS - DAY
    flapping = [
        run(start + second * 1000, start + second * 1000 + 1000, "stopped" if second % 2 else "playing", seq=second)
        for second in range(20_000)
    ]
    drawing = draw(flapping, "24h", NOW_MS, MADRID, ENGLISH)
    assert len(drawing.bars) <= 2 * COLUMNS + 1
    assert len(drawing.rows) == TABLE_ROWS
    assert drawing.count == 20_000


def test_lanes_tell_how_long_each_state_lasted() -> None:
    drawing = draw(
        [run(NOW_MS - DAY, NOW_MS - HOUR), run(NOW_MS - HOUR, NOW_MS - 60_000, "black", seq=2)],
        "24h",
        NOW_MS,
        MADRID,
        ENGLISH,
    )
    assert [(lane.state, lane.total) for lane in drawing.lanes] == [
        ("playing", "23 h 00 min"),
        (NO_EVIDENCE, "1 min 00 s"),
        ("black", "59 min 00 s"),
    ]


def test_an_open_run_is_marked_as_growing_in_the_drawing_and_in_the_table() -> None:
    drawing = draw([run(NOW_MS - HOUR, NOW_MS - 5000, closed=False)], "24h", NOW_MS, MADRID, ENGLISH)
    assert [bar.growing for bar in drawing.bars if bar.state == "playing"] == [True]
    assert "still growing" in next(bar.title for bar in drawing.bars if bar.state == "playing")
    assert drawing.rows[0].end is None


def test_the_table_lists_the_newest_run_first_in_local_time() -> None:
    drawing = draw(
        [run(NOW_MS - DAY, NOW_MS - HOUR), run(NOW_MS - HOUR, NOW_MS, "off", seq=2, cause="power")],
        "24h",
        NOW_MS,
        MADRID,
        ENGLISH,
    )
    assert [(row.start, row.state, row.cause) for row in drawing.rows] == [
        ("2026-11-22 13:30:00", "off", "power"),
        ("2026-11-21 14:30:00", "playing", "–"),
    ]


def test_ticks_stand_on_local_hours_and_few_carry_labels() -> None:
    day = draw([], "24h", NOW_MS, MADRID, ENGLISH)
    assert [tick.label for tick in day.ticks] == [
        "15:00",
        "18:00",
        "21:00",
        "11-22",
        "03:00",
        "06:00",
        "09:00",
        "12:00",
    ]
    month = draw([], "month", NOW_MS, MADRID, ENGLISH)
    assert len(month.ticks) == 22
    assert sum(bool(tick.label) for tick in month.ticks) <= 8


def test_an_hour_has_a_tick_every_ten_minutes_also_where_clocks_go_by_three_quarters() -> None:
    assert [tick.label for tick in draw([], "1h", NOW_MS, MADRID, ENGLISH).ticks] == EVERY_TEN
    assert [tick.label for tick in draw([], "1h", NOW_MS, Times("Asia/Kathmandu"), ENGLISH).ticks] == IN_KATHMANDU


def test_a_day_with_a_repeated_hour_keeps_its_ticks_in_order() -> None:
    after_change = to_ms(MADRID.local(1_792_918_800_000))  # 2026-10-25, the hour from 2 to 3 occurs twice
    places = [Fraction(tick.at.rstrip("%")) for tick in draw([], "24h", after_change, MADRID, ENGLISH).ticks]
    assert places == sorted(set(places))


def test_the_first_millisecond_of_a_month_draws_an_empty_timeline() -> None:
    start, _ = bounds("month", NOW_MS, MADRID)
    drawing = draw([], "month", start, MADRID, ENGLISH)
    assert (drawing.bars, drawing.lanes, drawing.ticks) == ((), (), ())
