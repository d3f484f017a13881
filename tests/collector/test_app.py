"""A whole collector in this process: it keeps its pace on the event loop, whatever is done to the wall clock."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import msgspec
import pytest
from sqlalchemy import Connection

from collector import app as app_module
from collector.app import Collector
from collector.broker.credentials import PasswordHash, write_credentials
from collector.config import BrokerConfig, CollectorConfig, ContractsConfig, LedgerConfig, MqttConfig, WebConfig
from collector.decisions.orders import Announce, DecisionRequest, Rule
from collector.ledger.decisions_store import decide
from collector.ledger.registry_store import apply_request, read_registry
from collector.registry.backend import apply
from collector.registry.files import SourceFile
from collector.registry.model import Device, Registry, Subject
from collector.registry.plan import ApplyRequest
from collector.revisions.backend import close
from collector.revisions.look import read_source
from collector.revisions.orders import CloseRequest
from collector.views import FigureView
from common.clock import SystemClock, to_datetime
from common.config import ConfigError
from tests.fixtures.waiting import until
from wire.messages import Heartbeat, Run, encode
from wire.topics import Address, topic

PLAYER = Address("acme", "player-1")
SUBJECT = Subject("acme", "player-1", "main", "player", "", "admira")
REGISTRY = Registry(devices={"acme/player-1": Device("acme", "player-1", None, "")}, subjects={SUBJECT.key: SUBJECT})
CONTRACT = Path(__file__).parents[2] / "contracts" / "admira.toml"
HOUR = 3_600_000
DAY = 24 * HOUR


@dataclass
class SetClock(SystemClock):
    """The machine's clock, whose wall somebody may set."""

    set_by_ms: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def wall_ms(self) -> int:
        return super().wall_ms() + self.set_by_ms


@pytest.fixture
async def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Collector, SetClock]]:
    monkeypatch.setattr(app_module, "FIGURES_EVERY_S", 0.05)
    monkeypatch.setattr(app_module, "TICK_EVERY_S", 0.05)
    credentials = tmp_path / "credentials.toml"
    write_credentials(credentials, {"collector": PasswordHash.of("c")})
    clock = SetClock()
    config = CollectorConfig(
        ledger=LedgerConfig(path=str(tmp_path / "ledger.db")),
        mqtt=MqttConfig(username="collector", password="c"),
        broker=BrokerConfig(listen="127.0.0.1:0", credentials=str(credentials)),
        web=WebConfig(listen="127.0.0.1:0"),
        contracts=ContractsConfig(files=(str(CONTRACT),)),
    )
    collector = Collector(config, clock)
    await collector.start()
    await collector._registry_changed(REGISTRY)
    yield collector, clock
    await collector.stop()


def heartbeat(clock: SetClock) -> bytes:
    now, mono = clock.wall_ms(), clock.mono_ms()
    run = Run(seq=1, output="main", state="playing", start_ms=now, start_mono_ms=mono)
    stamp = {"spool": "5" * 32, "boot": "a" * 32, "sent_ms": now, "mono_ms": mono, "synced": True}
    return encode(Heartbeat(**stamp, open=[run]))  # type: ignore[arg-type]


async def test_figures_are_computed_on_the_event_loop_again_and_again(running: tuple[Collector, SetClock]) -> None:
    collector, _ = running
    threads: list[threading.Thread] = []
    collector.live.on_figure(lambda _figure: threads.append(threading.current_thread()))
    await until(lambda: len(threads) >= 3, "three figures")
    assert set(threads) == {threading.main_thread()}


async def test_a_weight_without_a_subject_is_told_by_health_and_metrics(running: tuple[Collector, SetClock]) -> None:
    collector, _ = running
    await collector.live.compute()
    assert collector.desk.health()["weights_without_subject"] == {"acme/admira": ["platform"]}
    numbers = collector.desk.metrics()
    assert numbers['signwatch_weights_without_subject{agreement="acme/admira"}'] == 1
    assert numbers['signwatch_burn_rate{agreement="acme/admira",long="1h",short="5min"}'] == 0
    assert numbers['signwatch_burn_rate_limit{agreement="acme/admira",long="3d",short="6h"}'] >= 0.9
    portal = Subject("acme", "", "portal", "platform", "Portal", "admira")
    await collector._registry_changed(replace(REGISTRY, subjects={**REGISTRY.subjects, portal.key: portal}))
    await collector.live.compute()
    assert collector.desk.health()["weights_without_subject"] == {}
    assert collector.live.figures["acme/admira"].unwatched == ()


async def test_health_and_metrics_tell_whether_the_collectors_own_clock_is_disciplined(
    running: tuple[Collector, SetClock], monkeypatch: pytest.MonkeyPatch
) -> None:
    collector, _ = running
    for synced in (True, False):
        monkeypatch.setattr(SetClock, "synced", lambda _self, told=synced: told)
        await until(lambda told=synced: collector.desk.health()["clock"] == {"synced": told}, "it is told")
        assert dict(collector.desk.metrics())["signwatch_clock_synced"] == int(synced)


