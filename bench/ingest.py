"""How many messages a second the collector takes in, from socket to committed ledger, on one core.

Against mosquitto's own delivery rate in the same run (mosquitto_sub counting the same messages), and against aiomqtt's
plain message iterator that does nothing with them. Prints JSON: median, min and max of the runs, and the machine.

    python bench/ingest.py [--messages 40000] [--devices 1000] [--runs 5]

The publisher is one process on the other core; each measured receiver is pinned to core 0. What is counted for the
collector is the time from its first message to the commit of its last, and its own CPU time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiomqtt

sys.path.insert(0, str(Path(__file__).parents[1]))

from _common import free_port, machine, summary, wait_for_port

from collector.bus import Bus
from collector.config import MqttConfig
from collector.intake.ingest import Ingest
from collector.ledger.intake import Outcome
from collector.ledger.ledger import Ledger
from collector.live import Live
from collector.mqtt import MqttLink
from common.clock import SystemClock
from common.tasks import cancel, spawn
from wire.messages import Heartbeat, Run, encode
from wire.topics import Address, topic

SPOOL = "5" * 32
BOOT = "a" * 32
CONNECT = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01p"  # clean session, no keep-alive, client id "p"
CONNACK_BYTES = 4
PUBACK_BYTES = 4
LIMIT_S = 120  # one run; beyond it something is broken


def heartbeat(clock: SystemClock, number: int) -> bytes:
    """Make a heartbeat as an agent sends it, some 300 bytes."""
    now, mono = clock.wall_ms(), clock.mono_ms()
    run = Run(seq=1, output="main", state="playing", start_ms=now - 3_600_000, start_mono_ms=max(0, mono - 3_600_000))
    host: dict[str, Any] = {"cpu_percent": 12.5, "memory_percent": 41.2, "load_1m": 0.42, "uptime_s": number}
    stamp: dict[str, Any] = {"spool": SPOOL, "boot": BOOT, "sent_ms": now, "mono_ms": mono, "synced": True}
    return encode(Heartbeat(**stamp, open=[run], host=host))


class Publisher:
    """This file once more, as a process on the other core that publishes when it is told to."""

    def __init__(self, port: int, messages: int, devices: int) -> None:
        command = [sys.executable, __file__, "--publish", str(port), str(messages), str(devices)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE)

    def begin(self) -> None:
        """Let it publish."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def end(self) -> None:
        """Wait until it is done."""
        self._process.wait(60)


def publish(port: int, messages: int, devices: int) -> None:
    """Publish `messages` heartbeats of `devices` devices at QoS 1, as fast as the broker takes them.

    Packets are made beforehand and written to the socket as they are, so that the publisher is not what is measured.
    """
    os.sched_setaffinity(0, {1} if (os.cpu_count() or 1) > 1 else {0})
    clock = SystemClock()
    topics = [topic(Address("acme", f"player-{number}"), "heartbeat") for number in range(devices)]
    bodies = [heartbeat(clock, number) for number in range(devices)]
    packets = [
        publish_packet(topics[number % devices], bodies[number % devices], number % 65_535 + 1)
        for number in range(messages)
    ]
    sys.stdin.read()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(CONNECT)
        acks = threading.Thread(target=swallow, args=(connection, CONNACK_BYTES + PUBACK_BYTES * messages))
        acks.start()
        for first in range(0, messages, 100):
            connection.sendall(b"".join(packets[first : first + 100]))
        acks.join()


def publish_packet(where: str, body: bytes, number: int) -> bytes:
    """A PUBLISH at QoS 1 (MQTT 3.1.1, section 3.3)."""
    name = where.encode()
    content = struct.pack(">H", len(name)) + name + struct.pack(">H", number) + body
    length, size = b"", len(content)
    while True:
        size, digit = divmod(size, 128)
        length += bytes([digit | (128 if size else 0)])
        if not size:
            return b"\x32" + length + content


def swallow(connection: socket.socket, size: int) -> None:
    """Read what the broker answers, and forget it."""
    while size > 0:
        answer = connection.recv(65_536)
        if not answer:
            raise SystemExit("the broker closed the publisher's connection")
        size -= len(answer)


