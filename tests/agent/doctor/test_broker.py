"""Each way in which the road to the collector can be cut, with a real mosquitto at its end."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.config import Settings, parse
from agent.doctor import broker as doctor
from agent.doctor.broker import look_at_broker
from agent.doctor.model import Found
from agent.doctor.running import Health, LinkHealth, SpoolHealth
from common.clock import ManualClock, SystemClock
from tests.agent.listener import Listener
from tests.fixtures.certificates import Certificates
from tests.fixtures.mosquitto import Mosquitto, StartMosquitto
from tests.fixtures.processes import ROOT
from tests.fixtures.scripted import Script, hang_up, say_nothing, serving
from tests.fixtures.waiting import LOOPBACK, free_port
from wire.messages import Runs

USERS = {"acme/p1": "secret", "collector": "other"}
ACL = (ROOT / "docs/examples/mosquitto.acl").read_text(encoding="utf-8")


def settings_for(port: int, more: str = "", host: str = LOOPBACK) -> Settings:
    text = f'tenant = "acme"\ndevice = "p1"\n[mqtt]\nhost = "{host}"\nport = {port}\n{more}\n'
    return parse(text + '[[outputs]]\nid = "main"\nprobe = "push"\n', Path("/nowhere/agent.toml"))


async def last(settings: Settings, clock: ManualClock | SystemClock | None = None) -> Found:
    return (await look_at_broker(settings, clock or SystemClock(), None))[-1]


@asynccontextmanager
async def serving_tls(certificate: Path, key: Path, host: str) -> AsyncIterator[int]:
    """A port that does nothing but shake hands."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(serve, host, 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


def make_expired(certificate: Path, key: Path) -> None:
    """A certificate for 127.0.0.1, its own authority, that ended yesterday."""
    request = certificate.with_suffix(".csr")
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(
        "req",
        *kind,
        "-subj",
        "/CN=127.0.0.1",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        key,
        "-out",
        request,
    )
    openssl(
        "x509", "-req", "-in", request, "-signkey", key, "-days", "-1", "-copy_extensions", "copy", "-out", certificate
    )


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, stdin=subprocess.DEVNULL)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ANSWER_S", 1.0)
    monkeypatch.setattr(doctor, "STEP_S", 1.0)


async def test_a_collector_that_answers_is_the_end_of_the_road(start_mosquitto: StartMosquitto) -> None:
    broker = start_mosquitto(users=USERS, acl=ACL)
    async with Listener(broker, "collector", "other") as collector:
        collector.acknowledging = True
        found = await look_at_broker(settings_for(broker.port, 'password = "secret"'), SystemClock(), None)
    assert [(one.level, one.id) for one in found] == [
        ("ok", "broker.name"),
        ("ok", "broker.tcp"),
        ("ok", "broker.login"),
        ("ok", "collector"),
    ]
    assert [message.runs for message in collector.all(Runs)] == [[]]
    assert collector.kinds() == ["runs"]


async def test_a_name_that_nobody_knows_is_told() -> None:
    found = await last(settings_for(1883, host="broker.invalid"))
    assert (found.level, found.id) == ("wrong", "broker.name")
    assert "broker.invalid has no address" in found.message
    assert "mqtt.host" in found.remedy


async def test_a_closed_port_is_told() -> None:
    found = await last(settings_for(free_port()))
    assert (found.level, found.id) == ("wrong", "broker.tcp")
    assert found.message.endswith("nobody listens there")


async def test_a_wrong_password_is_told(start_mosquitto: StartMosquitto) -> None:
    broker = start_mosquitto(users=USERS)
    found = await last(settings_for(broker.port, 'password = "wrong"'))
    assert (found.level, found.id) == ("wrong", "broker.login")
    assert "refuses acme/p1" in found.message


async def test_rules_against_what_it_says_are_told(start_mosquitto: StartMosquitto) -> None:
    broker = start_mosquitto(users=USERS, acl=ACL.replace("pattern write signwatch/v1/+/%u/runs\n", ""))
    found = await last(settings_for(broker.port, 'password = "secret"'))
    assert (found.level, found.id) == ("wrong", "broker.publish")
    assert found.remedy == "let acme/p1 write signwatch/v1/07/acme/p1/runs (docs/broker.md)"


