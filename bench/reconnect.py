"""10,000 agents lose a real mosquitto at one moment (kill -9), and come back: how spread, how soon, and all of them?

Connections a second are counted where the broker has let them in. The clients speak MQTT themselves and decide when to
come back by the agent's own rule (common/backoff.py, the agent's default limits). Peers in the same run: the same rule
without jitter, and a fixed pause of one second. Prints JSON.

    python bench/reconnect.py [--agents 10000] [--runs 3] [--away-s 5]

The clients are spread over two processes; the limit of open files must allow the broker one for each agent.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import resource
import signal
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from _common import free_port, machine, say, summary, wait_for_port

from agent.config import Mqtt
from common.backoff import attempts_after, back_off_s
from common.clock import monotonic_s

DEFAULTS = Mqtt(host="127.0.0.1")
CONNACK_S = 15.0  # for the broker's answer, as the agent has it
KEEPALIVE_S = 30
PROCESSES = 2
ALL_BACK_S = 300


def uniform(least: float, most: float) -> float:
    """Full jitter."""
    return random.uniform(least, most)


def the_most(_least: float, most: float) -> float:
    """No jitter: everybody waits the whole step."""
    return most


POLICIES: dict[str, Callable[[int], float]] = {
    "agent": lambda tries: back_off_s(tries, DEFAULTS.reconnect_min_s, DEFAULTS.reconnect_max_s, uniform),
    "without jitter": lambda tries: back_off_s(tries, DEFAULTS.reconnect_min_s, DEFAULTS.reconnect_max_s, the_most),
    "every second": lambda _tries: 1.0,
}


class Client:
    """One agent's connection, and nothing else of it."""

    def __init__(self, name: str, port: int, pause_s: Callable[[int], float], tell: Callable[[str], None]) -> None:
        self._packet = connect_packet(name)
        self._port = port
        self._pause_s = pause_s
        self._tell = tell

    async def live(self, first_s: float) -> None:
        """Connect, stay, and connect again."""
        await asyncio.sleep(first_s)
        attempts = 0
        while True:
            begun_s, up = monotonic_s(), False
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", self._port), CONNACK_S)
                try:
                    writer.write(self._packet)
                    await asyncio.wait_for(reader.readexactly(4), CONNACK_S)
                    up = True
                    self._tell("up")
                    await self._stay(reader, writer)
                finally:
                    writer.close()
            self._tell("down" if up else "failed")
            attempts = attempts_after(attempts, monotonic_s() - begun_s if up else None)
            await asyncio.sleep(self._pause_s(attempts))

    @staticmethod
    async def _stay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                async with asyncio.timeout(KEEPALIVE_S):
                    if not await reader.read(64):
                        return
            except TimeoutError:
                writer.write(b"\xc0\x00")  # PINGREQ


def connect_packet(name: str) -> bytes:
    """CONNECT, clean session (MQTT 3.1.1, section 3.1)."""
    body = b"\x00\x04MQTT\x04\x02" + struct.pack(">H", KEEPALIVE_S) + struct.pack(">H", len(name)) + name.encode()
    return b"\x10" + bytes([len(body)]) + body


async def clients(policy: str, port: int, first: int, count: int) -> None:
    """Let so many live; a JSON line for each second that told something, and the figure of those that are up."""
    up, told = 0, Counter[str]()

    def tell(what: str) -> None:
        nonlocal up
        told[what] += 1
        up += {"up": 1, "down": -1}.get(what, 0)

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            client = Client(f"agent-{first + number}", port, POLICIES[policy], tell)
            group.create_task(client.live(first_s=number / 1000))
        while True:
            await asyncio.sleep(0.25)
            print(json.dumps({"up": up, "told": told, "at_s": monotonic_s()}), flush=True)
            told.clear()


