"""Gives first aid: runs the remedy that an output names, within its deadline, and tells of each attempt.

A command is a list of arguments, never a shell's line. It gets a session of its own; at the deadline the whole session
is killed. What it writes to standard error goes to the agent's own (the journal).
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import structlog

from agent.causes import told
from agent.evidence import Evidence
from agent.firstaid import Chart, FirstAidTable, decide
from agent.host import Figures
from agent.probes.base import Probe, Reading, RemedyError, Remedying
from common.clock import Clock
from common.tasks import cancel, spawn
from wire.runs import Stretch

log = structlog.get_logger(__name__)

NOTE_CHARS: Final = 90  # so that the probe's own words keep room in the detail

Remedy = Callable[[], Awaitable[str]]
"""Tries, and says in a word how it went; RemedyError where it could not be done."""


class FirstAid:
    """Of one output. `consider` after each reading; `noted` before it becomes evidence."""

    def __init__(
        self,
        output: str,
        table: FirstAidTable,
        remedy: Remedy,
        evidence: Evidence,
        clock: Clock,
        maintenance: Path,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`maintenance`: no remedy is tried while that file exists; `changed`: evidence wants to be brought to disk."""
        self._output = output
        self._table = table
        self._remedy = remedy
        self._evidence = evidence
        self._clock = clock
        self._maintenance = maintenance
        self._changed = changed
        self._chart = Chart()
        self._note = ""  # of the attempts in the present bad spell
        self._said = ""
        self._attempt: asyncio.Task[None] | None = None
        self.attempts_total = 0
        self.failed_total = 0

    def noted(self, reading: Reading) -> Reading:
        """The reading with what has been done about it."""
        if not self._note or reading.state not in self._table.states:
            return reading
        return reading._replace(detail=told(reading.detail, self._note))

    def consider(self, believed: Stretch | None, seen: Reading) -> None:
        """Treat, if it is time to. Nobody is treated whose newest reading is of no harm, believed or not."""
        now_ms = self._clock.mono_ms()
        reading = None if believed is None else Reading(believed.state, believed.cause)
        self._chart = self._chart.seen(reading, now_ms if believed is None else believed.start.mono_ms, self._table)
        if self._chart.bad_since_ms is None:
            self._note = self._said = ""
            return
        if seen.state not in self._table.states:
            return
        decision = decide(self._chart, now_ms, self._table, maintenance=self._maintenance.exists())
        if decision.treat:
            self._chart = self._chart.begun(now_ms)
            self.attempts_total += 1
            self._attempt = spawn(self._treat(decision.reason), f"first-aid-{self._output}")
        elif decision.reason != self._said:
            log.info("first_aid_waits", output=self._output, reason=decision.reason)
        self._said = decision.reason

    async def close(self) -> None:
        """Break off an attempt that may be on its way."""
        await cancel(self._attempt)

    async def _treat(self, which: str) -> None:
        number = self.attempts_total
        log.warning("first_aid", output=self._output, attempt=which)
        self._write(f"first aid {number}: begun")
        try:
            async with asyncio.timeout(self._table.timeout_s):
                outcome = await self._remedy()
        except TimeoutError:
            outcome = f"broken off after {self._table.timeout_s:g} s"
            self.failed_total += 1
        except (RemedyError, OSError) as error:
            outcome = f"failed: {error}"
            self.failed_total += 1
        finally:
            self._chart = self._chart.ended(self._clock.mono_ms())
        log.warning("first_aid_ended", output=self._output, attempt=which, outcome=outcome)
        self._write(f"first aid {number}: {outcome}")

    def _write(self, note: str) -> None:
        """Say it in the open run at once: the next reading may already be of a player that plays."""
        before, self._note = self._note, note[:NOTE_CHARS]
        believed = self._evidence.tracks[self._output].machine.open
        if believed is None or believed.state not in self._table.states:
            self._note = ""
            return
        said = (believed.detail or "").removesuffix(f"[{before}]").rstrip() if before else believed.detail
        self._evidence.annotate(self._output, told(said, self._note))
        self._changed()


def remedy_of(table: FirstAidTable, probes: Mapping[str, Probe]) -> Remedy:
    """The remedy that a table names."""
    if table.probe:
        probe = probes[table.probe]
        if not isinstance(probe, Remedying):  # the configuration is checked for it
            raise TypeError(f"the probe {table.probe} has no remedy")
        return probe.remedy
    argv = table.command or ("systemctl", "--no-ask-password", "restart", "--", table.unit)
    return lambda: run_command(argv)


def figures(all_aid: Sequence[FirstAid]) -> Figures:
    """What heartbeats tell of first aid since the agent's start; nothing where it was never given."""
    attempts = sum(aid.attempts_total for aid in all_aid)
    if not attempts:
        return {}
    return {"first_aid_total": attempts, "first_aid_failed_total": sum(aid.failed_total for aid in all_aid)}


async def run_command(argv: Sequence[str]) -> str:
    """Run a program to its end: `exit status 0`; RemedyError for any other. Cancelled: its session is killed."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, start_new_session=True
        )
    except OSError as error:
        raise RemedyError(f"{argv[0]}: {error.strerror or error}") from None
    try:
        status = await process.wait()
    except asyncio.CancelledError:
        os.killpg(process.pid, signal.SIGKILL)  # nobody has waited for it: the id is still its own
        await process.wait()
        raise
    if status:
        raise RemedyError(f"{Path(argv[0]).name} gave exit status {status}")
    return f"{Path(argv[0]).name} gave exit status 0"
