"""What the agent takes of a player, next to what else is installed to watch machines, side by side in one run.

    ./dev bench agent                       # 2 minutes
    ./dev bench agent --seconds 600         # what docs/performance.md publishes

The agent is installed as on a player (a fresh environment, base dependencies), watches a playing mpv with two probes,
and beats each 15 s; the others run with Debian's defaults or a small configuration of the usual figures, and are read
out each 15 s. Memory and CPU are those of the whole process tree. Bytes are counted by a relay that every connection
goes through (TCP payload, both ways); collectd's are counted as they arrive (UDP payload).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import urllib.request
import venv
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from common.clock import monotonic_s

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import free_port, machine, say, wait_for_port

ROOT = Path(__file__).resolve().parents[2]
INTERVAL_S = 15
SETTLE_S = 20.0  # before measuring: first readings, first connections
DAY_S = 86_400
CHILDREN: list[subprocess.Popen[bytes]] = []
PACKAGES = {
    "prometheus-node-exporter": "prometheus-node-exporter",
    "collectd": "collectd-core",
    "zabbix_agentd": "zabbix-agent",
    "netdata": "netdata-core",
}
ZABBIX_KEYS = ("system.cpu.load", "system.cpu.util", "vm.memory.utilization", "vfs.fs.size[/,pused]", "system.uptime")
AGENT = """
tenant = "acme"
device = "player-0001"
interval_s = {interval}
[mqtt]
host = "127.0.0.1"
port = {port}
[spool]
dir = "spool"
[health]
listen = "127.0.0.1:{health}"
[[outputs]]
id = "main"
probe = ["mpv", "process"]
mpv.socket = "{folder}/mpv.sock"
process.name = "mpv"
"""
COLLECTD = """
BaseDir "{folder}"
PIDFile "{folder}/collectd.pid"
PluginDir "/usr/lib/collectd"
TypesDB "/usr/share/collectd/types.db"
Interval {interval}
LoadPlugin cpu
LoadPlugin memory
LoadPlugin load
LoadPlugin df
LoadPlugin uptime
LoadPlugin network
<Plugin network>
  Server "127.0.0.1" "{port}"
</Plugin>
"""
ZABBIX = """
PidFile={folder}/zabbix.pid
LogType=console
Server=127.0.0.1
StartAgents=1
ListenIP=127.0.0.1
ListenPort={port}
AllowRoot=1
"""
NETDATA = """
[global]
    run as user = root
[web]
    bind to = 127.0.0.1:{port}
[directories]
    cache = {folder}/netdata-cache
    lib = {folder}/netdata-lib
    log = {folder}
[ml]
    enabled = no
"""


@dataclass
class Relay:
    """Carries connections to `target`, and counts what goes through."""

    target: int
    port: int = 0
    up_bytes: int = 0
    down_bytes: int = 0

    async def start(self) -> None:
        """Listen on a free port."""
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]

    @property
    def total_bytes(self) -> int:
        """Both ways."""
        return self.up_bytes + self.down_bytes

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        with contextlib.suppress(OSError, asyncio.CancelledError):  # cancelled: the bench is over
            await asyncio.gather(self._pump(reader, back, up=True), self._pump(there, writer, up=False))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool) -> None:
        while data := await reader.read(65_536):
            if up:
                self.up_bytes += len(data)
            else:
                self.down_bytes += len(data)
            writer.write(data)
            await writer.drain()
        writer.close()


class Count(asyncio.DatagramProtocol):
    """Counts datagrams."""

    total_bytes = 0

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - asyncio's signature
        """Count it."""
        self.total_bytes += len(data)


@dataclass
class Watcher:
    """One program that is measured. `read_out` is done each interval; `traffic` is counted."""

    name: str
    process: subprocess.Popen[bytes]
    traffic: Relay | Count | None
    read_out: Callable[[], Awaitable[None]] | None = None
    start_up_s: float | None = None
    begun: dict[str, float] = field(default_factory=dict)

    def tree(self) -> list[psutil.Process]:
        """It and its children."""
        top = psutil.Process(self.process.pid)
        return [top, *top.children(recursive=True)]

    def cpu_s(self) -> float:
        """CPU time of the tree, ended children included."""
        times = [process.cpu_times() for process in self.tree()]
        return sum(t.user + t.system + t.children_user + t.children_system for t in times)

    def memory(self) -> dict[str, int]:
        """RSS and PSS of the tree, in bytes."""
        found = {"rss": 0, "pss": 0}
        for process in self.tree():
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
                    name = line.split(":")[0].lower()
                    if name in found:
                        found[name] += int(line.split()[1]) * 1024
        return found

    def begin(self) -> None:
        """From now on it is measured."""
        self.begun = {"cpu": self.cpu_s(), "at": monotonic_s(), "bytes": float(self._bytes())}

    def _bytes(self) -> int:
        return self.traffic.total_bytes if self.traffic is not None else 0

    def result(self) -> dict[str, object]:
        """What it took since `begin`."""
        seconds = monotonic_s() - self.begun["at"]
        memory, sent = self.memory(), self._bytes() - self.begun["bytes"]
        return {
            "rss_mb": round(memory["rss"] / 1e6, 1),
            "pss_mb": round(memory["pss"] / 1e6, 1),
            "processes": len(self.tree()),
            "cpu_percent_of_a_core": round(100 * (self.cpu_s() - self.begun["cpu"]) / seconds, 3),
            "start_up_s": self.start_up_s,
            "bytes_an_interval": round(sent * INTERVAL_S / seconds),
            "bytes_a_day": round(sent * DAY_S / seconds),
        }


def found(program: str) -> str | None:
    """Where it is; told where it is missing."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    if path is None:
        say(f"{program} is missing: sudo apt-get install --no-install-recommends {PACKAGES.get(program, program)}")
    return path


