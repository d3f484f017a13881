"""The running collector takes a change of the registry through its admin socket, at once and without a restart."""

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import msgspec
import pytest

from collector.admin import AdminDesk, AdminServer, check_path, serve_admin, socket_path
from collector.ledger import journal
from collector.ledger.ledger import Ledger
from collector.ledger.registry_store import read_registry
from collector.registry import backend
from collector.registry.files import SourceFile
from collector.registry.model import Registry
from collector.registry.plan import ApplyAnswer, ApplyRequest
from common.clock import ManualClock
from common.config import ConfigError
from tests.fixtures.waiting import PATIENCE_S

ACME = '[[tenants]]\nid = "acme"\nname = "Acme"\n'
PLAYER = '[[devices]]\ntenant = "acme"\nid = "p1"\n[[devices.outputs]]\nid = "main"\ncontract = "admira"\n'


@dataclass
class Collector:
    """A running one, as far as its admin socket goes."""

    ledger: Ledger
    server: AdminServer
    clock: ManualClock
    heard: list[Registry] = field(default_factory=list)

    async def apply(self, text: str, *, dry_run: bool = False, expect: str | None = None) -> ApplyAnswer:
        """Ask it as the command line does."""
        wanted = ApplyRequest([SourceFile("f.toml", text)], "ana", dry_run, None, expect)
        return await asyncio.to_thread(backend.apply, self.ledger.path, wanted, 0)


@pytest.fixture
async def collector(ledger: Ledger) -> AsyncIterator[Collector]:
    clock = ManualClock()
    heard: list[Registry] = []

    async def changed(registry: Registry) -> None:
        heard.append(registry)

    server = await serve_admin(socket_path(ledger.path), AdminDesk(ledger, clock, changed, ["admira"]))
    yield Collector(ledger, server, clock, heard)
    await server.close()


async def test_a_change_reaches_the_ledger_and_the_running_collector(collector: Collector) -> None:
    answer = await collector.apply(ACME + PLAYER)
    assert answer.applied
    assert [change.key for change in answer.changes] == ["acme", "acme/p1", "acme/p1/main"]
    registry = await collector.ledger.read(read_registry)
    assert collector.heard == [registry]
    assert set(registry.subjects) == {"acme/p1/main"}
    (*_, last) = await collector.ledger.read(journal.entries)
    assert (last.who, last.at_ms) == ("ana", collector.clock.wall_ms())
    assert answer.journal_head == f"{last.id}:{last.hash}"


async def test_a_dry_run_and_no_difference_leave_the_collector_in_peace(collector: Collector) -> None:
    assert not (await collector.apply(ACME, dry_run=True)).applied
    assert await collector.ledger.read(read_registry) == Registry()
    await collector.apply(ACME)
    await collector.apply(ACME)
    assert len(collector.heard) == 1


async def test_the_collector_s_findings_come_back_as_they_are(collector: Collector) -> None:
    with pytest.raises(ConfigError) as caught:
        await collector.apply(PLAYER)
    assert [str(finding) for finding in caught.value.findings] == [
        f"f.toml: {key}.tenant: there is no tenant acme; add it to [[tenants]] [registry.tenant.unknown]"
        for key in ("devices[0]", "devices[0].outputs[0]")
    ]


async def test_a_contract_that_the_collector_does_not_judge_by_is_a_warning(collector: Collector) -> None:
    answer = await collector.apply(ACME + PLAYER.replace("admira", "admria"))
    assert [warning.id for warning in answer.warnings] == ["registry.contract.unknown"]
    assert (await collector.apply(ACME + PLAYER)).warnings == []


async def test_what_changed_since_it_was_looked_at_is_not_applied(collector: Collector) -> None:
    seen = await collector.apply(ACME, dry_run=True)
    await collector.apply(ACME.replace("Acme", "Other"))
    with pytest.raises(ConfigError, match=r"registry\.moved"):
        await collector.apply(ACME, expect=seen.fingerprint)


async def test_changes_that_come_at_once_are_heard_in_the_order_of_their_commits(collector: Collector) -> None:
    async def ask(number: int) -> None:
        request = ApplyRequest([SourceFile("f.toml", f'[[tenants]]\nid = "t{number}"')], "ana")
        async with session(collector) as client:
            url = "http://collector/registry/apply"
            async with client.post(url, data=msgspec.json.encode(request)) as response:
                assert response.status == 200

    await asyncio.gather(*(ask(number) for number in range(10)))
    assert [len(registry.tenants) for registry in collector.heard] == list(range(1, 11))
    assert collector.heard[-1] == await collector.ledger.read(read_registry)
    assert await collector.ledger.read(journal.verify) == []


