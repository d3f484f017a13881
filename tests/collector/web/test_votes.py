"""The votes on a portal's page and in the API: the rule, who says what and whether it counts, and each past outage."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from aiohttp.test_utils import TestClient

from collector.vantage import Rule, Tally
from collector.vantage_story import Cast, Change, Outage
from collector.web.format import Times
from collector.web.texts import ENGLISH
from collector.web.votes import CASTS_SHOWN, CHANGES_SHOWN, OUTAGES_SHOWN, POINTS_SHOWN, draw_votes
from tests.collector.web.fake_desk import MINUTE, NOW_MS, FakeDesk, make_outage, make_platform, make_vote, make_votes
from tests.collector.web.test_pages import HOSTILE, page

PORTAL = "/platform/acme/portal"
OUTAGES = "/api/v1/outages?subject=acme/portal"
VOTES = make_votes(
    make_vote("shop-1", "down"),
    make_vote("shop-2", "up"),
    make_vote("shop-3", "unknown", detail="no answer within 10 s, and nothing else can be reached"),
    make_vote("shop-4", None, link="gone", last_state="up"),
    make_vote("shop-5", None, link="never", evidence_ms=None, last_state=None),
    make_vote("_collector", "down", name="_collector", site=None, detail="TimeoutError", latency_ms=31),
)


@pytest.fixture
def voted(desk: FakeDesk) -> FakeDesk:
    desk.platform_views = [replace(make_platform(), votes=VOTES)]
    desk.outage_views = {"acme/portal": [make_outage()]}
    return desk


async def test_a_voted_portal_shows_the_rule_everybodys_vote_and_whether_it_counts(
    client: TestClient, voted: FakeDesk
) -> None:
    shown = await page(client, PORTAL)
    assert "Down when more than half of the vantage points that can tell say so." in shown.text
    assert "One that falls silent is waited for, 60 s at most." in shown.text
    assert "2 of 3 that can tell say down; 2 needed. 1 cannot tell, 2 say nothing." in shown.text
    rows = [tag["data-point"] for tag in shown.all("tr") if "data-point" in tag]
    assert rows == ["shop-1", "shop-2", "shop-3", "shop-4", "shop-5", "_collector"]
    for words in (
        "Window of shop-1 Shop-1 down status 503, expected 200 (12 ms) 2026-11-22 14:26:00 3 s counts",
        "Window of shop-2 Shop-2 up status 200 in 12 ms 2026-11-22 14:26:00 3 s counts",
        "cannot tell no answer within 10 s, and nothing else can be reached 2026-11-22 14:26:00 3 s does not count",
        "says nothing gone: its connection broke; last: up – 3 s does not count",
        "says nothing it never reported this check – – does not count",
        "this collector – down TimeoutError (31 ms)",
    ):
        assert words in shown.text


async def test_each_past_outage_shows_the_votes_that_decided_it(client: TestClient, voted: FakeDesk) -> None:
    shown = (await page(client, PORTAL)).text
    assert "2026-11-22 12:30:00 – 2026-11-22 12:31:00 (1 min 00 s)" in shown
    assert "down 2 of 2 that can tell say down; 2 needed. Window of shop-1: down (status 503, expected 200)" in shown
    assert "2026-11-22 12:31:00.000 up 1 of 2 that can tell say down; 2 needed. Window of shop-1: up" in shown
    voted.outage_views = {}
    assert "No outage in this range." in (await page(client, PORTAL)).text


async def test_a_portal_that_the_collector_alone_tells_of_has_no_votes(client: TestClient, desk: FakeDesk) -> None:
    assert "Vantage points" not in (await page(client, PORTAL)).text
    async with client.get("/api/v1/platforms/acme/portal") as answer:
        told = await answer.json()
    assert (told["votes"], told["rule"], told["tally"]) == (None, None, None)
    async with client.get(OUTAGES) as answer:
        assert (await answer.json())["outages"] is None


async def test_the_api_gives_rule_votes_and_numbers(client: TestClient, voted: FakeDesk) -> None:
    async with client.get("/api/v1/platforms/acme/portal") as answer:
        told = await answer.json()
    assert told["rule"] == {
        "points": ["*"],
        "share": {"fraction": [1, 2], "decimal": "0.500000000"},
        "count": None,
        "min_votes": 1,
        "patience_ms": 60_000,
    }
    assert told["tally"] == {"down": 2, "up": 1, "can_tell": 3, "cannot_tell": 1, "needed": 2, "silent": 2}
    assert told["votes"][0] == {
        "point": "shop-1",
        "name": "Window of shop-1",
        "site": "Shop-1",
        "state": "down",
        "detail": "status 503, expected 200",
        "since_ms": NOW_MS - 4 * MINUTE,
        "since": "2026-11-22T13:26:00.000Z",
        "evidence_ms": NOW_MS - 3000,
        "evidence": "2026-11-22T13:29:57.000Z",
        "counts": True,
        "latency_ms": 12,
        "link": "online",
        "last_state": "down",
    }


async def test_the_api_gives_every_vote_of_an_outage(client: TestClient, voted: FakeDesk) -> None:
    async with client.get(OUTAGES) as answer:
        told = await answer.json()
    assert answer.status == 200
    (outage,) = told["outages"]
    assert (outage["start"], outage["end"], outage["lasts"]) == (
        "2026-11-22T11:30:00.000Z",
        "2026-11-22T11:31:00.000Z",
        False,
    )
    first, last = outage["changes"]
    assert first["tally"] == {"down": 2, "up": 0, "can_tell": 2, "cannot_tell": 1, "needed": 2, "awaited": 0}
    assert first["cast"][0] == {"point": "shop-1", "ballot": "down", "detail": "status 503, expected 200"}
    assert (last["at"], last["verdict"]) == ("2026-11-22T11:31:00.000Z", "up")
    earlier = f"{OUTAGES}&from=2026-11-20T00:00:00Z&to=2026-11-21T00:00:00Z"
    async with client.get(earlier) as answer:
        assert (await answer.json())["outages"] == []


@pytest.mark.parametrize(
    ("query", "status", "error"),
    [
        ("", 400, "subject"),
        ("?subject=acme/nothing", 404, "not_found"),
        ("?subject=acme/portal&from=2026-11-23T00:00:00Z&to=2026-11-22T00:00:00Z", 400, "range"),
        ("?subject=acme/portal&form=1", 400, "parameter"),
    ],
)
async def test_a_question_about_outages_that_makes_no_sense_is_refused(
    client: TestClient, query: str, status: int, error: str
) -> None:
    async with client.get(f"/api/v1/outages{query}") as answer:
        assert answer.status == status
        assert (await answer.json())["error"]["id"] == error


def words_of(rule: Rule) -> str:
    votes = make_votes(make_vote("shop-1", "up"), rule=rule)
    drawn = draw_votes(replace(make_platform(), votes=votes), [], Times(None), ENGLISH)
    assert drawn is not None
    return drawn.rule


def test_the_rule_is_told_as_the_registry_has_it() -> None:
    assert words_of(Rule(count=2)).startswith("Down when at least 2 of the vantage points that can tell say so.")
    told = words_of(Rule(Fraction(2, 3), min_votes=3, patience_ms=12_500))
    assert "Down when more than 2/3 of the vantage points" in told
    assert "At least 3 must be able to tell." in told
    assert "12.5 s at most" in told


def test_what_is_too_much_for_a_page_is_counted_and_the_end_of_an_outage_stays() -> None:
    cast = tuple(Cast(f"p{number:02}", "down", None) for number in range(CASTS_SHOWN + 3))
    changes = tuple(Change(NOW_MS + at, "down", Tally(down=9, needed=5), cast) for at in range(CHANGES_SHOWN + 5))
    outages = [Outage(NOW_MS + at, NOW_MS + at + 1, lasts=True, changes=changes) for at in range(OUTAGES_SHOWN + 2)]
    drawn = draw_votes(replace(make_platform(), votes=VOTES), outages, Times(None), ENGLISH)
    assert drawn is not None
    assert (len(drawn.outages), drawn.rest) == (
        OUTAGES_SHOWN,
        "2 earlier outages are not shown; the API gives them all.",
    )
    newest = drawn.outages[0]
    assert newest.title.endswith("lasts (0 s)")
    assert (len(newest.changes), newest.rest) == (
        CHANGES_SHOWN,
        "5 changes in between are not shown; the API gives them all.",
    )
    assert newest.changes[-1].at == f"{Times(None).stamp(NOW_MS)}.{CHANGES_SHOWN + 4:03d}"
    assert (len(newest.changes[0].casts), newest.changes[0].more) == (CASTS_SHOWN, "and 3 more")


def test_of_very_many_vantage_points_those_come_first_that_do_not_just_say_up() -> None:
    votes = [make_vote(f"p{number:03}", "up") for number in range(POINTS_SHOWN + 3)]
    votes += [make_vote("q1", None), make_vote("q2", "unknown"), make_vote("q3", "down")]
    drawn = draw_votes(replace(make_platform(), votes=make_votes(*votes)), [], Times(None), ENGLISH)
    assert drawn is not None
    assert [row.point for row in drawn.rows[:4]] == ["q3", "q2", "q1", "p000"]
    assert (len(drawn.rows), drawn.more) == (POINTS_SHOWN, "6 more are not shown; the API gives them all.")


async def test_what_vantage_points_say_is_text_and_nothing_else(client: TestClient, voted: FakeDesk) -> None:
    hostile = make_votes(make_vote("shop-1", "down", detail=HOSTILE, name=HOSTILE, site=HOSTILE))
    voted.platform_views = [replace(make_platform(), votes=hostile)]
    shown = await page(client, PORTAL)
    assert [tag for tag in shown.all("img") if tag.get("src") == "x"] == []
    assert not shown.all("script", "alert")