def start(argv: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a program; what it says goes to `log`."""
    with log.open("wb") as output:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=log.parent)
    CHILDREN.append(child)
    return child


def end_all() -> None:
    """End everything that was started here, with its children."""
    for child in reversed(CHILDREN):
        with contextlib.suppress(psutil.NoSuchProcess):
            top = psutil.Process(child.pid)
            for process in [*top.children(recursive=True), top]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        child.wait()


def low_port() -> int:
    """Find a free port that Zabbix allows: it takes none over 32767."""
    for port in range(20_000, 32_767):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise SystemExit("no port is free")


def player_environment(folder: Path) -> Path:
    """Install the checkout as on a player; its `signwatch`."""
    say("installing the agent as on a player")
    venv.create(folder, with_pip=True, symlinks=True)
    pip = [folder / "bin/python", "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", ROOT]
    subprocess.run(pip, check=True)
    return folder / "bin/signwatch"


async def agent(folder: Path, broker: int) -> Watcher:
    """The agent with two probes on a playing mpv."""
    relay, health = Relay(broker), free_port()
    await relay.start()
    text = AGENT.format(interval=INTERVAL_S, port=relay.port, health=health, folder=folder)
    (folder / "agent.toml").write_text(text)
    program = await asyncio.to_thread(player_environment, folder / "player")
    begun = monotonic_s()
    process = start([str(program), "agent", "run", "--config", str(folder / "agent.toml")], folder / "agent.log")
    while "link_up" not in (folder / "agent.log").read_text():  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.01)
    return Watcher("signwatch agent", process, relay, start_up_s=round(monotonic_s() - begun, 2))


async def started(name: str, argv: list[str], log: Path, port: int) -> tuple[subprocess.Popen[bytes], float]:
    """Start what listens on a port, and how long that took."""
    begun = monotonic_s()
    process = start(argv, log)
    await asyncio.to_thread(wait_for_port, port, name)
    return process, round(monotonic_s() - begun, 2)


def scrape(url: str) -> Callable[[], Awaitable[None]]:
    """Read a page out."""

    async def read() -> None:
        await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=10).read())  # noqa: S310 - loopback

    return read


def zabbix_items(port: int) -> Callable[[], Awaitable[None]]:
    """Ask a passive Zabbix agent for each item, a connection each, as its server does."""

    async def read() -> None:
        for key in ZABBIX_KEYS:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"ZBXD\x01" + struct.pack("<Q", len(key)) + key.encode())
            await reader.read()
            writer.close()

    return read


async def others(folder: Path) -> list[Watcher]:
    """Whatever of them is installed."""
    watchers = [await begin(folder) for begin in (node_exporter, collectd, zabbix, netdata)]
    return [watcher for watcher in watchers if watcher is not None]


async def node_exporter(folder: Path) -> Watcher | None:
    """Debian's prometheus-node-exporter, scraped."""
    if (path := found("prometheus-node-exporter")) is None:
        return None
    port = free_port()
    argv = [path, f"--web.listen-address=127.0.0.1:{port}"]
    process, seconds = await started("prometheus-node-exporter", argv, folder / "node.log", port)
    relay = Relay(port)
    await relay.start()
    url = f"http://127.0.0.1:{relay.port}/metrics"
    return Watcher("prometheus-node-exporter", process, relay, scrape(url), seconds)


async def collectd(folder: Path) -> Watcher | None:
    """Debian's collectd-core with five plugins, sending over UDP."""
    if (path := found("collectd")) is None:
        return None
    transport, count = await asyncio.get_running_loop().create_datagram_endpoint(Count, ("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    (folder / "collectd.conf").write_text(COLLECTD.format(folder=folder, interval=INTERVAL_S, port=port))
    return Watcher("collectd", start([path, "-f", "-C", str(folder / "collectd.conf")], folder / "collectd.log"), count)


async def zabbix(folder: Path) -> Watcher | None:
    """Debian's zabbix-agent, asked for five items."""
    if (path := found("zabbix_agentd")) is None:
        return None
    port = low_port()
    (folder / "zabbix.conf").write_text(ZABBIX.format(folder=folder, port=port))
    argv = [path, "-f", "-c", str(folder / "zabbix.conf")]
    process, seconds = await started("zabbix_agentd", argv, folder / "zabbix.log", port)
    relay = Relay(port)
    await relay.start()
    return Watcher("zabbix-agent", process, relay, zabbix_items(relay.port), seconds)


async def netdata(folder: Path) -> Watcher | None:
    """Debian's netdata-core with its defaults, its figures exported once an interval."""
    if (path := found("netdata")) is None:
        return None
    port = free_port()
    for name in ("netdata-cache", "netdata-lib"):
        (folder / name).mkdir()
    (folder / "netdata.conf").write_text(NETDATA.format(folder=folder, port=port))
    argv = [path, "-D", "-c", str(folder / "netdata.conf")]
    process, seconds = await started("netdata", argv, folder / "netdata.log", port)
    relay = Relay(port)
    await relay.start()
    url = f"http://127.0.0.1:{relay.port}/api/v1/allmetrics?format=prometheus"
    return Watcher("netdata", process, relay, scrape(url), seconds)


@contextlib.contextmanager
def surroundings(folder: Path) -> Iterator[int]:
    """A broker, and an mpv that plays; the broker's port."""
    port = free_port()
    (folder / "mosquitto.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n")
    broker_path, mpv_path = found("mosquitto"), found("mpv")
    if broker_path is None or mpv_path is None:
        raise SystemExit("the bench of the agent needs mosquitto and mpv")
    play = ["--no-config", "--really-quiet", "--vo=null", "--ao=null", f"--input-ipc-server={folder}/mpv.sock"]
    start([broker_path, "-c", str(folder / "mosquitto.conf")], folder / "mosquitto.log")
    start([mpv_path, *play, "av://lavfi:testsrc=size=64x64:rate=10"], folder / "mpv.log")
    try:
        wait_for_port(port, "mosquitto")
        yield port
    finally:
        end_all()


async def measure(folder: Path, broker: int, seconds: float) -> dict[str, object]:
    """All of them at once."""
    watchers = [await agent(folder, broker), *await others(folder)]
    await asyncio.sleep(SETTLE_S)
    for watcher in watchers:
        watcher.begin()
    until = monotonic_s() + seconds
    say(f"measuring for {seconds:.0f} s: {', '.join(watcher.name for watcher in watchers)}")
    while monotonic_s() < until:
        for watcher in watchers:
            if watcher.read_out is not None:
                await watcher.read_out()
        await asyncio.sleep(max(0.0, min(INTERVAL_S, until - monotonic_s())))
    return {watcher.name: watcher.result() for watcher in watchers}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120, help="how long they are watched (%(default)s)")
    options = parser.parse_args()
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="signwatch-bench-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        with surroundings(folder) as broker:
            results = asyncio.run(measure(folder, broker, options.seconds))
    told = {
        "machine": machine(),
        "load_1m": [round(load_before, 1), round(os.getloadavg()[0], 1)],
        "measured_s": options.seconds,
        "interval_s": INTERVAL_S,
        "programs": results,
    }
    print(json.dumps(told, indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
