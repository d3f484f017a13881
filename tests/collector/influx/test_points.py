from __future__ import annotations

import urllib.request
from fractions import Fraction

from collector.influx import points
from collector.views import PlatformView, RunView
from tests.collector.alerts.samples import NOW_MS, alert, burning, figure, player
from tests.fixtures.influx import InfluxServer, StartInflux
from wire.messages import Heartbeat, Run


def write(influx: InfluxServer, *lines: str) -> None:
    url = f"{influx.url}/write?db=signwatch&precision=ms"
    urllib.request.urlopen(urllib.request.Request(url, data="\n".join(lines).encode()), timeout=60).close()


def run_view(**changes: object) -> RunView:
    view = {
        "start_ms": NOW_MS - 90_000,
        "end_ms": NOW_MS,
        "state": "frozen",
        "cause": "player_software",
        "detail": "time-pos stood at 12.4 s",
        "clock": "synced",
        "closed": True,
        "spool": "9f2c4b5a7d8e1f20",
        "seq": 17,
    }
    return RunView(**{**view, **changes})  # type: ignore[arg-type]


def test_a_player_is_one_line_with_its_place_as_tags() -> None:
    assert points.player_point(player(), NOW_MS) == (
        "player,device=player-01,output=main,site=gracia,tenant=acme "
        'contract="admira",emitting=1i,evidence_age_ms=4000i,link="online",name="Gràcia, window",playing=1i,'
        f'state="playing",state_age_ms=3600000i,state_code=0i,unknown=0i {NOW_MS}'
    )


def test_a_place_that_is_not_known_is_a_dash() -> None:
    line = points.player_point(player(site=None, since_ms=None, evidence_ms=None, state="unknown", cause=None), NOW_MS)
    assert line.startswith("player,device=player-01,output=main,site=-,tenant=acme ")
    assert "age_ms" not in line


def test_the_fleet_is_counted_by_state_with_zeros() -> None:
    fleet = [
        player("player-01"),
        player("player-02", state="frozen"),
        player("player-03", state="unknown", emitting=False),
        player("player-04", site=None, contract=None),
    ]
    gracia, nowhere = points.fleet_points(fleet, NOW_MS)[1], points.fleet_points(fleet, NOW_MS)[0]
    assert gracia == (
        "fleet,contract=admira,site=gracia,tenant=acme black_count=0i,emitting_count=2i,error_count=0i,frozen_count=1i,"
        "idle_count=0i,off_count=0i,players_count=3i,playing_count=1i,stopped_count=0i,unknown_count=1i "
        f"{NOW_MS}"
    )
    assert nowhere.startswith("fleet,contract=-,site=-,tenant=acme ")


def test_hostile_texts_stay_inside_their_field(influx: InfluxServer) -> None:
    evil = 'a",state="playing" 1\nfleet,tenant=acme players_count=999i\r\n\\" \x00\t=,'
    write(influx, points.run_point("acme", None, "player-01", "main", run_view(detail=evil)))
    (row,) = influx.rows('SELECT "detail", "duration_ms" FROM "run" GROUP BY *')
    assert row["detail"] == 'a",state="playing" 1 fleet,tenant=acme players_count=999i  \\"   =,'
    assert (row["site"], row["state"], row["duration_ms"]) == ("-", "frozen", 90_000)
    assert influx.rows('SELECT * FROM "fleet"') == []


def test_two_runs_that_start_together_keep_their_own_points_and_a_repeated_one_changes_nothing(
    influx: InfluxServer,
) -> None:
    first = points.run_point("acme", "gracia", "player-01", "main", run_view())
    other_spool = points.run_point("acme", "gracia", "player-01", "main", run_view(spool="1111111122222222", seq=1))
    other_output = points.run_point("acme", "gracia", "player-01", "side", run_view(seq=18))
    write(influx, first, other_spool, other_output)
    write(influx, first)
    assert len(influx.rows('SELECT "duration_ms" FROM "run" GROUP BY *')) == 3


