"""Figures of the machine, of the readers that the causes have too. What a machine cannot tell is absent.

Read in a thread by `Sampler`: a temperature sensor behind a slow bus, or `statvfs(2)` on a dead disk, must not stop the
heartbeat. Measured on x86-64: 0.4 ms a reading.
"""

from __future__ import annotations

import asyncio
import os
import platform
import subprocess
from pathlib import Path
from typing import Final

import structlog

from agent import hardware, resources
from agent.hardware import ROOT, read_text
from agent.processes import look
from agent.resources import Ticks
from agent.threads import Lane, LaneBusyError
from common.clock import Clock

log = structlog.get_logger(__name__)

FIRST_S: Final = 1.0  # over which the first reading counts CPU use
PATIENCE_S: Final = 10.0
_SYSTEMCTL_PATIENCE_S: Final = 2.0
_MODEL: Final = "proc/device-tree/model"  # boards; a PC has none
_MS: Final = 1000
_CPU_SENSORS: Final = ("cpu_thermal", "coretemp", "k10temp", "soc_thermal", "acpitz")

Figures = dict[str, int | float | str | bool | None]


def facts() -> Figures:
    """What does not change while the agent runs; said in `hello`."""
    system = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    found: Figures = {
        "hostname": platform.node(),
        "os": system.get("PRETTY_NAME", platform.system()),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "cpu_count": os.cpu_count(),
    }
    if memory := resources.memory():
        found["memory_total_bytes"] = memory.total_bytes
    if model := read_text(ROOT / _MODEL):
        found["model"] = model
    return found


def figures(disk: Path, clock: Clock, root: Path = ROOT) -> Figures:
    """What changes; said in heartbeats. `disk` is any path on the file system to judge. Blocks."""
    found: Figures = {"load_1m": round(os.getloadavg()[0], 2), "uptime_s": clock.mono_ms() // _MS}
    if memory := resources.memory(root):
        found["memory_used_percent"] = round(memory.used_percent, 1)
    if own := look(os.getpid()):
        found["agent_rss_bytes"] = own.rss_bytes
    return found | _disk(disk) | _temperature(root)


def shutting_down() -> bool:
    """Whether systemd is taking the whole machine down (then a stop of the agent is no end of the watch). Blocks."""
    try:
        told = subprocess.run(
            ["systemctl", "is-system-running"],  # noqa: S607 - wherever the distribution has it
            capture_output=True,
            text=True,
            timeout=_SYSTEMCTL_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):  # no systemd here
        return False
    return told.stdout.strip() == "stopping"


class Sampler:
    """Reads the figures every so often; `figures` is the latest reading."""

    def __init__(self, disk: Path, clock: Clock, root: Path = ROOT) -> None:
        self._disk = disk
        self._clock = clock
        self._root = root
        self._lane = Lane("host-figures")
        self.figures: Figures = {}
        self.asked = asyncio.Event()  # once at least
        self._told = self._ticks = resources.ticks(root)

    async def run(self, interval_s: float) -> None:
        """Read until cancelled."""
        await asyncio.sleep(min(FIRST_S, interval_s))
        while True:
            await self.read()
            await asyncio.sleep(interval_s)

    async def read(self) -> None:
        """Read once; after trouble the figures are absent rather than old."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                self.figures, self._ticks = await self._lane.call(self._look)
        except (OSError, ValueError, LaneBusyError) as error:
            log.warning("host_figures_unreadable", error=str(error))
            self.figures = {}
        self.asked.set()

    def told(self) -> None:
        """The figures have been said: CPU use is counted from this reading on, so that no time goes untold."""
        self._told = self._ticks

    def _look(self) -> tuple[Figures, Ticks | None]:
        before, now = self._told, resources.ticks(self._root)
        cpu: Figures = {"cpu_percent": round(100 - now.idle_percent(before), 1)} if before and now else {}
        return cpu | figures(self._disk, self._clock, self._root), now


def _disk(path: Path) -> Figures:
    while not path.exists() and path != path.parent:
        path = path.parent
    disk = resources.disk(path)
    return {"disk_used_percent": round(disk.used_percent, 1), "disk_free_bytes": disk.free_bytes} if disk else {}


def _temperature(root: Path) -> Figures:
    told = hardware.temperatures(root)
    for sensor in (*_CPU_SENSORS, *(name for name, _ in told)):
        if celsius := [value for name, value in told if name == sensor]:
            return {"temperature_c": round(max(celsius), 1)}
    return {}
