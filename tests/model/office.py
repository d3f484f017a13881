"""The other side of the model: a broker with a bad memory, and the collector's real core with a real ledger."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeVar

from sqlalchemy import Connection

from collector.bus import Bus
from collector.evidence import RunRow
from collector.intake.ingest import Ingest
from collector.kept_runs import KeptRun
from collector.ledger.evidence_store import EvidenceStore
from collector.ledger.ledger import Ledger
from collector.ledger.run_queries import runs_of, runs_since
from collector.live import Live
from collector.registry.model import Device, Registry, Subject, Tenant
from common.clock import ManualClock
from tests.model.machine import Machine, Parcel
from wire.messages import Ack
from wire.topics import Address

T = TypeVar("T")
PROMPT_MS = 1000  # of clocks that say two things the one is believed whose messages took the fewest seconds


class KilledError(Exception):
    """The collector was killed at this very point."""


class CuttingLedger:
    """The ledger, whose process may be killed before or after a commit."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.kill: str | None = None

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction, unless the process dies first."""

        def dying(connection: Connection) -> T:
            work(connection)
            raise KilledError

        if self.kill == "before the commit":
            return await self._ledger.write(dying)
        done = await self._ledger.write(work)
        if self.kill == "before the ack":
            raise KilledError
        return done


class Broker:
    """Takes what it is given, and forgets what it likes."""

    def __init__(self) -> None:
        self.waiting: deque[Parcel] = deque()
        self.late: list[Parcel] = []  # still under way when younger ones have long arrived
        self.listening = True  # whether the collector is subscribed: without it nothing is kept

    def take(self, parcels: Iterable[Parcel]) -> None:
        """Take what agents (or their wills) say."""
        if self.listening:
            self.waiting.extend(parcels)


class Office:
    """A collector, from the broker's parcels to the ledger and the live view."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, world: ManualClock, ledger: Ledger, machines: list[Machine]
    ) -> None:
        self.broker = Broker()
        self._loop = loop
        self._world = world
        self._ledger = ledger
        self._machines = {machine.address: machine for machine in machines}
        self._uncommitted: list[tuple[Parcel, int]] = []
        self.latest_ms: dict[str, int] = {}  # by boot: the longest that a message of it was under way
        self.right: set[str] = set()  # boots of which a message said promptly, and rightly, that its clock was right
        self.start()

    # --- its life ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the collector on its ledger."""
        self.up = self.broker.listening = True
        self.live = Live(self._world, Bus(), {})
        self._cutting = CuttingLedger(self._ledger)
        self.ingest = Ingest(
            self._cutting,  # type: ignore[arg-type]
            self._world,
            self._acknowledge,
            self.live.take,
            self.live.fleet.heard,
        )
        self.ingest.stop()  # `run` then takes what there is through the ledger, and comes back at once
        self._loop.run_until_complete(self._load())

    def kill(self) -> None:
        """End it: what it had not committed is gone, and so are its queues at the broker."""
        self.up = self.broker.listening = False
        self._uncommitted.clear()
        self.broker.waiting.clear()

    def commit(self, kill: str | None = None) -> None:
        """Take what has come through the ledger; with `kill` the process dies there."""
        self._cutting.kill = kill
        try:
            self._loop.run_until_complete(self.ingest.run())
        except KilledError:
            if kill == "before the ack":
                self._note_committed()
            self.kill()
        else:
            self._note_committed()

    def receive(self, parcel: Parcel) -> None:
        """Take in one message."""
        self._uncommitted.append((parcel, self._world.wall))
        self.ingest.receive(parcel.topic, parcel.body)

    # --- what it knows ----------------------------------------------------------------------------------------------

    def runs(self, machine: Machine, output: str) -> list[RunRow]:
        """The ledger's runs of one output."""
        far = 10**15
        return self._ledger.read_now(lambda found: runs_of(found, machine.address, output, -far, far))

    def remembered(self, machine: Machine, output: str) -> list[KeptRun]:
        """The live view's runs of one output."""
        return list(self.live.fleet.track(_subject(machine.address, output)).painted())

    @property
    def memory_starts_ms(self) -> int:
        """What ended before (by a clock in 1970, say) is in the ledger only."""
        return self.live.memory_starts_ms()

    def state(self, machine: Machine, output: str) -> str:
        """What the live view shows."""
        return self.live.player_view(_subject(machine.address, output)).state

    async def _load(self) -> None:
        await self.ingest.load()
        machines = self._machines.values()
        subjects = [_subject(machine.address, output) for machine in machines for output in machine.outputs]
        registry = Registry(
            tenants={address.tenant: Tenant(address.tenant, "") for address in self._machines},
            devices={str(address): Device(address.tenant, address.device, None, "") for address in self._machines},
            subjects={subject.key: subject for subject in subjects},
        )
        self.live.load((await self._ledger.read(lambda found: EvidenceStore().load(found))).values())
        missing = self.live.take_registry(registry)
        rows = await self._ledger.read(lambda found: runs_since(found, missing, self.live.memory_starts_ms()))
        await self.live.remember(rows)

    def _acknowledge(self, address: Address, ack: Ack) -> None:
        machine = self._machines[address]
        if machine.online:
            machine.inbox.append(ack)

    def _note_committed(self) -> None:
        for parcel, received_ms in self._uncommitted:
            if parcel.topic.endswith("gone"):
                continue
            late_ms = received_ms - parcel.sent_ms
            self.latest_ms[parcel.boot] = max(late_ms, self.latest_ms.get(parcel.boot, 0))
            if parcel.right and late_ms < PROMPT_MS:
                self.right.add(parcel.boot)
        self._uncommitted.clear()


def _subject(address: Address, output: str) -> Subject:
    return Subject(address.tenant, address.device, output, "player", "", None)
