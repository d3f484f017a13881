"""What the machine tells of how the boot before this one ended. Readers only; `agent.endings` judges.

Each over an injected root, as in `agent.hardware`; `None` always means "does not tell". They block, and are asked once,
at the agent's start. What each source can tell and which boards have it: docs/causes.md.

Deliberately absent: the kernel's log and systemd's journal (the unit may not read them), `power_reset` of the Raspberry
Pi 5 (it has been seen to keep its value through orderly boots), SMART's count of unsafe shutdowns (needs root).
"""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from agent.endings import BootFact, Entry, LastBoot
from agent.hardware import ROOT, read_text, read_whole

_PATIENCE_S: Final = 2.0
_MS: Final = 1000
# Raspberry Pi, PM_RSTS: the even bits may hold the partition to boot from.
_POWER_ON: Final = 0x1000  # HADPOR, alone
_RESETS: Final = 0x222  # HADSRF, HADWRF, HADDRF: by software, by the watchdog, by the debugger
_CARD_RESET: Final = 0x20  # WDIOF_CARDRESET, linux/watchdog.h: "card previously reset the CPU"
# utmp(5): where glibc keeps 64-bit times in it, a record is longer.
_RECORD_BYTES: Final = 400 if platform.machine() == "aarch64" else 384
_RUN_LVL, _BOOT_TIME = 1, 2
_USER: Final = slice(44, 76)
_MOST_BYTES: Final = 4 * 1024 * 1024


def last_boot(root: Path = ROOT) -> LastBoot:
    """Everything that is told of the end of the boot before this one."""
    return LastBoot(power_on(root), reset_by_watchdog(root), tuple(dumps(root)), wtmp(root))


def boot_fact(boot: str, root: Path = ROOT) -> BootFact:
    """What the next boot will want to know of this one."""
    entries = wtmp(root)
    return BootFact(boot, watchdog_armed(root), None if entries is None else _size(_wtmp_file(root)))


def power_on(root: Path = ROOT) -> bool | None:
    """Whether the board came up because its supply came (back), by what a Raspberry Pi's bootloader found.

    False: it was reset while it had its supply. Source: raspberrypi.com, "config.txt", `bootloader/rsts`; the bits are
    those of the BCM2835's power manager.
    """
    try:
        said = (root / "proc/device-tree/chosen/bootloader/rsts").read_bytes()
    except OSError:  # no such board, or an older bootloader
        return None
    status = int.from_bytes(said)
    if status == _POWER_ON:
        return True
    return False if status & _RESETS and not status & _POWER_ON else None


def reset_by_watchdog(root: Path = ROOT) -> bool | None:
    """Whether a hardware watchdog says that it reset the machine (its driver's `bootstatus`)."""
    said = [read_whole(file) for file in sorted((root / "sys/class/watchdog").glob("watchdog*/bootstatus"))]
    told = [status for status in said if status is not None]
    return any(status & _CARD_RESET for status in told) if told else None


def watchdog_armed(root: Path = ROOT) -> bool:
    """Whether a hardware watchdog would reset this machine if it hung; False where nobody says so."""
    files = sorted((root / "sys/class/watchdog").glob("watchdog*/state"))  # kernels with CONFIG_WATCHDOG_SYSFS
    if files:
        return any(read_text(file) == "active" for file in files)
    return root == ROOT and _fed_by_systemd()


def _fed_by_systemd() -> bool:
    try:
        told = subprocess.run(
            ["systemctl", "show", "--value", "--property=WatchdogLastPingTimestampMonotonic"],  # noqa: S607 - wherever it is
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):  # no systemd here
        return False
    return told.stdout.strip() not in {"", "0"}


def dumps(root: Path = ROOT) -> Iterator[tuple[str, int]]:
    """What a dying kernel left of its log (pstore), and when (wall clock, ms); systemd-pstore may have put it away."""
    for folder in ("sys/fs/pstore", "var/lib/systemd/pstore"):
        try:
            files = sorted((root / folder).rglob("dmesg*"))
            yield from ((file.name, round(file.stat().st_mtime * _MS)) for file in files)
        except OSError:  # a folder that only root may enter
            continue


def wtmp(root: Path = ROOT) -> tuple[Entry, ...] | None:
    """Boots and orderly shutdowns, as systemd-update-utmp wrote them down; None where that is no more done."""
    try:
        data = _wtmp_file(root).read_bytes() if _size(_wtmp_file(root)) <= _MOST_BYTES else b""
    except OSError:
        return None
    if not data or len(data) % _RECORD_BYTES:
        return None
    return tuple(_entries(data))


def _entries(data: bytes) -> Iterator[Entry]:
    for offset in range(0, len(data), _RECORD_BYTES):
        record = data[offset : offset + _RECORD_BYTES]
        kind, user = int.from_bytes(record[:2], "little"), record[_USER].rstrip(b"\0")
        if kind == _BOOT_TIME:
            yield Entry(offset, "boot")
        elif kind == _RUN_LVL and user == b"shutdown":
            yield Entry(offset, "shutdown")


def _wtmp_file(root: Path) -> Path:
    return root / "var/log/wtmp"


def _size(file: Path) -> int:
    return file.stat().st_size
