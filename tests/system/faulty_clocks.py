"""A board whose clock may be wrong in any way, with a real agent's spool and evidence on it, and a real ledger."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, create_engine, delete, select
from sqlalchemy.pool import StaticPool

from agent.backlog import Bounds
from agent.config import parse
from agent.evidence import Evidence
from agent.host import Sampler
from agent.journal import Journal
from agent.probes.base import Reading
from agent.spool import Spool
from agent.station import Station, stamp
from collector.evidence import RunRow
from collector.intake.reading import read_body
from collector.ledger import schema
from collector.ledger.evidence_store import EvidenceStore
from collector.ledger.intake import Received
from collector.sla import timeline
from wire.messages import Ack, Message, Runs, encode
from wire.runs import Instant, Rules
from wire.states import PlayerState
from wire.topics import Address, Kind

START_MS: Final = 1_772_323_200_000
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
PLAYER: Final = Address("acme", "p1")
DOWN: Final = frozenset({"frozen", "off", "stopped"})
_CONFIG: Final = """
tenant = "acme"
device = "p1"
[mqtt]
host = "broker"
[spool]
dir = "spool"
[[outputs]]
id = "main"
probe = "push"
"""


@dataclass
class BoardClock:
    """A `common.clock.Clock`: true time, and what the board makes of it."""

    true_ms: int = START_MS
    booted_ms: int = START_MS - 30_000
    boots: int = 1
    ppm: int = 0
    error_ms: int = 0
    is_synced: bool = True

    def wall_ms(self) -> int:
        return max(0, self.true_ms + self.error_ms)

    def mono_ms(self) -> int:
        up_ms = self.true_ms - self.booted_ms
        return up_ms + up_ms * self.ppm // 1_000_000

    def synced(self) -> bool:
        return self.is_synced

    def boot_id(self) -> str:
        return f"{self.boots:032x}"

    def suspended_ms(self) -> int:
        return 0

    def forget_the_time(self) -> None:
        """No RTC: the wall clock starts in 1970."""
        self.error_ms, self.is_synced = -self.booted_ms, False

    def find_the_time(self) -> None:
        self.error_ms, self.is_synced = 0, True


@dataclass
class Board:
    """A player, its agent's parts, and what it says."""

    directory: Path
    sample_ms: int = 5 * MINUTE_MS
    clock: BoardClock = field(default_factory=BoardClock)
    online: bool = True
    messages: list[Received] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._settings = parse(_CONFIG, self.directory / "agent.toml")
        self._chance = random.Random(3)
        self._start()

    def _start(self) -> None:
        self._journal = Journal(self.directory / "spool")
        self._spool = Spool.open(self._journal, str(PLAYER), self.clock, Bounds(2**26), 60, ["main"])
        rules = Rules(max_gap_ms=3 * self.sample_ms)
        self._evidence = Evidence(self._spool, self.clock, {"main": rules})
        self._station = Station(
            self._settings, self.clock, self._spool, self._evidence, Sampler(self.directory, self.clock)
        )
        self._connected = False

    async def live(self, milliseconds: int, state: PlayerState = "playing") -> None:
        """Sample, and say so where there is a link, for so long in true time."""
        until_ms = self.clock.true_ms + milliseconds
        while self.clock.true_ms < until_ms:
            at = Instant(self.clock.mono_ms(), self.clock.wall_ms())
            changed = self._evidence.take("main", Reading(state), at, 0)
            self._spool.alive()
            if changed:
                await self._spool.commit()
            self._speak()
            self.clock.true_ms += self.sample_ms
        await self._spool.commit()

    def lose_power(self, dark_ms: int) -> None:
        """Cut the power, and boot again after so long. The wall clock survives (an RTC); see `forget_the_time`."""
        self._journal.close()
        self.clock.true_ms += dark_ms
        self.clock.boots += 1
        self.clock.booted_ms = self.clock.true_ms - 20_000
        self._start()

    def close(self) -> None:
        self._journal.close()

    def _speak(self) -> None:
        if not self.online:
            self._connected = False
            return
        if not self._connected:
            self._say("hello", self._station.hello())
            self._connected = True
        for heartbeat in self._station.heartbeats():
            self._say("heartbeat", heartbeat)
        for kept in list(self._station.sendable()):
            self._say("runs", Runs(**stamp(self.clock), spool=kept.spool, runs=[kept.run]))
            self._station.acknowledged(Ack(spool=kept.spool, seqs=[(kept.run.seq, kept.run.seq)]))

    def _say(self, kind: Kind, message: Message) -> None:
        received_ms = self.clock.true_ms + self._chance.choice([20, 45, 300])
        self.messages.append(Received(PLAYER, read_body(kind, encode(message), received_ms), received_ms))


class Books:
    """A ledger in memory that takes messages in any order."""

    def __init__(self) -> None:
        self.engine: Engine = create_engine("sqlite://", poolclass=StaticPool)
        schema.metadata.create_all(self.engine)

    def take(self, *batches: Sequence[Received]) -> list[RunRow]:
        """Every run, after these batches and nothing before; between two of them the collector is restarted."""
        with self.engine.begin() as connection:
            for table in reversed(schema.metadata.sorted_tables):
                connection.execute(delete(table))
        for batch in batches:
            store = EvidenceStore()
            with self.engine.begin() as connection:
                store.load(connection)
                store.apply(connection, batch, [])
        with self.engine.begin() as connection:
            found = connection.execute(select(schema.runs).order_by(schema.runs.c.spool, schema.runs.c.seq))
            return [RunRow(*row) for row in found]


def down_ms(rows: Iterable[RunRow]) -> int:
    """How long it was down, by the rules of the contract core."""
    runs = [timeline.Evidence(row.start_ms, row.end_ms, row.state) for row in rows]
    painted = timeline.paint(runs, START_MS - DAY_MS, START_MS + 400 * DAY_MS)
    return sum(end - start for start, end, state, _ in painted if state in DOWN)
