"""One agent's spool through many lives: what the spool's tests share."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from agent.backlog import Bounds
from agent.endings import NOBODY
from agent.journal import NAME, Journal
from agent.records import Kept, Opened
from agent.spool import Spool
from common.clock import ManualClock
from wire.messages import Run
from wire.states import State

DEVICE: Final = "acme/p1"
BIG: Final = 64 * 1024 * 1024


class Life:
    """One agent's life after another on the same directory."""

    def __init__(self, directory: Path, clock: ManualClock, device: str = DEVICE) -> None:
        self.directory = directory
        self.clock = clock
        self.watched: list[str] = []
        self.witness = NOBODY
        self.journal = Journal(directory)
        self.spool = self._open(BIG, device)

    @property
    def file(self) -> Path:
        return self.directory / NAME

    def crash(self) -> None:
        """Let go without a word, as a kill does."""
        self.journal.close()

    def again(self, max_bytes: int = BIG, device: str = DEVICE) -> Spool:
        self.journal = Journal(self.directory)
        self.spool = self._open(max_bytes, device)
        return self.spool

    def reborn(self, max_bytes: int = BIG) -> Spool:
        self.crash()
        return self.again(max_bytes)

    def _open(self, max_bytes: int, device: str = DEVICE) -> Spool:
        return Spool.open(self.journal, device, self.clock, Bounds(max_bytes), 60, self.watched, self.witness)


def opened(spool: Spool, clock: ManualClock, output: str = "main", state: State = "playing") -> Opened:
    name, seq = spool.issue()
    run = Run(seq=seq, output=output, state=state, start_ms=clock.wall, start_mono_ms=clock.mono, boot=clock.boot_id())
    return Opened(name, run, clock.mono, clock.wall)


def ended(one: Opened, clock: ManualClock) -> Kept:
    run = one.run
    return Kept(
        one.spool,
        Run(
            seq=run.seq,
            output=run.output,
            state=run.state,
            start_ms=run.start_ms,
            start_mono_ms=run.start_mono_ms,
            boot=run.boot,
            end_ms=clock.wall,
            end_mono_ms=clock.mono,
        ),
    )


async def live_through(life: Life, changes: int, output: str = "main") -> list[Kept]:
    """So many closed runs, each durable; nothing is open afterwards."""
    closed = []
    for _ in range(changes):
        one = opened(life.spool, life.clock, output)
        life.clock.advance(60_000)
        closed.append(ended(one, life.clock))
        life.spool.turn(closed[-1:], [])
        await life.spool.commit()
    return closed


def waiting(spool: Spool) -> list[Kept]:
    return list(spool.sendable())


def names(kept: list[Kept]) -> list[tuple[str, int]]:
    return [(one.spool, one.run.seq) for one in kept]


def aside(life: Life) -> list[Path]:
    return sorted(life.directory.glob("spool.damaged-*.journal"))
