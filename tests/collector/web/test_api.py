from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from collector.views import Event
from common.clock import iso
from tests.collector.web.conftest import Serve
from tests.collector.web.fake_desk import (
    DAY,
    HOUR,
    NOW_MS,
    FakeDesk,
    make_alert,
    make_conflict,
    make_marks,
    make_newcomer,
)
from tests.collector.web.waiting import hub_of, subscribed, until
from tests.fixtures.waiting import PATIENCE_S

SUBJECT = "acme/player-0001/main"


async def get(client: TestClient, path: str, status: int = 200) -> Any:
    async with client.get(path) as answer:
        assert answer.status == status, await answer.text()
        assert answer.content_type == "application/json"
        return json.loads(await answer.read())


async def test_players_are_listed_with_instants_as_milliseconds_and_iso(client: TestClient) -> None:
    players = (await get(client, "/api/v1/players"))["players"]
    assert len(players) == 24
    assert players[0]["subject"] == SUBJECT
    assert players[0]["evidence"] == iso(players[0]["evidence_ms"]) == "2026-11-22T13:29:58.000Z"
    assert players[0]["host"]["cpu_percent"] == 23.5
    assert players[0]["host_at"] == iso(players[0]["host_at_ms"]) == "2026-11-22T13:28:59.000Z"


async def test_one_player_is_found_by_its_subject(client: TestClient, desk: FakeDesk) -> None:
    desk.set_state(SUBJECT, "stopped", detail="</script>\u2028")
    player = await get(client, f"/api/v1/players/{SUBJECT}")
    assert (player["state"], player["detail"]) == ("stopped", "</script>\u2028")


async def test_a_host_figure_that_is_no_number_is_null(client: TestClient, desk: FakeDesk) -> None:
    desk.set_state(SUBJECT, "playing", host={"a": float("nan"), "b": float("inf"), "c": 1.5})
    assert (await get(client, f"/api/v1/players/{SUBJECT}"))["host"] == {"a": None, "b": None, "c": 1.5}


async def test_fractions_are_exact_even_beyond_64_bits(client: TestClient, desk: FakeDesk) -> None:
    tiny = Fraction(10**25 - 1, 10**25)
    desk.set_figure(availability=tiny)
    figure = (await get(client, "/api/v1/figures"))["figures"][0]
    assert figure["availability"] == {"fraction": [tiny.numerator, tiny.denominator], "decimal": "0.999999999"}
    assert figure["agreement"] == "acme/admira"
    assert figure["levels"]["committed"] == {"fraction": [99, 100], "decimal": "0.990000000"}
    assert figure["platform"]["weight"]["fraction"] == [1, 5]


async def test_a_month_not_begun_has_null_where_there_is_no_figure(client: TestClient, desk: FakeDesk) -> None:
    desk.set_figure(availability=None, percent=None, met=None, affected_players=None, players=0)
    figure = (await get(client, "/api/v1/figures"))["figures"][0]
    assert (figure["availability"], figure["percent"], figure["met"]) == (None, None, None)
    assert figure["affected"]["share"] is None


@pytest.mark.parametrize(("down", "over"), [(12, False), (13, True)])
async def test_over_the_limit_is_strict(served: Serve, down: int, over: bool) -> None:
    desk = FakeDesk.with_fleet(60)
    desk.set_figure(down_now=down)
    figure = (await get(await served(desk), "/api/v1/figures"))["figures"][0]
    assert figure["now"]["over_limit"] is over
    assert figure["now"]["down"] == down


async def test_platforms_are_listed_and_found(client: TestClient) -> None:
    listed = (await get(client, "/api/v1/platforms"))["platforms"]
    assert listed == [await get(client, "/api/v1/platforms/acme/portal")]
    assert listed[0]["latency_ms"] == 84
    assert listed[0]["certificate"]["host"] == "portal.example.com"
    assert listed[0]["certificate"]["ends_ms"] > NOW_MS


async def test_alerts_come_newest_first_up_to_the_limit(client: TestClient, desk: FakeDesk) -> None:
    desk.alert_views = [make_alert(id=3), make_alert(id=2, closed_ms=NOW_MS), make_alert(id=1, closed_ms=NOW_MS)]
    assert [alert["id"] for alert in (await get(client, "/api/v1/alerts?limit=2"))["alerts"]] == [3, 2]
    newest = (await get(client, "/api/v1/alerts"))["alerts"][0]
    assert (newest["closed_ms"], newest["closed"]) == (None, None)


