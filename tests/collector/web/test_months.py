"""The page of an agreement's months and what it hands out, over a real ledger, keeper and press."""

from __future__ import annotations

import asyncio
import csv
import io
import json

import pytest
from aiohttp.test_utils import TestClient

from collector.ledger.ledger import Ledger
from collector.month_views import MonthView, PaperRequest, RevisionView
from collector.revisions.bundle import read_members
from collector.revisions.verify import verify
from collector.sla.service import Phrase
from common.clock import ManualClock
from common.tasks import spawn
from tests.collector.revisions.shop import CONTRACT, END, MONTH, SETTLED, TENANT, Shop
from tests.collector.web.conftest import Serve
from tests.collector.web.fake_desk import NOW_MS, FakeDesk
from tests.collector.web.shop_desk import HOUR, KEY, ShopDesk, deliver_late, make_shop, revise
from tests.collector.web.test_pages import HOSTILE, Page, page

PATH = f"/agreements/{KEY}/months"
REPORT = f"{PATH}/{MONTH}/report"


@pytest.fixture
def shop_clock() -> ManualClock:
    return ManualClock(wall=END + HOUR)


@pytest.fixture
def shop_desk(ledger: Ledger, shop_clock: ManualClock) -> ShopDesk:
    return ShopDesk(make_shop(Shop(ledger)), shop_clock)


@pytest.fixture
async def shop_client(served: Serve, shop_desk: ShopDesk) -> TestClient:
    return await served(shop_desk)


async def test_the_card_of_an_agreement_links_to_its_months(client: TestClient) -> None:
    links = [link["href"] for link in (await page(client, "/")).all("a", "months")]
    assert links == ["/agreements/acme/admira/months"]


async def test_a_month_goes_from_running_over_settling_to_closed(
    shop_client: TestClient, shop_desk: ShopDesk, shop_clock: ManualClock
) -> None:
    await shop_desk.keeper.check()
    found = await page(shop_client, PATH)
    for words in ("Months of Small", "April 2026 running", "99.97 %", "March 2026 over, not closed yet"):
        assert words in found.text
    assert "at the latest 2026-05-04 00:00:00, earlier once everybody has reported" in found.text
    assert "at the latest 2026-04-04 00:00:00" in found.text
    assert "provisional, as of 2026-04-01 01:00:00" in found.text
    assert "players 97.8 %, platform 100 %" in found.text  # two of 93 days are unknown
    shop_clock.wall = SETTLED
    await shop_desk.keeper.check()
    closed = (await page(shop_client, PATH)).text
    for words in (
        "March 2026 closed",
        "Revision 1",
        "the time for late evidence was over",
        shop_desk.shop.revision().seal,
    ):
        assert words in closed
    assert "over, not closed yet" not in closed


async def test_what_waits_for_the_next_revision_is_told_and_then_what_changed(
    shop_client: TestClient, shop_desk: ShopDesk, shop_clock: ManualClock
) -> None:
    shop_clock.wall = SETTLED
    await shop_desk.keeper.check()
    deliver_late(shop_desk.shop)
    shop_desk.keeper.decided()
    await shop_desk.keeper.check()
    text = (await page(shop_client, PATH)).text
    assert "Since revision 1: evidence of 1 player came late." in text
    assert "It is made by itself, at the latest 2026-04-05 00:00:00" in text
    shop_clock.advance(HOUR)
    await shop_desk.keeper.check()
    text = (await page(shop_client, PATH)).text
    assert "Since revision 1" not in text
    for words in (
        "March 2026 revised",
        "What changed since revision 1",
        "p3: 1 run came late; 10 h unknown became frozen.",
    ):
        assert words in text


