"""A collector's past, lived through by hand: real ingest, ledger, figures and alerts, with points as they came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from collector.app import Collector
from collector.config import AlertsConfig, CollectorConfig, ContractsConfig, LedgerConfig, MqttConfig
from collector.decisions.orders import DecisionRequest, Rule
from collector.influx.config import InfluxConfig
from collector.ledger.decisions_store import decide, read_every_decision
from collector.ledger.evidence_store import EvidenceStore
from collector.ledger.intake import Received
from collector.ledger.registry_store import apply_request, read_registry
from collector.registry.files import SourceFile
from collector.registry.model import OWN_DEVICE
from collector.registry.plan import ApplyRequest
from common.clock import ManualClock, SystemClock
from common.tasks import cancel, spawn
from tests.fixtures.waiting import until
from wire.messages import Heartbeat, Hello, Output, Run, Runs
from wire.states import Cause, State
from wire.topics import Address

STEP_MS = 15_000
BEGIN_MS = (SystemClock().wall_ms() - 3_600_000) // 60_000 * 60_000
STEPS = 24
RULED_AT = 19  # the step
END_MS = BEGIN_MS + STEPS * STEP_MS
CONTRACT = Path(__file__).parents[3] / "contracts" / "admira.toml"
REGISTRY = """
tenants = [{ id = "acme", name = "Acme" }, { id = "bar", name = "Bar" }]
sites = [{ tenant = "acme", id = "gracia", name = "Gràcia" }, { tenant = "bar", id = "sants", name = "Sants" }]
platforms = [{ tenant = "acme", id = "portal", contract = "admira" }]
[[devices]]
tenant = "acme"
id = "p-1"
site = "gracia"
outputs = [{ id = "main", contract = "admira" }]
[[devices]]
tenant = "acme"
id = "p-2"
site = "gracia"
outputs = [{ id = "main", contract = "admira" }, { id = "side" }]
[[devices]]
tenant = "bar"
id = "p-1"
site = "sants"
outputs = [{ id = "main", contract = "admira" }]
"""


@dataclass
class Subject:
    """One output that says what it is told to."""

    address: Address
    output: str
    seq: int = 0
    run: Run | None = None
    closed: list[Run] = field(default_factory=list)

    def be(self, clock: ManualClock, state: State, cause: Cause | None = None) -> None:
        """Go over into a state."""
        if self.run is not None and (self.run.state, self.run.cause) == (state, cause):
            return
        if self.run is not None:
            self.run.end_ms, self.run.end_mono_ms, self.run.boot = clock.wall, clock.mono, clock.boot
            self.closed.append(self.run)
        self.seq += 1
        self.run = Run(
            seq=self.seq, output=self.output, state=state, cause=cause, start_ms=clock.wall, start_mono_ms=clock.mono
        )


PLAYERS = [("acme", "p-1", "main"), ("acme", "p-2", "main"), ("acme", "p-2", "side"), ("bar", "p-1", "main")]
PORTAL = ("acme", OWN_DEVICE, "portal")


def story(step: int) -> dict[tuple[str, str, str], tuple[State, Cause | None]]:
    """What each is at a step: one freezes for two minutes, a second output is off, the portal fails for a minute."""
    told: dict[tuple[str, str, str], tuple[State, Cause | None]] = dict.fromkeys(PLAYERS, ("playing", None))
    told[PORTAL] = ("up", None)
    if 4 <= step < 14:
        told["acme", "p-1", "main"] = ("frozen", None)
    if step >= 9:
        told["acme", "p-2", "side"] = ("off", "power")
    if 6 <= step < 10:
        told[PORTAL] = ("down", None)
    return told


def config_of(folder: Path, influx: InfluxConfig) -> CollectorConfig:
    return CollectorConfig(
        ledger=LedgerConfig(path=str(folder / "ledger.db")),
        mqtt=MqttConfig(host="127.0.0.1"),
        contracts=ContractsConfig(files=(str(CONTRACT),)),
        alerts=AlertsConfig(channels=()),
        influx=influx,
    )


class Past:
    """A collector without broker and page, whose clock is turned by hand."""

    def __init__(self, folder: Path, influx: InfluxConfig) -> None:
        self.clock = ManualClock(wall=BEGIN_MS, mono=5_000_000)
        self.collector = Collector(config_of(folder, influx), self.clock)
        self._said: dict[tuple[str, str, str], Subject] = {}

    async def live_through(self, steps: int = STEPS) -> None:
        """Begin, go through every step, and write every point."""
        collector = self.collector
        request = ApplyRequest([SourceFile("registry.toml", REGISTRY)], "ana")
        await collector.ledger.write(lambda found: apply_request(found, request, BEGIN_MS))
        await collector.ingest.load()
        registry, devices = await collector.ledger.read(lambda c: (read_registry(c), EvidenceStore().load(c)))
        collector.live.load(devices.values())
        await collector._take_registry(registry)
        await collector.alerts.load()
        assert collector.influx is not None
        tasks = [spawn(collector.influx.run(), "influx"), spawn(collector.ingest.run(), "ingest")]
        try:
            for step in range(steps):
                if step == RULED_AT:
                    await self._rule()
                await self._step(step)
                self.clock.advance(STEP_MS)
        finally:
            await cancel(*tasks)
            await collector.influx.close()

    async def _rule(self) -> None:
        """A person decides that most of what was frozen was the customer's own doing."""
        begin_ms, end_ms = BEGIN_MS + 5 * STEP_MS, BEGIN_MS + 12 * STEP_MS
        order = Rule("acme", "acme/p-1/main", begin_ms, end_ms, None, "customer", "they unplugged it")
        ledger = self.collector.ledger
        await ledger.write(lambda found: decide(found, DecisionRequest(order, "ana"), self.clock.wall))
        self.collector.live.take_decisions(await ledger.read(read_every_decision))

    async def _step(self, step: int) -> None:
        for key, (state, cause) in story(step).items():
            tenant, device, output = key
            first = 1_000 * len(self._said)  # a number names one run of a spool, whatever its output
            subject = self._said.setdefault(key, Subject(Address(tenant, device), output, first))
            subject.be(self.clock, state, cause)
        by_device: dict[Address, list[Subject]] = {}
        for subject in self._said.values():
            by_device.setdefault(subject.address, []).append(subject)
        for address, subjects in by_device.items():
            self._say(address, subjects, greet=step == 0)
        live = self.collector.live
        await until(lambda: all(self._is_known(subject) for subject in self._said.values()), "it is in the ledger")
        live.tick()
        await live.compute()
        for figure in list(live.figures.values()):  # as the collector does with each new figure
            assert self.collector.influx is not None
            await self.collector.influx.snapshot(self.collector.desk)
            await self.collector.alerts.consider(figure, figure.computed_ms)

    def _say(self, address: Address, subjects: list[Subject], *, greet: bool) -> None:
        clock = self.clock
        stamp = {"boot": clock.boot, "sent_ms": clock.wall, "mono_ms": clock.mono, "synced": True, "spool": "5" * 32}
        messages: list[Hello | Heartbeat | Runs] = []
        if greet:
            outputs = [Output(id=subject.output) for subject in subjects]
            messages.append(Hello(**stamp, agent="1", interval_s=15, outputs=outputs))  # type: ignore[arg-type]
        closed = [run for subject in subjects for run in subject.closed]
        for subject in subjects:
            subject.closed.clear()
        if closed:
            messages.append(Runs(**stamp, runs=closed))  # type: ignore[arg-type]
        host = {"cpu_percent": 10.0}
        messages.append(Heartbeat(**stamp, open=_open(subjects), host=host))  # type: ignore[arg-type]
        for message in messages:
            self.collector.ingest.accept(Received(address, message, clock.wall))

    def _is_known(self, subject: Subject) -> bool:
        tracks = self.collector.live.fleet._outputs.get(subject.address, {})
        newest = tracks[subject.output].newest
        return newest is not None and newest.end_ms == self.clock.wall and newest.seq == subject.seq


def _open(subjects: Iterable[Subject]) -> list[Run]:
    return [subject.run for subject in subjects if subject.run is not None]
