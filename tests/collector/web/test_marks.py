from __future__ import annotations

from dataclasses import replace

import pytest

from collector.web.format import Times
from collector.web.marks import draw_marks
from collector.web.texts import ENGLISH
from collector.web.timeline import COLUMNS
from tests.collector.web.fake_desk import DAY, HOUR, NOW_MS, make_marks

MADRID = Times("Europe/Madrid")
START = NOW_MS - DAY


def test_windows_and_rulings_have_a_lane_each_in_their_places() -> None:
    windows, rulings = draw_marks(make_marks(), START, NOW_MS, MADRID, ENGLISH).lanes
    assert (windows.label, rulings.label) == ("windows", "rulings")
    assert [(bar.x, bar.width, bar.style) for bar in windows.bars] == [
        ("16.6667%", "8.3333%", "counts"),
        ("58.3333%", "12.5000%", "left"),
    ]
    assert [(bar.x, bar.width, bar.style) for bar in rulings.bars] == [("83.3333%", "4.1667%", "ruling")]


def test_each_says_what_it_does_why_and_who_decided_it() -> None:
    ruling, left_out, counts = draw_marks(make_marks(), START, NOW_MS, MADRID, ENGLISH).rows
    assert (ruling.what, ruling.effect, ruling.why) == ("ruling 9", "decided: customer", "unplugged")
    assert (left_out.what, left_out.effect) == ("emergency maintenance 4", "left out of the figure")
    assert (counts.what, counts.effect) == ("planned maintenance 3", "counts: it was not announced before it began")
    assert counts.decided == "2026-11-21 19:30:00 by ana"


@pytest.mark.parametrize("reason", ["cancelled", "kind", "late", "notice", "no_contract"])
def test_every_reason_has_words(reason: str) -> None:
    window = replace(make_marks()[0], reason=reason)
    (row,) = draw_marks([window], START, NOW_MS, MADRID, ENGLISH).rows
    assert row.effect == ENGLISH.named("mark", reason) != reason.replace("_", " ")


def test_one_that_is_too_short_to_draw_is_a_column_wide_and_one_that_reaches_out_is_cut() -> None:
    short = replace(make_marks()[1], start_ms=NOW_MS - HOUR, end_ms=NOW_MS - HOUR + 1)
    long = replace(make_marks()[1], start_ms=START - DAY, end_ms=NOW_MS + DAY)
    (lane,) = draw_marks([long, short], START, NOW_MS, MADRID, ENGLISH).lanes
    assert [(bar.x, bar.width) for bar in lane.bars] == [
        ("0.0000%", "100.0000%"),
        ("95.8333%", f"{100 / COLUMNS:.4f}%"),
    ]


def test_where_nothing_was_decided_nothing_is_drawn() -> None:
    nothing = draw_marks([], START, NOW_MS, MADRID, ENGLISH)
    assert (nothing.lanes, nothing.rows) == ((), ())
