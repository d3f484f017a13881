"""Readings in, evidence out: one run machine an output, its runs numbered by the spool. No I/O of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from agent.probes.base import Reading
from agent.records import Kept, Opened
from agent.restart import Name
from agent.spool import Spool
from common.clock import Clock
from wire.messages import Run
from wire.runs import Closed, Instant, Machine, Observation, Rules, Stretch, close, observe

log = structlog.get_logger(__name__)


@dataclass
class Track:
    """What is believed of one output. `name` is the (spool, seq) of its open run."""

    rules: Rules
    machine: Machine = field(default_factory=Machine)
    name: Name | None = None


class Evidence:
    """The tracks of all outputs. The spool's open runs are exactly theirs."""

    def __init__(self, spool: Spool, clock: Clock, rules: Mapping[str, Rules]) -> None:
        self._spool = spool
        self._boot = clock.boot_id()
        self.tracks = {output: Track(rule) for output, rule in rules.items()}

    def take(self, output: str, reading: Reading, at: Instant) -> bool:
        """Take in one reading; whether a run opened or closed by it (then the spool wants a commit)."""
        track = self.tracks[output]
        before = track.machine.open
        track.machine, closed = observe(track.machine, Observation(*reading, at), track.rules)
        now = track.machine.open
        if _same_run(before, now):
            if now is not None:
                self._spool.saw(output, now.seen.mono_ms, now.seen.wall_ms, now.detail)
            return False
        self._turn(output, track, closed)
        return True

    def end_all(self) -> None:
        """End every open run where it was last seen (an orderly stop)."""
        closed: list[Kept] = []
        for output, track in self.tracks.items():
            closed += self._number(output, track, close(track.machine))
            track.machine, track.name = Machine(), None
        self._spool.turn(closed, [])

    def stated(self, mono_ms: int) -> list[Opened]:
        """The open runs that a heartbeat may state now: those that somebody has looked at lately."""
        return [one for one in self._spool.open_runs if self._is_fresh(self.tracks.get(one.run.output), mono_ms)]

    def ages_ms(self, mono_ms: int) -> dict[str, int | None]:
        """How long ago each output was last observed; None: never."""
        return {output: _age(track, mono_ms) for output, track in self.tracks.items()}

    def _is_fresh(self, track: Track | None, mono_ms: int) -> bool:
        age = _age(track, mono_ms) if track else None
        return track is not None and age is not None and age <= track.rules.max_gap_ms

    def _turn(self, output: str, track: Track, closed: list[Closed]) -> None:
        kept = self._number(output, track, closed)
        others = [one for one in self._spool.open_runs if one.run.output != output]
        now = track.machine.open
        track.name = None
        if now is not None:
            spool, seq = track.name = self._spool.issue()
            others.append(Opened(spool, self._run(output, seq, now), now.seen.mono_ms, now.seen.wall_ms))
            log.info("state", output=output, state=now.state, cause=now.cause, detail=now.detail)
        self._spool.turn(kept, others)

    def _number(self, output: str, track: Track, closed: list[Closed]) -> list[Kept]:
        """Name the closed runs: the first that was open keeps its name, stretches of a doubt get new ones."""
        kept: list[Kept] = []
        for closing in closed:
            spool, seq = track.name or self._spool.issue()
            track.name = None
            run = self._run(output, seq, closing)
            run.end_ms, run.end_mono_ms = closing.end.wall_ms, closing.end.mono_ms
            kept.append(Kept(spool, run))
        return kept

    def _run(self, output: str, seq: int, what: Stretch | Closed) -> Run:
        return Run(
            seq=seq,
            output=output,
            state=what.state,
            cause=what.cause,
            detail=what.detail,
            start_ms=what.start.wall_ms,
            start_mono_ms=what.start.mono_ms,
            boot=self._boot,
        )


def _same_run(before: Stretch | None, now: Stretch | None) -> bool:
    if before is None or now is None:
        return before is now
    return (before.start, before.state, before.cause) == (now.start, now.state, now.cause)


def _age(track: Track, mono_ms: int) -> int | None:
    last = track.machine.last_seen
    return None if last is None else mono_ms - last.mono_ms
