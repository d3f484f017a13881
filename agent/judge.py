"""From what the probes of one output saw to its evidence: together, by its schedule, with the cause that was found."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from agent.causes import Inquest
from agent.combine import Panel
from agent.evidence import Evidence
from agent.probes.base import Reading
from agent.remedies import FirstAid
from agent.schedule import Schedule
from common.clock import Clock
from wire.runs import Instant


class Calls(NamedTuple):
    """Whom a judge calls. `changed`: evidence wants to be brought to disk; `trouble`: the machine to be looked at."""

    changed: Callable[[], None]
    trouble: Callable[[], None]


class Judge:
    """One output: takes in readings of its probes, in any order."""

    def __init__(
        self,
        output: str,
        panel: Panel,
        schedule: Schedule | None,
        inquest: Inquest,
        evidence: Evidence,
        clock: Clock,
        calls: Calls,
        aid: FirstAid | None = None,
    ) -> None:
        self._output = output
        self._panel = panel
        self._schedule = schedule
        self._inquest = inquest
        self._evidence = evidence
        self._clock = clock
        self._calls = calls
        self._aid = aid

    def take(self, probe: str, reading: Reading, at: Instant, suspended_ms: int) -> None:
        """Take in what one probe saw when it was asked at `at`."""
        judged = self._panel.hear(probe, reading, at)
        seen = judged.reading
        if self._schedule is not None:
            seen = self._schedule.judge(seen, judged.at.wall_ms, synced=self._clock.synced())
        if self._inquest.begins_with(seen):
            self._calls.trouble()
        known = self._inquest.judge(seen, judged.at, believed=self._believes(seen))
        found_out = known.cause != seen.cause
        if self._aid is not None:
            known = self._aid.noted(known)
        changed = self._evidence.take(
            self._output, known, judged.at, suspended_ms, again=judged.again, found_out=found_out
        )
        if self._aid is not None:
            self._aid.consider(self._evidence.tracks[self._output].machine.open, known)
        if changed:
            self._calls.changed()

    def _believes(self, reading: Reading) -> bool:
        believed = self._evidence.tracks[self._output].machine.open
        return believed is not None and believed.state == reading.state
