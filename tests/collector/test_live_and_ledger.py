"""After months of random history, told late, twice and by clocks that lie, the live figure is the ledger's own."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from collector.bus import Bus
from collector.figures import agree, current_month
from collector.ledger.evidence_store import EvidenceStore
from collector.ledger.intake import Received
from collector.ledger.ledger import Ledger
from collector.ledger.run_queries import runs_since
from collector.live import Live
from collector.registry.model import Device, PortalCheck, Registry, Subject, VoteRule
from collector.sla import availability as sla
from collector.sla.contract import parse_contract
from collector.sla.timeline import Evidence
from collector.timelines import rows_between
from collector.views import FigureView
from common.clock import ManualClock
from wire.messages import Heartbeat, Run, Runs
from wire.topics import Address
from wire.votes import output_of

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
BEGIN: Final = 1_772_366_400_000  # 2026-03-01T12:00:00Z
DEVICES: Final = ("a", "b", "c")
CHECK: Final = output_of("portal")
CONTRACT: Final = parse_contract(
    {
        "name": "C",
        "timezone": "Europe/Madrid",
        "availability": {"weights": {"platform": "0.2", "players": "0.8"}, "excluded_causes": ["power"]},
        "guarantee": {"committed": "99.00"},
        "eligibility": {"player_downtime_over": "0.01", "players_affected_over": "0.20"},
    },
    "c.toml",
)
PORTAL: Final = Subject(
    "acme", "", "portal", "platform", "", "c", check=PortalCheck("", votes=VoteRule(["*"], patience_s=60))
)
SUBJECTS: Final = [PORTAL, *(Subject("acme", name, "main", "player", "", "c") for name in DEVICES)]
REGISTRY: Final = Registry(
    devices={f"acme/{name}": Device("acme", name, None, "") for name in DEVICES},
    subjects={subject.key: subject for subject in SUBJECTS},
)


class Machine:
    """One device: runs of its screen and of its check of the portal, boots, spools, and a clock that may be unset."""

    def __init__(self, name: str, chance: random.Random) -> None:
        self.address = Address("acme", name)
        self._chance = chance
        self._seq = 0
        self._spool = self._boot = ""
        self._booted_ms = 0
        self._off_by_ms = 0
        self._open: dict[str, tuple[int, int, str]] = {}  # output → seq, begin, state
        self._closed: list[Run] = []

    def live(self, now_ms: int) -> Iterator[Received]:
        """What it does at a moment, and what it says of it; a message may come days later, or twice."""
        if not self._boot or self._chance.random() < 0.03:
            self._reboot(now_ms)
        for output, states in (("main", ("playing", "playing", "frozen", "off", "unknown")), (CHECK, ("up", "down"))):
            if output not in self._open or self._chance.random() < 0.6:
                self._become(output, self._chance.choice(states), now_ms)
        if self._off_by_ms and self._chance.random() < 0.5:
            self._off_by_ms = 0  # NTP has answered
        for message in self._messages(now_ms):
            for _ in range(self._chance.choice([1, 1, 1, 2])):
                late_ms = self._chance.choice([20, 20, 400, HOUR_MS, 2 * DAY_MS])
                yield Received(self.address, message, now_ms + late_ms)

    def _reboot(self, now_ms: int) -> None:
        """Its open runs are never closed: it lost its power, and now and then its spool."""
        self._boot = f"{self._chance.getrandbits(128):032x}"
        if not self._spool or self._chance.random() < 0.2:
            self._spool = f"{self._chance.getrandbits(128):032x}"
        self._booted_ms = now_ms - self._chance.randint(1, 60_000)
        self._off_by_ms = self._chance.choice([0, 0, now_ms])  # without a battery it is 1970
        self._open.clear()

    def _become(self, output: str, state: str, now_ms: int) -> None:
        before = self._open.get(output)
        if before is not None:
            seq, begin_ms, was = before
            cause = self._chance.choice([None, "power"]) if was == "off" else None
            self._closed.append(self._run(output, seq, begin_ms, was, now_ms, cause))
        self._seq += 1
        self._open[output] = self._seq, now_ms, state

    def _run(self, output: str, seq: int, begin_ms: int, state: str, end_ms: int, cause: str | None) -> Run:
        times: dict[str, Any] = {"start_ms": begin_ms, "start_mono_ms": begin_ms - self._booted_ms}
        if end_ms:
            times |= {"end_ms": end_ms, "end_mono_ms": end_ms - self._booted_ms, "boot": self._boot}
        saw: dict[str, Any] = {"output": output, "state": state, "cause": cause, "detail": f"seen {seq} times"}
        return Run(seq=seq, **times, **saw)

    def _messages(self, now_ms: int) -> Iterator[Runs | Heartbeat]:
        stamp: dict[str, Any] = {
            "spool": self._spool,
            "boot": self._boot,
            "sent_ms": now_ms - self._off_by_ms,
            "mono_ms": now_ms - self._booted_ms,
            "synced": not self._off_by_ms,
        }
        if self._closed and self._chance.random() < 0.7:
            yield Runs(**stamp, runs=self._closed)
            self._closed = []
        open_runs = [self._run(output, *said, 0, None) for output, said in self._open.items()]
        yield Heartbeat(**stamp, open=open_runs)


class Collector:
    """The real join, ledger and live side; a restart begins from the ledger alone."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(wall=BEGIN)
        self.ledger = Ledger.open(folder / "ledger.db")
        self.store = EvidenceStore()

    async def start(self) -> Live:
        live = Live(self.clock, Bus(), {"c": CONTRACT})
        live.load((await self.ledger.write(self.store.load)).values())
        missing = live.take_registry(REGISTRY)
        await live.remember(await self.ledger.read(lambda found: runs_since(found, missing, live.memory_starts_ms())))
        return live

    def judged(self, now_ms: int) -> sla.MonthFigure:
        """The running month by the ledger, as a report would have it."""
        agreement = agree(REGISTRY, {"c": CONTRACT}).by_key["acme/c"]
        span = sla.month_span(CONTRACT, current_month(CONTRACT, now_ms), now_ms)
        told: list[list[Evidence]] = [[] for _ in agreement.subjects]
        subjects = [subject for subject, _ in agreement.subjects]
        for number, *run in self.ledger.read_now(
            lambda found: list(rows_between(found, REGISTRY, subjects, span.start_ms, span.counted_until_ms))
        ):
            told[number].append(Evidence(*run))
        tallies = [
            sla.tally_subject(CONTRACT, span, judged, runs)
            for (_, judged), runs in zip(agreement.subjects, told, strict=True)
        ]
        return sla.judge_month(CONTRACT, span, tallies)


