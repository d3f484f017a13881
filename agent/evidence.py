"""Readings in, evidence out: one run machine an output, its runs numbered by the spool. No I/O of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from agent.probes.base import Reading
from agent.records import Kept, Opened
from agent.spool import Spool
from common.clock import Clock
from wire.messages import Run
from wire.outbox import Name
from wire.runs import Closed, Instant, Machine, Observation, Rules, Stretch, close, observe

log = structlog.get_logger(__name__)

SLEPT_MIN_MS: Final = 100  # CLOCK_BOOTTIME and CLOCK_MONOTONIC cannot be read at one moment


@dataclass
class Track:
    """What is believed of one output. `name` is the (spool, seq) of its open run."""

    rules: Rules
    machine: Machine = field(default_factory=Machine)
    name: Name | None = None
    suspended_ms: int = 0  # of this boot, when it was last observed


class Evidence:
    """The tracks of all outputs. The spool's open runs are exactly theirs."""

    def __init__(self, spool: Spool, clock: Clock, rules: Mapping[str, Rules]) -> None:
        self._spool = spool
        self._boot = clock.boot_id()
        self.tracks = {output: Track(rule) for output, rule in rules.items()}

    def take(
        self,
        output: str,
        reading: Reading,
        at: Instant,
        suspended_ms: int = 0,
        *,
        again: bool = False,
        found_out: bool = False,
    ) -> bool:
        """Take in one reading; whether a run opened, closed or learnt its cause by it (then the spool wants a commit).

        `suspended_ms`: how long the machine had slept in this boot when it was asked for. `again`, `found_out`: see
        `wire.runs.Observation`.
        """
        track = self.tracks[output]
        before = track.machine.open
        asleep = _asleep(track, suspended_ms)
        track.machine = Machine() if asleep else track.machine
        track.suspended_ms = max(suspended_ms, track.suspended_ms)  # who was asked before the sleep may answer after it
        track.machine, closed = observe(track.machine, Observation(*reading, at, again, found_out), track.rules)
        closed = asleep + closed
        now = track.machine.open
        if not asleep and _same_run(before, now):
            if now is not None:
                self._spool.saw(output, now.seen.mono_ms, now.seen.wall_ms, now.detail)
            return False
        if before is not None and now is not None and before.start == now.start and not closed:
            self._spool.explain(output, now.cause, now.detail)
            self._spool.saw(output, now.seen.mono_ms, now.seen.wall_ms, now.detail)
            log.info("cause", output=output, state=now.state, cause=now.cause, detail=now.detail)
            return True
        self._turn(output, track, closed)
        return True

    def annotate(self, output: str, detail: str | None) -> None:
        """Say more of the open run than its last reading did (what was done about it)."""
        track = self.tracks[output]
        now = track.machine.open
        if now is None:
            return
        track.machine = replace(track.machine, open=replace(now, detail=detail))
        self._spool.saw(output, now.seen.mono_ms, now.seen.wall_ms, detail)
        self._spool.explain(output, now.cause, detail)

    def end_all(self) -> None:
        """End every open run where it was last seen (an orderly stop)."""
        closed: list[Kept] = []
        for output, track in self.tracks.items():
            closed += self._number(output, track, close(track.machine))
            track.machine, track.name = Machine(), None
        self._spool.watch_no_more()
        self._spool.turn(closed, [])

    def stated(self, mono_ms: int, suspended_ms: int = 0) -> list[Opened]:
        """The open runs that a heartbeat states now: on disk, and looked at lately and since any sleep."""
        fresh: list[Opened] = []
        for one in self._spool.open_runs:
            track = self.tracks.get(one.run.output)
            fresh_enough = self._is_fresh(track, mono_ms) and self._spool.recorded(one)
            if track is not None and fresh_enough and not _slept_ms(track, suspended_ms):
                one.stated = True
                fresh.append(one)
        return fresh

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
        stated = {(one.spool, one.run.seq) for one in self._spool.open_runs if one.stated}
        for closing in closed:
            spool, seq = name = track.name or self._spool.issue()
            track.name = None
            run = self._run(output, seq, closing)
            run.end_ms, run.end_mono_ms = closing.end.wall_ms, closing.end.mono_ms
            kept.append(Kept(spool, run, stated=name in stated))
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


def _slept_ms(track: Track, suspended_ms: int) -> int:
    """How long the machine slept since the track was last observed; 0 for what may be the clocks' own jitter."""
    slept_ms = suspended_ms - track.suspended_ms
    return slept_ms if slept_ms >= SLEPT_MIN_MS else 0


def _asleep(track: Track, suspended_ms: int) -> list[Closed]:
    """What ends where the machine fell asleep, and the time for which it slept: nothing plays on a sleeping machine.

    It slept somewhere between two readings; the run `off` is exactly as long as it slept and begins at the last one.
    """
    last, slept_ms = track.machine.last_seen, _slept_ms(track, suspended_ms)
    if last is None or not slept_ms:
        return []
    woke = Instant(last.mono_ms + slept_ms, last.wall_ms + slept_ms)
    return [*close(track.machine), Closed("off", None, f"the machine slept for {slept_ms} ms", last, woke)]


def _same_run(before: Stretch | None, now: Stretch | None) -> bool:
    if before is None or now is None:
        return before is now
    return (before.start, before.state, before.cause) == (now.start, now.state, now.cause)


def _age(track: Track, mono_ms: int) -> int | None:
    last = track.machine.last_seen
    return None if last is None else mono_ms - last.mono_ms
