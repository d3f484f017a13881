"""The process probe: its table by example, and against real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from agent.probes import process
from agent.probes.base import Around, Reading
from agent.probes.process import (
    Census,
    ProcessOptions,
    ProcessProbe,
    Seen,
    cpu_percent,
    judge,
    process_complaints,
)
from common.clock import SystemClock
from tests.fixtures.processes import Process, Processes
from tests.fixtures.waiting import until, wait_until

BUSY = "while True: pass"
LAZY = "import time; time.sleep(600)"


def census(at_s: float, *seen: Seen, trouble: str | None = None) -> Census:
    return Census(round(at_s * 1000), seen, trouble)


def alive(pid: int = 7, cpu_s: float = 0.0, status: str = psutil.STATUS_SLEEPING, created: float = 1.0) -> Seen:
    return Seen(pid, created, status, cpu_s)


def test_nobody_found_is_stopped() -> None:
    assert judge(None, census(0), 0.5).state == "stopped"


def test_trouble_with_the_question_says_nothing_about_playback() -> None:
    assert judge(None, census(0, trouble="hidden"), 0.5) == Reading("unknown", None, "hidden")


def test_a_zombie_is_frozen() -> None:
    assert judge(None, census(0, alive(status=psutil.STATUS_ZOMBIE)), 0.5).detail == "process 7 is a zombie"


def test_a_held_process_is_frozen_only_if_all_of_it_is() -> None:
    held = alive(status=psutil.STATUS_STOPPED)
    assert judge(None, census(0, held), 0).state == "frozen"
    assert judge(None, census(0, held, alive(8)), 0).state == "playing"


def test_cpu_use_is_counted_between_two_looks_in_percent_of_one_core() -> None:
    assert cpu_percent(census(0, alive(cpu_s=1.0)), census(5, alive(cpu_s=1.5))) == pytest.approx(10.0)
    both = census(0, alive(7, 1.0), alive(8, 2.0)), census(5, alive(7, 1.5), alive(8, 2.5))
    assert cpu_percent(*both) == pytest.approx(20.0)


def test_too_little_cpu_is_frozen_and_enough_is_playing() -> None:
    before = census(0, alive(cpu_s=1.0))
    assert judge(before, census(10, alive(cpu_s=1.04)), 0.5).detail == "process 7 used 0.4 % CPU, under 0.5 %"
    assert judge(before, census(10, alive(cpu_s=1.05)), 0.5).state == "playing"


def test_a_process_that_has_just_appeared_is_not_judged_yet() -> None:
    assert judge(census(0, alive(7)), census(5, alive(8)), 0.5).state == "unknown"
    assert judge(census(0, alive(7, 90.0)), census(5, alive(7, 0.1, created=2.0)), 0.5).state == "unknown"  # pid reused


@pytest.mark.parametrize(
    ("options", "findings"),
    [
        (ProcessOptions(), ["agent.process_nobody"]),
        (ProcessOptions(cmdline="player ("), ["agent.process_pattern"]),
        (ProcessOptions(name="player"), []),
    ],
)
def test_a_table_that_can_find_nobody_is_refused(options: ProcessOptions, findings: list[str]) -> None:
    assert [one.id for one in process_complaints(options)] == findings


# --- real processes ---------------------------------------------------------------------------------------------------

Start = Callable[[str], Process]
MARK = f"signwatch-test-{os.getpid()}"


@pytest.fixture
def start(processes: Processes) -> Start:
    return lambda program: processes.start([sys.executable, "-c", program, MARK], "player")


def probe_of(**options: object) -> ProcessProbe:
    return ProcessProbe(ProcessOptions(**options), Around("main", SystemClock()))  # type: ignore[arg-type]


@pytest.fixture
def by_cmdline() -> ProcessProbe:
    return probe_of(cmdline=f" {MARK}$", min_cpu_percent=5.0)


async def reads(probe: ProcessProbe, state: str) -> Reading:
    async def right() -> Reading | None:
        reading = await probe.read()
        return reading if reading.state == state else None

    found = await until(right, f"the process is seen {state}")
    assert found is not None
    return found


async def test_a_busy_process_is_playing_and_stopped_when_killed(start: Start, by_cmdline: ProcessProbe) -> None:
    player = start(BUSY)
    await reads(by_cmdline, "playing")
    player.kill()
    assert await reads(by_cmdline, "stopped") == Reading("stopped", None, "no such process")


async def test_a_process_that_does_nothing_is_frozen(start: Start, by_cmdline: ProcessProbe) -> None:
    start(LAZY)
    assert "% CPU, under 5.0 %" in ((await reads(by_cmdline, "frozen")).detail or "")


async def test_a_process_that_is_held_is_frozen_and_playing_when_it_goes_on(
    start: Start, by_cmdline: ProcessProbe
) -> None:
    player = start(BUSY)
    await reads(by_cmdline, "playing")
    player.freeze()
    assert "is held" in ((await reads(by_cmdline, "frozen")).detail or "")
    player.send(signal.SIGCONT)
    await reads(by_cmdline, "playing")


async def test_the_work_of_children_counts_unless_told_otherwise(start: Start) -> None:
    start(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])")
    await reads(probe_of(cmdline=f" {MARK}$", min_cpu_percent=5.0), "playing")
    await reads(probe_of(cmdline=f" {MARK}$", min_cpu_percent=5.0, children=False), "frozen")


async def test_a_zombie_is_found_by_its_pidfile(processes: Processes, tmp_path: Path) -> None:
    child = "import os, time\nif os.fork() == 0: os._exit(0)\ntime.sleep(600)"
    parent = processes.start([sys.executable, "-c", child], "parent")
    zombie = wait_until(lambda: psutil.Process(parent.pid).children(), "there is a child")[0]
    wait_until(lambda: zombie.status() == psutil.STATUS_ZOMBIE, "it has ended")
    pidfile = tmp_path / "player.pid"
    pidfile.write_text(f"{zombie.pid}\n", encoding="ascii")
    assert await probe_of(pidfile=str(pidfile)).read() == Reading("frozen", None, f"process {zombie.pid} is a zombie")


async def test_a_missing_pidfile_or_a_dead_pid_is_stopped(start: Start, tmp_path: Path) -> None:
    pidfile = tmp_path / "player.pid"
    assert (await probe_of(pidfile=str(pidfile)).read()).state == "stopped"
    player = start(LAZY)
    player.kill()
    pidfile.write_text(str(player.pid), encoding="ascii")
    assert (await probe_of(pidfile=str(pidfile)).read()).state == "stopped"


async def test_a_pid_that_now_belongs_to_somebody_else_is_stopped(tmp_path: Path) -> None:
    pidfile = tmp_path / "player.pid"
    pidfile.write_text(str(os.getpid()), encoding="ascii")
    assert (await probe_of(pidfile=str(pidfile), name="no-such-player").read()).state == "stopped"


async def test_a_pidfile_with_nonsense_says_nothing_about_playback(tmp_path: Path) -> None:
    pidfile = tmp_path / "player.pid"
    pidfile.write_text("soon", encoding="ascii")
    reading = await probe_of(pidfile=str(pidfile)).read()
    assert reading.state == "unknown"
    assert f"{pidfile} holds no process id" in (reading.detail or "")


async def test_nobody_found_while_others_are_hidden_says_nothing_about_playback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process, "_INIT_STAT", tmp_path / "hidden")
    reading = await probe_of(name="no-such-player").read()
    assert reading.state == "unknown"
    assert "hidden from the agent" in (reading.detail or "")


async def test_a_look_that_hangs_is_not_started_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    go_on = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hang(_probe: ProcessProbe) -> tuple[None, Census]:
        looks.append(1)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()
        return None, census(0)

    monkeypatch.setattr(ProcessProbe, "_look", hang)
    probe = probe_of(name="x")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(probe.read(), 0.1)
    assert (await probe.read()).detail == "process-main: the previous call has not come back yet"
    assert len(looks) == 1
    go_on.set()
    await until(lambda: not probe._lane.busy, "the look comes back")
    assert (await probe.read()).state == "stopped"
