"""What playback may lack: room on the disk, memory, CPU time, the network. Readers only; nobody is judged here.

As in `agent.hardware`: one function a question, over an injected root, `None` for "could not be read", all of them
blocking. The census reads one file a process and keeps nothing in memory (psutil keeps an object for
each process). Measured on x86-64 with 26 processes: 2 ms, through psutil 5 ms; all the others together 0.5 ms.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal, NamedTuple

from agent.hardware import ROOT, read_text

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_KIB: Final = 1024
_COMM_TO_UTIME: Final = 11  # fields of /proc/PID/stat, counted from the one behind the name
_COMM_TO_START: Final = 19
_COMM_TO_RSS: Final = 21
_KERNEL_THREAD: Final = 0x00200000  # PF_KTHREAD
_COMM_TO_FLAGS: Final = 6
_ETHERNET: Final = 1  # if_arp.h: Wi-Fi too; neither loopback nor tunnels
_ROUTE_UP: Final = 0x1  # route.h


class Disk(NamedTuple):
    """What a file system has left for others than root. Some file systems count no inodes: then both are 0."""

    free_bytes: int
    total_bytes: int
    free_inodes: int
    total_inodes: int


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


class Process(NamedTuple):
    """One process at one moment. `started_ticks` tells two apart that had the same id one after the other."""

    pid: int
    name: str
    started_ticks: int
    cpu_s: float
    rss_bytes: int


class Hog(NamedTuple):
    """The process that used most CPU between two looks, in percent of one core."""

    pid: int
    name: str
    cpu_percent: float
    rss_bytes: int


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
    return Disk(told.f_bavail * told.f_frsize, told.f_blocks * told.f_frsize, told.f_favail, told.f_files)


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


def census(root: Path = ROOT) -> list[Process] | None:
    """Every process but the kernel's own threads; None where /proc cannot be read."""
    try:
        names = [entry.name for entry in os.scandir(root / "proc") if entry.name.isdigit()]
    except OSError:
        return None
    return [process for name in names if (process := _process(int(name), root)) is not None]


def hog(before: list[Process], now: list[Process], elapsed_s: float, but: frozenset[int] = frozenset()) -> Hog | None:
    """PURE. Who used most CPU between two looks, leaving out the ids in `but` (the player itself, the agent).

    None where there is nobody to compare, or no time between the looks. Who came in between is not counted.
    """
    was = {(process.pid, process.started_ticks): process.cpu_s for process in before}
    used = [
        Hog(one.pid, one.name, (one.cpu_s - was[key]) * 100 / elapsed_s, one.rss_bytes)
        for one in now
        if elapsed_s > 0 and one.pid not in but and (key := (one.pid, one.started_ticks)) in was
    ]
    return max(used, key=lambda process: process.cpu_percent, default=None)


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


def _process(pid: int, root: Path) -> Process | None:
    text = read_text(root / "proc" / str(pid) / "stat")
    if text is None:  # ended while we looked
        return None
    name = text[text.index("(") + 1 : text.rindex(")")]  # may hold blanks and brackets itself
    fields = text[text.rindex(")") + 2 :].split()
    if int(fields[_COMM_TO_FLAGS]) & _KERNEL_THREAD:
        return None
    ticks = int(fields[_COMM_TO_UTIME]) + int(fields[_COMM_TO_UTIME + 1])
    rss_bytes = int(fields[_COMM_TO_RSS]) * _PAGE_BYTES
    return Process(pid, name, int(fields[_COMM_TO_START]), ticks / _TICKS_PER_S, rss_bytes)


def _numbers(file: Path) -> Mapping[str, int]:
    return dict(_pairs(read_text(file) or ""))


def _pairs(text: str) -> Iterator[tuple[str, int]]:
    for line in text.splitlines():
        name, _, rest = line.replace(":", " ", 1).partition(" ")
        number = rest.split()[0] if rest.split() else ""
        if number.isdigit():
            yield name, int(number)
