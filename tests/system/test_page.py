"""The page of a real collector in a real Chromium, over a simulated fleet that speaks the real wire."""

import asyncio
import json
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from common.tasks import cancel, spawn
from simulator.fleet import Fleet, player_names
from simulator.link import Server
from tests.fixtures.chromium import ARTEFACTS, patient
from tests.fixtures.site import TENANT, Site
from tests.fixtures.waiting import until

pytestmark = pytest.mark.system

PLAYERS = 30
# Runs in the page: notes by the browser's own clock when a tile's class changes.
WATCH = """tile => { window.turned = null; new MutationObserver(() => {
    if (!window.turned && !tile.classList.contains('s-playing')) window.turned = Date.now();
}).observe(tile, {attributes: true}) }"""


async def test_tiles_and_alarm_follow_a_fleet_of_players(site: Site, browser: Browser) -> None:
    names = player_names(PLAYERS)
    await asyncio.to_thread(site.start_collector, "[alerts]\nhold_s = 1\n")
    await asyncio.to_thread(site.register, *names)
    fleet = Fleet(names, tenant=TENANT, server=Server(site.broker.host, site.broker.port), interval_s=2)
    running = spawn(fleet.run(), "fleet")
    try:
        page = await (await patient(browser, viewport={"width": 1920, "height": 1080})).new_page()
        await page.goto(site.url)
        await expect(page.locator(".t.s-playing")).to_have_count(PLAYERS)
        tile = page.locator(f'.t[href="/player/{TENANT}/{names[0]}/main"]')
        await expect(tile).to_have_text(names[0])
        await tile.evaluate(WATCH)
        fleet.players[names[0]].show("frozen")
        await expect(tile).to_have_class("t s-frozen")
        turned_ms = await page.evaluate("window.turned")
        player = await until(lambda: asyncio.to_thread(site.player, names[0]), "the API shows the player")
        note("tile-latency", {"since_the_run_began_ms": turned_ms - player["since_ms"]})

        for name in names[1:8]:  # with the first, 8 of 30: more than 20 %
            fleet.players[name].show("stopped")
        await expect(page.locator("body")).to_contain_text("ALARM")
        await page.screenshot(path=ARTEFACTS / "page-alarm.png")
        for name in names[:8]:
            fleet.players[name].show("playing")
        await expect(page.locator(".t.s-playing")).to_have_count(PLAYERS)
        figure = await asyncio.to_thread(site.figure)
        assert figure["players"]["downtime_ms"] > 0
    finally:
        await cancel(running)


def note(name: str, figures: dict[str, object]) -> Path:
    """Keep a measurement beside the screenshots; it is no assertion."""
    ARTEFACTS.mkdir(exist_ok=True)
    path = ARTEFACTS / f"{name}.json"
    path.write_text(json.dumps(figures) + "\n", encoding="utf-8")
    return path