def test_a_heartbeat_gives_a_line_for_each_output_and_one_for_the_host(influx: InfluxServer) -> None:
    heartbeat = Heartbeat(
        boot="b",
        sent_ms=1,
        mono_ms=100_000,
        synced=True,
        spool="s",
        open=[
            Run(seq=1, output="main", state="playing", start_ms=1, start_mono_ms=40_000),
            Run(seq=2, output="side", state="black", start_ms=1, start_mono_ms=99_000),
        ],
        host={
            "cpu_percent": 12,
            "memory_used_bytes": 2**40,
            "on_battery": True,
            "spool_error": "ENOSPC",
            "temperature_celsius": None,
            "Bad key": 1,
            "fs.var-lib.used_percent": 40.5,
            "drive.sda.health": "passed",
            "evil.figure": 1,
            "check.Portal": 1,
            "x" * 64: 1,
        },
    )
    lines = points.heartbeat_points("acme", "gracia", "player-01", heartbeat, NOW_MS)
    write(influx, *lines)
    main, side = influx.rows('SELECT * FROM "heartbeat" GROUP BY "output"')
    assert (main["state"], main["state_code"], main["playing"], main["run_age_ms"]) == ("playing", 0, 1, 60_000)
    assert (side["state"], side["state_code"], side["playing"], side["run_age_ms"]) == ("black", 4, 0, 1_000)
    (host,) = influx.rows('SELECT * FROM "host"')
    assert host == {
        "time": NOW_MS,
        "tenant": "acme",
        "site": "gracia",
        "device": "player-01",
        "cpu_percent": 12,
        "memory_used_bytes": 2**40,
        "on_battery": 1,
        "spool_error_text": "ENOSPC",
        "fs.var-lib.used_percent": 40.5,
        "drive.sda.health_text": "passed",
    }
    later = points.heartbeat_points(
        "acme", "gracia", "player-01", Heartbeat(**{**_dict(heartbeat), "host": {"cpu_percent": 12.5}}), NOW_MS + 1
    )
    write(influx, *later)  # an integer and then a fraction: no field changes its type
    assert [row["cpu_percent"] for row in influx.rows('SELECT "cpu_percent" FROM "host"')] == [12, 12.5]


def test_a_host_without_figures_has_no_line() -> None:
    heartbeat = Heartbeat(boot="b", sent_ms=1, mono_ms=1, synced=True, spool="s", open=[], host={})
    assert points.heartbeat_points("acme", None, "player-01", heartbeat, NOW_MS) == []


def test_a_figure_carries_levels_shares_and_what_is_not_known_is_absent(influx: InfluxServer) -> None:
    view = figure(down_now=13, coverage_players=None, affected_players=None, met=None, percent="99.71")
    write(influx, points.figure_point(view), *points.threshold_points(view))
    (row,) = influx.rows('SELECT * FROM "figure"')
    assert row["availability_ratio"] == 0.9971
    assert row["availability_percent"] == 99.71
    assert (row["objective_ratio"], row["committed_ratio"], row["termination_ratio"]) == (0.999, 0.99, 0.97)
    assert (row["platform_weight_ratio"], row["players_weight_ratio"]) == (0.2, 0.8)
    assert (row["players_down_now_count"], row["players_down_now_ratio"]) == (13, 0.325)
    assert row["coverage_platform_ratio"] == 1
    assert row["month"] == "2026-03"
    assert not {"met", "coverage_players_ratio", "players_affected_count"} & set(row)
    shares = {row["kind"]: row for row in influx.rows('SELECT * FROM "threshold"')}
    assert set(shares) == {"players_down", "players_unknown"}
    assert shares["players_down"]["share_ratio"] == 0.325
    assert (shares["players_down"]["limit_ratio"], shares["players_down"]["over"]) == (0.2, 1)
    assert shares["players_unknown"]["over"] == 0


