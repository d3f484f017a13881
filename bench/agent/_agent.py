"""The agent as a player has it: installed with its base dependencies, two probes on a playing mpv, a broker."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from common.clock import monotonic_s

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import free_port, say, wait_for_port
from _traffic import Relay
from _watcher import INTERVAL_S, Watcher, end_all, found, start

ROOT = Path(__file__).resolve().parents[2]
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
MOSQUITTO = """
listener {port} 127.0.0.1
listener {tls} 127.0.0.1
certfile {folder}/broker.pem
keyfile {folder}/broker.key
allow_anonymous true
user root
"""
TLS = """
[mqtt.tls]
ca_file = "{folder}/broker.pem"
"""


class Broker(NamedTuple):
    """Where mosquitto listens."""

    port: int
    tls_port: int


def player_environment(folder: Path, python: str) -> Path:
    """Install the checkout as on a player, under this Python; its `signwatch`."""
    say("installing the agent as on a player")
    subprocess.run([python, "-m", "venv", folder], check=True)
    pip = [folder / "bin/python", "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", ROOT]
    subprocess.run(pip, check=True)
    return folder / "bin/signwatch"


async def agent(folder: Path, broker: Broker, *, python: str, tls: bool) -> Watcher:
    """The agent with two probes on a playing mpv; `tls`: it speaks TLS with the broker."""
    relay, health = Relay(broker.tls_port if tls else broker.port), free_port()
    await relay.start()
    text = AGENT.format(interval=INTERVAL_S, port=relay.port, health=health, folder=folder)
    (folder / "agent.toml").write_text(text + (TLS.format(folder=folder) if tls else ""))
    program = await asyncio.to_thread(player_environment, folder / "player", python)
    begun = monotonic_s()
    process = start([str(program), "agent", "run", "--config", str(folder / "agent.toml")], folder / "agent.log")
    while "link_up" not in (folder / "agent.log").read_text():  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.01)
    name = "signwatch agent, TLS" if tls else "signwatch agent"
    return Watcher(name, process, relay, start_up_s=round(monotonic_s() - begun, 2))


@contextlib.contextmanager
def surroundings(folder: Path) -> Iterator[Broker]:
    """A broker, and an mpv that plays."""
    broker = Broker(free_port(), free_port())
    certificate(folder)
    (folder / "mosquitto.conf").write_text(MOSQUITTO.format(folder=folder, port=broker.port, tls=broker.tls_port))
    broker_path, mpv_path = found("mosquitto"), found("mpv")
    if broker_path is None or mpv_path is None:
        raise SystemExit("the bench of the agent needs mosquitto and mpv")
    play = ["--no-config", "--really-quiet", "--vo=null", "--ao=null", f"--input-ipc-server={folder}/mpv.sock"]
    start([broker_path, "-c", str(folder / "mosquitto.conf")], folder / "mosquitto.log")
    start([mpv_path, *play, "av://lavfi:testsrc=size=64x64:rate=10"], folder / "mpv.log")
    try:
        wait_for_port(broker.port, "mosquitto")
        yield broker
    finally:
        end_all()


def certificate(folder: Path) -> None:
    """The broker's own, for this run."""
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1")
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1")
    files = ("-out", folder / "broker.pem", "-keyout", folder / "broker.key")
    subprocess.run(["openssl", "req", "-x509", *kind, *names, *files], check=True, capture_output=True)
