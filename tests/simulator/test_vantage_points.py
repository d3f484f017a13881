"""Virtual vantage points against the real collector: whose failure is the portal's?"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collector.app import Collector
from collector.timelines import outages_between
from common.tasks import cancel, spawn
from simulator.fleet import Fleet, player_names
from simulator.portal import Portal
from tests.fixtures.waiting import until
from tests.simulator.test_fleet import TENANT, make_collector, server_of

POINTS = player_names(3)
REGISTRY = f"""
[[tenants]]
id = "{TENANT}"
[[platforms]]
tenant = "{TENANT}"
id = "portal"
check.votes = {{points = {json.dumps(POINTS)}, patience_s = 5}}
"""
DEVICES = "".join(f'[[devices]]\ntenant = "{TENANT}"\nid = "{name}"\n' for name in player_names(4))


class Sky:
    """A collector, four virtual players of whom three vote, and what the collector makes of it."""

    def __init__(self, collector: Collector, fleet: Fleet) -> None:
        self.collector, self.fleet = collector, fleet

    async def sees(self, state: str, *votes: str | None) -> None:
        def seen() -> bool:
            view = self.collector.live.platform_view(self.collector.live.fleet.registry.subjects[f"{TENANT}/portal"])
            told = [vote.state for vote in view.votes.votes] if view.votes else []
            return (view.state, told) == (state, list(votes))

        await until(seen, f"the portal is {state} by {votes}")

    def down_ms(self) -> int:
        live = self.collector.live.fleet
        subject = live.registry.subjects[f"{TENANT}/portal"]
        now_ms = self.collector.clock.wall_ms()
        found = self.collector.ledger.read_now(
            lambda connection: outages_between(connection, live.registry, subject, 0, now_ms, now_ms)
        )
        return sum(one.end_ms - one.start_ms for one in found)


@pytest.fixture
async def sky(tmp_path: Path) -> AsyncIterator[Sky]:
    collector = await make_collector(tmp_path, player_names(4), REGISTRY + DEVICES)
    fleet = Fleet(
        player_names(4),
        server_of(collector),
        tenant=TENANT,
        interval_s=0.5,
        passwords="p",
        connects_per_s=1000,
        portal=Portal("portal"),
        points=POINTS,
    )
    living = spawn(fleet.run(), "fleet")
    yield Sky(collector, fleet)
    await cancel(living)
    await collector.stop()


async def test_only_what_fails_for_all_who_can_tell_is_the_portals_failure(sky: Sky) -> None:
    one, other, third = (sky.fleet.players[name] for name in POINTS)
    await sky.sees("up", "up", "up", "up")
    one.lose_portal("no route from this operator")
    await sky.sees("up", "down", "up", "up")
    other.lose_network()
    await sky.sees("up", "down", None, "up")  # one against one is not proven down
    assert other.vote is not None
    assert other.vote.state == "unknown"
    other.find_network()
    one.find_portal()
    await sky.sees("up", "up", "up", "up")
    assert sky.down_ms() == 0
    for point in (one, other, third):
        point.lose_portal("status 503, expected 200")
    await sky.sees("down", "down", "down", "down")
    for point in (one, other, third):
        point.find_portal()
    await sky.sees("up", "up", "up", "up")
    await until(lambda: sky.fleet.stats().backlog == 0, "every vote is acknowledged")
    assert sky.down_ms() > 0
    assert sky.fleet.players["player-0004"].vote is None


async def test_what_a_vantage_point_saw_is_in_the_truth_and_nothing_else_than_its_screens_for_others(sky: Sky) -> None:
    await sky.sees("up", "up", "up", "up")
    sky.fleet.players["player-0001"].lose_network()
    sky.fleet.players["player-0001"].find_network()
    truth = sky.fleet.truth
    truth.finish(truth.runs[-1].end_ms + 1)
    seen = [run.state for run in truth.runs if run.subject == f"{TENANT}/player-0001/check.portal"]
    assert seen[:1] == ["up"]
    assert {run.subject for run in truth.runs if "player-0004" in run.subject} == {f"{TENANT}/player-0004/main"}
