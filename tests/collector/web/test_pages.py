from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from aiohttp.test_utils import TestClient

from tests.collector.web.conftest import Serve
from tests.collector.web.fake_desk import (
    NOW_MS,
    FakeDesk,
    make_alert,
    make_conflict,
    make_figure,
    make_marks,
    make_newcomer,
    make_platform,
    make_players,
)

SUBJECT = "acme/player-0001/main"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


class Page(HTMLParser):
    """What a browser would make of it: tags with their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str, css: str = "") -> list[dict[str, str | None]]:
        return [found for name, found in self.tags if name == tag and css in (found.get("class") or "").split(" ")]


async def page(client: TestClient, path: str, status: int = 200) -> Page:
    async with client.get(path) as answer:
        assert answer.status == status
        assert answer.content_type == "text/html"
        return Page(await answer.text())


async def test_the_wall_shows_the_figure_its_levels_its_parts_and_the_share_down(
    client: TestClient, desk: FakeDesk
) -> None:
    for player in desk.players()[:3]:
        desk.set_state(player.subject, "stopped")
    desk.set_figure()
    text = (await page(client, "/")).text
    for words in ("99.93", "97.00", "99.00", "99.90", "Europe/Madrid", "November 2026, month to date", "weight 20 %"):
        assert words in text
    for words in ("99.99", "99.92", "99.8 %", "12.5 %", "3 of 24", "limit 20 %", "Computed 14:30:00"):
        assert words in text


async def test_how_fast_the_error_budget_burns_stands_on_the_card(client: TestClient) -> None:
    found = await page(client, "/")
    for words in ("Error budget burns", "1 h / 5 min 0×", "limit 14.4×", "3 d / 6 h 1.25×", "limit 1×"):
        assert words in found.text
    assert len(found.all("li", "over")) == 1  # the slow pair: both of its windows are at the limit or beyond
    (slow,) = found.all("li", "over")
    assert slow["title"] == "3 d: 2.1 times the even rate; 6 h: 1.25. It rings when both reach the limit."


async def test_a_weight_without_a_subject_is_told_on_the_card(client: TestClient, desk: FakeDesk) -> None:
    assert (await page(client, "/")).all("p", "caution") == []
    desk.figure_views = [replace(desk.figure_views[0], unwatched=("platform",), burn=())]
    found = await page(client, "/")
    assert "No platform is registered under this contract: its weight of 20 % counts as up." in found.text
    assert found.all("div", "burns") == []


async def test_each_player_has_one_light_tile_with_its_words_and_its_page(client: TestClient, desk: FakeDesk) -> None:
    desk.set_state(SUBJECT, "stopped")
    tiles = (await page(client, "/")).all("a", "t")
    assert len(tiles) == 24
    assert tiles[0]["href"] == f"/player/{SUBJECT}"
    assert tiles[0]["class"] == "t s-stopped"
    assert tiles[0]["title"] == (
        f"Window 0001 ({SUBJECT}): stopped since 14:28; cause: player software; mpv is not running"
    )


async def test_tiles_are_grouped_by_site(client: TestClient) -> None:
    sites = [tag for tag in (await page(client, "/")).all("section", "site") if tag["data-site"]]
    assert [site["data-site"] for site in sites] == ["acme/Shop Gràcia", "acme/Shop Sants", "acme/Shop Poblenou"]


async def test_players_of_several_tenants_are_told_apart(served: Serve) -> None:
    desk = FakeDesk.with_fleet(2)
    for player in make_players(2, tenant="beta"):
        desk.add_player(replace(player, site=None))
    text = (await page(await served(desk), "/")).text
    assert "acme · Shop Gràcia" in text
    assert "beta · No site" in text


async def test_a_wall_of_three_thousand_stays_light(served: Serve) -> None:
    client = await served(FakeDesk.with_fleet(3000))
    async with client.get("/") as answer:
        body = await answer.read()
    assert body.count(b'<a class="t ') == 3000
    assert len(body) < 3000 * 250


async def test_an_open_critical_alert_is_an_alarm_and_stands_before_warnings(
    client: TestClient, desk: FakeDesk
) -> None:
    desk.alert_views = [make_alert(id=9, kind="breach", severity="warning", summary="98 %"), make_alert()]
    shown = await page(client, "/")
    assert [tag["class"] for tag in shown.all("div", "alert")] == ["alert critical", "alert warning"]
    assert shown.all("article", "alarm")
    assert "ALARM" in shown.text


async def test_a_month_without_a_figure_is_shown_as_such(client: TestClient, desk: FakeDesk) -> None:
    desk.set_figure(
        percent=None, availability=None, platform_availability=None, players_availability=None,
        coverage_players=None, coverage_platform=None, affected_players=None, met=None,
    )  # fmt: skip
    shown = await page(client, "/")
    assert "No figure yet" in shown.text
    assert not shown.all("svg", "needle")


async def test_an_empty_collector_says_what_to_do(served: Serve) -> None:
    text = (await page(await served(FakeDesk()), "/")).text
    assert "signwatch registry apply FILE" in text
    assert "No player is registered yet." in text
    assert "none yet" in text


async def test_many_agreements_stand_above_the_fleet(served: Serve) -> None:
    desk = FakeDesk.with_fleet(4)
    desk.figure_views += [make_figure(desk.players(), contract=name) for name in ("b", "c")]
    shown = await page(await served(desk), "/")
    assert shown.all("main", "above")
    assert len(shown.all("article", "agreement")) == 3


async def test_a_players_page_shows_its_state_its_evidence_and_its_machine(client: TestClient, desk: FakeDesk) -> None:
    desk.set_state(SUBJECT, "frozen")
    desk.give_history(SUBJECT)
    shown = await page(client, f"/player/{SUBJECT}")
    for words in ("frozen", "since 2026-11-22 14:28:30", "time-pos stood at 12.4 s", "10.5 GiB", "51.2 °C"):
        assert words in shown.text
    for words in ("disciplined by a time source", "Times in Europe/Madrid.", "still growing", "Shop Gràcia"):
        assert words in shown.text
    assert shown.all("rect", "f")


async def test_a_machines_figures_are_shown_with_their_age(client: TestClient) -> None:
    found = await page(client, f"/player/{SUBJECT}")
    assert "Stated" in found.text
    ages = [tag["data-since"] for tag in found.all("span") if tag.get("data-since")]
    assert str(NOW_MS - 61_000) in ages


async def test_a_state_without_a_cause_names_the_one_the_contract_takes(client: TestClient, desk: FakeDesk) -> None:
    desk.set_state(SUBJECT, "black", cause=None)
    assert "none given; the contract reads it as “player software”" in (await page(client, f"/player/{SUBJECT}")).text


async def test_windows_and_rulings_stand_on_a_players_timeline_with_their_effect(
    client: TestClient, desk: FakeDesk
) -> None:
    desk.mark_views[SUBJECT] = make_marks()
    found = await page(client, f"/player/{SUBJECT}")
    for words in ("left out of the figure", "counts: it was not announced before it began", "decided: customer"):
        assert words in found.text
    assert [len(found.all("rect", style)) for style in ("m-left", "m-counts", "m-ruling")] == [1, 1, 1]
    assert found.all("rect", "m-none") == []
    assert "Windows and rulings" not in (await page(client, "/player/acme/player-0002/main")).text


@pytest.mark.parametrize(
    ("query", "start"), [("1h", "2026-11-22"), ("24h", "2026-11-21"), ("7d", "2026-11-15"), ("month", "2026-11-01")]
)
async def test_the_timeline_switches_its_range(client: TestClient, query: str, start: str) -> None:
    shown = await page(client, f"/player/{SUBJECT}?range={query}")
    assert f"{start} " in shown.text
    current = [tag for tag in shown.all("a") if tag.get("aria-current")]
    assert [tag["href"] for tag in current] == [f"/player/{SUBJECT}?range={query}"]


async def test_a_player_without_an_agreement_or_evidence_is_shown_in_utc(client: TestClient, desk: FakeDesk) -> None:
    desk.set_state(
        SUBJECT, "unknown", contract=None, since_ms=None, evidence_ms=None, clock=None, host={}, link="never", site=None
    )
    text = (await page(client, f"/player/{SUBJECT}")).text
    for words in (
        "Times in UTC.",
        "no contract judges it",
        "has never reported",
        "The device has sent no host figures.",
    ):
        assert words in text


async def test_a_platform_parts_page_shows_its_check(client: TestClient) -> None:
    text = (await page(client, "/platform/acme/portal")).text
    for words in (
        "https://portal.example.com/health",
        "84 ms",
        "HTTP 200",
        "up since",
        "of portal.example.com, ends on",
    ):
        assert words in text


async def test_the_history_of_alerts_tells_how_long_each_lasted(client: TestClient, desk: FakeDesk) -> None:
    assert "There has been no alert." in (await page(client, "/alerts")).text
    desk.alert_views = [make_alert(id=8), make_alert(id=7, closed_ms=NOW_MS)]
    text = (await page(client, "/alerts")).text
    for words in ("open", "2026-11-22 14:26:00", "4 min 00 s", "Too many players down", "Europe/Madrid"):
        assert words in text


async def test_the_wall_shows_what_no_contract_judges_the_worst_first(client: TestClient, desk: FakeDesk) -> None:
    assert "Servers and services" not in (await page(client, "/")).text
    fine = replace(make_platform(), subject="acme/web-1-nginx", platform="web-1-nginx", name="nginx", contract=None)
    full = replace(
        fine, subject="acme/web-1-disk", name="the disk", state="down", detail="fs.var.used_percent is 93, over 90"
    )
    desk.platform_views = [*desk.platform_views, fine, full]
    html = await (await client.get("/")).text()
    assert "Servers and services" in html
    assert html.index('title="fs.var.used_percent is 93, over 90"') < html.index("<bdi>nginx</bdi>")


async def test_a_certificate_that_ends_is_told_of_the_part_and_not_of_the_agreement(
    client: TestClient, desk: FakeDesk
) -> None:
    desk.alert_views = [make_alert(kind="certificate", severity="warning", subject="acme/portal")]
    for path in ("/", "/alerts"):
        text = (await page(client, path)).text
        assert "A certificate ends soon" in text
        assert "acme/portal" in text


async def test_newcomers_are_listed_with_the_lines_to_apply(client: TestClient, desk: FakeDesk) -> None:
    assert "Every device that reports is registered." in (await page(client, "/newcomers")).text
    desk.newcomer_views = [make_newcomer()]
    shown = await page(client, "/newcomers")
    assert 'id = "pi-window-3"' in shown.text
    assert shown.all("button", "copy")


@pytest.mark.parametrize("path", ["/newcomers", f"/player/{SUBJECT}"])
async def test_a_device_that_contradicts_itself_is_told_on_its_page(
    client: TestClient, desk: FakeDesk, path: str
) -> None:
    assert "Two machines" not in (await page(client, path)).text
    desk.conflict_views = [make_conflict()]
    assert "boots a and b both lived for 61 s" in (await page(client, path)).text


async def test_another_device_s_contradiction_is_not_on_the_page(client: TestClient, desk: FakeDesk) -> None:
    desk.conflict_views = [make_conflict("player-0002")]
    assert "Two machines" not in (await page(client, f"/player/{SUBJECT}")).text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/player/acme/nobody/main", 404),
        ("/platform/acme/nobody", 404),
        (f"/player/{SUBJECT}?range=1y", 400),
        ("/x", 404),
    ],
)
async def test_a_page_that_cannot_be_shown_says_why_and_leads_back(client: TestClient, path: str, status: int) -> None:
    shown = await page(client, path, status)
    assert any(tag.get("href") == "/" for tag in shown.all("a"))


@pytest.mark.parametrize("path", ["/", f"/player/{SUBJECT}", "/platform/acme/portal", "/alerts", "/newcomers"])
async def test_hostile_text_from_the_wire_stays_text_on_every_page(
    client: TestClient, desk: FakeDesk, path: str
) -> None:
    desk.give_history(SUBJECT)
    desk.runs[SUBJECT] = [replace(run, detail=HOSTILE, state="error") for run in desk.runs[SUBJECT]]
    desk.set_state(SUBJECT, "error", detail=HOSTILE, name=HOSTILE, site=HOSTILE, cause=HOSTILE, host={HOSTILE: HOSTILE})
    desk.platform_views = [replace(desk.platform_views[0], name=HOSTILE, detail=HOSTILE, url="javascript:alert(3)")]
    desk.set_figure(title=HOSTILE)
    desk.alert_views = [make_alert(summary=HOSTILE, reason=HOSTILE)]
    desk.newcomer_views = [replace(make_newcomer(), registry_toml=HOSTILE, outputs=(HOSTILE,))]
    desk.conflict_views = [make_conflict(detail=HOSTILE)]
    shown = await page(client, path)
    assert {tag.get("src") for tag in shown.all("script")} <= {"/static/live.js", "/static/wall.js", "/static/copy.js"}
    assert not [tag for _, tag in shown.tags if any(name.startswith("on") for name in tag)]
    assert [tag.get("src") for tag in shown.all("img")] == ["/static/favicon.svg"]
    assert not [tag for tag in shown.all("a") if (tag.get("href") or "").startswith("javascript")]
    assert "<script>alert(1)</script>" in " ".join([shown.text, *(str(tag.get("title")) for _, tag in shown.tags)])


async def test_text_that_no_encoding_can_hold_is_replaced(client: TestClient, desk: FakeDesk) -> None:
    desk.newcomer_views = [replace(make_newcomer(), registry_toml="a\udcffb")]
    assert "a?b" in (await page(client, "/newcomers")).text


async def test_a_state_that_the_page_does_not_know_is_drawn_as_unknown(client: TestClient, desk: FakeDesk) -> None:
    desk.set_state(SUBJECT, 'new" onclick="x')
    tile = (await page(client, "/")).all("a", "t")[0]
    assert tile["class"] == "t s-unknown"
    assert "onclick" not in tile


async def test_a_failure_behind_a_page_is_a_page_too(
    client: TestClient, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("secret innards")

    monkeypatch.setattr(desk, "platforms", fail)
    shown = await page(client, "/", 500)
    assert "the collector failed to answer" in shown.text
    assert "secret" not in shown.text


async def test_static_files_are_revalidated_not_sent_again(client: TestClient) -> None:
    async with client.get("/static/live.js") as answer:
        assert answer.headers["Cache-Control"] == "no-cache"
        tag = answer.headers["ETag"]
    async with client.get("/static/live.js", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304


@pytest.mark.parametrize("path", ["/static/", "/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py"])
async def test_only_static_files_are_served_as_files(client: TestClient, path: str) -> None:
    from yarl import URL

    async with client.get(URL(path, encoded=True)) as answer:
        assert answer.status in {403, 404}
