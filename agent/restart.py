"""PURE. What a spool says after a restart, and what that means for the runs that were cut off (SPEC part 4).

Also what stands in for runs that a full spool gave up.

    what the file says      boot   then
    ----------------------  -----  --------------------------------------------------------------------------------
    nothing of an output    any    the agent was stopped in good order: nothing follows
    awaited, no stop        same   the agent was killed before its first reading: the gap is unknown
    awaited, no stop        new    power cut before the first reading: `off` from the agent's last sign of life on
    open, no stop           same   the agent was killed: runs end at their last sign of life, the gap is unknown
    open, no stop           new    power cut, or the system died: the same, and `off` from there to the boot
    open, stop (shutdown)   new    the machine went down in good order: the same, and its `off` says so
    open, stop (shutdown)   same   the shutdown was called off: runs end at their last sign of life

A run `off` names a cause only where the machine proves it (`agent.endings`): nothing in the file can tell a power cut
from a kernel that died, nor who switched it off.
A machine that sleeps does not stop the agent: `agent.evidence` tells that by CLOCK_BOOTTIME − CLOCK_MONOTONIC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from agent.endings import BootFact, LastBoot, ended
from agent.records import VERSION, Acked, Alive, Awaited, ClockFact, Contents, Head, Kept, Opened, Record, Stop, Turn
from wire.messages import Run
from wire.outbox import Name

GIVEN_UP: Final = "the spool was full: the evidence of this time was given up"


@dataclass
class Recalled:
    """What the file still tells. `spool` is None where new runs need a new spool id; `damage` says why."""

    spool: str | None = None
    next_seq: int = 0
    given_up: int = 0
    damaged: int | None = None  # files set aside so far; None: nothing here tells
    shut_down: bool = False
    fact: BootFact | None = None
    runs: dict[Name, Kept] = field(default_factory=dict)
    open: dict[str, Opened] = field(default_factory=dict)
    awaited: dict[str, Awaited] = field(default_factory=dict)
    clocks: list[ClockFact] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)


def recall(contents: Contents, device: str) -> Recalled:
    """Replay the records of `device` ("tenant/device")."""
    recalled = Recalled(damage=list(contents.damage))
    head = contents.records[0] if contents.records else None
    if not isinstance(head, Head):
        if head is not None:
            recalled.damage.append("the first line is no head")
    elif head.version != VERSION:
        recalled.damage.append(f"another release wrote it: its version is {head.version}, this one reads {VERSION}")
        return recalled
    elif head.device != device:
        recalled.damage.append(f"it is of {head.device!r}, not ours")
        return recalled
    for record in contents.records:
        _replay(recalled, record)
    if recalled.damage:
        recalled.spool = None
    return recalled


def _replay(recalled: Recalled, record: Record) -> None:
    match record:
        case Head():
            recalled.spool, recalled.next_seq = record.spool, record.reserved
            recalled.given_up, recalled.damaged, recalled.fact = record.given_up, record.damaged, record.boot
        case Turn():
            recalled.runs |= {(kept.spool, kept.run.seq): kept for kept in record.closed}
            recalled.open = {opened.run.output: opened for opened in record.open}
            recalled.awaited = {awaited.output: awaited for awaited in record.awaited}
        case Alive():
            _note_alive(recalled, record)
        case Acked():
            _drop(recalled, record)
        case ClockFact():
            recalled.clocks.append(record)
        case Stop():
            recalled.next_seq, recalled.shut_down = record.next, record.shutdown


def _note_alive(recalled: Recalled, alive: Alive) -> None:
    by_name = {(opened.spool, opened.run.seq): opened for opened in recalled.open.values()}
    for spool, seq, mono_ms, wall_ms in alive.seen:
        opened = by_name.get((spool, seq))
        if opened is not None and mono_ms > opened.seen_mono_ms:
            opened.seen_mono_ms, opened.seen_ms = mono_ms, wall_ms
    if alive.at is not None:
        for awaited in recalled.awaited.values():
            awaited.mono_ms, awaited.wall_ms = alive.at


def _drop(recalled: Recalled, acked: Acked) -> None:
    for name in covered(recalled.runs, acked.spool, acked.seqs):
        del recalled.runs[name]


def covered(runs: Mapping[Name, object], spool: str, seqs: Sequence[tuple[int, int]]) -> list[Name]:
    """Names of the runs that an ack's ranges cover, however long the ranges are."""
    names: list[Name] = []
    for first, last in seqs:
        if last - first < len(runs):
            names += [(spool, seq) for seq in range(first, last + 1) if (spool, seq) in runs]
        else:
            names += [name for name in runs if name[0] == spool and first <= name[1] <= last]
    return names


class Now(NamedTuple):
    """The moment of the start, on both clocks, and its boot."""

    boot: str
    mono_ms: int
    wall_ms: int

    @property
    def boot_wall_ms(self) -> int:
        """What the wall clock would have said at the boot."""
        return max(0, self.wall_ms - self.mono_ms)


def cut_off(opened: Opened) -> Kept:
    """End a run that was cut off at its last sign of life; at its start, where there was none.

    It is closed all the same: a heartbeat may have stated it as open up to a later moment.
    """
    run = opened.run
    if opened.seen_mono_ms > run.start_mono_ms:
        ended = msgspec.structs.replace(run, end_ms=opened.seen_ms, end_mono_ms=opened.seen_mono_ms)
    else:
        ended = msgspec.structs.replace(run, end_ms=run.start_ms, end_mono_ms=run.start_mono_ms)
    return Kept(opened.spool, ended, stated=True)  # for all we know


def last_sign(opened: Opened) -> Awaited:
    """Give an open run's last sign of life."""
    return Awaited(opened.run.output, opened.run.boot, opened.seen_mono_ms, opened.seen_ms)


def dark(last: Awaited, seq: int, now: Now, recalled: Recalled, told: LastBoot) -> Run:
    """The run `off` from the last sign of life in an earlier boot to this boot; `told`: how the one before ended."""
    fact = recalled.fact if recalled.fact is not None and recalled.fact.boot == last.boot else None
    ending = ended(shut_down=recalled.shut_down, last_wall_ms=last.wall_ms, fact=fact, told=told)
    return Run(
        seq=seq,
        output=last.output,
        state="off",
        cause=ending.cause,
        detail=ending.detail,
        start_ms=last.wall_ms,
        start_mono_ms=last.mono_ms,
        boot=last.boot,
        end_ms=now.boot_wall_ms,
        end_mono_ms=0,
        end_boot=now.boot,
    )


def given_up(runs: Sequence[Run]) -> int:
    """How many of them are evidence, and not themselves stand-ins of earlier ones."""
    return sum(1 for run in runs if run.detail != GIVEN_UP)


def stand_in(runs: Sequence[Run], seq: int) -> Run:
    """One run `unknown` from the start of the first to the end of the last of one output's runs."""
    first, last = runs[0], runs[-1]
    return Run(
        seq=seq,
        output=first.output,
        state="unknown",
        detail=GIVEN_UP,
        start_ms=first.start_ms,
        start_mono_ms=first.start_mono_ms,
        boot=first.boot,
        end_ms=last.end_ms,
        end_mono_ms=last.end_mono_ms,
        end_boot=last.end_boot or last.boot,
    )
