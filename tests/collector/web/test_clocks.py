"""The device's clock on its player's page and in the API: how it is now, and a small table of its boots."""

from __future__ import annotations

from dataclasses import replace

from aiohttp.test_utils import TestClient

from collector.clocks.clock_view import LastWord
from collector.web.clocks import BOOTS_SHOWN, draw_clock
from collector.web.format import Times
from collector.web.texts import ENGLISH
from tests.collector.web.fake_desk import DAY, HOUR, NOW_MS, FakeDesk, make_clock
from tests.collector.web.test_pages import SUBJECT, page

CLOCK = "/api/v1/clocks/acme/player-0001"


async def test_a_players_page_tells_its_clock_in_one_look(client: TestClient, desk: FakeDesk) -> None:
    desk.clock_views = {"acme/player-0001": make_clock()}
    shown = (await page(client, f"/player/{SUBJECT}")).text
    for words in (
        "Source disciplined by a time source",
        "It says now synced (2026-11-22 14:29:57)",
        "Its wall clock 1.2 s behind the true time",
        f"Offset {NOW_MS - DAY - 60_000} ms; it booted 2026-11-21 14:29:00",
        "Drift +12.3 ppm",
        "Exact to at most 3.0 s earlier, 3.0 s later",
        "Last synced 2026-11-22 13:30:00, or within the hour after",
        "2026-11-21 15:30:00 -1 h 0.0 s",
        "estimated: this boot never had the true time – at most nobody knows how much earlier, 1 h 0.0 s later never",
    ):
        assert words in shown


async def test_a_player_that_never_spoke_has_no_clock(client: TestClient) -> None:
    assert "Exact to" not in (await page(client, f"/player/{SUBJECT}")).text
    async with client.get(CLOCK) as answer:
        assert answer.status == 404
        assert (await answer.json())["error"]["id"] == "not_found"


async def test_the_api_gives_the_clock_now_and_every_boot(client: TestClient, desk: FakeDesk) -> None:
    desk.clock_views = {"acme/player-0001": make_clock()}
    async with client.get(CLOCK) as answer:
        told = await answer.json()
    assert told["now"] == {
        "heard_ms": NOW_MS - 3000,
        "heard": "2026-11-22T13:29:57.000Z",
        "synced": True,
        "ahead_ms": -1240,
        "last_synced_ms": NOW_MS - HOUR,
        "last_synced": "2026-11-22T12:30:00.000Z",
        "boot": "5f0c9a",
        "source": "synced",
        "offset_ms": NOW_MS - DAY - 60_000,
        "drift_ppm": 12.3,
        "early_ms": 3000,
        "late_ms": 3040,
    }
    assert [(boot["boot"], boot["source"], boot["last_synced"]) for boot in told["boots"]] == [
        ("1970", "estimated", None),
        ("5f0c9a", "synced", "2026-11-22T12:30:00.000Z"),
    ]


def test_many_boots_are_counted_and_a_clock_that_runs_ahead_is_told() -> None:
    clock = replace(make_clock(BOOTS_SHOWN + 3), word=LastWord(NOW_MS, synced=False, ahead_ms=3_723_000))
    drawn = draw_clock(clock, Times(None), ENGLISH)
    assert drawn is not None
    assert len(drawn.rows) == BOOTS_SHOWN
    assert drawn.rows[0].source == "disciplined by a time source"  # the newest first
    assert drawn.rest == "3 earlier boots are not shown; the API and signwatch device clock give them all."
    assert ("Its wall clock", "1 h 2 min 3.0 s ahead of the true time") in drawn.facts
    assert ("It says now", "not synced (2026-11-22 13:30:00)") in drawn.facts
    silent = draw_clock(replace(clock, word=None), Times(None), ENGLISH)
    assert silent is not None
    assert [name for name, _ in silent.facts] == ["Source", "Offset", "Drift", "Exact to", "Last synced"]
