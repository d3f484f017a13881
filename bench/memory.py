"""What a collector holds in memory, and how it starts: a real process, from a ledger of a whole month of a large fleet.

    python bench/memory.py [--players 3000] [--runs 120] [--starts 3] [--traffic-s 0] [--folder DIR]

`started_s` is from the start of the process to its first answer, with every figure computed. `rss_mib` is read when it
answers, `peak_mib` is the most until then. With `--traffic-s` the same players come back as simulated ones, of whose
screens some change every second; `grown_bytes_a_run` is what RSS grew by for each run that came. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from _common import free_port, machine, say, summary, wait_for_port

from collector.ledger.evidence_store import EvidenceStore
from collector.ledger.intake import Received
from collector.ledger.ledger import Ledger
from collector.ledger.registry_store import apply_request
from collector.registry.files import SourceFile
from collector.registry.plan import ApplyRequest
from collector.sla.instants import DAY_MS
from common.clock import SystemClock, monotonic_s
from wire.messages import Heartbeat, Run, Runs
from wire.topics import Address

ROOT = Path(__file__).resolve().parents[1]
TENANT = "acme"
DAYS = 30
UPTIME_MS = 40 * DAY_MS
PLAYERS_AT_ONCE = 50
OUTAGES = ("frozen", "stopped", "black", "error", "off")
FAULTS = ("freeze", "stop", "black", "error")
FAULTS_PER_S = 20
SETTLE_S = 20  # so that what everybody said on coming back is in the ledger
ACKNOWLEDGED = "signwatch_runs_acknowledged_total"
PATIENCE_S = 600
MIB = 2**20


def make_ledger(path: Path, players: int, runs: int) -> None:
    """A ledger as intake leaves it: registered players, so many runs of each in the last 30 days, the last one open."""
    names = [f"player-{number:04d}" for number in range(1, players + 1)]
    text = f'[[tenants]]\nid = "{TENANT}"\nname = "ACME"\n' + "".join(
        f'[[devices]]\ntenant = "{TENANT}"\nid = "{name}"\n[[devices.outputs]]\nid = "main"\ncontract = "admira"\n'
        for name in names
    )
    now_ms, chance = SystemClock().wall_ms(), random.Random(1)
    with closing(Ledger.open(path)) as ledger:
        request = ApplyRequest([SourceFile("registry.toml", text)], "bench")
        ledger.write_now(lambda connection: apply_request(connection, request, now_ms))
        store = EvidenceStore()
        ledger.write_now(store.load)
        for first in range(0, players, PLAYERS_AT_ONCE):
            heard = [
                each for name in names[first : first + PLAYERS_AT_ONCE] for each in month(name, runs, now_ms, chance)
            ]
            ledger.write_now(lambda connection, heard=heard: store.apply(connection, heard, []))


def month(name: str, runs: int, now_ms: int, chance: random.Random) -> Iterator[Received]:
    """What a player says of its month: what is closed, and its state of this moment."""
    address, spool, boot = Address(TENANT, name), f"{chance.getrandbits(128):032x}", f"{chance.getrandbits(128):032x}"
    stamp: dict[str, Any] = {"spool": spool, "boot": boot, "sent_ms": now_ms, "mono_ms": UPTIME_MS, "synced": True}
    began_ms = now_ms - DAYS * DAY_MS
    edges = sorted(chance.sample(range(began_ms, now_ms), runs))
    told = [run(seq, edges[seq - 1], edges[seq], now_ms, boot, chance) for seq in range(1, runs)]
    yield Received(address, Runs(**stamp, runs=told), now_ms)
    playing = Run(seq=runs, output="main", state="playing", start_ms=edges[-1], start_mono_ms=mono(edges[-1], now_ms))
    yield Received(address, Heartbeat(**stamp, open=[playing]), now_ms)


def run(seq: int, start_ms: int, end_ms: int, now_ms: int, boot: str, chance: random.Random) -> Run:
    """One that is closed; every second one is an outage, and says what it saw."""
    seen = {"detail": f"time-pos stood at {chance.uniform(0, 600):.3f} s", "state": chance.choice(OUTAGES)}
    times = {"start_ms": start_ms, "end_ms": end_ms}
    monos = {"start_mono_ms": mono(start_ms, now_ms), "end_mono_ms": mono(end_ms, now_ms)}
    says: dict[str, Any] = {**times, **monos, **(seen if seq % 2 else {"state": "playing"})}
    return Run(seq=seq, output="main", boot=boot, **says)


def mono(at_ms: int, now_ms: int) -> int:
    """An instant by the player's CLOCK_BOOTTIME."""
    return UPTIME_MS - (now_ms - at_ms)


