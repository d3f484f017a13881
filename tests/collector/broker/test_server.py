from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from pathlib import Path

import aiomqtt
import pytest
from amqtt.mqtt.connect import ConnectPacket, ConnectPayload, ConnectVariableHeader
from amqtt.mqtt.disconnect import DisconnectPacket

from collector.broker import BrokerError, CredentialStore, EmbeddedBroker
from collector.broker import server as server_module
from collector.broker.credentials import write_credentials
from collector.broker.server import split_listen
from common.tasks import spawn
from tests.collector.broker.helpers import (
    COLLECTOR,
    client_of,
    collector_hearing,
    lose_connection,
    next_message,
    until,
    write_users,
)
from tests.fixtures.waiting import PATIENCE_S
from wire.topics import Address, topic

ONE = Address("acme", "player-1")
TWO = Address("acme", "player-2")


def will_of(address: Address, body: bytes = b"gone", *, retain: bool = False) -> aiomqtt.Will:
    return aiomqtt.Will(topic(address, "gone"), body, qos=1, retain=retain)


def connect_packet() -> bytes:
    """A CONNECT of the first player with a last will, as bytes."""
    payload = ConnectPayload("x", topic(ONE, "gone"), b"gone", str(ONE), f"secret-{ONE}")
    packet: bytes = ConnectPacket(variable_header=ConnectVariableHeader(0b1100_1110, 60), payload=payload).to_bytes()
    return packet


async def disconnection(client: aiomqtt.Client) -> None:
    with pytest.raises(aiomqtt.MqttError):
        await next_message(client)


async def test_what_a_device_says_under_its_own_name_is_heard(broker: EmbeddedBroker) -> None:
    async with collector_hearing(broker) as hears, client_of(broker, "acme/player-1") as device:
        await device.publish(topic(ONE, "heartbeat"), b"alive", qos=1)
        message = await next_message(hears)
        assert (str(message.topic), message.payload) == (topic(ONE, "heartbeat"), b"alive")


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"username": "acme/player-9"}, {"password": ""}])
async def test_a_wrong_password_or_name_is_refused(broker: EmbeddedBroker, wrong: dict[str, str]) -> None:
    with pytest.raises(aiomqtt.MqttError, match=r"(?i)user name or password|authorized"):
        async with client_of(broker, "acme/player-1", **wrong):
            pass
    assert broker.stats()["refused_password"] == 1
    assert broker.stats()["connections"] == 0


async def test_a_client_without_a_name_is_refused(broker: EmbeddedBroker) -> None:
    with pytest.raises(aiomqtt.MqttError):
        async with aiomqtt.Client("127.0.0.1", broker.port, timeout=60):
            pass
    assert broker.stats()["refused_password"] == 1


async def test_what_a_device_says_under_another_name_reaches_nobody(broker: EmbeddedBroker) -> None:
    async with collector_hearing(broker) as hears, client_of(broker, "acme/player-1") as device:
        await device.publish(topic(TWO, "runs"), b"forged", qos=1)
        await device.publish(topic(ONE, "ack"), b"forged", qos=1)
        await device.publish("signwatch/v1/00/acme/player-1/runs", b"forged", qos=1)
        await device.publish(topic(ONE, "runs"), b"true", qos=1)
        assert (await next_message(hears)).payload == b"true"
    assert broker.stats()["topics_refused"] == 3


async def test_the_will_of_a_lost_device_is_delivered(broker: EmbeddedBroker) -> None:
    async with collector_hearing(broker) as hears:
        async with client_of(broker, "acme/player-1", will=will_of(ONE)) as device:
            lose_connection(device)
            await disconnection(device)
        message = await next_message(hears)
        assert (str(message.topic), message.payload) == (topic(ONE, "gone"), b"gone")


async def test_a_device_that_says_goodbye_leaves_no_will(broker: EmbeddedBroker) -> None:
    async with collector_hearing(broker) as hears:
        for _ in range(20):  # goodbye and the end of the stream arrive together, so once would prove little
            async with client_of(broker, "acme/player-1", will=will_of(ONE)):
                pass
        await until(lambda: broker.stats()["connections"] == 1)
        async with client_of(broker, "acme/player-2") as device:
            await device.publish(topic(TWO, "hello"), b"last", qos=1)
        assert (await next_message(hears)).payload == b"last"


async def test_a_will_under_another_name_keeps_the_device_out(broker: EmbeddedBroker) -> None:
    with pytest.raises(aiomqtt.MqttError, match=r"(?i)authorized"):
        async with client_of(broker, "acme/player-1", will=will_of(TWO)):
            pass
    assert broker.stats()["refused_will"] == 1


