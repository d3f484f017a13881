"""The drives of this machine: which are asked, by whom, and what a heartbeat tells of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import psutil
import pytest

from agent import drives
from agent.drives import DriveWatch, ask_drives, drive_figures, drive_names, write_reports
from agent.hardware import Wear
from agent.smart import Drive
from common.clock import ManualClock, SystemClock
from tests.agent.trees import Plant
from tests.fixtures.processes import run_signwatch
from tests.fixtures.waiting import until

PASSED = '{"smart_status": {"passed": true}, "temperature": {"current": 31}}'
FAILING = '{"smart_status": {"passed": false}}'
SLEEPS = '{"smartctl": {"messages": [{"string": "Device is in STANDBY mode, exit(2)"}]}}'


def test_only_drives_of_the_machine_itself_are_asked(plant: Plant) -> None:
    names = ("sda", "nvme0n1", "vda", "loop0", "dm-0", "md0", "zram0", "sr0", "mmcblk0", "sdb")
    root = plant({f"sys/block/{name}/size": "0" if name == "sdb" else "2048" for name in names})
    assert drive_names(root) == ["nvme0n1", "sda"]


async def test_the_real_smartctl_cannot_ask_a_device_without_smart_and_says_why() -> None:
    answers = await ask_drives(["loop0"])
    drive = answers["loop0"].drive
    assert drive.failing is None
    assert "Unable to detect device type" in drive.reason
    assert drive_figures({"loop0": drive})["drive.loop0.health"] == f"not readable: {drive.reason}"


async def test_a_machine_without_smartctl_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    drive = (await ask_drives(["sda"]))["sda"].drive
    assert (drive.failing, drive.reason) == (None, "smartctl cannot be run: No such file or directory")


async def test_a_smartctl_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "smartctl"
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 600\n", encoding="ascii")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(drives, "ASK_S", 0.5)
    assert "did not come to an end within 0.5 s" in (await ask_drives(["sda"]))["sda"].drive.reason
    pid = int((tmp_path / "pid").read_text(encoding="ascii"))
    await until(lambda: not psutil.pid_exists(pid), "it was killed")


def test_figures_tell_of_each_drive_and_how_many_fail() -> None:
    found = {"sda": Drive(failing=True, pending_sectors=3), "sdb": Drive(failing=False), "sdc": Drive(reason="no")}
    assert drive_figures(found, [Wear("mmcblk0", 30, "warning"), Wear("mmcblk1", None, "normal")]) == {
        "drives_failing": 1,
        "drive.sda.health": "failing",
        "drive.sda.pending_sectors": 3,
        "drive.sdb.health": "passed",
        "drive.sdc.health": "not readable: no",
        "drive.mmcblk0.used_percent": 30,
        "drive.mmcblk0.reserve_used_percent": 80,
        "drive.mmcblk1.reserve_used_percent": 0,
    }


def test_where_no_drive_can_be_asked_nobody_says_that_none_fails() -> None:
    assert "drives_failing" not in drive_figures({"sda": Drive(reason="Permission denied")})


async def test_what_a_privileged_timer_has_left_is_read_in_place_of_asking(tmp_path: Path, plant: Plant) -> None:
    write_reports(tmp_path, {"sda": PASSED, "sdb": FAILING})
    watch = DriveWatch(SystemClock(), tmp_path, plant({}))
    assert await watch.read() == {
        "drives_failing": 1,
        "drive.sda.health": "passed",
        "drive.sda.temperature_c": 31,
        "drive.sdb.health": "failing",
    }
    write_reports(tmp_path, {"sda": PASSED})  # sdb was pulled
    assert (await watch.read())["drives_failing"] == 0


async def test_a_drive_that_sleeps_keeps_its_last_word(tmp_path: Path, plant: Plant) -> None:
    watch = DriveWatch(SystemClock(), tmp_path, plant({}))
    write_reports(tmp_path, {"sda": SLEEPS})
    assert "STANDBY" in str((await watch.read())["drive.sda.health"])
    write_reports(tmp_path, {"sda": PASSED})
    awake = await watch.read()
    write_reports(tmp_path, {"sda": SLEEPS})
    assert await watch.read() == awake


async def test_smartctl_is_dear_and_asked_only_now_and_again(
    tmp_path: Path, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "smartctl"
    program.write_text(f"#!/bin/sh\necho asked >> {tmp_path}/log\necho '{PASSED}'\n", encoding="ascii")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    clock = ManualClock()
    watch = DriveWatch(clock, tmp_path / "nowhere", plant({"sys/block/sda/size": "2048"}))
    for _ in range(3):
        assert (await watch.read())["drive.sda.health"] == "passed"
        clock.advance(drives.ASK_EVERY_MS // 2)
    assert (tmp_path / "log").read_text(encoding="ascii").count("asked") == 2


async def test_an_old_report_accuses_nobody_and_excuses_nobody(tmp_path: Path, plant: Plant) -> None:
    clock = ManualClock()
    write_reports(tmp_path, {"sda": FAILING})
    written_s = clock.wall / 1000 - 7 * 3600
    os.utime(tmp_path / "sda.json", (written_s, written_s))
    told = await DriveWatch(clock, tmp_path, plant({})).read()
    assert list(told) == ["drive.sda.health"]
    assert str(told["drive.sda.health"]).endswith("is 7 hours old: does signwatch-drives.timer run?")


def test_the_command_tells_of_every_drive_or_leaves_the_answers(tmp_path: Path) -> None:
    told = run_signwatch("agent", "drives", "--json")
    names = drive_names()
    assert set(json.loads(told.stdout)) >= {f"drive.{name}.health" for name in names}
    (tmp_path / "gone.json").write_text("{}", encoding="ascii")
    assert run_signwatch("agent", "drives", "--write", tmp_path).returncode == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == [f"{name}.json" for name in names]