async def test_newcomers_carry_their_lines(client: TestClient, desk: FakeDesk) -> None:
    desk.newcomer_views = [make_newcomer()]
    newcomer = (await get(client, "/api/v1/newcomers"))["newcomers"][0]
    assert newcomer["outputs"] == ["main"]
    assert newcomer["registry_toml"].startswith("[[device]]")


async def test_a_timeline_has_the_runs_that_touch_its_range(client: TestClient, desk: FakeDesk) -> None:
    desk.give_history(SUBJECT)
    timeline = await get(client, f"/api/v1/timeline?subject={SUBJECT}")
    assert (timeline["from_ms"], timeline["to_ms"]) == (NOW_MS - DAY, NOW_MS)
    assert timeline["runs"]
    assert all(run["start_ms"] < NOW_MS and run["end_ms"] > NOW_MS - DAY for run in timeline["runs"])
    assert [run["closed"] for run in timeline["runs"]][-1] is False


async def test_a_timeline_tells_what_was_decided_over_it(client: TestClient, desk: FakeDesk) -> None:
    desk.mark_views[SUBJECT] = make_marks()
    marks = (await get(client, f"/api/v1/timeline?subject={SUBJECT}"))["marks"]
    assert [(mark["kind"], mark["id"], mark["left_out"], mark["reason"]) for mark in marks] == [
        ("window", 3, False, "late"),
        ("window", 4, True, None),
        ("ruling", 9, False, None),
    ]
    assert (marks[2]["cause"], marks[2]["who"], marks[2]["at"]) == ("customer", "ana", "2026-11-21T18:30:00.000Z")


@pytest.mark.parametrize(
    "query",
    [
        f"from={NOW_MS - HOUR}&to={NOW_MS}",
        "from=2026-11-22T12:30:00Z&to=2026-11-22T13:30:00Z",
        "from=2026-11-22T13:30:00%2B01:00&to=2026-11-22T14:30:00%2B01:00",
        "from=2026-11-22T13:30:00+01:00&to=2026-11-22T14:30:00+01:00",
    ],
)
async def test_a_range_may_be_written_in_milliseconds_or_iso_with_any_offset(client: TestClient, query: str) -> None:
    timeline = await get(client, f"/api/v1/timeline?subject={SUBJECT}&{query}")
    assert (timeline["from_ms"], timeline["to_ms"]) == (NOW_MS - HOUR, NOW_MS)


async def test_the_timeline_of_a_platform_part_is_found_too(client: TestClient) -> None:
    assert (await get(client, "/api/v1/timeline?subject=acme/portal"))["runs"] == []


@pytest.mark.parametrize(
    ("path", "status", "problem"),
    [
        ("/api/v1/players/acme/nobody/main", 404, "not_found"),
        ("/api/v1/players/only-one", 404, "not_found"),
        ("/api/v1/platforms/acme/nothing", 404, "not_found"),
        ("/api/v1/nothing", 404, "not_found"),
        ("/api/v1/players?state=off", 400, "parameter"),
        ("/api/v1/alerts?limit=0", 400, "limit"),
        ("/api/v1/alerts?limit=1001", 400, "limit"),
        ("/api/v1/alerts?limit=ten", 400, "limit"),
        ("/api/v1/alerts?limit=%D9%A3", 400, "limit"),
        ("/api/v1/timeline", 400, "subject"),
        ("/api/v1/timeline?subject=acme/nobody/main", 404, "not_found"),
        (f"/api/v1/timeline?subject={SUBJECT}&from=yesterday", 400, "instant"),
        (f"/api/v1/timeline?subject={SUBJECT}&from=2026-11-22T13:30:00", 400, "instant"),
        (f"/api/v1/timeline?subject={SUBJECT}&from=1960-01-01T00:00:00Z", 400, "instant"),
        (f"/api/v1/timeline?subject={SUBJECT}&from=999999999999999", 400, "instant"),
        (f"/api/v1/timeline?subject={SUBJECT}&from=0001-01-01T00:00:00%2B23:00", 400, "instant"),
        (f"/api/v1/timeline?subject={SUBJECT}&from=5&to=5", 400, "range"),
        (f"/api/v1/timeline?subject={SUBJECT}&from=0&to={NOW_MS}", 400, "range"),
        (f"/api/v1/timeline?subject={SUBJECT}&form=0", 400, "parameter"),
        ("/api/v1/events?since=3", 400, "parameter"),
    ],
)
async def test_a_wrong_question_gets_an_id_a_reason_and_a_remedy(
    client: TestClient, path: str, status: int, problem: str
) -> None:
    error = (await get(client, path, status))["error"]
    assert error["id"] == problem
    assert error["message"]
    assert error["remedy"]


