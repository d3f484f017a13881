"""A thousand players, random faults, a real broker and a real collector: figures true to the end, memory flat."""

from __future__ import annotations

import json
import random
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psutil
import pytest

from common.clock import monotonic_s
from tests.fixtures.processes import ROOT, Process, Processes
from tests.fixtures.simulation import Simulation, assert_the_ledger_is_the_truth, players, read
from tests.fixtures.site import Site
from tests.fixtures.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(0)]

INTERVAL_S: Final = 10
FAULTS_PER_S: Final = 2
START_S: Final = 30  # for all of them to connect
CALM_S: Final = 70  # in the end every fault is over, and everything arrives
PAUSE_S: Final = (5, 20)  # between two faults of the machinery
SCREENS: Final = ("freeze", "stop", "black", "error", "idle")
MIB: Final = 2**20
# What may grow is what is kept: a run of this month in memory (44 bytes), and the pages that SQLite keeps by it, until
# its caches are full (96 MiB). Everything else must come back.
RUN_BYTES: Final = 2048
SLACK_BYTES: Final = 24 * MIB


def script(chance: random.Random, names: list[str], seconds: float) -> str:
    """Faults of the players: what is on their screens, lost links, wrong clocks."""
    faults = []
    for _ in range(int(seconds * FAULTS_PER_S)):
        chosen = chance.sample(names, chance.choice([1, 1, 1, 3, 20]))
        fault: dict[str, Any] = {"at_s": round(chance.uniform(START_S, seconds), 3), "players": chosen}
        action = chance.choices(["screen", "lose_link", "step_clock"], [8, 3, 1])[0]
        fault["action"] = chance.choice(SCREENS) if action == "screen" else action
        fault["for_s"] = round(chance.uniform(0.5, 60), 3)
        if action == "step_clock":
            fault["by_s"] = chance.choice([-3600, -5, 5, 3600])
        faults.append("[[faults]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in fault.items()))
    return "\n".join(faults)


class Memory:
    """The resident memory of a program over time, whichever process it is just now."""

    def __init__(self, program: Process) -> None:
        self._program = program
        self.samples: list[tuple[float, int, int]] = []  # seconds, process, bytes
        self._ended = threading.Event()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Take a sample every second meanwhile."""
        watcher = threading.Thread(target=self._watch)
        watcher.start()
        yield
        self._ended.set()
        watcher.join()

    def since(self, start_s: float) -> list[tuple[float, int]]:
        """Samples of the process that lives now."""
        return [(at_s, rss) for at_s, pid, rss in self.samples if at_s >= start_s and pid == self._program.pid]

    def _watch(self) -> None:
        while not self._ended.wait(1):
            try:
                rss = psutil.Process(self._program.pid).memory_info().rss
            except psutil.NoSuchProcess:
                continue  # it was just killed
            self.samples.append((monotonic_s(), self._program.pid, rss))


class Chaos:
    """What is done to broker and collector. Memory is looked at in the second half: the collector lives on there."""

    def __init__(self, site: Site, chance: random.Random) -> None:
        self._site = site
        self._chance = chance
        self.counts: Counter[str] = Counter()

    def reign(self, until_s: float, collector_until_s: float) -> None:
        """One fault after another."""
        while monotonic_s() < until_s:
            faults = [self.kill_broker, self.fill_disk]
            if monotonic_s() < collector_until_s:
                faults.append(self.kill_collector)
            fault = self._chance.choice(faults)
            self.counts[fault.__name__] += 1
            fault()
            time.sleep(self._chance.uniform(*PAUSE_S))

    def kill_broker(self) -> None:
        self._site.broker.kill()
        time.sleep(self._chance.uniform(0, 8))
        self._site.broker.start()

    def kill_collector(self) -> None:
        collector = self._site.collector
        assert collector is not None
        collector.kill()
        time.sleep(self._chance.uniform(0, 10))
        self._site.start_collector()

    def fill_disk(self) -> None:
        """No file of the collector may be written beyond its first page: as good as a full disk, and needs no root."""
        assert self._site.collector is not None
        collector = psutil.Process(self._site.collector.pid)
        _, hard = collector.rlimit(psutil.RLIMIT_FSIZE)
        collector.rlimit(psutil.RLIMIT_FSIZE, (4096, hard))
        try:
            time.sleep(self._chance.uniform(1, 10))
        finally:
            collector.rlimit(psutil.RLIMIT_FSIZE, (hard, hard))


def begin(processes: Processes, site: Site, names: list[str]) -> Process:
    """Start the collector, its log behind a pipe: a disk that is full for the ledger is none for the log."""
    collector = site.start_collector()
    site.register(*names)
    collector.kill()
    collector.argv = ["bash", "-c", 'exec "$@" > >(exec cat) 2>&1', "bash", *collector.argv]
    site.start_collector()
    processes.start(
        [sys.executable, "-m", "tests.soak.echo", str(site.broker.port)], "echo", {"PYTHONPATH": str(ROOT)}, ROOT
    )
    return collector


def slope(samples: list[tuple[float, int]]) -> float:
    """Bytes a second."""
    return statistics.linear_regression(*zip(*samples, strict=True)).slope


def test_a_thousand_players_and_random_faults_leave_true_figures_and_flat_memory(
    processes: Processes, site: Site, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    length_s = request.config.getoption("--soak-minutes") * 60
    count = request.config.getoption("--soak-players")
    chance, names = random.Random(length_s), players(count)
    collector = begin(processes, site, names)
    faults = script(chance, names, length_s - CALM_S)
    simulation = Simulation(processes, site, faults, count, interval_s=INTERVAL_S, connected=False)
    memory, chaos, begun_s = Memory(collector), Chaos(site, chance), monotonic_s()
    with memory.watched():
        half_s = begun_s + length_s / 2
        chaos.reign(half_s, half_s - PAUSE_S[1])
        runs_then = read(site.ledger).closed
        chaos.reign(begun_s + length_s - CALM_S, 0)
        simulation.end()
    assert_the_ledger_is_the_truth(site, simulation)
    samples = memory.since(half_s)
    runs = read(site.ledger).closed
    grown_bytes = statistics.median(rss for _, rss in samples[-30:]) - statistics.median(rss for _, rss in samples[:30])
    report = {
        "players": count,
        "minutes": length_s / 60,
        "closed_runs": runs,
        "faults": {"players": int((length_s - CALM_S) * FAULTS_PER_S), **chaos.counts},
        "rss_mib": {"half": round(samples[0][1] / MIB, 1), "end": round(samples[-1][1] / MIB, 1)},
        "rss_slope_kib_per_min": round(slope(samples) * 60 / 1024, 1),
        "runs_in_second_half": runs - runs_then,
        "grown_kib": round(grown_bytes / 1024),
        "health": site.health(),
        "acknowledged_runs": simulation.acknowledged,
    }
    with capsys.disabled():
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
    assert grown_bytes <= (runs - runs_then) * RUN_BYTES + SLACK_BYTES
    wait_until(lambda: site.health().get("ok"), "the collector is well")
