"""Checks of real servers: HTTP and HTTPS, slow, wrong, redirecting; TCP; and what else can be reached."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from agent.checks import Check
from agent.config import CheckTable
from agent.host import Figures
from agent.limits import Limit
from agent.probes.base import Reading
from common.clock import ManualClock, SystemClock
from common.connectivity import parse_target
from tests.fixtures.certificates import Certificates
from tests.fixtures.processes import Processes
from tests.fixtures.waiting import free_port

DAY_MS = 86_400_000
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def welcome(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="Welcome to the portal" + " " * 300_000)


async def broken(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=503)


async def around(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("/around")


async def moved(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("/")


async def trickle(request: web.Request) -> web.StreamResponse:
    """A byte now and then, for ever: each comes within any time limit, the answer never."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x")
        await asyncio.sleep(0.05)


@pytest.fixture
async def portal() -> AsyncIterator[TestServer]:
    app = web.Application()
    pages: dict[str, Handler] = {
        "/": welcome,
        "/broken": broken,
        "/around": around,
        "/moved": moved,
        "/trickle": trickle,
    }
    for path, handler in pages.items():
        app.router.add_get(path, handler)
    server = TestServer(app)
    await server.start_server()
    yield server
    await server.close()


@pytest.fixture
async def safe(certificates: Certificates) -> AsyncIterator[TestServer]:
    app = web.Application()
    app.router.add_get("/", welcome)
    server = TestServer(app, scheme="https")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.server, certificates.server_key)
    await server.start_server(ssl=context)
    yield server
    await server.close()


async def asked(table: CheckTable, targets: tuple[str, ...] = ()) -> Reading:
    check = Check(table, Path, [parse_target(text) for text in targets], SystemClock())
    return await check.read()


def page(server: TestServer, path: str = "/", **keys: object) -> CheckTable:
    return CheckTable(id="portal", url=str(server.make_url(path)), **keys)  # type: ignore[arg-type]


async def test_a_page_that_answers_is_up_and_its_latency_is_measured(portal: TestServer) -> None:
    check = Check(page(portal), Path, (), SystemClock())
    reading = await check.read()
    assert reading.state == "up"
    assert reading.detail is not None
    assert reading.detail.startswith("status 200 in ")
    assert isinstance(check.figures["check.portal.latency_ms"], int)


@pytest.mark.parametrize(
    ("path", "keys", "reading"),
    [
        ("/", {"expect_text": "Welcome"}, None),
        ("/moved", {}, None),
        ("/broken", {"expect_status": 503}, None),
        ("/broken", {}, "status 503, expected 200"),
        ("/", {"expect_text": "Goodbye"}, "the answer lacks 'Goodbye'"),
        ("/around", {}, "status 302, expected 200 after 5 redirects, the last to /around"),
        ("/moved", {"redirects": 0}, "status 302, expected 200 after 0 redirects, the last to /"),
        ("/trickle", {"expect_text": "end", "timeout_s": 0.5}, "no answer within 0.5 s"),
    ],
)
async def test_what_is_not_as_expected_is_down(
    portal: TestServer, path: str, keys: dict[str, object], reading: str | None
) -> None:
    found = await asked(page(portal, path, **keys))
    assert found.state == ("up" if reading is None else "down"), found
    assert reading is None or found.detail == reading


async def test_a_server_that_is_not_there_is_down() -> None:
    found = await asked(CheckTable(id="portal", url=f"http://127.0.0.1:{free_port()}/"))
    assert found.state == "down"


async def test_a_certificate_that_nobody_trusted_signed_is_down(safe: TestServer, certificates: Certificates) -> None:
    found = await asked(page(safe))
    assert found.state == "down"
    assert "certificate verify failed" in str(found.detail)
    assert (await asked(page(safe, ca_file=str(certificates.authority)))).state == "up"


async def test_an_authority_that_cannot_be_read_is_no_vote_against_the_portal(safe: TestServer, tmp_path: Path) -> None:
    found = await asked(page(safe, ca_file=str(tmp_path / "absent.pem")))
    assert found.state == "unknown"
    assert "ca_file cannot be used" in str(found.detail)


