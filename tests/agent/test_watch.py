"""The watch: deadlines from outside, and a probe that can do nobody any harm."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from agent.probes.base import DETAIL_CHARS, Reading
from agent.threads import Lane
from agent.watch import Watch
from common.clock import ManualClock
from common.tasks import cancel, spawn
from tests.fixtures.waiting import until
from wire.runs import Instant
from wire.states import PlayerState

PLAYING = Reading("playing")


class Scripted:
    """A probe that does what the test says."""

    silence = Reading("frozen", None, "silent")

    def __init__(self, read: Callable[[], Awaitable[Reading]]) -> None:
        self._read = read
        self.asked = 0
        self.closed = False

    async def read(self) -> Reading:
        self.asked += 1
        return await self._read()

    async def close(self) -> None:
        self.closed = True


class Watched:
    def __init__(self, read: Callable[[], Awaitable[Reading]], interval_s: float = 0.2, timeout_s: float = 0.1) -> None:
        self.probe = Scripted(read)
        self.clock = ManualClock()
        self.early = asyncio.Event()
        self.taken: list[tuple[Reading, Instant, int]] = []
        take = lambda *reading: self.taken.append(reading)  # type: ignore[arg-type]  # noqa: E731
        self.watch = Watch("main", self.probe, interval_s, timeout_s, self.clock, take, self.early)


async def playing() -> Reading:
    return PLAYING


async def for_ever() -> Reading:
    await asyncio.Event().wait()
    raise AssertionError


async def test_a_probe_is_asked_again_and_again() -> None:
    watched = Watched(playing)
    task = spawn(watched.watch.run(), "watch")
    await until(lambda: len(watched.taken) >= 3, "three readings")
    await cancel(task)
    assert {reading for reading, _, _ in watched.taken} == {PLAYING}
    assert watched.probe.closed


async def test_a_reading_carries_the_moment_at_which_it_was_asked_for() -> None:
    async def slow() -> Reading:
        watched.clock.advance(700)
        return PLAYING

    watched = Watched(slow)
    asked_at = Instant(watched.clock.mono, watched.clock.wall)
    task = spawn(watched.watch.run(), "watch")
    await until(lambda: watched.taken, "a reading")
    await cancel(task)
    assert watched.taken[0] == (PLAYING, asked_at, 0)


async def test_somebody_who_wants_an_early_reading_gets_it() -> None:
    watched = Watched(playing, interval_s=3600)
    task = spawn(watched.watch.run(), "watch")
    await until(lambda: len(watched.taken) == 1, "the first reading")
    watched.early.set()
    await until(lambda: len(watched.taken) == 2, "an early reading")
    await cancel(task)


async def test_an_event_that_ended_playback_is_looked_at_again_without_waiting_for_the_interval() -> None:
    state: list[PlayerState] = ["playing"]

    async def told() -> Reading:
        return Reading(state[0])

    watched = Watched(told, interval_s=3600)
    task = spawn(watched.watch.run(), "watch")
    await until(lambda: len(watched.taken) == 1, "the first reading")
    state[0] = "stopped"
    watched.early.set()
    await until(lambda: len(watched.taken) == 3, "the event's reading, and the one that confirms it")
    await cancel(task)


async def test_what_an_event_cannot_tell_for_certain_waits_for_its_turn() -> None:
    async def frozen() -> Reading:
        return Reading("frozen")

    watched = Watched(frozen, interval_s=3600)
    task = spawn(watched.watch.run(), "watch")
    await until(lambda: len(watched.taken) == 1, "the first reading")
    watched.early.set()
    await until(lambda: len(watched.taken) == 2, "the event's reading")
    await asyncio.sleep(1.5)
    assert len(watched.taken) == 2
    await cancel(task)


@pytest.mark.parametrize("error", [KeyboardInterrupt("x"), SystemExit(3), GeneratorExit()])
async def test_a_probe_that_eats_a_thread_or_raises_what_ends_programs_in_one_harms_nobody(
    error: BaseException,
) -> None:
    lane = Lane("probe")

    def fail() -> Reading:
        raise error

    async def read() -> Reading:
        return await lane.call(fail)

    assert (await Watched(read, timeout_s=5).watch.ask()).state == "unknown"


@pytest.mark.parametrize("error", [KeyboardInterrupt("x"), SystemExit(3)])
async def test_a_probe_that_wants_to_end_the_program_ends_nothing(error: BaseException) -> None:
    async def leave() -> Reading:
        raise error

    reading = await Watched(leave).watch.ask()
    assert (reading.state, type(error).__name__ in (reading.detail or "")) == ("unknown", True)


async def test_a_probe_whose_thread_hangs_for_ever_is_told_of_and_takes_no_second_thread() -> None:
    go_on = threading.Event()
    lane = Lane("probe")

    async def read() -> Reading:
        await lane.call(go_on.wait)
        return PLAYING

    watched = Watched(read)
    assert await watched.watch.ask() == Scripted.silence
    assert "has not come back yet" in ((await watched.watch.ask()).detail or "")
    assert sum(thread.name == "probe" for thread in threading.enumerate()) == 1
    go_on.set()
    await until(lambda: not lane.busy, "the thread comes back")


async def test_a_probe_that_floods_its_detail_says_no_more_than_fits() -> None:
    async def flood() -> Reading:
        raise ValueError("x" * 1_000_000)

    assert len((await Watched(flood).watch.ask()).detail or "") == DETAIL_CHARS


async def test_silence_beyond_the_deadline_is_what_the_probe_says_it_means() -> None:
    watched = Watched(for_ever)
    assert await watched.watch.ask() == Scripted.silence
    assert await watched.watch.ask() == Scripted.silence
    assert watched.probe.asked == 2


async def test_a_probe_that_does_not_heed_its_cancellation_is_not_asked_twice_at_once() -> None:
    go_on = asyncio.Event()

    async def stubborn() -> Reading:
        while not go_on.is_set():
            try:
                await go_on.wait()
            except asyncio.CancelledError:
                continue
        return PLAYING

    watched = Watched(stubborn)
    for _ in range(3):
        assert await watched.watch.ask() == Scripted.silence
    assert watched.probe.asked == 1
    go_on.set()
    assert await watched.watch.ask() == PLAYING
    assert watched.probe.asked == 2


@pytest.mark.parametrize("error", [ValueError("bad"), OSError(5, "EIO"), RecursionError(), ZeroDivisionError()])
async def test_a_probe_that_fails_leaves_the_output_unknown_and_is_asked_again(error: Exception) -> None:
    async def fail() -> Reading:
        raise error

    watched = Watched(fail)
    reading = await watched.watch.ask()
    assert reading.state == "unknown"
    assert type(error).__name__ in (reading.detail or "")
    assert (await watched.watch.ask()).state == "unknown"


async def test_a_probe_that_cancels_itself_is_unknown() -> None:
    async def cancelled() -> Reading:
        raise asyncio.CancelledError

    assert (await Watched(cancelled).watch.ask()).state == "unknown"


async def test_one_probe_that_hangs_does_not_hold_up_another() -> None:
    hanging, other = Watched(for_ever, timeout_s=3600), Watched(playing)
    tasks = [spawn(watched.watch.run(), "watch") for watched in (hanging, other)]
    await until(lambda: len(other.taken) >= 3, "the other is read")
    assert hanging.taken == []
    await cancel(*tasks)


async def test_a_sleep_during_a_reading_counts_for_the_next_one() -> None:
    async def slept() -> Reading:
        if watched.probe.asked == 1:
            watched.clock.suspend(60_000)
        return PLAYING

    watched = Watched(slept)
    task = spawn(watched.watch.run(), "watch")
    await until(lambda: len(watched.taken) >= 2, "two readings")
    await cancel(task)
    assert [entry[2] for entry in watched.taken[:2]] == [0, 60_000]