@pytest.mark.usefixtures("impatient")
async def test_rules_that_keep_the_answer_from_it_look_like_a_silent_collector_and_both_are_named(
    start_mosquitto: StartMosquitto,
) -> None:
    broker = start_mosquitto(users=USERS, acl=ACL.replace("pattern read signwatch/v1/+/%u/ack\n", ""))
    async with Listener(broker, "collector", "other") as collector:
        collector.acknowledging = True
        found = await last(settings_for(broker.port, 'password = "secret"'))
        assert collector.kinds() == ["runs"]
    assert (found.level, found.id) == ("wrong", "collector.silent")
    assert "docs/broker.md" in found.remedy
    assert "is the collector running" in found.remedy


async def test_tls_is_tried_and_the_certificates_days_are_counted(
    start_mosquitto: StartMosquitto, certificates: Certificates
) -> None:
    broker = start_mosquitto(certificates=certificates)
    settings = settings_for(broker.port, f'[mqtt.tls]\nca_file = "{certificates.authority}"')
    found = await look_at_broker(settings, SystemClock(), Health(LinkHealth(online=True), SpoolHealth(0), {}))
    (tls,) = [one for one in found if one.id == "broker.expires"]
    assert tls.level == "note"  # the test's certificate lives for a day
    assert "good for 0 more days" in tls.message


async def test_a_certificate_that_another_authority_signed_is_refused(
    start_mosquitto: StartMosquitto, certificates: Certificates
) -> None:
    broker = start_mosquitto(certificates=certificates)
    found = await last(settings_for(broker.port, f'[mqtt.tls]\nca_file = "{certificates.other_authority}"'))
    assert (found.level, found.id) == ("wrong", "broker.certificate")
    assert "unable to get local issuer certificate" in found.message
    assert "mqtt.tls.ca_file" in found.remedy


async def test_a_certificate_of_another_name_is_refused(certificates: Certificates) -> None:
    async with serving_tls(certificates.server, certificates.server_key, "127.0.0.2") as port:
        found = await last(settings_for(port, f'[mqtt.tls]\nca_file = "{certificates.authority}"', "127.0.0.2"))
    assert (found.level, found.id) == ("wrong", "broker.certificate")
    assert found.remedy == "write into mqtt.host a name that the certificate bears"


async def test_an_expired_certificate_is_refused_and_the_clock_is_thought_of(
    clock: ManualClock, tmp_path: Path
) -> None:
    expired, key = tmp_path / "expired.pem", tmp_path / "expired.key"
    make_expired(expired, key)
    async with serving_tls(expired, key, LOOPBACK) as port:
        settings = settings_for(port, f'[mqtt.tls]\nca_file = "{expired}"')
        found = await last(settings, clock)
        assert (found.level, found.id) == ("wrong", "broker.certificate")
        assert "certificate has expired" in found.message
        assert found.remedy == "renew it at the broker"
        clock.is_synced = False
        assert "first set this machine's clock" in (await last(settings, clock)).remedy


async def test_a_port_that_speaks_no_tls_is_told(mosquitto: Mosquitto) -> None:
    found = await last(settings_for(mosquitto.port, "[mqtt.tls]"))
    assert (found.level, found.id) == ("wrong", "broker.tls")
    assert "the port may speak no TLS" in found.remedy


@pytest.mark.parametrize("script", [say_nothing, hang_up], ids=["says nothing", "hangs up"])
async def test_who_is_no_broker_is_told(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.publisher.CONNECT_PATIENCE_S", 1.0)
    async with serving(script) as server:
        found = await last(settings_for(int(server.url.rpartition(":")[2])))
    assert (found.level, found.id) == ("wrong", "broker.login")
    assert "is it an MQTT broker?" in found.remedy


@pytest.mark.parametrize(("runs", "level"), [(0, "ok"), (3, "note")], ids=["nothing waits", "something waits"])
async def test_the_link_of_a_running_agent_is_the_proof_and_is_left_alone(
    mosquitto: Mosquitto, runs: int, level: str
) -> None:
    running = Health(LinkHealth(online=True), SpoolHealth(runs), {})
    found = await look_at_broker(settings_for(mosquitto.port), SystemClock(), running)
    assert [one.id for one in found[:3]] == ["broker.name", "broker.tcp", "broker.login"]
    assert (found[-1].about, found[-1].level) == ("collector", level)
    assert "signwatch:acme:p1" not in mosquitto.log()
