"""SIGTERM in the middle of much work: what is acknowledged is in the ledger, and the process ends by itself."""

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from common.clock import SystemClock
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.processes import Processes
from tests.fixtures.waiting import LOOPBACK, free_port, wait_until
from wire.messages import Ack, Run, Runs, decode, encode
from wire.topics import Address, topic

PLAYERS = [Address("acme", f"p{number}") for number in range(10)]
RUNS_EACH = 6_000


def backlog(player: Address, clock: SystemClock, first: int) -> bytes:
    now_ms, mono_ms = clock.wall_ms(), clock.mono_ms()
    times = {"start_ms": now_ms, "end_ms": now_ms, "start_mono_ms": mono_ms, "end_mono_ms": mono_ms}
    runs = [
        Run(seq=seq, output="main", state="frozen", boot="a" * 32, **times)  # type: ignore[arg-type]
        for seq in range(first, first + 200)
    ]
    stamp = {"boot": "a" * 32, "sent_ms": now_ms, "mono_ms": mono_ms, "synced": True, "spool": f"{player.device:0>16}"}
    return encode(Runs(**stamp, runs=runs))  # type: ignore[arg-type]


@contextmanager
def devices(mosquitto: Mosquitto, acks: list[tuple[str, Ack]]) -> Iterator[paho.Client]:
    """One connection for all of them, that hears every ack."""

    def hear(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        ack = decode("ack", message.payload)
        assert isinstance(ack, Ack)
        acks.append((message.topic, ack))

    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.on_message = hear
    client.max_inflight_messages_set(1000)
    client.connect(mosquitto.host, mosquitto.port)
    client.subscribe("signwatch/v1/+/+/+/ack", qos=1)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()


@pytest.mark.system
def test_what_was_acknowledged_before_the_end_is_in_the_ledger(
    processes: Processes, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    config, acks = tmp_path / "collector.toml", list[tuple[str, Ack]]()
    config.write_text(
        f'[mqtt]\nhost = "{mosquitto.host}"\nport = {mosquitto.port}\n[web]\nlisten = "{LOOPBACK}:{free_port()}"\n',
        encoding="utf-8",
    )
    collector = processes.signwatch("collector", "run", "--config", config, name="collector")
    collector.wait_for_output("collector_ready")
    wait_until(lambda: "broker_connected" in collector.output(), "the collector hears")
    clock = SystemClock()
    with devices(mosquitto, acks) as client:
        for first in range(0, RUNS_EACH, 200):
            for player in PLAYERS:
                client.publish(topic(player, "runs"), backlog(player, clock, first), qos=1)
        wait_until(lambda: acks, "the first ack")
        collector.send(signal.SIGTERM)
        assert collector.wait() == 0
    acknowledged = {
        (where.split("/")[4], seq) for where, ack in acks for first, last in ack.seqs for seq in range(first, last + 1)
    }
    with sqlite3.connect(tmp_path / "ledger.db") as ledger:
        query = "SELECT devices.device, runs.seq FROM runs JOIN devices ON devices.id = runs.device_id"
        stored = set(ledger.execute(query))
    ledger.close()
    assert acknowledged
    assert len(acknowledged) < len(PLAYERS) * RUNS_EACH, "it was stopped too late for this test to tell anything"
    assert acknowledged <= stored
