"""A portal, three real agents in three shops and a collector, over a real broker: whose failure is the portal's?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from collector.app import Collector
from collector.config import (
    CollectorConfig,
    ConnectivityConfig,
    ContractsConfig,
    LedgerConfig,
    MqttConfig,
    WebConfig,
)
from collector.ledger.registry_store import apply_request
from collector.registry.files import SourceFile
from collector.registry.model import OWN_DEVICE, Registry, Subject
from collector.registry.plan import ApplyRequest
from collector.report.gather import Question, gather
from collector.timelines import timeline
from collector.views import PlatformView
from collector.web import jsonviews
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.processes import Process, Processes
from tests.fixtures.waiting import free_port, until

pytestmark = pytest.mark.system

CONTRACT = Path(__file__).parents[2] / "contracts" / "admira.toml"
SHOPS = ("shop-1", "shop-2", "shop-3")
INTERVAL_S = 0.25


class Network:
    """What one place sees of the world: the portal, and two other things that answer. Each at a port of its own."""

    def __init__(self) -> None:
        self.status = 200
        self._ports = [free_port() for _ in range(3)]
        self._open = AsyncExitStack()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._ports[0]}/"

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(f"127.0.0.1:{port}" for port in self._ports[1:])

    async def up(self) -> None:
        app = web.Application()
        app.router.add_get("/", self._answer)
        portal = TestServer(app, port=self._ports[0])
        await portal.start_server()
        self._open.push_async_callback(portal.close)
        for port in self._ports[1:]:
            server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", port)
            self._open.callback(server.close)

    async def down(self) -> None:
        await self._open.aclose()

    async def _answer(self, _request: web.Request) -> web.Response:
        return web.Response(status=self.status)


class World:
    """Everything, and what the collector makes of it."""

    def __init__(self, folder: Path, broker: Mosquitto, processes: Processes) -> None:
        self.networks = {place: Network() for place in (*SHOPS, OWN_DEVICE)}
        self.agents: dict[str, Process] = {}
        self.registry = Registry()
        self._folder, self._broker, self._processes = folder, broker, processes
        self.collector = Collector(
            CollectorConfig(
                ledger=LedgerConfig(path=str(folder / "ledger.db")),
                mqtt=MqttConfig(host=broker.host, port=broker.port),
                web=WebConfig(listen="127.0.0.1:0"),
                contracts=ContractsConfig(files=(str(CONTRACT),)),
                connectivity=ConnectivityConfig(self.networks[OWN_DEVICE].targets, timeout_s=1),
            )
        )

    async def start(self) -> None:
        for network in self.networks.values():
            await network.up()
        request = ApplyRequest([SourceFile("registry.toml", self._registry())], "tests")
        ledger = self.collector.ledger
        applied = await ledger.write(lambda found: apply_request(found, request, self.collector.clock.wall_ms()))
        self.registry = applied.registry
        await self.collector.start()
        for shop in SHOPS:
            self.agents[shop] = self._processes.signwatch("agent", "run", "--config", self._config(shop), name=shop)

    async def stop(self) -> None:
        await self.collector.stop()
        for network in self.networks.values():
            await network.down()

    @property
    def portal(self) -> Subject:
        return self.registry.subjects["acme/portal"]

    @property
    def view(self) -> PlatformView:
        return self.collector.live.platform_view(self.portal)

    @property
    def votes(self) -> dict[str, str | None]:
        return {vote.point: vote.state for vote in (self.view.votes.votes if self.view.votes else ())}

    async def sees(self, state: str, **votes: str) -> None:
        """Wait until the portal is judged so, by these votes of the shops (`own`: the collector's)."""
        expected = {name.replace("_", "-") if name != "own" else OWN_DEVICE: vote for name, vote in votes.items()}
        await until(
            lambda: self.view.state == state and {name: self.votes.get(name) for name in expected} == expected,
            f"{state} by {expected}, not {self.votes}",
        )

    def states(self) -> list[str]:
        return [run.state for run in self.collector.live.fleet.track(self.portal).painted()]

    def _registry(self) -> str:
        devices = [f'[[devices]]\ntenant = "acme"\nid = "{shop}"\nrole = "server"\n' for shop in SHOPS]
        portal = f"""
            [[tenants]]
            id = "acme"
            [[platforms]]
            tenant = "acme"
            id = "portal"
            contract = "admira"
            check.url = "{self.networks[OWN_DEVICE].url}"
            check.timeout_s = 2
            check.interval_s = {INTERVAL_S}
            check.votes = {{points = ["*"], patience_s = 5}}
        """
        return "\n".join([*devices, portal])

    def _config(self, shop: str) -> Path:
        network = self.networks[shop]
        folder = self._folder / shop
        folder.mkdir()
        (folder / "agent.toml").write_text(
            f"""
            tenant = "acme"
            device = "{shop}"
            role = "server"
            interval_s = 1
            mqtt.host = "{self._broker.host}"
            mqtt.port = {self._broker.port}
            spool.dir = "spool"
            health.listen = ""
            connectivity.targets = ["{network.targets[0]}", "{network.targets[1]}"]
            [[checks]]
            id = "portal"
            url = "{network.url}"
            interval_s = {INTERVAL_S}
            timeout_s = 2
            """,
            encoding="utf-8",
        )
        return folder / "agent.toml"


@pytest.fixture
async def world(tmp_path: Path, mosquitto: Mosquitto, processes: Processes) -> AsyncIterator[World]:
    world = World(tmp_path, mosquitto, processes)
    await world.start()
    yield world
    await world.stop()


async def test_the_portal_is_down_when_those_say_so_who_can_tell(world: World) -> None:
    await world.sees("up", shop_1="up", shop_2="up", shop_3="up", own="up")
    begun_ms = world.collector.clock.wall_ms()

    await world.networks["shop-1"].down()  # one shop's network
    await world.sees("up", shop_1="unknown", shop_2="up", shop_3="up", own="up")
    await world.networks[OWN_DEVICE].down()  # the collector's own
    await world.sees("up", shop_1="unknown", own="unknown", shop_2="up")
    world.networks["shop-2"].status = 503  # half of those who can tell
    await world.sees("up", shop_2="down", shop_3="up")

    failed_ms = world.collector.clock.wall_ms()
    world.networks["shop-3"].status = 503  # and now all of them
    await world.sees("down", shop_2="down", shop_3="down", own="unknown", shop_1="unknown")
    assert "down: shop-2 (status 503, expected 200), shop-3" in str(world.view.detail)
    told_votes = jsonviews.platform(world.view)["votes"]
    assert isinstance(told_votes, list)
    assert [(vote["point"], vote["state"]) for vote in told_votes] == [
        ("shop-1", "unknown"),
        ("shop-2", "down"),
        ("shop-3", "down"),
        (OWN_DEVICE, "unknown"),
    ]
    await until(lambda: "down" in world.states(), "it is in the timeline too")
    for shop in ("shop-2", "shop-3"):
        world.networks[shop].status = 200
    await world.sees("up", shop_2="up", shop_3="up")
    mended_ms = world.collector.clock.wall_ms()
    for agent in world.agents.values():
        agent.stop()
    await until(lambda: world.view.state == "unknown", "nobody votes any more")

    track = world.collector.live.fleet.track(world.portal)
    live = [(run.start_ms, run.end_ms, run.state) for run in track.painted() if run.end_ms > begun_ms]
    (outage,) = [run for run in live if run[2] == "down"]
    assert failed_ms <= outage[0] < outage[1] <= mended_ms
    end_ms = live[-1][1]
    rows = await world.collector.ledger.read(
        lambda found: timeline(found, world.registry, world.portal, begun_ms, end_ms)
    )
    assert [(row.start_ms, row.end_ms, row.state) for row in rows][1:] == live[1:]

    await world.collector.live.compute()
    figure = world.collector.live.figures["acme/admira"]
    assert figure.platform_downtime_ms == outage[1] - outage[0]
    contract = world.collector.live.contracts["admira"]
    question = Question("admira", contract, "acme", figure.month, world.collector.clock.wall_ms(), [figure.month])
    (told,) = (await world.collector.ledger.read(lambda found: gather(found, question))).members
    assert [(run.start_ms, run.end_ms) for run in told.runs if run.state == "down"] == [outage[:2]]
