"""Looks at a machine made of files, and at this one."""

from __future__ import annotations

import asyncio
import itertools
import threading
from pathlib import Path

import pytest

from agent import lookout
from agent.causes import Looks
from agent.hardware import ROOT
from agent.lookout import Lookout
from common.clock import ManualClock, SystemClock
from common.connectivity import Target
from common.tasks import cancel, spawn
from tests.fixtures.waiting import free_port, until


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookout, "HOG_S", 0.05)
    monkeypatch.setattr(lookout, "PAUSE_S", 0.05)


class Bench:
    def __init__(self, root: Path, *targets: Target) -> None:
        self.clock = ManualClock()
        self.looks = Looks()
        self.root = root
        self.lookout = Lookout(self.looks, self.clock, Path("/"), frozenset({"mpv"}), targets, root)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(f"{file.name}.new")
        new.write_text(text, encoding="ascii")
        new.replace(file)  # the kernel shows no half-written file either

    async def look(self, *, closely: bool = False) -> list[str]:
        self.clock.advance(1000)
        await self.lookout.look(closely=closely)
        return [symptom.name for symptom in self.looks.since(0)[-1].symptoms]


async def test_a_display_that_is_unplugged_and_a_weak_supply_are_seen(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.write("sys/class/drm/card1-HDMI-A-1/status", "connected\n")
    assert await bench.look() == []
    bench.write("sys/class/drm/card1-HDMI-A-1/status", "disconnected\n")
    bench.write("sys/class/hwmon/hwmon2/name", "rpi_volt\n")
    bench.write("sys/class/hwmon/hwmon2/in0_lcrit_alarm", "1\n")
    assert await bench.look() == ["display_disconnected", "under_voltage"]
    assert "card1-HDMI-A-1" in bench.looks.since(0)[-1].symptoms[0].evidence


async def test_a_hog_is_named_only_by_a_close_look(tmp_path: Path) -> None:
    class Turning(Bench):
        def run(self, ticks: int) -> None:
            self.write("proc/stat", f"cpu  {ticks} 0 0 0 0 0 0 0 0 0\n")
            stat = ["S", "1", "1", "1", "0", "-1", "0", *["0"] * 4, str(ticks), *["0"] * 7, "5", "0", "10"]
            self.write("proc/9/stat", f"9 (stress) {' '.join(stat)}\n")

    bench = Turning(tmp_path)
    bench.run(100)
    assert await bench.look() == []
    task = spawn(bench.look(closely=True), "look")
    for ticks in itertools.count(200, 5000):
        bench.run(ticks)
        await asyncio.sleep(0.01)
        if task.done():
            break
    assert await task == ["cpu_hog"]


async def test_this_machine_can_be_looked_at_closely() -> None:
    looks = Looks()
    await Lookout(looks, SystemClock(), Path("/"), frozenset(), root=ROOT).look(closely=True)
    assert len(looks.since(0)) == 1


async def test_the_link_is_asked_for_only_by_a_close_look(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Target("name.invalid", 1), Target("127.0.0.1", free_port()))
    assert await bench.look() == []
    assert await bench.look(closely=True) == ["link_down"]


async def test_a_kernel_that_writes_nonsense_leaves_no_look_behind(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.write("proc/stat", "cpu  1 0 0 0\n")
    bench.write("proc/9/stat", "nonsense\n")
    await bench.lookout.look(closely=True)
    assert bench.looks.since(0) == []


async def test_trouble_is_looked_at_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    task = spawn(bench.lookout.run(), "lookout")
    await until(lambda: len(bench.looks.since(0)) == 1, "the first look")
    bench.lookout.wake()
    await until(lambda: len(bench.looks.since(0)) == 2, "the close look")
    await cancel(task)


async def test_a_look_that_hangs_leaves_none_behind_and_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(lookout, "PATIENCE_S", 0.05)
    monkeypatch.setattr(lookout.resources, "disk", lambda _: go_on.wait())
    bench = Bench(tmp_path)
    for _ in range(3):
        await bench.lookout.look(closely=False)
    assert bench.looks.since(0) == []
    monkeypatch.undo()
    go_on.set()

    async def looks_again() -> bool:
        await bench.lookout.look(closely=False)
        return bool(bench.looks.since(0))

    await until(looks_again, "it looks again")
