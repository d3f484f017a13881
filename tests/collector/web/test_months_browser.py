"""The page of months in a real headless Chromium, on a phone; screenshots are kept in tests/artefacts/."""

from __future__ import annotations

import zipfile

import pytest
from playwright.async_api import Browser, expect

from collector.ledger.ledger import Ledger
from collector.web.app import serve
from common.clock import ManualClock
from tests.collector.revisions.shop import END, Shop
from tests.collector.web.shop_desk import HOUR, KEY, ShopDesk, make_shop, revise
from tests.fixtures.chromium import ARTEFACTS, patient

pytestmark = pytest.mark.system

PHONE = 390  # pixels


async def test_months_and_their_reports_are_read_without_a_script_on_a_phone(ledger: Ledger, browser: Browser) -> None:
    clock = ManualClock(wall=END + HOUR)
    desk = ShopDesk(make_shop(Shop(ledger)), clock)
    await revise(desk, clock)
    server = await serve(desk, "127.0.0.1:0", clock=clock)
    context = await patient(
        browser, viewport={"width": 1280, "height": 844}, color_scheme="light", java_script_enabled=False
    )
    try:
        page = await context.new_page()
        await page.goto(f"{server.url}/agreements/{KEY}/months")
        march = page.locator("#m2026-03")
        await expect(march.locator(".status")).to_have_text("revised")
        await expect(march.get_by_text("10 h unknown became frozen.")).to_be_visible()
        for name, width in (("wide", 1280), ("phone", PHONE)):
            await page.set_viewport_size({"width": width, "height": 844})
            await page.screenshot(path=ARTEFACTS / f"months-{name}.png", full_page=True)
        sizes = [await card.bounding_box() for card in await page.locator("main, .card, .papers a, code").all()]
        assert all(size is not None and size["x"] + size["width"] <= PHONE for size in sizes)
        async with page.expect_download() as downloading:
            await march.get_by_role("link", name="Bundle to verify (zip)").first.click()
        assert "manifest.json" in zipfile.ZipFile(await (await downloading.value).path()).namelist()
        await march.get_by_role("link", name="Report, español").first.click()
        await expect(page.get_by_text("Qué cambió desde la revisión 1")).to_be_visible()
        await expect(page.locator("body")).to_have_css("font-variant-numeric", "tabular-nums")  # its own style holds
        await page.screenshot(path=ARTEFACTS / "month-report.png")
    finally:
        await context.close()
        await server.close()
