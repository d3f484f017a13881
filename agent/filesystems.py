"""How full this machine's own file systems are, and which of them the kernel has closed to writers. Blocks.

What hangs on a network is left out: a server that is gone would hold the question. A file system that is mounted at
several places (a service's sandbox does that) is told once, by its shortest mount point.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from agent.hardware import ROOT, read_text, turned_read_only
from agent.host import Figures
from agent.resources import disk

FILE_SYSTEMS_MAX: Final = 16  # of which a heartbeat tells
_SEALED: Final = frozenset({"squashfs", "iso9660", "erofs", "udf", "cramfs"})  # always full, by design
_DEVICES: Final = ("/dev/",)
_POOLS: Final = frozenset({"zfs"})  # whose source is no device
_PERCENT: Final = 100
_POINT, _KIND, _SOURCE = 4, 0, 1  # fields of proc_pid_mountinfo(5): of those before the dash, of those behind it


def file_system_figures(root: Path = ROOT) -> Figures:
    """`fs.NAME.…` of each, and how many of them the kernel has closed to writers."""
    found: Figures = {}
    for name, place in mounted(root).items():
        room = disk(Path(place))
        if room is None or not room.total_bytes:  # no right to look at it, or it has gone meanwhile
            continue
        found[f"fs.{name}.used_percent"] = round(room.used_percent, 1)
        found[f"fs.{name}.free_bytes"] = room.free_bytes
        if room.total_inodes:
            used_inodes = room.total_inodes - room.free_inodes
            found[f"fs.{name}.inodes_used_percent"] = round(_PERCENT * used_inodes / room.total_inodes, 1)
    return found | closed_figures(root)


def closed_figures(root: Path = ROOT) -> Figures:
    """How many file systems have turned read-only by themselves, and where the first of them are mounted."""
    closed = turned_read_only(root)
    if closed is None:
        return {}
    found: Figures = {"fs_turned_read_only": len(closed)}
    return found | ({"fs_turned_read_only_at": " ".join(closed)[:200]} if closed else {})


def mounted(root: Path = ROOT) -> dict[str, str]:
    """Name → mount point of each file system on a device of this machine: `root` → `/`, `var-lib` → `/var/lib`."""
    by_source: dict[str, str] = {}
    for line in (read_text(root / "proc/self/mountinfo") or "").splitlines():
        before, _, after = line.partition(" - ")
        fields, behind = before.split(), after.split()
        kind, source = behind[_KIND], behind[_SOURCE]
        point = fields[_POINT].encode("ascii", "backslashreplace").decode("unicode_escape")  # "\040" is a blank
        own = (source.startswith(_DEVICES) and kind not in _SEALED) or kind in _POOLS
        if own and Path(point).is_dir() and len(point) < len(by_source.get(source, point + "/")):
            by_source[source] = point
    return {_name(point): point for point in sorted(by_source.values())[:FILE_SYSTEMS_MAX]}


def _name(place: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", place.lower()).strip("-") or "root"