async def test_a_method_that_is_not_offered_says_which_are(client: TestClient) -> None:
    async with client.post("/api/v1/players") as answer:
        assert answer.status == 405
        assert "GET" in answer.headers["Allow"]
        assert json.loads(await answer.read())["error"]["id"] == "method_not_allowed"


async def test_a_failure_of_the_desk_is_told_without_its_innards(
    client: TestClient, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("secret innards")

    monkeypatch.setattr(desk, "players", fail)
    error = (await get(client, "/api/v1/players", 500))["error"]
    assert error["id"] == "internal"
    assert "secret" not in str(error)


async def test_healthz_tells_each_part_and_fails_when_one_does(client: TestClient, desk: FakeDesk) -> None:
    assert (await get(client, "/healthz"))["ok"] is True
    desk.healthy = False
    assert (await get(client, "/healthz", 503))["ledger"] == "disk full"


async def test_metrics_are_in_the_text_format_and_one_bad_name_does_not_spoil_them(
    client: TestClient, desk: FakeDesk
) -> None:
    desk.metric_values = {'signwatch_messages_total{kind="runs"}': 5, "bad name": 1}
    async with client.get("/metrics") as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        lines = (await answer.text()).splitlines()
    assert 'signwatch_messages_total{kind="runs"} 5' in lines
    assert "signwatch_web_streams 0" in lines
    assert not any("bad name" in line for line in lines)


async def read_event(stream: Any) -> dict[str, str]:
    """The next event of a stream, comments and bare retry lines skipped."""
    async with asyncio.timeout(PATIENCE_S):
        fields: dict[str, str] = {}
        while True:
            line = (await stream.readline()).decode().rstrip("\n")
            if line and not line.startswith(":"):
                key, _, value = line.partition(": ")
                fields[key] = value
            elif "event" in fields:
                return fields


async def test_events_tell_changes_with_an_id_and_a_time_to_retry(client: TestClient, desk: FakeDesk) -> None:
    async with client.get("/api/v1/events") as answer:
        assert answer.content_type == "text/event-stream"
        await subscribed(client)
        desk.set_state(SUBJECT, "stopped")
        desk.set_figure()
        desk.raise_alert(make_alert())
        event = await read_event(answer.content)
    assert event["event"] == "changes"
    assert event["retry"] == "2000"
    assert event["id"]
    data = json.loads(event["data"])
    assert [player["state"] for player in data["players"]] == ["stopped"]
    assert data["figures"][0]["now"]["down"] == 1
    assert data["alerts"][0]["id"] == 7


async def test_three_thousand_changes_at_once_are_few_messages(served: Serve) -> None:
    desk = FakeDesk.with_fleet(3000)
    client = await served(desk)
    async with client.get("/live") as answer:
        await subscribed(client)
        for player in desk.players():
            desk.set_state(player.subject, "stopped")
        told, messages = 0, 0
        while told < 3000:
            event = await read_event(answer.content)
            if event["event"] == "changes":
                messages += 1
                told += len(json.loads(event["data"])["players"])
    assert told == 3000
    assert messages <= 3


async def test_who_comes_back_with_the_last_id_hears_only_what_followed(client: TestClient, desk: FakeDesk) -> None:
    async with client.get("/api/v1/events") as answer:
        await subscribed(client)
        desk.set_state(SUBJECT, "stopped")
        last = (await read_event(answer.content))["id"]
        desk.set_state(SUBJECT, "frozen")
        await read_event(answer.content)
    async with client.get("/api/v1/events", headers={"Last-Event-ID": last}) as answer:
        event = await read_event(answer.content)
    assert [player["state"] for player in json.loads(event["data"])["players"]] == ["frozen"]


async def test_who_comes_back_from_another_life_of_the_collector_is_told_to_resync(client: TestClient) -> None:
    async with client.get("/api/v1/events", headers={"Last-Event-ID": "cafe0123-4"}) as answer:
        assert (await read_event(answer.content))["event"] == "resync"


async def test_a_stream_too_many_is_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.web.hub.MAX_SUBSCRIBERS", 1)
    async with client.get("/api/v1/events"):
        await subscribed(client)
        async with client.get("/api/v1/events") as second:
            assert second.status == 503
            assert json.loads(await second.read())["error"]["id"] == "too_many_streams"


async def test_a_listener_who_left_is_forgotten(client: TestClient) -> None:
    async with client.get("/api/v1/events"):
        await subscribed(client)
    hub = hub_of(client)
    hub.pulse()
    await until(lambda: hub.subscribers == 0)


async def test_details_of_the_wire_cannot_break_the_frame(client: TestClient, desk: FakeDesk) -> None:
    async with client.get("/api/v1/events") as answer:
        await subscribed(client)
        desk.set_state(SUBJECT, "stopped", detail="a\n\nevent: forged\ndata: {}\r\r\u2028\udcff")
        event = await read_event(answer.content)
    assert event["event"] == "changes"
    assert json.loads(event["data"])["players"][0]["detail"].startswith("a\n\nevent: forged")


async def test_the_live_piece_of_a_platform_change_is_its_agreements_card(client: TestClient, desk: FakeDesk) -> None:
    down = replace(desk.platform_views[0], state="down", detail="<b>HTTP 503</b>")
    async with client.get("/live") as answer:
        await subscribed(client)
        desk.platform_views = [down]
        desk.emit(Event("platform", down))
        while (event := await read_event(answer.content))["event"] != "changes":
            pass
    data = json.loads(event["data"])
    assert data["platforms"] == ["acme/portal"]
    assert "s-down" in data["cards"]["acme/admira"]
    assert data["alerts"] is None


async def test_the_live_piece_of_a_part_that_no_contract_judges_is_the_card_of_its_like(
    client: TestClient, desk: FakeDesk
) -> None:
    free = replace(desk.platform_views[0], contract=None, state="down", detail='<i>"disk full"</i>')
    async with client.get("/live") as answer:
        await subscribed(client)
        desk.platform_views = [free]
        desk.emit(Event("platform", free))
        while (event := await read_event(answer.content))["event"] != "changes":
            pass
    cards = json.loads(event["data"])["cards"]
    assert list(cards) == ["*"]
    assert 'data-agreement="*"' in cards["*"]
    assert "&lt;i&gt;" in cards["*"]


async def test_devices_that_contradict_themselves_are_told_with_their_proof(client: TestClient, desk: FakeDesk) -> None:
    desk.conflict_views = [make_conflict()]
    (conflict,) = (await get(client, "/api/v1/conflicts"))["conflicts"]
    assert (conflict["device"], conflict["kind"], conflict["times"]) == ("player-0001", "two_machines", 3)
    assert (conflict["first_ms"], conflict["last_ms"]) == (NOW_MS - HOUR, NOW_MS)
    assert conflict["detail"].startswith("boots a and b")


async def test_revisions_of_closed_months_are_listed_of_one_agreement_or_of_all(
    client: TestClient, desk: FakeDesk
) -> None:
    desk.revision_views = [
        {"tenant": "acme", "contract": name, "month": "2026-10", "revision": 1, "percent": "99.12"}
        for name in ("admira", "other")
    ]
    assert (await get(client, "/api/v1/revisions"))["revisions"] == desk.revision_views
    own = await get(client, "/api/v1/revisions?agreement=acme/admira")
    assert own["revisions"] == desk.revision_views[:1]
    desk.revision_views = []
    assert (await get(client, "/api/v1/revisions?agreement=acme/admira"))["revisions"] == []


@pytest.mark.parametrize(
    ("query", "status"), [("agreement=admira", 400), ("month=2026-10", 400), ("agreement=a/b", 404)]
)
async def test_revisions_that_cannot_be_asked_for_are_told(client: TestClient, query: str, status: int) -> None:
    assert (await get(client, f"/api/v1/revisions?{query}", status))["error"]["remedy"]