class Site:
    """A mosquitto that can be killed, and the processes of the clients."""

    def __init__(self, folder: Path, policy: str, agents: int) -> None:
        self._folder = folder
        self._policy = policy
        self._agents = agents
        self._port = free_port()
        self._broker: subprocess.Popen[bytes] | None = None
        self._up = [0] * PROCESSES
        self._events: list[tuple[float, str, int]] = []
        self._told = asyncio.Event()

    async def run(self, away_s: float) -> dict[str, float]:
        """Everybody connects; the broker is killed, away, and back; until everybody is."""
        self._start_broker()
        readers = [asyncio.create_task(self._hear(part)) for part in range(PROCESSES)]  # noqa: TID251 - gathered below
        try:
            await self._until_all_up()
            await asyncio.sleep(1)
            self._kill_broker()
            await asyncio.sleep(away_s)
            self._events.clear()
            self._start_broker()
            back_s = monotonic_s()
            await self._until_all_up()
            return self._figures(back_s)
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)
            self._kill_broker()

    async def _hear(self, part: int) -> None:
        each = self._agents // PROCESSES
        arguments = ["--clients", self._policy, str(self._port), str(part * each), str(each)]
        child = await asyncio.create_subprocess_exec(
            sys.executable, __file__, *arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert child.stdout is not None
        try:
            async for line in child.stdout:
                told = json.loads(line)
                self._up[part] = told["up"]
                self._told.set()
                self._events += [(told["at_s"], what, count) for what, count in told["told"].items()]
        finally:
            child.kill()
            await child.wait()

    async def _until_all_up(self) -> None:
        async with asyncio.timeout(ALL_BACK_S):
            while sum(self._up) < self._agents:
                self._told.clear()
                await self._told.wait()

    def _figures(self, back_s: float) -> dict[str, float]:
        per_s: Counter[int] = Counter()
        for at_s, what, count in self._events:
            if what == "up":
                per_s[int(at_s - back_s)] += count
        return {
            "all_back_s": monotonic_s() - back_s,
            "connects_per_s_peak": max(per_s.values()),
            "share_in_peak_second": max(per_s.values()) / self._agents,
            "seconds_with_connects": len(per_s),
            "knocked_out": sum(count for _, what, count in self._events if what == "down"),
            "refused": sum(count for _, what, count in self._events if what == "failed"),
        }

    def _start_broker(self) -> None:
        config = self._folder / "mosquitto.conf"
        config.write_text(
            f"listener {self._port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_connections -1\n",
            encoding="utf-8",
        )
        self._broker = subprocess.Popen(["mosquitto", "-c", str(config)], stderr=subprocess.DEVNULL)
        wait_for_port(self._port, "mosquitto")

    def _kill_broker(self) -> None:
        if self._broker is not None:
            self._broker.send_signal(signal.SIGKILL)
            self._broker.wait()
            self._broker = None


def measure(policy: str, agents: int, away_s: float) -> dict[str, float]:
    """One loss of the broker."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(Site(Path(folder), policy, agents).run(away_s))


def main() -> None:
    """Each policy in turn, so that a drift of the machine meets all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--away-s", type=float, default=5)
    parser.add_argument("--clients", nargs=4, metavar=("POLICY", "PORT", "FIRST", "COUNT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # mosquitto inherits it
    if options.clients:
        policy, port, first, count = options.clients
        asyncio.run(clients(policy, int(port), int(first), int(count)))
    found: dict[str, list[dict[str, float]]] = {name: [] for name in POLICIES}
    for number in range(options.runs):
        for name in POLICIES:
            found[name].append(measure(name, options.agents, options.away_s))
            say(f"run {number + 1} of {options.runs}: {name}: {found[name][-1]}")
    report = {
        "bench": "reconnect",
        "agents": options.agents,
        "away_s": options.away_s,
        "runs": options.runs,
        "machine": machine(),
        "load_1m": os.getloadavg()[0],
        "results": {name: summary(results, 2) for name, results in found.items()},
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
