"""What the machine tells of the boot before: over copied trees, a wtmp made by util-linux, and this machine itself."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from agent import lastboot
from agent.endings import BootFact, Entry, LastBoot
from tests.agent.trees import Plant

BOOT = "b" * 32
BOOTED = "[2] [00000] [~~  ] [reboot  ] [~           ] [6.1.0-rpi8          ] [0.0.0.0        ] [{}]\n"
LEVEL = "[1] [00051] [~~  ] [{}] [~           ] [6.1.0-rpi8          ] [0.0.0.0        ] [{}]\n"
AT = "2026-11-23T07:00:00,000000+00:00"


@pytest.mark.parametrize(
    ("status", "came_on"),
    [
        ("00001000", True),
        ("00000020", False),
        ("00000021", False),
        ("00000420", False),
        ("00001020", None),
        ("00000000", None),
        ("", None),
    ],
)
def test_a_boards_reset_register_tells_a_power_on_from_a_reset(status: str, came_on: bool | None, plant: Plant) -> None:
    file = plant({}) / "proc/device-tree/chosen/bootloader/rsts"
    file.parent.mkdir(parents=True)
    file.write_bytes(bytes.fromhex(status))
    assert lastboot.power_on(file.parents[4]) is came_on


def test_a_machine_without_any_of_it_tells_nothing(plant: Plant) -> None:
    root = plant({"sys/class/watchdog/readme": ""})
    assert lastboot.last_boot(root) == LastBoot()
    assert lastboot.boot_fact(BOOT, root) == BootFact(BOOT)


@pytest.mark.parametrize(("status", "reset"), [("32", True), ("0", False), ("16", False), ("nonsense", None)])
def test_a_watchdog_tells_whether_it_reset_the_machine(status: str, reset: bool | None, plant: Plant) -> None:
    root = plant({"sys/class/watchdog/watchdog0/bootstatus": status})
    assert lastboot.last_boot(root).reset_by_watchdog is reset


@pytest.mark.parametrize(("state", "armed"), [("active", True), ("inactive", False)])
def test_a_watchdog_counts_only_while_somebody_feeds_it(state: str, armed: bool, plant: Plant) -> None:
    assert lastboot.watchdog_armed(plant({"sys/class/watchdog/watchdog0/state": state})) is armed


def test_what_a_dying_kernel_left_is_found_where_it_lies_and_where_it_was_put(plant: Plant) -> None:
    root = plant({"sys/fs/pstore/dmesg-ramoops-0": "", "var/lib/systemd/pstore/7/dmesg.txt": "", "sys/fs/pstore/x": ""})
    for file in root.rglob("dmesg*"):
        os.utime(file, ns=(0, 5_000_000_000))
    assert lastboot.last_boot(root).dumps == (("dmesg-ramoops-0", 5_000), ("dmesg.txt", 5_000))


@pytest.fixture
def machine_with_wtmp(plant: Plant) -> Path:
    """Two boots, the first of them ended in good order, as util-linux writes them."""
    if shutil.which("utmpdump") is None:
        pytest.skip("needs utmpdump (util-linux-extra)")
    text = BOOTED.format(AT) + LEVEL.format("runlevel", AT) + LEVEL.format("shutdown", AT) + BOOTED.format(AT)
    root = plant({"var/log/nothing": ""})
    made = subprocess.run(["utmpdump", "-r"], input=text.encode(), capture_output=True, check=True)
    (root / "var/log/wtmp").write_bytes(made.stdout)
    return root


def test_wtmp_tells_boots_and_orderly_shutdowns(machine_with_wtmp: Path) -> None:
    size = (machine_with_wtmp / "var/log/wtmp").stat().st_size
    assert size == 4 * (400 if platform.machine() == "aarch64" else 384)
    told = lastboot.last_boot(machine_with_wtmp).wtmp
    assert told == (Entry(0, "boot"), Entry(size // 2, "shutdown"), Entry(size * 3 // 4, "boot"))
    assert lastboot.boot_fact(BOOT, machine_with_wtmp) == BootFact(BOOT, watchdog=False, wtmp_bytes=size)


def test_a_wtmp_that_is_cut_off_or_of_another_kind_tells_nothing(machine_with_wtmp: Path) -> None:
    file = machine_with_wtmp / "var/log/wtmp"
    file.write_bytes(file.read_bytes()[:-1])
    assert lastboot.last_boot(machine_with_wtmp).wtmp is None


def test_this_machine_can_be_asked() -> None:
    assert lastboot.boot_fact(BOOT).boot == BOOT
    assert lastboot.last_boot().reset_by_watchdog in (None, True, False)
