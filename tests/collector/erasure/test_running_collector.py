"""A running collector forgets an erased tenant at once, while its players go on sending."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from collector.influx.config import InfluxConfig
from collector.influx.erase import erase_points
from collector.influx.transport import V1
from common.clock import SystemClock
from signwatch.cli import main
from tests.fixtures.influx import ADMIN, InfluxServer, StartInflux
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.processes import Processes
from tests.fixtures.site import TENANT, Site
from tests.fixtures.waiting import wait_until

PLAYERS = ("player-0001", "player-0002")


def simulate(processes: Processes, broker: Mosquitto, tenant: str) -> None:
    where = ["--host", broker.host, "--port", str(broker.port), "--tenant", tenant]
    processes.signwatch("simulate", *where, "--players", "2", "--interval-s", "1", name=f"simulate-{tenant}")


@pytest.mark.system
def test_an_erased_tenant_is_gone_from_page_ledger_and_points_and_its_players_are_newcomers(
    processes: Processes, site: Site, start_influx: StartInflux, capsys: pytest.CaptureFixture[str]
) -> None:
    influx = start_influx()
    influx.create()
    settings = f'[influx]\nurl = "{influx.url}"\nversion = 1\nflush_s = 0.1\n'
    site.start_collector(settings)
    site.register(*PLAYERS)
    simulate(processes, site.broker, TENANT)
    simulate(processes, site.broker, "zeta")
    for player in PLAYERS:
        site.wait_for_state(player, "playing")
    wait_until(lambda: tagged(influx, "zeta") and tagged(influx, TENANT), "points of both are there")

    config = str(site.folder / "collector.toml")
    command = ["tenant", "erase", TENANT, "--config", config, "--why", "a trial", "--yes"]
    assert main(command) == 1
    assert "2 of its subjects are active" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0
    assert "series with tenant=acme were deleted" in capsys.readouterr().out

    assert site.get("/api/v1/players")["players"] == []
    assert site.get("/api/v1/figures")["figures"] == []
    wait_until(lambda: strangers(site) >= {(TENANT, player) for player in PLAYERS}, "its players are newcomers")
    assert site.health()["ok"]
    site.register(*PLAYERS)  # a new contract: it begins with what was sent since
    site.wait_for_state(PLAYERS[0], "playing")
    assert tagged(influx, "zeta")
    assert main(["ledger", "verify", "--config", config]) == 0
    assert "erased a tenant by decision" in capsys.readouterr().out


@pytest.mark.system
async def test_the_points_of_one_tenant_are_deleted_from_a_real_influxdb(start_influx: StartInflux) -> None:
    influx = start_influx(auth=True)
    influx.create()
    config = InfluxConfig(url=influx.url, version=1, username=ADMIN[0], password=ADMIN[1])
    lines = "".join(f"{name},tenant={tenant} x=1 1772323200000\n" for name in "ab" for tenant in ("acme", "acme2"))
    transport = V1(config, SystemClock())
    assert (await transport.write(lines.encode())).status == 204
    await transport.close()
    assert tagged(influx, "acme")
    assert await erase_points(config, "acme") == (True, f"series with tenant=acme were deleted at {influx.url}")
    assert not tagged(influx, "acme")
    assert tagged(influx, "acme2")
    wrong = replace(config, password="guess")
    done, said = await erase_points(wrong, "acme2")
    assert not done
    assert "it answered 401" in said
    missing, said = await erase_points(replace(config, database="nowhere"), "acme2")
    assert not missing
    assert "database not found: nowhere" in said
    influx.stop()
    gone, said = await erase_points(config, "acme2")
    assert not gone
    assert said.startswith("NOT erased at http://127.0.0.1:")


def tagged(influx: InfluxServer, tenant: str) -> bool:
    """Whether any measurement has a point of the tenant."""
    return bool(influx.query(f"SELECT * FROM /.*/ WHERE tenant = '{tenant}' LIMIT 1"))  # noqa: S608  # InfluxQL of our own


def strangers(site: Site) -> set[tuple[str, str]]:
    return {(each["tenant"], each["device"]) for each in site.get("/api/v1/newcomers")["newcomers"]}
