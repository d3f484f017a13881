"""Which certificates the collector knows of, by whose word, and what a person sees of one that ends soon."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from collector.alerts.certificates import Certificate
from collector.certificates import Certificates, met
from collector.fleet import Fleet
from collector.ledger.intake import DeviceRow, Outcome
from collector.registry.model import OWN_DEVICE, Device, PortalCheck, Registry, Subject
from common.clock import SystemClock
from tests.fixtures.certificates import Certificates as Authority
from tests.fixtures.waiting import LOOPBACK, free_port
from wire.topics import Address

NOW = 1_772_323_200_000
DAY_MS = 86_400_000
WEB = Address("acme", "web-1")
PORTAL = Subject("acme", "", "portal", "platform", "The portal", "admira")


def registry(*devices: str, part: Subject = PORTAL) -> Registry:
    return Registry(
        devices={f"acme/{name}": Device("acme", name, None, "", "server") for name in devices},
        subjects={part.key: part},
    )


def greets(fleet: Fleet, address: Address, *checks: str) -> None:
    hello: dict[str, object] = {"outputs": [{"id": f"check.{name}"} for name in checks]}
    row = DeviceRow(hash(address) % 1000, address, NOW, NOW, 15_000, "boot", 0, False, hello)
    fleet.changed(Outcome(devices={address: row}), NOW)


def figures(
    ends_ms: int, host: str = "portal.example.com", check: str = "portal"
) -> dict[str, int | float | str | bool | None]:
    return {"load_1m": 0.5, f"check.{check}.certificate_ends_ms": ends_ms, f"check.{check}.certificate_host": host}


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet()
    fleet.take_registry(registry("web-1", "web-2"))
    greets(fleet, WEB, "portal", "api")
    greets(fleet, Address("acme", "web-2"), "portal")
    return fleet


def test_of_several_vantage_points_the_certificate_that_ends_first_counts(fleet: Fleet) -> None:
    known = Certificates(fleet)
    known.heard(WEB, figures(NOW + 9 * DAY_MS), NOW)
    known.heard(Address("acme", "web-2"), figures(NOW + 5 * DAY_MS), NOW)
    known.heard(WEB, {"load_1m": 0.7}, NOW + 1)  # says nothing of it: its word stands
    assert known.first("acme/portal") == Certificate("portal.example.com", NOW + 5 * DAY_MS, NOW)
    api, portal = known.parts()
    assert (portal.key, portal.name, portal.agreement) == ("acme/portal", "The portal", "acme/admira")
    assert sorted(portal.seen) == ["web-1", "web-2"]
    assert (api.key, api.name, api.agreement, api.first) == ("acme/api", "api", "acme/", None)


def test_a_check_that_was_taken_away_takes_its_word_with_it(fleet: Fleet) -> None:
    known = Certificates(fleet)
    known.heard(WEB, figures(NOW, check="api"), NOW)
    greets(fleet, WEB, "portal")
    assert [part.key for part in known.parts()] == ["acme/portal"]
    assert known.first("acme/api") is None


@pytest.mark.parametrize(
    "said",
    [
        figures(True),
        figures(-1),
        figures(10**18),
        {"check.portal.certificate_ends_ms": "soon", "check.portal.certificate_host": "portal"},
        {"check.portal.certificate_ends_ms": NOW},
    ],
)
def test_what_is_no_certificate_is_no_word(fleet: Fleet, said: dict[str, int | float | str | bool | None]) -> None:
    known = Certificates(fleet)
    known.heard(WEB, said, NOW)
    assert known.first("acme/portal") is None


def test_a_device_that_is_not_registered_is_not_believed(fleet: Fleet) -> None:
    known = Certificates(fleet)
    greets(fleet, Address("acme", "stranger"), "portal")
    known.heard(Address("acme", "stranger"), figures(NOW), NOW)
    assert known.first("acme/portal") is None


@pytest.fixture
async def safe(certificates: Authority) -> AsyncIterator[TestServer]:
    server = TestServer(web.Application(), host=LOOPBACK, scheme="https")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.server, certificates.server_key)
    await server.start_server(ssl=context)
    yield server
    await server.close()


async def test_the_collector_looks_at_the_certificate_of_its_own_check(
    safe: TestServer, certificates: Authority
) -> None:
    trust = ssl.create_default_context(cafile=str(certificates.authority))
    host, ends_ms = await met(str(safe.make_url("/")), trust)
    assert host == LOOPBACK
    assert 0 < ends_ms - SystemClock().wall_ms() < 400 * DAY_MS


async def test_a_portal_that_cannot_be_reached_hides_its_certificate_and_is_asked_again_later(
    certificates: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet, url = Fleet(), f"https://{LOOPBACK}:{free_port()}/"
    own = Subject("acme", "", "portal", "platform", "", None, check=PortalCheck(url))
    fleet.take_registry(registry(part=own))
    known = Certificates(fleet)
    await known.ask(NOW)
    assert known.first("acme/portal") is None
    assert [part.key for part in known.parts()] == ["acme/portal"]
    asked: list[str] = []

    async def seen(url: str) -> tuple[str, int]:
        asked.append(url)
        return "portal", NOW + DAY_MS

    monkeypatch.setattr("collector.certificates.met", seen)
    await known.ask(NOW + 60_000)
    assert asked == []
    await known.ask(NOW + 3_600_000)
    assert asked == [url]
    (part,) = known.parts()
    assert part.seen == {OWN_DEVICE: Certificate("portal", NOW + DAY_MS, NOW + 3_600_000)}