async def test_nothing_is_retained_neither_message_nor_will(broker: EmbeddedBroker) -> None:
    async with client_of(broker, "acme/player-1", will=will_of(ONE, retain=True)) as device:
        await device.publish(topic(ONE, "hello"), b"old", qos=1, retain=True)
        lose_connection(device)
        await disconnection(device)
    await until(lambda: broker.stats()["connections"] == 0)
    async with collector_hearing(broker) as hears, client_of(broker, "acme/player-2") as device:
        await device.publish(topic(TWO, "hello"), b"new", qos=1)
        assert (await next_message(hears)).payload == b"new"


async def test_an_ack_reaches_its_own_device_only(broker: EmbeddedBroker) -> None:
    async with client_of(broker, "acme/player-1") as one, client_of(broker, "acme/player-2") as two:
        await one.subscribe(topic(ONE, "ack"), qos=1)
        refused = await two.subscribe(topic(ONE, "ack"), qos=1)
        assert [getattr(code, "value", code) for code in refused] == [0x80]
        assert [getattr(c, "value", c) for c in await two.subscribe("signwatch/v1/#", qos=1)] == [0x80]
        await two.subscribe(topic(TWO, "ack"), qos=1)
        async with client_of(broker, "collector") as collector:
            await collector.publish(topic(ONE, "ack"), b"for one", qos=1)
            await collector.publish(topic(TWO, "ack"), b"for two", qos=1)
        assert (await next_message(one)).payload == b"for one"
        assert (await next_message(two)).payload == b"for two"


async def test_the_collector_cannot_speak_for_a_device(broker: EmbeddedBroker) -> None:
    async with collector_hearing(broker) as hears:
        await hears.publish(topic(ONE, "runs"), b"forged", qos=1)
        async with client_of(broker, "acme/player-1") as device:
            await device.publish(topic(ONE, "runs"), b"true", qos=1)
        assert (await next_message(hears)).payload == b"true"


async def test_a_device_that_comes_again_takes_over_from_its_dead_connection(broker: EmbeddedBroker) -> None:
    older, newer = will_of(ONE, b"the old one"), will_of(ONE, b"the new one")
    async with collector_hearing(broker) as hears, client_of(broker, "acme/player-1", will=older) as old:
        async with client_of(broker, "acme/player-1", will=newer) as new:
            assert (await next_message(hears)).payload == b"the old one"
            await new.publish(topic(ONE, "hello"), b"here", qos=1)
            assert (await next_message(hears)).payload == b"here"
        await disconnection(old)
    await until(lambda: broker.stats()["connections"] == 0)
    assert broker.stats()["ended_taken_over"] == 1


async def test_an_attempt_that_was_given_up_does_not_come_in_over_a_later_one(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify, slow = CredentialStore.verify, asyncio.Event()

    async def verify_the_first_slowly(store: CredentialStore, user: str, password: str) -> bool:
        if not slow.is_set():
            slow.set()
            await until(lambda: broker.stats()["accepted"] == 2)
        return await verify(store, user, password)

    async with collector_hearing(broker) as hears:
        monkeypatch.setattr(CredentialStore, "verify", verify_the_first_slowly)
        reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)
        writer.write(connect_packet())
        await slow.wait()
        async with client_of(broker, str(ONE)) as device:
            assert await asyncio.wait_for(reader.read(), 100) == b""
            await device.publish(topic(ONE, "runs"), b"undisturbed", qos=1)
            assert (await next_message(hears)).payload == b"undisturbed"
        writer.close()


async def test_a_stranger_with_a_players_client_id_disturbs_nobody(broker: EmbeddedBroker) -> None:
    async with client_of(broker, "acme/player-1", identifier="the-same") as one:
        await one.subscribe(topic(ONE, "ack"), qos=1)
        with pytest.raises(aiomqtt.MqttError):
            async with client_of(broker, "acme/player-1", identifier="the-same", password="wrong"):
                pass
        async with client_of(broker, "acme/player-2", identifier="the-same"), client_of(broker, "collector") as says:
            await says.publish(topic(ONE, "ack"), b"still here", qos=1)
            assert (await next_message(one)).payload == b"still here"


