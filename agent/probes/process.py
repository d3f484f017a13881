"""Sees whether a process is alive and consumes CPU. docs/probes/process.md has the fields and results.

The weakest of the probes: a player can burn CPU in front of a black screen. For players that offer nothing better.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import msgspec
import psutil

from agent.probes.base import Around, Complaint, Reading, tidy
from agent.threads import Lane, LaneBusyError
from common.clock import Clock
from common.config import Section

FIRST_LOOK_S: Final = 0.5  # the first reading measures CPU over this long
_DEAD: Final = frozenset({psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD})
_HELD: Final = frozenset({psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP})
_INIT_STAT: Final = Path("/proc/1/stat")


class ProcessOptions(Section, frozen=True):
    """The table `[outputs.process]`. `name`, `cmdline` and `pidfile` narrow the choice together."""

    name: str = ""
    cmdline: str = ""
    pidfile: str = ""
    children: bool = True
    min_cpu_percent: Annotated[float, msgspec.Meta(ge=0, le=10_000)] = 0.5


def process_complaints(options: ProcessOptions) -> Iterator[Complaint]:
    """PURE. What is wrong with the table."""
    if not (options.name or options.cmdline or options.pidfile):
        yield Complaint("agent.process_nobody", "", "names no process", "set name, cmdline or pidfile")
    try:
        re.compile(options.cmdline)
    except re.error as error:
        yield Complaint("agent.process_pattern", "cmdline", f"is no pattern: {error}", "mend the expression")


class Seen(NamedTuple):
    """One process at one moment: its identity, its state, the CPU seconds it has used."""

    pid: int
    created: float
    status: str
    cpu_s: float


class Census(NamedTuple):
    """All processes found, at one moment; `trouble` where the question could not be asked."""

    at_ms: int
    found: tuple[Seen, ...]
    trouble: str | None = None


def judge(before: Census | None, now: Census, min_cpu_percent: float) -> Reading:  # noqa: PLR0911 - a table
    """PURE. What two looks at the process table mean. The first line that fits decides."""
    if now.trouble:
        return Reading("unknown", None, tidy(now.trouble))
    if not now.found:
        return Reading("stopped", None, "no such process")
    alive = [seen for seen in now.found if seen.status not in _DEAD]
    if not alive:
        return Reading("frozen", None, f"process {now.found[0].pid} is a zombie")
    if all(seen.status in _HELD for seen in alive):
        return Reading("frozen", None, f"process {alive[0].pid} is held (SIGSTOP or a debugger)")
    if min_cpu_percent == 0:
        return Reading("playing", None, f"process {alive[0].pid} is alive")
    percent = cpu_percent(before, now)
    if percent is None:
        return Reading("unknown", None, f"process {alive[0].pid} has just appeared: its CPU use is not known yet")
    if percent < min_cpu_percent:
        return Reading("frozen", None, f"process {alive[0].pid} used {percent:.1f} % CPU, under {min_cpu_percent} %")
    return Reading("playing")


def cpu_percent(before: Census | None, now: Census) -> float | None:
    """PURE. Percent of one core used between two looks by the processes seen in both; None where there are none."""
    if before is None or now.at_ms <= before.at_ms:
        return None
    was = {(seen.pid, seen.created): seen.cpu_s for seen in before.found}
    used = [seen.cpu_s - was[key] for seen in now.found if (key := (seen.pid, seen.created)) in was]
    return sum(used) * 100_000 / (now.at_ms - before.at_ms) if used else None


class ProcessProbe:
    """The probe named `process`."""

    silence = Reading("unknown", None, "the process table did not answer")

    def __init__(self, options: ProcessOptions, around: Around) -> None:
        self._options = options
        self._clock = around.clock
        self._lane = Lane(f"process-{around.output}")
        self._search = Search(options, around.clock)
        self._before: Census | None = None

    async def read(self) -> Reading:
        """Look at the process table, in a thread: reading /proc of a process stuck in the kernel can hang."""
        try:
            before, now = await self._lane.call(self._look)
        except LaneBusyError as error:
            return Reading("unknown", None, str(error))
        self._before = now
        return judge(before, now, self._options.min_cpu_percent)

    async def close(self) -> None:
        """Nothing to let go of."""

    def _look(self) -> tuple[Census | None, Census]:
        before = self._before
        if before is None:
            before = self._search.census()
            time.sleep(FIRST_LOOK_S)
        return before, self._search.census()


class Search:
    """Finds the processes that the options mean. What it found is asked first the next time, which is cheap."""

    def __init__(self, options: ProcessOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._pattern = re.compile(options.cmdline) if options.cmdline else None
        self._found: list[psutil.Process] = []

    def census(self) -> Census:
        """Look once."""
        at_ms = self._clock.mono_ms()
        try:
            roots = self._roots()
            seen = {entry.pid: entry for root in roots for entry in self._family(root)}
        except (OSError, psutil.AccessDenied, ValueError) as error:
            return Census(at_ms, (), f"the process table cannot be read: {error}")
        if not seen and (why := _blind()):
            return Census(at_ms, (), why)
        return Census(at_ms, tuple(seen.values()))

    def _roots(self) -> list[psutil.Process]:
        if self._options.pidfile:
            return [process for process in self._from_pidfile() if self._fits(process)]
        known = [process for process in self._found if process.is_running() and self._fits(process)]
        if not known:
            known = [process for process in psutil.process_iter() if self._fits(process)]
        self._found = known
        return known

    def _from_pidfile(self) -> list[psutil.Process]:
        try:
            text = Path(self._options.pidfile).read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return []
        try:
            return [psutil.Process(int(text))]
        except psutil.NoSuchProcess:
            return []
        except ValueError:
            raise ValueError(f"{self._options.pidfile} holds no process id") from None

    def _fits(self, process: psutil.Process) -> bool:
        try:
            if self._options.name and process.name() != self._options.name:
                return False
            return self._pattern is None or self._pattern.search(" ".join(process.cmdline())) is not None
        except psutil.NoSuchProcess:  # ended while we looked, or a zombie without a command line
            return False
        except psutil.AccessDenied:
            if self._options.pidfile:
                raise
            return False  # another user's process under hidepid=1: `_blind` tells

    def _family(self, root: psutil.Process) -> list[Seen]:
        members = [root]
        try:
            if self._options.children:
                members += root.children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        return [seen for member in members if (seen := _seen(member)) is not None]


def _seen(process: psutil.Process) -> Seen | None:
    try:
        with process.oneshot():
            times = process.cpu_times()
            return Seen(process.pid, process.create_time(), process.status(), times.user + times.system)
    except psutil.NoSuchProcess:
        return None


def _blind() -> str | None:
    """Say why other users' processes cannot be seen (hidepid, ProtectProc=), so that "not found" would mean nothing."""
    try:
        _INIT_STAT.read_bytes()
    except OSError as error:
        return f"other users' processes are hidden from the agent ({_INIT_STAT}: {error.strerror}): see hidepid"
    return None
