"""The process table, read from /proc: who runs, of whose doing, and what CPU and memory it takes. All of it blocks.

As in `agent.hardware`: an injected root, `None` for "could not be read". One file a process is read and nothing is kept
in memory. Measured on x86-64: 30 µs a process. psutil is as quick and takes 0.9 MB, so only the `process` probe, which
has more to ask, loads it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple

from agent.hardware import ROOT, read_text

COMM_CHARS: Final = 15  # how much of a program's name the kernel keeps
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_STAT_MAX_BYTES: Final = 4096
_KERNEL_THREAD: Final = 0x00200000  # PF_KTHREAD
# Fields of /proc/PID/stat (proc_pid_stat(5)), counted from the one behind the name.
_STATUS, _PARENT, _FLAGS, _UTIME, _STIME, _STARTED, _RSS = 0, 1, 6, 11, 12, 19, 21


class Process(NamedTuple):
    """One process at one moment. `started_ticks` tells two apart that had the same id one after the other.

    `name` is cut by the kernel (`COMM_CHARS`); `status` is its letter: `R`, `S`, `D`, `T`, `t`, `Z`, `X`, `I`.
    """

    pid: int
    name: str
    started_ticks: int
    cpu_s: float
    rss_bytes: int
    status: str = "S"
    parent: int = 0

    @property
    def key(self) -> tuple[int, int]:
        """What names it for ever in this boot."""
        return self.pid, self.started_ticks


class Hog(NamedTuple):
    """The process that used most CPU between two looks, in percent of one core."""

    pid: int
    name: str
    cpu_percent: float
    rss_bytes: int


def census(root: Path = ROOT) -> list[Process] | None:
    """Every process but the kernel's own threads; None where /proc cannot be read."""
    try:
        names = [entry.name for entry in os.scandir(root / "proc") if entry.name.isdigit()]
    except OSError:
        return None
    return [process for name in names if (process := look(int(name), root)) is not None]


def look(pid: int, root: Path = ROOT) -> Process | None:
    """One process; None where there is none, it is a thread of the kernel's, or it is hidden from us."""
    text = _read(f"{root}/proc/{pid}/stat")
    if not text:  # it ended while we looked
        return None
    behind = text.rindex(b")")  # the name may hold blanks and brackets itself
    fields = text[behind + 2 :].split(None, _RSS + 1)
    if int(fields[_FLAGS]) & _KERNEL_THREAD:
        return None
    return Process(
        pid,
        text[text.index(b"(") + 1 : behind].decode("utf-8", "replace"),
        int(fields[_STARTED]),
        (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS_PER_S,
        int(fields[_RSS]) * _PAGE_BYTES,
        fields[_STATUS].decode(),
        int(fields[_PARENT]),
    )


def _read(path: str) -> bytes:
    """Half the price of `open`, and there are hundreds of them."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # gone, or hidden from us
        return b""
    try:
        return os.read(file, _STAT_MAX_BYTES)
    except OSError:
        return b""
    finally:
        os.close(file)


def arguments(pid: int, root: Path = ROOT) -> list[str]:
    """Its command line; empty where there is none to read: a zombie, a process that has gone or is hidden."""
    text = read_text(root / "proc" / str(pid) / "cmdline") or ""
    # Programs that set their own title write it as one text with blanks.
    return text.split("\0") if "\0" in text else text.split()


def hog(before: list[Process], now: list[Process], elapsed_s: float, but: frozenset[int] = frozenset()) -> Hog | None:
    """PURE. Who used most CPU between two looks, leaving out the ids in `but` (the player itself, the agent).

    None where there is nobody to compare, or no time between the looks. Who came in between is not counted.
    """
    was = {process.key: process.cpu_s for process in before}
    used = [
        Hog(one.pid, one.name, (one.cpu_s - was[one.key]) * 100 / elapsed_s, one.rss_bytes)
        for one in now
        if elapsed_s > 0 and one.pid not in but and one.key in was
    ]
    return max(used, key=lambda process: process.cpu_percent, default=None)
