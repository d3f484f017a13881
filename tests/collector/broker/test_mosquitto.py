"""The example files for a real fleet, as they stand, in a real mosquitto with TLS."""

from __future__ import annotations

import asyncio
import getpass
import subprocess
from collections.abc import Callable
from pathlib import Path

import aiomqtt
import pytest

from tests.collector.broker.helpers import lose_connection, next_message
from tests.fixtures.certificates import Certificates
from tests.fixtures.mosquitto import program
from tests.fixtures.processes import ROOT, Process, Processes
from tests.fixtures.waiting import LOOPBACK, accepts, free_port, wait_until
from wire.topics import Address, subscriptions, topic

EXAMPLES = ROOT / "docs" / "examples"
ONE, TWO = Address("acme", "player-1"), Address("acme", "player-2")
Connect = Callable[..., aiomqtt.Client]


def configured(folder: Path, port: int, certificates: Certificates) -> Path:
    """The example files, with this machine's port and paths in place of the documented ones."""
    passwords, rules = folder / "passwords", folder / "acl"
    passwords.write_text("".join(f"{user}:secret-{user}\n" for user in ("collector", ONE, TWO)), encoding="utf-8")
    subprocess.run([program("mosquitto_passwd", "mosquitto"), "-U", passwords], check=True)
    rules.write_text((EXAMPLES / "mosquitto.acl").read_text(encoding="utf-8"), encoding="utf-8")
    text = (EXAMPLES / "mosquitto.conf").read_text(encoding="utf-8")
    for documented, here in (
        ("listener 8883", f"listener {port} {LOOPBACK}"),
        ("/etc/mosquitto/certs/server.pem", str(certificates.server)),
        ("/etc/mosquitto/certs/server.key", str(certificates.server_key)),
        ("/etc/mosquitto/signwatch.passwords", str(passwords)),
        ("/etc/mosquitto/signwatch.acl", str(rules)),
    ):
        assert documented in text
        text = text.replace(documented, here)
    config = folder / "mosquitto.conf"
    config.write_text(f"{text}\nuser {getpass.getuser()}\n", encoding="utf-8")
    return config


@pytest.fixture
def connect(processes: Processes, certificates: Certificates, tmp_path: Path) -> Connect:
    port = free_port()
    config = configured(tmp_path, port, certificates)
    broker: Process = processes.start([program("mosquitto", "mosquitto"), "-v", "-c", config], "mosquitto")
    wait_until(lambda: broker.alive and accepts(port), "mosquitto listens")

    def client(user: Address | str, **more: object) -> aiomqtt.Client:
        tls = aiomqtt.TLSParameters(ca_certs=str(certificates.authority))
        settings = {"username": str(user), "password": f"secret-{user}", "tls_params": tls, "timeout": 30, **more}
        return aiomqtt.Client(LOOPBACK, port, **settings)  # type: ignore[arg-type]

    return client


async def heard(client: aiomqtt.Client, until: bytes) -> list[object]:
    """Everything that arrives up to and with the message `until`."""
    bodies: list[object] = []
    while until not in bodies:
        bodies.append((await next_message(client)).payload)
    return bodies


async def test_a_device_may_write_only_under_its_own_name(connect: Connect) -> None:
    async with connect("collector") as collector, connect(ONE) as one:
        for wanted in subscriptions():
            await collector.subscribe(wanted, qos=1)
        await one.publish(topic(TWO, "runs"), b"forged", qos=1)
        await one.publish(topic(TWO, "gone"), b"forged", qos=1)
        await one.publish(topic(Address("other", "player-1"), "hello"), b"forged", qos=1)
        for kind in ("hello", "heartbeat", "runs", "gone"):
            await one.publish(topic(ONE, kind), kind.encode(), qos=1)  # type: ignore[arg-type]
        assert await heard(collector, until=b"gone") == [b"hello", b"heartbeat", b"runs", b"gone"]


async def test_a_will_under_another_name_is_not_delivered(connect: Connect) -> None:
    async with connect("collector") as collector:
        await collector.subscribe("signwatch/v1/+/+/+/gone", qos=1)
        for address, body in ((TWO, b"forged"), (ONE, b"gone")):
            async with connect(ONE, will=aiomqtt.Will(topic(address, "gone"), body, qos=1)) as one:
                lose_connection(one)
                with pytest.raises(aiomqtt.MqttError):
                    await next_message(one)
        assert await heard(collector, until=b"gone") == [b"gone"]


async def test_an_ack_reaches_its_own_device_only_and_no_device_writes_one(connect: Connect) -> None:
    async with connect("collector") as collector, connect(ONE) as one, connect(TWO) as two:
        for client, wanted in (
            (one, topic(ONE, "ack")),
            (two, topic(ONE, "ack")),
            (two, "#"),
            (two, topic(TWO, "ack")),
        ):
            await client.subscribe(wanted, qos=1)  # mosquitto grants what it then never delivers
        await two.publish(topic(ONE, "ack"), b"forged", qos=1)
        await one.publish(topic(ONE, "ack"), b"forged", qos=1)
        await collector.publish(topic(ONE, "ack"), b"for one", qos=1)
        await collector.publish(topic(TWO, "ack"), b"for two", qos=1)
        assert await heard(one, until=b"for one") == [b"for one"]
        assert await heard(two, until=b"for two") == [b"for two"]


async def test_nobody_can_throw_another_out_by_taking_its_client_id(connect: Connect) -> None:
    async with connect(ONE, identifier=str(ONE)) as one:
        await one.subscribe(topic(ONE, "ack"), qos=1)
        async with connect(TWO, identifier=str(ONE)), connect("collector") as collector:
            await collector.publish(topic(ONE, "ack"), b"still here", qos=1)
            assert (await next_message(one)).payload == b"still here"


async def test_without_a_password_or_with_a_wrong_one_nobody_comes_in(connect: Connect) -> None:
    for wrong in ({"password": "wrong"}, {"username": None, "password": None}, {"username": "acme/player-9"}):
        with pytest.raises(aiomqtt.MqttError, match=r"(?i)authorized"):
            async with connect(ONE, **wrong):
                pass


async def test_nothing_can_be_retained(connect: Connect) -> None:
    async with connect(ONE) as one:
        one._client.publish(topic(ONE, "hello"), b"old", qos=1, retain=True)
        with pytest.raises(aiomqtt.MqttError):
            await asyncio.wait_for(next_message(one), 100)
