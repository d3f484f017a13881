"""Players that were offline for days and come back at once: started, drained, and the live view watched meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _common import free_port, wait_for_port

from common.clock import SystemClock, monotonic_s

ROOT = Path(__file__).resolve().parents[1]
CANARIES = 5
CANARY_SCRIPT = """
repeat_every_s = 4
[[faults]]
at_s = 1
players = "*"
action = "freeze"
for_s = 2
"""
PATIENCE_S = 900


@dataclass(frozen=True)
class Load:
    """How many players have been away for how long, and how often each of their screens changed a day."""

    players: int
    days: float
    changes_per_day: int


class Drain:
    """One run: a collector, players that cannot reach their broker, and canaries that tell how fresh the view is."""

    def __init__(self, folder: Path, load: Load, processes: int = 1) -> None:
        self._folder = folder
        self._load = load
        self._processes = processes
        self._started: list[subprocess.Popen[bytes]] = []
        self._broker_port, self._web = free_port(), free_port()
        self._health = [free_port() for _ in range(processes)]
        self._lags_s: list[float] = []
        self._seen: dict[str, tuple[str, int]] = {}

    def run(self) -> dict[str, Any]:
        """Drain once: seconds until everything was acknowledged, and how far the live view was behind meanwhile."""
        try:
            return self._run()
        finally:
            for process in reversed(self._started):
                process.send_signal(signal.SIGKILL)
                process.wait()

    def _run(self) -> dict[str, Any]:
        self._configure()
        collector = self._start("signwatch", "collector", "run", "--config", self._folder / "collector.toml")
        wait_for_port(self._web, "the collector")
        self._start_players()
        waiting = self._wait_for(lambda: self._sum("backlog") or None)
        begun_s = monotonic_s()
        self._start_broker()
        self._start_canaries()
        took_s = self._watch(begun_s)
        used = cpu_s(collector.pid)
        return {
            "runs": waiting,
            "drained_s": took_s,
            "runs_per_s": waiting / took_s,
            "view_behind_s_worst": max(self._lags_s),
            "view_behind_s_median": sorted(self._lags_s)[len(self._lags_s) // 2],
            "view_changes_seen": len(self._lags_s),
            "collector_cpu_s": used,
            "collector_rss_mib": rss_mib(collector.pid),
            "lost_runs": self._sum("acknowledged") - self._stored(),
        }

    def _configure(self) -> None:
        registry = '[[tenants]]\nid = "acme"\nname = "ACME"\n' + "".join(
            f'[[devices]]\ntenant = "acme"\nid = "{name}"\n[[devices.outputs]]\nid = "main"\ncontract = "admira"\n'
            for name in self._names()
        )
        (self._folder / "registry.toml").write_text(registry, encoding="utf-8")
        (self._folder / "collector.toml").write_text(
            f'[mqtt]\nhost = "127.0.0.1"\nport = {self._broker_port}\n[web]\nlisten = "127.0.0.1:{self._web}"\n'
            f'[contracts]\nfiles = ["{ROOT}/contracts/admira.toml"]\n',
            encoding="utf-8",
        )
        (self._folder / "canaries.toml").write_text(CANARY_SCRIPT, encoding="utf-8")
        command = ["registry", "apply", "registry.toml", "--ledger", "ledger.db", "--yes"]
        subprocess.run(self._argv("signwatch", *command), cwd=self._folder, check=True, stdout=subprocess.DEVNULL)

    def _names(self) -> Iterator[str]:
        each = self._load.players // self._processes
        for part in range(self._processes):
            yield from (f"away{part}-{number:04d}" for number in range(1, each + 1))
        yield from (f"canary-{number:04d}" for number in range(1, CANARIES + 1))

    def _start_players(self) -> None:
        each = self._load.players // self._processes
        for part, health in enumerate(self._health):
            what = ["--players", each, "--prefix", f"away{part}-", "--offline-days", self._load.days]
            how = ["--changes-per-day", self._load.changes_per_day, "--connects-per-s", 10_000, "--seed", part]
            self._start("signwatch", "simulate", *self._where(), *what, *how, "--health-listen", f"127.0.0.1:{health}")

    def _start_canaries(self) -> None:
        what = ["--players", CANARIES, "--prefix", "canary-", "--interval-s", 1, "--script", "canaries.toml"]
        self._start("signwatch", "simulate", *self._where(), *what)

    def _where(self) -> Sequence[object]:
        return ["--host", "127.0.0.1", "--port", self._broker_port, "--tenant", "acme", "--log-level", "warning"]

    def _start_broker(self) -> subprocess.Popen[bytes]:
        config = self._folder / "mosquitto.conf"
        limits = "max_queued_messages 0\nmax_connections -1\n"
        config.write_text(f"listener {self._broker_port} 127.0.0.1\nallow_anonymous true\n{limits}", encoding="utf-8")
        return self._start("mosquitto", "-c", config)

    def _watch(self, begun_s: float) -> float:
        while monotonic_s() - begun_s < PATIENCE_S:
            self._look_at_canaries()
            if self._sum("backlog") == 0 and self._sum("connected") == self._load.players:
                return monotonic_s() - begun_s
            time.sleep(0.1)
        raise SystemExit(f"not drained within {PATIENCE_S} s")

    def _look_at_canaries(self) -> None:
        """How old a change of a canary's screen is when the API first shows it."""
        for number in range(1, CANARIES + 1):
            name = f"canary-{number:04d}"
            player = _get(f"http://127.0.0.1:{self._web}/api/v1/players/acme/{name}/main") or {}
            now = player.get("state", "unknown"), player.get("since_ms") or 0
            if name not in self._seen or "unknown" in {now[0], self._seen[name][0]}:
                self._seen[name] = now
            elif now[1] > self._seen[name][1]:
                self._seen[name] = now
                self._lags_s.append(SystemClock().wall_ms() / 1000 - now[1] / 1000)

    def _sum(self, what: str) -> int:
        told = [_get(f"http://127.0.0.1:{port}/healthz") or {} for port in self._health]
        return sum(int(one.get(what, -1)) for one in told)

    def _wait_for(self, condition: Callable[[], int | None]) -> int:
        for _ in range(PATIENCE_S * 10):
            found = condition()
            if found is not None and found > 0:
                return found
            time.sleep(0.1)
        raise SystemExit("the players do not begin")

    def _stored(self) -> int:
        with contextlib.closing(sqlite3.connect(f"file:{self._folder}/ledger.db?mode=ro", uri=True)) as connection:
            found: int = connection.execute(
                "SELECT count(*) FROM runs JOIN devices ON devices.id = device_id WHERE device LIKE 'away%' AND closed"
            ).fetchone()[0]
        return found

    def _start(self, program: str, *arguments: object) -> subprocess.Popen[bytes]:
        argv = self._argv(program, *arguments)
        with (self._folder / f"{len(self._started)}-{arguments[0]}.log").open("wb") as log:
            child = subprocess.Popen(argv, cwd=self._folder, stdout=log, stderr=log, env=_environment())
        self._started.append(child)
        return child

    @staticmethod
    def _argv(program: str, *arguments: object) -> list[str]:
        start = [sys.executable, "-m", "signwatch"] if program == "signwatch" else [program]
        return [*start, *map(str, arguments)]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def _get(url: str) -> dict[str, Any] | None:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - loopback
            found: dict[str, Any] = json.load(answer)
    except OSError:
        return None
    return found


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
