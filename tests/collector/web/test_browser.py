"""The pages in a real headless Chromium. Screenshots are kept in tests/artefacts/ for a person to look at."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from fractions import Fraction

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from collector.views import Event
from collector.web.app import Server, serve
from tests.collector.web.fake_desk import (
    HOUR,
    NOW_MS,
    FakeDesk,
    make_alert,
    make_figure,
    make_marks,
    make_newcomer,
    make_players,
)
from tests.collector.web.waiting import until
from tests.fixtures.chromium import ARTEFACTS, launched, patient

pytestmark = [pytest.mark.system, pytest.mark.asyncio(loop_scope="module")]

SUBJECT = "acme/player-0003/main"
TILE = f'.t[href="/player/{SUBJECT}"]'
WALL = (1920, 1080)

Open = Callable[..., Awaitable[Page]]
Serving = Callable[..., Awaitable[Server]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """One Chromium for all of them: each test has contexts of its own."""
    async with launched(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def serving() -> AsyncIterator[Serving]:
    async with AsyncExitStack() as stack:

        async def start(desk: FakeDesk, listen: str = "127.0.0.1:0", password: str = "") -> Server:
            server = await serve(desk, listen, password)
            stack.push_async_callback(server.close)
            await until(lambda: desk.listeners)
            return server

        yield start


@pytest_asyncio.fixture(loop_scope="module")
async def opened(browser: Browser) -> AsyncIterator[Open]:
    complaints: list[str] = []

    async def open_page(url: str, size: tuple[int, int] = WALL, scheme: str = "dark") -> Page:
        context = await patient(
            browser,
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
        )
        page = await context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda message: complaints.append(message.text) if "Security Policy" in message.text else None
        )
        await page.goto(url)
        return page

    yield open_page
    for context in browser.contexts:
        await context.close()
    assert complaints == []


async def live(page: Page) -> None:
    await expect(page.locator("#link")).to_have_text("live")


async def keep(page: Page, name: str, *, full: bool = False) -> None:
    ARTEFACTS.mkdir(exist_ok=True)
    await page.screenshot(path=ARTEFACTS / f"web-{name}.png", full_page=full)


async def wide_enough(page: Page) -> bool:
    return bool(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def mixed(count: int, **states: int) -> FakeDesk:
    desk = FakeDesk.with_fleet(count)
    subjects = [player.subject for player in desk.players()]
    random.Random(3).shuffle(subjects)
    for state, number in states.items():
        for _ in range(number):
            desk.set_state(subjects.pop(), state)
    desk.set_figure()
    return desk


async def test_a_tile_turns_its_count_and_its_card_follow_when_a_player_stops(serving: Serving, opened: Open) -> None:
    desk = FakeDesk.with_fleet(24)
    page = await opened((await serving(desk)).url)
    await live(page)
    await expect(page.locator(TILE)).to_have_class("t s-playing")
    desk.set_state(SUBJECT, "stopped")
    desk.set_figure(percent="98.70", down_now=6)
    await expect(page.locator(TILE)).to_have_class("t s-stopped")
    await expect(page.locator('.chip[data-state="stopped"] b')).to_have_text("1")
    await expect(page.locator(".huge")).to_contain_text("98.70")
    await expect(page.locator(".verdict").first).to_have_text("OVER LIMIT")
    assert "mpv is not running" in (await page.locator(TILE).get_attribute("title") or "")


async def test_an_alert_appears_on_the_wall_and_in_the_title_and_goes_again(serving: Serving, opened: Open) -> None:
    desk = FakeDesk.with_fleet(24)
    page = await opened((await serving(desk)).url)
    await live(page)
    desk.raise_alert(make_alert())
    await expect(page.locator(".alert.critical")).to_contain_text("Too many players down")
    await expect(page).to_have_title("ALARM · Wall · signwatch")
    desk.raise_alert(make_alert(closed_ms=NOW_MS))
    await expect(page.locator(".alert")).to_have_count(0)
    await expect(page).to_have_title("Wall · signwatch")


async def test_a_wall_that_is_cut_off_looks_stale_and_catches_up_by_itself(serving: Serving, opened: Open) -> None:
    desk = FakeDesk.with_fleet(24)
    server = await serving(desk)
    page = await opened(server.url)
    await live(page)
    await expect(page.locator("#lost")).to_be_hidden()
    await server.close()
    await expect(page.locator("#lost")).to_be_visible()
    await expect(page.locator("body")).to_have_class("stale")
    await keep(page, "stale")
    desk.set_state(SUBJECT, "frozen")  # nobody is told
    await serving(desk, f"127.0.0.1:{server.port}")
    await expect(page.locator("#lost")).to_be_hidden()
    await expect(page.locator(TILE)).to_have_class("t s-frozen")


async def test_a_resync_brings_players_that_were_not_on_the_page_and_keeps_the_filter(
    serving: Serving, opened: Open
) -> None:
    desk = FakeDesk.with_fleet(8)
    page = await opened((await serving(desk)).url + "/#state=stopped")
    await live(page)
    newcomer = replace(make_players(9)[8], state="stopped")
    desk.add_player(newcomer)
    desk.emit(Event("resync", None))
    await expect(page.locator(f'.t[href="/player/{newcomer.subject}"]')).to_be_visible()
    assert await page.locator(".t:visible").count() == 1


async def test_a_change_of_a_player_that_is_not_on_the_page_brings_it(serving: Serving, opened: Open) -> None:
    desk = FakeDesk.with_fleet(8)
    page = await opened((await serving(desk)).url)
    await live(page)
    newcomer = make_players(9)[8]
    desk.add_player(newcomer)
    desk.emit(Event("player", newcomer))
    await expect(page.locator(".t")).to_have_count(9)


async def test_the_filter_finds_by_state_site_and_text_and_survives_a_reload(serving: Serving, opened: Open) -> None:
    desk = mixed(24, stopped=2, unknown=1)
    page = await opened((await serving(desk)).url)
    await live(page)
    shown = page.locator(".t:visible")
    await page.locator('.chip[data-state="stopped"]').click()
    await expect(shown).to_have_count(2)
    await page.locator('.chip[data-state="unknown"]').click()
    await expect(shown).to_have_count(3)
    await page.reload()
    await expect(shown).to_have_count(3)
    await page.locator(".clear").click()
    await expect(shown).to_have_count(24)
    await page.locator('select[name="site"]').select_option("acme/Shop Sants")
    await expect(shown).to_have_count(8)
    await page.locator('input[name="text"]').fill("TILL 0010")
    await expect(shown).to_have_count(1)
    await page.locator('input[name="text"]').fill("nothing like it")
    await expect(page.locator("#nothing")).to_be_visible()


async def test_a_filtered_tile_leaves_when_its_state_no_longer_fits(serving: Serving, opened: Open) -> None:
    desk = mixed(24, stopped=2)
    page = await opened((await serving(desk)).url + "/#state=stopped")
    await live(page)
    stopped = next(player for player in desk.players() if player.state == "stopped")
    desk.set_state(stopped.subject, "playing")
    await expect(page.locator(".t:visible")).to_have_count(1)


async def test_a_script_in_a_players_detail_does_not_run(serving: Serving, opened: Open) -> None:
    desk = FakeDesk.with_fleet(8)
    evil = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    desk.give_history(SUBJECT)
    url = (await serving(desk)).url
    wall, player = await opened(url), await opened(f"{url}/player/{SUBJECT}")
    for page in (wall, player):
        await live(page)
    desk.set_state(SUBJECT, "error", detail=evil)
    desk.set_figure(title=evil)
    desk.raise_alert(make_alert(summary=evil))
    await expect(wall.locator(".alert")).to_contain_text("<script>")
    await expect(wall.locator(".agreement h2")).to_contain_text("<script>")
    await expect(player.locator(".badge")).to_contain_text("error")
    await expect(player.locator(".facts").first).to_contain_text("onerror")
    for page in (wall, player):
        assert "owned" not in await page.title()
        assert await page.locator("#main script, #main img").count() == 0


async def test_a_players_page_follows_its_player_and_a_click_leads_there(serving: Serving, opened: Open) -> None:
    desk = FakeDesk.with_fleet(8)
    desk.give_history(SUBJECT)
    page = await opened((await serving(desk)).url)
    await page.locator(TILE).click()
    await expect(page.locator("h1")).to_have_text("Door 0003")
    await live(page)
    desk.set_state(SUBJECT, "black")
    await expect(page.locator(".badge")).to_contain_text("black")
    await page.get_by_role("link", name="Month").click()
    await expect(page.locator(".ranges [aria-current]")).to_have_text("Month")


async def test_windows_and_rulings_lie_in_their_place_above_the_states(serving: Serving, opened: Open) -> None:
    desk = FakeDesk.with_fleet(24)
    desk.give_history(SUBJECT)
    desk.mark_views[SUBJECT] = make_marks(desk.now_ms())
    page = await opened((await serving(desk)).url + f"/player/{SUBJECT}?range=24h")
    window, chart = page.locator(".marks .m-left"), page.locator(".lane svg.whole")
    await expect(window).to_have_count(1)
    place, whole = await window.bounding_box(), await chart.bounding_box()
    assert place
    assert whole
    assert (place["x"] - whole["x"]) / whole["width"] == pytest.approx(14 / 24, abs=0.01)  # it began ten hours ago
    assert place["width"] / whole["width"] == pytest.approx(3 / 24, abs=0.01)
    fill = "element => getComputedStyle(element).fill"
    assert await window.evaluate(fill) != await page.locator(".marks .m-ruling").evaluate(fill)
    await expect(page.locator("tr", has_text="emergency maintenance 4")).to_contain_text("left out of the figure")
    await keep(page, "marks")


async def test_a_newcomers_lines_are_copied(serving: Serving, opened: Open) -> None:
    desk = FakeDesk.with_fleet(2)
    desk.newcomer_views = [make_newcomer()]
    page = await opened((await serving(desk)).url + "/newcomers")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.locator(".copy").click()
    await expect(page.locator(".copy")).to_have_text("Copied")
    assert await page.evaluate("navigator.clipboard.readText()") == make_newcomer().registry_toml


async def test_signing_in_opens_the_wall_and_its_stream(serving: Serving, opened: Open) -> None:
    page = await opened((await serving(FakeDesk.with_fleet(8), password="correct horse")).url)
    await page.locator("#password").fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator(".wrong")).to_be_visible()
    await page.locator("#password").fill("correct horse")
    await page.get_by_role("button", name="Sign in").click()
    await live(page)
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.locator("#password")).to_be_visible()


async def test_three_thousand_players_that_change_at_once_all_turn(serving: Serving, opened: Open) -> None:
    desk = FakeDesk.with_fleet(3000)
    page = await opened((await serving(desk)).url)
    await live(page)
    for player in desk.players():
        desk.set_state(player.subject, "off")
    await expect(page.locator(".t.s-off")).to_have_count(3000)
    await expect(page.locator("#lost")).to_be_hidden()


@pytest.mark.parametrize("count", [60, 1000, 3000])
async def test_the_wall_fits_its_width_with_few_and_with_many_players(
    serving: Serving, opened: Open, count: int
) -> None:
    share = {"stopped": 9, "frozen": 6, "black": 4, "unknown": 21, "idle": 5, "off": 7, "error": 3}
    desk = mixed(count, **{state: max(1, number * count // 1000) for state, number in share.items()})
    page = await opened((await serving(desk)).url)
    await live(page)
    assert await wide_enough(page)
    await keep(page, f"wall-{count}")


async def test_the_wall_in_alarm(serving: Serving, opened: Open) -> None:
    desk = mixed(60, stopped=14, off=3, unknown=4)
    desk.set_figure(
        percent="98.71",
        availability=Fraction(98714, 100_000),
        players_availability=Fraction(98412, 100_000),
        met=False,
        affected_players=15,
    )
    desk.raise_alert(make_alert(summary="17 of 60 players are down: 28.3 % is over 20 %"))
    page = await opened((await serving(desk)).url)
    await expect(page.locator(".agreement.alarm .huge")).to_contain_text("98.71")
    await keep(page, "alarm")


@pytest.mark.parametrize("path", ["/", f"/player/{SUBJECT}", "/platform/acme/portal", "/alerts", "/newcomers"])
async def test_a_phone_never_scrolls_sideways(serving: Serving, opened: Open, path: str) -> None:
    desk = mixed(60, stopped=3)
    desk.give_history(SUBJECT)
    desk.newcomer_views = [make_newcomer()]
    desk.alert_views = [make_alert(), make_alert(id=3, opened_ms=NOW_MS - 9 * HOUR, closed_ms=NOW_MS - 8 * HOUR)]
    page = await opened((await serving(desk)).url + path, (390, 844))
    assert await wide_enough(page)
    await keep(page, f"phone-{path.split('/')[1] or 'wall'}", full=True)


async def test_the_players_page_and_the_light_wall_are_kept_to_look_at(serving: Serving, opened: Open) -> None:
    desk = mixed(60, stopped=2, frozen=1, black=1, unknown=2, idle=1, off=1, error=1)
    desk.set_state(SUBJECT, "stopped")
    desk.give_history(SUBJECT)
    desk.mark_views[SUBJECT] = make_marks()
    desk.figure_views += [make_figure(desk.players(), contract=f"other-{number}") for number in range(3)]
    url = (await serving(desk)).url
    for name, path, scheme in (
        ("player", f"/player/{SUBJECT}?range=month", "dark"),
        ("player-light", f"/player/{SUBJECT}?range=7d", "light"),
        ("wall-light-many", "/", "light"),
    ):
        page = await opened(url + path, WALL, scheme)
        await live(page)
        assert await wide_enough(page)
        await keep(page, name)