async def test_a_silent_link_is_closed_after_one_and_a_half_keepalives_and_its_will_sent(
    broker: EmbeddedBroker,
) -> None:
    async with collector_hearing(broker) as hears:
        async with client_of(broker, "acme/player-1", keepalive=1, will=will_of(ONE)) as device:
            assert device._misc_task is not None
            device._misc_task.cancel()  # no more pings: as a player whose power was cut
            assert (await next_message(hears)).payload == b"gone"
            await disconnection(device)
        assert broker.stats()["ended_silent"] == 1


async def test_a_packet_over_the_limit_closes_the_connection_and_reaches_nobody(credentials: Path) -> None:
    broker = EmbeddedBroker("127.0.0.1:0", CredentialStore(credentials), max_packet_bytes=70_000)
    await broker.start()
    async with collector_hearing(broker) as hears:
        async with client_of(broker, "acme/player-1") as device:
            await device.publish(topic(ONE, "runs"), b"x" * 69_000, qos=1)
            assert len((await next_message(hears)).payload) == 69_000  # type: ignore[arg-type]
            device._client.publish(topic(ONE, "runs"), b"x" * 71_000, qos=1)
            await disconnection(device)
        await until(lambda: broker.stats()["connections"] == 1)
        assert broker.stats()["ended_oversized"] == 1
        assert len(hears.messages) == 0
    await broker.stop()


async def test_noise_instead_of_a_connect_is_turned_away(broker: EmbeddedBroker) -> None:
    for noise in (b"GET / HTTP/1.1\r\n\r\n", b"\x10\xff\xff\xff\xff\xff", b"\x10\x05\x00\x04MQT", b"\x10\x00", b""):
        reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)
        writer.write(noise)
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 100) == b""
        writer.close()
        await writer.wait_closed()
    async with client_of(broker, "acme/player-1"):
        pass
    assert broker.stats()["refused_protocol"] == 5


async def test_mqtt_5_is_told_that_its_version_is_not_spoken(broker: EmbeddedBroker) -> None:
    with pytest.raises(aiomqtt.MqttError):
        async with client_of(broker, "acme/player-1", protocol=aiomqtt.ProtocolVersion.V5):
            pass
    assert broker.stats()["refused_protocol"] == 1


async def test_a_removed_user_is_disconnected(broker: EmbeddedBroker, credentials: Path) -> None:
    async with client_of(broker, "acme/player-2") as stays:
        async with client_of(broker, "acme/player-1") as goes:
            write_credentials(credentials, {"acme/player-1": None})
            await disconnection(goes)
        await stays.publish(topic(TWO, "hello"), b"still in", qos=1)


async def test_more_clients_than_allowed_are_told_to_come_later(credentials: Path) -> None:
    broker = EmbeddedBroker("127.0.0.1:0", CredentialStore(credentials), max_connections=1)
    await broker.start()
    async with client_of(broker, "acme/player-1"):
        with pytest.raises(aiomqtt.MqttError, match=r"(?i)unavailable"):
            async with client_of(broker, "acme/player-2"):
                pass
    await broker.stop()
    assert broker.stats()["refused_full"] == 1


async def test_a_port_that_is_taken_is_said_with_its_remedy(broker: EmbeddedBroker, credentials: Path) -> None:
    second = EmbeddedBroker(f"127.0.0.1:{broker.port}", CredentialStore(credentials))
    with pytest.raises(BrokerError, match=r"cannot listen on 127\.0\.0\.1:\d+ .*give \[broker\] listen another one"):
        await second.start()


@pytest.mark.parametrize("listen", ["1883", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", ":1883"])
def test_a_listen_that_is_no_address_and_port_is_refused(listen: str) -> None:
    with pytest.raises(BrokerError, match=r"write e\.g\. 127\.0\.0\.1:1883"):
        split_listen(listen)


async def test_stopping_ends_every_connection_and_frees_the_port(credentials: Path) -> None:
    broker = EmbeddedBroker("127.0.0.1:0", CredentialStore(credentials))
    await broker.start()
    port = broker.port
    async with client_of(broker, "acme/player-1") as device:
        await broker.stop()
        await disconnection(device)
    again = EmbeddedBroker(f"127.0.0.1:{port}", CredentialStore(credentials))
    await again.start()
    await again.stop()


async def test_stopping_does_not_wait_for_a_client_that_never_says_anything(credentials: Path) -> None:
    broker = EmbeddedBroker("127.0.0.1:0", CredentialStore(credentials))
    await broker.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)
    await until(lambda: bool(broker._serving))
    await broker.stop()
    assert broker._serving == {}
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), 100) == b""
    writer.close()


