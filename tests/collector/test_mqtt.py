import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import pytest
import structlog

from collector import mqtt as mqtt_module
from collector.broker import CredentialStore, EmbeddedBroker
from collector.broker.credentials import PasswordHash, write_credentials
from collector.config import MqttConfig
from collector.mqtt import MqttLink
from common.tasks import cancel, spawn
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.waiting import PATIENCE_S, until
from wire.messages import Ack, decode
from wire.topics import Address, topic

PLAYER = Address("acme", "player-1")
HEARTBEAT = topic(PLAYER, "heartbeat")
ACK = topic(PLAYER, "ack")


class Ears:
    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[str, bytes, bool]] = asyncio.Queue()
        self.links: asyncio.Queue[bool] = asyncio.Queue()

    def take(self, topic: str, body: bytes, *, retained: bool) -> None:
        self.heard.put_nowait((topic, body, retained))


@pytest.fixture
async def link(mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[MqttLink, Ears]]:
    monkeypatch.setattr(mqtt_module, "BACKOFF_MIN_S", 0.05)
    ears = Ears()
    link = MqttLink(MqttConfig(host=mosquitto.host, port=mosquitto.port), ears.take, ears.links.put_nowait)
    task = spawn(link.run(), "link")
    async with asyncio.timeout(PATIENCE_S):
        assert await ears.links.get()
    yield link, ears
    await cancel(task)


async def test_messages_of_every_device_reach_the_sink(link: tuple[MqttLink, Ears], mosquitto: Mosquitto) -> None:
    _, ears = link
    async with asyncio.timeout(PATIENCE_S), aiomqtt.Client(mosquitto.host, mosquitto.port) as device:
        await device.publish(HEARTBEAT, b"{}", qos=1)
        assert await ears.heard.get() == (HEARTBEAT, b"{}", False)


async def test_an_ack_reaches_its_device(link: tuple[MqttLink, Ears], mosquitto: Mosquitto) -> None:
    sender, _ = link
    async with asyncio.timeout(PATIENCE_S), aiomqtt.Client(mosquitto.host, mosquitto.port) as device:
        await device.subscribe(ACK, qos=1)
        sender.acknowledge(PLAYER, Ack(spool="5f", seqs=[(1, 9)]))
        message = await anext(aiter(device.messages))
        assert isinstance(message.payload, bytes)
        assert decode("ack", message.payload) == Ack(spool="5f", seqs=[(1, 9)])


async def test_it_comes_back_when_the_broker_was_killed(link: tuple[MqttLink, Ears], mosquitto: Mosquitto) -> None:
    sender, ears = link
    async with asyncio.timeout(PATIENCE_S):
        mosquitto.kill()
        assert not await ears.links.get()
        sender.acknowledge(PLAYER, Ack(spool="5f", seqs=[(1, 1)]))  # waits, or is dropped: it must not break anything
        mosquitto.restart()
        assert await ears.links.get()
        async with aiomqtt.Client(mosquitto.host, mosquitto.port) as device:
            await device.publish(HEARTBEAT, b"again", qos=1)
            assert (await ears.heard.get())[1] == b"again"
    assert sender.reconnects_total >= 1


async def test_a_broker_that_does_not_let_us_read_is_no_connection(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials.toml"
    write_credentials(credentials, {"acme/player-1": PasswordHash.of("p")})  # a device, who hears only its own acks
    broker = EmbeddedBroker("127.0.0.1:0", CredentialStore(credentials))
    await broker.start()
    ears = Ears()
    config = MqttConfig(host="127.0.0.1", port=broker.port, username="acme/player-1", password="p")
    link = MqttLink(config, ears.take, ears.links.put_nowait)
    with structlog.testing.capture_logs() as logs:
        task = spawn(link.run(), "link")
        await until(lambda: link.reconnects_total > 0, "the link has given up once")
        await cancel(task)
    await broker.stop()
    assert ears.links.empty()
    assert "does not let us read signwatch/v1/+/+/+/hello" in "".join(str(line.get("error")) for line in logs)


class Deaf:
    """A wire to the broker that can go dead without either end being told, as where a NAT forgets a connection."""

    def __init__(self, host: str, port: int) -> None:
        self._to = host, port
        self._writers: list[asyncio.StreamWriter] = []
        self.dead = False
        self.port = 0

    async def open(self) -> asyncio.Server:
        server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*self._to)
        self._writers += [writer, back]
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pump(reader, back))
            group.create_task(self._pump(there, writer))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                if not self.dead:
                    sink.write(data)
        except ConnectionError:
            return
        finally:
            sink.close()


async def test_a_link_that_is_half_open_is_noticed_by_its_keepalive_and_made_anew(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_module, "BACKOFF_MIN_S", 0.05)
    wire, ears = Deaf(mosquitto.host, mosquitto.port), Ears()
    server = await wire.open()
    config = MqttConfig(host="127.0.0.1", port=wire.port, keepalive_s=1)
    link = MqttLink(config, ears.take, ears.links.put_nowait)
    task = spawn(link.run(), "link")
    async with asyncio.timeout(PATIENCE_S):
        assert await ears.links.get()
        wire.dead = True
        assert not await ears.links.get()
        wire.dead = False
        assert await ears.links.get()
    await cancel(task)
    wire.hang_up()
    server.close()


def test_a_socket_that_reads_ahead_gives_every_byte_once_and_says_what_is_left() -> None:
    here, there = socket.socketpair()
    here.setblocking(False)
    ahead = mqtt_module.Buffered(here)
    with here, there:
        with pytest.raises(BlockingIOError):
            ahead.recv(1)
        there.sendall(b"abcdef")
        assert [ahead.recv(1), ahead.recv(2), ahead.recv(100)] == [b"a", b"bc", b"def"]
        assert ahead.pending() == 0
        there.sendall(b"gh")
        assert (ahead.recv(1), ahead.pending()) == (b"g", 1)
        assert ahead.fileno() == here.fileno()
        there.close()
        assert (ahead.recv(5), ahead.recv(5)) == (b"h", b"")


async def test_five_hundred_messages_at_once_all_arrive_in_order(
    link: tuple[MqttLink, Ears], mosquitto: Mosquitto
) -> None:
    _, ears = link
    async with asyncio.timeout(PATIENCE_S), aiomqtt.Client(mosquitto.host, mosquitto.port) as device:
        device.pending_calls_threshold = 1000
        bodies = [str(number).encode() * (1 + number % 300) for number in range(500)]
        await asyncio.gather(*(device.publish(HEARTBEAT, body, qos=1, timeout=60) for body in bodies))
        assert [(await ears.heard.get())[1] for _ in bodies] == bodies
