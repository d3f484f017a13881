"""A collector's core for tests: real ledger, ingest and live view, without a broker."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from collector.bus import Bus
from collector.intake.ingest import Ingest
from collector.intake.senders import Intake
from collector.ledger import schema
from collector.ledger.intake import Outcome
from collector.ledger.ledger import Ledger
from collector.ledger.quarantine_store import Kept, kept_messages
from collector.live import Live
from collector.registry.model import Device, Registry, Tenant
from common.clock import ManualClock
from wire.messages import Ack, Heartbeat, Run, Runs
from wire.topics import Address

PLAYER = Address("acme", "p1")
SPOOL, BOOT = "5" * 32, "a" * 32


class Core:
    """What is between the broker and the ledger. `p1` and `p2` of `acme` are registered."""

    def __init__(self, folder: Path, intake: Intake | None = None) -> None:
        self.clock = ManualClock()
        self.ledger = Ledger.open(folder / "ledger.db")
        self.live = Live(self.clock, Bus(), {})
        self.published = 0  # for a test that counts
        self.acks: list[tuple[Address, Ack]] = []
        self.ingest = Ingest(
            self.ledger,
            self.clock,
            self._acknowledge,
            self._committed,
            self.live.fleet.heard,
            intake,
            self.live.fleet.alive,
        )
        self.outcomes: list[Outcome] = []
        self.register("p1", "p2")

    def register(self, *names: str) -> None:
        """Let these devices of `acme` be registered, and no others."""
        devices = {f"acme/{name}": Device("acme", name, None, name, "player") for name in names}
        self.ingest.take_registry(devices.keys())
        self.live.take_registry(Registry(tenants={"acme": Tenant("acme", "ACME")}, devices=devices))

    async def settle(self) -> None:
        """Put into the ledger what waits."""
        self.ingest.stop()
        await self.ingest.run()

    def stamp(self) -> dict[str, Any]:
        """What every message says of its clocks, and its spool."""
        said = {"boot": BOOT, "sent_ms": self.clock.wall, "mono_ms": self.clock.mono, "synced": True}
        return {**said, "spool": SPOOL}

    def run(self, seq: int, *, closed: bool = True, **changes: Any) -> Run:
        """A run of the last second, closed or open."""
        start = {"start_ms": self.clock.wall - 1000, "start_mono_ms": self.clock.mono - 1000}
        end = {"end_ms": self.clock.wall, "end_mono_ms": self.clock.mono, "boot": BOOT} if closed else {}
        return Run(**{"seq": seq, "output": "main", "state": "frozen", **start, **end, **changes})

    def runs(self, *seqs: int) -> Runs:
        """A message with these closed runs."""
        return Runs(**self.stamp(), runs=[self.run(seq) for seq in seqs])

    def heartbeat(self, *seqs: int) -> Heartbeat:
        """A message with these open runs."""
        return Heartbeat(**self.stamp(), open=[self.run(seq, closed=False) for seq in seqs])

    def kept(self) -> Sequence[Kept]:
        """The quarantine."""
        return self.ledger.read_now(kept_messages)

    def count(self, name: str) -> int:
        """How many rows a table has."""
        query = select(func.count()).select_from(schema.metadata.tables[name])
        return self.ledger.read_now(lambda connection: connection.execute(query).scalar_one())

    def seqs(self, address: Address = PLAYER) -> list[int]:
        """Every run of a device that the ledger has."""
        runs, devices = schema.runs.c, schema.devices.c
        query = select(runs.seq).join_from(schema.runs, schema.devices, runs.device_id == devices.id)
        query = query.where(devices.tenant == address.tenant, devices.device == address.device).order_by(runs.seq)
        return self.ledger.read_now(lambda connection: list(connection.scalars(query)))

    def acked(self, address: Address = PLAYER) -> set[int]:
        """Every seq that was acknowledged to a device."""
        acks = [ack for to, ack in self.acks if to == address]
        return {seq for ack in acks for first, last in ack.seqs for seq in range(first, last + 1)}

    def _acknowledge(self, address: Address, ack: Ack) -> None:
        self.acks.append((address, ack))

    def _committed(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.live.take(outcome)
