"""What really was on every screen, so that tests can hold the ledger against it.

One JSON object a line: `{"subject": "demo/player-0001/main", "state": "playing", "start_ms": …, "end_ms": …}`,
half-open, true time in milliseconds since 1970, in the order in which the runs ended. A lost link or a dead agent
changes nothing here: the truth is what a passer-by saw.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TextIO

from wire.states import State


@dataclass(frozen=True, slots=True)
class TrueRun:
    """One screen in one state over `[start_ms, end_ms)`."""

    subject: str  # tenant/device/output
    state: State
    start_ms: int
    end_ms: int


class Truth:
    """Collects true runs in `runs`, and writes each to `sink` when it ends."""

    def __init__(self, sink: TextIO | None = None) -> None:
        self.runs: list[TrueRun] = []
        self._sink = sink
        self._now: dict[str, tuple[State, int]] = {}

    def change(self, subject: str, state: State, at_ms: int) -> None:
        """From `at_ms` on the screen is in this state; the same state again changes nothing."""
        before = self._now.get(subject)
        if before is not None and before[0] == state:
            return
        self._end(subject, at_ms)
        self._now[subject] = (state, at_ms)

    def finish(self, at_ms: int) -> None:
        """Nobody looks any longer: every run ends."""
        for subject in list(self._now):
            self._end(subject, at_ms)
        self._now.clear()

    def _end(self, subject: str, at_ms: int) -> None:
        before = self._now.get(subject)
        if before is None or at_ms <= before[1]:
            return
        run = TrueRun(subject, before[0], before[1], at_ms)
        self.runs.append(run)
        if self._sink is not None:
            self._sink.write(json.dumps(asdict(run)) + "\n")
            self._sink.flush()
