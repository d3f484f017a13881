from __future__ import annotations

import json
import re
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from collector.influx import points
from collector.influx.config import InfluxConfig
from collector.influx.writer import InfluxWriter
from collector.views import FigureView, PlatformView, PlayerView, RunView
from common.clock import SystemClock
from common.tasks import cancel, spawn
from tests.collector.alerts.samples import alert, burning, figure, player
from tests.dashboards.queries import NOC, ROOT, Board, panels, queries
from tests.fixtures.influx import InfluxServer
from tests.fixtures.waiting import until
from wire.messages import Heartbeat, Run

STEP_MS = 15_000
NOW_MS = SystemClock().wall_ms() // STEP_MS * STEP_MS
THEN_MS = NOW_MS - 3 * STEP_MS
DASHBOARD: dict[str, Any] = json.loads(NOC.read_text(encoding="utf-8"))


def fleet(now_ms: int, down: int) -> list[PlayerView]:
    """Three players of acme at two sites, `down` of them frozen, and one of another tenant."""
    views = [
        player("player-01", site="st.pau-2"),
        player("player-02", site="gracia"),
        player("player-03", site="gracia", state="unknown", link="silent"),
        player("player-01", tenant="bar", site="sants"),
    ]
    since = {"since_ms": now_ms - 60_000, "evidence_ms": now_ms - 4_000}
    frozen = {"state": "frozen", "cause": "player_software"}
    return [replace(view, **since, **(frozen if number < down else {})) for number, view in enumerate(views)]


def figures(now_ms: int, down: int) -> list[FigureView]:
    share: dict[str, Any] = {"active_now": 3, "down_now": down, "unknown_now": 1, "players": 3}
    share |= {"affected_players": down, "burn": (burning(3 * down, 4 * down),)}
    bar = {"tenant": "bar", "active_now": 1, "percent": "100.00", "availability": Fraction(1), "affected_players": None}
    return [figure(computed_ms=now_ms, **share), figure(computed_ms=now_ms, **bar)]


def portal(now_ms: int, state: str, latency_ms: int) -> PlatformView:
    return PlatformView(
        subject="acme/portal",
        tenant="acme",
        platform="portal",
        name="Portal",
        contract="admira",
        state=state,
        cause=None,
        detail=None,
        since_ms=now_ms,
        evidence_ms=now_ms,
        url=None,
        latency_ms=latency_ms,
    )


def lines() -> list[str]:
    """Four snapshots: good, one down, two down with an alarm, and the same again; with heartbeats and closed runs."""
    opened = alert(opened_ms=THEN_MS + 2 * STEP_MS, reason="2 of 3 players (66.67 %) down")
    past = alert(
        kind="players_unknown",
        severity="warning",
        opened_ms=THEN_MS,
        closed_ms=THEN_MS + STEP_MS,
        close_reason="0 of 3 players (0.00 %) unknown",
    )
    found = [points.alert_point(opened), points.alert_point(replace(past, closed_ms=None)), points.alert_point(past)]
    for step, down in enumerate((0, 1, 2, 2)):
        now_ms = THEN_MS + step * STEP_MS
        platforms = [portal(now_ms, "down" if step == 1 else "up", 100 + step)]
        alerts = [opened] if step >= 2 else []
        found += points.snapshot_points(fleet(now_ms, down), platforms, figures(now_ms, down), alerts, now_ms)
        found += points.heartbeat_points("acme", "gracia", "player-02", beat(10.0 + step), now_ms)
    found += [
        points.run_point("acme", "gracia", "player-02", "main", run(seq, state, cause, length_ms))
        for seq, state, cause, length_ms in (
            (1, "playing", None, 5_000),
            (2, "frozen", "player_software", 7_000),
            (3, "off", "power", 9_000),
        )
    ]
    return found