def figures_of(figure: FigureView | sla.MonthFigure) -> list[object]:
    names = ("availability", "platform_availability", "players_availability", "percent", "met", "players")
    times = ("platform_downtime_ms", "players_downtime_ms", "affected_players")
    coverage = (
        (figure.coverage_players, figure.coverage_platform)
        if isinstance(figure, FigureView)
        else (figure.players_coverage, figure.platform_coverage)
    )
    return [*(getattr(figure, name) for name in (*names, *times)), *coverage]


async def check(folder: Path, seed: int, days: int) -> None:
    chance = random.Random(seed)
    collector, machines = Collector(folder), [Machine(name, random.Random(f"{seed}{name}")) for name in DEVICES]
    live, on_the_way = await collector.start(), list[Received]()
    seen = set[object]()
    for hour in range(0, days * 24, 6):
        now_ms = BEGIN + hour * HOUR_MS + chance.randint(0, HOUR_MS)
        on_the_way += [each for machine in machines for each in machine.live(now_ms)]
        collector.clock.wall = now_ms + 1000
        arrived = sorted((each for each in on_the_way if each.received_ms <= now_ms + 1000), key=lambda each: each[2])
        on_the_way = [each for each in on_the_way if each.received_ms > now_ms + 1000]
        live.take(await collector.ledger.write(lambda found, heard=arrived: collector.store.apply(found, heard, [])))
        if hour % 120 == 0:
            await live.prune()
            live = await collector.start() if chance.random() < 0.2 else live
            await live.compute()
            expected = collector.judged(now_ms + 1000)
            assert figures_of(live.figures["acme/c"]) == figures_of(expected), f"on day {hour // 24} of {seed}"
            seen.add((expected.players_downtime_ms, expected.platform_downtime_ms))
    collector.ledger.close()
    assert len(seen) > days / 10  # it moved: there was something to be wrong about


async def test_the_live_figure_is_the_ledgers_to_the_millisecond_after_six_weeks(tmp_path: Path) -> None:
    await check(tmp_path, 1, 42)


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("seed", range(10, 20))
async def test_the_live_figure_is_the_ledgers_after_half_a_year(tmp_path: Path, seed: int) -> None:
    await check(tmp_path, seed, 180)
