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

from agent.probes.base import Around, Complaint, Reading, tidy
from agent.processes import Process, arguments, census, cpu_by_key, families, full_name, look
from agent.threads import Lane, LaneBusyError
from common.clock import Clock
from common.config import Section

FIRST_LOOK_S: Final = 0.5  # the first reading measures CPU over this long
_DEAD: Final = frozenset("ZXx")
_HELD: Final = frozenset("Tt")  # by a signal, by a debugger
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


class Census(NamedTuple):
    """All processes found, at one moment; `trouble` where the question could not be asked."""

    at_ms: int
    found: tuple[Process, ...]
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
    was = cpu_by_key(before.found)
    used = [seen.cpu_s - was[seen.key] for seen in now.found if seen.key in was]
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
        self._found: list[Process] = []

    def census(self) -> Census:
        """Look once."""
        at_ms = self._clock.mono_ms()
        try:
            seen = self._seen()
        except (OSError, ValueError) as error:
            return Census(at_ms, (), f"the process table cannot be read: {error}")
        if not seen and (why := _blind()):
            return Census(at_ms, (), why)
        return Census(at_ms, tuple(seen))

    def _seen(self) -> list[Process]:
        if self._options.pidfile:
            roots = [one for one in self._from_pidfile() if self._fits(one)]
        else:
            roots = self._known() or [one for one in _everybody() if self._fits(one)]
        self._found = roots
        return families(roots, _everybody()) if roots and self._options.children else roots

    def _known(self) -> list[Process]:
        was = {one.key for one in self._found}
        now = (look(pid) for pid, _ in was)
        return [one for one in now if one is not None and one.key in was and self._fits(one)]

    def _from_pidfile(self) -> list[Process]:
        try:
            text = Path(self._options.pidfile).read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return []
        if not text.isdecimal():
            raise ValueError(f"{self._options.pidfile} holds no process id")
        found = look(int(text))
        return [] if found is None else [found]

    def _fits(self, process: Process) -> bool:
        if self._options.name and full_name(process) != self._options.name:
            return False
        if self._pattern is None:
            return True
        told = arguments(process.pid)  # a zombie has none
        return bool(told) and self._pattern.search(" ".join(told)) is not None


def _everybody() -> list[Process]:
    found = census()
    if found is None:
        raise OSError("there is no /proc")
    return found


def _blind() -> str | None:
    """Say why other users' processes cannot be seen (hidepid, ProtectProc=), so that "not found" would mean nothing."""
    try:
        _INIT_STAT.read_bytes()
    except OSError as error:
        return f"other users' processes are hidden from the agent ({_INIT_STAT}: {error.strerror}): see hidepid"
    return None
