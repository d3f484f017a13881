"""Figures of the machine, through psutil. Names carry their unit; what a machine cannot tell is absent.

Read in a thread by `Sampler`: a temperature sensor behind a slow bus, or `statvfs(2)` on a dead disk, must not stop the
heartbeat. Measured on x86-64: 0.6 ms a reading.
"""

from __future__ import annotations

import asyncio
import os
import platform
import subprocess
from pathlib import Path
from typing import Final

import psutil
import structlog

from agent.threads import Lane, LaneBusyError
from common.clock import Clock

log = structlog.get_logger(__name__)

FIRST_S: Final = 1.0  # over which the first reading counts CPU use
PATIENCE_S: Final = 10.0
_SYSTEMCTL_PATIENCE_S: Final = 2.0
_MODEL: Final = Path("/proc/device-tree/model")  # boards; a PC has none
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
        "memory_total_bytes": psutil.virtual_memory().total,
    }
    if model := _model():
        found["model"] = model
    return found


def figures(disk: Path, clock: Clock) -> Figures:
    """What changes; said in every heartbeat. `disk` is any path on the file system to judge. Blocks."""
    memory, load = psutil.virtual_memory(), os.getloadavg()
    found: Figures = {
        "cpu_percent": psutil.cpu_percent(),  # since the last reading
        "memory_used_percent": memory.percent,
        "load_1m": round(load[0], 2),
        "uptime_s": clock.mono_ms() // _MS,
        "agent_rss_bytes": psutil.Process().memory_info().rss,
    }
    return found | _disk(disk) | _temperature()


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

    def __init__(self, disk: Path, clock: Clock) -> None:
        self._disk = disk
        self._clock = clock
        self._lane = Lane("host-figures")
        self.figures: Figures = {}
        psutil.cpu_percent()  # the first reading only says from where the next one counts

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
                self.figures = await self._lane.call(lambda: figures(self._disk, self._clock))
        except (OSError, psutil.Error, LaneBusyError) as error:
            log.warning("host_figures_unreadable", error=str(error))
            self.figures = {}


def _disk(path: Path) -> Figures:
    while not path.exists() and path != path.parent:
        path = path.parent
    usage = psutil.disk_usage(str(path))
    return {"disk_used_percent": usage.percent, "disk_free_bytes": usage.free}


def _temperature() -> Figures:
    sensors = psutil.sensors_temperatures()
    for name in (*_CPU_SENSORS, *sensors):
        readings = [entry.current for entry in sensors.get(name, []) if entry.current is not None]
        if readings:
            return {"temperature_c": round(max(readings), 1)}
    return {}


def _model() -> str:
    try:
        return _MODEL.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return ""
