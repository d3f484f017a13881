"""PURE. The run machine: observations in, runs out. Agents use it for players, the collector for its portal check.

The transition table; "other" means another state or another cause than the open run's:

    has        observation            then
    ---------  ---------------------  ----------------------------------------------------------------------
    nothing    confirmed              a run opens where the first of the doubts began (at once for good news)
    nothing    in doubt               the doubt is kept; no run yet
    open run   same                   it was seen until now; doubts are dropped (a missed sample is no outage)
    open run   other, in doubt        the doubt is kept as a stretch; the open run is not extended
    open run   other, confirmed       the open run ends where the doubt began; each stretch becomes a run of its own;
                                      the last one is open (of two at one moment only the later one)
    open run   after too long a gap   the open run ends where it was last seen; nobody's evidence covers the gap; a run
                                      opens at the observation
    doubt      the same doubt, again  the stretch was seen until now; it is no further sample
    open run   same, and why          a cause found out afterwards becomes that of the whole run, if it has none
    or doubt
    anything   an earlier instant     ObservationError; nothing changes

A doubt is confirmed when as many observations in a row as the newest state's rule asks for differ from the open run,
and the first of them is as old as the rule asks for. A player that flickers between two bad states is therefore not
kept "playing": what counts is that it is not what it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final, NamedTuple

from wire.states import UP_STATES, Cause, State


class Instant(NamedTuple):
    """One moment on both clocks; `mono_ms` decides, `wall_ms` is what the wall clock said."""

    mono_ms: int
    wall_ms: int


class Observation(NamedTuple):
    """What a probe saw at one moment; `again`: an earlier look told once more, which is no further sample.

    `found_out`: nobody saw the cause, it was found out since, and it holds from the moment at which the state began.
    """

    state: State
    cause: Cause | None
    detail: str | None
    at: Instant
    again: bool = False
    found_out: bool = False


class ObservationError(ValueError):
    """The observation lies before the last one."""


@dataclass(frozen=True, slots=True)
class Confirm:
    """What it takes to believe a new state: `samples` in a row, the first at least `hold_ms` old."""

    samples: int = 1
    hold_ms: int = 0


BELIEVED_AT_ONCE: Final = Confirm()
BELIEVED_TWICE: Final = Confirm(samples=2)


@dataclass(frozen=True, slots=True)
class Rules:
    """How quickly a change is believed, and how long silence may last before it is nobody's evidence."""

    confirm: dict[str, Confirm] = field(default_factory=dict)
    max_gap_ms: int = 60_000

    def for_state(self, state: str) -> Confirm:
        """The rule of one state: good news is believed at once, bad news on the second sample."""
        return self.confirm.get(state, BELIEVED_AT_ONCE if state in UP_STATES else BELIEVED_TWICE)


@dataclass(frozen=True, slots=True)
class Stretch:
    """One state from its first to its last observation."""

    state: State
    cause: Cause | None
    detail: str | None
    start: Instant
    seen: Instant

    def matches(self, observation: Observation) -> bool:
        """Whether the observation says the same again. `detail` is commentary and does not count."""
        if self.state != observation.state:
            return False
        return self.cause == observation.cause or (observation.found_out and self.cause is None)

    def until(self, observation: Observation) -> Stretch:
        """The stretch, seen until an observation that matches it."""
        return replace(self, seen=observation.at, cause=observation.cause, detail=observation.detail)


@dataclass(frozen=True, slots=True)
class Closed:
    """A finished run, half-open: `[start, end)`."""

    state: State
    cause: Cause | None
    detail: str | None
    start: Instant
    end: Instant


@dataclass(frozen=True, slots=True)
class Machine:
    """What is believed (`open`) and what is in doubt (`doubts`, `samples` in a row)."""

    open: Stretch | None = None
    doubts: tuple[Stretch, ...] = ()
    samples: int = 0

    @property
    def last_seen(self) -> Instant | None:
        """Give the moment of the last observation."""
        if self.doubts:
            return self.doubts[-1].seen
        return self.open.seen if self.open else None


def observe(machine: Machine, observation: Observation, rules: Rules) -> tuple[Machine, list[Closed]]:
    """Take in one observation: the machine after it, and the runs that it closed (oldest first)."""
    last = machine.last_seen
    if last is not None and observation.at.mono_ms < last.mono_ms:
        raise ObservationError(f"observed at {observation.at.mono_ms} ms, before the last at {last.mono_ms} ms")
    if last is not None and observation.at.mono_ms - last.mono_ms > rules.max_gap_ms:
        return _doubt(Machine(), observation, rules)[0], close(machine)
    if machine.open is not None and machine.open.matches(observation):
        return Machine(open=machine.open.until(observation)), []
    return _doubt(machine, observation, rules)


def close(machine: Machine) -> list[Closed]:
    """End the open run where it was last seen, or where the doubt about it began.

    A run that was seen only once ends where it began. It is closed all the same: a heartbeat may have stated it as open
    up to a later moment, and only its own end takes that back.
    """
    if machine.open is None:
        return []
    return [_closed(machine.open, machine.doubts[0].start if machine.doubts else machine.open.seen)]


def _doubt(machine: Machine, observation: Observation, rules: Rules) -> tuple[Machine, list[Closed]]:
    doubts = _grow(machine.doubts, observation)
    samples = machine.samples + (0 if observation.again and machine.doubts else 1)
    rule = rules.for_state(observation.state)
    age_ms = observation.at.mono_ms - doubts[0].start.mono_ms
    if samples < rule.samples or age_ms < rule.hold_ms:
        return Machine(open=machine.open, doubts=doubts, samples=samples), []
    chain = (machine.open, *doubts) if machine.open is not None else doubts
    ends = [(run, after.start) for run, after in pairwise(chain)]
    spans = [(run, end) for run, end in ends if run is machine.open or end.mono_ms > run.start.mono_ms]
    return Machine(open=doubts[-1]), [_closed(run, end) for run, end in spans]


def _grow(doubts: tuple[Stretch, ...], observation: Observation) -> tuple[Stretch, ...]:
    if doubts and doubts[-1].matches(observation):
        return (*doubts[:-1], doubts[-1].until(observation))
    return (*doubts, _stretch(observation))


def _stretch(observation: Observation) -> Stretch:
    return Stretch(observation.state, observation.cause, observation.detail, observation.at, observation.at)


def _closed(run: Stretch, end: Instant) -> Closed:
    return Closed(run.state, run.cause, run.detail, run.start, end)