async def test_each_revision_can_be_read_in_both_languages_and_runs_nothing(
    shop_client: TestClient, shop_desk: ShopDesk, shop_clock: ManualClock
) -> None:
    await revise(shop_desk, shop_clock)
    texts = {}
    for number, lang in ((1, "en"), (1, "es"), (2, "en"), (2, "es")):
        async with shop_client.get(f"{REPORT}?revision={number}&lang={lang}") as answer:
            assert (answer.status, answer.content_type) == (200, "text/html")
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("sandbox; default-src 'none'; style-src 'unsafe-inline'")
            assert "allow" not in policy
            texts[number, lang] = await answer.text()
            assert f'lang="{lang}"' in texts[number, lang]
            assert shop_desk.shop.revision(number).seal in texts[number, lang]
    assert "This revision has been replaced since" in texts[1, "en"]
    assert "Qué cambió desde la revisión 1" in texts[2, "es"]
    async with shop_client.get(REPORT) as latest:
        assert await latest.text() == texts[2, "en"]


async def test_the_bundle_the_table_and_the_frozen_result_are_handed_out(
    shop_client: TestClient, shop_desk: ShopDesk, shop_clock: ManualClock
) -> None:
    await revise(shop_desk, shop_clock)
    async with shop_client.get(f"{PATH}/{MONTH}/bundle?revision=1") as answer:
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{TENANT}-{CONTRACT}-{MONTH}-r1.zip"'
        data = await answer.read()
    frozen = shop_desk.shop.revision(1)
    assert verify(data, frozen.seal).problems == []
    async with shop_client.get(f"{PATH}/{MONTH}/json?revision=1") as answer:
        told = await answer.json()
    assert told["revision"]["seal"] == frozen.seal
    assert told["percent"] == json.loads(read_members(data)["result.json"])["percent"]
    async with shop_client.get(f"{PATH}/{MONTH}/csv") as answer:
        rows = list(csv.reader(io.StringIO(await answer.text())))
    assert ["tenant", TENANT] in rows


async def test_a_claim_is_drafted_of_a_revision(
    shop_client: TestClient, shop_desk: ShopDesk, shop_clock: ManualClock
) -> None:
    await revise(shop_desk, shop_clock)
    async with shop_client.get(f"{PATH}/{MONTH}/claim?lang=es") as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
        assert answer.headers["Content-Security-Policy"].startswith("sandbox;")
        assert "marzo de 2026" in await answer.text()


async def test_what_was_drawn_once_is_kept(
    shop_client: TestClient, shop_desk: ShopDesk, shop_clock: ManualClock
) -> None:
    await revise(shop_desk, shop_clock)
    for query in ("?revision=2", "", "?revision=2", "?lang=es", "?lang=es"):
        async with shop_client.get(REPORT + query) as answer:
            assert answer.status == 200
    assert shop_desk.press.drawn_total == 2


async def test_many_at_once_are_told_to_come_back_and_the_page_answers_meanwhile(
    shop_client: TestClient, shop_desk: ShopDesk, shop_clock: ManualClock
) -> None:
    await revise(shop_desk, shop_clock)
    queries = [
        f"{form}?revision={number}" for number in (1, 2) for form in ("report", "claim", "csv", "json", "bundle")
    ]

    async def ask(query: str) -> tuple[int, str | None]:
        async with shop_client.get(f"{PATH}/{MONTH}/{query}") as answer:
            return answer.status, answer.headers.get("Retry-After")

    async with shop_desk.press._turn:  # something large is being drawn
        asked = {spawn(ask(query), query) for query in queries}
        await page(shop_client, PATH)
        done, waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        while len(waiting) > 4:
            more, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            done |= more
        assert {task.result() for task in done} == {(503, "5")}
    assert {await task for task in waiting} == {(200, None)}


REFUSED = {
    f"{REPORT}?revision=9": 404,
    f"{PATH}/2026-01/report": 404,
    f"{PATH}/2026-1/report": 404,
    "/agreements/acme/other/months": 404,
    "/agreements/acme/other/months/2026-03/bundle": 404,
    f"{REPORT}?revision=0": 400,
    f"{REPORT}?revision=latest": 400,
    f"{REPORT}?lang=fr": 400,
    f"{REPORT}?language=es": 400,
    f"{PATH}/{MONTH}/csv?lang=es": 400,
}