async def test_only_the_collector_s_user_may_use_the_socket(collector: Collector) -> None:
    assert stat.S_IMODE(collector.server.path.stat().st_mode) == 0o600


async def test_the_registry_and_the_journal_s_head_can_be_asked_for(collector: Collector) -> None:
    answer = await collector.apply(ACME)
    assert await get(collector, "/registry") == (200, '[[tenants]]\nid = "acme"\nname = "Acme"\n')
    assert (await get(collector, "/registry?format=csv"))[1].startswith("tenant,site,")
    assert (await get(collector, "/registry?format=xml"))[0] == 400
    assert await get(collector, "/journal/head") == (200, f'{{"head":"{answer.journal_head}"}}')


NO_REQUESTS = [
    b"",
    b"{",
    b'{"files": [], "who": ""}',
    b'{"files": [], "who": "a", "force": true}',
    b'{"files": [], "who": "\xff"}',
]


@pytest.mark.parametrize("body", NO_REQUESTS)
async def test_a_request_that_is_none_is_refused(collector: Collector, body: bytes) -> None:
    async with session(collector) as client, client.post("http://c/registry/apply", data=body) as response:
        assert response.status == 400
        assert "error" in await response.json()
    assert collector.heard == []


@pytest.mark.parametrize("status", [422, 500, 502])
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error": "disk full"}', "disk full"),
        (b'{"error": "\xff"}', '{"error": "�"}'),
        (b"Bad \xff gateway", "Bad � gateway"),
        (b'{"else": ' + b"[" * 100_000, '{"else": ['),
    ],
)
def test_an_answer_that_is_none_of_the_collector_s_is_told_as_it_came(status: int, body: bytes, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        backend.understand(Path("ledger.db"), status, body)
    (finding,) = caught.value.findings
    assert (finding.id, finding.remedy) == ("registry.collector", "look at the collector's log")
    assert finding.message.startswith(f"the running collector answered {status}: {said}")


async def test_a_collector_that_fails_while_it_takes_the_change_over_says_so(ledger: Ledger) -> None:
    async def fail(_registry: Registry) -> None:
        raise RuntimeError("the fleet is on fire")

    server = await serve_admin(socket_path(ledger.path), AdminDesk(ledger, ManualClock(), fail, []))
    request = ApplyRequest([SourceFile("f.toml", ACME)], "ana")
    with pytest.raises(ConfigError, match="applied, but the running collector could not take it over"):
        await asyncio.to_thread(backend.apply, ledger.path, request, 0)
    await server.close()


async def test_the_socket_of_a_dead_collector_is_replaced_and_a_file_is_not(ledger: Ledger) -> None:
    path = socket_path(ledger.path)
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(path))
    desk = AdminDesk(ledger, ManualClock(), _ignore, [])
    server = await serve_admin(path, desk)
    await server.close()
    assert not path.exists()
    path.write_text("precious", encoding="utf-8")
    with pytest.raises(ConfigError, match="the admin socket cannot be made"):
        await serve_admin(path, desk)
    assert path.read_text(encoding="utf-8") == "precious"


async def test_a_path_that_is_too_long_for_a_socket_is_refused_with_its_length() -> None:
    with pytest.raises(ConfigError, match=r"has 205 bytes, Unix sockets allow 107; give the ledger a shorter path"):
        check_path(socket_path(Path("/" + "x" * 199)))


async def test_a_ledger_that_is_held_by_somebody_without_a_socket_is_said_to_be(ledger: Ledger) -> None:
    request = ApplyRequest([SourceFile("f.toml", ACME)], "ana")
    with pytest.raises(ConfigError, match=rf"though process {os.getpid()} holds the ledger; wait until"):
        await asyncio.to_thread(backend.apply, ledger.path, request, 0)


async def get(collector: Collector, path: str) -> tuple[int, str]:
    async with session(collector) as client, client.get(f"http://collector{path}") as response:
        return response.status, await response.text()


def session(collector: Collector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(collector.server.path)))


async def _ignore(_registry: Registry) -> None:
    pass


async def test_a_client_that_never_finishes_its_request_holds_up_neither_others_nor_the_end(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = await asyncio.open_unix_connection(str(collector.server.path))
    writer.write(b"POST /registry/apply HTTP/1.1\r\nHost: collector\r\nContent-Length: 1000\r\n\r\n{")
    await writer.drain()
    assert (await collector.apply(ACME + PLAYER)).applied
    monkeypatch.setattr(collector.server._runner, "_shutdown_timeout", 0.2)
    async with asyncio.timeout(PATIENCE_S):
        await collector.server.close()
        await reader.read()
    writer.close()
