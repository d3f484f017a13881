"""The simulator against the real collector, in one process: does the ledger hold what the screens showed?"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from collector.app import Collector
from collector.broker.credentials import PasswordHash, write_credentials
from collector.config import BrokerConfig, CollectorConfig, LedgerConfig, MqttConfig, WebConfig
from collector.evidence import RunRow
from collector.ledger import schema
from collector.ledger.registry_store import apply_request
from collector.ledger.run_queries import runs_of
from collector.registry.files import SourceFile
from collector.registry.plan import ApplyRequest
from common.clock import SystemClock
from common.tasks import cancel, spawn
from simulator.fleet import Fleet, player_names
from simulator.link import Server
from simulator.past import Offline
from simulator.script import Fault, Script
from simulator.truth import TrueRun
from tests.fixtures.waiting import until
from wire.topics import Address

INTERVAL_S = 0.5
SLACK_MS = 500  # none as a rule: what a busy machine puts between two looks at the clock
TENANT = "acme"


@dataclass
class Stage:
    collector: Collector
    fleet: Fleet

    async def everything_arrived(self) -> None:
        await until(lambda: self.fleet.stats().connected == len(self.fleet.players), "all players are connected")
        await until(lambda: self.fleet.stats().backlog == 0, "the backlog is acknowledged")

    def ledger(self, player: str) -> list[RunRow]:
        read = self.collector.ledger.read_now
        return read(lambda connection: runs_of(connection, Address(TENANT, player), "main", 0, 2**53))

    def truth(self, player: str) -> list[TrueRun]:
        return [run for run in self.fleet.truth.runs if run.subject == f"{TENANT}/{player}/main"]


async def make_collector(folder: Path, players: list[str], registry: str = "") -> Collector:
    users = {
        "collector": PasswordHash.of("c"),
        **dict.fromkeys((f"{TENANT}/{p}" for p in players), PasswordHash.of("p")),
    }
    write_credentials(folder / "credentials.toml", users)  # type: ignore[arg-type]
    config = CollectorConfig(
        ledger=LedgerConfig(path=str(folder / "ledger.db")),
        mqtt=MqttConfig(username="collector", password="c"),
        broker=BrokerConfig(listen="127.0.0.1:0", credentials=str(folder / "credentials.toml")),
        web=WebConfig(listen="127.0.0.1:0"),
    )
    collector = Collector(config)
    if registry:
        request = ApplyRequest([SourceFile("registry.toml", registry)], "tests")
        await collector.ledger.write(lambda found: apply_request(found, request, collector.clock.wall_ms()))
    await collector.start()
    return collector


@pytest.fixture
async def collector(tmp_path: Path) -> AsyncIterator[Collector]:
    running = await make_collector(tmp_path, player_names(6))
    yield running
    await running.stop()


def server_of(collector: Collector) -> Server:
    assert collector.broker is not None
    return Server("127.0.0.1", collector.broker.port, max_backoff_s=0.2)


@pytest.fixture
async def stage(collector: Collector) -> AsyncIterator[Stage]:
    fleet = Fleet(
        player_names(2), server_of(collector), tenant=TENANT, interval_s=INTERVAL_S, passwords="p", connects_per_s=1000
    )
    living = spawn(fleet.run(), "fleet")
    stage = Stage(collector, fleet)
    for player in fleet.players:  # seen twice: from here on there is a run with a length to lose
        await until(lambda p=player: any(run.end_ms > run.start_ms for run in stage.ledger(p)), f"{player} is seen")
    yield stage
    await cancel(living)


def states(runs: list[RunRow] | list[TrueRun]) -> list[str]:
    return [run.state for run in runs]


async def test_what_is_on_the_screen_is_in_the_ledger_to_the_millisecond(stage: Stage) -> None:
    player = stage.fleet.players["player-0001"]
    for state in ("frozen", "playing", "black", "playing"):
        player.show(state)  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
    await stage.everything_arrived()
    stage.fleet.truth.finish(stage.truth("player-0001")[-1].end_ms + 1)
    closed = [run for run in stage.ledger("player-0001") if run.closed]
    told = [(run.state, run.start_ms, run.end_ms) for run in closed]
    shown = [(run.state, run.start_ms, run.end_ms) for run in stage.truth("player-0001")[: len(told)]]
    assert states(closed) == ["playing", "frozen", "playing", "black"]
    assert all(
        abs(one[1] - other[1]) <= SLACK_MS and abs(one[2] - other[2]) <= SLACK_MS
        for one, other in zip(told, shown, strict=True)
    )


async def test_a_lost_link_sends_the_will_and_leaves_no_trace_in_the_ledger(stage: Stage) -> None:
    player = stage.fleet.players["player-0001"]
    player.lose_link()
    await until(lambda: said_gone(stage, "player-0001"), "the last will has arrived")
    for state in ("error", "playing"):
        player.show(state)  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
    assert player.backlog == 2
    player.find_link()
    await stage.everything_arrived()
    await until(lambda: len(stage.ledger("player-0001")) == 3, "the open run has been stated")
    runs = stage.ledger("player-0001")
    assert states(runs) == ["playing", "error", "playing"]
    assert [run.end_ms for run in runs[:-1]] == [run.start_ms for run in runs[1:]]


def said_gone(stage: Stage, player: str) -> bool:
    gone = select(schema.devices.c.gone).where(schema.devices.c.device == player)
    return bool(stage.collector.ledger.read_now(lambda connection: connection.scalar(gone)))


async def test_a_reboot_with_a_wrong_clock_is_put_right_when_a_time_source_is_found(stage: Stage) -> None:
    player = stage.fleet.players["player-0001"]
    player.cut_power()
    await asyncio.sleep(0.2)
    player.boot(wall_ms=0, cause="power")
    for state in ("black", "playing"):
        await asyncio.sleep(0.05)
        player.show(state)  # type: ignore[arg-type]
    await until(lambda: "black" in states(stage.ledger("player-0001")), "the runs with the wrong clock have arrived")
    player.discipline_clock()
    await until(lambda: {run.clock for run in stage.ledger("player-0001")} == {"synced"}, "they have been put right")
    await stage.everything_arrived()
    before, off, *after = stage.ledger("player-0001")
    assert (before.state, off.state, off.cause) == ("playing", "off", "power")
    assert states(after) == ["playing", "black", "playing"]
    assert before.end_ms == off.start_ms
    shown = stage.truth("player-0001")
    assert states(shown)[:2] == ["playing", "off"]
    assert before.start_ms < off.start_ms <= shown[0].end_ms + 1  # the last sign of life
    assert abs(off.end_ms - shown[1].end_ms) <= SLACK_MS


async def test_a_backlog_of_days_and_a_clock_that_is_set_leave_the_truth_in_the_ledger(collector: Collector) -> None:
    offline = Offline(days=7, changes_per_day=100)
    server = server_of(collector)
    fleet = Fleet(player_names(2), server, tenant=TENANT, interval_s=INTERVAL_S, passwords="p", offline=offline)
    living = spawn(fleet.run(), "fleet")
    stage = Stage(collector, fleet)
    await stage.everything_arrived()
    player = fleet.players["player-0001"]
    player.step_clock(-3_600_000)
    await asyncio.sleep(0.05)
    player.show("black")
    await asyncio.sleep(0.05)
    player.show("playing")
    await stage.everything_arrived()
    assert player.clock.wall_ms() < SystemClock().wall_ms() - 3_500_000
    await cancel(living)
    for name in fleet.players:
        told = {(run.state, run.start_ms, run.end_ms) for run in stage.truth(name)}
        closed = {(run.state, run.start_ms, run.end_ms) for run in stage.ledger(name) if run.closed}
        assert len(closed) >= 700
        assert {run for run in told if run[0] != "playing"} == {run for run in closed if run[0] != "playing"}


async def test_an_agent_that_vanished_leaves_a_gap_that_nobody_covers(stage: Stage) -> None:
    player = stage.fleet.players["player-0001"]
    player.kill_agent()
    await until(lambda: said_gone(stage, "player-0001"), "the last will has arrived")
    await asyncio.sleep(0.1)
    player.start_agent()
    await until(lambda: [run.closed for run in stage.ledger("player-0001")] == [True, False], "it reports again")
    before, after = stage.ledger("player-0001")
    assert (before.state, after.state) == ("playing", "playing")
    assert before.end_ms < after.start_ms
    assert before.spool == after.spool


async def test_a_lost_spool_begins_a_new_one(stage: Stage) -> None:
    player = stage.fleet.players["player-0001"]
    player.kill_agent()
    player.start_agent(spool_lost=True)
    await until(lambda: len({run.spool for run in stage.ledger("player-0001")}) == 2, "the new spool is in the ledger")
    assert {run.seq for run in stage.ledger("player-0001")} == {1}


async def test_a_script_makes_a_fleet_fail_and_the_truth_tells_it(collector: Collector) -> None:
    script = Script(
        faults=(
            Fault(at_s=0.3, players=["player-000[134]"], action="freeze", for_s=0.3),
            Fault(at_s=0.4, players="player-0001", action="lose_link", for_s=0.4),
            Fault(at_s=0.5, players=["player-0002"], action="reboot", downtime_s=0.2),
        )
    )
    names = player_names(6)
    fleet = Fleet(
        names, server_of(collector), tenant=TENANT, interval_s=INTERVAL_S, passwords="p", script=script, seed=7
    )
    living = spawn(fleet.run(), "fleet")
    stage = Stage(collector, fleet)
    await until(lambda: {"frozen", "off"} <= set(states(fleet.truth.runs)), "the script has been played")
    await stage.everything_arrived()
    await cancel(living)
    assert sum(run.state == "frozen" for run in fleet.truth.runs) == 3
    assert [run.subject for run in fleet.truth.runs if run.state == "off"] == ["acme/player-0002/main"]
    assert "off" in states(stage.ledger("player-0002"))
    for name in names:
        assert ("frozen" in states(stage.ledger(name))) == ("frozen" in states(stage.truth(name)))


async def test_a_fleet_ends_when_it_is_told_to_though_its_broker_hangs(collector: Collector) -> None:
    fleet = Fleet(player_names(3), server_of(collector), tenant=TENANT, interval_s=INTERVAL_S, passwords="p")
    living = spawn(fleet.run(), "fleet")
    await until(lambda: fleet.stats().connected == 3, "all players are connected")
    for player in fleet.players.values():
        client = player._link._client
        assert client is not None
        client.timeout = 0.1
        client._client.disconnect = lambda: 0  # type: ignore[method-assign,assignment,misc]  # it goes out, and nobody answers
    await asyncio.wait_for(cancel(living), 100)
    assert living.cancelled()


async def test_a_fleet_ends_though_aiomqtt_loses_the_cancellation(collector: Collector) -> None:
    fleet = Fleet(player_names(1), server_of(collector), tenant=TENANT, interval_s=INTERVAL_S, passwords="p")
    living = spawn(fleet.run(), "fleet")
    await until(lambda: fleet.stats().connected == 1, "the player is connected")
    publishing = asyncio.Event()

    async def publish(*_: object, **__: object) -> None:
        """Lose it as `asyncio.wait_for` does before Python 3.12, when the PUBACK comes at the same moment."""
        publishing.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)

    client = fleet.players["player-0001"]._link._client
    assert client is not None
    client.publish = publish  # type: ignore[method-assign]
    await publishing.wait()
    await asyncio.wait_for(cancel(living), 100)
    assert living.cancelled()


async def test_two_fleets_never_share_a_boot_whatever_their_seed(collector: Collector) -> None:
    server = server_of(collector)
    fleets = [Fleet(player_names(3), server, seed=seed) for seed in (1, 1, 2)]
    boots = [player.clock.boot_id() for fleet in fleets for player in fleet.players.values()]
    assert len(set(boots)) == 9
    ups = [[player.clock.mono_ms() // 60_000 for player in fleet.players.values()] for fleet in fleets]
    assert ups[0] == ups[1] != ups[2]
