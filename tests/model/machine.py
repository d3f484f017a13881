"""One device of the model: a clock that may lie, a disk that may fail, and the agent's real core between them."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from agent.backlog import Bounds
from agent.config import parse
from agent.evidence import Evidence
from agent.host import Sampler
from agent.journal import Journal
from agent.probes.base import Reading
from agent.spool import Spool
from agent.station import Station, rules_of
from common.clock import ManualClock
from simulator.clock import PlayerClock, TrueTime
from tests.model.truth import Life, Sample
from wire.messages import Ack, Gone, Message, Runs, encode
from wire.outbox import Outbox
from wire.states import State
from wire.topics import Address, Kind, topic

T = TypeVar("T")
MAX_BYTES = 2**24
HALF_WRITTEN = b'00000000 {"type":"alive","seen":[["spool",1,60000,1772323200000]]}'
EAGER = "".join(f"confirm.{state} = {{ samples = 1 }}\n" for state in ("stopped", "frozen", "black", "unknown"))


class FlakyJournal(Journal):
    """The real journal on a disk that may be full; what it has taken is synced."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.full = False
        self.writes = 0

    def replace(self, data: bytes) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().replace(data)
        self.writes += 1

    def append(self, data: bytes) -> None:
        if self.full:
            super().append(data[: len(data) // 2])  # as much as fits
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().append(data)
        self.writes += 1

    def lose_power(self, kept: float, *, zeroed: bool) -> None:
        """It was about to write: a part of that arrived; ext4 may leave zeros in the place of the others."""
        if not self.path.exists():
            return
        arrived = HALF_WRITTEN[: int(len(HALF_WRITTEN) * kept)]
        with self.path.open("ab") as file:
            file.write(arrived + bytes(len(HALF_WRITTEN) - len(arrived)) if zeroed else arrived)


class SameThread:
    """Writes at once: a thread for every write takes half of the time, and says nothing about what is proved here."""

    busy = False

    async def call(self, write: Callable[[], T]) -> T:
        return write()


@dataclass(frozen=True)
class Parcel:
    """A message on its way to the collector, with what the model knows of its sending."""

    topic: str
    body: bytes
    boot: str
    sent_ms: int  # true time
    right: bool  # whether it was sent while its clock was right, and knew it


class Machine:
    """A player's machine. `now_ms` of the world is the true time."""

    def __init__(self, world: ManualClock, true: TrueTime, folder: Path, address: Address, outputs: int) -> None:
        self.address = address
        tables = "".join(f'[[outputs]]\nid = "out-{n}"\nprobe = "push"\n{EAGER}' for n in range(outputs))
        text = f'tenant = "{address.tenant}"\ndevice = "{address.device}"\n[mqtt]\nhost = "b"\n{tables}'
        self.settings = parse(text, folder / "agent.toml")
        self.outputs = [output.id for output in self.settings.config.outputs]
        self.clock = PlayerClock(true, f"{address.device}-boot-0", 60_000)
        self.booted_ms = {self.clock.boot_id(): world.wall - 60_000}
        self.screens: dict[str, State] = dict.fromkeys(self.outputs, "playing")
        self.lives: dict[str, list[Life]] = {output: [] for output in self.outputs}
        self.powered, self.online = True, False
        self.noted: set[str] = set()  # boots of which the disk knows the clock, which was right all along
        self.astray: set[str] = set()  # boots whose clock was wrong, and knew it, for a time
        self.misled: set[str] = set()  # boots whose clock was set while it said that it was right
        self.inbox: list[Ack] = []
        self.sign_of_life_s = 0.0
        self._world = world
        self._folder = folder / address.device
        self._journal: FlakyJournal | None = None
        self._full = False
        self._said: dict[str, int] = {}  # up to when each output was seen, as the last record has it
        self._written: dict[str, int] = {}
        self._told_clock = False  # what it is was put on the way to the disk

    # --- its agent --------------------------------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """Whether an agent runs."""
        return self._journal is not None

    def start(self) -> None:
        """Start the agent."""
        self._settle_lives()
        self._journal = FlakyJournal(self._folder)
        self._journal.full = self._full
        name, bounds = str(self.address), Bounds(MAX_BYTES)
        self.spool = Spool.open(self._journal, name, self.clock, bounds, self.sign_of_life_s, self.outputs)
        self.spool._disk._lane = SameThread()  # type: ignore[assignment]  # no disk hangs here
        watched = self.settings.watched
        rules = {output.id: rules_of(output, watched[output.id]) for output in self.settings.config.outputs}
        self.evidence = Evidence(self.spool, self.clock, rules)
        sampler = Sampler(self._folder, self.clock)
        self.station = Station(self.settings, self.clock, self.spool, self.evidence, sampler)
        self.outbox = Outbox()
        for lives in self.lives.values():
            lives.append(Life(self.clock.boot_id(), self._world.wall, durable=self.spool.trouble is None))
        self._said, self._written = {}, {}
        self._note_said()
        if self.spool.trouble is None:
            self._written = dict(self._said)

    def end(self, *, orderly: bool = False) -> None:
        """The agent's life ends: killed, or told to; while the machine goes down its runs stay open."""
        for life in self._now():
            life.trouble, life.orderly, life.ended = self.spool.trouble is not None, orderly, True
        self._journal = None
        self.online = False
        self.inbox.clear()

    def kill(self) -> None:
        """End it in the middle of whatever it does: what it wrote stays, what it only knew is gone."""
        assert self._journal is not None
        self._journal.close()
        self.end()

    def stop(self) -> None:
        """End it in good order."""
        self.evidence.end_all()
        self.spool.close(orderly=True)
        self.end(orderly=True)

    def shut_down(self) -> None:
        """The machine goes down in good order: the runs stay open, and the file system is synced."""
        self.spool.close(orderly=True)
        if self.spool.trouble is None:
            self._note_written()
        self.end()
        self.powered = False

    def cut_power(self, kept: float, *, zeroed: bool) -> None:
        """The machine is dark at once."""
        if self._journal is not None:
            journal = self._journal
            self.kill()
            journal.lose_power(kept, zeroed=zeroed)
        self.powered = False

    def boot(self, wall_ms: int | None) -> None:
        """Switch it on; with `wall_ms` its clock is wrong and knows it."""
        name = f"{self.address.device}-boot-{len(self.booted_ms)}"
        self.clock.reboot(name, wall_ms)
        self.booted_ms[name] = self._world.wall
        self.astray |= {name} if wall_ms is not None else set()
        self.powered = True

    def set_clock(self, by_ms: int) -> None:
        """Somebody sets the wall clock."""
        self._world.advance(1)  # no statement of the same millisecond says both
        if self.clock.synced():
            self.misled.add(self.clock.boot_id())
        self.clock.step(by_ms)

    def fill_disk(self, *, full: bool) -> None:
        """From now on its disk takes nothing, or takes again."""
        self._full = full
        if self._journal is not None:
            self._journal.full = full

    # --- what it sees -----------------------------------------------------------------------------------------------

    def look(self, loop: asyncio.AbstractEventLoop, outputs: list[str], *, keep: bool = True) -> None:
        """Take a reading of these outputs; what changed comes to disk at once, unless the agent dies before."""
        at, changed = self.clock.now(), False
        for output in outputs:
            state = self.screens[output]
            turned = self.evidence.take(output, Reading(state, None, None), at)
            self.lives[output][-1].samples.append(Sample(self._world.wall, state))
            changed |= turned
            if turned:  # what is written tells of all that is open, as far as it is known at this point
                self._note_said()
        if changed and keep:
            self.commit(loop)

    def alive_sign(self, loop: asyncio.AbstractEventLoop) -> None:
        """Write down how far the open runs have been seen, and what the clock is."""
        self.spool.alive()
        self._told_clock |= self.clock.synced() and self.clock.boot_id() not in self.misled
        self._note_said()
        self.commit(loop)

    def commit(self, loop: asyncio.AbstractEventLoop) -> None:
        """Bring to disk what happened, if it is time."""
        journal = self._journal
        assert journal is not None
        before = journal.writes
        loop.run_until_complete(self.spool.commit())
        if self.spool.trouble is None and journal.writes > before:
            self._note_written()

    def _note_said(self) -> None:
        seen = {one.run.output: self.lives[one.run.output][-1].last_ms for one in self.spool.open_runs}
        self._said = dict.fromkeys(self.outputs, self._world.wall) | seen

    def _note_written(self) -> None:
        for life in self._now():
            life.durable = True
        self._written = dict(self._said)
        if self._told_clock:
            self.noted.add(self.clock.boot_id())
            self._told_clock = False

    def _now(self) -> list[Life]:
        return [lives[-1] for lives in self.lives.values()]

    def _settle_lives(self) -> None:
        """What of the life before was on disk is known for good when the next one reads it."""
        for output, lives in self.lives.items():
            if lives:
                lives[-1].safe_ms = self._written.get(output)
        self._told_clock = False

    # --- what it says -----------------------------------------------------------------------------------------------

    def greet(self) -> list[Parcel]:
        """Begin a session as the publisher does."""
        self.online = True
        self.outbox.reconnected()
        return [self._parcel("hello", self.station.hello()), *self.beat()]

    def beat(self) -> list[Parcel]:
        """Heartbeats."""
        for one in self.evidence.stated(self.clock.mono_ms()):
            self.lives[one.run.output][-1].stated_ms = self._world.wall
        return [self._parcel("heartbeat", beat) for beat in self.station.heartbeats()]

    def send(self) -> list[Parcel]:
        """Closed runs, as many messages as the outbox lets go now."""
        parcels = []
        while batch := self.outbox.next(self.station.sendable(), self._world.mono / 1000):
            said, clocks = self._stamp(), self.station.clocks_of(batch.runs)
            parcels.append(self._parcel("runs", Runs(spool=batch.spool, runs=batch.runs, clocks=clocks, **said)))
        return parcels

    def will(self) -> Parcel:
        """What the broker says when the connection ends without goodbye."""
        return self._parcel("gone", Gone(boot=self.clock.boot_id()))

    def hear(self, ack: Ack) -> None:
        """Take an ack."""
        self.station.acknowledged(ack)
        self.outbox.forget(self.station.holds)

    def _stamp(self) -> dict[str, object]:
        clock = self.clock
        return {
            "boot": clock.boot_id(),
            "sent_ms": clock.wall_ms(),
            "mono_ms": clock.mono_ms(),
            "synced": clock.synced(),
        }

    def _parcel(self, kind: Kind, message: Message) -> Parcel:
        right = self.clock.synced() and self.clock.wall_ms() == self._world.wall and kind != "gone"
        where = topic(self.address, kind)
        return Parcel(where, encode(message), self.clock.boot_id(), self._world.wall, right)
