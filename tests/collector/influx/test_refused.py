from __future__ import annotations

from pathlib import Path

import pytest

from collector.influx import refused as refused_module
from collector.influx.refused import RefusedLine, RefusedLines, read_refused
from common.clock import ManualClock

DAY_MS = 86_400_000


def test_what_is_set_aside_can_be_read_again_oldest_first(tmp_path: Path) -> None:
    clock = ManualClock()
    refused = RefusedLines(tmp_path, clock)
    assert refused.add([(b"bad one", "HTTP 400: no\n good"), (b"bad \xff two", "HTTP 413")]) == 0
    clock.advance(DAY_MS)
    assert refused.add([(b"bad three", "HTTP 400")]) == 0
    assert list(read_refused(tmp_path)) == [
        RefusedLine("2026-03-01T00:00:00.000Z", "HTTP 400: no good", "bad one"),
        RefusedLine("2026-03-01T00:00:00.000Z", "HTTP 413", "bad \ufffd two"),
        RefusedLine("2026-03-02T00:00:00.000Z", "HTTP 400", "bad three"),
    ]


def test_a_day_is_bounded_and_so_is_all_of_it_and_what_goes_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused_module, "DAY_BYTES_MAX", 1_000)
    monkeypatch.setattr(refused_module, "ALL_BYTES_MAX", 2_500)
    clock = ManualClock()
    refused = RefusedLines(tmp_path, clock)
    lines = [(b"x" * 200, "bad")] * 5
    assert [refused.add(lines), refused.add(lines)] == [0, 5]
    clock.advance(DAY_MS)
    assert refused.add(lines) == 0
    clock.advance(DAY_MS)
    assert refused.add(lines) == 5  # the first day's
    assert sorted(file.name for file in tmp_path.iterdir()) == ["refused-2026-03-02.lp", "refused-2026-03-03.lp"]


def test_where_nothing_was_set_aside_there_is_nothing_to_read(tmp_path: Path) -> None:
    assert list(read_refused(tmp_path / "nowhere")) == []
