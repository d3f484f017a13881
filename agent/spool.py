"""What must survive the power cut: runs until the collector has them, and what is open now.

Memory is the truth while the agent lives; the journal is what a restart finds. A run may be sent once it is durable, or
at once while the disk is in trouble (then it lives in memory, `trouble` says why, and every commit tries again).

Identity. `(device, spool, seq)` names a run for ever, so a seq is issued only below `reserved`, which is durable before
the seq is used: the head of the file reserves a block, and raising it rewrites the file. After a crash counting goes on
above the block. Where no reservation can be had (damage, a disk that cannot be written), a new random spool id takes
its place.

Bounds. Waiting runs take no more than `agent.backlog` lets them; the file at most twice what is alive plus 256 KiB, and
while it is rewritten both exist.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import structlog

from agent.backlog import Backlog, Bounds
from agent.clocks import Clocks
from agent.disk import SLACK_BYTES, Disk, Snapshot
from agent.endings import NOBODY, BootFact, LastBoot, Witness
from agent.journal import Journal
from agent.records import Acked, Alive, Awaited, Head, Kept, Opened, Record, Stop, Turn, line
from agent.restart import Now, Recalled, cut_off, dark, last_sign
from common.clock import Clock
from wire.messages import BootClock
from wire.outbox import Name
from wire.states import Cause

log = structlog.get_logger(__name__)

RESERVE: Final = 4096  # seqs a block
_READ_FACTOR: Final = 4  # a file longer than any of ours is damage, not to be read to its end


class Spool:
    """Open one with `Spool.open`. The event loop owns it."""

    def __init__(self, disk: Disk, device: str, clock: Clock, bounds: Bounds) -> None:
        self._disk = disk
        self._device = device
        self._clock = clock
        self._next = 1
        self._reserved = 0  # of a spool id that only memory knows yet
        self._backlog = Backlog(bounds, self.issue, lambda: disk.ticket)
        self._open: dict[str, Opened] = {}
        self._watched: tuple[str, ...] = ()
        self._awaited: dict[str, Awaited] = {}  # the watched outputs of which nothing is open
        self._tickets: dict[Name, int] = {}  # of the open runs
        self._clocks = Clocks()
        self._fact: BootFact | None = None  # of this boot, for the next one
        self.id = _new_id()
        self.damaged = 0
        """Damaged files that were set aside in this spool's life."""

    @classmethod
    def open(
        cls,
        journal: Journal,
        device: str,
        clock: Clock,
        bounds: Bounds,
        sign_of_life_s: float,
        watched: Iterable[str] = (),
        witness: Witness = NOBODY,
    ) -> Spool:
        """Take over what the directory holds and end what was cut off; never fails for what it holds.

        `device` is "tenant/device", `watched` the outputs whose evidence is awaited from now on: where the power goes
        before there is any, the next boot says since when it was dark. `witness`: how the boot before this one ended.
        Blocks. SpoolBusyError where another process holds the directory.
        """
        disk = Disk(journal, clock, sign_of_life_s)
        spool = cls(disk, device, clock, bounds)
        recalled = disk.recall(_READ_FACTOR * bounds.max_bytes + SLACK_BYTES, device)
        spool._take_over(recalled)
        spool._fact = witness.fact
        disk.commit_now(spool)  # reserves seqs, and leaves behind what was damaged
        spool._watched = tuple(watched)
        spool._settle(recalled, witness.told)
        disk.commit_now(spool)
        return spool

    # --- what is known ----------------------------------------------------------------------------------------------

    @property
    def depth(self) -> int:
        """Closed runs that the collector does not have yet."""
        return len(self._backlog)

    @property
    def size_bytes(self) -> int:
        """What the waiting runs take."""
        return self._backlog.size_bytes

    @property
    def given_up(self) -> int:
        """Runs given up because the spool was full, or they too old."""
        return self._backlog.given_up

    @property
    def trouble(self) -> str | None:
        """Why the disk cannot be written; None: it can."""
        return self._disk.trouble

    @property
    def open_runs(self) -> list[Opened]:
        """What is open now, by output."""
        return list(self._open.values())

    def sendable(self) -> Iterator[Kept]:
        """Closed runs, oldest first, that are durable (or cannot be, as long as the disk is in trouble)."""
        for waiting in self._backlog:
            if self._disk.settled(waiting.ticket):
                yield waiting.kept

    def recorded(self, opened: Opened) -> bool:
        """Whether that open run is durable (or cannot be, as long as the disk is in trouble), and may be told of."""
        return self._disk.settled(self._tickets.get((opened.spool, opened.run.seq), 0))

    def holds(self, name: Name) -> bool:
        """Whether that run still waits."""
        return name in self._backlog

    def clocks(self) -> list[BootClock]:
        """What is remembered of the clocks of the boots that still have runs waiting, and of this one."""
        boots = {self._clock.boot_id()}
        for run in (*(one.kept.run for one in self._backlog), *(one.run for one in self._open.values())):
            boots |= {boot for boot in (run.boot, run.end_boot) if boot}
        return self._clocks.told(boots)

    # --- what happens -----------------------------------------------------------------------------------------------

    def issue(self) -> Name:
        """The name of the next run."""
        if self._next >= max(self._disk.reserved, self._reserved):
            self.id, self._next = _new_id(), 1  # random: nobody can have used it
            self._disk.reserved, self._reserved = 0, RESERVE
            log.warning("new_spool_id", spool=self.id, reason=self.trouble or "every reserved seq is used")
        if self._disk.reserved - self._next < RESERVE // 2:
            self._disk.write_anew()
        seq = self._next
        self._next += 1
        return self.id, seq

    def turn(self, closed: Sequence[Kept], opened: Iterable[Opened]) -> None:
        """Runs ended, and these are all that are open from now on. Call `commit` to make it durable."""
        self._open = {entry.run.output: entry for entry in opened}
        self._await()
        names = [(entry.spool, entry.run.seq) for entry in self._open.values()]
        self._tickets = {name: self._tickets.get(name, self._disk.ticket) for name in names}
        for kept in closed:
            self._backlog.add(kept)
        turn = Turn(list(closed), list(self._open.values()), list(self._awaited.values()))
        self._disk.put(turn, urgent=True)
        if self._backlog.make_room():
            self._disk.write_anew()

    def saw(self, output: str, mono_ms: int, wall_ms: int, detail: str | None) -> None:
        """The open run of that output was seen until then. `alive` writes it down."""
        opened = self._open[output]
        opened.seen_mono_ms, opened.seen_ms, opened.run.detail = mono_ms, wall_ms, detail

    def explain(self, output: str, cause: Cause | None, detail: str | None) -> None:
        """Restate the open run of that output, whose cause was found out, or about which there is more to say.

        It is told of again once that is on disk: a crash must not take back what a heartbeat has said.
        """
        opened = self._open[output]
        opened.run.cause, opened.run.detail = cause, detail
        self._tickets[(opened.spool, opened.run.seq)] = self._disk.ticket
        self._await()
        self._disk.put(Turn([], list(self._open.values()), list(self._awaited.values())), urgent=True)

    def alive(self) -> None:
        """Note how far the open runs have been seen, and this boot's clock."""
        now = self._now()
        for awaited in self._awaited.values():
            awaited.mono_ms, awaited.wall_ms = now.mono_ms, now.wall_ms
        if self._open or self._awaited:
            seen = [(one.spool, one.run.seq, one.seen_mono_ms, one.seen_ms) for one in self._open.values()]
            self._disk.put(Alive(seen, (now.mono_ms, now.wall_ms) if self._awaited else None))
        if self._clock.synced():
            first = now.boot not in self._clocks.offsets()
            fact = self._clocks.note(*now)
            if fact is not None:
                self._disk.put(fact, urgent=first)
        if self._backlog.give_up_expired(now, self._clocks.offsets(), synced=self._clock.synced()):
            self._disk.write_anew()

    def acknowledge(self, spool: str, seqs: Sequence[tuple[int, int]]) -> int:
        """Drop the runs that the collector has; how many those were."""
        dropped = self._backlog.drop(spool, seqs)
        if dropped:
            self._disk.put(Acked(spool, list(seqs)))
        return dropped

    def watch_no_more(self) -> None:
        """The agent ends in good order: nobody waits for evidence from now on."""
        self._watched = ()

    async def commit(self) -> None:
        """Bring what happened to disk; durable where it must be. Disk errors are survived: see `trouble`."""
        await self._disk.commit(self)

    def close(self, *, orderly: bool) -> None:
        """Let go. `orderly`: the next start goes on counting here; what is open still goes down with the machine."""
        if self._disk.hangs:
            return  # what it was given is in the kernel's hands, and the lock ends with the process
        self._disk.commit_now(self)
        if orderly and self.trouble is None:
            self._disk.put(Stop(self._next, shutdown=bool(self._open or self._awaited)), urgent=True)
            self._disk.commit_now(self)
        self._disk.close()

    def snapshot(self) -> Snapshot:
        """The whole file anew (for the disk)."""
        self._clocks.keep({clock.boot for clock in self.clocks()})
        reserved = self._next + RESERVE
        head = Head(self.id, self._device, reserved, given_up=self.given_up, damaged=self.damaged, boot=self._fact)
        records: list[Record] = [head]
        records += self._clocks.facts()
        records += [Turn([waiting.kept], []) for waiting in self._backlog]
        if self._open or self._awaited:
            records.append(Turn([], list(self._open.values()), list(self._awaited.values())))
        return Snapshot(b"".join(map(line, records)), reserved)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _take_over(self, recalled: Recalled) -> None:
        for kept in recalled.runs.values():
            self._backlog.add(kept)
        self._open, self._awaited = dict(recalled.open), dict(recalled.awaited)
        self._clocks, self._backlog.given_up = Clocks(recalled.clocks), recalled.given_up
        before = self._disk.set_aside_before() if recalled.damaged is None else recalled.damaged
        self.damaged = before + bool(recalled.damage)
        if recalled.spool is not None:
            self.id, self._next = recalled.spool, max(1, recalled.next_seq)

    def _settle(self, recalled: Recalled, told: LastBoot) -> None:
        if not (recalled.open or recalled.awaited or self._watched):
            return
        now = self._now()
        closed: list[Kept] = []
        for opened in recalled.open.values():
            closed += [cut_off(opened), *self._dark(last_sign(opened), now, recalled, told)]
        for awaited in recalled.awaited.values():
            closed += self._dark(awaited, now, recalled, told)
        if closed:
            log.info("cut_off_runs_ended", outputs=sorted({kept.run.output for kept in closed}), runs=len(closed))
        self._awaited = {}
        self.turn(closed, [])

    def _dark(self, last: Awaited, now: Now, recalled: Recalled, told: LastBoot) -> list[Kept]:
        """The time from the last sign of life in an earlier boot to this one."""
        if last.boot == now.boot:
            return []
        spool, seq = self.issue()
        return [Kept(spool, dark(last, seq, now, recalled, told))]

    def _await(self) -> None:
        """Outputs of which nothing is open are awaited; what is written of others is a sign of the agent's life."""
        now = self._now()
        self._awaited = {
            output: Awaited(output, now.boot, now.mono_ms, now.wall_ms)
            for output in self._watched
            if output not in self._open
        }

    def _now(self) -> Now:
        return Now(self._clock.boot_id(), self._clock.mono_ms(), self._clock.wall_ms())


def _new_id() -> str:
    return os.urandom(8).hex()  # as `secrets` does, which would load libcrypto: 3.4 MB