async def test_a_goodbye_in_one_piece_with_the_end_of_the_stream_leaves_no_will(broker: EmbeddedBroker) -> None:
    async with collector_hearing(broker) as hears:
        _, writer = await asyncio.open_connection("127.0.0.1", broker.port)
        writer.write(connect_packet() + DisconnectPacket().to_bytes())
        writer.write_eof()
        await until(lambda: broker.stats()["accepted"] == 2 and broker.stats()["connections"] == 1)
        async with client_of(broker, str(TWO)) as device:
            await device.publish(topic(TWO, "hello"), b"last", qos=1)
        assert (await next_message(hears)).payload == b"last"
        writer.close()


async def test_no_message_is_lost_while_others_subscribe(broker: EmbeddedBroker) -> None:
    async def subscribe(client: aiomqtt.Client) -> None:
        for part in range(20):
            filters = [f"signwatch/v1/00/acme/player-{part}-{number}/runs" for number in range(200)]
            await client.subscribe([(name, 1) for name in filters])

    said = [str(number).encode() for number in range(300)]
    heard: list[object] = []
    first, second = collector_hearing(broker), collector_hearing(broker, "signwatch/v1/+/+/+/runs")
    async with first, second as hears, client_of(broker, str(ONE)) as device:
        async with client_of(broker, "collector", identifier="another") as other:
            subscribing = spawn(subscribe(other), "subscribe")
            for body in said:
                await device.publish(topic(ONE, "runs"), body, qos=1)
            await subscribing
        await device.publish(topic(ONE, "runs"), b"last", qos=1)
        while b"last" not in heard:
            heard.append((await next_message(hears)).payload)
    assert heard == [*said, b"last"]


async def test_two_hundred_clients_are_all_heard_and_all_acknowledged(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard) if soft < 4096 else soft, hard))
    path = tmp_path / "credentials.toml"
    players = [Address("acme", f"player-{number:04d}") for number in range(200)]
    write_users(path, "collector", *(str(player) for player in players))
    broker = EmbeddedBroker("127.0.0.1:0", CredentialStore(path))
    await broker.start()
    everybody_in = asyncio.Barrier(len(players))

    async def live(player: Address) -> None:
        async with client_of(broker, str(player), timeout=60) as client:
            await client.subscribe(topic(player, "ack"), qos=1)
            await everybody_in.wait()
            await client.publish(topic(player, "runs"), str(player).encode(), qos=1)
            assert (await next_message(client)).payload == str(player).encode()

    async with collector_hearing(broker) as hears, asyncio.TaskGroup() as group:
        for player in players:
            group.create_task(live(player))
        for _ in players:
            message = await next_message(hears)
            await hears.publish(str(message.topic).replace("/runs", "/ack"), message.payload, qos=1)
    await until(lambda: broker.stats()["connections"] == 0)
    assert broker.stats()["accepted"] == 201
    await broker.stop()


async def test_a_device_that_reads_nothing_is_dropped_and_holds_nobody_up(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It subscribes to its acks and never reads one: neither memory nor other devices may suffer."""
    monkeypatch.setattr(server_module, "_UNREAD_MAX_BYTES", 64 * 1024)
    stuck = socket.socket()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(stuck, ("127.0.0.1", broker.port))
    where = topic(Address("acme", "player-1"), "ack").encode()
    user, password = b"acme/player-1", b"secret-acme/player-1"
    names = b"".join(len(text).to_bytes(2, "big") + text for text in (b"stuck", user, password))
    connect = b"\x00\x04MQTT\x04\xc2\x00\x00" + names
    subscribe = b"\x00\x01" + len(where).to_bytes(2, "big") + where + b"\x00"
    await loop.sock_sendall(stuck, b"\x10" + bytes([len(connect)]) + connect)
    await loop.sock_recv(stuck, 4)
    await loop.sock_sendall(stuck, b"\x82" + bytes([len(subscribe)]) + subscribe)
    await loop.sock_recv(stuck, 5)
    async with client_of(broker, COLLECTOR) as collector, client_of(broker, "acme/player-2") as other:
        await other.subscribe(topic(Address("acme", "player-2"), "ack"), qos=1)
        async with asyncio.timeout(PATIENCE_S):
            while not broker.stats()["ended_stuck"]:
                await collector.publish(where.decode(), b"x" * 60_000, qos=1, timeout=60)
                await collector.publish(topic(Address("acme", "player-2"), "ack"), b"y", qos=1, timeout=60)
                assert (await next_message(other)).payload == b"y"
    stuck.close()
    assert broker._amqtt is not None
    await until(lambda: not broker._amqtt._on_their_way)
