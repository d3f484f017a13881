"""Every query of the NOC dashboard against an InfluxDB that a real collector has written, compared with the ledger."""

import asyncio
import json
from typing import Any

import pytest

from common.clock import SystemClock
from common.tasks import cancel, spawn
from simulator.fleet import Fleet, player_names
from simulator.link import Server
from tests.dashboards.queries import NOC, Board, queries
from tests.fixtures.influx import InfluxServer
from tests.fixtures.site import TENANT, Site
from tests.fixtures.waiting import until, wait_until

pytestmark = pytest.mark.system

PLAYERS = 10
FROZEN = 3
HOST_PANELS = {"Processor, memory and disk", "Temperature"}  # virtual players have no such thing
PLATFORM = """
[[platforms]]
tenant = "{tenant}"
id = "portal"
contract = "admira"
[platforms.check]
url = "{url}/healthz"
interval_s = 1
"""
CONFIG = """
[alerts]
hold_s = 1
release_s = 1
[influx]
version = 1
url = "{url}"
create_database = true
flush_s = 0.2
"""


async def test_every_panel_shows_what_the_ledger_says(site: Site, influx: InfluxServer) -> None:
    names = player_names(PLAYERS)
    await asyncio.to_thread(site.start_collector, CONFIG.format(url=influx.url))
    portal = PLATFORM.format(tenant=TENANT, url=site.url)
    await asyncio.to_thread(lambda: site.register(*names, more=portal))
    server = Server(site.broker.host, site.broker.port)
    fleet = Fleet(names, tenant=TENANT, server=server, interval_s=1)
    running = spawn(fleet.run(), "fleet")
    try:
        for name in names:
            await asyncio.to_thread(site.wait_for_state, name, "playing")
        for name in names[:FROZEN]:
            fleet.players[name].show("frozen")
        await until(lambda: asyncio.to_thread(panels_agree, site, influx), "the dashboard shows what the API shows")
        during = await asyncio.to_thread(filled_panels, influx)
        for name in names[:FROZEN]:
            fleet.players[name].show("playing")
        everything = {query.owner for query in queries(json.loads(NOC.read_text(encoding="utf-8")))}
        await until(
            lambda: asyncio.to_thread(lambda: filled_panels(influx) | during >= everything - HOST_PANELS),
            "every panel has shown something",
            60,
        )
        await asyncio.to_thread(runs_agree, site, influx, names[:FROZEN])
    finally:
        await cancel(running)


def show(influx: InfluxServer) -> dict[str, Any]:
    """Run every query of the dashboard over the last five minutes."""
    now_ms = SystemClock().wall_ms()
    return Board(NOC, influx, now_ms - 300_000, now_ms, chosen={"device": "player-0001"}).show()


def filled_panels(influx: InfluxServer) -> set[str]:
    """The panels that show something."""
    return {title for title, values in show(influx).items() if values}


def panels_agree(site: Site, influx: InfluxServer) -> bool:
    """Whether every query answers, and shows the fleet, the figure and the alarm as the collector's API does."""
    figure = site.figure()
    shown = show(influx)
    agreement = f"{TENANT} / admira"
    states = shown["Players by state, now"]
    return bool(
        {state: counts[-1:] for state, counts in states.items() if counts[-1:] != [0]}
        == {"playing": [PLAYERS - FROZEN], "frozen": [FROZEN]}
        and shown["Players down now"] == {agreement: [pytest.approx(FROZEN / PLAYERS)]}
        and shown["Availability, month to date"] == {agreement: [pytest.approx(float(figure["percent"]))]}
        and shown["Open alerts"] == {"critical": [1], "warning": [0]}
    )


def runs_agree(site: Site, influx: InfluxServer, names: list[str]) -> None:
    """The closed runs in InfluxDB are those of the ledger, to the millisecond."""
    for name in names:
        closed = [(run["start_ms"], run["end_ms"], run["seq"]) for run in site.runs(name) if run["closed"]]
        assert closed
        query = f"SELECT end_ms, seq FROM run WHERE device = '{name}'"  # noqa: S608 - the test's own names

        def written(query: str = query) -> list[tuple[int, int, int]]:
            return [(row["time"], row["end_ms"], row["seq"]) for row in influx.rows(query)]

        wait_until(lambda found=closed: written() == found, f"the runs of {name} are in InfluxDB")  # type: ignore[misc]