async def test_what_cannot_be_asked_for_is_told_on_a_page(
    shop_client: TestClient, shop_desk: ShopDesk, shop_clock: ManualClock
) -> None:
    shop_clock.wall = SETTLED
    await shop_desk.keeper.check()
    for path, status in REFUSED.items():
        assert "That did not work" in (await page(shop_client, path, status)).text


async def test_the_password_opens_months_and_reports_too(served: Serve, shop_desk: ShopDesk) -> None:
    client = await served(shop_desk, "correct horse")
    for path in (PATH, REPORT, f"{PATH}/{MONTH}/bundle"):
        async with client.get(path, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"].partition("?")[0]) == (302, "/login")


async def test_hostile_names_and_reasons_are_shown_as_text(client: TestClient, desk: FakeDesk) -> None:
    hostile = Phrase(HOSTILE, HOSTILE)
    revision = RevisionView(1, NOW_MS, HOSTILE, hostile, "0" * 64, "99.10", hostile, [hostile])
    desk.month_views = {"acme/admira": [MonthView("2026-10", "closed", NOW_MS, None, [revision])]}
    desk.set_figure(title=HOSTILE)
    found: Page = await page(client, "/agreements/acme/admira/months")
    assert found.all("img")[1:] == []  # but the brand's
    assert found.text.count("alert(1)") >= 5
    assert [tag["src"] for tag in found.all("script")] == ["/static/live.js"]


async def test_an_agreement_without_evidence_and_one_that_is_gone_have_their_pages(
    client: TestClient, desk: FakeDesk, ledger: Ledger, served: Serve
) -> None:
    desk.month_views = {"acme/admira": []}
    assert "There is no evidence yet" in (await page(client, "/agreements/acme/admira/months")).text
    gone = ShopDesk(make_shop(Shop(ledger)), ManualClock(wall=SETTLED))
    await gone.keeper.check()
    gone.agreements = dict  # type: ignore[assignment,method-assign]  # the registry judges nobody by it any more
    gone.figure_views = []
    text = (await page(await served(gone), PATH)).text
    assert "March 2026 closed" in text
    assert "April 2026" not in text


async def test_the_months_are_told_to_programs(
    shop_client: TestClient, shop_desk: ShopDesk, shop_clock: ManualClock
) -> None:
    await revise(shop_desk, shop_clock)
    async with shop_client.get(f"/api/v1/months?agreement={KEY}") as answer:
        april, march, february = (await answer.json())["months"]
    assert (april["month"], april["status"], april["figure"]["percent"]) == ("2026-04", "running", "99.97")
    assert (march["status"], march["figure"], [each["revision"] for each in march["revisions"]]) == (
        "closed",
        None,
        [1, 2],
    )
    assert march["revisions"][1]["seal"] == shop_desk.shop.revision(2).seal
    assert (february["month"], february["settles"]) == ("2026-02", "2026-03-03T23:00:00.000Z")
    for query, status in (("", 400), ("?agreement=x", 400), ("?agreement=a/b", 404), ("?month=2026-03", 400)):
        async with shop_client.get(f"/api/v1/months{query}") as answer:
            assert (answer.status, answer.content_type) == (status, "application/json")


async def test_a_file_is_kept_only_while_there_is_room(
    shop_desk: ShopDesk, shop_clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await revise(shop_desk, shop_clock)
    monkeypatch.setattr("collector.revisions.press.KEPT_BYTES", 1)
    wanted = PaperRequest(TENANT, CONTRACT, MONTH, 2, "csv")
    first, second = await shop_desk.paper(wanted), await shop_desk.paper(wanted)
    assert (first, shop_desk.press.drawn_total) == (second, 2)