def beat(cpu: float) -> Heartbeat:
    playing = Run(seq=4, output="main", state="playing", start_ms=1, start_mono_ms=1)
    host = {"cpu_percent": cpu, "memory_used_percent": 40, "disk_used_percent": 70.5, "temperature_c": 51}
    return Heartbeat(boot="b", sent_ms=1, mono_ms=60_001, synced=True, spool="s", open=[playing], host=host)


def run(seq: int, state: str, cause: str | None, length_ms: int) -> RunView:
    start_ms = THEN_MS + seq * 1_000
    return RunView(
        start_ms, start_ms + length_ms, state, cause, f"run {seq}", "synced", closed=True, spool="9f", seq=seq
    )


@pytest.fixture
async def filled(influx: InfluxServer, tmp_path: Path) -> InfluxServer:
    """An InfluxDB 1.6 into which our own writer has written our own points."""
    writer = InfluxWriter(InfluxConfig(url=influx.url, version=1, flush_s=0.05), SystemClock(), tmp_path / "spool")
    task = spawn(writer.run(), "influx")
    written = lines()
    writer.enqueue(written)
    await until(lambda: writer.stats().written_lines == len(written), "all points are written")
    await cancel(task)
    await writer.close()
    assert writer.stats().refused_lines == 0
    return influx


def board(influx: InfluxServer, **chosen: str | list[str]) -> Board:
    return Board(NOC, influx, THEN_MS - 3_600_000, NOW_MS, chosen=chosen)


