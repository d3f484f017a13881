"""The collector and the broker are killed mid-stream, and links are lost: the ledger is the simulator's truth still."""

from __future__ import annotations

import json
import sqlite3
import time
import urllib.request
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from collector.sla.availability import MonthFigure, judge_month
from collector.sla.contract import Contract, parse_contract_toml
from collector.sla.tally import Subject, month_span, tally_subject
from collector.sla.timeline import Evidence, Segment, paint
from tests.fixtures.mosquitto import StartMosquitto
from tests.fixtures.processes import ROOT, Process, Processes
from tests.fixtures.site import TENANT, Site, write
from tests.fixtures.waiting import LOOPBACK, free_port, wait_until

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

PLAYERS: Final = [f"player-{number:04d}" for number in range(1, 7)]
ACTIONS: Final = ("freeze", "stop", "black", "error", "idle")


class Simulation:
    """`signwatch simulate` as a process, with what it says of itself and of the truth."""

    def __init__(self, processes: Processes, site: Site, script: str) -> None:
        self.truth_file = processes.folder / "truth.jsonl"
        self.port = free_port()
        faults = write(processes.folder / "faults.toml", script)
        where: list[str | Path] = ["--host", site.broker.host, "--port", str(site.broker.port), "--tenant", TENANT]
        what: list[str | Path] = ["--players", str(len(PLAYERS)), "--interval-s", "1", "--script", faults]
        how: list[str | Path] = ["--truth", self.truth_file, "--health-listen", f"{LOOPBACK}:{self.port}"]
        self.process: Process = processes.signwatch("simulate", *where, *what, *how, name="simulate")
        wait_until(lambda: self.says("connected") == len(PLAYERS), "all players are connected")

    def says(self, what: str) -> int:
        """One of its counters; -1 while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{self.port}/healthz", timeout=10) as answer:
                return int(json.load(answer).get(what, 0))
        except OSError:
            return -1

    def wait_for_faults(self, count: int) -> None:
        """Wait until so many faults of the script have begun."""
        wait_until(lambda: self.process.output().count('"begins": true') >= count, f"{count} faults have begun", 60)

    def end(self) -> None:
        """Let it finish: everything acknowledged, then the truth."""
        wait_until(lambda: self.says("connected") == len(PLAYERS), "all players are connected again", 90)
        wait_until(lambda: self.says("backlog") == 0, "everything is acknowledged", 90)
        self.acknowledged = self.says("acknowledged")
        assert self.process.stop() == 0

    def truth(self) -> dict[str, list[Evidence]]:
        """What was on the screens, by subject."""
        told: dict[str, list[Evidence]] = {}
        for line in self.truth_file.read_text(encoding="utf-8").splitlines():
            run = json.loads(line)
            told.setdefault(run["subject"], []).append(Evidence(run["start_ms"], run["end_ms"], run["state"]))
        return told


class Stored(NamedTuple):
    """The ledger, read with nothing of ours."""

    runs: dict[str, list[Evidence]]
    closed: int
    reaches_ms: int  # as far as every player's evidence


def read(ledger: Path) -> Stored:
    runs: dict[str, list[Evidence]] = {}
    closed = 0
    with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as connection:
        for row in connection.execute(
            "SELECT tenant || '/' || device || '/' || output, start_ms, end_ms, state, closed"
            " FROM runs JOIN devices ON devices.id = device_id ORDER BY start_ms, spool, seq"
        ):
            runs.setdefault(row[0], []).append(Evidence(*row[1:4]))
            closed += row[4]
    connection.close()
    return Stored(runs, closed, min(max(run.end_ms for run in told) for told in runs.values()))


def united(segments: Iterable[Segment]) -> list[Segment]:
    """Neighbours in the same state are one: the truth knows no restarts of an agent."""
    whole: list[Segment] = []
    for segment in segments:
        if whole and whole[-1][2:] == segment[2:]:
            whole[-1] = (whole[-1][0], segment[1], *segment[2:])
        else:
            whole.append(segment)
    return whole


def judge(contract: Contract, runs: dict[str, list[Evidence]], month: str, at_ms: int) -> MonthFigure:
    span = month_span(contract, month, at_ms)
    tallies = [tally_subject(contract, span, Subject(key, "player"), told) for key, told in sorted(runs.items())]
    return judge_month(contract, span, tallies)


def assert_the_ledger_is_the_truth(site: Site, simulation: Simulation) -> None:
    stored, truth = read(site.ledger), simulation.truth()
    assert sorted(stored.runs) == sorted(truth) == [f"{TENANT}/{player}/main" for player in PLAYERS]
    for subject, told in truth.items():
        start_ms = told[0].start_ms
        assert united(paint(stored.runs[subject], start_ms, stored.reaches_ms)) == united(
            paint(told, start_ms, stored.reaches_ms)
        )
    assert stored.closed == simulation.acknowledged  # none is missing, none is there twice
    contract = parse_contract_toml((ROOT / "contracts" / "admira.toml").read_text(encoding="utf-8"), "admira.toml")
    month = site.figure()["month"]
    by_ledger = judge(contract, stored.runs, month, stored.reaches_ms)
    assert by_ledger.availability == judge(contract, truth, month, stored.reaches_ms).availability
    assert by_ledger.players_downtime_ms > 0
    assert_the_live_figure_follows(site, contract, stored, month)


def assert_the_live_figure_follows(site: Site, contract: Contract, stored: Stored, month: str) -> None:
    def figures() -> tuple[dict[str, Any], MonthFigure]:
        live = site.figure()
        return live, judge(contract, stored.runs, month, live["computed_ms"])

    def follows() -> bool:
        live, expected = figures()
        return bool(live["players"]["downtime_ms"] == expected.players_downtime_ms)

    wait_until(follows, "the live figure has the same down time")  # it is computed every 15 s, and at once on changes
    live, expected = figures()
    assert Fraction(*live["availability"]["fraction"]) == expected.availability


def stream(seconds: int) -> str:
    """Some player's screen changes several times a second; in the end all of them once more."""
    faults = [
        f'[[faults]]\nat_s = {number * 0.4:.1f}\nplayers = "{PLAYERS[number % len(PLAYERS)]}"\n'
        f'action = "{ACTIONS[number % len(ACTIONS)]}"\nfor_s = {0.3 + number % 7 * 0.2:.1f}\n'
        for number in range(int(seconds / 0.4))
    ]
    return "".join(faults)


