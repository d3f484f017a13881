"""What goes over the wire, with a real mosquitto in between and a scripted station behind."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent import publisher
from agent.config import Settings, parse
from agent.publisher import Publisher
from agent.records import Kept
from common.clock import ManualClock
from common.tasks import cancel, spawn
from tests.agent.listener import Listener
from tests.fixtures.certificates import Certificates
from tests.fixtures.mosquitto import Mosquitto, StartMosquitto
from tests.fixtures.waiting import PATIENCE_S, free_port, until
from wire import outbox
from wire.messages import Ack, BootClock, Gone, Heartbeat, Hello, Output, Run, Runs
from wire.outbox import Name
from wire.topics import Address, topic

STAMP = {"boot": "b" * 32, "sent_ms": 1, "mono_ms": 1, "synced": True}
ME = Address("acme", "p1")


def run(seq: int) -> Run:
    return Run(
        seq=seq,
        output="main",
        state="playing",
        start_ms=seq,
        start_mono_ms=seq,
        end_ms=seq + 1,
        end_mono_ms=seq + 1,
        boot="b",
    )


class Script:
    """A station with so many closed runs and nothing open."""

    def __init__(self, runs: int = 0) -> None:
        self.runs: dict[Name, Run] = {("aa", seq): run(seq) for seq in range(1, runs + 1)}
        self.acks: list[Ack] = []

    def hello(self) -> Hello:
        return Hello(**STAMP, spool="aa", agent="test", interval_s=15, outputs=[Output(id="main")])

    def heartbeats(self) -> list[Heartbeat]:
        return [Heartbeat(**STAMP, spool="aa", open=[])]

    def sendable(self) -> Iterator[Kept]:
        return iter([Kept(spool, kept) for (spool, _), kept in self.runs.items()])

    def holds(self, name: Name) -> bool:
        return name in self.runs

    def clocks_of(self, runs: Sequence[Run]) -> list[BootClock]:
        return [BootClock(boot=str(runs[0].boot), offset_ms=7)]

    def acknowledged(self, ack: Ack) -> None:
        self.acks.append(ack)
        for first, last in ack.seqs:
            for seq in range(first, last + 1):
                self.runs.pop((ack.spool, seq), None)


def settings_for(port: int, more: str = "", interval_s: int = 3600, host: str = "127.0.0.1") -> Settings:
    text = (
        f'tenant = "acme"\ndevice = "p1"\ninterval_s = {interval_s}\n[mqtt]\nhost = "{host}"\nport = {port}\n'
        f'reconnect_min_s = 0.05\nreconnect_max_s = 0.1\n{more}\n[[outputs]]\nid = "main"\nprobe = "push"\n'
    )
    return parse(text, Path("/nowhere/agent.toml"))


@asynccontextmanager
async def running(settings: Settings, script: Script) -> AsyncIterator[Publisher]:
    publisher = Publisher(settings, script, ManualClock())
    task = spawn(publisher.run(), "publisher")
    try:
        yield publisher
    finally:
        publisher.stop()
        await asyncio.wait({task}, timeout=PATIENCE_S)
        await cancel(task)


@pytest.fixture
async def listener(mosquitto: Mosquitto) -> AsyncIterator[Listener]:
    async with Listener(mosquitto) as listener:
        yield listener


async def test_a_session_begins_with_hello_then_the_newest_state_then_the_backlog(
    mosquitto: Mosquitto, listener: Listener
) -> None:
    async with running(settings_for(mosquitto.port), Script(250)):
        await listener.count(Runs, 3)
    assert listener.kinds()[:5] == ["hello", "heartbeat", "runs", "runs", "runs"]
    assert [one.seq for body in listener.all(Runs) for one in body.runs] == list(range(1, 251))
    assert listener.all(Runs)[0].clocks == [BootClock(boot="b", offset_ms=7)]


async def test_everything_is_said_on_the_devices_own_topics_and_nothing_is_retained(
    mosquitto: Mosquitto, listener: Listener
) -> None:
    async with running(settings_for(mosquitto.port), Script(1)) as publisher:
        await listener.count(Runs, 1)
        publisher.stop()
        await listener.count(Gone, 1)
    assert {address for address, _, _ in listener.heard} == {ME}
    assert "r1" not in {line.partition("(d")[2][3:5] for line in mosquitto.log().splitlines() if "PUBLISH from" in line}


async def test_the_ack_is_subscribed_to_before_anything_is_said(mosquitto: Mosquitto, listener: Listener) -> None:
    async with running(settings_for(mosquitto.port), Script(1)):
        await listener.count(Runs, 1)
    log = mosquitto.log()
    assert log.index("Received SUBSCRIBE from signwatch:acme:p1") < log.index("Received PUBLISH from signwatch:acme:p1")


async def test_an_ack_reaches_the_station_and_one_that_is_nonsense_does_no_harm(
    mosquitto: Mosquitto, listener: Listener
) -> None:
    script = Script(3)
    async with running(settings_for(mosquitto.port), script):
        await listener.count(Runs, 1)
        for nonsense in (b"", b"{", b'{"spool":1}', b"\xff" * 100):
            await listener.publish(topic(ME, "ack"), nonsense)
        await listener.acknowledge(listener.all(Runs)[0])
        await until(lambda: not script.runs, "the ack arrives")
    assert script.acks == [Ack(spool="aa", seqs=[(1, 3)])]


async def test_what_is_not_acknowledged_is_sent_again(
    mosquitto: Mosquitto, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "RESEND_MIN_S", 0.05)
    async with running(settings_for(mosquitto.port), Script(2)):
        await until(lambda: len([body for body in listener.all(Runs) if body.runs[0].seq == 1]) >= 3, "three times")


async def test_what_was_acknowledged_is_not_sent_again(
    mosquitto: Mosquitto, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "RESEND_MIN_S", 0.05)
    listener.acknowledging = True
    script = Script(2)

    def said() -> list[list[int]]:
        return [[one.seq for one in body.runs] for body in listener.all(Runs)]

    async with running(settings_for(mosquitto.port), script) as publisher:
        await until(lambda: not script.runs, "both are acknowledged")
        listener.acknowledging = False
        script.runs[("aa", 3)] = run(3)
        publisher.poke()
        await until(lambda: said().count([3]) >= 3, "the next one is sent again and again")
    behind = said()[said().index([3]) :]
    assert behind == [[3]] * len(behind)


async def test_a_change_is_said_at_once(mosquitto: Mosquitto, listener: Listener) -> None:
    script = Script()
    async with running(settings_for(mosquitto.port), script) as publisher:
        await until(lambda: publisher.link.online, "the link is up")
        beats = len(listener.all(Heartbeat))
        script.runs[("aa", 1)] = run(1)
        publisher.poke()
        await listener.count(Heartbeat, beats + 1)
        await listener.count(Runs, 1)


async def test_heartbeats_go_out_every_interval(mosquitto: Mosquitto, listener: Listener) -> None:
    async with running(settings_for(mosquitto.port, interval_s=1), Script()):
        await listener.count(Heartbeat, 3)


async def test_a_broker_that_dies_and_comes_back_hears_hello_and_the_backlog_again(
    mosquitto: Mosquitto, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "RESEND_MIN_S", 0.05)  # the listener may be back later than the agent
    async with running(settings_for(mosquitto.port), Script(1)) as publisher:
        await listener.count(Runs, 1)
        mosquitto.kill()
        await until(lambda: not publisher.link.online, "the loss is noticed")
        assert publisher.link.error
        before = len(listener.all(Runs))
        mosquitto.start()
        await listener.count(Runs, before + 1)
        await until(lambda: publisher.link.online, "the link is up again")
        assert publisher.link.connected_total == 2
    assert mosquitto.log().count("/hello'") >= 2


async def test_an_agent_that_starts_without_a_broker_waits_for_one(
    mosquitto: Mosquitto, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "RESEND_MIN_S", 0.05)  # the listener may be back later than the agent
    mosquitto.kill()
    async with running(settings_for(mosquitto.port), Script(1)) as publisher:
        await until(lambda: publisher.link.attempts >= 2, "two attempts fail")
        mosquitto.start()
        await listener.count(Runs, 1)


async def test_a_broker_that_accepts_and_never_answers_is_given_up_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publisher, "CONNECT_PATIENCE_S", 0.2)
    connections: list[asyncio.StreamWriter] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.read()
        writer.close()

    port = free_port()
    server = await asyncio.start_server(silent, "127.0.0.1", port)
    async with running(settings_for(port), Script()):
        await until(lambda: len(connections) >= 3, "it tries three times")
        await until(lambda: sum(not one.is_closing() for one in connections) <= 1, "given up means closed")
    await until(lambda: all(one.is_closing() for one in connections), "the last one is closed too")
    for one in connections:
        await one.wait_closed()
    server.close()


async def test_a_host_name_that_cannot_be_one_is_an_error_of_the_link_and_no_crash() -> None:
    settings = settings_for(1883, host="x" * 70 + ".example")
    async with running(settings, Script()) as publisher:
        await until(lambda: publisher.link.attempts >= 2, "two attempts fail")
        assert publisher.link.error


async def test_an_orderly_end_says_what_is_left_and_goodbye_and_no_will_follows(
    mosquitto: Mosquitto, listener: Listener
) -> None:
    script = Script()
    async with running(settings_for(mosquitto.port), script) as publisher:
        await until(lambda: publisher.link.online, "the link is up")
        script.runs = {("aa", seq): run(seq) for seq in range(1, 151)}
        publisher.stop()
        await listener.count(Gone, 1)
    assert [one.seq for body in listener.all(Runs) for one in body.runs] == list(range(1, 151))
    assert listener.kinds()[-1] == "gone"
    assert len(listener.all(Gone)) == 1
    assert "Received DISCONNECT from signwatch:acme:p1" in mosquitto.log()


async def test_a_password_that_is_wrong_is_told_and_the_right_one_works(start_mosquitto: StartMosquitto) -> None:
    users = {"acme/p1": "sesam", "watcher": "watcher"}
    broker = start_mosquitto(users, "user watcher\ntopic readwrite #\nuser acme/p1\ntopic readwrite signwatch/v1/#\n")
    async with running(settings_for(broker.port, 'password = "wrong"'), Script()) as publisher:
        await until(lambda: publisher.link.error, "it is refused")
        assert "ot authori" in str(publisher.link.error) or "password" in str(publisher.link.error)
    right = running(settings_for(broker.port, 'password = "sesam"'), Script())
    async with Listener(broker, "watcher", "watcher") as listener, right:
        await listener.count(Hello, 1)


@pytest.mark.filterwarnings("ignore:.*unclosed <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")  # paho's
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
async def test_the_broker_is_spoken_to_over_tls_and_only_if_it_is_who_it_says(
    start_mosquitto: StartMosquitto, certificates: Certificates
) -> None:
    broker = start_mosquitto(certificates=certificates)
    trusting = settings_for(broker.port, f'[mqtt.tls]\nca_file = "{certificates.authority}"')
    async with running(trusting, Script()) as publisher:
        await until(lambda: publisher.link.online, "the link is up")
    async with running(settings_for(broker.port, "[mqtt.tls]"), Script()) as publisher:
        await until(lambda: publisher.link.error, "an unknown authority is refused")
        assert "CERTIFICATE_VERIFY_FAILED" in str(publisher.link.error)
    async with running(settings_for(broker.port, "[mqtt.tls]\ninsecure = true"), Script()) as publisher:
        await until(lambda: publisher.link.online, "anybody will do")
    gc.collect()  # the refused connection's socket, while its warning is ignored
