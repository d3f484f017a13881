"""From statements about a boot's clock to its offset: the table of docs/clocks.md, and properties under any fault."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.clocks import truetime
from collector.clocks.offsets import CELL_MS, DEADBAND_MS, HOUR_MS, Curve, Mark, changed_from, curve_of
from collector.clocks.truetime import UNKNOWN, BootClock, note_message, note_told

NOW = 1_772_323_200_000  # true time of the boot
MINUTE_MS = 60_000
DAY_MS = 24 * HOUR_MS
INTERVAL_MS = 15_000  # one heartbeat
DELAY_MS = 40


def drifted(true_ms: int, ppm: int) -> int:
    """CLOCK_BOOTTIME of a board that is `ppm` fast, so long after its boot."""
    return true_ms + true_ms * ppm // 1_000_000


def say(
    clock: BootClock, since_boot_ms: int, *, ppm: int = 0, error_ms: int = 0, synced: bool = True, delay_ms: int = 40
) -> BootClock:
    """One message, sent so long after the boot in true time, its wall clock wrong by `error_ms`."""
    sent_ms = NOW + since_boot_ms
    return note_message(
        clock,
        sent_ms=sent_ms + error_ms,
        mono_ms=drifted(since_boot_ms, ppm),
        synced=synced,
        received_ms=sent_ms + delay_ms,
    )


def wrong_ms(clock: BootClock, since_boot_ms: int, ppm: int = 0) -> int:
    """How far from the truth a moment of the boot is placed."""
    assert clock.curve is not None
    mono_ms = drifted(since_boot_ms, ppm)
    return mono_ms + clock.curve.at(mono_ms) - NOW - since_boot_ms


def worst_ms(clock: BootClock, until_ms: int, ppm: int = 0) -> int:
    return max(abs(wrong_ms(clock, at, ppm)) for at in range(0, until_ms, 10 * MINUTE_MS))


@pytest.mark.parametrize("ppm", [500, -500, 20])
@pytest.mark.parametrize("synced", [True, False])
def test_thirty_days_of_drift_stay_within_one_heartbeat_interval(ppm: int, synced: bool) -> None:
    clock = UNKNOWN
    for at in range(0, 30 * DAY_MS, HOUR_MS):
        clock = say(clock, at, ppm=ppm, error_ms=0 if synced else -(10**11), synced=synced)
        assert abs(wrong_ms(clock, at, ppm)) < INTERVAL_MS
    assert worst_ms(clock, 30 * DAY_MS, ppm) < INTERVAL_MS
    assert len(list(clock.marks())) < 700


@pytest.mark.parametrize("ppm", [500, -500])
def test_drift_before_the_first_synchronisation_and_after_the_last_is_told_by_receipts(ppm: int) -> None:
    clock = UNKNOWN
    for at in range(0, 30 * DAY_MS, 10 * MINUTE_MS):
        synced = 10 * DAY_MS < at < 12 * DAY_MS
        clock = say(clock, at, ppm=ppm, error_ms=0 if synced else 77 * DAY_MS, synced=synced)
    assert clock.curve is not None
    assert clock.curve.source == "synced"
    assert worst_ms(clock, 30 * DAY_MS, ppm) < INTERVAL_MS


@pytest.mark.parametrize("step_ms", [HOUR_MS, -HOUR_MS, 5 * HOUR_MS, -5 * HOUR_MS, -30_000, 30_000])
@pytest.mark.parametrize("lies", ["first", "middle", "last"])
def test_a_step_of_a_clock_that_says_synced_moves_nothing(step_ms: int, lies: str) -> None:
    spans = {"first": (0, 5 * HOUR_MS), "middle": (5 * HOUR_MS, 6 * HOUR_MS), "last": (15 * HOUR_MS, DAY_MS)}
    first, last = spans[lies]
    clock = UNKNOWN
    for at in range(1000, DAY_MS, MINUTE_MS):
        clock = say(clock, at, error_ms=step_ms if first <= at < last else 0)
    assert worst_ms(clock, DAY_MS) < INTERVAL_MS


@pytest.mark.parametrize("error_ms", [-HOUR_MS, -11 * HOUR_MS, HOUR_MS])
def test_a_clock_that_is_synced_to_a_lie_all_along_is_placed_by_receipt(error_ms: int) -> None:
    clock = UNKNOWN
    for at in range(1000, DAY_MS, MINUTE_MS):
        clock = say(clock, at, error_ms=error_ms)
    assert clock.curve is not None
    assert clock.curve.source == "received"
    assert worst_ms(clock, DAY_MS) < INTERVAL_MS


def test_what_a_bridging_broker_kept_for_hours_is_not_taken_for_a_lie() -> None:
    clock = UNKNOWN
    for at in range(1000, DAY_MS // 2, MINUTE_MS):
        clock = say(clock, at, delay_ms=DAY_MS * 3 // 4 - at)  # all of it arrives at once
    assert clock.curve is not None
    assert clock.curve.source == "synced"
    assert worst_ms(clock, DAY_MS // 2) == 0


def test_a_board_that_boots_in_1970_is_placed_by_receipt_until_it_is_synced() -> None:
    clock = say(UNKNOWN, 5000, error_ms=-NOW, synced=False, delay_ms=700)
    assert clock.curve is not None
    assert (wrong_ms(clock, 0), clock.curve.source) == (700, "received")
    clock = say(clock, 2 * MINUTE_MS)
    assert clock.curve is not None
    assert (wrong_ms(clock, 0), clock.curve.source) == (0, "synced")


def test_a_message_that_hung_for_a_minute_is_corrected_by_the_next_one() -> None:
    clock = UNKNOWN
    for at in range(1000, 8 * HOUR_MS, MINUTE_MS):
        clock = say(clock, at, error_ms=-NOW, synced=False, delay_ms=70_000 if at < 10_000 else DELAY_MS)
    assert worst_ms(clock, 8 * HOUR_MS) < DEADBAND_MS


def test_a_boot_that_was_never_online_follows_what_its_agent_noted_of_the_drift() -> None:
    clock = UNKNOWN
    for day in range(30):
        at = day * DAY_MS + 1000
        mono_ms = drifted(at, -500)
        clock = note_told(clock, offset_ms=NOW + at - mono_ms, received_ms=NOW + 31 * DAY_MS, mono_ms=mono_ms)
    assert clock.curve is not None
    assert clock.curve.source == "told"
    assert worst_ms(clock, 29 * DAY_MS, -500) < INTERVAL_MS


def test_a_memory_without_its_moment_counts_only_where_there_is_nothing_else() -> None:
    clock = note_told(UNKNOWN, offset_ms=NOW + 215_000, received_ms=NOW + DAY_MS)
    assert wrong_ms(clock, 0) == 215_000
    assert wrong_ms(say(clock, 10_000), 0) == 0


def test_a_statement_of_the_very_first_moment_stands_against_a_message_that_came_an_hour_late() -> None:
    clock = say(say(UNKNOWN, 0, delay_ms=0), 290_000, delay_ms=HOUR_MS)
    clock = note_told(clock, offset_ms=NOW, received_ms=NOW + DAY_MS, mono_ms=3_905_000)
    assert worst_ms(clock, 2 * HOUR_MS) == 0


def test_heartbeats_of_a_good_clock_never_move_what_was_placed() -> None:
    chance = random.Random(7)
    clock = say(UNKNOWN, 1000)
    first = clock.curve
    for at in range(2000, 2 * DAY_MS, INTERVAL_MS):
        clock = say(clock, at, error_ms=chance.randint(-5, 5), delay_ms=chance.randint(20, 3000))
        assert clock.curve == first


def test_new_statements_move_settled_times_by_no_more_than_the_drift_between_neighbours() -> None:
    clock = UNKNOWN
    for at in range(1000, 5 * DAY_MS, 10 * MINUTE_MS):
        before, clock = clock, say(clock, at, ppm=400)
        if before.curve and before.curve != clock.curve:
            moved = [abs(wrong_ms(clock, past, 400) - wrong_ms(before, past, 400)) for past in range(0, at, HOUR_MS)]
            assert max(moved) <= CELL_MS + DEADBAND_MS
            assert moved[: max(0, len(moved) - 4)] == [0] * max(0, len(moved) - 4)  # only the last hours at all


def test_a_device_whose_clock_is_set_all_the_time_fills_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(truetime, "MAX_MARKS", 100)
    chance = random.Random(1)
    clock = UNKNOWN
    for number in range(400):
        clock = say(clock, number * 3 * HOUR_MS, error_ms=-chance.randint(0, 20 * HOUR_MS))
        assert clock.size == len(list(clock.marks())) <= 100
    assert clock.size == 100


def test_a_curve_tells_from_where_on_another_one_differs() -> None:
    one = curve_of([Mark("synced", 0, 0, 0, 5, 0), Mark("synced", 1, 9, 9, 9 * HOUR_MS, 4000)])
    longer = curve_of(
        [
            Mark("synced", 0, 0, 0, 5, 0),
            Mark("synced", 1, 9, 9, 9 * HOUR_MS, 4000),
            Mark("synced", 4, 19, 19, 19 * HOUR_MS, 8000),
        ]
    )
    assert one is not None
    assert changed_from(one, one) is None
    assert changed_from(None, one) == 0
    assert changed_from(one, longer) == 9 * HOUR_MS
    assert changed_from(one, Curve(one.knots, "told")) == 0


@st.composite
def lives(draw: st.DrawFn) -> tuple[int, list[dict[str, int | bool]]]:
    """A boot under any faults of its clock: drift, steps, lies, lost synchronisation, delays."""
    ppm = draw(st.integers(-500, 500))
    at, error_ms, synced = 1000, 0, True
    said: list[dict[str, int | bool]] = []
    for _ in range(draw(st.integers(1, 30))):
        at += draw(st.sampled_from([1, 15_000, 20 * MINUTE_MS, 5 * HOUR_MS, 2 * DAY_MS]))
        what = draw(st.sampled_from(["beat", "beat", "beat", "step", "lose", "sync"]))
        if what == "step":
            error_ms += draw(st.sampled_from([-5 * HOUR_MS, -HOUR_MS, -3000, 700, 90_000, HOUR_MS]))
        elif what == "lose":
            synced = False
        elif what == "sync":
            error_ms, synced = 0, True
        delay_ms = draw(st.sampled_from([20, 40, 800, 30_000]))
        said.append({"since_boot_ms": at, "ppm": ppm, "error_ms": error_ms, "synced": synced, "delay_ms": delay_ms})
    return ppm, said


def learn(said: list[dict[str, int | bool]]) -> BootClock:
    clock = UNKNOWN
    for one in said:
        clock = say(clock, **one)  # type: ignore[arg-type]
    return clock


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("_", [pytest.param(0, id="some"), pytest.param(1, id="many", marks=pytest.mark.slow)])
def test_any_order_and_repetition_gives_the_same_clock_and_mono_keeps_its_order(_: int) -> None:
    @settings(max_examples=5000 if _ else 250, deadline=None, suppress_health_check=list(HealthCheck))
    @given(life=lives(), chance=st.randoms(use_true_random=False))
    def holds(life: tuple[int, list[dict[str, int | bool]]], chance: random.Random) -> None:
        ppm, said = life
        clock = learn(said)
        shuffled = said * 2
        chance.shuffle(shuffled)
        assert dict(learn(shuffled).kept) == dict(clock.kept)
        curve = clock.curve
        assert curve is not None
        monos = sorted({drifted(int(one["since_boot_ms"]), ppm) + extra for one in said for extra in (-1, 0, 1, 999)})
        placed = [mono + curve.at(mono) for mono in monos]
        assert all(one <= other for one, other in pairwise(placed))
        slopes = [abs(b.offset_ms - a.offset_ms) / (b.mono_ms - a.mono_ms) for a, b in pairwise(curve.knots)]
        assert max(slopes, default=0) <= 0.5

    holds()