A = "acme / admira"
EXPECTED: dict[str, Any] = {
    "Availability, month to date": {A: [99.71], "bar / admira": [100]},
    "Above the committed level": {A: [pytest.approx(0.0071)], "bar / admira": [pytest.approx(0.01)]},
    "Open alerts": {"critical": [1], "warning": [0]},
    "Players down now": {A: [pytest.approx(2 / 3)], "bar / admira": [0]},
    "Figure against its levels": {
        f"{A} availability": [0.9971] * 4,
        f"{A} objective": [0.999] * 4,
        f"{A} committed": [0.99] * 4,
        f"{A} termination": [0.97] * 4,
        "bar / admira availability": [1] * 4,
        "bar / admira objective": [0.999] * 4,
        "bar / admira committed": [0.99] * 4,
        "bar / admira termination": [0.97] * 4,
    },
    "Players down against the limit": {
        f"{A} down": [0, pytest.approx(1 / 3), pytest.approx(2 / 3), pytest.approx(2 / 3)],
        f"{A} limit": [0.2] * 4,
        "bar / admira down": [0] * 4,
        "bar / admira limit": [0.2] * 4,
    },
    "Platform and players apart": {
        f"{A} platform": [0.999] * 4,
        f"{A} players": [0.9966] * 4,
        "bar / admira platform": [0.999] * 4,
        "bar / admira players": [0.9966] * 4,
    },
    "Coverage": {
        f"{A} platform": [1] * 4,
        f"{A} players": [0.95] * 4,
        "bar / admira platform": [1] * 4,
        "bar / admira players": [0.95] * 4,
    },
    "Players affected this month against the limit": {
        f"{A} affected": [0, pytest.approx(1 / 3), pytest.approx(2 / 3), pytest.approx(2 / 3)],
        f"{A} limit": [0.2] * 4,
    },
    "Burn of the error budget": {f"{A} 6h burns": [0, 3, 6, 6], f"{A} 6h limit": [6] * 4},
    "Open alerts, with their reasons": [
        {
            "severity": "critical",
            "tenant": "acme",
            "contract": "admira",
            "kind": "players_down",
            "opened_ms": THEN_MS + 2 * STEP_MS,
            "summary": "ADmira (acme): more than 20 % of the players are down",
            "reason": "2 of 3 players (66.67 %) down",
        }
    ],
    "Alerts that closed": [
        {
            "severity": "warning",
            "tenant": "acme",
            "contract": "admira",
            "kind": "players_unknown",
            "opened_ms": THEN_MS,
            "duration_ms": STEP_MS,
            "summary": "ADmira (acme): more than 20 % of the players are down",
            "close_reason": "0 of 3 players (0.00 %) unknown",
        }
    ],
    "Players by state, now": {
        "playing": [1],
        "idle": [0],
        "stopped": [0],
        "frozen": [2],
        "black": [0],
        "error": [0],
        "off": [0],
        "unknown": [1],
    },
    "Players by state": {
        "playing": [3, 2, 1, 1],
        "idle": [0] * 4,
        "stopped": [0] * 4,
        "frozen": [0, 1, 2, 2],
        "black": [0] * 4,
        "error": [0] * 4,
        "off": [0] * 4,
        "unknown": [1] * 4,
    },
    "Players that do not play, now": [
        {
            "tenant": "acme",
            "site": site,
            "device": device,
            "output": "main",
            "state": state,
            "cause": cause,
            "state_age_ms": 60_000,
            "evidence_age_ms": 4_000,
            "link": link,
            "emitting": 1,
        }
        for site, device, state, cause, link in (
            ("st.pau-2", "player-01", "frozen", "player_software", "online"),
            ("gracia", "player-02", "frozen", "player_software", "online"),
            ("gracia", "player-03", "unknown", None, "silent"),
        )
    ],
    "Answer time": {"acme / portal": [100, 101, 102, 103]},
    "Platform up and down": {"acme / portal": [0, 2, 0, 0]},
    "What the device's outputs did": {"player-02 / main": [0, 0, 3, 3]},
    "Closed runs that were not playing": [
        {
            "output": "main",
            "state": state,
            "cause": cause,
            "duration_ms": length_ms,
            "clock": "synced",
            "detail": detail,
        }
        for state, cause, length_ms, detail in (
            ("off", "power", 9_000, "run 3"),
            ("frozen", "player_software", 7_000, "run 2"),
        )
    ],
    "Time not playing, by cause": {"player_software": [7_000], "power": [9_000]},
    "Processor, memory and disk": {
        "player-02 cpu": [10, 11, 12, 13],
        "player-02 memory": [40] * 4,
        "player-02 disk": [70.5] * 4,
    },
    "Temperature": {"player-02": [51] * 4},
    "Age of the newest evidence": {"player-02 / main": [4_000] * 4},
    "Alerts opened": [
        {
            "summary": "ADmira (acme): more than 20 % of the players are down",
            "reason": "13 of 40 players (32.50 %) down since 10:02:11Z, limit 20 %",
            "kind": "players_unknown",
        },
        {
            "summary": "ADmira (acme): more than 20 % of the players are down",
            "reason": "2 of 3 players (66.67 %) down",
            "kind": "players_down",
        },
    ],
    "Alerts closed": [
        {
            "summary": "ADmira (acme): more than 20 % of the players are down",
            "close_reason": "0 of 3 players (0.00 %) unknown",
            "kind": "players_unknown",
        }
    ],
}


async def test_every_panel_and_annotation_shows_the_values_that_were_written(filled: InfluxServer) -> None:
    assert board(filled, device="player-02").show() == EXPECTED


async def test_every_variable_offers_what_is_there_and_depends_on_the_ones_before_it(filled: InfluxServer) -> None:
    everything = board(filled)
    assert everything.options == {
        "tenant": ["acme", "bar"],
        "contract": ["admira"],
        "site": ["gracia", "sants", "st.pau-2"],
        "device": ["player-01", "player-02", "player-03"],
    }
    bar = board(filled, tenant="bar")
    assert bar.options["site"] == ["sants"]
    assert bar.options["device"] == ["player-01"]
    assert board(filled, site="gracia").options["device"] == ["player-02", "player-03"]


