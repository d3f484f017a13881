"""One program that is measured: its process tree's memory and CPU, and its traffic."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil

from common.clock import monotonic_s

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import say
from _traffic import Count

INTERVAL_S = 15
DAY_S = 86_400
PACKAGES = {
    "prometheus-node-exporter": "prometheus-node-exporter",
    "collectd": "collectd-core",
    "zabbix_agentd": "zabbix-agent",
    "netdata": "netdata-core",
}
_children: list[subprocess.Popen[bytes]] = []


class Traffic(Protocol):
    """Whatever counts a program's bytes."""

    def count(self) -> Count:
        """So far."""


@dataclass
class Watcher:
    """One program that is measured. `read_out` is done each interval; `traffic` is counted."""

    name: str
    process: subprocess.Popen[bytes]
    traffic: Traffic
    read_out: Callable[[], Awaitable[None]] | None = None
    start_up_s: float | None = None
    _begun_cpu_s: float = 0.0
    _begun_s: float = 0.0
    _begun: Count = field(default=Count(0, 0))

    def tree(self) -> list[psutil.Process]:
        """It and its children."""
        top = psutil.Process(self.process.pid)
        return [top, *top.children(recursive=True)]

    def cpu_s(self) -> float:
        """CPU time of the tree, ended children included."""
        times = [process.cpu_times() for process in self.tree()]
        return sum(t.user + t.system + t.children_user + t.children_system for t in times)

    def memory(self) -> dict[str, int]:
        """RSS and PSS of the tree, in bytes."""
        found = {"rss": 0, "pss": 0}
        for process in self.tree():
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
                    name = line.split(":")[0].lower()
                    if name in found:
                        found[name] += int(line.split()[1]) * 1024
        return found

    def begin(self) -> None:
        """From now on it is measured."""
        self._begun_cpu_s, self._begun_s, self._begun = self.cpu_s(), monotonic_s(), self.traffic.count()

    def result(self) -> dict[str, object]:
        """What it took since `begin`."""
        seconds = monotonic_s() - self._begun_s
        memory, said = self.memory(), self.traffic.count() - self._begun
        return {
            "rss_mb": round(memory["rss"] / 1e6, 1),
            "pss_mb": round(memory["pss"] / 1e6, 1),
            "processes": len(self.tree()),
            "cpu_percent_of_a_core": round(100 * (self.cpu_s() - self._begun_cpu_s) / seconds, 3),
            "start_up_s": self.start_up_s,
            "payload_bytes_an_interval": round(said.payload * INTERVAL_S / seconds),
            "ip_bytes_an_interval": round(said.ip * INTERVAL_S / seconds),
            "payload_bytes_a_day": round(said.payload * DAY_S / seconds),
            "ip_bytes_a_day": round(said.ip * DAY_S / seconds),
        }


def found(program: str) -> str | None:
    """Where it is; told where it is missing."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    if path is None:
        say(f"{program} is missing: scripts/install-packages {PACKAGES.get(program, program)}")
    return path


def start(argv: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a program; what it says goes to `log`."""
    with log.open("wb") as output:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=log.parent)
    _children.append(child)
    return child


def end_all() -> None:
    """End everything that was started here, with its children."""
    for child in reversed(_children):
        with contextlib.suppress(psutil.NoSuchProcess):
            top = psutil.Process(child.pid)
            for process in [*top.children(recursive=True), top]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        child.wait()
