"""PURE. What the readers saw of the machine → what of that is a symptom, in the words of `agent.causes.RULES`.

Where a state may be normal only a change counts: a root that was read-only at the agent's start, errors that an old
card had then, a connector that never had a display are nobody's symptom. What could not be read is none either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from agent.causes import Symptom

if TYPE_CHECKING:
    from agent.hardware import FileSystemErrors, Throttled, Zone
    from agent.processes import Hog, Process
    from agent.resources import Disk, Memory

_MIB: Final = 1024 * 1024
FULL_BYTES: Final = 4 * _MIB  # less than this is no room
SCARCE_MEMORY: Final = 0.05  # of all memory is available
MOST_OF_MEMORY: Final = 0.5
BUSY_IDLE_PERCENT: Final = 10.0  # less than this of all processors is idle
MOST_OF_CPU: Final = 0.5
# The player draws through these: what they use is its own doing.
DISPLAY_SERVERS: Final = frozenset({"Xorg", "Xvfb", "Xwayland", "cage", "kwin_wayland", "labwc", "mutter", "sway"}) | {
    *("wayfire", "weston")
}


class Rival(NamedTuple):
    """The program, not the player's nor the agent, that took most over the last second, and how busy the machine was.

    `hog`: all processes of one name together; `largest`: the one that holds most memory.
    """

    hog: Hog | None
    largest: Process | None
    idle_percent: float
    processors: int


class Condition(NamedTuple):
    """What the readers saw at one moment; None: could not be read, or was not asked."""

    under_voltage: bool | None = None
    throttled: Throttled | None = None
    zones: list[Zone] | None = None
    errors: list[FileSystemErrors] | None = None
    read_only: list[str] | None = None
    disk: Disk | None = None
    memory: Memory | None = None
    connectors: Mapping[str, str] = {}
    rival: Rival | None = None
    link: str | None = None  # why nothing was reached; None: something was, or nobody asked


def symptoms(start: Condition, before: Condition, now: Condition) -> tuple[Symptom, ...]:
    """What is wrong now. `start`: at the agent's start; `before`: at the look before this one."""
    return tuple(_symptoms(start, before, now))


def _symptoms(start: Condition, before: Condition, now: Condition) -> Iterator[Symptom]:
    yield from _display(start.connectors, now.connectors)
    flags = now.throttled
    if now.under_voltage or (flags is not None and flags.under_voltage):
        yield Symptom("under_voltage", "the supply is, or just was, too weak")
    yield from _heat(now.zones or (), flags)
    yield from _storage(start, now)
    if now.disk is not None and _full(now.disk):
        inodes = ", no inodes" if now.disk.total_inodes and not now.disk.free_inodes else ""
        yield Symptom("disk_full", f"{now.disk.free_bytes // _MIB} MiB are free{inodes}")
    if now.rival is not None:
        yield from _rivals(before.memory, now.memory, now.rival)
    if now.link is not None:
        yield Symptom("link_down", now.link)


def _display(start: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Symptom]:
    lost = [name for name, status in now.items() if status == "disconnected" and start.get(name) == "connected"]
    if lost:
        yield Symptom("display_disconnected", f"{', '.join(lost)} was connected and no longer is")


def _heat(zones: Iterable[Zone], flags: Throttled | None) -> Iterator[Symptom]:
    slowed: list[str] = []
    for zone in zones:
        if zone.exceeded in ("hot", "critical"):
            yield Symptom("over_temperature", f"{zone.name} at {zone.temperature_c:.1f} °C ({zone.exceeded})")
        elif zone.exceeded == "passive":
            slowed.append(f"{zone.name} at {zone.temperature_c:.1f} °C")
    if flags is not None:
        slowed += [name for name in ("frequency_capped", "throttled", "soft_temperature_limit") if getattr(flags, name)]
    if slowed:
        yield Symptom("throttled", ", ".join(slowed))


def _storage(start: Condition, now: Condition) -> Iterator[Symptom]:
    had = {one.device: one.errors for one in start.errors or ()}
    for one in now.errors or ():
        new = one.errors - had.get(one.device, 0)  # a file system that was mounted since brings its old ones
        if one.device in had and new > 0:
            where = f", last in {one.last_function}" if one.last_function else ""
            yield Symptom("storage_error", f"{one.device}: {new} new ext4 errors{where}")
    turned = [mount for mount in now.read_only or () if mount not in (start.read_only or ())]
    if start.read_only is not None and turned:
        yield Symptom("root_read_only", f"{', '.join(turned)} turned read-only")


def _full(disk: Disk) -> bool:
    return disk.free_bytes < FULL_BYTES or (disk.total_inodes > 0 and disk.free_inodes == 0)


def _rivals(memory_before: Memory | None, memory: Memory | None, rival: Rival) -> Iterator[Symptom]:
    largest, hog = rival.largest, rival.hog
    if memory is not None and largest is not None and largest.rss_bytes > MOST_OF_MEMORY * memory.total_bytes:
        killed = (memory.oom_kills or 0) - ((memory_before and memory_before.oom_kills) or memory.oom_kills or 0)
        if killed > 0 or memory.available_bytes < SCARCE_MEMORY * memory.total_bytes:
            percent = 100 * largest.rss_bytes / memory.total_bytes
            ran_out = f", {killed} processes killed" if killed > 0 else ""
            yield Symptom("memory_hog", f"{largest.name} holds {percent:.0f} % of the memory{ran_out}")
    if hog is None or rival.idle_percent >= BUSY_IDLE_PERCENT:
        return
    percent = hog.cpu_percent / rival.processors
    if percent > 100 * MOST_OF_CPU:
        yield Symptom("cpu_hog", f"{hog.name} takes {percent:.0f} % of the CPU, {rival.idle_percent:.0f} % are idle")


def by_name(processes: Iterable[Process], own: frozenset[str], own_pid: int) -> list[Process]:
    """Processes of one name as one (a browser, a pool of workers), without the agent, the player and its display."""
    groups: dict[str, list[Process]] = {}
    for process in processes:
        if process.pid != own_pid and process.name not in own | DISPLAY_SERVERS:
            groups.setdefault(process.name, []).append(process)
    return [_together(group) for group in groups.values()]


def seen_twice(before: Iterable[Process], now: Iterable[Process]) -> tuple[list[Process], list[Process]]:
    """Only those processes that are in both looks, so that sums over a name can be compared."""
    was = {one.key: one for one in before}
    both = [one for one in now if one.key in was]
    return [was[one.key] for one in both], both


def _together(group: list[Process]) -> Process:
    first = min(group)
    return first._replace(cpu_s=sum(one.cpu_s for one in group), rss_bytes=sum(one.rss_bytes for one in group))