async def test_a_certificate_that_is_about_to_end_is_told_and_still_up(
    safe: TestServer, certificates: Certificates, capsys: pytest.CaptureFixture[str]
) -> None:
    table = page(safe, ca_file=str(certificates.authority), certificate_days_min=14)
    earlier = ManualClock(SystemClock().wall_ms() - 11 * DAY_MS // 2)  # it is valid for a day from now
    ending = Check(table, Path, (), earlier)
    reading = await ending.read()
    assert (reading.state, ending.figures["check.portal.certificate_days"]) == ("up", 6)
    ends_ms = ending.figures["check.portal.certificate_ends_ms"]
    assert isinstance(ends_ms, int)
    assert (ends_ms - earlier.wall_ms()) // DAY_MS == 6
    assert ending.figures["check.portal.certificate_host"] == "127.0.0.1"
    assert str(reading.detail).endswith("the certificate ends in 6 days")
    await ending.read()
    assert capsys.readouterr().out.count("certificate_expires") == 1  # once a day, not at each look


async def test_a_port_that_accepts_is_up_and_one_that_refuses_is_down(portal: TestServer) -> None:
    assert (await asked(CheckTable(id="database", tcp=f"127.0.0.1:{portal.port}"))).state == "up"
    assert (await asked(CheckTable(id="database", tcp=f"127.0.0.1:{free_port()}"))).state == "down"


async def test_a_process_of_this_machine_is_up_while_it_lives(processes: Processes, tmp_path: Path) -> None:
    program = tmp_path / "lonely-daemon"
    shutil.copy("/bin/sleep", program)
    table = CheckTable(id="database", process=program.name)
    assert await asked(table) == Reading("down", None, "no such process")
    daemon = processes.start([program, "600"], "daemon")
    assert await asked(table) == Reading("up", None, f"process {daemon.pid} is alive")
    daemon.kill()
    assert await asked(table) == Reading("down", None, "no such process")


async def test_a_unit_that_cannot_be_asked_about_is_no_vote(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    reading = await asked(CheckTable(id="web", unit="nginx.service"))
    assert reading.state == "unknown"
    assert "systemctl cannot be run" in str(reading.detail)


@pytest.mark.parametrize(
    ("properties", "state"),
    [
        ("LoadState=loaded\\nActiveState=active\\nSubState=running", "up"),
        ("LoadState=loaded\\nActiveState=failed\\nSubState=failed\\nResult=exit-code\\nExecMainStatus=1", "down"),
        ("LoadState=not-found\\nActiveState=inactive\\nSubState=dead", "unknown"),
    ],
)
async def test_a_unit_is_up_while_systemd_says_that_it_runs(
    properties: str, state: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(f"#!/bin/sh\nprintf '{properties}\\n'\n", encoding="ascii")
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert (await asked(CheckTable(id="web", unit="nginx.service"))).state == state


async def test_what_is_wrong_with_the_machine_itself_counts_wherever_the_network_ends() -> None:
    nowhere = [parse_target(f"127.0.0.1:{free_port()}") for _ in range(2)]
    table = CheckTable(id="disk", limits={"disk_used_percent": Limit(at_most=90)})

    async def figures() -> Figures:
        return {"disk_used_percent": 95.5}

    check = Check(table, Path, nowhere, SystemClock(), figures)
    assert await check.read() == Reading("down", None, "disk_used_percent is 95.5, over 90")


async def test_who_reaches_nothing_else_either_casts_no_vote(portal: TestServer) -> None:
    gone = CheckTable(id="portal", url=f"http://127.0.0.1:{free_port()}/")
    nowhere = (f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}")
    reading = await asked(gone, nowhere)
    assert reading.state == "unknown"
    assert "nothing else can be reached" in str(reading.detail)
    assert (await asked(gone, (nowhere[0], f"127.0.0.1:{portal.port}"))).state == "down"
    assert (await asked(page(portal), nowhere)).state == "up"  # who reaches the portal reaches something
