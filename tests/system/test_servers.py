"""docs/servers.md as an owner of a server walks through it: from the page's own files to green on the wall, and red."""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from collector.app import Collector
from collector.config import CollectorConfig, LedgerConfig, MqttConfig, WebConfig
from collector.ledger.registry_store import apply_request
from collector.registry.files import SourceFile
from collector.registry.plan import ApplyRequest
from tests.fixtures.certificates import Certificates
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.processes import ROOT, Processes, run_signwatch
from tests.fixtures.waiting import LOOPBACK, until

pytestmark = pytest.mark.system

PAGE = (ROOT / "docs" / "servers.md").read_text(encoding="utf-8")
AGENT, REGISTRY = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PORTAL = '[[platforms]]\ntenant = "acme"\nid = "portal"\nname = "The portal"\ncheck.votes = { points = ["web-1"] }\n'


@pytest.fixture
async def portal(certificates: Certificates) -> AsyncIterator[TestServer]:
    async def ok(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_get("/health", ok)
    server = TestServer(app, host=LOOPBACK, scheme="https")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.server, certificates.server_key)
    await server.start_server(ssl=context)
    yield server
    await server.close()


@pytest.fixture
async def collector(tmp_path: Path, mosquitto: Mosquitto) -> AsyncIterator[Collector]:
    made = Collector(
        CollectorConfig(
            ledger=LedgerConfig(path=str(tmp_path / "ledger.db")),
            mqtt=MqttConfig(host=mosquitto.host, port=mosquitto.port),
            web=WebConfig(listen=f"{LOOPBACK}:0"),
        )
    )
    registry = f'[[tenants]]\nid = "acme"\n{REGISTRY}\n{PORTAL}'
    request = ApplyRequest([SourceFile("servers.toml", registry)], "tests")
    await made.ledger.write(lambda found: apply_request(found, request, made.clock.wall_ms()))
    await made.start()
    yield made
    await made.stop()


def agent_file(folder: Path, broker: Mosquitto, portal: TestServer, authority: Path) -> Path:
    """The page's own example, with this test's broker and portal, and with limits that this machine keeps."""
    text = AGENT
    for old, new in (
        ('host = "collector.example.com"', f'host = "{broker.host}"\nport = {broker.port}'),
        ('password_file = "/etc/signwatch/mqtt.password"\ntls = {}\n', ""),
        ('role = "server"', 'role = "server"\ninterval_s = 1\nspool.dir = "spool"\nhealth.listen = ""'),
        ('url = "https://portal.example.com/health"', f'url = "{portal.make_url("/health")}"\nca_file = "{authority}"'),
        ('process = "postgres"', 'process = "mosquitto"'),
        ("interval_s = 60", "interval_s = 1"),
        ('"fs.*.used_percent" = { at_most = 90 }', '"fs.*.used_percent" = { at_most = 100 }'),
        ("memory_used_percent = { at_most = 95 }", "memory_used_percent = { at_most = 100 }"),
        ("clock_offset_ms = { at_least = -250, at_most = 250 }\n", ""),
    ):
        assert old in text, old
        text = text.replace(old, new)
    file = folder / "agent.toml"
    file.write_text(text, encoding="utf-8")
    return file


async def test_the_page_leads_to_green_and_what_breaks_then_turns_red(
    collector: Collector,
    mosquitto: Mosquitto,
    portal: TestServer,
    certificates: Certificates,
    processes: Processes,
    tmp_path: Path,
) -> None:
    file = agent_file(tmp_path, mosquitto, portal, certificates.authority)
    checked = run_signwatch("agent", "check", "--config", file)
    assert checked.stdout.startswith("OK: acme/web-1 checks portal (http), web-1-nginx (systemd), ")
    assert run_signwatch("agent", "probe", "web-1-machine", "--config", file).returncode == 0
    agent = processes.signwatch("agent", "run", "--config", file, name="agent")

    def states() -> dict[str, str]:
        return {view.platform: view.state for view in collector.live.platforms()}

    await until(lambda: (states()["web-1-machine"], states()["portal"]) == ("up", "up"), "the machine is green")
    assert collector.web is not None
    async with aiohttp.ClientSession() as session, session.get(collector.web.url) as answer:
        wall = await answer.text()
    assert "Servers and services" in wall
    assert "Web server 1: the machine" in wall

    def ends() -> bool:
        return [alert.kind for alert in collector.alerts.open_alerts()] == ["certificate"]  # it is valid for days only

    await collector._look_at_certificates()  # as the scheduler does every 30 s
    await until(ends, "the certificate's end is told")
    (alert,) = collector.alerts.open_alerts()
    assert (alert.subject, alert.severity, "127.0.0.1" in alert.reason) == ("acme/portal", "warning", True)

    agent.stop()
    file.write_text(file.read_text(encoding="utf-8").replace("{ at_most = 100 }", "{ at_most = 0 }"), encoding="utf-8")
    processes.signwatch("agent", "run", "--config", file, name="agent again")
    await until(lambda: states()["web-1-machine"] == "down", "a limit that is broken turns it red")
    view = next(view for view in collector.live.platforms() if view.platform == "web-1-machine")
    assert "over 0" in str(view.detail)
