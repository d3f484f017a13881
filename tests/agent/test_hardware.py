"""Readers of what the machine has against playback: over copied trees, and over this kernel's own files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agent import hardware
from agent.hardware import FileSystemErrors, Throttled, Wear, Zone, parse_throttled
from tests.agent.small_disk import mounted
from tests.agent.trees import Plant

FIRMWARE = "sys/devices/platform/soc/soc:firmware/get_throttled"
HWMON = "sys/class/hwmon/hwmon1"
FINE = Throttled(*[False] * 8)
WEAK = FINE._replace(under_voltage=True, had_under_voltage=True, throttled=True, had_throttled=True)


# --- the supply -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "flags"),
    [
        ("0", FINE),
        ("throttled=0x0", FINE),
        ("throttled=0x50005", WEAK),
        ("50000", FINE._replace(had_under_voltage=True, had_throttled=True)),
        ("throttled=0x80008", FINE._replace(soft_temperature_limit=True, had_soft_temperature_limit=True)),
        ("0x20002", FINE._replace(frequency_capped=True, had_frequency_capped=True)),
        ("VCHI initialization failed", None),
        ("", None),
    ],
)
def test_the_firmwares_bits_are_told_by_name(said: str, flags: Throttled | None) -> None:
    assert parse_throttled(said) == flags


def test_the_flags_are_read_from_the_boards_own_file(plant: Plant) -> None:
    assert hardware.throttled(plant({FIRMWARE: "50005"})) == parse_throttled("50005")
    on_a_pi_5 = "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"
    assert hardware.throttled(plant({on_a_pi_5: "0"})) == FINE


def test_a_machine_without_that_firmware_has_nothing_to_say(plant: Plant) -> None:
    root = plant({f"{HWMON}/name": "coretemp", f"{HWMON}/in0_lcrit_alarm": "1"})
    assert hardware.throttled(root) is None
    assert hardware.under_voltage(root) is None


@pytest.mark.parametrize(("alarm", "weak"), [("1", True), ("0", False), (None, None)])
def test_the_supply_is_judged_by_its_hwmon_driver(alarm: str | None, weak: bool | None, plant: Plant) -> None:
    files = {"sys/class/hwmon/hwmon0/name": "cpu_thermal", f"{HWMON}/name": "rpi_volt", FIRMWARE: "50005"}
    assert hardware.under_voltage(plant(files | ({f"{HWMON}/in0_lcrit_alarm": alarm} if alarm else {}))) is weak


@pytest.mark.parametrize(("flags", "weak"), [("1", True), ("10000", True), ("40004", False)])
def test_older_kernels_tell_of_the_supply_by_the_firmwares_flags(flags: str, weak: bool, plant: Plant) -> None:
    assert hardware.under_voltage(plant({FIRMWARE: flags})) is weak


@pytest.mark.parametrize(
    ("script", "patience_s", "flags"),
    [
        ("echo throttled=0x50000", 60, parse_throttled("50000")),
        ("echo VCHI initialization failed; exit 255", 60, None),
        ("exec sleep 600", 0.5, None),
    ],
)
def test_vcgencmd_is_asked_within_a_deadline(
    script: str, patience_s: float, flags: Throttled | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    vcgencmd = tmp_path / "vcgencmd"
    vcgencmd.write_text(f'#!/bin/sh\n[ "$*" = get_throttled ] || exit 3\n{script}\n', encoding="ascii")
    vcgencmd.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(hardware, "_VCGENCMD_PATIENCE_S", patience_s)
    assert hardware.ask_firmware() == flags


def test_a_machine_without_vcgencmd_has_no_firmware_to_ask(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert hardware.ask_firmware() is None


# --- heat -------------------------------------------------------------------------------------------------------------

ZONE = "sys/class/thermal/thermal_zone0"


@pytest.mark.parametrize(
    ("millidegrees", "exceeded"), [("54768", None), ("80000", "passive"), ("104999", "passive"), ("105000", "critical")]
)
def test_a_zone_tells_which_of_its_limits_it_has_reached(millidegrees: str, exceeded: str | None, plant: Plant) -> None:
    files = {f"{ZONE}/type": "cpu-thermal", f"{ZONE}/temp": millidegrees}
    for number, (kind, at) in enumerate([("active", "40000"), ("passive", "80000"), ("critical", "105000")]):
        files |= {f"{ZONE}/trip_point_{number}_type": kind, f"{ZONE}/trip_point_{number}_temp": at}
    zones = hardware.zones(plant(files))
    assert zones == [Zone("cpu-thermal", int(millidegrees) / 1000, (("passive", 80.0), ("critical", 105.0)))]
    assert zones[0].exceeded == exceeded


def test_a_limit_that_the_firmware_does_not_set_is_none(plant: Plant) -> None:
    files = {f"{ZONE}/temp": "31000", f"{ZONE}/trip_point_0_type": "critical", f"{ZONE}/trip_point_0_temp": "-274000"}
    assert hardware.zones(plant(files)) == [Zone("thermal_zone0", 31.0, ())]


def test_a_zone_that_does_not_answer_is_not_cold(plant: Plant) -> None:
    assert hardware.zones(plant({f"{ZONE}/type": "x86_pkg_temp"})) is None
    assert hardware.zones(plant({})) is None


# --- storage ----------------------------------------------------------------------------------------------------------


def test_what_ext4_remembers_is_told_with_when_and_where(plant: Plant) -> None:
    fine, bad = "sys/fs/ext4/mmcblk0p1", "sys/fs/ext4/mmcblk0p2"
    files = {f"{fine}/errors_count": "0", f"{fine}/last_error_time": "0", f"{fine}/last_error_func": ""}
    files |= {
        f"{bad}/errors_count": "7",
        f"{bad}/last_error_time": "1760000000",
        f"{bad}/last_error_func": "ext4_lookup",
    }
    files["sys/fs/ext4/features/batched_discard"] = "supported"
    assert hardware.ext4_errors(plant(files)) == [
        FileSystemErrors("mmcblk0p1", 0, None, None),
        FileSystemErrors("mmcblk0p2", 7, 1_760_000_000_000, "ext4_lookup"),
    ]
    assert hardware.ext4_errors(plant({})) is None


PROC = "22 25 0:21 / /proc rw,relatime - proc proc rw"


@pytest.mark.parametrize(
    ("mounts", "turned"),
    [
        (["25 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw"], []),
        (["25 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 ro,errors=remount-ro"], ["/"]),
        (["25 1 179:2 / / ro,noatime shared:1 - ext4 /dev/mmcblk0p2 ro"], []),  # read-only on purpose
        (["25 1 179:2 / / rw,noatime - ext4 /dev/mmcblk0p2 rw,emergency_ro"], ["/"]),
        (["25 1 0:30 / / rw - squashfs /dev/loop0 ro", PROC], []),
        (["25 1 0:30 / / rw - overlay overlay rw", "26 25 179:2 / /lower ro - ext4 /dev/mmcblk0p2 ro"], []),
        (["25 1 179:1 / /boot\\040firmware rw - vfat /dev/mmcblk0p1 ro,errors=remount-ro"], ["/boot firmware"]),
        # The agent's sandbox: / is read-only for it alone, and its own directory tells for the file system of both.
        (
            [
                "25 1 179:2 / / ro,noatime - ext4 /dev/mmcblk0p2 ro",
                "26 25 179:2 /var/lib/signwatch /var/lib/signwatch rw,noatime - ext4 /dev/mmcblk0p2 ro",
            ],
            ["/", "/var/lib/signwatch"],
        ),
        (
            [
                "25 1 179:2 / / ro,noatime - ext4 /dev/mmcblk0p2 rw",
                "26 25 179:2 /var/lib/signwatch /var/lib/signwatch rw,noatime - ext4 /dev/mmcblk0p2 rw",
            ],
            [],
        ),
    ],
)
def test_a_file_system_that_the_kernel_closed_is_told_from_one_that_is_meant_to_be_read_only(
    mounts: list[str], turned: list[str], plant: Plant
) -> None:
    assert hardware.turned_read_only(plant({"proc/self/mountinfo": "\n".join(mounts)})) == turned


def test_mounts_that_cannot_be_read_say_nothing(plant: Plant) -> None:
    assert hardware.turned_read_only(plant({})) is None


def test_a_real_file_system_with_an_error_is_counted_and_found_closed(tmp_path: Path) -> None:
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("needs e2fsprogs")
    folder = tmp_path / "disk"

    def errors() -> int:
        return sum(one.errors for one in hardware.ext4_errors() or [])

    with mounted(tmp_path / "disk.img", folder) as disk:
        before = errors()
        assert str(folder) not in (hardware.turned_read_only() or [])
        disk.breaks()
        assert errors() == before + 1
        assert str(folder) in (hardware.turned_read_only() or [])
        disk.mend()
        disk.remount("ro")
        assert str(folder) not in (hardware.turned_read_only() or [])


@pytest.mark.parametrize(
    ("life_time", "pre_eol", "wear"),
    [
        ("0x01 0x02", "0x01", Wear("mmcblk0", 20, "normal")),
        ("0x0b 0x01", "0x03", Wear("mmcblk0", 110, "urgent")),
        ("0x00 0x00", "0x02", Wear("mmcblk0", None, "warning")),
        ("0x00 0x00", "0x00", None),  # an eMMC before 5.0: not defined
        ("soon", "0x00", None),
    ],
)
def test_an_emmc_tells_its_wear(life_time: str, pre_eol: str, wear: Wear | None, plant: Plant) -> None:
    card = "sys/block/mmcblk0/device"
    root = plant(
        {f"{card}/life_time": life_time, f"{card}/pre_eol_info": pre_eol, "sys/block/mmcblk1/device/type": "SD"}
    )
    assert hardware.wear(root) == ([wear] if wear else None)


def test_this_machines_own_files_are_understood() -> None:
    assert hardware.turned_read_only() is not None
    for zone in hardware.zones() or []:
        assert -60 < zone.temperature_c < 150
