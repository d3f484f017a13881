"""What playback may lack: room on the disk, memory, CPU time, the network. Readers only; nobody is judged here.

As in `agent.hardware`: one function a question, over an injected root, `None` for "could not be read", all of them
blocking. Measured on x86-64: all of them together 0.5 ms. Who takes it: `agent.processes`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal, NamedTuple

from agent.hardware import ROOT, read_text

_KIB: Final = 1024
_IDLE: Final = (3, 4)  # columns of /proc/stat: idle, iowait
_ETHERNET: Final = 1  # if_arp.h: Wi-Fi too; neither loopback nor tunnels
_ROUTE_UP: Final = 0x1  # route.h


class Disk(NamedTuple):
    """What a file system has left for others than root. Some file systems count no inodes: then both are 0."""

    free_bytes: int
    total_bytes: int
    free_inodes: int
    total_inodes: int
    used_bytes: int = 0

    @property
    def used_percent(self) -> float:
        """As df(1) has it: of what can be used by others than root."""
        usable_bytes = self.used_bytes + self.free_bytes
        return 100 * self.used_bytes / usable_bytes if usable_bytes else 0.0


class Pressure(NamedTuple):
    """Percent of the time in which some, or all, of the processes that could run waited (kernel, accounting/psi)."""

    some_10s_percent: float
    some_60s_percent: float
    full_10s_percent: float
    full_60s_percent: float


class Memory(NamedTuple):
    """`available_bytes`: what can be had without swapping. `oom_kills`: processes the kernel killed since the boot."""

    total_bytes: int
    available_bytes: int
    swap_free_bytes: int
    oom_kills: int | None

    @property
    def used_percent(self) -> float:
        """What cannot be had without swapping."""
        return 100 * (self.total_bytes - self.available_bytes) / self.total_bytes


class Ticks(NamedTuple):
    """What all processors together have spent since the boot, in clock ticks."""

    total: int
    idle: int

    def idle_percent(self, before: Ticks) -> float:
        """Of the time since then; 100 where there was none."""
        total = self.total - before.total
        share = (self.idle - before.idle) / total if total > 0 else 1.0
        return 100 * min(1.0, max(0.0, share))  # iowait may go back (proc_stat(5))


class Link(NamedTuple):
    """A wired or wireless interface. `up`: it can send; `carrier`: there is something at the other end."""

    name: str
    up: bool
    carrier: bool
    wireless: bool


def disk(path: Path) -> Disk | None:
    """The file system that holds `path`."""
    try:
        told = os.statvfs(path)
    except OSError:
        return None
    size = told.f_frsize
    used_bytes = (told.f_blocks - told.f_bfree) * size
    return Disk(told.f_bavail * size, told.f_blocks * size, told.f_favail, told.f_files, used_bytes)


def pressure(what: Literal["cpu", "memory", "io"], root: Path = ROOT) -> Pressure | None:
    """How much was waited for it; None where the kernel does not count (Raspberry Pi OS: `psi=1` in cmdline.txt)."""
    text = read_text(root / "proc/pressure" / what)
    kinds = {
        words[0]: dict(word.split("=", 1) for word in words[1:]) for words in map(str.split, (text or "").splitlines())
    }
    try:
        return Pressure(*(float(kinds[kind][key]) for kind in ("some", "full") for key in ("avg10", "avg60")))
    except (KeyError, ValueError):
        return None


def memory(root: Path = ROOT) -> Memory | None:
    """What is left of it."""
    told, kills = _numbers(root / "proc/meminfo"), _numbers(root / "proc/vmstat").get("oom_kill")
    try:
        return Memory(told["MemTotal"] * _KIB, told["MemAvailable"] * _KIB, told.get("SwapFree", 0) * _KIB, kills)
    except KeyError:
        return None


def ticks(root: Path = ROOT) -> Ticks | None:
    """How the processors spent their time (proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal)."""
    words = (read_text(root / "proc/stat") or "").partition("\n")[0].split()[1:9]
    spent = [int(word) for word in words]
    return Ticks(sum(spent), sum(spent[column] for column in _IDLE)) if len(spent) > max(_IDLE) else None


def links(root: Path = ROOT) -> list[Link] | None:
    """Every Ethernet and Wi-Fi interface; None where there is none to ask. Virtual ones (bridges, ifb) are left out."""
    found = []
    for folder in sorted((root / "sys/class/net").glob("*")):
        # A real interface hangs on a device; a bus is named by what `device` leads to.
        if read_text(folder / "type") == str(_ETHERNET) and (folder / "device").exists():
            up = read_text(folder / "operstate") in {"up", "unknown"}  # some drivers never tell more than "unknown"
            carrier = read_text(folder / "carrier") == "1"  # EINVAL while the interface is down
            found.append(Link(folder.name, up, carrier, (folder / "wireless").exists()))
    return found or None


def default_routes(root: Path = ROOT) -> list[str] | None:
    """The interfaces of the default routes, IPv4 before IPv6; none: there is no way out of this network."""
    v4, v6 = read_text(root / "proc/net/route"), read_text(root / "proc/net/ipv6_route")
    if v4 is None and v6 is None:
        return None
    return list(dict.fromkeys([*_v4_routes(v4 or ""), *_v6_routes(v6 or "")]))


def _v4_routes(table: str) -> Iterator[str]:
    for line in table.splitlines()[1:]:
        name, destination, _, flags, _, _, _, mask, *_ = line.split()
        if destination == mask == "0" * 8 and int(flags, 16) & _ROUTE_UP:
            yield name


def _v6_routes(table: str) -> Iterator[str]:
    for line in table.splitlines():
        destination, length, *_, flags, name = line.split()
        if destination == "0" * 32 and length == "00" and name != "lo" and int(flags, 16) & _ROUTE_UP:
            yield name


def _numbers(file: Path) -> Mapping[str, int]:
    return dict(_pairs(read_text(file) or ""))


def _pairs(text: str) -> Iterator[tuple[str, int]]:
    for line in text.splitlines():
        name, _, rest = line.replace(":", " ", 1).partition(" ")
        number = rest.split()[0] if rest.split() else ""
        if number.isdigit():
            yield name, int(number)
