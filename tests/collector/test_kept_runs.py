"""What memory keeps of a month: the same runs as a plain list would hold, in a few dozen bytes each."""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.evidence import RunRow
from collector.kept_runs import KeptRun
from collector.sla.timeline import Evidence, paint
from collector.track import Track

DAY_MS: Final = 86_400_000
MONTH_MS: Final = 33 * DAY_MS
NOW: Final = 1_772_366_400_000
RUNS_A_MONTH: Final = 120
BYTES_A_RUN: Final = 100  # 3,000 players with 120 runs each: 36 MB


def row(spool: str, seq: int, start_ms: int, end_ms: int, state: str = "playing", **changes: object) -> RunRow:
    """A row as a database gives it: every string an object of its own."""
    boots = [(b"b" * 32).decode() for _ in range(2)]
    times = start_ms, end_ms
    found = RunRow(1, spool.encode().decode(), seq, "main", state, None, None, True, *boots, *times * 3, "synced")
    return found._replace(**changes)  # type: ignore[arg-type]


def kept(row: RunRow, detail: str | None = None) -> KeptRun:
    return KeptRun(row.spool, row.seq, row.start_ms, row.end_ms, row.state, row.cause, row.clock, detail)


def order(run: RunRow) -> tuple[int, str, int]:
    return run.start_ms, run.spool, run.seq


@st.composite
def rows(draw: st.DrawFn) -> RunRow:
    start_ms = draw(st.integers(0, 60))
    return row(
        draw(st.sampled_from(["s", "t"])),
        draw(st.integers(1, 12)),
        start_ms,
        start_ms + draw(st.integers(0, 30)),
        draw(st.sampled_from(["playing", "frozen", "off", "unknown"])),
        cause=draw(st.sampled_from([None, "power", "customer"])),
        detail=draw(st.sampled_from([None, "it stood"])),
        clock=draw(st.sampled_from(["synced", "received", "estimated"])),
        closed=draw(st.booleans()),
    )


@settings(max_examples=100, deadline=None)
@given(st.lists(rows(), max_size=40), st.integers(0, 60), st.booleans())
def test_columns_hold_what_a_plain_table_would(said: list[RunRow], before_ms: int, detailed: bool) -> None:
    track, table = Track(detailed=detailed), dict[tuple[str, int], RunRow]()
    for number, each in enumerate(said):
        if number % 3 == 0:
            track.remember(each)
            table.setdefault(each.name, each)
        else:
            track.add(each)
            table[each.name] = each
    hold_the_same(track, table.values(), detailed)
    spared = track.newest.name if track.newest else None
    track.prune(before_ms)
    hold_the_same(track, [run for run in table.values() if run.end_ms > before_ms or run.name == spared], detailed)


def hold_the_same(track: Track, table: Iterable[RunRow], detailed: bool) -> None:
    runs = sorted(table, key=order)
    assert list(track.painted()) == [kept(run, run.detail if detailed else None) for run in runs]
    extent = (min(run.start_ms for run in runs), max(run.end_ms for run in runs)) if runs else None
    assert track.span_ms == extent
    lasting = [run for run in runs if run.start_ms < run.end_ms]
    evidence = [Evidence(run.start_ms, run.end_ms, run.state, run.cause) for run in lasting]
    assert paint(track.evidence(10, 70), 10, 70) == paint(evidence, 10, 70)
    furthest = max(runs, key=lambda run: (run.clock != "estimated", run.end_ms, *order(run)), default=None)
    assert (track.newest and track.newest.name) == (furthest and furthest.name)
    assert track.evidence_ms == (furthest and furthest.end_ms)


def month(seq: int, from_ms: int, chance: random.Random) -> Iterator[RunRow]:
    """A player's month from an instant on: what each run saw is told at length."""
    edges = sorted(chance.sample(range(from_ms, from_ms + MONTH_MS), RUNS_A_MONTH + 1))
    for number, (start_ms, end_ms) in enumerate(pairwise(edges), seq):
        state, detail = chance.choice(["playing", "frozen", "stopped"]), f"{chance.random()} " * 30
        yield row("5" * 32, number, start_ms, start_ms + 1, state, closed=False)
        yield row("5" * 32, number, start_ms, end_ms, state, detail=detail)


def held_bytes(tracks: Iterable[Track], seq: int, from_ms: int, chance: random.Random) -> int:
    """What Python's memory grew by, or shrank, when a month came and what was before it was forgotten."""
    before, _ = tracemalloc.get_traced_memory()
    for track in tracks:
        for each in month(seq, from_ms, chance):
            track.add(each)
        track.prune(from_ms)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    return after - before


def test_a_run_takes_a_hundred_bytes_and_a_second_month_takes_no_more_than_the_first() -> None:
    chance, tracks = random.Random(1), [Track() for _ in range(10)]
    runs = RUNS_A_MONTH * len(tracks)
    tracemalloc.start()
    try:
        first = held_bytes(tracks, 1, NOW, chance)
        later = [held_bytes(tracks, 1 + RUNS_A_MONTH * n, NOW + n * MONTH_MS, chance) for n in (1, 2)]
    finally:
        tracemalloc.stop()
    assert sum(1 for track in tracks for _ in track.painted()) in range(runs, runs + 2 * len(tracks))
    assert 20 * runs < first < BYTES_A_RUN * runs
    assert sum(later) < 10 * runs
