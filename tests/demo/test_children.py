from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from common.tasks import cancel, spawn
from demo.children import Child, DemoError
from tests.fixtures.waiting import until, wait_until

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]


def child_of(folder: Path, argv: list[str], **more: object) -> Child:
    (folder / "logs").mkdir()
    return Child("some part", argv, folder, **more)  # type: ignore[arg-type]


async def test_a_child_that_is_killed_is_started_again_and_said_so(tmp_path: Path) -> None:
    told: list[str] = []
    child = child_of(tmp_path, SLEEPER, restart_s=0.01)
    keeping = spawn(child.keep(told.append), "keep")
    await until(lambda: "up" in child.tail(), "it runs")
    first = child.pid
    os.kill(first, signal.SIGKILL)
    await until(lambda: child.pid not in {0, first}, "it runs again")
    assert told == [
        "the some part has ended (SIGKILL); it is started again in 0.01 s",
        f"the some part runs again, as process {child.pid}",
    ]
    await child.stop()
    await keeping
    assert child.pid == 0


async def test_a_child_that_does_not_stay_up_ends_the_show_with_its_last_words(tmp_path: Path) -> None:
    child = child_of(tmp_path, [sys.executable, "-c", "raise SystemExit('no such config')"], restart_s=0.01)
    with pytest.raises(DemoError, match=r"(?s)the some part does not stay up; the end of .*\n    no such config"):
        await child.keep(lambda _: None)


async def test_a_child_that_was_paused_can_be_ended_all_the_same(tmp_path: Path) -> None:
    child = child_of(tmp_path, SLEEPER)
    keeping = spawn(child.keep(lambda _: None), "keep")
    await until(lambda: "up" in child.tail(), "it runs")
    os.kill(child.pid, signal.SIGSTOP)
    await child.stop()
    await keeping
    assert child.pid == 0


async def test_what_a_child_says_is_heard_and_kept(tmp_path: Path) -> None:
    heard: list[str] = []
    child = child_of(tmp_path, SLEEPER, hear=heard.append)
    keeping = spawn(child.keep(lambda _: None), "keep")
    await until(lambda: heard == ["up"], "it is heard")
    assert "up" in child.tail()
    await child.stop()
    await keeping


def test_a_program_on_the_leash_ends_with_its_parent(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    program = f"import os, pathlib, time; pathlib.Path({str(told)!r}).write_text(str(os.getpid())); time.sleep(600)"
    parent = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-m', 'demo.leash', sys.executable, '-c', {program!r}])\n"
        "time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], cwd=Path(__file__).parents[2])
    pid = int(wait_until(lambda: told.exists() and told.read_text(encoding="utf-8"), "the program runs"))
    assert psutil.pid_exists(pid)
    process.kill()
    process.wait()
    wait_until(lambda: not psutil.pid_exists(pid), "the program has ended too")


async def test_a_task_that_keeps_a_child_can_be_cancelled(tmp_path: Path) -> None:
    child = child_of(tmp_path, SLEEPER)
    keeping = spawn(child.keep(lambda _: None), "keep")
    await until(lambda: "up" in child.tail(), "it runs")
    await cancel(keeping)
    assert child.pid
    await asyncio.wait_for(child.stop(), 100)
    assert child.pid == 0
