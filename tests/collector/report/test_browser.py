"""The report in a real Chromium: nothing runs, nothing is fetched, and it prints on A4."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser

from collector.report.as_html import as_html
from collector.sla.service import Language
from tests.collector.report.test_html import EVIL, busy
from tests.fixtures.chromium import ARTEFACTS, patient

A4_POINTS = (595, 842)


@pytest.mark.system
@pytest.mark.parametrize("language", ["en", "es"])
async def test_a_browser_shows_and_prints_it_without_fetching_or_running_anything(
    browser: Browser, tmp_path: Path, language: Language
) -> None:
    file = tmp_path / "report.html"
    file.write_text(as_html(busy(EVIL, EVIL), language), encoding="utf-8")
    page = await (await patient(browser, viewport={"width": 1100, "height": 1400})).new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("request", lambda request: said.append(request.url))
    await page.goto(file.as_uri())
    assert said == [file.as_uri()]
    ARTEFACTS.mkdir(exist_ok=True)
    await page.screenshot(path=ARTEFACTS / f"report-{language}.png", full_page=True)
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    bars = await page.evaluate("[...document.querySelectorAll('svg path')].map(bar => bar.getBBox().width)")
    assert max(bars) > 1900

    printed = await page.pdf(prefer_css_page_size=True)
    boxes = re.findall(rb"/MediaBox \[0 0 ([0-9.]+) ([0-9.]+)\]", printed)
    assert {(round(float(width)), round(float(height))) for width, height in boxes} == {A4_POINTS}