@pytest.mark.parametrize("step_ms", [HOUR, -HOUR])
async def test_a_wall_clock_that_is_set_makes_nobody_silent_and_stops_nothing(
    running: tuple[Collector, SetClock], step_ms: int
) -> None:
    collector, clock = running
    collector.ingest.receive(topic(PLAYER, "heartbeat"), heartbeat(clock))
    await until(lambda: collector.live.player_view(SUBJECT).state == "playing", "the player plays")
    states: list[str] = []
    figures: list[int] = []

    def note(figure: FigureView) -> None:
        states.append(collector.live.player_view(SUBJECT).state)
        figures.append(figure.computed_ms)

    collector.live.on_figure(note)
    clock.set_by_ms = step_ms
    await until(lambda: len(figures) >= 5, "figures go on")
    assert set(states) == {"playing"}
    assert abs(figures[-1] - clock.wall_ms()) < HOUR / 2


REGISTRY_TOML = """
[[tenants]]
id = "acme"

[[devices]]
tenant = "acme"
id = "player-1"
outputs = [{ id = "main", contract = "admira" }, { id = "loose" }]
"""


async def test_windows_and_rulings_over_a_player_are_told_with_what_they_do(
    running: tuple[Collector, SetClock],
) -> None:
    collector, clock = running
    now = clock.wall_ms()

    def decide_all(connection: Connection) -> Registry:
        apply_request(connection, ApplyRequest([SourceFile("r.toml", REGISTRY_TOML)], "ana"), now - 3 * HOUR)
        soon = Announce("acme", "planned", ("player-1",), now - HOUR, now + HOUR, "firmware")
        late = Announce("acme", "planned", ("*",), now - 2 * HOUR, now - HOUR, "told too late")
        ruling = Rule("acme", "player-1/main", now - HOUR, now, None, "customer", "unplugged")
        decide(connection, DecisionRequest(soon, "ana"), now - 2 * HOUR)
        decide(connection, DecisionRequest(late, "ben"), now - 2 * HOUR)
        decide(connection, DecisionRequest(ruling, "eva"), now)
        return read_registry(connection)

    await collector._registry_changed(await collector.ledger.write(decide_all))
    marks = await collector.desk.marks("acme/player-1/main", now - DAY, now)
    assert [(mark.kind, mark.reason, mark.cause, mark.who) for mark in marks] == [
        ("window", "late", None, "ben"),
        ("ruling", None, "customer", "eva"),
        ("window", None, None, "ana"),
    ]
    loose = await collector.desk.marks("acme/player-1/loose", now - DAY, now)
    assert {mark.reason for mark in loose} == {"no_contract"}
    assert await collector.desk.marks("acme/player-1/main", now - DAY, now - 2 * HOUR) == []
    assert await collector.desk.marks("acme/nobody/main", now - DAY, now) == ()


async def test_an_operator_closes_a_month_through_the_running_collector(running: tuple[Collector, SetClock]) -> None:
    collector, clock = running
    hour_ago = replace_start(heartbeat(clock), clock, 45 * 24 * HOUR)
    collector.ingest.receive(topic(PLAYER, "heartbeat"), hour_ago)
    await until(lambda: collector.ingest.committed_total == 1, "the run is in the ledger")
    players = SourceFile("registry.toml", REGISTERED)
    await asyncio.to_thread(apply, collector.ledger.path, ApplyRequest([players], "ana"), 0)
    month = to_datetime(clock.wall_ms() - 40 * 24 * HOUR).strftime("%Y-%m")
    request = CloseRequest("admira", month, "ana", now=True, why="to see it closed")
    file = read_source("admira", str(CONTRACT))
    answer = await asyncio.to_thread(close, collector.ledger.path, file, request, 0)
    assert len(answer.seal) == 64
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{collector.web.url if collector.web else ''}/api/v1/revisions?agreement=acme/admira") as got,
    ):
        listed = (await got.json())["revisions"]
    assert answer.seal in [each["seal"] for each in listed]
    running_month = to_datetime(clock.wall_ms()).strftime("%Y-%m")
    late = CloseRequest("admira", running_month, "ana", now=True, why="too early")
    with pytest.raises(ConfigError, match="is not over"):
        await asyncio.to_thread(close, collector.ledger.path, file, late, 0)


REGISTERED = """
tenants = [{ id = "acme", name = "Acme" }]
[[devices]]
tenant = "acme"
id = "player-1"
outputs = [{ id = "main", contract = "admira" }]
"""


def replace_start(body: bytes, clock: SetClock, before_ms: int) -> bytes:
    """The heartbeat of a player that has played for so long."""
    beat = msgspec.json.decode(body, type=Heartbeat)
    run = msgspec.structs.replace(beat.open[0], start_ms=clock.wall_ms() - before_ms, start_mono_ms=1000)
    return encode(msgspec.structs.replace(beat, open=[run], mono_ms=before_ms + 1000))
