"""The units as systemd itself judges them: correct, hardened, and still able to do their work."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from agent.drives import REPORTS
from tests.fixtures.processes import ROOT

FOLDER = ROOT / "systemd"
UNITS = ("signwatch-agent.service", "signwatch-collector.service")
INSTALLED = "/opt/signwatch/bin/signwatch"
THRESHOLD = 20  # tenths: an exposure of at most 2.0


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def service(unit: str) -> dict[str, list[str]]:
    """Every value of each setting in [Service], in order."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in (FOLDER / unit).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def place(unit: str, root: Path, drop_in: str = "") -> None:
    """Put the unit, and an example as its drop-in, where systemd looks under `root`."""
    units = root / "etc/systemd/system"
    (units / f"{unit}.d").mkdir(parents=True)
    shutil.copy(FOLDER / unit, units)
    if drop_in:
        shutil.copy(FOLDER / "examples" / drop_in, units / f"{unit}.d" / drop_in)


def exposure(unit: str, root: Path) -> float:
    """Judge the unit under `root`: its exposure, at most 10; fails where it is over the threshold."""
    judged = run(
        "systemd-analyze",
        "security",
        "--offline=true",
        f"--root={root}",
        f"--threshold={THRESHOLD}",
        "--no-pager",
        unit,
    )
    match = re.search(r"Overall exposure level for \S+: ([0-9.]+)", judged.stdout)
    assert match, judged.stderr
    assert judged.returncode == 0, judged.stdout
    return float(match[1])


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_no_mistake_in_the_unit(unit: str, tmp_path: Path) -> None:
    text = (FOLDER / unit).read_text(encoding="utf-8")
    assert f"ExecStart={INSTALLED} " in text
    copy = tmp_path / unit
    copy.write_text(text.replace(INSTALLED, "/bin/true"), encoding="utf-8")  # a program that exists
    verified = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", copy)
    assert verified.stderr == ""
    assert verified.returncode == 0


def test_systemd_finds_no_mistake_in_the_timer_that_asks_the_drives(tmp_path: Path) -> None:
    for name in ("signwatch-drives.service", "signwatch-drives.timer"):
        text = (FOLDER / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace(INSTALLED, "/bin/true"), encoding="utf-8")
    verified = run(
        "systemd-analyze", "verify", "--man=no", "--recursive-errors=no", tmp_path / "signwatch-drives.timer"
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    assert service("signwatch-drives.service")["ExecStart"] == [f"{INSTALLED} agent drives --write {REPORTS}"]


def test_a_mistake_would_be_found(tmp_path: Path) -> None:
    copy = tmp_path / UNITS[0]
    text = (FOLDER / UNITS[0]).read_text(encoding="utf-8").replace("WatchdogSec=60", "WatchdogSec=often")
    copy.write_text(text, encoding="utf-8")
    assert "Failed to parse sec value" in run("systemd-analyze", "verify", "--man=no", copy).stderr


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_is_hardened(unit: str, tmp_path: Path) -> None:
    place(unit, tmp_path)
    assert 0 < exposure(unit, tmp_path) <= THRESHOLD / 10


@pytest.mark.parametrize("drop_in", sorted(file.name for file in (FOLDER / "examples").glob("*.conf")))
def test_the_agent_stays_hardened_with_each_example(drop_in: str, tmp_path: Path) -> None:
    place(UNITS[0], tmp_path, drop_in)
    assert 0 < exposure(UNITS[0], tmp_path) <= THRESHOLD / 10


def test_the_example_for_mpv_really_changes_the_user(tmp_path: Path) -> None:
    example = configparser.ConfigParser(strict=False, interpolation=None)
    example.optionxform = str  # type: ignore[assignment,method-assign]  # keep the case
    example.read(FOLDER / "examples/mpv.conf")
    assert example["Service"]["User"] == "player"
    assert example["Service"]["ProtectHome"] == "read-only"


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_is_watched_and_unprivileged(unit: str) -> None:
    settings = service(unit)
    assert settings["Type"] == ["notify"]
    assert settings["NotifyAccess"] == ["main"]
    assert int(settings["WatchdogSec"][0]) > 0
    assert settings["Restart"] == ["always"]
    assert settings["User"][0] not in {"root", "0"}
    assert settings["CapabilityBoundingSet"] == [""]


def test_the_agent_may_still_see_what_it_must_report() -> None:
    settings = service("signwatch-agent.service")
    assert settings.get("ProtectProc", ["default"]) == ["default"]  # probe `process`: other users' processes
    assert settings.get("ProcSubset", ["all"]) == ["all"]  # /proc/stat, /proc/meminfo, the boot's id
    assert settings.get("PrivateUsers", ["no"]) == ["no"]
    assert settings.get("PrivateNetwork", ["no"]) == ["no"]
    assert settings.get("ProtectClock", ["no"]) == ["no"]
    # The list is read from left to right: clock_adjtime is allowed after the privileged calls are taken out.
    assert "clock_adjtime" in settings["SystemCallFilter"][-1].split()


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may make users and give files away")


def make_users(root: Path) -> None:
    (root / "etc").mkdir()
    made = run("systemd-sysusers", f"--root={root}", FOLDER / "signwatch.sysusers.conf")
    assert made.returncode == 0, made.stderr


@needs_root
def test_the_units_users_are_made_by_sysusers(tmp_path: Path) -> None:
    make_users(tmp_path)
    names = {line.split(":")[0] for line in (tmp_path / "etc/passwd").read_text(encoding="utf-8").splitlines()}
    assert {service(unit)["User"][0] for unit in UNITS} <= names


@needs_root
def test_configuration_with_passwords_is_closed_to_others(tmp_path: Path) -> None:
    make_users(tmp_path)
    folder = tmp_path / "etc/signwatch"
    folder.mkdir()
    files = [folder / name for name in ("agent.toml", "collector.toml")]
    for file in files:
        file.touch(mode=0o644)
    applied = run("systemd-tmpfiles", "--create", f"--root={tmp_path}", FOLDER / "signwatch.tmpfiles.conf")
    assert applied.returncode == 0, applied.stderr
    for file in files:
        assert file.stat().st_mode & 0o777 == 0o640
        assert file.stat().st_uid == 0
        assert file.stat().st_gid != 0
    assert files[0].stat().st_gid != files[1].stat().st_gid