class Site:
    """A broker, and collectors that start from the ledger one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker, self.web = free_port(), free_port()

    @contextmanager
    def running(self, *argv: object) -> Iterator[subprocess.Popen[bytes]]:
        """A program, until the end of the block."""
        with (self.folder / "log").open("ab") as log:
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            command = [str(argument) for argument in argv]
            with subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, env=environment) as process:
                try:
                    yield process
                finally:
                    process.send_signal(signal.SIGTERM)

    @contextmanager
    def mosquitto(self) -> Iterator[None]:
        """A real broker."""
        config = self.folder / "mosquitto.conf"
        limits = "max_queued_messages 0\nmax_connections -1\n"
        config.write_text(f"listener {self.broker} 127.0.0.1\nallow_anonymous true\n{limits}", encoding="utf-8")
        with self.running("mosquitto", "-c", config):
            wait_for_port(self.broker, "mosquitto")
            yield

    @contextmanager
    def collector(self, ledger: Path) -> Iterator[tuple[int, float]]:
        """A collector that has begun to answer: its process, and the seconds that took."""
        config = self.folder / "collector.toml"
        config.write_text(
            f'[mqtt]\nhost = "127.0.0.1"\nport = {self.broker}\n[web]\nlisten = "127.0.0.1:{self.web}"\n'
            f'[ledger]\npath = "{ledger}"\n[contracts]\nfiles = ["{ROOT}/contracts/admira.toml"]\n',
            encoding="utf-8",
        )
        begun_s = monotonic_s()
        with self.running(sys.executable, "-m", "signwatch", "collector", "run", "--config", config) as process:
            while not self.figures():
                if process.poll() is not None or monotonic_s() - begun_s > PATIENCE_S:
                    raise SystemExit(f"the collector does not start: see {self.folder}/log")
                time.sleep(0.02)
            yield process.pid, monotonic_s() - begun_s

    def figures(self) -> list[dict[str, Any]]:
        """The live figures; none while nobody answers."""
        return list(get(f"http://127.0.0.1:{self.web}/api/v1/figures").get("figures", []))

    def metric(self, name: str) -> float:
        """One of the collector's gauges."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.web}/metrics", timeout=60) as answer:
            found = re.search(rf"^{name} (\S+)$", answer.read().decode(), re.MULTILINE)
        assert found is not None, name
        return float(found[1])


def get(url: str) -> dict[str, Any]:
    """Ask for JSON; nothing while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - loopback
            found: dict[str, Any] = json.load(answer)
    except OSError:
        return {}
    return found


def memory(pid: int) -> dict[str, float]:
    """Resident memory now, and the most that it ever was."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    said = dict(line.split(":", 1) for line in status.splitlines())
    return {name: int(said[key].split()[0]) * 1024 / MIB for name, key in (("rss_mib", "VmRSS"), ("peak_mib", "VmHWM"))}


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start(site: Site, ledger: Path) -> dict[str, float]:
    """Start one collector, and end it."""
    with site.collector(ledger) as (pid, started_s):
        found = {"started_s": started_s, "started_cpu_s": cpu_s(pid), **memory(pid)}
        return {**found, "compute_s": site.metric("signwatch_figures_compute_seconds")}


def load(site: Site, ledger: Path, players: int, traffic_s: float) -> dict[str, float]:
    """Let the players come back for a while; what the collector's memory grew by, once all of them were there."""
    script = site.folder / "faults.toml"
    script.write_text("\n".join(faults(players, traffic_s)), encoding="utf-8")
    health, where = free_port(), ["--host", "127.0.0.1", "--port", site.broker, "--tenant", TENANT]
    what = ["--players", players, "--script", script, "--health-listen", f"127.0.0.1:{health}"]
    signwatch = [sys.executable, "-m", "signwatch"]
    with site.collector(ledger) as (pid, _), site.running(*signwatch, "simulate", *where, *what) as fleet:
        begun_s = monotonic_s()
        while get(f"http://127.0.0.1:{health}/healthz").get("connected", 0) < players:
            if fleet.poll() is not None or monotonic_s() - begun_s > PATIENCE_S:
                raise SystemExit(f"the players do not come back: see {site.folder}/log")
            time.sleep(1)
        time.sleep(SETTLE_S)
        before, then, used = memory(pid), site.metric(ACKNOWLEDGED), cpu_s(pid)
        time.sleep(traffic_s)
        after, runs = memory(pid), site.metric(ACKNOWLEDGED) - then
        return {
            "runs": runs,
            "rss_mib_before": before["rss_mib"],
            "rss_mib": after["rss_mib"],
            "peak_mib": after["peak_mib"],
            "grown_bytes_a_run": (after["rss_mib"] - before["rss_mib"]) * MIB / max(1, runs),
            "cpu_share": (cpu_s(pid) - used) / traffic_s,
            "compute_s": site.metric("signwatch_figures_compute_seconds"),
        }


def faults(players: int, traffic_s: float) -> Iterator[str]:
    """A script for the simulator, which repeats it for as long as it runs."""
    chance = random.Random(2)
    yield f"repeat_every_s = {traffic_s + 10}"
    for _ in range(int(traffic_s * FAULTS_PER_S)):
        when, who = chance.uniform(0, traffic_s), f"player-{chance.randint(1, players):04d}"
        yield f'[[faults]]\nat_s = {when:.3f}\nplayers = "{who}"\naction = "{chance.choice(FAULTS)}"'
        yield f"for_s = {chance.uniform(0.5, 8):.3f}"


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--players", type=int, default=3000)
    parser.add_argument("--runs", type=int, default=120, help="of each player in the last 30 days")
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--traffic-s", type=float, default=0)
    parser.add_argument("--folder", type=Path, help="keep the ledger there, and use the one that is there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or Path(scratch)).resolve()
        ledger = folder / f"ledger-{options.players}-{options.runs}.db"
        if not ledger.exists():
            say(f"writing {options.players * options.runs} runs")
            make_ledger(ledger, options.players, options.runs)
        site = Site(Path(scratch))
        with site.mosquitto():
            found = [start(site, ledger) for _ in range(options.starts)]
            traffic = load(site, ledger, options.players, options.traffic_s) if options.traffic_s else None
    report = {
        "bench": "memory",
        "players": options.players,
        "runs_each": options.runs,
        "machine": machine(),
        "load_1m": os.getloadavg()[0],
        "started": summary(found, 2),
        "traffic": traffic and {name: round(value, 2) for name, value in traffic.items()},
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
