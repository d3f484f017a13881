"""Ten thousand players that are simply there: heartbeats every 15 s, 1 % of the screens frozen at any time.

What collector and broker take of the cores and of memory meanwhile, how old a change of a screen is when the API first
shows it, how many players the collector calls unknown though all of them are heard, and which alarms it raises: every
one that says that players are unknown is false here. Prints JSON.

    python bench/steady.py [--players 10000] [--interval-s 15] [--minutes 5] [--processes 4]

Collector, broker and players share the machine's cores.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sqlite3
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from _common import machine, say, wait_for_port
from _drains import Drain, Load, cpu_s, rss_mib

from common.clock import monotonic_s

CONNECTS_PER_S = 600
SETTLE_S = 30  # the last to come has been heard twice
RECEIVED, SHED = "signwatch_messages_received_total", "signwatch_messages_shed_total"
FREEZES = """
repeat_every_s = 10
[[faults]]
at_s = 1
players = "1%"
action = "freeze"
for_s = 8
"""


class Steady(Drain):
    """One run: a broker, a collector, players that stay connected, and canaries that tell how fresh the view is."""

    def __init__(self, folder: Path, load: Load, processes: int, interval_s: float, length_s: float) -> None:
        super().__init__(folder, load, processes)
        self._interval_s, self._length_s = interval_s, length_s
        self._unknown: list[int] = []

    def _run(self) -> dict[str, Any]:
        self._configure()
        (self._folder / "freezes.toml").write_text(FREEZES, encoding="utf-8")
        broker = self._start_broker()
        collector = self._start("signwatch", "collector", "run", "--config", self._folder / "collector.toml")
        wait_for_port(self._web, "the collector")
        self._start_players()
        self._wait_for(lambda: int(self._sum("connected") == self._load.players))
        self._start_canaries()
        say(f"all are connected; it settles for {SETTLE_S} s")
        time.sleep(SETTLE_S)
        before = self._counts()
        used = {name: cpu_s(child.pid) for name, child in (("collector", collector), ("broker", broker))}
        rss, begun_s, stored = rss_mib(collector.pid), monotonic_s(), self._stored()
        loads = self._watch_steadily(begun_s)
        took_s = monotonic_s() - begun_s
        after = self._counts()
        return {
            "watched_s": took_s,
            "load_1m_mean": sum(loads) / len(loads),
            "messages_per_s": (after[RECEIVED] - before[RECEIVED]) / took_s,
            "closed_runs_per_s": (self._stored() - stored) / took_s,
            "collector_cpu_cores": (cpu_s(collector.pid) - used["collector"]) / took_s,
            "broker_cpu_cores": (cpu_s(broker.pid) - used["broker"]) / took_s,
            "collector_rss_mib_before": rss,
            "collector_rss_mib": rss_mib(collector.pid),
            "view_behind_s_worst": max(self._lags_s),
            "view_behind_s_median": sorted(self._lags_s)[len(self._lags_s) // 2],
            "view_changes_seen": len(self._lags_s),
            "players_unknown_worst": max(self._unknown),
            "shed_heartbeats": after[SHED] - before[SHED],
            "alarms": self._alarms(),
        }

    def _start_players(self) -> None:
        each = self._load.players // self._processes
        for part, health in enumerate(self._health):
            what = ["--players", each, "--prefix", f"away{part}-", "--interval-s", self._interval_s, "--seed", part]
            how = ["--connects-per-s", CONNECTS_PER_S // self._processes, "--script", "freezes.toml"]
            self._start("signwatch", "simulate", *self._where(), *what, *how, "--health-listen", f"127.0.0.1:{health}")

    def _watch_steadily(self, begun_s: float) -> list[float]:
        loads = []
        while monotonic_s() - begun_s < self._length_s:
            self._look_at_canaries()
            self._unknown.append(int(self._counts()["signwatch_players_unknown"]))
            loads.append(os.getloadavg()[0])
            time.sleep(0.2)
        return loads

    def _counts(self) -> Counter[str]:
        """What `/metrics` says: each name with the sum of its values."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._web}/metrics", timeout=60) as answer:
            lines = [line for line in answer.read().decode().splitlines() if not line.startswith("#")]
        found: Counter[str] = Counter()
        for line in lines:
            name, _, value = line.rpartition(" ")
            found[name.partition("{")[0]] += float(value)  # type: ignore[assignment]
        return found

    def _alarms(self) -> dict[str, int]:
        with contextlib.closing(sqlite3.connect(f"file:{self._folder}/ledger.db?mode=ro", uri=True)) as connection:
            return dict(connection.execute("SELECT kind, count(*) FROM alerts GROUP BY kind").fetchall())


def main() -> None:
    """Watch once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--players", type=int, default=10_000)
    parser.add_argument("--interval-s", type=float, default=15)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--processes", type=int, default=4)
    options = parser.parse_args()
    load = Load(options.players, 0, 0)
    with tempfile.TemporaryDirectory() as folder:
        steady = Steady(Path(folder), load, options.processes, options.interval_s, options.minutes * 60)
        results = steady.run()
    print(json.dumps({"bench": "steady", **vars(options), "machine": machine(), "results": results}, indent=2))


if __name__ == "__main__":
    main()