def test_killing_collector_and_broker_mid_stream_neither_loses_nor_doubles_anything(
    processes: Processes, start_mosquitto: StartMosquitto
) -> None:
    site = Site(processes, start_mosquitto(persistent=True))
    collector = site.start_collector()
    site.register(*PLAYERS)
    simulation = Simulation(processes, site, stream(24))
    for faults in (8, 16, 24):
        simulation.wait_for_faults(faults)
        collector.kill()
        time.sleep(0.7)  # the stream goes on meanwhile
        site.start_collector()
    simulation.wait_for_faults(36)
    site.broker.kill()
    time.sleep(0.7)
    site.broker.start()
    simulation.wait_for_faults(48)
    site.broker.kill()
    collector.kill()
    site.broker.start()
    site.start_collector()
    simulation.wait_for_faults(60)
    simulation.end()
    assert_the_ledger_is_the_truth(site, simulation)


LINK_LOST = """
[[faults]]
at_s = 2
players = "player-0001"
action = "lose_link"
for_s = 10

[[faults]]
at_s = 4
players = ["player-0001", "player-0002"]
action = "freeze"
for_s = 3

[[faults]]
at_s = 14
players = "*"
action = "stop"
for_s = 1
"""


def test_a_lost_link_is_unknown_meanwhile_and_afterwards_as_if_it_had_never_been_lost(
    processes: Processes, site: Site
) -> None:
    site.start_collector()
    site.register(*PLAYERS)
    simulation = Simulation(processes, site, LINK_LOST)
    wait_until(lambda: site.player("player-0001")["link"] == "gone", "player-0001 has lost its link")
    assert site.state("player-0001") == "unknown"
    site.wait_for_state("player-0002", "frozen")
    site.wait_for_state("player-0002", "playing")  # and 0001 too, but who knows?
    assert site.state("player-0001") == "unknown"
    site.wait_for_state("player-0001", "playing")
    simulation.wait_for_faults(3)
    simulation.end()
    assert_the_ledger_is_the_truth(site, simulation)
    twin = {player: [run["state"] for run in site.runs(player)] for player in PLAYERS[:2]}
    assert twin["player-0001"] == twin["player-0002"]
