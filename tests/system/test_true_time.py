"""Whatever a board's clock does, outages are as long as they were and stand where they happened (docs/clocks.md)."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Callable, Coroutine
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.evidence import RunRow
from tests.system.faulty_clocks import DAY_MS, HOUR_MS, MINUTE_MS, Board, BoardClock, Books, down_ms

HEARTBEAT_MS: Final = 15_000
Fault = Callable[[Board, int], None]
"""What goes wrong at one of the numbered moments of the story."""


@pytest.fixture(scope="module")
def books() -> Books:
    return Books()


async def story(board: Board, fault: Fault) -> None:
    """Three boots with an outage in each of the first two, and two power cuts."""
    fault(board, 0)
    await board.live(5 * MINUTE_MS)
    fault(board, 1)
    await board.live(3 * HOUR_MS)
    await board.live(20 * MINUTE_MS, "frozen")
    fault(board, 2)
    await board.live(2 * HOUR_MS)
    board.lose_power(30 * MINUTE_MS)
    fault(board, 3)
    await board.live(5 * MINUTE_MS)
    fault(board, 4)
    await board.live(2 * HOUR_MS)
    await board.live(10 * MINUTE_MS, "stopped")
    fault(board, 5)
    await board.live(4 * HOUR_MS)
    board.lose_power(10 * MINUTE_MS)
    fault(board, 6)
    await board.live(5 * MINUTE_MS)
    fault(board, 7)
    await board.live(3 * HOUR_MS)


def nothing(_board: Board, _moment: int) -> None:
    """A good clock."""


Story = Callable[[Board, Fault], Coroutine[None, None, None]]


def tell(directory: Path, fault: Fault, of: Story = story, sample_ms: int = 5 * MINUTE_MS) -> Board:
    directory.mkdir()
    board = Board(directory, sample_ms)
    asyncio.run(of(board, fault))
    board.close()
    return board


def at(**moments: Callable[[Board], None]) -> Fault:
    return lambda board, moment: moments.get(f"m{moment}", lambda _board: None)(board)


def forget(board: Board) -> None:
    board.clock.forget_the_time()


def find(board: Board) -> None:
    board.clock.find_the_time()


def offline(board: Board) -> None:
    board.online = False


def online(board: Board) -> None:
    board.online = True


def step(milliseconds: int) -> Callable[[Board], None]:
    def set_clock(board: Board) -> None:
        board.clock.error_ms += milliseconds

    return set_clock


def both(*things: Callable[[Board], None]) -> Callable[[Board], None]:
    def do(board: Board) -> None:
        for thing in things:
            thing(board)

    return do


FAULTS: Final = {
    "1970 at every boot, synced five minutes later": at(m0=forget, m1=find, m3=forget, m4=find, m6=forget, m7=find),
    "1970 at every boot, synced hours later": at(m0=forget, m2=find, m3=forget, m5=find, m6=forget, m7=find),
    "1970 and never synced": at(m0=forget, m3=forget, m6=forget),
    "an hour forward while synced, and back": at(m1=step(HOUR_MS), m2=step(-HOUR_MS)),
    "an hour back while synced, and forward": at(m1=step(-HOUR_MS), m2=step(HOUR_MS)),
    "five hours back in the second boot, for good": at(m4=step(-5 * HOUR_MS), m6=find),
    "five hours forward from the middle of a boot on": at(m5=step(5 * HOUR_MS), m6=find),
    "a boot offline, with a clock": at(m3=offline, m6=online),
    "a boot offline, 1970, synced later": at(m3=both(offline, forget), m4=find, m6=online),
    "a boot offline whose clock was corrected by an hour": at(m3=both(offline, step(HOUR_MS)), m4=find, m6=online),
}
UNPLACED: Final = {
    "a boot offline in 1970": at(m3=both(offline, forget), m6=both(online, find)),
    "the first boot offline in 1970": at(m0=both(offline, forget), m3=both(online, find)),
    "two boots offline in 1970": at(m0=both(offline, forget), m3=forget, m6=both(online, find)),
    "a boot offline with an RTC that is three hours slow": at(
        m3=lambda board: both(offline, step(-3 * HOUR_MS), lambda _: setattr(board.clock, "is_synced", False))(board),
        m6=both(online, find),
    ),
}


def check_order(rows: list[RunRow]) -> None:
    """Runs of one output neither overlap nor part by the mapping: where mono touches, so do true times."""
    assert all(row.start_ms <= row.end_ms for row in rows)
    for one, other in pairwise(sorted(rows, key=lambda row: row.seq)):
        if one.end_boot == other.boot and one.end_mono_ms == other.start_mono_ms:
            assert one.end_ms == other.start_ms, (one, other)


@pytest.mark.parametrize("name", FAULTS)
def test_outages_stand_where_they_happened_and_are_as_long(name: str, tmp_path: Path, books: Books) -> None:
    good, bad = tell(tmp_path / "good", nothing), tell(tmp_path / "bad", FAULTS[name])
    truth, rows = books.take(good.messages), books.take(bad.messages)
    assert abs(down_ms(rows) - down_ms(truth)) <= bad.sample_ms
    assert [row.state for row in rows] == [row.state for row in truth]
    apart = [abs(one.start_ms - other.start_ms) for one, other in zip(rows, truth, strict=True)]
    assert max(apart) <= HEARTBEAT_MS
    assert {row.clock for row in rows} <= {"synced", "received"}
    check_order(rows)


@pytest.mark.parametrize("name", UNPLACED)
def test_where_nothing_tells_the_time_outages_are_as_long_and_marked_estimated(
    name: str, tmp_path: Path, books: Books
) -> None:
    good, bad = tell(tmp_path / "good", nothing), tell(tmp_path / "bad", UNPLACED[name])
    truth, rows = books.take(good.messages), books.take(bad.messages)
    assert [row.state for row in rows] == [row.state for row in truth]
    estimated = [row for row in rows if row.clock == "estimated"]
    assert estimated
    if "first" not in name and "two" not in name:  # with a known boot on either side what was dark adds up
        assert abs(down_ms(rows) - down_ms(truth)) <= bad.sample_ms
    check_order(rows)


@pytest.mark.parametrize("ppm", [500, -500])
@pytest.mark.parametrize("kind", ["synced", "unsynced", "offline"])
def test_thirty_days_of_a_clock_that_is_500_ppm_off(ppm: int, kind: str, tmp_path: Path, books: Books) -> None:
    async def month(board: Board, fault: Fault) -> None:
        fault(board, 0)
        for _ in range(10):
            await board.live(71 * HOUR_MS)
            await board.live(HOUR_MS, "frozen")
        fault(board, 1)
        await board.live(HOUR_MS)

    def drift(board: Board, moment: int) -> None:
        board.clock.ppm = ppm
        board.clock.is_synced = kind != "unsynced"
        board.online = kind != "offline" or moment == 1
        if kind == "unsynced":
            board.clock.error_ms = -board.clock.booted_ms

    good = tell(tmp_path / "good", nothing, month, 20 * MINUTE_MS)
    bad = tell(tmp_path / "bad", drift, month, 20 * MINUTE_MS)
    truth, rows = books.take(good.messages), books.take(bad.messages)
    apart = [abs(one.start_ms - other.start_ms) for one, other in zip(rows, truth, strict=True)]
    assert max(apart) < HEARTBEAT_MS
    assert abs(down_ms(rows) - down_ms(truth)) < HEARTBEAT_MS
    check_order(rows)


def test_a_clock_without_faults_is_what_the_others_are_measured_by(tmp_path: Path, books: Books) -> None:
    rows = books.take(tell(tmp_path / "good", nothing).messages)
    outages = [(row.state, (row.end_ms - row.start_ms) // MINUTE_MS) for row in rows if row.state != "playing"]
    assert outages == [("frozen", 20), ("off", 34), ("stopped", 10), ("off", 14)]  # from the last sign of life on


TROUBLES: Final = [
    forget,
    find,
    offline,
    online,
    step(HOUR_MS),
    step(-HOUR_MS),
    step(-5 * HOUR_MS),
    step(4000),
    lambda board: setattr(board.clock, "is_synced", False),
]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("many", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_any_sequence_of_faults_in_any_order_of_messages(many: bool, books: Books) -> None:
    moments = st.dictionaries(st.integers(0, 7), st.sampled_from(TROUBLES), max_size=6)

    @settings(max_examples=500 if many else 25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(moments=moments, ppm=st.sampled_from([0, 0, 500, -500]), seed=st.integers(0, 2**32))
    def holds(moments: dict[int, Callable[[Board], None]], ppm: int, seed: int) -> None:
        def fault(board: Board, moment: int) -> None:
            board.clock.ppm = ppm
            moments.get(moment, lambda _board: None)(board)
            if moment == 7:  # the link comes back in the end
                board.online = True

        with tempfile.TemporaryDirectory() as folder:
            board = tell(Path(folder) / "board", fault)
        rows = books.take(board.messages)
        check_order(rows)
        chance = random.Random(seed)
        shuffled = board.messages * 2
        chance.shuffle(shuffled)
        cut = chance.randint(0, len(shuffled))
        assert books.take(shuffled[:cut], shuffled[cut:]) == rows
        wall_lies = bool(moments)  # with a good clock everything is synced
        assert wall_lies or {row.clock for row in rows} == {"synced"}

    holds()


def test_the_board_is_what_it_says() -> None:
    clock = BoardClock(ppm=-500)
    clock.true_ms += 30 * DAY_MS
    assert clock.wall_ms() - clock.mono_ms() - clock.booted_ms == pytest.approx(21.6 * MINUTE_MS, rel=0.01)
