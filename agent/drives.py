"""The health of this machine's drives: asked of `smartctl`, or read from what a privileged timer has asked it.

smartctl needs root: CAP_SYS_RAWIO for ATA, CAP_SYS_ADMIN for NVMe, and the device itself, all of which the agent's own
unit goes without. So `signwatch agent drives --write DIR`, run by root from systemd/signwatch-drives.timer, leaves
smartctl's answers where the agent may read them; an agent that may ask asks by itself. Where neither is so, a drive is
"not readable", and accuses nobody.

eMMC needs no smartctl (`agent.hardware.wear`). SD cards tell nothing.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from agent.command import ask_program
from agent.hardware import ROOT, Wear, read_text, read_whole, wear
from agent.host import Figures
from agent.threads import Lane
from common.clock import Clock

if TYPE_CHECKING:
    from agent.smart import Drive

REPORTS: Final = Path("/run/signwatch-drives")
DRIVES_MAX: Final = 16  # of which a heartbeat tells
ASK_S: Final = 20.0  # a drive that wakes up, or retries, takes its time
ASK_EVERY_MS: Final = 1_800_000
STALE_MS: Final = 3 * 3_600_000  # the timer asks every hour
_NO_DRIVES: Final = ("loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd", "vd", "xvd", "mmcblk", "mtd")
# Reserve blocks of an eMMC that are used up at least (JEDEC eMMC 5.0, PRE_EOL_INFO).
_RESERVE_USED_PERCENT: Final = {"normal": 0, "warning": 80, "urgent": 90}


class Answer(NamedTuple):
    """What smartctl said of a drive, word for word."""

    text: str

    @property
    def drive(self) -> Drive:
        """What that means."""
        from agent.smart import read_drive  # most players have no drive that tells

        return read_drive(self.text)


Drives = Mapping[str, "Drive"]


def drive_names(root: Path = ROOT) -> list[str]:
    """Names of the machine's own drives (`sda`, `nvme0n1`); the health of virtual ones is another machine's."""
    blocks = sorted(block.name for block in (root / "sys/block").glob("*") if not block.name.startswith(_NO_DRIVES))
    return [name for name in blocks if read_whole(root / "sys/block" / name / "size")][:DRIVES_MAX]


async def ask_drive(name: str) -> str:
    """What smartctl says, as JSON; a drive that sleeps is left asleep. OSError where there is no smartctl."""
    said = await ask_program(
        *("smartctl", "--json=c", "--info", "--health", "--attributes", "--nocheck=standby", f"/dev/{name}")
    )
    return said.out


async def ask_drives(names: Iterable[str]) -> dict[str, Answer]:
    """Ask smartctl for each, one after the other: two that retry at once would hold the bus of a small machine."""
    found: dict[str, Answer] = {}
    for name in names:
        try:
            async with asyncio.timeout(ASK_S):
                text = await ask_drive(name)
        except TimeoutError:
            found[name] = Answer(_untold(f"smartctl did not come to an end within {ASK_S:g} s"))
        except OSError as error:
            found[name] = Answer(_untold(f"smartctl cannot be run: {error.strerror or error}"))
        else:
            found[name] = Answer(text)
    return found


def _untold(reason: str) -> str:
    """What smartctl itself would say of a drive that it could not ask."""
    return msgspec.json.encode({"smartctl": {"messages": [{"string": reason}]}}).decode()


def read_reports(folder: Path, clock: Clock) -> dict[str, Drive] | None:
    """What the timer has left in the folder; None where it leaves nothing there. Blocks."""
    files = sorted(folder.glob("*.json"))
    if not files:
        return None
    from agent.smart import Drive, read_drive

    found: dict[str, Drive] = {}
    for file in files[:DRIVES_MAX]:
        text = read_text(file)
        age_ms = clock.wall_ms() - round(_written_s(file) * 1000)
        if text is None:
            found[file.stem] = Drive(reason=f"{file} cannot be read")
        elif age_ms > STALE_MS:
            hours = age_ms // 3_600_000
            found[file.stem] = Drive(reason=f"{file} is {hours} hours old: does signwatch-drives.timer run?")
        else:
            found[file.stem] = read_drive(text)
    return found


def drive_figures(drives: Drives, worn: Iterable[Wear] = ()) -> Figures:
    """PURE. Both as host figures. `drives_failing` is there where at least one drive gave its verdict."""
    found: Figures = {}
    asked = [drive for drive in drives.values() if drive.failing is not None]
    if asked:
        found["drives_failing"] = sum(bool(drive.failing) for drive in asked)
    for name, drive in drives.items():
        verdict = (
            "failing" if drive.failing else "passed" if drive.failing is False else f"not readable: {drive.reason}"
        )
        found[f"drive.{name}.health"] = verdict
        numbers = {key: value for key, value in drive._asdict().items() if key not in {"failing", "reason"}}
        found |= {f"drive.{name}.{key}": value for key, value in numbers.items() if value is not None}
    for one in worn:
        if one.used_percent is not None:
            found[f"drive.{one.device}.used_percent"] = one.used_percent
        if one.reserve is not None:
            found[f"drive.{one.device}.reserve_used_percent"] = _RESERVE_USED_PERCENT[one.reserve]
    return found


class DriveWatch:
    """Reads what the timer leaves, or asks smartctl now and again, which is dear. A sleeping drive keeps its word."""

    def __init__(self, clock: Clock, reports: Path = REPORTS, root: Path = ROOT) -> None:
        self._clock = clock
        self._reports = reports
        self._root = root
        self._known: dict[str, Drive] = {}
        self._asked_ms: int | None = None
        self._lane = Lane("drives")

    async def read(self) -> Figures:
        """Read once; OSError, LaneBusyError where the machine's own files do not answer."""
        drives, names, worn = await self._lane.call(self._look)
        if drives is None:
            drives = await self._asked(names)
        drives = {name: self._known.get(name, drive) if drive.asleep else drive for name, drive in drives.items()}
        self._known = drives
        return drive_figures(drives, worn)

    async def _asked(self, names: list[str]) -> dict[str, Drive]:
        now_ms = self._clock.mono_ms()
        if self._asked_ms is not None and now_ms - self._asked_ms < ASK_EVERY_MS and list(self._known) == names:
            return self._known
        self._asked_ms = now_ms
        return {name: answer.drive for name, answer in (await ask_drives(names)).items()}

    def _look(self) -> tuple[dict[str, Drive] | None, list[str], list[Wear]]:
        return read_reports(self._reports, self._clock), drive_names(self._root), wear(self._root) or []


def write_reports(folder: Path, answers: Mapping[str, str]) -> None:
    """Leave smartctl's answers for the agent, whole or not at all; those of drives that are gone are taken away."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    for name, answer in answers.items():
        new = folder / f".{name}.new"
        new.write_text(answer, encoding="utf-8")
        new.chmod(0o644)
        os.replace(new, folder / f"{name}.json")  # noqa: PTH105 - the name of what it does
    for file in folder.glob("*.json"):
        if file.stem not in answers:
            file.unlink()


def _written_s(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0