async def test_a_tenant_that_is_picked_shows_nothing_of_the_others(filled: InfluxServer) -> None:
    shown = board(filled, tenant="bar").show()
    assert shown["Availability, month to date"] == {"bar / admira": [100]}
    assert shown["Players by state"]["playing"] == [1] * 4
    assert shown["Open alerts"] == {"critical": [0], "warning": [0]}
    assert "acme" not in json.dumps(shown)


async def test_several_sites_can_be_picked_and_a_dot_in_a_name_is_a_dot(filled: InfluxServer) -> None:
    both = board(filled, site=["st.pau-2", "sants"]).show()
    assert both["Players by state"]["playing"] == [2, 1, 1, 1]
    one = board(filled, site="st.pau-2")
    assert one.options["device"] == ["player-01"]
    assert one.fill('"site" =~ /^$site$/') == r'"site" =~ /^st\.pau-2$/'


def test_there_is_an_expectation_for_every_panel() -> None:
    titles = {query.owner for query in queries(DASHBOARD)}
    assert titles == set(EXPECTED)
    assert titles >= {panel["title"] for panel in panels(DASHBOARD) if panel["type"] != "row"}


def test_every_query_is_bounded_in_time_and_goes_to_the_chosen_data_source() -> None:
    for query in queries(DASHBOARD):
        assert "$timeFilter" in query.text, query.owner
    for panel in panels(DASHBOARD):
        for target in panel.get("targets", []):
            assert target["datasource"]["uid"] == "${datasource}", panel["title"]
            assert target["rawQuery"] is True


def test_panels_have_their_own_ids_and_places() -> None:
    found = list(panels(DASHBOARD))
    assert len({panel["id"] for panel in found}) == len(found)
    for first, second in combinations([panel["gridPos"] for panel in found], 2):
        apart = (
            first["x"] + first["w"] <= second["x"]
            or second["x"] + second["w"] <= first["x"]
            or first["y"] + first["h"] <= second["y"]
            or second["y"] + second["h"] <= first["y"]
        )
        assert apart, (first, second)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in found)


def test_states_have_the_codes_and_names_that_points_give_them() -> None:
    timeline = next(panel for panel in panels(DASHBOARD) if panel["title"] == "What the device's outputs did")
    options = timeline["fieldConfig"]["defaults"]["mappings"][0]["options"]
    names = {int(code): option["text"] for code, option in options.items()}
    assert {state: code for code, state in names.items()} == {
        state: code for state, code in points.STATE_CODES.items() if state not in {"up", "down"}
    }


def test_the_provisioning_files_say_what_the_dashboard_and_the_writer_need() -> None:
    folder = ROOT / "dashboards" / "provisioning"
    sources = sorted((folder / "datasources").glob("*.yaml"))
    assert len(sources) == 3
    for file in sources:
        (source,) = yaml.safe_load(file.read_text(encoding="utf-8"))["datasources"]
        assert source["type"] == "influxdb", file.name
        assert source["jsonData"]["version"] == "InfluxQL", file.name
        assert source["jsonData"]["dbName"] == InfluxConfig(url="http://x").database, file.name
    (provider,) = yaml.safe_load((folder / "dashboards" / "signwatch.yaml").read_text(encoding="utf-8"))["providers"]
    assert provider["options"]["path"].endswith("/signwatch")


def test_every_name_that_is_written_is_documented() -> None:
    text = (ROOT / "docs" / "influx.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`([a-z0-9_-]+)`", text))
    written: set[str] = set()
    for line in lines():
        head, fields, _ = re.split(r"(?<!\\) (?=[a-z_]+=|\d+$)", line, maxsplit=2)
        measurement, *tags = head.split(",")
        written |= {measurement, *(tag.split("=")[0] for tag in tags)}
        written |= set(re.findall(r"(?:^|,)([a-z0-9_]+)=", re.sub(r'"(?:[^"\\]|\\.)*"', '""', fields)))
    assert len(written) > 60
    host = {"cpu_percent", "memory_used_percent", "disk_used_percent", "temperature_c"}  # the agent's own names
    assert written - documented - host == set()