def test_how_fast_the_budget_burns_is_a_line_for_each_pair_of_windows(influx: InfluxServer) -> None:
    slow = burning(1, Fraction(1, 2), 1, severity="warning", long_ms=259_200_000, short_ms=21_600_000)
    write(influx, *points.burn_points(figure(burn=(burning(6, 7), slow))))
    fast, rest = sorted(influx.rows('SELECT * FROM "burn"'), key=lambda row: row["severity"])
    assert (fast["window"], fast["long_rate"], fast["short_rate"], fast["rate"]) == ("6h", 6, 7, 6)
    assert (fast["limit_rate"], fast["short_ms"], fast["over"]) == (6, 1_800_000, 1)
    assert (rest["window"], rest["rate"], rest["severity"], rest["over"]) == ("3d", 0.5, "warning", 0)


def test_exactly_the_limit_is_not_over_it() -> None:
    line = next(line for line in points.threshold_points(figure(down_now=8)) if "kind=players_down" in line)
    assert "over=0i" in line


def test_an_alert_is_open_until_its_closing_says_otherwise(influx: InfluxServer) -> None:
    write(influx, points.alert_point(alert()))
    write(influx, points.alert_point(alert(), NOW_MS + 15_000))
    closed = alert(closed_ms=NOW_MS + 20_000, close_reason="6 of 40 players (15.00 %) down")
    write(influx, points.alert_point(closed))
    rows = influx.rows(
        'SELECT "open", "duration_ms", "reason", "close_reason" FROM "alert" GROUP BY "kind", "severity"'
    )
    assert [(row["time"] - NOW_MS, row["open"], row["duration_ms"]) for row in rows] == [
        (0, 1, 0),
        (15_000, 1, 15_000),
        (20_000, 0, 20_000),
    ]
    assert rows[-1]["close_reason"] == "6 of 40 players (15.00 %) down"
    assert (rows[0]["kind"], rows[0]["severity"]) == ("players_down", "critical")


def test_no_open_alert_is_said_as_a_zero() -> None:
    views = [alert(), alert(kind="players_unknown", severity="warning"), alert(agreement="bar/admira")]
    assert points.open_alert_points([figure(), figure(tenant="caf")], views, NOW_MS) == [
        f"alerts_open,contract=admira,tenant=acme critical_count=1i,warning_count=1i {NOW_MS}",
        f"alerts_open,contract=admira,tenant=caf critical_count=0i,warning_count=0i {NOW_MS}",
    ]


def test_a_snapshot_says_everything_that_is_true_now(influx: InfluxServer) -> None:
    portal = PlatformView(
        subject="acme/portal",
        tenant="acme",
        platform="portal",
        name="Portal",
        contract="admira",
        state="down",
        cause="platform",
        detail="HTTP 500",
        since_ms=NOW_MS - 30_000,
        evidence_ms=NOW_MS,
        url="https://portal.example/",
        latency_ms=321,
    )
    lines = points.snapshot_points([player()], [portal], [figure(burn=(burning(1, 2),))], [alert()], NOW_MS)
    write(influx, *lines)
    names = {value for series in influx.query("SHOW MEASUREMENTS") for (value,) in series.values}
    assert names == {"player", "fleet", "platform", "figure", "threshold", "burn", "alert", "alerts_open"}
    (row,) = influx.rows('SELECT * FROM "platform"')
    assert (row["platform"], row["state"], row["up"], row["latency_ms"], row["state_age_ms"]) == (
        "portal",
        "down",
        0,
        321,
        30_000,
    )


def test_a_thousand_players_make_a_few_thousand_series_and_not_more(start_influx: StartInflux) -> None:
    influx = start_influx()
    influx.create()
    for minute in range(3):
        fleet = [player(f"player-{number:04d}", state="playing") for number in range(1000)]
        write(influx, *points.snapshot_points(fleet, [], [figure()], [alert()], NOW_MS + minute * 60_000))
    ((count,),) = (series.values[0] for series in influx.query('SHOW SERIES CARDINALITY ON "signwatch"'))
    assert count <= 1000 + 1 + 1 + 3 + 1 + 1


def _dict(heartbeat: Heartbeat) -> dict[str, object]:
    return {name: getattr(heartbeat, name) for name in heartbeat.__struct_fields__}
