"""What else is installed to watch machines: Debian's packages, with their defaults or a small configuration."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import subprocess
import sys
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path

from common.clock import monotonic_s

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import free_port, wait_for_port
from _traffic import Datagrams, Relay
from _watcher import INTERVAL_S, Watcher, found, start

ZABBIX_KEYS = ("system.cpu.load", "system.cpu.util", "vm.memory.utilization", "vfs.fs.size[/,pused]", "system.uptime")
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


async def others(folder: Path) -> list[Watcher]:
    """Whatever of them is installed."""
    watchers = [await begin(folder) for begin in (node_exporter, collectd, zabbix, netdata)]
    return [watcher for watcher in watchers if watcher is not None]


def low_port() -> int:
    """Find a free port that Zabbix allows: it takes none over 32767."""
    for port in range(20_000, 32_767):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise SystemExit("no port is free")


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
    transport, count = await asyncio.get_running_loop().create_datagram_endpoint(Datagrams, ("127.0.0.1", 0))
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