@contextlib.contextmanager
def mosquitto() -> Iterator[int]:
    """Start a real broker on a free port; queues are large enough that nothing is dropped."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "mosquitto.conf"
        config.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
            "max_queued_messages 0\nmax_inflight_messages 0\n"
        )
        with subprocess.Popen(["mosquitto", "-c", str(config)], stderr=subprocess.DEVNULL) as broker:
            wait_for_port(port, "mosquitto")
            yield port
            broker.terminate()


async def collector(port: int, messages: int, publisher: Publisher) -> dict[str, float]:
    """Measure the collector's own road: MQTT link, ingest, ledger with synchronous=FULL, live view."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        ledger = Ledger.open(Path(folder) / "ledger.db")
        clock, done = SystemClock(), asyncio.Event()
        live = Live(clock, Bus(), {})

        def committed(outcome: Outcome) -> None:
            live.take(outcome)
            if ingest.committed_total >= messages:
                done.set()

        ingest = Ingest(ledger, clock, lambda _address, _ack: None, committed, live.fleet.heard)
        await ingest.load()
        ingest.take_registry({f"acme/player-{number}" for number in range(messages)})
        first: list[float] = []

        def sink(where: str, body: bytes, *, retained: bool) -> None:
            if not first:
                first.append(time.perf_counter())
            ingest.receive(where, body, retained=retained)

        connected = asyncio.Event()
        link = MqttLink(MqttConfig(host="127.0.0.1", port=port), sink, lambda up: connected.set() if up else None)
        tasks = [spawn(link.run(), "mqtt"), spawn(ingest.run(), "ingest")]
        await connected.wait()
        used = cpu_s()
        publisher.begin()
        await done.wait()
        wall, cpu = time.perf_counter() - first[0], cpu_s() - used
        await cancel(*tasks)
        ledger.close()
    return rates(messages, wall, cpu)


async def iterator(port: int, messages: int, publisher: Publisher) -> dict[str, float]:
    """Measure aiomqtt's message iterator alone, doing nothing with what it receives."""
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe("signwatch/v1/+/+/+/heartbeat", qos=1)
        used = cpu_s()
        publisher.begin()
        count, first = 0, 0.0
        async for _ in client.messages:
            first = first or time.perf_counter()
            count += 1
            if count >= messages:
                break
        return rates(messages, time.perf_counter() - first, cpu_s() - used)


def subscriber(port: int, messages: int, publisher: Publisher) -> dict[str, float]:
    """Measure mosquitto's own subscriber in C, counting the same messages: the broker's delivery rate."""
    command = ["mosquitto_sub", "-p", str(port), "-q", "1", "-t", "signwatch/#", "-C", str(messages), "-F", "x"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        time.sleep(0.5)
        publisher.begin()
        assert child.stdout is not None
        child.stdout.read(1)
        first = time.perf_counter()
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        child.stdout.read()
        child.wait()
        wall = time.perf_counter() - first
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return rates(messages, wall, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime)


def cpu_s() -> float:
    """CPU seconds of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def rates(messages: int, wall_s: float, cpu: float) -> dict[str, float]:
    """Messages a second, and CPU microseconds a message."""
    return {"messages_per_s": messages / wall_s, "cpu_us_per_message": cpu / messages * 1e6}


def measure(what: str, messages: int, devices: int) -> dict[str, float]:
    """Run one receiver once against a fresh broker and a fresh publisher."""
    with mosquitto() as port:
        publisher = Publisher(port, messages, devices)
        if what == "mosquitto_sub":
            result = subscriber(port, messages, publisher)
        else:
            receiver = {"collector": collector, "aiomqtt iterator": iterator}[what]
            result = asyncio.run(asyncio.wait_for(receiver(port, messages, publisher), LIMIT_S))
        publisher.end()
    return result


def main() -> None:
    """Measure each receiver in turn, so that a drift of the machine meets all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=40_000)
    parser.add_argument("--devices", type=int, default=1_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--publish", type=int, nargs=3, metavar=("PORT", "MESSAGES", "DEVICES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.publish:
        publish(*options.publish)
        return
    os.sched_setaffinity(0, {0})
    receivers = ("collector", "mosquitto_sub", "aiomqtt iterator")
    found: dict[str, list[dict[str, float]]] = {name: [] for name in receivers}
    for number in range(options.runs):
        for name in receivers:
            found[name].append(measure(name, options.messages, options.devices))
            print(f"run {number + 1} of {options.runs}: {name}: {found[name][-1]}", file=sys.stderr)
    body = len(heartbeat(SystemClock(), 1))
    report = {
        "bench": "ingest",
        "messages": options.messages,
        "devices": options.devices,
        "runs": options.runs,
        "body_bytes": body,
        "machine": machine(),
        "results": {name: summary(results) for name, results in found.items()},
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
