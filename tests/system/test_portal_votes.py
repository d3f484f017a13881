"""A real portal, real agents in three shops, a collector: whose failure costs availability, and what proves it."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.fixtures.chromium import ARTEFACTS
from tests.fixtures.processes import Process, run_signwatch
from tests.fixtures.site import TENANT, Site
from tests.fixtures.waiting import LOOPBACK, accepts, free_port, until, wait_until

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

SHOPS = ("shop-1", "shop-2", "shop-3")
REGISTRY = f"""
[[platforms]]
tenant = "{TENANT}"
id = "portal"
name = "Portal"
contract = "admira"
check.votes = {{ points = ["shop-1", "shop-2", "shop-3"], patience_s = 4 }}
"""
expect.set_options(timeout=30_000)


class Line:
    """The network of one shop: the way to the portal, and two other things that accept connections."""

    def __init__(self, portal: int) -> None:
        self._portal = portal
        self._ports = [free_port() for _ in range(3)]
        self._relay: asyncio.Server | None = None
        self._world = ExitStack()

    @property
    def checks(self) -> str:
        """An agent's configuration of what it checks by this line."""
        way, *targets = (f"{LOOPBACK}:{port}" for port in self._ports)
        return (
            f'[connectivity]\ntargets = ["{targets[0]}", "{targets[1]}"]\n'
            f'[[checks]]\nid = "portal"\nurl = "http://{way}/"\ninterval_s = 0.5\ntimeout_s = 2\n'
        )

    async def lay(self) -> None:
        self._relay = await asyncio.start_server(self._pass_on, LOOPBACK, self._ports[0])
        for port in self._ports[1:]:
            self._world.enter_context(socket.create_server((LOOPBACK, port)))  # the kernel accepts

    async def cut(self) -> None:
        self._world.close()
        if self._relay is not None:
            self._relay.close()
            await self._relay.wait_closed()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_portal, to_portal = await asyncio.open_connection(LOOPBACK, self._portal)
        except OSError:
            writer.transport.abort()
            return
        to_portal.write(await reader.readuntil(b"\r\n\r\n"))
        writer.write(await from_portal.read())
        for each in (to_portal, writer):
            each.close()


class Stage:
    """Everything, and what the collector's API says of it."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.port = free_port()
        self.lines = {shop: Line(self.port) for shop in SHOPS}
        command = [sys.executable, "-m", "http.server", str(self.port), "--bind", LOOPBACK]
        self.portal: Process = site.processes.start([*command, "--directory", str(site.folder / "pages")], "portal")

    def get(self, path: str) -> Any:
        return self.site.get(path)

    async def sees(self, state: str, up: int, down: int, cannot_tell: int) -> None:
        def seen() -> bool:
            told = self.get(f"/api/v1/platforms/{TENANT}/portal")
            tally = told["tally"]
            return (told["state"], tally["up"], tally["down"], tally["cannot_tell"]) == (state, up, down, cannot_tell)

        await until(lambda: asyncio.to_thread(seen), f"{state}: {up} up, {down} down, {cannot_tell} cannot tell")

    async def outages(self) -> list[dict[str, Any]]:
        path = f"/api/v1/outages?subject={TENANT}/portal"
        found: list[dict[str, Any]] = (await asyncio.to_thread(self.get, path))["outages"]
        return found

    async def told_to_its_end(self) -> list[dict[str, Any]]:
        """The outages, once the last vote of the newest is not on its way any more; empty until then."""
        found = await self.outages()
        return found if found and found[-1]["changes"][-1]["verdict"] == "up" else []


@pytest.fixture
async def stage(site: Site) -> AsyncIterator[Stage]:
    (site.folder / "pages").mkdir()
    stage = Stage(site)
    for line in stage.lines.values():
        await line.lay()
    await asyncio.to_thread(start, stage)
    yield stage
    for line in stage.lines.values():
        await line.cut()


def start(stage: Stage) -> None:
    devices = "".join(f'[[devices]]\ntenant = "{TENANT}"\nid = "{shop}"\nrole = "server"\n' for shop in SHOPS)
    stage.site.start_collector()
    stage.site.register(more=devices + REGISTRY)
    wait_until(lambda: accepts(stage.port), "the portal answers")
    for shop in SHOPS:
        stage.site.start_agent(shop, stage.lines[shop].checks)


def proofs(outage: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for change in outage["changes"]:
        yield from ((cast["point"], cast["ballot"]) for cast in change["cast"])


async def test_a_portal_that_stops_is_down_by_quorum_and_a_shop_that_is_cut_off_costs_nothing(
    stage: Stage, browser: Browser
) -> None:
    await stage.sees("up", up=3, down=0, cannot_tell=0)
    await stage.lines["shop-1"].cut()
    await stage.sees("up", up=2, down=0, cannot_tell=1)
    (vote,) = (each for each in stage.get(f"/api/v1/platforms/{TENANT}/portal")["votes"] if each["point"] == "shop-1")
    assert (vote["state"], vote["counts"]) == ("unknown", False)
    assert "nothing else can be reached" in vote["detail"]
    await stage.lines["shop-1"].lay()
    await stage.sees("up", up=3, down=0, cannot_tell=0)
    assert await stage.outages() == []

    stage.portal.stop()
    await stage.sees("down", up=0, down=3, cannot_tell=0)
    ARTEFACTS.mkdir(exist_ok=True)
    page = await browser.new_page(viewport={"width": 1400, "height": 1400})
    await page.goto(f"{stage.site.url}/platform/{TENANT}/portal")
    await expect(page.locator("main")).to_contain_text("3 of 3 that can tell say down; 2 needed.")
    await expect(page.locator('tr[data-point="shop-1"]')).to_contain_text("counts")
    await page.screenshot(path=ARTEFACTS / "portal-votes.png", full_page=True)
    stage.portal.start()
    await stage.sees("up", up=3, down=0, cannot_tell=0)
    await expect(page.locator("main")).to_contain_text("0 of 3 that can tell say down; 2 needed.")

    (outage,) = await until(stage.told_to_its_end, "everybody has told until when it was down")
    first, last = outage["changes"][0], outage["changes"][-1]
    assert first["tally"]["down"] >= first["tally"]["needed"] == 2
    assert (last["verdict"], last["at_ms"]) == ("up", outage["end_ms"])
    assert {ballot for _, ballot in proofs(outage)} <= {"down", "up", "waiting"}  # for what is still on its way
    length_ms = outage["end_ms"] - outage["start_ms"]
    await until(
        lambda: asyncio.to_thread(lambda: stage.site.figure()["platform"]["downtime_ms"] == length_ms),
        "the figure has the outage, and nothing else",
    )
    month = stage.site.figure()["month"]
    asked = ("--contract", "admira", "--month", month, "--config", stage.site.folder / "collector.toml")
    for language, words in (("en", "Established by the votes of vantage points"), ("es", "Constatado por los votos")):
        told = await asyncio.to_thread(run_signwatch, "sla", "report", *asked, "--format", "html", "--lang", language)
        assert words in told.stdout, told.stderr
    clock = stage.get(f"/api/v1/clocks/{TENANT}/shop-2")
    assert [boot["boot"] for boot in clock["boots"]] == [clock["now"]["boot"]]
    assert clock["now"]["heard_ms"] is not None
